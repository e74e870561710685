//! A program as it holds for one settlement.

use std::borrow::Cow;

use contract::{Day, Mechanism, Micros, Program, Proration, Settlement, Tier};

use super::growth;

/// The program with what it says of this beneficiary and period put in: the baseline of growth, and what is prorated for
/// a period in which the version is in force only partly. `day` is any day of the period.
pub fn of_settlement<'p>(program: &'p Program, settlement: &Settlement, partner: &str, day: Day) -> Cow<'p, Program> {
    let grown = grown(program, settlement, partner);
    match days_in_force(program, day) {
        (part, whole) if part < whole => Cow::Owned(prorated(grown.into_owned(), part, whole)),
        _ => grown,
    }
}

/// A baseline is in the program's currency; a settlement in another one has none.
fn grown<'p>(program: &'p Program, settlement: &Settlement, partner: &str) -> Cow<'p, Program> {
    let Mechanism::Growth(growth) = &program.mechanism else { return Cow::Borrowed(program) };
    let comparable = program.currency.is_none_or(|currency| currency == settlement.currency);
    match growth.baseline(partner, &settlement.period).filter(|_| comparable) {
        Some(baseline) => Cow::Owned(Program { mechanism: growth::of_baseline(growth, baseline), ..program.clone() }),
        None => Cow::Borrowed(program),
    }
}

/// Days of the period in which the version is in force, and all its days.
fn days_in_force(program: &Program, day: Day) -> (i32, i32) {
    let (first, last) = program.period.range(day);
    let part = last.min(program.to).0 - first.max(program.from).0 + 1;
    (part.max(0), last.0 - first.0 + 1)
}

fn prorated(mut program: Program, part: i32, whole: i32) -> Program {
    let share = |value: Micros| value.share(Micros::units(part.into()), Micros::units(whole.into()));
    let Proration { amount, thresholds, caps } = program.prorate;
    if let (true, Mechanism::Fixed { amount, .. }) = (amount, &mut program.mechanism) {
        *amount = share(*amount);
    }
    if thresholds {
        program.threshold = program.threshold.map(share);
        scale_tiers(&mut program.mechanism, share);
    }
    if caps {
        program.caps.partner_period = program.caps.partner_period.map(share);
    }
    program
}

fn scale_tiers(mechanism: &mut Mechanism, share: impl Fn(Micros) -> Micros) {
    let scale = |tiers: &mut Vec<Tier>| tiers.iter_mut().for_each(|tier| tier.from = share(tier.from));
    match mechanism {
        Mechanism::VolumeMarginal { tiers, .. }
        | Mechanism::VolumeRetroactive { tiers, .. }
        | Mechanism::VolumeRolling { tiers, .. }
        | Mechanism::VolumeTotal { tiers, .. } => scale(tiers),
        Mechanism::VolumeExcess { above, tiers, .. } => {
            *above = share(*above);
            scale(tiers);
        }
        _ => {}
    }
}
