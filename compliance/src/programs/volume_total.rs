//! Volume tiers where every band reached pays on everything.

use contract::{Micros, Tier};

use super::volume_retroactive::tier_reached;

/// The rates of all bands reached together; they are paid as one rate on everything ([`super::volume_retroactive`]).
pub fn rate_reached(tiers: &[Tier], measured: i128) -> Micros {
    tiers[..tier_reached(tiers, measured)].iter().map(|tier| tier.rate).sum()
}
