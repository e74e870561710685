//! DD-06 and DD-07 `serial-sold-twice`.
//!
//! Evidence: the serial numbers and the record of the other sale.
//!
//! At risk: the benefit of the line, under the programs that do not pay it.
//!
//! ## What it finds
//! A serial number that is sold while it is not in stock: by the partner that sold it before (DD-06), or by another
//! (DD-07). A return opens it again, whoever reports the return: one that names the serial number, or one without serial
//! numbers that is linked to the line that sold it, between the two dates. Events count by date; on one day a unit may be
//! sold, returned and sold again. Of one partner, and of partners of two tiers, the later sale is held; a return dated after it
//! does not make it good. Of partners of one tier nobody knows whose the unit was: both sales are held until the data are put
//! right, or persons give the unit to one of them, whoever was first. What a sale earned under a program that pays by itself, for a
//! period that was frozen at a tick at which no other claimed the unit, stands; then it is only told. A correction of the other
//! one is no new claim. What the partner itself, or another tier, had sold in front of the other one stays in the way: another
//! tier's is paid as in a pair of two tiers (DD-08).
//!
//! ## Why it matters
//! One unit, one benefit. Serial numbers are the one evidence that leaves no doubt.
//!
//! ## Example
//! S-77 is sold on 3 March and again on 9 March: the second is held. Returned on 5 March: both are fine. Shops X and Y both claim
//! S-77, 40 each: both are held. The month of X's sale was authorised before Y's row came: Y's is held, X's is told.
//!
//! ## Late, corrected, out of order
//! Events count by date and not by arrival. A return that comes late, dated between the two sales, makes both good. Of two
//! partners of one tier the row that comes when the other one's period was authorised is held, and the other is told. A
//! correction that takes one of the two away releases the other, in a frozen period as an adjustment.
//!
//! ## Returns
//! A return between the two sales opens the unit again, whoever reports it. One dated after the second sale does not make it
//! good, and what comes back of a unit that is held had earned nothing.

use contract::{Code, Day, PartnerKind, Text};

use super::{Check, Rule};
use crate::units::facts::SaleKey;

pub(crate) const RULE: Rule = Rule {
    name: "serial_sold_twice",
    codes: &[Code::SerialTwiceSamePartner, Code::SerialTwoPartners],
    check: Check::Serial(check),
};

/// Something that happened to a unit, in (event time, sale id) order.
pub(crate) struct Move {
    pub sale: SaleKey,
    pub partner: Text,
    /// What the partner was when the line was read.
    pub tier: Option<PartnerKind>,
    pub returned: bool,
    /// The control in force when its partner first said so.
    pub came: u64,
    /// The first day on which a return without serial numbers took some of its line back.
    pub back: Option<Day>,
}

impl Move {
    /// Whether such a return opens the unit again before a later sale.
    fn is_back_before(&self, later: &Move) -> bool {
        self.back.is_some_and(|back| back <= later.sale.0)
    }

    /// Whether two sales are by partners of one tier: then evidence decides whose the unit was, not who was first.
    pub fn contends(&self, other: &Move) -> bool {
        self.partner != other.partner && self.tier == other.tier
    }
}

/// Whether of two sales of a unit the earlier one stands in the way of the later one: nothing came back in between.
pub(crate) fn in_the_way(moves: &[Move], one: SaleKey, other: SaleKey) -> bool {
    let order = day_by_day(moves);
    let place = |sale| order.iter().position(|at| moves[*at].sale == sale && !moves[*at].returned);
    let Some((one, other)) = place(one).zip(place(other)) else { return false };
    let between = &order[one.min(other)..=one.max(other)];
    let (earlier, later) = (&moves[between[0]], &moves[between[between.len() - 1]]);
    between.iter().all(|at| !moves[*at].returned) && !earlier.is_back_before(later)
}

/// Other sales of a unit that is out.
#[derive(Clone, Default)]
pub(crate) struct Others {
    /// The one before.
    pub before: Option<usize>,
    /// Where that is by another partner of the same tier: when the first such was read of those before it that would stand in
    /// its way without the ones between.
    pub before_came: Option<u64>,
    /// Then the nearest behind those rivals that is none: the partner's own, or another tier's. It is in the way as well.
    pub behind: Option<usize>,
    /// The first one later by another partner of the same tier.
    pub after: Option<usize>,
    /// When the first was read of those that are later and by another partner of the same tier.
    pub after_came: Option<u64>,
}

/// For each move the sales that stand in its way.
pub(crate) type Life = Vec<Others>;

fn check(moves: &[Move]) -> Life {
    let mut life = vec![Others::default(); moves.len()];
    let mut out: Vec<usize> = Vec::new();
    for at in day_by_day(moves) {
        if moves[at].returned {
            out.clear();
            continue;
        }
        let sold = &moves[at];
        life[at].before = out.last().copied().filter(|nearest| !moves[*nearest].is_back_before(sold));
        let contends = |earlier: &usize| moves[*earlier].contends(sold);
        let in_the_way = || behind_a_rival(&out, moves, sold);
        life[at].before_came = in_the_way().filter(contends).map(|rival| moves[rival].came).min();
        life[at].behind = in_the_way().find(|earlier| !contends(earlier));
        let is_rival = |earlier: &Move| earlier.contends(sold) && !earlier.is_back_before(sold);
        for earlier in out.iter().copied().filter(|earlier| is_rival(&moves[*earlier])) {
            let others = &mut life[earlier];
            others.after.get_or_insert(at);
            others.after_came = Some(others.after_came.map_or(sold.came, |came| came.min(sold.came)));
        }
        out.push(at);
    }
    life
}

/// Earlier sales in the way of one whose unit was sold by a rival last, the nearest first. Behind one that came back the unit was
/// in stock, whoever had sold it before.
fn behind_a_rival<'a>(out: &'a [usize], moves: &'a [Move], sold: &'a Move) -> impl Iterator<Item = usize> + 'a {
    let in_the_way = move || out.iter().rev().copied().take_while(|earlier| !moves[*earlier].is_back_before(sold));
    let is_rival = in_the_way().next().is_some_and(|nearest| moves[nearest].contends(sold));
    in_the_way().filter(move |_| is_rival)
}

/// Positions in an order in which a unit can have lived: within a day a return waits for the sale that it can undo.
pub(crate) fn day_by_day(moves: &[Move]) -> Vec<usize> {
    let mut order = Vec::with_capacity(moves.len());
    let mut sold = false;
    let mut from = 0;
    while from < moves.len() {
        let day = moves[from].sale.0;
        let to = from + moves[from..].partition_point(|m| m.sale.0 == day);
        let mut returns: Vec<usize> = (from..to).filter(|at| moves[*at].returned).rev().collect();
        for sale in (from..to).filter(|at| !moves[*at].returned) {
            if sold && let Some(back) = returns.pop() {
                order.push(back);
            }
            order.push(sale);
            sold = true;
        }
        if !returns.is_empty() {
            sold = false;
        }
        order.extend(returns.into_iter().rev());
        from = to;
    }
    order
}
