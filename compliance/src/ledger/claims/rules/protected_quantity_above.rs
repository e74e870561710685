//! OP-22 `protected-quantity-above`.
//!
//! Evidence: the units claimed, those protected, and those bought within the look-back; the claim line.
//!
//! At risk: what the line claims above what it gets.
//!
//! ## What it finds
//! A claim for price protection on more units than the partner bought within the days before the cut that the program looks
//! back. It gets the share of its amount that the protected units have of its own.
//!
//! ## Why it matters
//! What was never bought, or long before, has lost no value that the program answers for.
//!
//! ## Example
//! 25 bought and 5 of them sold before the cut; 30 are claimed: 20 are paid.
//!
//! ## Late, corrected, out of order
//! Purchases, sales and cuts are looked at as they stand at the tick, in whatever order they came. A purchase that is
//! entered late may lift the bound, or turn the finding into OP-23. A line that its sender corrects is judged anew.
//!
//! ## Returns
//! What customers bring back before the cut is on hand again and is protected. What goes back to the vendor is a purchase
//! below zero and is not.

use contract::{ClaimLine, Code, Micros, Program};

use super::Bound;
use crate::ledger::claims::verdict::{Standing, share_of};
use crate::ledger::findings::shown;

/// More units are claimed than were bought in time at all.
pub(super) fn check(line: &ClaimLine, asked: Micros, program: &Program, standing: &Standing) -> Option<Bound> {
    let protected = standing.units();
    if line.quantity <= protected || !program.mechanism.protects_stock() {
        return None;
    }
    let (code, reason) = of(line, protected, standing)?;
    Some(Bound { code, reason_901: code.reason_901(), most: share_of(asked, protected, line), reason })
}

/// The same where so many are protected.
pub(super) fn of(line: &ClaimLine, protected: Micros, standing: &Standing) -> Option<(Code, String)> {
    if i128::from(line.quantity.0) <= standing.bought {
        return None;
    }
    let bought = shown(standing.bought);
    let reason =
        format!("{} units claimed, {protected} protected: {bought} were bought within the look-back", line.quantity);
    Some((Code::ProtectedQuantityAbove, reason))
}
