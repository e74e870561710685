//! DD-16 `return-and-resell`.
//!
//! Evidence: the serial numbers and the record of the second sale.
//!
//! At risk: the benefit of the first sale.
//!
//! ## What it finds
//! A sale whose unit (by serial number) came back through another partner and was sold again: the return takes nothing
//! from any partner, and the first sale earns nothing. Of several sales of the unit in front of the return (DD-06 to DD-08)
//! these are those of the last one's tier and of the tier that sold it again, but for one that came back through its own
//! seller and those before it. One of another tier keeps what programs with its `pay_tier` give; what names no tier is for
//! the second sale. Where the second sale is the other line of a pair of two tiers (DD-08), the pair says who earns. A return through the seller itself takes the first benefit back and is no finding; a second sale
//! without any return is DD-06 or DD-07.
//!
//! ## Why it matters
//! The unit is sold once for good, and the second sale earns. The first benefit must go.
//!
//! ## Example
//! Shop A sells S-77, shop B takes it back and sells it: A loses its benefit, B keeps the one of its sale. The distributor
//! that had sold S-77 to A keeps what is for distributors only.
//!
//! ## Late, corrected, out of order
//! The life of the serial number goes by dates: resale and return may come in either order. Until the return is there the
//! second sale is DD-06 or DD-07. Where the resale is corrected away the first benefit is given again, in a frozen period
//! as an adjustment.
//!
//! ## Returns
//! A return through another partner is part of the finding and takes nothing from that partner, unless it names a
//! document of its own. One through the seller itself takes back the first benefit and is no finding; what others report
//! of the same return takes nothing then. One that is not followed by a sale is no finding either: it counts by itself,
//! and where several report it the first one does.

use contract::Code;

use super::{Check, Rule, serial_sold_twice::Move, serial_sold_twice::day_by_day};

pub(crate) const RULE: Rule =
    Rule { name: "return_and_resell", codes: &[Code::ReturnAndResell], check: Check::Undone(check) };

/// What came back through another partner.
#[derive(Default)]
pub(crate) struct Undone {
    /// Pairs of (first sale, second sale).
    pub sales: Vec<(usize, usize)>,
    /// Sales of another tier than these two, each with the one that ended behind it, and the second sale.
    pub other_tiers: Vec<(usize, usize, usize)>,
    /// Returns that take nothing back for the unit.
    pub returns: Vec<usize>,
}

fn check(moves: &[Move]) -> Undone {
    let mut undone = Undone::default();
    let (mut out, mut back): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
    for at in day_by_day(moves) {
        if moves[at].returned {
            back.push(at);
            continue;
        }
        if !back.is_empty() {
            undone.note(moves, &out, &back, Some(at));
            (out, back) = (Vec::new(), Vec::new());
        }
        out.push(at);
    }
    undone.note(moves, &out, &back, None);
    undone
}

impl Undone {
    /// Sales of a unit, the returns behind them, and the sale behind these. Of the sales those of the last one's tier and of the
    /// tier of the sale behind ended there, up to one that came back through its own seller.
    fn note(&mut self, moves: &[Move], out: &[usize], back: &[usize], again: Option<usize>) {
        let (Some(last), false) = (out.last().copied(), back.is_empty()) else { return };
        let is_same = |one: usize, other: usize| moves[one].partner == moves[other].partner;
        let is_taken_back = |sold: usize| back.iter().any(|at| is_same(*at, sold));
        let latest = || out.iter().rev().copied().take_while(|sold| !is_taken_back(*sold));
        if let Some(again) = again {
            let is_over = |sold: &usize| [last, again].iter().any(|other| moves[*sold].tier == moves[*other].tier);
            let (over, others): (Vec<usize>, Vec<usize>) = latest().partition(is_over);
            self.sales.extend(over.into_iter().map(|first| (first, again)));
            self.other_tiers.extend(others.into_iter().map(|sold| (sold, last, again)));
        }
        let is_own = |at: usize| out.iter().any(|sold| is_same(*sold, at));
        // Where nothing else takes the unit back, the first return does.
        let alone = again.is_none() && !back.iter().any(|at| is_own(*at));
        let others = back.iter().filter(|at| !is_own(**at));
        self.returns.extend(others.skip(usize::from(alone)));
    }
}
