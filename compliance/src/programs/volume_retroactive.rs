//! Volume tiers where the highest band reached pays on everything.

use contract::{Benefit, Micros, Tier};

use super::{Exact, Sums};

pub fn benefit(benefit: Benefit, rate: Micros, sold: Sums) -> Exact {
    Exact::product(rate, sold.base(benefit))
}

/// Number of the band reached, from 1; 0 below the first. Bands are half-open: `[from, next)`.
///
/// Returns without sales bring the measure below zero; the first band takes them back where it starts at zero.
pub fn tier_reached(tiers: &[Tier], measured: i128) -> usize {
    tiers.partition_point(|tier| i128::from(tier.from.0) <= measured.max(0))
}

/// The rate that holds at this measure; nothing below the first band.
pub fn rate_reached(tiers: &[Tier], measured: i128) -> Micros {
    match tier_reached(tiers, measured) {
        0 => Micros::ZERO,
        tier => tiers[tier - 1].rate,
    }
}
