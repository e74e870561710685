//! The maker's name.

use super::super::record::Record;

/// Equal or contained 1; else how much of the letters agrees, or whether the brand stands in the other text.
pub(crate) fn brand(feed: &Record, catalogue: &Record) -> Option<f32> {
    let (left, right) = (feed.brand.as_str(), catalogue.brand.as_str());
    match (left.is_empty(), right.is_empty()) {
        (true, true) => None,
        (false, false) if left.contains(right) || right.contains(left) => Some(1.0),
        (false, false) => Some(0.8 * strsim::jaro_winkler(left, right) as f32),
        (false, true) => Some(stands_in(left, catalogue)),
        (true, false) => Some(stands_in(right, feed)),
    }
}

fn stands_in(brand: &str, record: &Record) -> f32 {
    let first = brand.split(' ').next().unwrap_or(brand);
    if record.everything.contains(first) { 0.9 } else { 0.4 }
}
