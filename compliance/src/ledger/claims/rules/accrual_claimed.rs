//! DD-09 `accrual-claimed`.
//!
//! Evidence: what is due, what of it is authorised, and what is claimed above it; the claim line and the sale that it names.
//!
//! At risk: what the line claims.
//!
//! ## What it finds
//! A claim line for something that the program pays without a claim, or that another line has, which was sent before or has an
//! authorization. It is rejected, once the period is frozen where another line has it; what is due is paid once.
//!
//! ## Why it matters
//! Partners that are used to claiming claim what was paid by itself, or claim a sale twice.
//!
//! ## Example
//! 2 % of 10,000 is paid, 200.00; 230.00 is claimed: rejected, 200.00 is authorised, 30.00 is claimed above it.
//!
//! ## Late, corrected, out of order
//! A claim may come before the sale: it is deferred while the period is open or in grace, and rejected once something is
//! due. Where nothing ever is, it is OP-04. What is due later, or corrected, changes what the finding says. A line that its
//! sender takes back withdraws it.
//!
//! ## Returns
//! What comes back is taken off what was paid, and the finding says the new sums. A claim for the rest is one for what is
//! paid anyway, too.

use contract::{ClaimEvent, ClaimLine, Code, Micros, Money, Program};

use super::claim_orphan;
use crate::ledger::claims::Note;
use crate::ledger::claims::verdict::{Standing, Told, Verdict, claimed, outcome};

/// Another line has all that is due for the same.
pub(in crate::ledger::claims) fn of_another(claimed: Micros, rival: &str) -> Told {
    Told::new(Code::AccrualClaimed, format!("{claimed} claimed, nothing is left of what is due: it went to {rival}"))
}

/// What is paid by itself is not paid once more. A claim may come before the sales.
pub(in crate::ledger::claims) fn judge(
    line: &ClaimLine,
    note: &Note,
    program: &Program,
    standing: &Standing,
) -> Verdict {
    if standing.due <= Micros::ZERO {
        return claim_orphan::judge(line, program, standing);
    }
    let shown = |amount| Money { amount, currency: line.currency };
    let above = (claimed(line, note) - standing.due).max(Micros::ZERO);
    let above = if above.is_zero() { String::new() } else { format!("; {} claimed above it", shown(above)) };
    let reason = format!(
        "the program pays without a claim: {} is due, {} of it authorised{above}",
        shown(standing.due),
        shown(standing.authorised)
    );
    Verdict { told: vec![Told::new(Code::AccrualClaimed, reason)], ..outcome(ClaimEvent::Blocked, Micros::ZERO) }
}
