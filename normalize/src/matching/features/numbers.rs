//! Quantities and plain numbers.

use super::super::record::Record;
use super::super::units;

/// In how many kinds of quantity (capacity, size, pack) the two sides differ.
pub(crate) fn units(feed: &Record, catalogue: &Record) -> Option<f32> {
    units::conflict(&feed.units, &catalogue.units).map(|conflicts| conflicts as f32)
}

/// Which share of all plain numbers both names have.
pub(crate) fn numbers(feed: &Record, catalogue: &Record) -> Option<f32> {
    super::jaccard(&feed.numbers, &catalogue.numbers)
}

/// Numbers on one side only: none, on one side, on both sides.
pub(crate) fn conflict(feed: &Record, catalogue: &Record) -> Option<f32> {
    let only = |from: &Record, other: &Record| from.numbers.iter().any(|number| !other.compact.contains(&**number));
    let sides = usize::from(only(feed, catalogue)) + usize::from(only(catalogue, feed));
    (!feed.numbers.is_empty() || !catalogue.numbers.is_empty()).then_some(sides as f32)
}
