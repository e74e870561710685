//! `claim-late`, with OP-07 for claims.
//!
//! Evidence: the last day on which the line might have come in; the claim line and the sale that it names.
//!
//! At risk: what the line claims.
//!
//! ## What it finds
//! A claim line that came in after its window: the days of the program's terms after the end of its period, or of the next
//! one where the terms roll. It is rejected. The time is that of the last tick before the line came. Sales that are reported
//! late are [reported-late](reported_late.md). A line that names a sale goes by the terms of the program's version that the
//! sale is under; of one that names none the window is the longest of all versions in the period.
//!
//! ## Why it matters
//! Books cannot wait for claims for ever, and the terms say how long they do.
//!
//! ## Example
//! 45 days after January: a claim of 17 March is in time, one that comes after the tick of 18 March is rejected.
//!
//! ## Late, corrected, out of order
//! Its window is the claim's own, however late its sales come. A line that is sent again is as old as what it restates,
//! unless it asks for more. Before the first tick nobody knows the day, and the line is in time. A person may override
//! the rejection, of more than the program's `override-limit` two persons; then the finding is withdrawn.
//!
//! ## Returns
//! They do not matter: a rejected line gets nothing that could be taken back. One that was let in is lowered like any other.

use contract::{ClaimEvent, ClaimLine, ClaimTerms, Code, Day, LateClaim, Micros, Program};

use crate::ledger::claims::verdict::{Standing, Told, Verdict, outcome};
use crate::ledger::claims::{Note, Word};

/// The line came after its window; an override lets it in.
pub(in crate::ledger::claims) fn judge(
    line: &ClaimLine,
    note: &Note,
    programs: &[&Program],
    standing: &Standing,
) -> Option<Verdict> {
    let received = standing.received?;
    let days = programs.iter().filter_map(|program| Some(last_day(line.date, program, program.paid.claims()?)));
    let last = days.max()?;
    if received <= last || matches!(note.word, Some(Word::Overridden | Word::Settled(_))) {
        return None;
    }
    let reason = format!("came in after {last}, the last day for claims on the period");
    Some(Verdict { told: vec![Told::new(Code::ReportedLate, reason)], ..outcome(ClaimEvent::Blocked, Micros::ZERO) })
}

/// The last day on which a claim for the period of a day may come in.
pub(crate) fn last_day(date: Day, program: &Program, terms: &ClaimTerms) -> Day {
    /// A window is bounded to a century, so that a day stays a day.
    const DAYS_MAX: u32 = 36_525;
    let period = program.period.range(date).1;
    let period = match terms.late {
        LateClaim::Roll if period < Day::last() => program.period.range(period.plus(1)).1,
        LateClaim::Roll | LateClaim::Reject => period,
    };
    period.plus(i32::try_from(terms.days.min(DAYS_MAX)).expect("a bounded count fits"))
}
