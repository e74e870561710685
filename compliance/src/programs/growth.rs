//! Growth over a baseline: volume tiers that start at shares of what the beneficiary sold before.
//!
//! Once the baseline is known, growth is one of the other ways of earning: on all that is sold
//! ([`super::volume_retroactive`]), on what lies above each target ([`super::volume_marginal`]), or on what lies above the
//! baseline ([`super::volume_excess`]).

use contract::{Growth, Mechanism, Micros, PaidOn, Tier};

/// The tiers of one beneficiary, their bounds kept to a millionth.
pub fn of_baseline(growth: &Growth, baseline: Micros) -> Mechanism {
    let Growth { measure, benefit, paid_on, .. } = *growth;
    let tiers = growth.tiers.iter().map(|tier| Tier { from: baseline.times(tier.from), rate: tier.rate }).collect();
    match paid_on {
        PaidOn::Growth => Mechanism::VolumeExcess { measure, benefit, above: baseline, tiers },
        PaidOn::Excess => Mechanism::VolumeMarginal { measure, benefit, tiers },
        PaidOn::All => Mechanism::VolumeRetroactive { measure, benefit, tiers },
    }
}
