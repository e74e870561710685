//! What is compared when a feed record meets a catalogue record. A feature adds evidence; the scorecard weighs it.

mod address;
mod brand;
mod company;
mod letters;
mod model;
mod numbers;
mod price;
mod words;

use super::record::Record;

/// One comparison of a feed record with a catalogue record.
pub(crate) struct Feature {
    /// Its name in `config/matching.yaml`.
    pub name: &'static str,
    /// `None` when a side says nothing: missing is not the same as different.
    pub compare: fn(&Record, &Record) -> Option<f32>,
}

/// Every feature that a scorecard may weigh.
pub(crate) const FEATURES: &[Feature] = &[
    Feature { name: "cosine", compare: words::cosine },
    Feature { name: "shared-of-feed", compare: words::shared_of_feed },
    Feature { name: "shared-of-catalogue", compare: words::shared_of_catalogue },
    Feature { name: "least-shared", compare: words::least_shared },
    Feature { name: "both-differ", compare: words::both_differ },
    Feature { name: "rarest-shared", compare: words::rarest_shared },
    Feature { name: "rarest-only-in-feed", compare: words::rarest_only_in_feed },
    Feature { name: "rarest-only-in-catalogue", compare: words::rarest_only_in_catalogue },
    Feature { name: "agreement", compare: words::agreement_of_names },
    Feature { name: "first-word", compare: words::first_word },
    Feature { name: "accessory", compare: words::accessory },
    Feature { name: "variant", compare: words::variant },
    Feature { name: "letters", compare: letters::jaro_winkler },
    Feature { name: "edits", compare: letters::edits },
    Feature { name: "sorted-letters", compare: letters::sorted },
    Feature { name: "soft-of-feed", compare: letters::soft_of_feed },
    Feature { name: "soft-of-catalogue", compare: letters::soft_of_catalogue },
    Feature { name: "least-soft", compare: letters::least_soft },
    Feature { name: "length", compare: letters::length },
    Feature { name: "model-of-catalogue", compare: model::of_catalogue },
    Feature { name: "model-of-feed", compare: model::of_feed },
    Feature { name: "model-conflict", compare: model::conflict },
    Feature { name: "mpn", compare: model::mpn },
    Feature { name: "mpn-of-feed-in-text", compare: model::mpn_of_feed_in_text },
    Feature { name: "mpn-of-catalogue-in-text", compare: model::mpn_of_catalogue_in_text },
    Feature { name: "brand", compare: brand::brand },
    Feature { name: "price", compare: price::ratio },
    Feature { name: "units", compare: numbers::units },
    Feature { name: "numbers", compare: numbers::numbers },
    Feature { name: "number-conflict", compare: numbers::conflict },
    Feature { name: "core", compare: company::core },
    Feature { name: "core-edits", compare: company::core_edits },
    Feature { name: "core-words", compare: company::core_words },
    Feature { name: "short-forms", compare: company::short_forms },
    Feature { name: "initials", compare: company::initials },
    Feature { name: "legal-form", compare: company::legal_form },
    Feature { name: "address", compare: address::words },
    Feature { name: "house-number", compare: address::house_number },
    Feature { name: "city", compare: address::city },
    Feature { name: "phone", compare: address::phone },
];

/// All features of a pair.
pub(crate) fn compare(feed: &Record, catalogue: &Record) -> Vec<Option<f32>> {
    FEATURES.iter().map(|feature| (feature.compare)(feed, catalogue)).collect()
}

/// The share of equal things among two small sets; `None` when a side has none.
fn jaccard<T: PartialEq>(left: &[T], right: &[T]) -> Option<f32> {
    if left.is_empty() || right.is_empty() {
        return None;
    }
    let shared = left.iter().filter(|item| right.contains(item)).count() as f32;
    Some(shared / ((left.len() + right.len()) as f32 - shared))
}
