//! OP-29 `rounding-drifts`.
//!
//! Evidence: the benefit rounded for each sale, and rounded once; the first sale of the settlement.
//!
//! At risk: the difference, whichever way.
//!
//! ## What it finds
//! A program that rounds each sale, where that differs by more than 1 %, and by ten minor units (ten cents) or more,
//! from what all sales earn when they are rounded once. What is due stays as the terms say.
//!
//! ## Why it matters
//! Half a cent on each of many small sales is a rate that nobody agreed to.
//!
//! ## Example
//! 0.0333 on each of 40 single units: 1.20 rounded one by one, 1.33 rounded once.
//!
//! ## Late, corrected, out of order
//! Both sums are taken from what stands, so order does not matter. A late sale or a correction makes the difference larger
//! or smaller; below the bound the finding is withdrawn.
//!
//! ## Returns
//! What comes back takes its own rounding with it, so that the difference falls until it is none to speak of.

use contract::{Code, Rounding};

use super::Booked;
use crate::ledger::findings::{Found, rounded};
use crate::programs::caps::CappedLine;
use crate::programs::exact::minor_unit;

/// A drift of more than a hundredth is told, and no less than ten minor units.
const DRIFT_SHARE: i128 = 100;
const DRIFT_UNITS: i128 = 10;

/// OP-29: what is rounded for each sale adds up to something else than the benefit of all.
pub(super) fn check(Booked { account, program, due, .. }: Booked<'_>) -> Option<Found> {
    let CappedLine { exact, after_transaction, .. } = due.whole;
    let drift = after_transaction - exact;
    let least = DRIFT_UNITS * minor_unit(account.settlement.currency);
    let is_large = drift.abs().0 >= least && drift.abs().0 * DRIFT_SHARE > exact.abs().0;
    if program.rounding != Rounding::Sale || !is_large {
        return None;
    }
    let message = format!(
        "rounded for each sale the benefit is {}, rounded once it is {}",
        rounded(after_transaction, account),
        rounded(exact, account),
    );
    Some(Found::new(Code::RoundingDrifts, drift.abs(), message))
}
