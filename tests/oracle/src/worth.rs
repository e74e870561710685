//! What amounts are worth in the currency of the books (domain notes §4.11).

use std::collections::BTreeMap;

use contract::{Benefit, Conversion, Currency, Day, Growth, Measure, Mechanism, Micros, Points, Program};
use contract::{Reference, Score, SellIn};

use crate::exact::{Exact, exact, pieces_at, rounded, zero};
use crate::pricing::Line;

/// Rates as a version of the reference data has them, and what they lead to.
pub struct Table {
    /// The control from which on it is known.
    pub since: u64,
    pub books: Option<Currency>,
    rates: BTreeMap<(Currency, Day), Exact>,
    /// The plain mean of those that a month has, by its first day.
    means: BTreeMap<(Currency, Day), Exact>,
}

impl Table {
    pub fn new(since: u64, reference: &Reference) -> Table {
        let mut of_months: BTreeMap<(Currency, Day), Vec<i128>> = BTreeMap::new();
        for rate in &reference.rates {
            of_months.entry((rate.currency, rate.day.first_of_month())).or_default().push(rate.rate.0.into());
        }
        let mean = |of: Vec<i128>| Exact::new(of.iter().sum(), 1_000_000 * of.len() as i128);
        Table {
            since,
            books: reference.functional_currency,
            rates: reference.rates.iter().map(|rate| ((rate.currency, rate.day), exact(rate.rate))).collect(),
            means: of_months.into_iter().map(|(month, of)| (month, mean(of))).collect(),
        }
    }

    /// Of a sale of that day: the day's own, or the plain mean of those that its month has.
    fn of_sale(&self, conversion: Conversion, currency: Currency, day: Day) -> Option<Exact> {
        match conversion {
            _ if self.books == Some(currency) => Some(Exact::from_integer(1)),
            Conversion::MonthAverage => self.means.get(&(currency, day.first_of_month())).copied(),
            _ => self.rates.get(&(currency, day)).copied(),
        }
    }

    /// The latest up to a day.
    fn until(&self, currency: Currency, day: Day) -> Option<Exact> {
        if self.books == Some(currency) {
            return Some(Exact::from_integer(1));
        }
        let known = self.rates.range((currency, Day(i32::MIN))..=(currency, day)).next_back();
        known.map(|(_, rate)| *rate)
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
    /// All tables of rates, the oldest first, and the last control whose count.
    pub tables: &'a [Table],
    pub until: u64,
}

impl Worth<'_> {
    /// Of an amount that lines have earned; nothing where a rate is missing.
    pub fn of(&self, amount: Micros, lines: &[Line]) -> Option<Micros> {
        let books = self.known_at(self.terms)[0].books?;
        let at = |rate: Exact| rounded(exact(amount) * rate, books);
        match self.program.conversion {
            Conversion::Fixed(rate) if self.program.currency == Some(self.currency) && books != self.currency => {
                Some(at(exact(rate)))
            }
            Conversion::PeriodEnd => {
                self.first_known(self.terms, |table| table.until(self.currency, self.last)).map(at)
            }
            conversion => self.mean(conversion, lines, amount.is_zero()).map(at),
        }
    }

    /// The mean rate of sales, each as it was known when the line came, else as it was first known since, weighted with what they earn by; a linked return takes its weight out again. What each is in
    /// the books is kept to a millionth.
    fn mean(&self, conversion: Conversion, lines: &[Line], of_nothing: bool) -> Option<Exact> {
        let (mut weights, mut worth) = (0_i128, 0_i128);
        for line in lines {
            let rate = self.first_known(line.came, |table| table.of_sale(conversion, self.currency, line.sold))?;
            let weight = i128::from(base(&self.program.mechanism, line.own()).0.abs());
            let weight = if line.of.is_some() { -weight } else { weight };
            weights += weight;
            worth += pieces_at(weight, rate);
        }
        match weights {
            0 => of_nothing.then(zero),
            _ => Some(Exact::new(worth, weights)),
        }
    }

    /// Tables from the one on that was known at a control.
    fn known_at(&self, control: u64) -> &[Table] {
        let behind = self.tables.partition_point(|table| table.since <= control);
        &self.tables[behind.checked_sub(1).expect("a sale comes behind a configuration")..]
    }

    /// A rate that was known at a control, else as it was first known since.
    fn first_known(&self, control: u64, rate: impl Fn(&Table) -> Option<Exact>) -> Option<Exact> {
        let counts = |table: &&Table| table.since <= control.max(self.until);
        self.known_at(control).iter().take_while(counts).find_map(rate)
    }
}

/// What the rate of a program is multiplied with.
fn base(mechanism: &Mechanism, (quantity, amount): (Micros, Micros)) -> Micros {
    let benefit = match mechanism {
        Mechanism::Fixed { measure, .. } | Mechanism::Points(Points { measure, .. }) => {
            return if *measure == Measure::Quantity { quantity } else { amount };
        }
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
        Benefit::PerUnit => quantity,
        Benefit::Percent => amount,
    }
}
