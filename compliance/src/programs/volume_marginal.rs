//! Volume tiers where each band pays its own slice.

use contract::{Benefit, Measure, Micros, Tier};

use super::{Exact, Sums};

/// What all lines together earn where rate and band count the same thing; no order is needed then.
pub fn benefit(tiers: &[Tier], measured: i128) -> Exact {
    slices(tiers, 0, measured).map(|(rate, width)| Exact::product(rate, width)).sum()
}

/// What one line earns when the lines before it have brought the measure to `before`.
///
/// A line that straddles a threshold is divided in proportion to the measure. A line that leaves the measure as it is
/// (a price adjustment) earns at the band that was reached. A return gives back what the topmost slices paid.
pub fn line_benefit(measure: Measure, benefit: Benefit, tiers: &[Tier], before: Sums, line: Sums) -> Exact {
    let (from, width) = (before.measure(measure), line.measure(measure));
    let base = line.base(benefit);
    if width == 0 {
        return Exact::product(rate_at(tiers, from), base);
    }
    slices(tiers, from, from + width).map(|(rate, part)| Exact::product_share(rate, base, part, width)).sum()
}

/// Rate of the band that holds `measured`. Below zero the first band goes on where it starts at zero.
fn rate_at(tiers: &[Tier], measured: i128) -> Micros {
    let reached = tiers.partition_point(|tier| i128::from(tier.from.0) <= measured.max(0));
    if reached == 0 { Micros::ZERO } else { tiers[reached - 1].rate }
}

/// Rates and signed widths of the bands between two values of the measure; negative on the way down.
fn slices(tiers: &[Tier], from: i128, to: i128) -> impl Iterator<Item = (Micros, i128)> + '_ {
    let (low, high, sign) = if from <= to { (from, to, 1) } else { (to, from, -1) };
    tiers.iter().enumerate().filter_map(move |(i, tier)| {
        let opens = i128::from(tier.from.0);
        let start = if i == 0 && opens <= 0 { low } else { opens.max(low) };
        let end = tiers.get(i + 1).map_or(high, |next| i128::from(next.from.0).min(high));
        (start < end).then(|| (tier.rate, sign * (end - start)))
    })
}
