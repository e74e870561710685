//! Where somebody is and how to call there.

use super::super::record::Record;

/// Which share of the words of both addresses is common.
pub(crate) fn words(feed: &Record, catalogue: &Record) -> Option<f32> {
    super::jaccard(&feed.address, &catalogue.address)
}

/// Whether the addresses start with the same number.
pub(crate) fn house_number(feed: &Record, catalogue: &Record) -> Option<f32> {
    let number = |record: &Record| record.address.iter().find(|word| word.bytes().any(|b| b.is_ascii_digit())).cloned();
    Some(if number(feed)? == number(catalogue)? { 1.0 } else { 0.0 })
}

pub(crate) fn city(feed: &Record, catalogue: &Record) -> Option<f32> {
    let (left, right) = (&feed.city, &catalogue.city);
    if left.is_empty() || right.is_empty() {
        return None;
    }
    Some(if left == right { 1.0 } else { strsim::jaro_winkler(left, right) as f32 * 0.5 })
}

/// The same ten last digits, or at least the same seven.
pub(crate) fn phone(feed: &Record, catalogue: &Record) -> Option<f32> {
    let tail = |phone: &str, len: usize| phone.len().checked_sub(len).map(|from| phone[from..].to_owned());
    let same = |len| Some(tail(&feed.phone, len)? == tail(&catalogue.phone, len)?);
    Some(if same(7)? { if same(10) == Some(false) { 0.7 } else { 1.0 } } else { 0.0 })
}
