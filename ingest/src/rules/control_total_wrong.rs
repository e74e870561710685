//! DQ-09 `control-total-wrong`.
//!
//! Evidence: which total, what the file says and what its rows come to.
//!
//! At risk: not said: it is about a file, whose rows may all be right.
//!
//! ## What it finds
//! A count or a sum that a file states of itself and that its records do not come to. The feed definition says what follows:
//! the file is parked and none of its rows counts, or it is told alone, or nothing (`control_totals`).
//!
//! ## Why it matters
//! A file that was cut on its way looks like a smaller one.
//!
//! ## Example
//! The trailer says 120 lines, 118 came: parked until it comes whole.
//!
//! ## Late, corrected, out of order
//! The file is looked at by itself. Sent whole it is a new file and counts; a parked one is tried again when the
//! configuration has changed, as by a feed definition that looks at other totals. What comes in so late is an adjustment in
//! a frozen period.
//!
//! ## Returns
//! Lines below zero are in the sums as they are written. Of a parked file nothing is taken back.

use contract::{Code, FieldProblem};

use super::row_refused::problem;

/// What is said of a total that does not agree.
pub(crate) fn check(field: &str, value: &str, message: String) -> FieldProblem {
    problem(Code::ControlTotalWrong, field, value, message)
}
