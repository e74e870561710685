//! OP-35 `too-little-to-pay`.
//!
//! Evidence: what is due and waits, the least that is paid, and whether the period is closed; where it is carried over, what has
//! gathered with other periods, and whether the program is over; the first sale of the settlement. For a claim: what is claimed.
//!
//! At risk: what waits; of a claim nothing.
//!
//! ## What it finds
//! Something due in a frozen period and not authorised, that is less than the program's minimum payout, under a program
//! that pays by itself. It waits, and is let go at the close, unless something holds it that nobody has decided about. Under
//! `below: carry` what counts is what has gathered over the beneficiary's periods, by the minimum of the newest version of which something
//! has, and the close lets nothing of it go. Claim lines that come to less together wait in the first way.
//!
//! ## Why it matters
//! A payment costs more than a few cents are worth, and partners ask where they stay.
//!
//! ## Example
//! Minimum 50.00, 20.00 due: it waits. Late sales of 30.00 lift it to the minimum: 50.00 is authorised. Under `below: carry` so do
//! 30.00 of the next period: 20.00 and 30.00 are authorised with one tick.
//!
//! ## Late, corrected, out of order
//! Each tick looks at what waits then: a late or corrected sale may lift it to the minimum, after the close too. What comes
//! after a payment is held to the minimum again, by itself. What is carried over is told anew of each period whenever it comes to
//! more or less.
//!
//! ## Returns
//! What comes back lowers what waits; where nothing is left, the finding is withdrawn. What was paid is not touched by the
//! minimum. What came back of what was authorised for other periods is taken off what has gathered, once.

use contract::Code;

use super::Booked;
use crate::ledger::account::Phase;
use crate::ledger::findings::{Found, amount};
use crate::ledger::gathering::Gathered;
use crate::ledger::periods::below_minimum;
use crate::programs::Exact;

/// OP-35: what is due is not worth a payment yet.
pub(super) fn check(Booked { account, program, .. }: Booked<'_>) -> Option<Found> {
    let waits = below_minimum(account, program)?;
    let at_risk = Exact::from(waits);
    let waits = amount(waits, account);
    let minimum = amount(account.gathered.map_or(program.minimum_payout, |gathered| Some(gathered.minimum))?, account);
    let message = match (account.gathered, account.phase) {
        (Some(Gathered { all, is_let_go, .. }), _) => {
            let becomes = if is_let_go { "the program is over" } else { "waits" };
            format!("{waits} is due and {becomes}: {} has gathered, {minimum} and more is paid", amount(all, account))
        }
        (None, Phase::Closed { .. }) => {
            format!("{waits} is due and the period is closed: {minimum} and more is paid")
        }
        _ => format!("{waits} is due and waits: {minimum} and more is paid"),
    };
    Some(Found::new(Code::BelowMinimumPayout, at_risk, message))
}
