//! Model and part numbers, wherever they stand.

use super::super::record::Record;

const LEN_MIN: usize = 4;

/// The longest model number of `from` found in anything the other record says; 0.5 where only a shorter one is.
fn found(from: &Record, other: &Record) -> Option<f32> {
    let longest = from.models.iter().max_by_key(|model| model.len())?;
    if other.everything.contains(&**longest) {
        return Some(1.0);
    }
    let another = from.models.iter().any(|model| other.everything.contains(&**model));
    Some(if another { 0.5 } else { 0.0 })
}

pub(crate) fn of_catalogue(feed: &Record, catalogue: &Record) -> Option<f32> {
    found(catalogue, feed)
}

pub(crate) fn of_feed(feed: &Record, catalogue: &Record) -> Option<f32> {
    found(feed, catalogue)
}

/// How much of the front the likest two model numbers share: one is equal, nearly one another variant.
pub(crate) fn conflict(feed: &Record, catalogue: &Record) -> Option<f32> {
    let pairs = feed.models.iter().flat_map(|a| catalogue.models.iter().map(move |b| (a, b)));
    pairs.map(|(a, b)| common_front(a, b)).reduce(f32::max)
}

fn common_front(left: &str, right: &str) -> f32 {
    let common = left.bytes().zip(right.bytes()).take_while(|(a, b)| a == b).count();
    common as f32 / left.len().max(right.len()) as f32
}

/// Equal 1, one the front of the other 0.7, different 0.
pub(crate) fn mpn(feed: &Record, catalogue: &Record) -> Option<f32> {
    let (left, right) = (&feed.mpn, &catalogue.mpn);
    if left.is_empty() || right.is_empty() {
        return None;
    }
    let front = left.len().min(right.len()) >= LEN_MIN && (left.starts_with(&**right) || right.starts_with(&**left));
    Some(if left == right {
        1.0
    } else if front {
        0.7
    } else {
        0.0
    })
}

fn in_text(mpn: &str, other: &Record) -> Option<f32> {
    (mpn.len() >= LEN_MIN).then(|| if other.everything.contains(mpn) { 1.0 } else { 0.0 })
}

pub(crate) fn mpn_of_feed_in_text(feed: &Record, catalogue: &Record) -> Option<f32> {
    in_text(&feed.mpn, catalogue)
}

pub(crate) fn mpn_of_catalogue_in_text(feed: &Record, catalogue: &Record) -> Option<f32> {
    in_text(&catalogue.mpn, feed)
}
