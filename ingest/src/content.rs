//! What a file's rows are, apart from their order and their wording.

use std::collections::BTreeMap;

use contract::{Day, Id, Micros, ParsedRow};

/// A hash over a multiset of rows.
///
/// Each row is hashed by itself over document, date, code, quantity and amount; the hashes are added up, so that order does not
/// count and a row that comes twice does. Party texts, descriptions and headers do not count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    /// Document lines count too: a file may hold a single record, and two records that say the same are two.
    by_line: bool,
    low: u128,
    high: u128,
    rows: u64,
}

impl Content {
    /// Of rows that came each by itself.
    pub(crate) fn by_line() -> Content {
        Content { by_line: true, ..Content::default() }
    }

    pub(crate) fn add(&mut self, row: &ParsedRow) {
        let mut bytes = RowBytes { bytes: [0; RowBytes::SIZE], length: 0, rest: Vec::new() };
        bytes.text(&row.document);
        if self.by_line {
            bytes.text(&row.document_line);
        }
        bytes.text(&row.date_text);
        bytes.text(&row.code);
        bytes.number(row.quantity);
        bytes.number(row.amount);
        for problem in &row.problems {
            bytes.text(&problem.field);
            bytes.text(&problem.value);
        }
        let hash = bytes.hash();
        let (low, high) = hash.as_bytes().split_at(16);
        self.low = self.low.wrapping_add(u128::from_le_bytes(low.try_into().expect("16 bytes")));
        self.high = self.high.wrapping_add(u128::from_le_bytes(high.try_into().expect("16 bytes")));
        self.rows += 1;
    }

    pub(crate) fn id(&self) -> Id {
        let mut hash = blake3::Hasher::new();
        hash.update(&self.low.to_le_bytes()).update(&self.high.to_le_bytes()).update(&self.rows.to_le_bytes());
        Id(hash.finalize().as_bytes()[..16].try_into().expect("a hash has 32 bytes"))
    }
}

/// A row's bytes, on the stack as long as they fit.
struct RowBytes {
    bytes: [u8; RowBytes::SIZE],
    length: usize,
    rest: Vec<u8>,
}

impl RowBytes {
    const SIZE: usize = 192;

    fn text(&mut self, text: &str) {
        self.push(&(text.len() as u32).to_le_bytes());
        self.push(text.as_bytes());
    }

    fn number(&mut self, number: Option<Micros>) {
        match number {
            Some(value) => self.push(&value.0.to_le_bytes()),
            None => self.push(&i64::MIN.to_le_bytes()),
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        if self.rest.is_empty() && self.length + bytes.len() <= RowBytes::SIZE {
            self.bytes[self.length..self.length + bytes.len()].copy_from_slice(bytes);
            self.length += bytes.len();
        } else {
            self.rest.extend_from_slice(bytes);
        }
    }

    fn hash(&self) -> blake3::Hash {
        if self.rest.is_empty() {
            return blake3::hash(&self.bytes[..self.length]);
        }
        let mut hash = blake3::Hasher::new();
        hash.update(&self.bytes[..self.length]).update(&self.rest);
        hash.finalize()
    }
}

/// Counts rows by month.
#[derive(Default)]
pub(crate) struct Months {
    counts: BTreeMap<Day, u32>,
    /// The month counted last: rows mostly come by day.
    current: Option<(Day, Day)>,
    pending: u32,
}

impl Months {
    pub(crate) fn add(&mut self, date: Option<Day>) {
        let Some(day) = date else { return };
        if self.current.is_some_and(|(first, last)| (first..=last).contains(&day)) {
            self.pending += 1;
            return;
        }
        self.settle();
        self.current = Some((day.first_of_month(), day.last_of_month()));
        self.pending = 1;
    }

    fn settle(&mut self) {
        if let Some((first, _)) = self.current {
            *self.counts.entry(first).or_default() += self.pending;
        }
        self.pending = 0;
    }

    /// The month of most rows, the earlier one of two.
    pub(crate) fn most(&self) -> Option<(Day, Day)> {
        let mut counts = self.counts.clone();
        if let Some((first, _)) = self.current {
            *counts.entry(first).or_default() += self.pending;
        }
        let (first, _) = counts.into_iter().max_by_key(|(first, count)| (*count, std::cmp::Reverse(*first)))?;
        Some((first, first.last_of_month()))
    }
}
