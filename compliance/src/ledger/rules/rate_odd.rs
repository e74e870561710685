//! OP-26 `rate-odd`.
//!
//! Evidence: how many sales, and the currency; for a period's end the day of the rate.
//!
//! At risk: nothing: what is due in the sale's own currency does not change.
//!
//! ## What it finds
//! Sales, or a whole settlement, valued in the books' currency at a rate that is more than a quarter from the one
//! before it and from the one after it, which agree with each other; or at one that is about 1 divided by the usual
//! rate, the median of up to 15 rates on either side. A month's mean is odd where one of its rates is. Programs with a
//! rate of their own are not looked at.
//!
//! ## Why it matters
//! Turned over, 1.08 becomes 0.93: ten thousand euros are 9,259 in place of 10,800 in the books.
//!
//! ## Example
//! 1.60, 0.625, 1.61 on three days: sales of the second day are told.
//!
//! ## Late, corrected, out of order
//! A sale keeps the judgement on the rate that was known when its row came. A rate that is put right later changes nothing
//! of that: it is told as OP-45. The rate of a period's end follows the table until the freeze, and is judged as it stands.
//! A sale that is taken back withdraws its part.
//!
//! ## Returns
//! A return that is linked goes by the rate of its sale, so it is valued as oddly and evens out. It counts as a line at that
//! rate.

use contract::{Code, Conversion, Id, Program};
use stream::{State, StorageError};

use super::Booked;
use crate::ledger::account::Account;
use crate::ledger::conversion::{has_own_rate, period_end};
use crate::ledger::findings::{Found, sales};
use crate::ledger::now::Now;
use crate::programs::Exact;

/// OP-26: the date, or the month, of some sale has a rate that those around it give the lie to. A rate of the program's own is
/// none of the table, and that of a period's end is looked at by itself.
pub(super) fn check(Booked { account, program, .. }: Booked<'_>) -> Option<Found> {
    let (odd, currency) = (account.tally().odd, account.settlement.currency);
    if odd == 0 || program.conversion == Conversion::PeriodEnd || has_own_rate(program, currency) {
        return None;
    }
    let message = format!("{} at a rate for {currency} far from those around it, or turned over", sales(odd));
    Some(Found::new(Code::RateOdd, Exact::ZERO, message))
}

/// All of the settlement is valued at a rate of the table that cannot be right.
pub(super) fn of_period_end(
    _: Id,
    Booked { account, program, .. }: Booked<'_>,
    now: Now<'_>,
    _: &mut dyn State,
) -> Result<Option<Found>, StorageError> {
    if !is_valued_at_period_end(account, program) {
        return Ok(None);
    }
    let currency = account.settlement.currency;
    let valued = period_end(account, now.references);
    let odd = valued.filter(|(known, (day, _))| known.is_odd_rate(currency, *day));
    Ok(odd.map(|(_, (day, _))| {
        let message = format!("valued at the rate for {currency} of {day}, far from those around it, or turned over");
        Found::new(Code::RateOdd, Exact::ZERO, message)
    }))
}

/// Whether one rate of the table, that of the period's end, values all lines.
pub(super) fn is_valued_at_period_end(account: &Account, program: &Program) -> bool {
    account.pays() && program.conversion == Conversion::PeriodEnd && account.tally().lines > 0
}
