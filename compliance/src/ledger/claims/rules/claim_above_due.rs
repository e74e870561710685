//! OP-44 `claim-above-due`.
//!
//! Evidence: what is claimed and what is left of what is due, so far or for good; or what was authorised and what is claimed
//! now; the claim line and the sale that it names.
//!
//! At risk: what the line claims above what it gets, or what was authorised above what it claims.
//!
//! ## What it finds
//! A claim line that asks for more than is left of what is due, beyond the program's tolerance; another line may have
//! it, or the sales never earned it. It gets what is left. And a line that was authorised and that its sender lowers or
//! takes back afterwards: what was authorised stays with it. Under `below: calculated` lines that ask for less than is
//! due, by no more than the tolerance, are paid what is due and nothing is told. The tolerance is one for all lines of
//! a sale, or of a period: what they were raised by together, at earlier ticks too, counts against it.
//!
//! ## Why it matters
//! Partner and ledger reckon differently; who is right shows only where it is said.
//!
//! ## Example
//! 1,000.00 is due, tolerance 1 %: 1,010.00 passes and gets 1,000.00, 1,010.01 is told.
//!
//! ## Late, corrected, out of order
//! Lines that name their sale are served first, then the others; by the days that they name, then by their ids, never by
//! arrival. What was authorised at an earlier tick is not displaced. While the period is open the finding says "so far". Late sales give the line what it lacked and
//! withdraw the finding. A line that is claimed again as before withdraws it too.
//!
//! ## Returns
//! What comes back leaves less for the lines: those that are not paid get less and are told here, what was paid above it is
//! OP-24.

use contract::{Code, Micros};

/// Less than is claimed is left of what is due.
pub(in crate::ledger::claims) fn of_due(claimed: Micros, payable: Micros, is_frozen: bool) -> (Code, String) {
    let so_far = if is_frozen { "" } else { " so far" };
    (Code::ClaimAboveDue, format!("{claimed} claimed, {payable} is left of what is due{so_far}"))
}

/// More was authorised than the line claims now.
pub(in crate::ledger::claims) fn of_authorised(ordered: Micros, is_gone: bool, claimed: Micros) -> (Code, String) {
    let now = if is_gone { "nothing".to_owned() } else { claimed.to_string() };
    (Code::ClaimAboveDue, format!("{ordered} was authorised, {now} is claimed now"))
}
