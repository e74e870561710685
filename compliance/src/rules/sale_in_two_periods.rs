//! DD-23 `sale-in-two-periods`.
//!
//! ## What it finds
//! One sale dated into two months: same partner, party, product, document, quantity and amount, dates at most 45 days
//! apart, no serial numbers that could tell the units apart. Documents that differ in writing are DD-05; two dates within
//! one month are left alone, since no program settles in less than a month.
//!
//! ## Why it matters
//! Each quarter would pay for it.
//!
//! ## Example
//! Document 88 over 10 units on 31 March, and document 88 over 10 units on 1 April: the second gets nothing.

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
