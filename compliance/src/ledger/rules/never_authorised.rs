//! UP-01 `never-authorised`.
//!
//! Evidence: what is due and was not authorised by the close; the first sale of the settlement.
//!
//! At risk: what the partner did not get.
//!
//! ## What it finds
//! Something that is due under a program which does not pay by itself, and that was not authorised when the period
//! closed: it was never claimed, or it was claimed and not allowed. It is let go, unless the beneficiary is on a list
//! of restricted parties, a deduction stands against it, or terms or a score wait for approval. Small sums are told
//! here too: OP-35 is for programs that pay by themselves, and for claim lines.
//!
//! ## Why it matters
//! A partner that finds out by itself stops trusting the ledger.
//!
//! ## Example
//! 6.00 is due for a quarter, nobody claims it, the quarter closes: told.
//!
//! ## Late, corrected, out of order
//! A sale that comes after the close adds to it. What a claim is still given after the close goes from it. The order of
//! sales does not matter.
//!
//! ## Returns
//! What comes back lowers what is told; where nothing is left of it, the finding is withdrawn.

use contract::{Code, Micros};

use super::Booked;
use crate::ledger::account::Phase;
use crate::ledger::findings::{Found, amount};
use crate::programs::Exact;

/// UP-01: it was never claimed, or not allowed, until the period closed.
pub(super) fn check(Booked { account, program, .. }: Booked<'_>) -> Option<Found> {
    let left = account.accrued - account.authorised;
    let closed = matches!(account.phase, Phase::Closed { .. });
    if !closed || program.auto_authorise || left <= Micros::ZERO {
        return None;
    }
    let message = format!("{} is due and was not authorised by the close", amount(left, account));
    Some(Found::new(Code::NeverAuthorised, Exact::from(left), message))
}
