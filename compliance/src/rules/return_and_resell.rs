//! DD-16 `return-and-resell`.
//!
//! Evidence: the serial numbers and the record of the second sale.
//!
//! At risk: the benefit of the first sale.
//!
//! ## What it finds
//! A sale whose unit (by serial number) came back through another partner and was sold again: the return takes nothing
//! from the partner that sold first. A return through the seller itself takes the first benefit back and is no finding;
//! a second sale without any return is DD-06 or DD-07.
//!
//! ## Why it matters
//! The unit is sold once for good, and the second sale earns. The first benefit must go.
//!
//! ## Example
//! Shop A sells S-77, shop B takes it back and sells it: A loses its benefit, B keeps the one of its sale.
//!
//! ## Late, corrected, out of order
//! The life of the serial number goes by dates: resale and return may come in either order. Until the return is there the
//! second sale is DD-06 or DD-07. Where the resale is corrected away the first benefit is given again, in a frozen period as
//! an adjustment.
//!
//! ## Returns
//! A return through another partner is part of the finding and takes nothing from that partner. One through the seller
//! itself takes back the first benefit and is no finding; one that is not followed by a sale is none either.

use contract::Code;

use super::{Check, Rule, serial_sold_twice::Move, serial_sold_twice::day_by_day};

pub(crate) const RULE: Rule =
    Rule { name: "return_and_resell", codes: &[Code::ReturnAndResell], check: Check::Undone(check) };

/// Pairs of (first sale, second sale).
fn check(moves: &[Move]) -> Vec<(usize, usize)> {
    let mut undone = Vec::new();
    let mut sold: Option<usize> = None;
    let mut back_elsewhere: Option<usize> = None;
    for at in day_by_day(moves) {
        if !moves[at].returned {
            undone.extend(back_elsewhere.take().map(|first| (first, at)));
            sold = Some(at);
            continue;
        }
        back_elsewhere = sold.take().filter(|first| moves[*first].partner != moves[at].partner);
    }
    undone
}
