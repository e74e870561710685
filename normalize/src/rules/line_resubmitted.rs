//! DD-02 `line-resubmitted`.
//!
//! Evidence: the document and its line, and both records.
//!
//! At risk: what the record would have earned.
//!
//! ## What it finds
//! A record that says the same as the one that holds its line: (partner, document, line), or without line numbers what
//! the line says and its occurrence in the file. The same means the same date, product code, quantity and amount.
//! Customer, price, person, currency and serial numbers are not compared: to change them send a correction. The record
//! counts as a duplicate and earns nothing. Claim lines are looked at in the same way.
//!
//! ## Why it matters
//! Reports from the first of the month on, sent each day, hold each sale thirty times.
//!
//! ## Example
//! Line 1 of A1 stands in July's file and again in August's: counted once.
//!
//! ## Late, corrected, out of order
//! The earliest record holds the line, also where its period is closed. A correction goes before what is no correction. When
//! the holder is corrected away, the next record takes its place, counts, and the finding on it is withdrawn. Records of a
//! file that is replaced are neither; the finding goes with them.
//!
//! ## Returns
//! A return that is reported again takes back once.

use crate::rows::Draft;
use crate::rules::correction_unmarked;

/// What is said of a record that says what the holder of its line says.
pub(crate) fn message(draft: &Draft<'_>) -> String {
    format!("{} was reported before", correction_unmarked::named(draft))
}
