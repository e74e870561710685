//! A program as it holds for one settlement.

use std::borrow::Cow;

use contract::{Day, Figure, Mechanism, Micros, Points, Program, Proration, Settlement, Tier};

use super::{growth, score};

/// The program with what it says of this beneficiary and period put in: the baseline of growth, the score, and what is
/// prorated for a period in which the version is in force only partly. `day` is any day of the period.
pub fn of_settlement<'p>(program: &'p Program, settlement: &Settlement, partner: &str, day: Day) -> Cow<'p, Program> {
    let figured = match figured(program, settlement, partner) {
        Some(mechanism) => Cow::Owned(Program { mechanism, ..program.clone() }),
        None => Cow::Borrowed(program),
    };
    match days_in_force(program, day) {
        (part, whole) if part < whole => Cow::Owned(prorated(figured.into_owned(), part, whole)),
        _ => figured,
    }
}

/// The mechanism that a partner's figure makes of the program's.
fn figured(program: &Program, settlement: &Settlement, partner: &str) -> Option<Mechanism> {
    let figure = figure(program, settlement, partner)?;
    match &program.mechanism {
        Mechanism::Growth(growth) => Some(growth::of_baseline(growth, figure)),
        Mechanism::Score(terms) => Some(score::of_score(terms, figure)),
        _ => None,
    }
}

/// A partner's baseline or score. A baseline is in the program's currency; a settlement in another one has none.
pub fn figure(program: &Program, settlement: &Settlement, partner: &str) -> Option<Micros> {
    let (_, figures) = program.mechanism.figures()?;
    let is_foreign = matches!(program.mechanism, Mechanism::Growth(_)) && !program.is_in(settlement.currency);
    Figure::find(figures, partner, &settlement.period).filter(|_| !is_foreign)
}

/// The mechanism with the figures of another one that may come to hold when its period has frozen: baselines, scores, and how many
/// points are never redeemed. `None` where these are its own.
pub fn with_figures(mechanism: &Mechanism, other: &Mechanism) -> Option<Mechanism> {
    let mut changed = mechanism.clone();
    match (&mut changed, other) {
        (Mechanism::Growth(own), Mechanism::Growth(other)) => own.baselines = other.baselines.clone(),
        (Mechanism::Score(own), Mechanism::Score(other)) => own.scores = other.scores.clone(),
        (Mechanism::Points(own), Mechanism::Points(Points { breakage, .. })) => own.breakage = *breakage,
        _ => {}
    }
    (changed != *mechanism).then_some(changed)
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
        let caps = &mut program.caps;
        (caps.measure, caps.partner_period) = (caps.measure.map(share), caps.partner_period.map(share));
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
