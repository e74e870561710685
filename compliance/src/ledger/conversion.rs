//! Into the currency of the books: by the rates of the sales, or by one rate for all of a settlement.

use std::sync::Arc;

use contract::{Conversion, Currency, Day, Micros, Program};

use super::account::Account;
use super::tally::Tally;
use crate::programs::{Exact, rate_base};
use crate::references::{Known, References};

/// How amounts of a program in one currency are converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rates {
    /// By the date, or the month, of each sale.
    OfSales,
    One(Micros),
    /// There is none yet for the period.
    Missing,
}

impl Rates {
    /// The currency of the books itself needs no rate.
    pub fn of(program: &Program, account: &Account, references: &References) -> Rates {
        let currency = account.settlement.currency;
        let is_own = references.as_of(account.terms).reference.functional_currency == Some(currency);
        match program.conversion {
            Conversion::Fixed(rate) if program.currency == Some(currency) && !is_own => Rates::One(rate),
            Conversion::PeriodEnd => {
                let (_, rate) = period_end(account, references).unzip();
                rate.map_or(Rates::Missing, |(_, rate)| Rates::One(rate))
            }
            Conversion::Fixed(_) | Conversion::SaleDate | Conversion::MonthAverage => Rates::OfSales,
        }
    }

    /// What an amount that these lines earned is in the books; `None` where a rate is missing.
    pub fn functional(self, lines: &Tally, amount: Micros, program: &Program, books: Currency) -> Option<Micros> {
        match self {
            Rates::OfSales => lines.functional(amount, rate_base(&program.mechanism), books),
            Rates::One(rate) => Some(converted(amount, rate, books)),
            Rates::Missing => None,
        }
    }
}

/// The rate that the period of an account ends at, with its day and the tables that have it: those of its terms or, where these have
/// none, the first since.
pub(crate) fn period_end<'a>(account: &Account, references: &'a References) -> Option<(&'a Arc<Known>, (Day, Micros))> {
    let rate = |known: &Known| known.latest_rate(account.settlement.currency, account.last_day);
    references.first_to_know(account.terms, account.counted, rate)
}

/// An amount at a rate, rounded once to what the books are kept in.
pub(crate) fn converted(amount: Micros, rate: Micros, books: Currency) -> Micros {
    Exact::product(rate, amount.0.into()).round(books)
}

/// Whether a rate of the program's own takes the place of the table's.
pub(crate) fn has_own_rate(program: &Program, currency: Currency) -> bool {
    matches!(program.conversion, Conversion::Fixed(_)) && program.currency == Some(currency)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_rounded_once() {
        let of = |amount: &str, rate: &str| {
            let [amount, rate] = [amount, rate].map(|text| Micros::parse(text).unwrap());
            converted(amount, rate, Currency::parse("USD").unwrap()).to_string()
        };
        assert_eq!(of("0.37", "2.716217"), "1.01");
        // 1.00499955: as 1.005000 it would become 1.01.
        assert_eq!(of("0.37", "2.716215"), "1");
        assert_eq!(of("-0.37", "2.716215"), "-1");
        assert_eq!(of("10000", "1.08"), "10800");
    }
}
