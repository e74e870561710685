//! DD-14 `debit-after-protection`.
//!
//! Evidence: what was not given of what the special price would give; the first sale of the settlement.
//!
//! At risk: what was not given.
//!
//! ## What it finds
//! Sales at a special price, of units whose book cost was cut after they were bought and for which price protection gives
//! that cut. The special price then gives the difference to the lower cost only: to what the price book says now, or where
//! cost layers count to the cost of the unit's own layer less the cuts that were credited for it.
//!
//! ## Why it matters
//! The drop of the cost would be paid twice: once for the stock, once for the sale.
//!
//! ## Example
//! Cost 100, cut by 10 while the unit is on hand, authorised at 80: protection gives 10 and the sale 10, not 20.
//!
//! ## Late, corrected, out of order
//! Purchases, sales and prices may come in any order; the ledger reckons from what stands. A cut that enters the book when
//! the sale is authorised takes back its part as an adjustment of the prior period, told as OP-24 too. A cut that is taken
//! out of the book gives it back and withdraws the finding. A late sale of the same day is treated as those before it.
//!
//! ## Returns
//! A return takes back what its sale was given, so its part of what was not given goes from the finding as well.

use contract::Code;

use super::Booked;
use crate::ledger::findings::{Found, rounded};
use crate::programs::Exact;

/// DD-14: what was not given, or is taken back, because price protection gives the drop of the cost for the same units.
pub(super) fn check(Booked { account, due, .. }: Booked<'_>) -> Option<Found> {
    let lost = due.whole.after_layers - due.whole.after_protection;
    if lost == Exact::ZERO {
        return None;
    }
    let message = format!(
        "the cost of units on hand was cut and they are protected: {} of {} not given",
        rounded(lost, account),
        rounded(due.whole.raw, account)
    );
    Some(Found::new(Code::DebitAfterProtection, lost, message))
}
