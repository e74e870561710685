//! A program as it holds for one beneficiary and period: baseline of growth, proration (domain notes §4.5).

use contract::{Benefit, Day, Figure, Growth, Mechanism, Micros, PaidOn, Program, Score, Settlement, Tier};

use crate::exact::{Exact, exact, to_millionths};

/// `last` is the last day of the settlement's period.
pub fn holding(program: &Program, settlement: &Settlement, partner: &str, last: Day) -> Program {
    let mut program = program.clone();
    if let Mechanism::Growth(growth) = &program.mechanism
        && program.currency.is_none_or(|currency| currency == settlement.currency)
        && let Some(baseline) = figure(&growth.baselines, partner, &settlement.period)
    {
        program.mechanism = over(growth, baseline);
    } else if let Mechanism::Score(score) = &program.mechanism
        && let Some(reached) = figure(&score.scores, partner, &settlement.period)
    {
        program.mechanism = banded(score, reached);
    }
    let (first, last) = program.period.range(last);
    let inside = last.min(program.to).0 - first.max(program.from).0 + 1;
    let share = Exact::new(i128::from(inside.max(0)), i128::from(last.0 - first.0 + 1));
    if share < Exact::from_integer(1) { prorated(program, share) } else { program }
}

/// That of the very period, else the one for each.
pub fn figure(figures: &[Figure], partner: &str, period: &str) -> Option<Micros> {
    let find = |period: &str| figures.iter().find(|figure| figure.partner == partner && figure.period == period);
    find(period).or_else(|| find("")).map(|figure| figure.value)
}

fn banded(score: &Score, reached: Micros) -> Mechanism {
    let band = score.tiers.iter().rfind(|tier| tier.from <= reached);
    let rate = band.map_or(Micros::ZERO, |tier| tier.rate);
    match score.benefit {
        Benefit::PerUnit => Mechanism::PerUnit { rate },
        Benefit::Percent => Mechanism::Percent { rate },
    }
}

fn over(growth: &Growth, baseline: Micros) -> Mechanism {
    let (measure, benefit) = (growth.measure, growth.benefit);
    let target = |tier: &Tier| Tier { from: kept(exact(baseline) * exact(tier.from)), rate: tier.rate };
    let tiers = growth.tiers.iter().map(target).collect();
    match growth.paid_on {
        PaidOn::All => Mechanism::VolumeRetroactive { measure, benefit, tiers },
        PaidOn::Growth => Mechanism::VolumeExcess { measure, benefit, above: baseline, tiers },
        PaidOn::Excess => Mechanism::VolumeMarginal { measure, benefit, tiers },
    }
}

fn prorated(mut program: Program, share: Exact) -> Program {
    let scaled = |value: Micros| kept(exact(value) * share);
    if program.prorate.amount
        && let Mechanism::Fixed { amount, .. } = &mut program.mechanism
    {
        *amount = scaled(*amount);
    }
    if program.prorate.thresholds {
        program.threshold = program.threshold.map(scaled);
        match &mut program.mechanism {
            Mechanism::VolumeExcess { above, tiers, .. } => {
                *above = scaled(*above);
                tiers.iter_mut().for_each(|tier| tier.from = scaled(tier.from));
            }
            Mechanism::VolumeMarginal { tiers, .. }
            | Mechanism::VolumeRetroactive { tiers, .. }
            | Mechanism::VolumeRolling { tiers, .. }
            | Mechanism::VolumeTotal { tiers, .. } => tiers.iter_mut().for_each(|tier| tier.from = scaled(tier.from)),
            _ => {}
        }
    }
    if program.prorate.caps {
        program.caps.partner_period = program.caps.partner_period.map(scaled);
        program.caps.measure = program.caps.measure.map(scaled);
    }
    program
}

/// A bound that was made from others, as programs keep it.
fn kept(value: Exact) -> Micros {
    let value = to_millionths(value) * Exact::from_integer(1_000_000);
    Micros(i64::try_from(value.to_integer()).expect("a bound fits"))
}
