//! A feed record or a catalogue record, prepared once so that pairs compare fast.

use super::index::{Statistics, terms_of};
use super::party;
use super::text::fold;
use super::units::{Unit, units_of};

/// What a table says about one thing; empty where it says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawRecord {
    pub id: String,
    /// Title of a product or name of a partner.
    pub name: String,
    pub description: String,
    pub brand: String,
    pub mpn: String,
    pub price: String,
    pub address: String,
    pub city: String,
    pub phone: String,
    /// Other columns that describe a product: capacities, processor.
    pub attributes: String,
}

/// A word of a name with how rare it is: 1 for a word seen nowhere.
#[derive(Clone, Debug)]
pub(crate) struct Word {
    pub text: Box<str>,
    pub rarity: f32,
}

/// The form in which records are compared.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    /// The folded name.
    pub name: String,
    /// Its distinct words in order of first appearance.
    pub words: Vec<Word>,
    /// The folded name without blanks.
    pub compact: String,
    /// Everything said about it, without blanks.
    pub everything: String,
    /// Terms of the index with their weights, sorted, of length one.
    pub terms: Vec<(u64, f32)>,
    /// Words that look like model numbers, normal.
    pub models: Vec<Box<str>>,
    pub mpn: String,
    pub brand: String,
    pub price: Option<f32>,
    pub units: Vec<Unit>,
    /// Plain numbers of the name.
    pub numbers: Vec<Box<str>>,
    /// Words of a company name without legal form, spellings made one.
    pub core: Vec<String>,
    pub legal_form: Option<String>,
    pub address: Vec<String>,
    pub city: String,
    pub phone: String,
}

impl Record {
    pub(crate) fn prepare(raw: &RawRecord, statistics: &Statistics) -> Record {
        let name = fold(party::without_listing(&raw.name));
        let everything =
            fold(&[&raw.name, &raw.description, &raw.brand, &raw.mpn, &raw.attributes].map(|s| &**s).join(" "));
        let spelled = party::words(party::without_listing(&raw.name));
        let core = party::without_legal_form(&spelled).unwrap_or(&spelled).to_vec();
        Record {
            words: words_of(&name, statistics),
            terms: weighted_terms(&indexed_text(raw), statistics),
            models: models_of(&name),
            numbers: name.split(' ').filter(|word| is_number(word)).map(Into::into).collect(),
            units: units_of(&[&*raw.name, &*raw.attributes].join(" ")),
            compact: without_blanks(&name),
            everything: without_blanks(&everything),
            mpn: without_blanks(&fold(&raw.mpn)),
            brand: fold(&raw.brand),
            price: price_of(&raw.price),
            legal_form: (core.len() < spelled.len()).then(|| spelled.last().cloned()).flatten(),
            core,
            address: fold(&raw.address).split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect(),
            city: fold(&raw.city),
            phone: raw.phone.chars().filter(char::is_ascii_digit).collect(),
            name,
        }
    }
}

/// The text under which a record is found.
pub(crate) fn indexed_text(raw: &RawRecord) -> String {
    fold(&[party::without_listing(&raw.name), &*raw.brand, &*raw.mpn].join(" "))
}

fn without_blanks(folded: &str) -> String {
    folded.chars().filter(|c| *c != ' ').collect()
}

fn words_of(folded: &str, statistics: &Statistics) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    for text in folded.split(' ').filter(|word| !word.is_empty()) {
        if !words.iter().any(|word| &*word.text == text) {
            words.push(Word { text: text.into(), rarity: statistics.word_rarity(text) });
        }
    }
    words
}

fn weighted_terms(folded: &str, statistics: &Statistics) -> Vec<(u64, f32)> {
    let mut terms: Vec<(u64, f32)> =
        terms_of(folded).into_iter().map(|term| (term, statistics.term_rarity(term))).collect();
    let length = terms.iter().map(|(_, weight)| weight * weight).sum::<f32>().sqrt();
    terms.iter_mut().for_each(|(_, weight)| *weight /= length);
    terms
}

/// Letters and digits mixed, or four digits and more.
fn models_of(folded: &str) -> Vec<Box<str>> {
    let is_model = |word: &str| {
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        digits == word.len() && digits >= 4 || digits > 0 && digits < word.len() && word.len() >= 4
    };
    let plain = |word: &&str| is_model(word) && units_of(word).is_empty();
    folded.split(' ').filter(plain).map(Into::into).collect()
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit())
}

fn price_of(text: &str) -> Option<f32> {
    let digits: String = text.chars().filter(|c| c.is_ascii_digit() || *c == '.').collect();
    digits.parse().ok().filter(|price| *price > 0.0)
}
