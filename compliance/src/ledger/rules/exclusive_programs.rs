//! DD-11 `exclusive-programs`.
//!
//! Evidence: how many sales, units and which amount went to the other program, and the group; the first of these sales.
//!
//! At risk: what this program would have paid for them, within its own caps.
//!
//! ## What it finds
//! Sales that a program selects and another program of its exclusivity group was given: the first by priority that is in
//! force, or the best deal, as the group says, whether that pays for all of them or, behind its caps, its budget or the balance
//! of a special price, for some. One finding for each settlement of the program that was passed over. It pays nothing for
//! them. A sale at a special price that gives nothing for its resale price (OP-18) is left to the next of the group.
//!
//! ## Why it matters
//! Two programs that exclude each other would both pay for the same unit.
//!
//! ## Example
//! Two per cent and 1.00 for a unit are one group, the second goes first: 10 units for 300.00 earn 10.00, and the finding
//! under the first says 6.00.
//!
//! ## Late, corrected, out of order
//! Which program pays is decided for each sale by the terms that were known when its row was read, never by which came
//! first. A late or corrected sale goes into both settlements, or leaves both, and the finding says the new sums; it goes
//! with the last of its sales. A first program whose cap or budget is used up passes nothing on.
//!
//! ## Returns
//! What comes back is taken from the program that paid, and counts less under the one that did not. Once all is back the
//! finding stands with nothing at risk.

use contract::Code;

use super::Booked;
use crate::ledger::findings::{Found, money, sales, shown};

/// Another program of the group was given these sales.
pub(super) fn check(Booked { account, program, due, .. }: Booked<'_>, winner: &str) -> Option<Found> {
    let tally = account.tally();
    if tally.lines == 0 || program.mechanism.sell_in().is_some() {
        return None;
    }
    let message = format!(
        "{}, {} units for {}: taken by {winner} of the same group {}",
        sales(tally.lines),
        shown(tally.net.quantity),
        money(tally.net.amount, account),
        program.ledger_key(),
    );
    Some(Found::new(Code::ExclusivePrograms, due.wanted(account, program), message))
}
