//! Incentive programs: how a benefit follows from what was sold, and which programs a sale may earn under.
//!
//! One file for each way of earning, all of them plain functions over [`contract`] types. A new one is a variant of
//! [`contract::Mechanism`], a file here, and an arm in [`benefit`] and [`line_benefit`].

pub mod allocation;
pub mod caps;
pub mod estimate;
pub mod exact;
pub mod index;
pub mod per_unit;
pub mod percent;
pub mod spiff;
pub mod volume_marginal;
pub mod volume_retroactive;

use contract::{Benefit, Measure, Mechanism, Micros, Program};

pub use exact::{Exact, Sums};

/// What a program pays on net sums, before thresholds and caps.
///
/// Only for programs that need no order of lines, see [`needs_lines`].
pub fn benefit(mechanism: &Mechanism, sold: Sums) -> Exact {
    match mechanism {
        Mechanism::PerUnit { rate } => per_unit::benefit(*rate, sold),
        Mechanism::Percent { rate } => percent::benefit(*rate, sold),
        Mechanism::Spiff { benefit, rate } => spiff::benefit(*benefit, *rate, sold),
        Mechanism::VolumeMarginal { measure, tiers, .. } => volume_marginal::benefit(tiers, sold.measure(*measure)),
        Mechanism::VolumeRetroactive { measure, benefit, tiers } => {
            let rate = volume_retroactive::rate_reached(tiers, sold.measure(*measure));
            volume_retroactive::benefit(*benefit, rate, sold)
        }
    }
}

/// What one line earns, before thresholds and caps, when the lines before it add up to `before` and all lines that
/// count for the tier to `all`.
pub fn line_benefit(mechanism: &Mechanism, before: Sums, line: Sums, all: Sums) -> Exact {
    match mechanism {
        Mechanism::PerUnit { rate } => per_unit::benefit(*rate, line),
        Mechanism::Percent { rate } => percent::benefit(*rate, line),
        Mechanism::Spiff { benefit, rate } => spiff::benefit(*benefit, *rate, line),
        Mechanism::VolumeMarginal { measure, benefit, tiers } => {
            volume_marginal::line_benefit(*measure, *benefit, tiers, before, line)
        }
        Mechanism::VolumeRetroactive { measure, benefit, tiers } => {
            let rate = volume_retroactive::rate_reached(tiers, all.measure(*measure));
            volume_retroactive::benefit(*benefit, rate, line)
        }
    }
}

/// Whether the benefit depends on single lines and their order, not only on their sums.
pub fn needs_lines(program: &Program) -> bool {
    let line_caps = program.caps.per_unit.is_some() || program.caps.per_transaction.is_some();
    let mixed = match &program.mechanism {
        Mechanism::VolumeMarginal { measure, benefit, .. } => counted_by(*benefit) != *measure,
        _ => false,
    };
    line_caps || mixed
}

/// What the mechanism's rate is multiplied with.
pub fn rate_base(mechanism: &Mechanism) -> Benefit {
    match mechanism {
        Mechanism::PerUnit { .. } => Benefit::PerUnit,
        Mechanism::Percent { .. } => Benefit::Percent,
        Mechanism::VolumeMarginal { benefit, .. }
        | Mechanism::VolumeRetroactive { benefit, .. }
        | Mechanism::Spiff { benefit, .. } => *benefit,
    }
}

/// Whether the threshold lets anything be due: dollar-one from there on.
pub fn threshold_met(threshold: Option<Micros>, measured: i128) -> bool {
    threshold.is_none_or(|threshold| measured >= i128::from(threshold.0))
}

fn counted_by(benefit: Benefit) -> Measure {
    match benefit {
        Benefit::PerUnit => Measure::Quantity,
        Benefit::Percent => Measure::Amount,
    }
}
