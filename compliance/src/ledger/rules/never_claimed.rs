//! UP-01 `never-claimed`.
//!
//! Evidence: what was due and not authorised at the close; the first sale of the settlement.
//!
//! At risk: what the partner did not get.
//!
//! ## What it finds
//! Something that was due under a program which does not authorise by itself, and that nobody had claimed when the period
//! closed. It is released. What is too little to be paid is OP-35.
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
//! What comes back lowers what was let go; where nothing is left of it, the finding is withdrawn.

use contract::{Code, Micros};

use super::Booked;
use crate::ledger::account::Phase;
use crate::ledger::findings::{Found, amount};
use crate::programs::Exact;

/// UP-01: nobody claimed it until the period closed, and it was released. What is too little to be paid is OP-35.
pub(super) fn check(Booked { account, program, .. }: Booked<'_>) -> Option<Found> {
    let left = account.accrued - account.authorised;
    let closed = matches!(account.phase, Phase::Closed { .. });
    if !closed || program.auto_authorise || left <= Micros::ZERO {
        return None;
    }
    let message = format!("{} was due and nobody claimed it until the close", amount(left, account));
    Some(Found { code: Code::NeverAuthorised, at_risk: Exact::from(left), message })
}
