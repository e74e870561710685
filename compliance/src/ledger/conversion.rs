//! Into the currency of the books: by the rates of the sales, or by one rate that the program names.

use contract::{Conversion, Currency, Micros, Program};

use super::tally::Tally;
use crate::programs::rate_base;

/// How amounts of a program in one currency are converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rates {
    /// By the date of each sale.
    OfSales,
    One(Micros),
}

impl Rates {
    /// The currency of the books itself needs no rate.
    pub fn of(program: &Program, currency: Currency, books: Option<Currency>) -> Rates {
        match program.conversion {
            Conversion::Fixed(rate) if program.currency == Some(currency) && books != Some(currency) => {
                Rates::One(rate)
            }
            Conversion::Fixed(_) | Conversion::SaleDate => Rates::OfSales,
        }
    }

    /// What an amount that these lines earned is in the books; `None` where a rate is missing.
    pub fn functional(self, lines: &Tally, amount: Micros, program: &Program, books: Currency) -> Option<Micros> {
        match self {
            Rates::OfSales => lines.functional(amount, rate_base(&program.mechanism), books.minor_digits()),
            Rates::One(rate) => Some(amount.times(rate).round(books.minor_digits())),
        }
    }
}
