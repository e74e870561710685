//! Text lines with cells: CSV, TSV, pipes and the like.
//!
//! Reading goes by physical lines, so that a stray quote costs one line and not the file (docs/decisions/delimited.md).

use std::io::Read;
use std::sync::Arc;

use contract::ParsedRow;

use super::{Facts, Limits, Records, Stop};
use crate::cells::{Cells, Split};
use crate::columns::{ColumnMap, Field, Fields, RowReader};
use crate::definition::{FeedDefinition, Quote};
use crate::lines::{LineEnd, Lines, first_line, is_blank, text_of, whole_file};
use crate::report::{Head, Totals, is_total};
use crate::rules::column_missing;

/// Opens a file and finds its header.
pub fn open<'a>(
    definition: Arc<FeedDefinition>,
    source: Box<dyn Read + Send + 'a>,
    limits: &Limits,
) -> Result<Box<dyn Records + 'a>, Stop> {
    let lines = Lines::open(source, definition.encoding, limits.record_bytes_max)?;
    let mut reader = Delimited {
        lines,
        rows: RowReader::new(Arc::clone(&definition)),
        map: ColumnMap::of_positions(&definition),
        cells: Cells::new(definition.delimiter as u8, quote_byte(definition.quote)),
        head: Head::default(),
        totals: Totals::default(),
        short: Short::default(),
        structural: 0,
        limits: limits.clone(),
        definition,
    };
    reader.read_head()?;
    Ok(Box::new(reader))
}

struct Delimited<'a> {
    lines: Lines<'a>,
    rows: RowReader,
    map: ColumnMap,
    cells: Cells,
    head: Head,
    totals: Totals,
    short: Short,
    structural: u32,
    limits: Limits,
    definition: Arc<FeedDefinition>,
}

/// Rows that end before a column that they must have.
#[derive(Default)]
struct Short {
    rows: u32,
    /// The first one's line, and the first column behind its end.
    first: Option<(u32, Field)>,
}

/// A record that is none.
enum Structure {
    Nothing,
    Totals { count: Option<String>, sum: Option<String> },
}

fn quote_byte(quote: Quote) -> Option<u8> {
    match quote {
        Quote::Double => Some(b'"'),
        Quote::Single => Some(b'\''),
        Quote::None => None,
    }
}

impl Records for Delimited<'_> {
    fn next_row(&mut self) -> Result<Option<ParsedRow>, Stop> {
        loop {
            self.lines.window()?;
            let window = self.lines.ahead();
            if window.is_empty() {
                self.lines.reconcile();
                return Ok(None);
            }
            let Some(line) = first_line(window, self.limits.record_bytes_max) else {
                return self.too_long().map(Some);
            };
            if is_blank(&window[..line.text]) {
                self.skip(line.whole, 1);
                continue;
            }
            if let Some(row) = self.read_record(line) {
                return Ok(Some(row));
            }
        }
    }

    fn facts(&self) -> Facts {
        let mut facts = Facts {
            structural: self.structural,
            head_period: self.head.period,
            column_period: self.rows.period(),
            replaces: self.head.replaces,
            ..Facts::default()
        };
        self.totals.check(&self.definition, self.rows.records(), &mut facts);
        facts.problems.extend(self.map.missing());
        let short = self.short.first.map(|(line_no, field)| column_missing::in_rows(field, self.short.rows, line_no));
        facts.problems.extend(short);
        facts
    }
}

impl Delimited<'_> {
    /// Takes the record that begins with this line; `None` where it is structural.
    fn read_record(&mut self, line: LineEnd) -> Option<ParsedRow> {
        let line_no = self.lines.line_no();
        let window = self.lines.ahead();
        let text = match text_of(&window[..line.text], self.lines.has_replaced()) {
            Ok(text) => text,
            Err((shown, message)) => {
                let row = self.rows.unreadable(line_no, &shown, message.to_owned());
                self.lines.take(line.whole, 1);
                return Some(row);
            }
        };
        let split = self.cells.split(window, line, self.limits.record_bytes_max, self.limits.record_lines_max);
        let (bytes, lines, reason) = match split {
            Split::Record { bytes, lines } => (bytes, lines, self.misfit(text)),
            Split::Broken { cell } => (line.whole, 1, Some(unclosed(cell, &self.limits))),
        };
        let fields = self.map.fields_of(|place| self.cells.get(place, text));
        let structural = if split == (Split::Record { bytes, lines }) { self.structure(&fields, text) } else { None };
        if let Some(structure) = structural {
            if let Structure::Totals { count, sum } = structure {
                (self.totals.claimed_count, self.totals.claimed_sum) = (count, sum);
            }
            self.skip(bytes, lines);
            return None;
        }
        if let Some(reason) = reason {
            let row = self.rows.unreadable(line_no, text, reason);
            self.lines.take(line.whole, 1);
            return Some(row);
        }
        let row = self.rows.row(&fields, line_no);
        self.totals.add(row.amount, fields.get(Field::Amount));
        if let Some(field) = self.map.beyond(self.cells.count(), &self.definition) {
            self.short.rows += 1;
            self.short.first.get_or_insert((line_no, field));
        }
        self.lines.take(bytes, lines);
        Some(row)
    }

    /// Why the cells cannot be this record's, if so.
    fn misfit(&self, text: &str) -> Option<String> {
        let cell = |place| self.cells.get(place, text).unwrap_or_default();
        if let Some(reason) = self.map.misfit_of(self.cells.count(), cell) {
            let is_long = self.cells.is_long();
            return Some(if is_long {
                "a quote takes in the next lines; close or double it and send the line again".into()
            } else {
                reason
            });
        }
        let place = self.cells.malformed()?;
        let loose = [Field::Description, Field::Outlet, Field::City, Field::Customer, Field::Rep, Field::Promotion];
        let is_loose = self.map.field_at(place).is_none_or(|field| loose.contains(&field));
        (!is_loose || self.cells.is_long()).then(|| {
            format!(
                "cell {} has text behind its closing quote; double the quotes inside and send the line again",
                place + 1
            )
        })
    }

    /// What the record is, if it is empty, the header again or a line of totals.
    fn structure(&self, fields: &Fields<'_>, text: &str) -> Option<Structure> {
        if self.map.is_header(fields) {
            return Some(Structure::Nothing);
        }
        let filled = |n| self.cells.get(n, text).map(str::trim).filter(|c| !c.is_empty());
        let Some(first) = (0..self.cells.count()).find_map(filled) else { return Some(Structure::Nothing) };
        let rule = &self.definition.trailer;
        if !is_total(&self.definition, &self.map, first, fields) {
            return None;
        }
        let claimed = |cell: Option<u16>| filled(usize::from(cell?).checked_sub(1)?).map(str::to_owned);
        let sum = rule.sum_cell.and_then(|cell| {
            let places = usize::from(cell).checked_sub(1)?..self.cells.count();
            let texts: Vec<&str> = places.filter_map(|n| self.cells.get(n, text)).collect();
            let delimiter = self.definition.delimiter.to_string();
            let whole = texts.join(&delimiter);
            Some(whole.trim_end_matches(self.definition.delimiter).trim().to_owned()).filter(|sum| !sum.is_empty())
        });
        Some(Structure::Totals { count: claimed(rule.count_cell), sum })
    }

    fn skip(&mut self, bytes: usize, lines: u32) {
        self.structural = self.structural.saturating_add(lines);
        self.lines.take(bytes, lines);
    }

    fn too_long(&mut self) -> Result<ParsedRow, Stop> {
        let line_no = self.lines.line_no();
        let shown_bytes = self.limits.record_bytes_max.min(1000);
        let shown = String::from_utf8_lossy(&self.lines.window()?[..shown_bytes]).into_owned();
        let message = format!(
            "line is longer than {} bytes; is the line end or a closing quote missing? send it again",
            self.limits.record_bytes_max
        );
        self.lines.skip_line()?;
        Ok(self.rows.unreadable(line_no, &shown, message))
    }

    /// Reads on to the first data record.
    fn read_head(&mut self) -> Result<(), Stop> {
        if self.definition.header { self.find_header() } else { self.skip_lines() }
    }

    fn skip_lines(&mut self) -> Result<(), Stop> {
        for _ in 0..self.definition.skip_lines {
            self.lines.window()?;
            let window = self.lines.ahead();
            match first_line(window, self.limits.record_bytes_max) {
                _ if window.is_empty() => break,
                Some(line) => {
                    let text = String::from_utf8_lossy(&window[..line.text]).into_owned();
                    self.read_preamble(&text);
                    self.skip(line.whole, 1);
                }
                None => {
                    self.lines.skip_line()?;
                    self.structural += 1;
                }
            }
        }
        Ok(())
    }

    /// The first line with the headers of all key fields is the header; what stands above is preamble.
    fn find_header(&mut self) -> Result<(), Stop> {
        let mut nearest = None;
        for _ in 0..self.limits.header_lines_max {
            self.lines.window()?;
            let window = self.lines.ahead();
            if window.is_empty() {
                break;
            }
            let Some(line) = first_line(window, self.limits.record_bytes_max) else { break };
            let split = self.cells.split(window, line, self.limits.record_bytes_max, self.limits.record_lines_max);
            let text = String::from_utf8_lossy(&window[..line.text]).into_owned();
            if is_blank(text.as_bytes()) {
                self.skip(line.whole, 1);
                continue;
            }
            if let Split::Record { bytes, lines } = split {
                let cells: Vec<&str> = (0..self.cells.count()).filter_map(|n| self.cells.get(n, &text)).collect();
                match ColumnMap::of_header(&self.definition, &cells) {
                    Ok(map) => {
                        self.map = map;
                        self.skip(bytes, lines);
                        return Ok(());
                    }
                    Err(problem) => {
                        let hits = ColumnMap::hits(&self.definition.columns, &cells);
                        if nearest.as_ref().is_none_or(|(most, _)| hits > *most) {
                            nearest = Some((hits, problem));
                        }
                    }
                }
            }
            self.read_preamble(&text);
            self.skip(line.whole, 1);
        }
        Err(match nearest {
            Some((1.., problem)) => Stop::Parked(problem),
            Some(_) => {
                Stop::Parked(whole_file("no line has the feed's headers; correct `delimiter`, `encoding` or `columns`"))
            }
            None => Stop::Refused(whole_file("file has no header and no rows; send it again")),
        })
    }

    fn read_preamble(&mut self, text: &str) {
        let cells = text.split(self.definition.delimiter).map(|cell| cell.trim().trim_matches('"'));
        self.head.take(&self.definition, text, cells);
    }
}

fn unclosed(cell: usize, limits: &Limits) -> String {
    format!(
        "quote of cell {} is not closed within {} lines; close or double it and send the line again",
        cell + 1,
        limits.record_lines_max
    )
}
