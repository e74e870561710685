//! DQ-08 `rate-missing`.
//!
//! Evidence: how many sales, the currency, and whether a day, a month or the period's end has no rate; the first sale of the
//! settlement.
//!
//! At risk: nothing: what is due in the sale's own currency stands.
//!
//! ## What it finds
//! Sales without an exchange rate for their day, their month or the end of their period, as the program converts, and
//! without a rate of the program's own. One of them leaves the settlement without an amount in the books' currency until the
//! table has the rate.
//!
//! ## Why it matters
//! A made-up rate is worse than none: whoever keeps the books must see what is missing.
//!
//! ## Example
//! A sale in pounds on a day that the table has no rate for: it is accrued in pounds, and has no functional amount. Once
//! `rates.csv` has the day, a movement of 0.00 GBP brings that amount.
//!
//! ## Late, corrected, out of order
//! A rate that comes later fills the gap, without a row being sent again: what was moved without a functional amount is valued with
//! that control, of a frozen period with the next tick, and the finding is withdrawn. Sales that were valued before
//! keep what was known when their row came. A sale that is taken back withdraws the finding too.
//!
//! ## Returns
//! A linked return goes by the rate of its sale and has none where that has none. A return of another day needs a rate like
//! any line.

use contract::{Code, Conversion};

use super::Booked;
use crate::ledger::findings::{Found, sales};
use crate::programs::Exact;

/// DQ-08: some sale has no exchange rate, and no rate of the program's own takes its place.
pub(super) fn check(Booked { account, program, functional_wanted, .. }: Booked<'_>) -> Option<Found> {
    let tally = account.tally();
    let (rateless, when) = match program.conversion {
        Conversion::SaleDate | Conversion::Fixed(_) => (tally.rateless, "on its date"),
        Conversion::MonthAverage => (tally.rateless, "in its month"),
        Conversion::PeriodEnd => (tally.lines, "up to the end of the period"),
    };
    if !functional_wanted || account.functional_known || rateless == 0 {
        return None;
    }
    let currency = account.settlement.currency;
    let message = format!("{} without a rate for {currency} {when}: no functional amount", sales(rateless));
    Some(Found::new(Code::RateMissing, Exact::ZERO, message))
}
