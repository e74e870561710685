//! OP-05 `above-authorised`.
//!
//! Evidence: what was not given; the first sale of the settlement.
//!
//! At risk: what was not given.
//!
//! ## What it finds
//! More units sold at a special price than were authorised for it, by all the authorisations that fit the sale together; where
//! the row names one, or cost layers count, by that one alone. The last ones by sale date get less, or nothing. Reason 04 of
//! X12 901, or 05 where nothing is left for any of the settlement.
//!
//! ## Why it matters
//! The supplier set aside money for so many units and no more.
//!
//! ## Example
//! 1,000 authorised, sales of 400, 450 and 300: the third is cut to 150.
//!
//! ## Late, corrected, out of order
//! A balance covers sales by date, then sale id, over all settlements of the program, never by arrival: a late earlier
//! sale takes units from later ones. Only what a frozen settlement was covered for is set aside before that, since it
//! may be authorised. A quantity that is put up in the table, or a sale that is corrected, shares the balance anew,
//! also for periods that have frozen.
//!
//! ## Returns
//! Units that come back are free again for those that were sold next; without a known sale too, whatever their date.

use contract::Code;

use super::Booked;
use crate::ledger::findings::{Found, rounded};
use crate::programs::Exact;

/// OP-05: what was not given because special prices were authorised for fewer units.
pub(super) fn check(Booked { account, due, .. }: Booked<'_>) -> Option<Found> {
    let lost = due.whole.after_resale - due.whole.after_quantity;
    if lost == Exact::ZERO {
        return None;
    }
    let message =
        format!("more units sold at a special price than it was authorised for: {} not given", rounded(lost, account));
    let is_spent = due.whole.after_quantity == Exact::ZERO;
    let reason = if is_spent { "05" } else { "04" };
    Some(Found { reason, ..Found::new(Code::AuthorisedQuantity, lost, message) })
}
