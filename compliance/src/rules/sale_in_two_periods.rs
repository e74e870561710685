//! DD-23 `sale-in-two-periods`.
//!
//! Evidence: the document and the record in the other month.
//!
//! At risk: the benefit of the later line.
//!
//! ## What it finds
//! One sale dated into two months: same partner, party, product, document, quantity, amount and currency, dates at most
//! 45 days apart, and no serial numbers on either line. Documents that differ in writing are DD-05; two dates within
//! one month are left alone, since no program settles in less than a month.
//!
//! ## Why it matters
//! Each quarter would pay for it.
//!
//! ## Example
//! Document 88 over 10 units on 31 March, and document 88 over 10 units on 1 April: the second gets nothing.
//!
//! ## Late, corrected, out of order
//! The later of the two dates gets nothing, whichever row came first. A correction of the date is another matter: it takes
//! the sale from one month and gives it to the other. Where one of the two is corrected away the other one stays, or earns.
//!
//! ## Returns
//! What comes back goes by the sale that counts.

use contract::{Code, Day, Sale};

use super::{Check, DOCUMENT_DAYS, Rule, days_apart, is_later, same_goods, skeleton};
use crate::references::Known;

pub(crate) const RULE: Rule =
    Rule { name: "sale_in_two_periods", codes: &[Code::SaleInTwoPeriods], check: Check::Double(check) };

fn check(sale: &Sale, other: &Sale, _known: &Known) -> bool {
    sale.at.partner == other.at.partner
        && same_goods(sale, other)
        && sale.serials.is_empty()
        && other.serials.is_empty()
        && days_apart(sale.date, other.date) <= DOCUMENT_DAYS
        && month(sale.date) != month(other.date)
        && sale.party() == other.party()
        && skeleton(&sale.document) == skeleton(&other.document)
        && is_later(sale, other)
}

fn month(day: Day) -> Day {
    day.first_of_month()
}
