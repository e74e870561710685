//! Names letter by letter.

use super::super::record::Record;

/// Longer names are compared by their words alone.
const LETTERS_MAX: usize = 64;

fn cut(text: &str) -> &str {
    text.char_indices().nth(LETTERS_MAX).map_or(text, |(at, _)| &text[..at])
}

pub(crate) fn jaro_winkler(feed: &Record, catalogue: &Record) -> Option<f32> {
    Some(strsim::jaro_winkler(cut(&feed.name), cut(&catalogue.name)) as f32)
}

/// The share of letters that stay when one compact name is turned into the other.
pub(crate) fn edits(feed: &Record, catalogue: &Record) -> Option<f32> {
    Some(strsim::normalized_levenshtein(cut(&feed.compact), cut(&catalogue.compact)) as f32)
}

/// The same with the words of both names in order of the alphabet.
pub(crate) fn sorted(feed: &Record, catalogue: &Record) -> Option<f32> {
    let line = |record: &Record| {
        let mut words: Vec<&str> = record.words.iter().map(|word| &*word.text).collect();
        words.sort_unstable();
        words.concat()
    };
    Some(strsim::normalized_levenshtein(cut(&line(feed)), cut(&line(catalogue))) as f32)
}

/// The rarity-weighted share of words that the other name has in some spelling.
fn soft(from: &Record, other: &Record) -> Option<f32> {
    let total: f32 = from.words.iter().map(|word| word.rarity).sum();
    let best = |word: &str| other.words.iter().map(|known| alike(word, &known.text)).fold(0.0, f32::max);
    let shared: f32 = from.words.iter().map(|word| word.rarity * best(&word.text)).sum();
    (total > 0.0).then(|| shared / total)
}

fn alike(left: &str, right: &str) -> f32 {
    if left == right {
        return 1.0;
    }
    let numeric = |word: &str| word.bytes().any(|b| b.is_ascii_digit());
    if left.len().min(right.len()) < 3 || numeric(left) || numeric(right) {
        return 0.0;
    }
    let (short, long) = if left.len() < right.len() { (left, right) } else { (right, left) };
    if long.starts_with(short) {
        return 0.9;
    }
    if left.len().abs_diff(right.len()) > 2 || left.as_bytes()[0] != right.as_bytes()[0] {
        return 0.0;
    }
    let kept = strsim::normalized_levenshtein(left, right) as f32;
    if kept >= 0.7 { kept } else { 0.0 }
}

pub(crate) fn soft_of_feed(feed: &Record, catalogue: &Record) -> Option<f32> {
    soft(feed, catalogue)
}

pub(crate) fn soft_of_catalogue(feed: &Record, catalogue: &Record) -> Option<f32> {
    soft(catalogue, feed)
}

/// The smaller of both soft shares.
pub(crate) fn least_soft(feed: &Record, catalogue: &Record) -> Option<f32> {
    Some(soft(feed, catalogue)?.min(soft(catalogue, feed)?))
}

/// The shorter name's length as a share of the longer one's.
pub(crate) fn length(feed: &Record, catalogue: &Record) -> Option<f32> {
    let (left, right) = (feed.compact.len() as f32, catalogue.compact.len() as f32);
    (left > 0.0 && right > 0.0).then(|| left.min(right) / left.max(right))
}
