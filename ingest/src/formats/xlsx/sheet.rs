//! In the parent: rows of cells become rows of the feed.

use std::sync::Arc;

use contract::{Code, Day, FieldProblem, Micros, ParsedRow};

use super::workbook::{Cell, Row};
use crate::columns::{ColumnMap, Field, RowReader};
use crate::dates::{DateStyle, Part};
use crate::definition::FeedDefinition;
use crate::formats::{Facts, Stop};
use crate::lines::whole_file;
use crate::report::{Head, Totals, is_total};
use crate::rules::row_refused::problem;

/// Spreadsheets keep so many digits of a number; a longer one has lost its end.
const DIGITS_MAX: usize = 15;

/// Reads the frames of one workbook.
pub(crate) struct SheetReader {
    definition: Arc<FeedDefinition>,
    rows: RowReader,
    map: Option<ColumnMap>,
    row: Option<ParsedRow>,
    /// The sheet that is read; its rows are over when another begins.
    sheet: String,
    state: State,
    header_lines_max: u32,
    head: Head,
    totals: Totals,
    structural: u32,
    /// The sheet that came nearest to having the header, and what it lacks.
    nearest: Option<(usize, FieldProblem)>,
    /// Sheets behind the one that was read that have the header too.
    more: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Looking for the header; so many rows of the sheet were none.
    Searching(u32),
    Reading,
    /// Behind the sheet that was read: does this one have the header too?
    Done(u32),
}

impl SheetReader {
    pub(crate) fn new(definition: Arc<FeedDefinition>, header_lines_max: u32) -> SheetReader {
        SheetReader {
            rows: RowReader::new(Arc::clone(&definition)),
            map: None,
            row: None,
            sheet: String::new(),
            state: State::Searching(0),
            header_lines_max,
            head: Head::default(),
            totals: Totals::default(),
            structural: 0,
            nearest: None,
            more: Vec::new(),
            definition,
        }
    }

    /// A sheet begins.
    pub(crate) fn begin(&mut self, name: &str) {
        name.clone_into(&mut self.sheet);
        self.state = match (self.state, &self.map) {
            (_, Some(_)) => State::Done(0),
            (_, None) => State::Searching(0),
        };
        if self.map.is_none() && !self.definition.header {
            self.map = Some(ColumnMap::of_positions(&self.definition));
            self.state = State::Reading;
        }
    }

    /// Takes a row of the sheet.
    pub(crate) fn take(&mut self, row: &Row<'_>) {
        match self.state {
            State::Searching(rows) => self.search(row, rows),
            State::Reading if !self.definition.header && row.number <= self.definition.skip_lines => {
                self.structural += 1;
                self.preamble(row);
            }
            State::Reading => self.read(row),
            State::Done(rows) => self.look(row, rows),
        }
    }

    pub(crate) fn has_header(&self) -> bool {
        self.map.is_some()
    }

    /// What is missing where no sheet has the header.
    pub(crate) fn check_header(&mut self) -> Result<(), Stop> {
        if self.map.is_some() {
            return Ok(());
        }
        Err(match self.nearest.take() {
            Some((1.., problem)) => Stop::Parked(problem),
            Some(_) => {
                Stop::Parked(whole_file("no visible sheet has the feed's headers; correct `columns` or `sheet`"))
            }
            None => Stop::Refused(whole_file("workbook has no header and no rows; send it again")),
        })
    }

    pub(crate) fn take_row(&mut self) -> Option<ParsedRow> {
        self.row.take()
    }

    pub(crate) fn facts(&self) -> Facts {
        let mut facts = Facts {
            structural: self.structural,
            head_period: self.head.period,
            column_period: self.rows.period(),
            replaces: self.head.replaces,
            ..Facts::default()
        };
        self.totals.check(&self.definition, self.rows.records(), &mut facts);
        if !self.more.is_empty() {
            let message =
                "more sheets have the feed's headers and are not read; name one as `sheet`, or send a workbook \
                           for each"
                    .to_owned();
            facts.disagree(self.definition.control_totals, "sheet", &self.more.join(", "), message);
        }
        facts.problems.extend(self.map.as_ref().and_then(ColumnMap::missing));
        facts
    }

    fn search(&mut self, row: &Row<'_>, rows: u32) {
        self.structural += 1;
        if rows >= self.header_lines_max {
            return;
        }
        self.state = State::Searching(rows + 1);
        let header = dense(row);
        match ColumnMap::of_header(&self.definition, &header) {
            Ok(map) => {
                self.map = Some(map);
                self.state = State::Reading;
            }
            Err(problem) => {
                let hits = ColumnMap::hits(&self.definition.columns, &header);
                if self.nearest.as_ref().is_none_or(|(most, _)| hits > *most) {
                    self.nearest = Some((hits, problem));
                }
                self.preamble(row);
            }
        }
    }

    /// A row of a sheet behind the one that was read.
    fn look(&mut self, row: &Row<'_>, rows: u32) {
        self.structural += 1;
        if rows >= self.header_lines_max {
            return;
        }
        self.state = State::Done(rows + 1);
        if self.definition.header && ColumnMap::of_header(&self.definition, &dense(row)).is_ok() {
            self.more.push(self.sheet.clone());
            self.state = State::Done(self.header_lines_max);
        }
    }

    fn preamble(&mut self, row: &Row<'_>) {
        let texts: Vec<String> = row.cells.iter().map(|(_, cell)| shown(cell, &self.definition.dates)).collect();
        self.head.take(&self.definition, &texts.join(" "), texts.iter().map(String::as_str));
    }

    fn read(&mut self, row: &Row<'_>) {
        let Some(map) = &self.map else { return };
        let dates: Vec<(u16, String)> = row
            .cells
            .iter()
            .filter(|(_, cell)| matches!(cell, Cell::Date(_)))
            .map(|(column, cell)| (*column, shown(cell, &self.definition.dates)))
            .collect();
        let rounded: Vec<(u16, String)> = row
            .cells
            .iter()
            .filter_map(|(column, cell)| match cell {
                Cell::Number(number) => Some((*column, six_decimals(number)?)),
                _ => None,
            })
            .collect();
        let text_at = |place: usize| {
            let at = row.cells.binary_search_by_key(&place, |(column, _)| usize::from(*column)).ok()?;
            let written = dates.iter().find(|(column, _)| usize::from(*column) == place);
            let (Cell::Text(text) | Cell::Number(text) | Cell::Date(text) | Cell::Error(text)) = row.cells[at].1;
            Some(written.map_or(text, |(_, date)| date.as_str()))
        };
        let mut fields = map.fields_of(text_at);
        let first = row.cells.iter().find_map(|(column, _)| text_at(usize::from(*column))).unwrap_or_default().trim();
        if fields.is_blank() && first.is_empty() || map.is_header(&fields) {
            self.structural += 1;
            return;
        }
        if is_total(&self.definition, map, first, &fields) {
            let claimed = |cell: Option<u16>| text_at(usize::from(cell?).checked_sub(1)?).map(str::to_owned);
            self.totals.claimed_count = claimed(self.definition.trailer.count_cell);
            self.totals.claimed_sum = claimed(self.definition.trailer.sum_cell);
            self.structural += 1;
            return;
        }
        let mut problems = Vec::new();
        for (column, cell) in &row.cells {
            let Some(field) = map.field_at(usize::from(*column)) else { continue };
            match (field, cell) {
                (Field::UnitPrice | Field::Amount, Cell::Number(number)) => {
                    let rounded = rounded.iter().find(|(place, _)| place == column);
                    fields.set_plain(field, rounded.map_or(*number, |(_, text)| text.as_str()));
                }
                (_, Cell::Number(number)) => fields.set_plain(field, number),
                _ => {}
            }
            problems.extend(damage(field, cell));
        }
        let mut parsed = self.rows.row(&fields, row.number);
        parsed.problems.extend(problems);
        self.totals.add(parsed.amount, fields.get(Field::Amount));
        self.row = Some(parsed);
    }
}

/// Why a cell cannot be what its column holds, where its text alone does not show it.
fn damage(field: Field, cell: &Cell<'_>) -> Option<FieldProblem> {
    let is_text = !matches!(field, Field::Date | Field::Quantity | Field::UnitPrice | Field::Amount | Field::Period);
    let is_number = matches!(field, Field::DocumentLine | Field::OutletId);
    let message = match cell {
        Cell::Error(_) if is_text => "cell holds an error of the spreadsheet; correct its formula and send it again",
        Cell::Date(_) if is_text && !is_number => {
            "cell was made a date by the spreadsheet; format the column as text and send it again"
        }
        Cell::Number(number) if is_text && number.bytes().filter(u8::is_ascii_digit).count() > DIGITS_MAX => {
            "number was cut by the spreadsheet to 15 digits; format the column as text and send it again"
        }
        _ => return None,
    };
    let (Cell::Text(text) | Cell::Number(text) | Cell::Date(text) | Cell::Error(text)) = cell;
    Some(problem(Code::RowUnreadable, field.as_str(), text, message.to_owned()))
}

/// A computed price or amount with more than six decimals, rounded to six, halves away from zero.
fn six_decimals(number: &str) -> Option<String> {
    let (whole, fraction) = number.split_once('.').filter(|(_, fraction)| fraction.len() > 6)?;
    let millionths: i64 = format!("{whole}{}", fraction.get(..6)?).parse().ok()?;
    let is_negative = whole.starts_with('-');
    let up = i64::from(fraction.as_bytes()[6] >= b'5');
    Some(Micros(if is_negative { millionths - up } else { millionths + up }).to_string())
}

/// All cells of a row up to its last one, for finding the header.
fn dense<'a>(row: &Row<'a>) -> Vec<&'a str> {
    let width = row.cells.last().map_or(0, |(column, _)| usize::from(*column) + 1);
    let mut cells = vec![""; width];
    for (column, cell) in &row.cells {
        if let Cell::Text(text) | Cell::Number(text) = cell {
            cells[usize::from(*column)] = text;
        }
    }
    cells
}

/// A cell's text; a date as the feed writes dates.
fn shown(cell: &Cell<'_>, style: &DateStyle) -> String {
    match cell {
        Cell::Text(text) | Cell::Number(text) | Cell::Error(text) => (*text).to_owned(),
        Cell::Date(serial) => match DateStyle::Excel.parse(serial) {
            Some(day) => written(day, style),
            None => (*serial).to_owned(),
        },
    }
}

/// A day in a style, so that the feed's own style reads it back.
fn written(day: Day, style: &DateStyle) -> String {
    let parts = match style {
        DateStyle::Pattern(parts) => parts,
        DateStyle::Excel => return (day.0 + if day.0 < -25_508 { 25_568 } else { 25_569 }).to_string(),
        DateStyle::Excel1904 => return (day.0 + 24_107).to_string(),
        DateStyle::EpochSeconds => return (i64::from(day.0) * 86_400).to_string(),
        DateStyle::EpochMillis => return (i64::from(day.0) * 86_400_000).to_string(),
    };
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let date = day.date();
    parts.iter().fold(String::new(), |text, part| {
        text + &match part {
            Part::Year => format!("{:04}", date.year()),
            Part::ShortYear => format!("{:02}", date.year() % 100),
            Part::Month => format!("{:02}", date.month()),
            Part::MonthName => MONTHS[usize::try_from(date.month() - 1).unwrap_or(0)].to_owned(),
            Part::Day => format!("{:02}", date.day()),
            Part::DayOfYear => format!("{:03}", date.day_of_year()),
            Part::Mark(mark) => mark.to_string(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn computed_prices_are_rounded_to_six_decimals() {
        for (number, expected) in [
            ("0.333333333333333", Some("0.333333")),
            ("0.666666666666667", Some("0.666667")),
            ("-0.0000005", Some("-0.000001")),
            ("-1.9999999", Some("-2")),
            ("3.5", None),
            ("3", None),
        ] {
            assert_eq!(six_decimals(number).as_deref(), expected, "{number}");
        }
    }

    #[test]
    fn a_date_is_read_back_in_every_style() {
        for name in [
            "iso",
            "dd.mm.yyyy",
            "mm/dd/yy",
            "dd-mon-yyyy",
            "yyyymmdd",
            "yyyy-ddd",
            "excel",
            "excel-1904",
            "epoch-s",
            "epoch-ms",
        ] {
            let style = DateStyle::try_from(name.to_owned()).unwrap();
            for text in ["2013-02-28", "2012-12-31", "1970-01-01"] {
                let day = Day::parse(text).unwrap();
                assert_eq!(style.parse(&written(day, &style)), Some(day), "{name} {text}");
            }
        }
    }
}
