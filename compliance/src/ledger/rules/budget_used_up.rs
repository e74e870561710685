//! OP-17 `budget-used-up`.
//!
//! Evidence: what would be due, the budget that holds, by the newest terms of those that share it, and what it leaves unpaid; the first
//! sale of the settlement.
//!
//! At risk: what is left unpaid.
//!
//! ## What it finds
//! A settlement for which the program's budget leaves less than it would be due: sales that come first, over all beneficiaries of the
//! version, have used it up; of all versions where the budget is one of the program. First is who sold on an earlier day. On the
//! day on which the budget ends it goes by sale id, or under `ties: pro-rata` all that earned on it share what is left, each in
//! proportion to that.
//!
//! ## Why it matters
//! A budget is spent once. What is promised above it is nobody's money.
//!
//! ## Example
//! Budget 1,000; 600, 500 and 400 sold in this order: 600 and 400 of the 500 are due, the rest is told. All on one day and under
//! `ties: pro-rata`: 400.00, 333.33 and 266.67 are due, and 200.00, 166.67 and 133.33 are told.
//!
//! ## Late, corrected, out of order
//! Whoever sold first is paid first, whoever reports first: a late earlier sale takes from later ones that are open, and one of the
//! day that is shared from all others of that day. What was authorised at an earlier tick stands against it, and the late sale gets
//! what is left. What a sale that is taken back leaves is shared at the next control.
//!
//! ## Returns
//! In open periods what comes back frees its part for the next in order, and their finding falls or is withdrawn. What the
//! budget cut off of a period that has frozen stays lost, and what was authorised keeps it used up. Under `headroom: given-back` what comes back, and
//! what a close lets go, is free for open periods and for frozen ones that are not closed; what the budget took of a period when it closed is lost.
//! What is lost is told from then on, as far as it is still earned.

use contract::Code;

use super::Booked;
use crate::ledger::findings::{Found, rounded};
use crate::programs::Exact;

/// OP-17: the program's budget is used up by sales that come first.
pub(super) fn check(Booked { account, program, due, .. }: Booked<'_>) -> Option<Found> {
    let unpaid = due.taken(account, program).budget;
    if unpaid <= Exact::ZERO {
        return None;
    }
    let message = format!(
        "of {} the program's budget of {} leaves {} unpaid",
        rounded(due.limited(account, program) + unpaid, account),
        account.budget.unwrap_or_default(),
        rounded(unpaid, account),
    );
    Some(Found::new(Code::BudgetOverrun, unpaid, message))
}
