//! What amounts are worth in the currency of the books (domain notes §4.11).

use std::collections::BTreeMap;

use contract::{Benefit, Cadence, Conversion, Currency, Day, Growth, Measure, Mechanism, Micros, Points, Program};
use contract::{Reference, Score, SellIn};
use num_rational::Ratio;
use num_traits::{Signed, Zero};

use crate::earn::Sold;
use crate::exact::{Exact, exact, rounded, to_millionths, zero};
use crate::pricing::Line;

/// Rates as a version of the reference data has them, and what they lead to.
pub struct Table {
    pub books: Option<Currency>,
    rates: BTreeMap<(Currency, Day), Micros>,
}

impl Table {
    pub fn new(reference: &Reference) -> Table {
        let rates = reference.rates.iter().map(|rate| ((rate.currency, rate.day), rate.rate)).collect();
        Table { books: reference.functional_currency, rates }
    }

    fn from(&self, currency: Currency, first: Day, last: Day) -> Vec<Exact> {
        match self.books == Some(currency) {
            true => vec![Ratio::from_integer(1)],
            false => self.rates.range((currency, first)..=(currency, last)).map(|(_, rate)| exact(*rate)).collect(),
        }
    }

    /// Of a sale of that day: the day's own, or the plain mean of those that its month has.
    fn of_sale(&self, conversion: Conversion, currency: Currency, day: Day) -> Option<Exact> {
        let (first, last) = match conversion {
            Conversion::MonthAverage => Cadence::Month.range(day),
            _ => (day, day),
        };
        let rates = self.from(currency, first, last);
        let count = Ratio::from_integer(rates.len() as i128);
        (!rates.is_empty()).then(|| rates.iter().sum::<Exact>() / count)
    }

    /// The latest up to a day.
    fn until(&self, currency: Currency, day: Day) -> Option<Exact> {
        self.from(currency, Day(i32::MIN), day).last().copied()
    }
}

/// How a settlement is converted.
pub struct Worth<'a> {
    /// Under which it is settled.
    pub program: &'a Program,
    pub currency: Currency,
    /// Last day of its period.
    pub last: Day,
    /// The control of its terms.
    pub terms: u64,
    /// Rates that were known at a control, and those of each later table that counts, the oldest first.
    pub since: &'a dyn Fn(u64) -> Vec<&'a Table>,
}

impl Worth<'_> {
    /// Of an amount that lines have earned; nothing where a rate is missing.
    pub fn of(&self, amount: Micros, lines: &[Line]) -> Option<Micros> {
        let books = (self.since)(self.terms)[0].books?;
        let at = |rate: Exact| rounded(exact(amount) * rate, books);
        match self.program.conversion {
            Conversion::Fixed(rate) if self.program.currency == Some(self.currency) && books != self.currency => {
                Some(at(exact(rate)))
            }
            Conversion::PeriodEnd => {
                let rate = |table: &&Table| table.until(self.currency, self.last);
                (self.since)(self.terms).iter().find_map(rate).map(at)
            }
            conversion => self.mean(conversion, lines, amount.is_zero()).map(at),
        }
    }

    /// The mean rate of sales, each as it was known when the line came, else as it was first known since, weighted with what they earn by; a linked return takes its weight out again. What each is in
    /// the books is kept to a millionth.
    fn mean(&self, conversion: Conversion, lines: &[Line], of_nothing: bool) -> Option<Exact> {
        let (mut weights, mut worth) = (zero(), zero());
        for line in lines {
            let rate = |table: &&Table| table.of_sale(conversion, self.currency, line.sold);
            let rate = (self.since)(line.came).iter().find_map(rate)?;
            let weight = base(&self.program.mechanism, line.sold()).abs();
            let weight = if line.of.is_some() { -weight } else { weight };
            weights += weight;
            worth += to_millionths(weight * rate);
        }
        match weights.is_zero() {
            true => of_nothing.then(zero),
            false => Some(worth / weights),
        }
    }
}

/// What the rate of a program is multiplied with.
fn base(mechanism: &Mechanism, sold: Sold) -> Exact {
    let by_measure = |measure: Measure| sold.measured(measure);
    let benefit = match mechanism {
        Mechanism::Fixed { measure, .. } | Mechanism::Points(Points { measure, .. }) => return by_measure(*measure),
        Mechanism::PerUnit { .. }
        | Mechanism::ShipAndDebit { .. }
        | Mechanism::PassThrough { .. }
        | Mechanism::PriceProtection { .. }
        | Mechanism::FreeGoods(_) => Benefit::PerUnit,
        Mechanism::Percent { .. } | Mechanism::CoopFund(_) => Benefit::Percent,
        Mechanism::VolumeMarginal { benefit, .. }
        | Mechanism::VolumeRetroactive { benefit, .. }
        | Mechanism::VolumeRolling { benefit, .. }
        | Mechanism::VolumeTotal { benefit, .. }
        | Mechanism::VolumeExcess { benefit, .. }
        | Mechanism::Growth(Growth { benefit, .. })
        | Mechanism::Score(Score { benefit, .. })
        | Mechanism::SellIn(SellIn { benefit, .. })
        | Mechanism::Spiff { benefit, .. } => *benefit,
    };
    match benefit {
        Benefit::PerUnit => sold.quantity,
        Benefit::Percent => sold.amount,
    }
}
