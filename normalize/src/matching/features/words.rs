//! Words that both names have, weighed by how rare they are.

use super::super::agreement::agreement;
use super::super::record::{Record, Word};

/// Cosine of the rarity-weighted words, joined words and letter triples.
pub(crate) fn cosine(feed: &Record, catalogue: &Record) -> Option<f32> {
    let (mut left, mut right) = (&feed.terms[..], &catalogue.terms[..]);
    let mut sum = 0.0;
    while let ([(a, weight_a), rest_a @ ..], [(b, weight_b), rest_b @ ..]) = (left, right) {
        match a.cmp(b) {
            std::cmp::Ordering::Less => left = rest_a,
            std::cmp::Ordering::Greater => right = rest_b,
            std::cmp::Ordering::Equal => {
                sum += weight_a * weight_b;
                (left, right) = (rest_a, rest_b);
            }
        }
    }
    Some(sum)
}

/// Whether the other record has the word, also joined with its neighbours or broken up.
pub(crate) fn has(other: &Record, word: &Word) -> bool {
    other.words.iter().any(|known| known.text == word.text)
        || (word.text.len() >= 5 && other.everything.contains(&*word.text))
}

fn share(from: &Record, other: &Record) -> Option<f32> {
    let total: f32 = from.words.iter().map(|word| word.rarity).sum();
    let shared: f32 = from.words.iter().filter(|word| has(other, word)).map(|word| word.rarity).sum();
    (total > 0.0).then(|| shared / total)
}

pub(crate) fn shared_of_feed(feed: &Record, catalogue: &Record) -> Option<f32> {
    share(feed, catalogue)
}

pub(crate) fn shared_of_catalogue(feed: &Record, catalogue: &Record) -> Option<f32> {
    share(catalogue, feed)
}

/// The smaller of both shares.
pub(crate) fn least_shared(feed: &Record, catalogue: &Record) -> Option<f32> {
    Some(share(feed, catalogue)?.min(share(catalogue, feed)?))
}

/// How rare the words are that each side has alone: high only where both sides have a rare one.
pub(crate) fn both_differ(feed: &Record, catalogue: &Record) -> Option<f32> {
    Some(rarest_only_in_feed(feed, catalogue)?.min(rarest_only_in_catalogue(feed, catalogue)?))
}

fn rarest<'a>(words: impl Iterator<Item = &'a Word>) -> Option<f32> {
    Some(words.map(|word| word.rarity).fold(0.0, f32::max))
}

pub(crate) fn rarest_shared(feed: &Record, catalogue: &Record) -> Option<f32> {
    rarest(catalogue.words.iter().filter(|word| has(feed, word)))
}

pub(crate) fn rarest_only_in_feed(feed: &Record, catalogue: &Record) -> Option<f32> {
    rarest(feed.words.iter().filter(|word| !has(catalogue, word)))
}

pub(crate) fn rarest_only_in_catalogue(feed: &Record, catalogue: &Record) -> Option<f32> {
    rarest(catalogue.words.iter().filter(|word| !has(feed, word)))
}

/// Order, abbreviations and a cut end do not matter.
pub(crate) fn agreement_of_names(feed: &Record, catalogue: &Record) -> Option<f32> {
    Some(f32::from(agreement(&feed.name, &catalogue.name)) / 1000.0)
}

/// Mostly the brand of a product or the heart of a company's name.
pub(crate) fn first_word(feed: &Record, catalogue: &Record) -> Option<f32> {
    let (left, right) = (feed.words.first()?, catalogue.words.first()?);
    let swapped = has(feed, right) || has(catalogue, left);
    Some(if left.text == right.text {
        1.0
    } else if swapped {
        0.5
    } else {
        0.0
    })
}

/// Words of things that go with another thing.
const ACCESSORIES: &[&str] = &[
    "accessory",
    "adapter",
    "battery",
    "bundle",
    "cable",
    "case",
    "charger",
    "compatible",
    "cover",
    "for",
    "kit",
    "mount",
    "protector",
    "refill",
    "replacement",
    "stand",
    "upgrade",
    "warranty",
];

/// How many words of accessories stand on one side only.
pub(crate) fn accessory(feed: &Record, catalogue: &Record) -> Option<f32> {
    Some(one_sided(feed, catalogue, ACCESSORIES))
}

/// Words that tell variants apart.
const VARIANTS: &[&str] = &[
    "academic",
    "black",
    "blue",
    "deluxe",
    "gold",
    "gray",
    "green",
    "grey",
    "home",
    "ii",
    "iii",
    "iv",
    "lite",
    "mac",
    "max",
    "mini",
    "orange",
    "pink",
    "plus",
    "premium",
    "pro",
    "professional",
    "purple",
    "red",
    "rose",
    "server",
    "silver",
    "small",
    "standard",
    "student",
    "suite",
    "trial",
    "ultimate",
    "upgrade",
    "white",
    "windows",
    "yellow",
];

/// How many words of variants stand on one side only.
pub(crate) fn variant(feed: &Record, catalogue: &Record) -> Option<f32> {
    Some(one_sided(feed, catalogue, VARIANTS))
}

fn one_sided(feed: &Record, catalogue: &Record, list: &[&str]) -> f32 {
    let only = |from: &Record, other: &Record| {
        let listed = from.words.iter().filter(|word| list.contains(&&*word.text));
        listed.filter(|word| !other.words.iter().any(|known| known.text == word.text)).count()
    };
    (only(feed, catalogue) + only(catalogue, feed)) as f32
}
