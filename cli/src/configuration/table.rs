//! CSV tables of reference data, read by column name.

use super::fields::{Reading, Unread};
use super::problem::{Place, Report, did_you_mean};

/// A table whose header holds all columns that were asked for.
pub(crate) struct Table<'c> {
    rows: Vec<(u32, csv::StringRecord)>,
    /// Column name with its position in a row; `None` for an optional column that the file lacks.
    columns: Vec<(&'c str, Option<usize>)>,
}

/// One row of a table.
pub(crate) struct Row<'t> {
    line: u32,
    cells: &'t csv::StringRecord,
    columns: &'t [(&'t str, Option<usize>)],
}

impl<'c> Table<'c> {
    /// Reads all rows. A column with a `?` in front may be missing.
    pub(crate) fn read(columns: &[&'c str], report: &mut Report<'_>) -> Option<Table<'c>> {
        let text = report.text().trim_start_matches('\u{feff}');
        let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
        let header = match reader.headers() {
            Ok(header) => header.clone(),
            Err(error) => {
                report.add(Place::default(), format!("not readable as CSV: {error}"), "");
                return None;
            }
        };
        let columns = find(&header, columns, report)?;
        let mut rows = Vec::new();
        for record in reader.records() {
            match record {
                Ok(cells) => rows.push((line_of(cells.position()), cells)),
                Err(error) => {
                    let place = Place { line: line_of(error.position()), column: 1 };
                    report.add(place, reason(&error), "every row needs as many cells as the header");
                }
            }
        }
        Some(Table { rows, columns })
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|(line, cells)| Row { line: *line, cells, columns: &self.columns })
    }
}

impl<'t> Row<'t> {
    /// A cell without the blanks around it; empty where the file lacks the column.
    pub(crate) fn cell(&self, column: &str) -> &'t str {
        self.position(column).and_then(|n| self.cells.get(n)).unwrap_or("").trim()
    }

    /// A value that must be there.
    pub(crate) fn require<T>(&self, column: &str, read: impl Reading<T>, report: &mut Report<'_>) -> Option<T> {
        if self.cell(column).is_empty() {
            self.add(column, format!("`{column}` is empty"), "", report);
            return None;
        }
        self.get(column, read, report)
    }

    /// A value that may be left out.
    pub(crate) fn get<T>(&self, column: &str, read: impl Reading<T>, report: &mut Report<'_>) -> Option<T> {
        let text = self.cell(column);
        if text.is_empty() {
            return None;
        }
        read(text).map_err(|Unread { message, hint }| self.add(column, message, hint, report)).ok()
    }

    pub(crate) fn add(
        &self,
        column: &str,
        message: impl Into<String>,
        hint: impl Into<String>,
        report: &mut Report<'_>,
    ) {
        report.add(self.place(column, report.text()), message, hint);
    }

    fn position(&self, column: &str) -> Option<usize> {
        self.columns.iter().find(|(name, _)| *name == column).and_then(|(_, position)| *position)
    }

    /// Where the cell starts, as far as the row stands on one line.
    fn place(&self, column: &str, text: &str) -> Place {
        let line = text.lines().nth(self.line as usize - 1).unwrap_or("");
        let mut wanted = self.position(column).unwrap_or(0);
        let mut quoted = false;
        for (n, c) in line.chars().enumerate() {
            match c {
                _ if wanted == 0 => return Place { line: self.line, column: n as u32 + 1 },
                '"' => quoted = !quoted,
                ',' if !quoted => wanted -= 1,
                _ => {}
            }
        }
        Place { line: self.line, column: line.chars().count() as u32 + 1 }
    }
}

fn find<'c>(
    header: &csv::StringRecord,
    columns: &[&'c str],
    report: &mut Report<'_>,
) -> Option<Vec<(&'c str, Option<usize>)>> {
    let mut found = Vec::new();
    let mut missing = false;
    for column in columns {
        let name = column.trim_start_matches('?');
        let position = header.iter().position(|h| h.trim() == name);
        if position.is_none() && !column.starts_with('?') {
            let hint = did_you_mean(name, header.iter());
            let hint = if hint.is_empty() {
                format!("the header has: {}", header.iter().collect::<Vec<_>>().join(", "))
            } else {
                hint
            };
            report.add(Place { line: 1, column: 1 }, format!("column `{name}` is missing"), hint);
            missing = true;
        }
        found.push((name, position));
    }
    (!missing).then_some(found)
}

fn line_of(position: Option<&csv::Position>) -> u32 {
    position.map_or(1, |p| p.line() as u32)
}

fn reason(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("this row has {len} cells, the header {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "this row is not UTF-8".to_owned(),
        _ => error.to_string(),
    }
}
