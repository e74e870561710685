//! DD-03 `correction-unmarked`.
//!
//! Evidence: the document and its line, and both records.
//!
//! At risk: what the record would have earned.
//!
//! ## What it finds
//! A record with another date, code, quantity or amount than the one that holds its line, in a file that is not marked
//! as a correction. It waits: for a correction by the partner, or for a steward, who takes it or refuses it. Lines
//! without line numbers cannot conflict: with other content they are other lines. Claim lines are looked at in the same
//! way.
//!
//! ## Why it matters
//! Read as a second sale, 10 units that were put right to 12 are paid as 22.
//!
//! ## Example
//! A1 line 1 has 2 units in July's file and 3 in the next one: the 2 count, the 3 wait.
//!
//! ## Late, corrected, out of order
//! The earliest record holds the line, whenever the other comes. A correction takes the line and withdraws the finding with
//! what waited in the file that it replaces. Where the holder is corrected away, the record that waits takes its place.
//! Taken by a steward, it counts and the one before gives way, in a frozen period as an adjustment; refused, it is a reject
//! for good.
//!
//! ## Returns
//! A return with other content waits in the same way and takes nothing back until then. What the holder took back stays.

use contract::Movement;

use crate::rows::Draft;

/// What is said of a record that says something else than the holder of its line.
pub(crate) fn message(draft: &Draft<'_>) -> String {
    format!("{} was reported before with other content", named(draft))
}

/// What is said where a steward refuses it.
pub(crate) fn refusal(reason: &str) -> String {
    let because = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    format!("a steward keeps what was reported before{because}")
}

/// The line, said for people.
pub(crate) fn named(draft: &Draft<'_>) -> String {
    let (what, number) = match draft.row.movement {
        Movement::Claim => ("claim", &draft.row.document_line),
        _ => ("document", &draft.line),
    };
    let line = if draft.row.document_line.is_empty() { String::new() } else { format!(" line {number}") };
    format!("{what} {}{line}", draft.row.document)
}
