//! DQ-14 `correction-empty`.
//!
//! Evidence: that there is no record, or how many there are of which none can be read.
//!
//! At risk: not said: what it would take back is what it replaces.
//!
//! ## What it finds
//! A file that is marked as a correction and has no record that can be read. It is parked, unless the feed definition says
//! that it is told alone, or nothing (`empty_corrections`).
//!
//! ## Why it matters
//! A correction takes back what it replaces. An empty one would take back a whole report.
//!
//! ## Example
//! july_CORR.csv has a header and nothing else: the sales of July stay as they are.
//!
//! ## Late, corrected, out of order
//! Sent whole, the correction is a new file and replaces what it must. Where nothing was sold, the feed definition says so,
//! and the parked file is tried again with that. Until then what was reported stands, whatever comes in before or after.
//!
//! ## Returns
//! What came back in the file that would have been replaced stays taken back.

use contract::{Code, FieldProblem};

use super::row_refused::problem;

/// What is said of a correction none of whose records can be read.
pub(crate) fn check(records: u32) -> FieldProblem {
    let why = match records {
        0 => "correction has no record".to_owned(),
        _ => format!("correction has {records} records and none can be read"),
    };
    let message = format!(
        "{why}: it would take back all that was reported; send it whole, or set `empty_corrections: finding` in the feed \
         definition where nothing was sold"
    );
    problem(Code::CorrectionEmpty, "file", "", message)
}
