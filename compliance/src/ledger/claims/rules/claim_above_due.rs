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
//! a sale, or of a period: what they were raised by together, at earlier ticks too, counts against it. X12 901 is 04, or 24
//! where some of what is due for the same went to another line, or is kept for one on hold that was sent before. Beside it the claim names what took from what is due: findings
//! on sales of the period that earn nothing, and limits of the program (OP-12, OP-16, OP-17 and the like), each with its own
//! reason. A line that gets nothing because another one has it all is [DD-09](accrual_claimed.md).
//!
//! ## Why it matters
//! Partner and ledger reckon differently; who is right shows only where it is said.
//!
//! ## Example
//! 1,000.00 is due, tolerance 1 %: 1,010.00 passes and gets 1,000.00, 1,010.01 is told.
//!
//! ## Late, corrected, out of order
//! Lines that name their sale are served first, as they were sent, by file and record; then those for a special price, those for a
//! product and the others, by the days that they name and as they were sent. What was authorised at an earlier tick is not displaced, and
//! what a line on hold could have is kept for it. While that is so, or the period is open, the finding says "so far". Late sales give the line what it lacked and
//! withdraw the finding. A line that is claimed again as before withdraws it too.
//!
//! ## Returns
//! What comes back leaves less for the lines: those that are not paid get less and are told here, what was paid above it is
//! OP-24.

use contract::{Code, Micros};

use crate::ledger::claims::verdict::{Standing, Told};

/// X12 element 901: what is asked for is used already.
const USED_901: &str = "24";

/// Less than is claimed is left of what is due; `rival` names another line that has some of it, or is to have it.
pub(in crate::ledger::claims) fn of_due(
    (claimed, payable): (Micros, Micros),
    standing: &Standing,
    rival: Option<&String>,
) -> Told {
    let so_far = if standing.is_final() { "" } else { " so far" };
    let left = format!("{claimed} claimed, {payable} is left of what is due{so_far}");
    let went = if standing.is_kept { "went to or is kept for" } else { "went to" };
    match rival {
        Some(rival) => Told::because(Code::ClaimAboveDue, USED_901, format!("{left}; some {went} {rival}")),
        None => Told::new(Code::ClaimAboveDue, left),
    }
}

/// More was authorised than the line claims now.
pub(in crate::ledger::claims) fn of_authorised(ordered: Micros, is_gone: bool, claimed: Micros) -> Told {
    let now = if is_gone { "nothing".to_owned() } else { claimed.to_string() };
    Told::new(Code::ClaimAboveDue, format!("{ordered} was authorised, {now} is claimed now"))
}
