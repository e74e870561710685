//! DD-06 and DD-07 `serial-sold-twice`.
//!
//! ## What it finds
//! A serial number that is sold while it is not in stock: by the partner that sold it before (DD-06), or by another
//! (DD-07). A return opens it again, whoever reports the return: one that names the serial number, or one without serial
//! numbers that is linked to the line that sold it, between the two dates. Events count by date; on one day a unit may be
//! sold, returned and sold again. The finding sits on the later sale; a return dated after it does not make it good.
//!
//! ## Why it matters
//! One unit, one benefit. Serial numbers are the one evidence that leaves no doubt.
//!
//! ## Example
//! S-77 is sold on 3 March and again on 9 March: the second is held. Returned on 5 March: both are fine.

use contract::{Code, Text};

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
    pub returned: bool,
}

/// For each move the sale that stood in its way.
pub(crate) type Life = Vec<Option<usize>>;

fn check(moves: &[Move]) -> Life {
    let mut life = vec![None; moves.len()];
    let mut out: Option<usize> = None;
    for at in day_by_day(moves) {
        if moves[at].returned {
            out = None;
            continue;
        }
        life[at] = out;
        out = Some(at);
    }
    life
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
