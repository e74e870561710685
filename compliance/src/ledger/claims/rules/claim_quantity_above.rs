//! OP-03 `claim-quantity-above`.
//!
//! Evidence: the units claimed, and those sold net of returns or earning at purchase; the claim line and the sale that it
//! names.
//!
//! At risk: what the line claims above what it gets.
//!
//! ## What it finds
//! A claim line for more units than were sold, net of returns, of the sale, the special price or the product that it names, else in
//! its period; under a program for purchases, than earn at purchase. It gets the share of its amount that these units have of its own.
//!
//! ## Why it matters
//! A claim is paid for what was sold, not for what was ordered or hoped for.
//!
//! ## Example
//! 500 sold, 40 came back, 500 claimed: 460 are paid.
//!
//! ## Late, corrected, out of order
//! Counted is what stands at the tick, whichever came first. A late sale lifts the bound, and what the line did not get it
//! gets then; the finding falls or is withdrawn. A line that its sender corrects is judged anew.
//!
//! ## Returns
//! A return lowers the bound. Before the line is authorised it gets less, after it the difference is OP-24.

use contract::{ClaimLine, Code, Micros, Program};

use super::Bound;
use crate::ledger::claims::verdict::{Standing, share_of};

/// More units are claimed than were sold, net of returns, or earn at purchase.
pub(super) fn check(line: &ClaimLine, asked: Micros, program: &Program, standing: &Standing) -> Option<Bound> {
    let counted = standing.units();
    if line.quantity <= counted || program.mechanism.protects_stock() {
        return None;
    }
    let is_sell_in = program.mechanism.sell_in().is_some();
    let counts = if is_sell_in { "earn at purchase" } else { "sold net of returns" };
    let reason = format!("{} units claimed, {counted} {counts}", line.quantity);
    let most = share_of(asked, counted, line);
    let code = Code::ClaimQuantityAbove;
    Some(Bound { code, reason_901: code.reason_901(), most, reason })
}
