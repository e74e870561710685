//! OP-12 `threshold-not-met`.
//!
//! Evidence: what was reached of which threshold; the first sale of the settlement.
//!
//! At risk: what would be due without the threshold.
//!
//! ## What it finds
//! A settlement with sales whose measure, net of returns, is below the program's threshold: nothing is due for it.
//!
//! ## Why it matters
//! Below the threshold the supplier owes nothing; what is near it is worth a look before the period ends.
//!
//! ## Example
//! 4 % from 50,000 on, 49,999.99 sold: nothing is due, 2,000.00 would be.
//!
//! ## Late, corrected, out of order
//! Only the sum counts. A late or corrected sale that lifts it to the threshold makes all of the benefit due and withdraws
//! the finding: in place while the period is open, as an adjustment of the prior period after the freeze. One that is taken
//! back may do the contrary.
//!
//! ## Returns
//! A return counts against the measure. Where it falls below the threshold, nothing is due any more, and what was authorised
//! is OP-24.

use contract::Code;

use super::Booked;
use crate::ledger::findings::{Found, shown};
use crate::programs::measured;

/// OP-12: nothing is due until the threshold is reached.
pub(super) fn check(Booked { account, program, due, .. }: Booked<'_>) -> Option<Found> {
    let threshold = program.threshold.filter(|_| !due.threshold_met && account.tally().lines > 0)?;
    let reached = measured(program, account.tally().net);
    let message = format!("{} of {threshold} reached: nothing is due below the threshold", shown(reached));
    Some(Found::new(Code::ThresholdNotMet, due.whole.after_transaction, message))
}
