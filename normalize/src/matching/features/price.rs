//! Prices.

use super::super::record::Record;

/// The lower price as a share of the higher one.
pub(crate) fn ratio(feed: &Record, catalogue: &Record) -> Option<f32> {
    let (left, right) = (feed.price?, catalogue.price?);
    Some(left.min(right) / left.max(right))
}
