//! One record's cells.

use memchr::{memchr, memchr_iter};

use crate::lines::{LineEnd, end_length};

/// Splits records into cells and keeps the last one's; its memory is used again for every record.
pub(crate) struct Cells {
    delimiter: u8,
    quote: Option<u8>,
    /// Ends of the cells in the record's text, or in `unquoted`.
    ranges: Vec<(u32, u32)>,
    /// Cells of a record with quotes, without them, one behind the other.
    unquoted: String,
    has_quotes: bool,
    malformed: Option<usize>,
    is_long: bool,
}

/// How splitting ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Split {
    /// A record of so many bytes and physical lines.
    Record { bytes: usize, lines: u32 },
    /// The quote that this cell opens is not closed within the limits.
    Broken { cell: usize },
}

impl Cells {
    pub(crate) fn new(delimiter: u8, quote: Option<u8>) -> Cells {
        Cells {
            delimiter,
            quote,
            ranges: Vec::new(),
            unquoted: String::new(),
            has_quotes: false,
            malformed: None,
            is_long: false,
        }
    }

    /// Splits the record that begins with `line`, the first line of the window.
    pub(crate) fn split(&mut self, window: &[u8], line: LineEnd, bytes_max: usize, lines_max: u32) -> Split {
        self.ranges.clear();
        (self.malformed, self.is_long) = (None, false);
        let text = &window[..line.text];
        let quote = self.quote.filter(|q| memchr(*q, text).is_some());
        self.has_quotes = quote.is_some();
        match quote {
            None => {
                let mut start = 0;
                for end in memchr_iter(self.delimiter, text) {
                    self.ranges.push((start, end as u32));
                    start = end as u32 + 1;
                }
                self.ranges.push((start, text.len() as u32));
                Split::Record { bytes: line.whole, lines: 1 }
            }
            Some(quote) => {
                let mut cells = std::mem::take(&mut self.unquoted).into_bytes();
                cells.clear();
                let split = self.split_quoted(window, quote, bytes_max, lines_max, &mut cells);
                // A record that is no UTF-8 took in lines that are none.
                self.unquoted = String::from_utf8(cells).unwrap_or_default();
                match split {
                    Some(split) if !self.unquoted.is_empty() || self.ranges.iter().all(|(_, end)| *end == 0) => split,
                    _ => Split::Broken { cell: self.ranges.len() },
                }
            }
        }
    }

    fn split_quoted(
        &mut self,
        window: &[u8],
        quote: u8,
        bytes_max: usize,
        lines_max: u32,
        cells: &mut Vec<u8>,
    ) -> Option<Split> {
        let seen = &window[..window.len().min(bytes_max + 2)];
        let (mut at, mut lines) = (0, 1);
        loop {
            let start = cells.len() as u32;
            if seen.get(at) == Some(&quote) {
                at = self.take_quoted(seen, at + 1, quote, &mut lines, cells).filter(|_| lines <= lines_max)?;
            }
            let rest = &seen[at..];
            let end = rest.iter().position(|b| *b == self.delimiter || is_line_end(*b)).unwrap_or(rest.len());
            cells.extend_from_slice(&rest[..end]);
            at += end;
            self.ranges.push((start, cells.len() as u32));
            if seen.get(at) == Some(&self.delimiter) {
                at += 1;
                continue;
            }
            let end = seen.get(at).map_or(0, |_| end_length(&seen[at..]));
            self.is_long = lines > 1;
            return (end > 0 || seen.len() == window.len()).then_some(Split::Record { bytes: at + end, lines });
        }
    }

    /// Takes a cell from behind its opening quote; gives the place behind its closing one.
    fn take_quoted(
        &mut self,
        seen: &[u8],
        from: usize,
        quote: u8,
        lines: &mut u32,
        cells: &mut Vec<u8>,
    ) -> Option<usize> {
        let mut at = from;
        loop {
            let end = at + memchr(quote, &seen[at..])?;
            *lines += line_ends(&seen[at..end]);
            cells.extend_from_slice(&seen[at..end]);
            at = end + 1;
            match seen.get(at) {
                Some(next) if *next == quote => {
                    cells.push(quote);
                    at += 1;
                }
                Some(next) if *next != self.delimiter && !is_line_end(*next) => {
                    self.malformed = self.malformed.or(Some(self.ranges.len()));
                    return Some(at);
                }
                _ => return Some(at),
            }
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.ranges.len()
    }

    /// A cell by its place from 0; `line` is the text of the record's first line.
    pub(crate) fn get<'a>(&'a self, place: usize, line: &'a str) -> Option<&'a str> {
        let (start, end) = self.ranges.get(place)?;
        let range = *start as usize..*end as usize;
        if self.has_quotes { self.unquoted.get(range) } else { line.get(range) }
    }

    /// The first cell that has text behind its closing quote.
    pub(crate) fn malformed(&self) -> Option<usize> {
        self.malformed
    }

    /// Whether the record goes over more than one physical line.
    pub(crate) fn is_long(&self) -> bool {
        self.is_long
    }
}

fn is_line_end(byte: u8) -> bool {
    byte == b'\n' || byte == b'\r'
}

fn line_ends(bytes: &[u8]) -> u32 {
    let (mut count, mut at) = (0, 0);
    while let Some(found) = memchr::memchr2(b'\n', b'\r', &bytes[at..]) {
        at += found + end_length(&bytes[at + found..]);
        count += 1;
    }
    count
}
