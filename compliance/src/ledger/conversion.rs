//! Into the currency of the books: by the rates of the sales, or by one rate for all of a settlement.

use contract::{Conversion, Currency, Day, Micros, Program};

use super::tally::Tally;
use crate::programs::rate_base;
use crate::references::Known;

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
    /// The currency of the books itself needs no rate. `last_day` is that of the period.
    pub fn of(program: &Program, currency: Currency, last_day: Day, known: &Known) -> Rates {
        let is_own = known.reference.functional_currency == Some(currency);
        match program.conversion {
            Conversion::Fixed(rate) if program.currency == Some(currency) && !is_own => Rates::One(rate),
            Conversion::PeriodEnd => {
                known.latest_rate(currency, last_day).map_or(Rates::Missing, |(_, rate)| Rates::One(rate))
            }
            Conversion::Fixed(_) | Conversion::SaleDate | Conversion::MonthAverage => Rates::OfSales,
        }
    }

    /// What an amount that these lines earned is in the books; `None` where a rate is missing.
    pub fn functional(self, lines: &Tally, amount: Micros, program: &Program, books: Currency) -> Option<Micros> {
        match self {
            Rates::OfSales => lines.functional(amount, rate_base(&program.mechanism), books.minor_digits()),
            Rates::One(rate) => Some(amount.times(rate).round(books.minor_digits())),
            Rates::Missing => None,
        }
    }
}

/// Whether a rate of the program's own takes the place of the table's.
pub(crate) fn has_own_rate(program: &Program, currency: Currency) -> bool {
    matches!(program.conversion, Conversion::Fixed(_)) && program.currency == Some(currency)
}
