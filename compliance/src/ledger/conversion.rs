//! Into the currency of the books: by the rates of the sales, or by one rate for all of a settlement.

use contract::{Conversion, Currency, Day, Micros, Program};

use super::tally::Tally;
use crate::programs::{Exact, rate_base};
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
            Rates::OfSales => lines.functional(amount, rate_base(&program.mechanism), books),
            Rates::One(rate) => Some(converted(amount, rate, books)),
            Rates::Missing => None,
        }
    }
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
