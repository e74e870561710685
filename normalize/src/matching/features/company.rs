//! Names of companies: the core without legal form, short forms, initials.

use super::super::agreement::abbreviates;
use super::super::record::Record;

/// Jaro-Winkler of the cores.
pub(crate) fn core(feed: &Record, catalogue: &Record) -> Option<f32> {
    Some(strsim::jaro_winkler(&feed.core.join(" "), &catalogue.core.join(" ")) as f32)
}

/// The share of letters of the compact cores that stay.
pub(crate) fn core_edits(feed: &Record, catalogue: &Record) -> Option<f32> {
    Some(strsim::normalized_levenshtein(&feed.core.concat(), &catalogue.core.concat()) as f32)
}

/// Which share of all core words both have.
pub(crate) fn core_words(feed: &Record, catalogue: &Record) -> Option<f32> {
    super::jaccard(&feed.core, &catalogue.core)
}

/// Which share of the shorter core's words stands in the other one, whole or shortened.
pub(crate) fn short_forms(feed: &Record, catalogue: &Record) -> Option<f32> {
    let (short, long) = if feed.core.len() <= catalogue.core.len() { (feed, catalogue) } else { (catalogue, feed) };
    let stands = |word: &&String| {
        long.core.iter().any(|other| *word == other || abbreviates(word, other) || abbreviates(other, word))
    };
    let found = short.core.iter().filter(stands).count();
    (!short.core.is_empty()).then(|| found as f32 / short.core.len() as f32)
}

/// Whether one side is the initials of the other.
pub(crate) fn initials(feed: &Record, catalogue: &Record) -> Option<f32> {
    let of = |record: &Record| -> String { record.core.iter().filter_map(|word| word.chars().next()).collect() };
    let is = |short: &Record, long: &Record| long.core.len() >= 3 && short.core.first() == Some(&of(long));
    Some(if is(feed, catalogue) || is(catalogue, feed) { 1.0 } else { 0.0 })
}

/// The same legal form 1, a missing one `None`, another one 0.
pub(crate) fn legal_form(feed: &Record, catalogue: &Record) -> Option<f32> {
    let (left, right) = (feed.legal_form.as_ref()?, catalogue.legal_form.as_ref()?);
    Some(if left == right { 1.0 } else { 0.0 })
}
