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
    /// As the tables of a control, and of those before it, value them.
    pub fn of(lines: &[Line], rates: &SaleRates<'_>) -> Tally {
        lines.iter().fold(Tally::default(), |tally, line| tally + Tally::of_line(line, rates))
    }

    fn of_line(line: &Line, rates: &SaleRates<'_>) -> Tally {
        let net = line.sums();
        let sign = if line.origin.is_some() { -1 } else { 1 };
        let weight = Sums { quantity: sign * net.quantity.abs(), amount: sign * net.amount.abs() };
        let (rate, odd) = rates.of(line).unzip();
        let back = net.quantity < 0 || (net.quantity == 0 && net.amount < 0);
        Tally {
            returned: if back { net } else { Sums::default() },
            weight,
            weighted: rate.map_or(Sums::default(), |rate| times(weight, rate)),
            rateless: i64::from(rate.is_none()),
            odd: i64::from(odd.unwrap_or_default()),
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

/// How sales are valued: by the rate of their date, or the mean of their month, that was known when their row came; where none was, by
/// the first that the table had since.
pub(crate) struct SaleRates<'a> {
    pub currency: Currency,
    pub conversion: Conversion,
    pub references: &'a References,
    /// No later tables than those of this control count.
    pub until: u64,
}

impl SaleRates<'_> {
    /// The rate of a line's sale, and whether its neighbours give it the lie; `None` where there is none yet.
    pub fn of(&self, line: &Line) -> Option<(MeanRate, bool)> {
        let (currency, sold) = (self.currency, line.origin.map_or(line.day, |(_, sold)| sold));
        let is_of_month = self.conversion == Conversion::MonthAverage;
        let rate = |known: &Known| match is_of_month {
            true => known.month_average(currency, sold),
            false => known.rate(currency, sold).map(MeanRate::from),
        };
        let (known, rate) = self.references.first_to_know(line.came, self.until, rate)?;
        let is_odd = match is_of_month {
            true => known.has_odd_month(currency, sold),
            false => known.is_odd_rate(currency, sold),
        };
        Some((rate, is_odd))
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
