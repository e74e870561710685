//! Candidates: which known texts share rare words, joined words or letter triples with a text?

use std::hash::{Hash, Hasher};

use rustc_hash::{FxHashMap, FxHasher};

/// A posting list longer than this share of all documents …
const SHARE_MAX: usize = 20;
/// … and than this says nothing and is left out.
const POSTINGS_MAX: usize = 2000;
/// One unit of weight in the integer arithmetic.
const SCALE: f32 = 4096.0;

/// An inverted index over words, joined neighbours (`ps lx350` = `pslx350`) and letter triples with edge marks.
///
/// Weights are rarities, scaled to documents of length one; sums are integers, so the order of adding does not matter.
#[derive(Debug)]
pub(crate) struct Index {
    terms: FxHashMap<u64, Term>,
    postings: Vec<Posting>,
    documents: usize,
}

#[derive(Clone, Copy, Debug)]
struct Term {
    from: u32,
    to: u32,
    rarity: f32,
}

#[derive(Clone, Copy, Debug)]
struct Posting {
    document: u32,
    weight: u16,
}

/// A document that shares something, with its cosine in units of 1/65536.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub document: u32,
    pub cosine: u32,
}

/// Sums of one search, kept between searches.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    sums: Vec<u32>,
    touched: Vec<u32>,
    terms: Vec<u64>,
}

impl Index {
    /// Builds the index over folded texts; a document is named by its position.
    pub(crate) fn build<'a>(texts: impl Iterator<Item = &'a str> + Clone) -> Index {
        let mut counts: FxHashMap<u64, u32> = FxHashMap::default();
        let (mut terms, mut documents) = (Vec::new(), 0);
        for text in texts.clone() {
            collect_terms(text, &mut terms);
            terms.iter().for_each(|term| *counts.entry(*term).or_default() += 1);
            documents += 1;
        }
        let postings_max = POSTINGS_MAX.max(documents / SHARE_MAX) as u32;
        let mut index = Index { terms: lay_out(&counts, documents, postings_max), postings: Vec::new(), documents };
        index.fill(texts, &counts, terms);
        index
    }

    fn fill<'a>(&mut self, texts: impl Iterator<Item = &'a str>, counts: &FxHashMap<u64, u32>, mut terms: Vec<u64>) {
        let total = self.terms.values().map(|term| term.to - term.from).sum::<u32>();
        self.postings = vec![Posting { document: 0, weight: 0 }; total as usize];
        let mut filled: FxHashMap<u64, u32> = FxHashMap::default();
        for (document, text) in texts.enumerate() {
            collect_terms(text, &mut terms);
            let square: f32 = terms.iter().map(|term| rarity(counts[term], self.documents).powi(2)).sum();
            let length = square.sqrt();
            for term in terms.iter().filter(|term| self.terms[*term].to > self.terms[*term].from) {
                let place = filled.entry(*term).or_default();
                let listed = self.terms[term];
                let weight = (listed.rarity / length * SCALE) as u16;
                self.postings[(listed.from + *place) as usize] = Posting { document: document as u32, weight };
                *place += 1;
            }
        }
    }

    /// The documents most like a folded text among those that `wanted` lets through, best first, ties by position.
    pub(crate) fn search(
        &self,
        text: &str,
        top: usize,
        scratch: &mut Scratch,
        wanted: impl Fn(u32) -> bool,
    ) -> Vec<Candidate> {
        let mut terms = std::mem::take(&mut scratch.terms);
        collect_terms(text, &mut terms);
        scratch.sums.resize(self.documents, 0);
        let unseen = rarity(1, self.documents);
        let weight_of = |term: &u64| self.terms.get(term).map_or(unseen, |known| known.rarity);
        let length = terms.iter().map(|term| weight_of(term).powi(2)).sum::<f32>().sqrt();
        for known in terms.iter().filter_map(|term| self.terms.get(term)) {
            let weight = (known.rarity / length * SCALE) as u32;
            for posting in &self.postings[known.from as usize..known.to as usize] {
                let sum = &mut scratch.sums[posting.document as usize];
                if *sum == 0 {
                    scratch.touched.push(posting.document);
                }
                *sum += (weight * u32::from(posting.weight)) >> 8;
            }
        }
        scratch.terms = terms;
        best(top, scratch, wanted)
    }
}

fn best(top: usize, scratch: &mut Scratch, wanted: impl Fn(u32) -> bool) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = scratch
        .touched
        .drain(..)
        .map(|document| Candidate { document, cosine: std::mem::take(&mut scratch.sums[document as usize]) })
        .filter(|candidate| wanted(candidate.document))
        .collect();
    let order = |c: &Candidate| (std::cmp::Reverse(c.cosine), c.document);
    if found.len() > top {
        found.select_nth_unstable_by_key(top, order);
        found.truncate(top);
    }
    found.sort_unstable_by_key(order);
    found
}

/// Gives each term its place; terms that are too frequent get an empty one.
fn lay_out(counts: &FxHashMap<u64, u32>, documents: usize, postings_max: u32) -> FxHashMap<u64, Term> {
    let mut sorted: Vec<(u64, u32)> = counts.iter().map(|(term, count)| (*term, *count)).collect();
    sorted.sort_unstable();
    let mut from = 0;
    let place = |(term, count): (u64, u32)| {
        let to = if count <= postings_max { from + count } else { from };
        let placed = Term { from, to, rarity: rarity(count, documents) };
        from = to;
        (term, placed)
    };
    sorted.into_iter().map(place).collect()
}

fn rarity(count: u32, documents: usize) -> f32 {
    (1.0 + documents as f32 / count as f32).ln()
}

const WORD: u8 = 0;
const TRIPLE: u8 = 1;

/// The distinct terms of a folded text, sorted.
fn collect_terms(text: &str, terms: &mut Vec<u64>) {
    terms.clear();
    let mut previous = "";
    let mut joined = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        terms.push(hash_of(WORD, word.as_bytes()));
        if !previous.is_empty() {
            joined.clear();
            joined.extend_from_slice(previous.as_bytes());
            joined.extend_from_slice(word.as_bytes());
            terms.push(hash_of(WORD, &joined));
        }
        previous = word;
        joined.clear();
        joined.push(b' ');
        joined.extend_from_slice(word.as_bytes());
        joined.push(b' ');
        terms.extend(joined.windows(3).map(|triple| hash_of(TRIPLE, triple)));
    }
    terms.sort_unstable();
    terms.dedup();
}

fn hash_of(kind: u8, bytes: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    kind.hash(&mut hasher);
    bytes.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_words_and_broken_words_find_their_document() {
        let texts = ["mountain 200 black 38", "mountain 200 silver 38", "road bottle cage", "hl bottom bracket"];
        let index = Index::build(texts.into_iter());
        let mut scratch = Scratch::default();
        for (text, first) in [("200 silver mtn", 1), ("bottlecage road", 2), ("botom braket hl", 3)] {
            assert_eq!(index.search(text, 2, &mut scratch, |_| true)[0].document, first, "{text}");
        }
        assert_eq!(index.search("zzz", 2, &mut scratch, |_| true), vec![]);
    }
}
