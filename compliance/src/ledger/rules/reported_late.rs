//! OP-07 `reported-late`.
//!
//! Evidence: what was lost, and of what; the first sale of the settlement. For a claim: the last day on which it might have
//! come in.
//!
//! At risk: what was lost; of a claim what is claimed.
//!
//! ## What it finds
//! Sales that were reported after the days within which the program pays in full: each started, or completed, month takes
//! its share, until nothing is paid. The day of a report is that of the last tick before its row came in. A claim that comes
//! in after its window has the same code, and a file of its own ([claim-late](claim_late.md)).
//!
//! ## Why it matters
//! Late reports cost the supplier its view of the market; the terms say what they cost the partner.
//!
//! ## Example
//! 500 for a sale, 30 days free, then 10 % for each month begun; reported 75 days after the sale: 400 is paid.
//!
//! ## Late, corrected, out of order
//! Lateness is what the rule is about. Sales are judged one by one, so their order does not matter. Before the first tick
//! nobody knows the day of a report, and nothing is lost. A correction is a new row: the day on which it came in counts. A
//! sale that is taken back takes its loss with it.
//!
//! ## Returns
//! A return takes back what its sale earned, however late it is itself, and the finding falls by what the sale had lost. A
//! return of no known sale takes back the full benefit.

use contract::Code;

use super::Booked;
use crate::ledger::findings::{Found, rounded};
use crate::programs::{Exact, late};

/// OP-07: what was lost because sales were reported late.
pub(super) fn check(Booked { account, program, due, .. }: Booked<'_>) -> Option<Found> {
    let lost = due.whole.after_quantity - due.whole.after_late;
    if late(&program.mechanism).is_none() || lost == Exact::ZERO {
        return None;
    }
    let message =
        format!("sales were reported late: {} of {} lost", rounded(lost, account), rounded(due.whole.raw, account));
    Some(Found::new(Code::ReportedLate, lost, message))
}
