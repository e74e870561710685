//! Volume tiers where the highest band reached pays on what lies above a bound, and nothing below it is paid.
//!
//! That is a single band which starts at the bound and pays its own slice ([`super::volume_marginal`]).

use contract::{Micros, Tier};

use super::volume_retroactive::rate_reached;

/// The one band that pays when `measured` is reached.
pub fn band(tiers: &[Tier], above: Micros, measured: i128) -> [Tier; 1] {
    [Tier { from: above, rate: rate_reached(tiers, measured) }]
}
