//! OP-02 `claim-extension-wrong`.
//!
//! Evidence: units, what is claimed for one, their product, and the total of the line; the claim line and the sale that it
//! names.
//!
//! At risk: what the line claims above what it gets.
//!
//! ## What it finds
//! A claim line whose total is above its units times what it claims for one, rounded to the minor unit. It gets the product
//! at most.
//!
//! ## Why it matters
//! The line does not agree with itself; the smaller amount is the one that it proves.
//!
//! ## Example
//! 400 units at 2.60 are 1,040.00, the line says 1,140.00: 1,040.00.
//!
//! ## Late, corrected, out of order
//! The line alone is looked at, so nothing else can come late. A line that its sender corrects withdraws the finding. An
//! amount that was claimed anew in place of the line's own is not held against it.
//!
//! ## Returns
//! They do not touch the line's own sum. What comes back is OP-03 before, and OP-24 after it was authorised.

use contract::{ClaimLine, Code, Micros, Program};

use super::Bound;
use crate::ledger::claims::verdict::{Standing, round};

/// Units times what is claimed for one are less than the total.
pub(super) fn check(line: &ClaimLine, asked: Micros, _: &Program, _: &Standing) -> Option<Bound> {
    if line.quantity.is_zero() || line.unit.is_zero() || asked != line.amount {
        return None;
    }
    let product = round(line.quantity.times(line.unit), line.currency);
    let reason = format!("{} units at {} are {product}, not {}", line.quantity, line.unit, line.amount);
    let code = Code::ClaimExtensionWrong;
    Some(Bound { code, reason_901: code.reason_901(), most: product, reason })
}
