//! OP-23 `protected-units-gone`.
//!
//! Evidence: the units claimed, those protected, and how many were gone before the cut; the claim line.
//!
//! At risk: what the line claims above what it gets.
//!
//! ## What it finds
//! A claim for price protection on units that were bought in time, but sold or given back before the price was cut. It gets
//! the share of its amount that the protected units have of its own.
//!
//! ## Why it matters
//! What is sold at the old price has lost nothing.
//!
//! ## Example
//! 25 bought, 5 sold before the cut, 25 claimed: 20 are paid.
//!
//! ## Late, corrected, out of order
//! A sale of before the cut that is told later lowers what is protected: the finding comes then, and what was authorised
//! above it is OP-24. A sale that is taken back, or a purchase that is entered late, does the contrary, and what the line
//! did not get it gets then.
//!
//! ## Returns
//! A unit that a customer brings back with a day of before the cut is protected again, and the finding falls or is
//! withdrawn. A unit that goes back to the vendor is gone.

use contract::{ClaimLine, Code, Micros, Program};

use super::Bound;
use crate::ledger::claims::verdict::{Standing, share_of};

/// Units are claimed that were bought in time, and sold or given back before the cut.
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
    if i128::from(line.quantity.0) > standing.bought {
        return None;
    }
    let gone = line.quantity - protected;
    let reason =
        format!("{} units claimed, {protected} protected: {gone} were sold or went back before the cut", line.quantity);
    Some((Code::ProtectedUnitsGone, reason))
}
