//! Exchange rates of a history: which currency the books are in, what is known, and what is restated later.

use std::collections::BTreeMap;

use contract::{Conversion, Currency, Day, Micros, Program, Rate, Reference};

use crate::history::{Dice, first_day};

/// What one is worth in dollars, about, in millionths.
const WORTH: [(&str, i64); 3] = [("EUR", 1_080_000), ("JPY", 9_300), ("USD", 1_000_000)];
/// The first day with a rate from the first day of a history on, and so many days.
const FIRST: i32 = -170;
const DAYS: u64 = 900;

/// Drawn aside, so that all else of a seed stays as it was.
pub struct Exchange {
    dice: Dice,
    books: &'static str,
    rates: BTreeMap<(Currency, Day), Micros>,
    /// The last day that has one so far.
    known: Day,
    has_gaps: bool,
}

impl Exchange {
    /// Says how each program converts, too.
    pub fn new(mut dice: Dice, programs: &mut [Program]) -> Exchange {
        let books = ["USD", "USD", "EUR", "JPY"][dice.below(4) as usize];
        let (known, has_gaps) = (first_day().plus(FIRST - 1), dice.one_in(3));
        let mut exchange = Exchange { dice, books, rates: BTreeMap::new(), known, has_gaps };
        let most = if exchange.dice.one_in(2) { DAYS } else { 200 + exchange.dice.below(400) };
        exchange.extend(first_day().plus(FIRST + most as i32));
        programs.iter_mut().for_each(|program| program.conversion = exchange.conversion(program.currency));
        exchange
    }

    pub fn stated(&self, reference: Reference) -> Reference {
        let rate = |(&(currency, day), &rate): (&(Currency, Day), &Micros)| Rate { currency, day, rate };
        let rates = self.rates.iter().map(rate).collect();
        Reference { functional_currency: Currency::parse(self.books), rates, ..reference }
    }

    /// Some rates are others, some are gone, some are new; now and then a program converts by another rule.
    pub fn restate(&mut self, today: Day, programs: &mut [Program]) {
        if self.dice.one_in(2) {
            let more = self.dice.below(200) as i32;
            self.extend(today.plus(more));
        }
        for _ in 0..self.dice.below(12) {
            let place = self.dice.below(self.rates.len() as u64) as usize;
            let key = *self.rates.keys().nth(place).expect("a place below the end");
            let rate = self.rate(key.0);
            match self.dice.below(4) {
                0 => self.rates.remove(&key),
                _ => self.rates.insert(key, rate),
            };
        }
        if self.dice.one_in(3) {
            let place = self.dice.below(programs.len() as u64) as usize;
            programs[place].conversion = self.conversion(programs[place].currency);
        }
    }

    /// Up to a day, where that is not known yet.
    fn extend(&mut self, last: Day) {
        for day in (self.known.0 + 1..=last.0).map(Day) {
            let books = self.books;
            for (currency, _) in WORTH.into_iter().filter(|(currency, _)| *currency != books) {
                let currency = Currency::parse(currency).expect("a currency");
                if !(self.has_gaps && self.dice.one_in(80)) {
                    let rate = self.rate(currency);
                    self.rates.insert((currency, day), rate);
                }
            }
        }
        self.known = self.known.max(last);
    }

    /// A few percent up or down; now and then turned over.
    fn rate(&mut self, currency: Currency) -> Micros {
        let worth = |name: &str| WORTH.into_iter().find(|(known, _)| *known == name).expect("a known currency").1;
        let (of, books) = (worth(currency.as_str()), worth(self.books));
        let (of, books) = if self.dice.one_in(2_000) { (books, of) } else { (of, books) };
        Micros(of * (950_000 + self.dice.below(100_000) as i64) / books)
    }

    fn conversion(&mut self, currency: Option<Currency>) -> Conversion {
        match self.dice.below(5) {
            0 | 1 => Conversion::SaleDate,
            2 => Conversion::MonthAverage,
            3 => Conversion::PeriodEnd,
            _ => currency.map_or(Conversion::SaleDate, |currency| Conversion::Fixed(self.rate(currency))),
        }
    }
}
