//! OP-18 `sold-above`.
//!
//! Evidence: what was not given, and of what; the first sale of the settlement.
//!
//! At risk: what was not given.
//!
//! ## What it finds
//! Sales at a special price whose unit price is above the resale price that was authorised with it. The program says what
//! that costs: the whole benefit of the sale (strict), or the part that was not passed on (partial).
//!
//! ## Why it matters
//! The lower cost was meant for the customer. Kept by the partner, it is a discount that nobody agreed to.
//!
//! ## Example
//! Authorised resale 8.00, sold at 8.20, 2.60 a unit: strict gives nothing, partial 2.40.
//!
//! ## Late, corrected, out of order
//! Each sale is looked at by itself, so its place among the others does not matter. A row that is corrected to the
//! authorised price earns in full, in a frozen period as an adjustment, and the finding falls or is withdrawn. The special
//! price that was known when the row was read counts.
//!
//! ## Returns
//! A return takes back what its sale was given, and nothing where that gave nothing; its part of the finding goes with it.

use contract::Code;

use super::Booked;
use crate::ledger::findings::{Found, rounded};
use crate::programs::Exact;

/// OP-18: what was not given because units were sold above the authorised resale price.
pub(super) fn check(Booked { account, due, .. }: Booked<'_>) -> Option<Found> {
    let lost = due.whole.after_protection - due.whole.after_resale;
    if lost == Exact::ZERO {
        return None;
    }
    let message = format!(
        "sold above the authorised resale price: {} of {} not given",
        rounded(lost, account),
        rounded(due.whole.after_protection, account)
    );
    Some(Found::new(Code::ResaleAbove, lost, message))
}
