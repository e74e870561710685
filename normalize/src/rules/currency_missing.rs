//! DQ-13 `currency-missing`.
//!
//! Evidence: that neither row, feed definition nor master names a currency, and what to do.
//!
//! At risk: the benefit of the line, as an amount without a currency.
//!
//! ## What it finds
//! A line whose row names no currency, as do neither its feed definition nor the master for its partner. The sale is
//! held and not accrued until its currency is known.
//!
//! ## Why it matters
//! 1,000 of one currency is not 1,000 of another; a guess would be paid.
//!
//! ## Example
//! A feed without a currency column, a partner without one in `partners.csv`: held until the master names it.
//!
//! ## Late, corrected, out of order
//! When the master names the partner's currency, what waited gets it, whenever it came: the sale is read again, the finding
//! withdrawn, and it earns, in a frozen period as an adjustment. A currency that is put into the feed definition counts for
//! files that come then.
//!
//! ## Returns
//! A return of a line that is held so takes nothing back, since that was given nothing. Once both have their currency both
//! count.

use contract::Currency;

/// Why a line without a currency is held.
pub(crate) fn check(currency: Currency) -> Option<&'static str> {
    let message = "no currency in the row, the feed definition or the master; it is released when partners.csv names \
                   the partner's, which later files may also get as `currency` of the feed definition";
    currency.is_none().then_some(message)
}
