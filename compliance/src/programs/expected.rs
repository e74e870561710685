//! A program as it accrues while its period is expected to reach a measure (domain notes §4.2-j; ASC 606-10-32-8).

use contract::{Mechanism, Micros, Program, Tier};

use super::{volume_retroactive, volume_total};

/// The program as it pays where this measure is reached in the end, whatever is sold by then: the bands up to the one that it
/// reaches are one from zero on, and a threshold that it comes to is met. What is sold above it reaches further bands as ever.
///
/// Only for rates on everything that was sold; any other mechanism stays as it is.
pub fn reaching(program: &Program, measure: Micros) -> Program {
    let mut reaching = program.clone();
    match &mut reaching.mechanism {
        Mechanism::VolumeRetroactive { tiers, .. } => {
            let rate = volume_retroactive::rate_reached(tiers, measure.0.into());
            reach(tiers, measure, rate);
        }
        Mechanism::VolumeTotal { tiers, .. } => {
            let rate = volume_total::rate_reached(tiers, measure.0.into());
            reach(tiers, measure, rate);
        }
        _ => return reaching,
    }
    reaching.threshold = program.threshold.filter(|threshold| *threshold > measure);
    reaching
}

fn reach(tiers: &mut Vec<Tier>, measure: Micros, rate: Micros) {
    tiers.retain(|tier| tier.from > measure);
    tiers.insert(0, Tier { from: Micros::ZERO, rate });
}
