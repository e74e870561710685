//! `activity-unproven`, with OP-37 for activities.
//!
//! Evidence: the activity with its day, and what waits.
//!
//! At risk: what the activity asks for: the fund's share, up to what was approved.
//!
//! ## What it finds
//! An activity to be paid from a fund that names no proof yet. It waits. Sales without the proof that a program asks for are
//! [proof-missing](proof_missing.md).
//!
//! ## Why it matters
//! Money for a campaign that nobody can show was held is a gift.
//!
//! ## Example
//! A-3 is approved for 1,000 and names nothing: 300 waits. Its proof comes a day later: it is paid.
//!
//! ## Late, corrected, out of order
//! A proof that comes later withdraws the finding; the next tick decides, by day and number, from what is in the fund for
//! the day of the activity. An activity that is taken out of the table withdraws it too.
//!
//! ## Returns
//! What comes back makes the fund smaller. The activity goes on waiting, and is paid from what is there when its proof
//! comes.

use contract::{Code, Micros};

/// No proof is named for an activity.
pub(in crate::ledger) fn check(about: &str, proof: &str, asked: Micros) -> Option<(Code, String)> {
    proof.is_empty().then(|| (Code::ProofMissing, format!("{about} has no proof yet: {asked} waits")))
}
