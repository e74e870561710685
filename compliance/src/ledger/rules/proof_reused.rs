//! DD-24 `proof-reused`.
//!
//! Evidence: both activities with partner and program, and the proof that they name, or the SHA-256 of their document.
//!
//! At risk: what the activity asks for: the fund's share, up to what was approved.
//!
//! ## What it finds
//! An activity paid from a fund whose proof, but for case and punctuation, another activity names too, of whatever partner
//! and program, or whose document is the same by its SHA-256, whatever the proof is called. It waits.
//!
//! ## Why it matters
//! One bill pays for one activity. Claimed from two funds it is paid twice.
//!
//! ## Example
//! A-1 was paid on the proof PRINT/4711. A-4 names print4711: nothing for it until it names another. A-5 names PRINT/4712 and has the
//! same document as A-1: the bill was given another number.
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

/// Another activity, of whatever partner and program, names the same proof, or has the same document.
pub(in crate::ledger) fn check(about: &str, draw: &Draw, draws: &[Draw]) -> Option<(Code, String)> {
    let mut others = draws.iter().filter(|other| *other != draw);
    let (other, what) = others.find_map(|other| Some((other, shared(&draw.asked, &other.asked)?)))?;
    let message = format!("{about} and {} of {} in {} {what}", other.id, other.partner, other.program);
    Some((Code::ProofReused, message))
}

/// What proves two activities.
fn shared(own: &Asked, other: &Asked) -> Option<String> {
    let Asked::Activity { proof, document, .. } = own else { return None };
    let Asked::Activity { proof: other_proof, document: other_document, .. } = other else { return None };
    if normal(proof) == normal(other_proof) {
        return Some(format!("name the proof {proof}"));
    }
    (!document.is_empty() && document == other_document).then(|| format!("have one document, SHA-256 {document}"))
}

/// Letters and digits alone, in capitals.
fn normal(proof: &str) -> String {
    proof.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect()
}
