//! OP-15 `baseline-missing`.
//!
//! Evidence: whose baseline, in which currency, or whose score is missing; the first sale of the settlement.
//!
//! At risk: nothing: without the figure nobody knows what would be due.
//!
//! ## What it finds
//! Sales under a program for growth whose partner has no baseline in the currency, or under one that pays by a score whose
//! partner has none for the period. Nothing is due.
//!
//! ## Why it matters
//! Growth over a guessed year pays what nobody agreed to. It is told, not guessed.
//!
//! ## Example
//! The program has the baseline of P001 alone; P002 sells for 40,000: told, and nothing is due.
//!
//! ## Late, corrected, out of order
//! A figure that comes while the period is open makes the benefit due and withdraws the finding; another one trues up what was
//! accrued. A frozen period keeps what it froze with: a baseline or score that comes then waits for somebody to answer for it
//! (OP-47). Late sales of the base period never move a baseline: it is put right in the program.
//!
//! ## Returns
//! They do not matter here: nothing is due that could be taken back. The finding goes with the last line of the settlement.

use contract::{Code, Mechanism};

use super::Booked;
use crate::ledger::findings::Found;
use crate::programs::Exact;

/// OP-15: growth has nothing to be measured against, or there is no score that the rate goes by.
pub(super) fn check(Booked { account, program, .. }: Booked<'_>) -> Option<Found> {
    if account.tally().lines == 0 {
        return None;
    }
    let message = match &program.mechanism {
        Mechanism::Growth(_) => {
            format!("no baseline of {} in {}: no growth is due", account.partner, account.settlement.currency)
        }
        Mechanism::Score(_) => format!("no score of {}: nothing is due", account.partner),
        _ => return None,
    };
    Some(Found::new(Code::BaselineMissing, Exact::ZERO, message))
}
