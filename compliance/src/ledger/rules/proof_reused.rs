//! DD-24 `proof-reused`.
//!
//! Evidence: both activities with partner and program, and the proof that they name.
//!
//! At risk: what the activity asks for: the fund's share, up to what was approved.
//!
//! ## What it finds
//! An activity paid from a fund whose proof, but for case and punctuation, another activity names too, of whatever partner
//! and program. It waits.
//!
//! ## Why it matters
//! One bill pays for one activity. Claimed from two funds it is paid twice.
//!
//! ## Example
//! A-1 was paid on the proof PRINT/4711. A-4 names print4711: nothing for it until it names another.
//!
//! ## Late, corrected, out of order
//! Of two that are not decided yet both wait, whichever came first. One that was paid stays paid, and only the later one
//! waits. A row that names another proof, or is taken out, withdraws the finding of either; the next tick decides what
//! waited, by day and number.
//!
//! ## Returns
//! Goods that come back make the fund smaller, not the proof better: the finding stays. What is paid in the end is what the
//! fund holds then.

use contract::{Asked, Code, Draw};

/// Another activity, of whatever partner and program, names the same proof.
pub(in crate::ledger) fn check(about: &str, proof: &str, draw: &Draw, draws: &[Draw]) -> Option<(Code, String)> {
    let named = normal(proof);
    let other = draws.iter().find(|other| match &other.asked {
        Asked::Activity { proof, .. } => *other != draw && normal(proof) == named,
        Asked::Points(_) => false,
    })?;
    let message = format!("{about} and {} of {} in {} name the proof {proof}", other.id, other.partner, other.program);
    Some((Code::ProofReused, message))
}

/// Letters and digits alone, in capitals.
fn normal(proof: &str) -> String {
    proof.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect()
}
