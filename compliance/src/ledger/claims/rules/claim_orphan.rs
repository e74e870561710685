//! OP-04 `claim-orphan`.
//!
//! Evidence: the sale that the line names, or that it is for the period; the claim line.
//!
//! At risk: what the line claims.
//!
//! ## What it finds
//! A claim line for a sale, or a period, for which nothing is due once the period is frozen. It is rejected. Before that it
//! is deferred, without a finding. Of units that were bought in time and are all gone from a stock, OP-22 or OP-23 says why.
//!
//! Where it is known what keeps the sale, or sales of the period, from earning, the claim names that in place of OP-04: the codes of
//! the findings on them, with their X12 901 reasons, or the limit of the program that took all. They are told of the sale or the
//! settlement and not once more of the claim. So is a special price whose number gives nothing: unknown, of another program or partner
//! (DD-15), not for the product (OP-09), over or not begun (OP-06). While persons may let such a sale go the line is on hold, for `review-days` at most.
//!
//! ## Why it matters
//! Without a sale behind it a claim is a wish.
//!
//! ## Example
//! 100 claimed for January, no sale until the grace is over: rejected.
//!
//! ## Late, corrected, out of order
//! A claim may come before the sale. A sale that comes after the rejection brings the line back: it is valid, is authorised
//! as an adjustment of the prior period, and the finding is withdrawn. So does a sale that is corrected, or that persons let
//! go; where something else is found on it the claim names that. A line that its sender takes back withdraws it too.
//!
//! ## Returns
//! Where all comes back nothing is due: a line that was not paid is rejected so, one that was is told as OP-24 as well.

use contract::{ClaimEvent, ClaimLine, ClaimQueue, Code, Micros, Program};

use super::{protected_quantity_above, protected_units_gone};
use crate::ledger::claims::verdict::{Standing, Told, Verdict, outcome, walk};

/// No sale earns anything for it, yet or at all. OP-22, OP-23: nothing of what it claims was on hand.
pub(in crate::ledger::claims) fn judge(line: &ClaimLine, program: &Program, standing: &Standing) -> Verdict {
    let what = format!("nothing is due for {}", about(line, program));
    let told: Vec<Told> = standing.why.told().collect();
    if !standing.why.held.is_empty() {
        return Verdict { told, ..Verdict::on_hold(ClaimQueue::HeldSale, what) };
    }
    if !standing.frozen {
        let remarks = vec![format!("{what} yet")];
        return Verdict { told, remarks, ..outcome(ClaimEvent::EvidenceMissing, Micros::ZERO) };
    }
    let state = walk(&[ClaimEvent::Resolved, ClaimEvent::Checked, ClaimEvent::EvidenceMissing, ClaimEvent::Expired]);
    let is_of_stock = program.mechanism.protects_stock() && standing.bought > 0 && line.quantity > Micros::ZERO;
    let not_protected = || {
        let above = protected_quantity_above::of(line, Micros::ZERO, standing);
        above.or_else(|| protected_units_gone::of(line, Micros::ZERO, standing))
    };
    let not_protected = is_of_stock.then(not_protected).flatten();
    if not_protected.is_none() && !told.is_empty() {
        return Verdict { told, remarks: vec![what], ..Verdict::bare(state, Micros::ZERO) };
    }
    let (code, reason) = not_protected.unwrap_or((Code::ClaimOrphan, what));
    Verdict { told: vec![Told::new(code, reason)], ..Verdict::bare(state, Micros::ZERO) }
}

/// What a line is for, in words.
fn about(line: &ClaimLine, program: &Program) -> String {
    let named = [
        (line.sale.is_some(), line.document.to_string()),
        (!line.product.is_empty(), format!("product {}", line.product)),
        (
            !line.authorisation.is_empty() && program.mechanism.resale().is_some(),
            format!("contract {}", line.authorisation),
        ),
    ];
    let named: Vec<String> = named.into_iter().filter(|(is_named, _)| *is_named).map(|(_, what)| what).collect();
    if named.is_empty() { "the period".to_owned() } else { named.join(", ") }
}
