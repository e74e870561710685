//! What a line earns by its place in the order (domain notes §4.1, §4.5), before caps.

use contract::{Benefit, CoopFund, FreeGoods, Measure, Mechanism, Micros, Per, Points, SellIn, Tier};

use crate::exact::{Exact, exact, zero};

/// Units and money of lines taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sold {
    pub quantity: Exact,
    pub amount: Exact,
}

impl Sold {
    pub fn nothing() -> Sold {
        Sold { quantity: zero(), amount: zero() }
    }

    pub fn of(quantity: Micros, amount: Micros) -> Sold {
        Sold { quantity: exact(quantity), amount: exact(amount) }
    }

    pub fn plus(self, other: Sold) -> Sold {
        Sold { quantity: self.quantity + other.quantity, amount: self.amount + other.amount }
    }

    pub fn times(self, share: Exact) -> Sold {
        Sold { quantity: self.quantity * share, amount: self.amount * share }
    }

    pub fn measured(self, measure: Measure) -> Exact {
        match measure {
            Measure::Quantity => self.quantity,
            Measure::Amount => self.amount,
        }
    }

    fn base(self, benefit: Benefit) -> Exact {
        match benefit {
            Benefit::PerUnit => self.quantity,
            Benefit::Percent => self.amount,
        }
    }
}

/// A stretch of the measure, from its start up to the next one's, with what it pays.
struct Band {
    from: Exact,
    to: Option<Exact>,
    rate: Exact,
}

/// What a line earns, when the lines in front of it add up to `before` and all that count to `all`.
pub fn earned(mechanism: &Mechanism, before: Sold, line: Sold, all: Sold) -> Exact {
    match mechanism {
        Mechanism::PerUnit { rate } => exact(*rate) * line.quantity,
        Mechanism::Percent { rate } => exact(*rate) * line.amount,
        Mechanism::Spiff { benefit, rate, .. } | Mechanism::SellIn(SellIn { benefit, rate, .. }) => {
            exact(*rate) * line.base(*benefit)
        }
        Mechanism::Fixed { measure, amount } => {
            let paid = |sold: Exact| if sold.is_positive() { exact(*amount) } else { zero() };
            paid(before.plus(line).measured(*measure)) - paid(before.measured(*measure))
        }
        Mechanism::VolumeRetroactive { measure, benefit, tiers } => {
            let top = reached(tiers, all.measured(*measure)).last();
            top.map_or(zero(), |tier| exact(tier.rate)) * line.base(*benefit)
        }
        Mechanism::VolumeTotal { measure, benefit, tiers } => {
            let rates = reached(tiers, all.measured(*measure)).map(|tier| exact(tier.rate));
            rates.sum::<Exact>() * line.base(*benefit)
        }
        Mechanism::VolumeMarginal { measure, benefit, tiers } => {
            along(&stretches(tiers), *measure, *benefit, before, line)
        }
        Mechanism::VolumeRolling { measure, benefit, tiers } => {
            let paying: Vec<Tier> = reached(tiers, all.measured(*measure)).copied().collect();
            let mut bands = stretches(&paying);
            // A unit is paid by its own band and by each higher one that is reached.
            for place in 0..bands.len() {
                bands[place].rate = paying[place..].iter().map(|tier| exact(tier.rate)).sum();
            }
            along(&bands, *measure, *benefit, before, line)
        }
        Mechanism::VolumeExcess { measure, benefit, above, tiers } => {
            let rate = reached(tiers, all.measured(*measure)).last().map_or(zero(), |tier| exact(tier.rate));
            along(&[Band { from: exact(*above), to: None, rate }], *measure, *benefit, before, line)
        }
        Mechanism::FreeGoods(terms) => match terms.per {
            Per::Period => given(terms, before.plus(line).quantity) - given(terms, before.quantity),
            Per::Sale if line.quantity.is_negative() => -given(terms, -line.quantity),
            Per::Sale => given(terms, line.quantity),
        },
        Mechanism::Points(terms) => {
            let redeemed = Exact::from_integer(1) - exact(terms.breakage);
            points(terms, before, line) * exact(terms.value) * redeemed
        }
        Mechanism::CoopFund(CoopFund { rate, .. }) => exact(*rate) * line.amount,
        // Without a baseline there is no growth, without a score no band; with one it is another mechanism.
        Mechanism::Growth(_) | Mechanism::Score(_) => zero(),
        // What a special price gives, or what a cut of the price does, stands in the line.
        Mechanism::ShipAndDebit { .. } | Mechanism::PassThrough { .. } | Mechanism::PriceProtection { .. } => zero(),
    }
}

/// How many points a line brings.
fn points(terms: &Points, before: Sold, line: Sold) -> Exact {
    let counted = |measured: Exact| (measured.max(zero()) / exact(terms.every)).floor() * exact(terms.points);
    let (before, line) = (before.measured(terms.measure), line.measured(terms.measure));
    match terms.per {
        Per::Period => counted(before + line) - counted(before),
        Per::Sale if line.is_negative() => -counted(-line),
        Per::Sale => counted(line),
    }
}

/// What whole multiples of goods are worth.
fn given(terms: &FreeGoods, bought: Exact) -> Exact {
    (bought.max(zero()) / exact(terms.every)).floor() * exact(terms.free) * exact(terms.value)
}

/// Tiers that start at or below the measure; what is below zero counts as zero.
fn reached(tiers: &[Tier], measured: Exact) -> impl DoubleEndedIterator<Item = &Tier> {
    tiers.iter().filter(move |tier| exact(tier.from) <= measured.max(zero()))
}

fn stretches(tiers: &[Tier]) -> Vec<Band> {
    let ends = tiers.iter().skip(1).map(|tier| Some(exact(tier.from))).chain([None]);
    tiers.iter().zip(ends).map(|(tier, to)| Band { from: exact(tier.from), to, rate: exact(tier.rate) }).collect()
}

/// What a line is paid by the bands that it moves through, up or down. Where the rate is on another thing than the
/// measure, each band gets the line's share of it.
fn along(bands: &[Band], measure: Measure, benefit: Benefit, before: Sold, line: Sold) -> Exact {
    let (from, moved, base) = (before.measured(measure), line.measured(measure), line.base(benefit));
    if moved.is_zero() {
        let here = bands.iter().rfind(|band| band.from <= from.max(zero()));
        return here.map_or(zero(), |band| band.rate) * base;
    }
    let (low, high) = if moved.is_positive() { (from, from + moved) } else { (from + moved, from) };
    let share = |(place, band): (usize, &Band)| {
        // The first band also takes back what goes below zero, where it starts there.
        let start = if place == 0 && !band.from.is_positive() { low } else { band.from.max(low) };
        let end = band.to.map_or(high, |to| to.min(high));
        if start < end { band.rate * base * (end - start) / moved.abs() } else { zero() }
    };
    bands.iter().enumerate().map(share).sum()
}
