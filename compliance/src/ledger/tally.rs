//! What lines add up to: enough to settle programs that need no order.

use std::ops::{Add, Sub};

use contract::{Benefit, Conversion, Currency, Micros};
use serde::{Deserialize, Serialize};

use super::lines::Line;
use crate::programs::{Exact, Sums};
use crate::references::{Known, MeanRate, References};

/// Sums over lines. A difference of two is one as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tally {
    pub lines: i64,
    /// Lines that are returns of a known sale.
    pub linked: i64,
    pub net: Sums,
    /// The part of `net` that negative lines make.
    pub returned: Sums,
    /// Absolute quantities and amounts, less what linked returns take back, and the same times the rate of each sale: of its
    /// date, or the mean of its month.
    pub weight: Sums,
    pub weighted: Sums,
    /// Lines whose sale has no rate.
    pub rateless: i64,
    /// Lines whose sale has a rate that its neighbours give the lie to.
    pub odd: i64,
}

impl Tally {
    pub fn of(lines: &[Line], currency: Currency, conversion: Conversion, references: &References) -> Tally {
        lines.iter().fold(Tally::default(), |tally, line| {
            let known = references.as_of(line.came);
            tally + Tally::of_line(line, currency, conversion, known)
        })
    }

    fn of_line(line: &Line, currency: Currency, conversion: Conversion, known: &Known) -> Tally {
        let net = line.sums();
        let sign = if line.origin.is_some() { -1 } else { 1 };
        let weight = Sums { quantity: sign * net.quantity.abs(), amount: sign * net.amount.abs() };
        let sold = line.origin.map_or(line.day, |(_, sold)| sold);
        let (rate, odd) = match conversion {
            Conversion::MonthAverage => (known.month_average(currency, sold), known.has_odd_month(currency, sold)),
            Conversion::SaleDate | Conversion::Fixed(_) | Conversion::PeriodEnd => {
                (known.rate(currency, sold).map(MeanRate::from), known.is_odd_rate(currency, sold))
            }
        };
        let back = net.quantity < 0 || (net.quantity == 0 && net.amount < 0);
        Tally {
            returned: if back { net } else { Sums::default() },
            weight,
            weighted: rate.map_or(Sums::default(), |rate| times(weight, rate)),
            rateless: i64::from(rate.is_none()),
            odd: i64::from(odd),
            ..Tally::counted(line)
        }
    }

    /// What says how much a line makes due, and not what that is worth in the books.
    pub fn counted(line: &Line) -> Tally {
        Tally { lines: 1, linked: i64::from(line.origin.is_some()), net: line.sums(), ..Tally::default() }
    }

    /// An amount in the currency of the books by the rates of sales, weighted with what earned it.
    ///
    /// A linked return takes back its sale at the sale's rate. `None` where a sale has no rate.
    pub fn functional(&self, amount: Micros, base: Benefit, books: Currency) -> Option<Micros> {
        if self.rateless > 0 {
            return None;
        }
        let (whole, part) = (self.weight.base(base), self.weighted.base(base));
        if amount.is_zero() {
            return Some(Micros::ZERO);
        }
        if whole == 0 {
            return None;
        }
        // Rounded once: what is kept behind the millionths never lifts a half.
        Some(Exact::product_share(amount, Micros::ONE.0.into(), part, whole).round(books))
    }
}

fn times(weight: Sums, rate: MeanRate) -> Sums {
    Sums { quantity: rate.of(weight.quantity), amount: rate.of(weight.amount) }
}

impl Add for Tally {
    type Output = Tally;
    fn add(self, other: Tally) -> Tally {
        Tally {
            lines: self.lines + other.lines,
            linked: self.linked + other.linked,
            net: self.net + other.net,
            returned: self.returned + other.returned,
            weight: self.weight + other.weight,
            weighted: self.weighted + other.weighted,
            rateless: self.rateless + other.rateless,
            odd: self.odd + other.odd,
        }
    }
}

impl Sub for Tally {
    type Output = Tally;
    fn sub(self, other: Tally) -> Tally {
        Tally {
            lines: self.lines - other.lines,
            linked: self.linked - other.linked,
            net: self.net - other.net,
            returned: self.returned - other.returned,
            weight: self.weight - other.weight,
            weighted: self.weighted - other.weighted,
            rateless: self.rateless - other.rateless,
            odd: self.odd - other.odd,
        }
    }
}
