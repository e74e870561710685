//! Candidates: which known texts share rare words, joined words or letter triples with a text?

use std::hash::{Hash, Hasher};

use rustc_hash::{FxHashMap, FxHasher};

/// A posting list longer than this share of all documents …
const SHARE_MAX: usize = 20;
/// … and than this says nothing and is left out.
const POSTINGS_MAX: usize = 2000;
/// One unit of weight in the integer arithmetic.
const SCALE: f32 = 4096.0;

/// How rare words and other terms are among known texts.
#[derive(Debug, Default)]
pub(crate) struct Statistics {
    counts: FxHashMap<u64, u32>,
    documents: usize,
}

impl Statistics {
    /// Counts the terms of folded texts.
    pub(crate) fn count<'a>(texts: impl Iterator<Item = &'a str>) -> Statistics {
        let mut statistics = Statistics::default();
        let mut terms = Vec::new();
        for text in texts {
            collect_terms(text, &mut terms);
            terms.iter().for_each(|term| *statistics.counts.entry(*term).or_default() += 1);
            statistics.documents += 1;
        }
        statistics
    }

    /// Between 0 and 1, and 1 for a word that at most one text has.
    pub(crate) fn word_rarity(&self, word: &str) -> f32 {
        self.term_rarity(hash_of(WORD, word.as_bytes())) / rarity(1, self.documents)
    }

    /// Logarithm of the share of texts, turned round; a term that no text has counts as one that a single text has.
    pub(crate) fn term_rarity(&self, term: u64) -> f32 {
        rarity(self.counts.get(&term).copied().unwrap_or(1), self.documents)
    }

    fn length(&self, terms: &[u64]) -> f32 {
        terms.iter().map(|term| self.term_rarity(*term).powi(2)).sum::<f32>().sqrt()
    }
}

/// The distinct terms of a folded text, sorted.
pub(crate) fn terms_of(text: &str) -> Vec<u64> {
    let mut terms = Vec::new();
    collect_terms(text, &mut terms);
    terms
}

/// An inverted index over words, joined neighbours (`ps lx350` = `pslx350`) and letter triples with edge marks.
///
/// Weights are rarities, scaled to documents of length one; sums are integers, so the order of adding does not matter.
#[derive(Debug)]
pub(crate) struct Index {
    pub statistics: Statistics,
    lists: FxHashMap<u64, List>,
    postings: Vec<Posting>,
}

/// The place of a term's documents among the postings.
#[derive(Clone, Copy, Debug)]
struct List {
    from: u32,
    to: u32,
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
        let statistics = Statistics::count(texts.clone());
        let (lists, total) = lay_out(&statistics);
        let mut index = Index { statistics, lists, postings: vec![Posting { document: 0, weight: 0 }; total] };
        index.fill(texts);
        index
    }

    fn fill<'a>(&mut self, texts: impl Iterator<Item = &'a str>) {
        let mut next: FxHashMap<u64, u32> = self.lists.iter().map(|(term, list)| (*term, list.from)).collect();
        let mut terms = Vec::new();
        for (text, document) in texts.zip(0..) {
            collect_terms(text, &mut terms);
            let length = self.statistics.length(&terms);
            for term in &terms {
                let Some(place) = next.get_mut(term) else { continue };
                let weight = (self.statistics.term_rarity(*term) / length * SCALE) as u16;
                self.postings[*place as usize] = Posting { document, weight };
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
        scratch.sums.resize(self.statistics.documents, 0);
        let length = self.statistics.length(&terms);
        for term in &terms {
            let Some(list) = self.lists.get(term) else { continue };
            let weight = (self.statistics.term_rarity(*term) / length * SCALE) as u32;
            for posting in &self.postings[list.from as usize..list.to as usize] {
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

/// Gives each term its place, in order of terms; those that are too frequent get none.
fn lay_out(statistics: &Statistics) -> (FxHashMap<u64, List>, usize) {
    let postings_max = POSTINGS_MAX.max(statistics.documents / SHARE_MAX) as u32;
    let mut sorted: Vec<(u64, u32)> = statistics.counts.iter().map(|(term, count)| (*term, *count)).collect();
    sorted.retain(|(_, count)| *count <= postings_max);
    sorted.sort_unstable();
    let mut to = 0;
    let place = |(term, count): (u64, u32)| {
        let from = to;
        to += count;
        (term, List { from, to })
    };
    let lists = sorted.into_iter().map(place).collect();
    (lists, to as usize)
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
