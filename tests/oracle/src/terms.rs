//! A program as it holds for one beneficiary and period: baseline of growth, proration (domain notes §4.5).

use contract::{Day, Growth, Mechanism, Micros, PaidOn, Program, Settlement, Tier};
use num_rational::Ratio;

use crate::exact::{Exact, exact, to_millionths};

/// `last` is the last day of the settlement's period.
pub fn holding(program: &Program, settlement: &Settlement, partner: &str, last: Day) -> Program {
    let mut program = program.clone();
    if let Mechanism::Growth(growth) = &program.mechanism
        && program.currency.is_none_or(|currency| currency == settlement.currency)
        && let Some(baseline) = growth.baseline(partner, &settlement.period)
    {
        program.mechanism = over(growth, baseline);
    }
    let (first, last) = program.period.range(last);
    let inside = last.min(program.to).0 - first.max(program.from).0 + 1;
    let share = Ratio::new(i128::from(inside.max(0)), i128::from(last.0 - first.0 + 1));
    if share < Ratio::from_integer(1) { prorated(program, share) } else { program }
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
    }
    program
}

/// A bound that was made from others, as programs keep it.
fn kept(value: Exact) -> Micros {
    let value = to_millionths(value) * Ratio::from_integer(1_000_000);
    Micros(i64::try_from(value.to_integer()).expect("a bound fits"))
}
