//! Volume tiers where every band reached pays, each up to where the next one starts.
//!
//! A unit is paid by its own band and by every higher one that is reached. So these are bands that pay their own slices
//! ([`super::volume_marginal`]), each at the sum of the rates from its own up to the highest one reached.

use contract::Tier;

use super::volume_retroactive::tier_reached;

/// The bands as they pay when `measured` is reached.
pub fn bands(tiers: &[Tier], measured: i128) -> Vec<Tier> {
    let mut bands = tiers[..tier_reached(tiers, measured)].to_vec();
    for i in (1..bands.len()).rev() {
        bands[i - 1].rate = bands[i - 1].rate + bands[i].rate;
    }
    bands
}
