//! From cells to rows: which cell is which field, and what its text means.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use contract::{Code, Currency, Day, FieldProblem, Micros, Movement, NumberError, ParsedRow, Text};
use serde::Deserialize;

use crate::definition::{Column, FeedDefinition, Reports};
use crate::numbers::{self, NumberStyle};
use crate::rules::column_missing;
use crate::rules::row_refused::problem;

macro_rules! fields {
    ($($name:ident = $text:literal,)*) => {
        /// What a column holds.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Field { $($name,)* }

        impl Field {
            pub const ALL: &[Field] = &[$(Field::$name,)*];

            /// As written in definitions and messages.
            pub fn as_str(self) -> &'static str {
                match self { $(Field::$name => $text,)* }
            }
        }
    };
}

fields! {
    Document = "document",
    DocumentLine = "document_line",
    Date = "date",
    Code = "code",
    Description = "description",
    Quantity = "quantity",
    UnitPrice = "unit_price",
    Amount = "amount",
    Currency = "currency",
    OutletId = "outlet_id",
    Outlet = "outlet",
    City = "city",
    Customer = "customer",
    Rep = "rep",
    Promotion = "promotion",
    Serials = "serials",
    OriginalDocument = "original_document",
    Partner = "partner",
    Type = "type",
    Period = "period",
    Product = "product",
}

impl Field {
    /// Without these a row is refused (DQ-01).
    pub const KEYS: [Field; 4] = [Field::Document, Field::Date, Field::Code, Field::Quantity];

    /// The same for the line of a claim.
    pub const CLAIM_KEYS: [Field; 4] = [Field::Document, Field::Date, Field::Code, Field::Amount];
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The texts of one record by field; what a record does not have is empty.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    texts: [&'a str; Field::ALL.len()],
    /// Fields that are numbers of the format itself (JSON, spreadsheet cells), not of the partner's style.
    plain: u32,
}

impl Default for Fields<'_> {
    fn default() -> Self {
        Fields { texts: [""; Field::ALL.len()], plain: 0 }
    }
}

impl<'a> Fields<'a> {
    pub fn get(&self, field: Field) -> &'a str {
        self.texts[field as usize]
    }

    pub fn set(&mut self, field: Field, text: &'a str) {
        self.texts[field as usize] = text;
    }

    /// Sets a number written with dot, without groups, exponent allowed.
    pub fn set_plain(&mut self, field: Field, number: &'a str) {
        self.set(field, number);
        self.plain |= 1 << field as u32;
    }

    fn is_plain(&self, field: Field) -> bool {
        self.plain & (1 << field as u32) != 0
    }

    pub fn is_blank(&self) -> bool {
        self.texts.iter().all(|t| t.trim().is_empty())
    }
}

/// Which cell of a record is which field.
#[derive(Clone, Debug, Default)]
pub struct ColumnMap {
    cells: Vec<(usize, Field)>,
    /// Headers of the key fields, to know a repeated header line by.
    key_headers: Vec<(Field, String)>,
    /// A record with fewer cells lacks a key field.
    pub key_width: usize,
    /// Cells of the header line; `None` without one.
    pub width: Option<usize>,
    /// Columns that the definition names and the header does not, as far as files must have them.
    missing: Vec<(Field, String)>,
}

impl ColumnMap {
    /// Finds the columns by their headers; letter case and blanks do not count.
    ///
    /// Columns that are no key fields may be missing and are told. The error says which key fields have no column.
    pub fn of_header(definition: &FeedDefinition, header: &[&str]) -> Result<ColumnMap, FieldProblem> {
        let (columns, keys) = (&definition.columns, definition.keys());
        let header: Vec<String> = header.iter().map(|h| folded(h)).collect();
        let mut map = ColumnMap { width: Some(header.len()), ..ColumnMap::default() };
        for (field, column) in columns {
            let Column::Name(name) = column else { continue };
            let wanted = folded(name);
            let mut places = header.iter().enumerate().filter(|(_, h)| **h == wanted).map(|(i, _)| i);
            match (places.next(), places.next()) {
                (Some(place), None) => map.add(*field, place, Some(&wanted), keys),
                (Some(_), Some(_)) => return Err(header_problem(*field, name, "stands twice in the header")),
                (None, _) if keys.contains(field) => {
                    return Err(header_problem(*field, name, "is missing in the header"));
                }
                (None, _) if definition.is_optional(*field) => {}
                (None, _) => map.missing.push((*field, name.clone())),
            }
        }
        map.cells.sort_unstable();
        Ok(map)
    }

    /// The columns by their positions, for files without a header.
    pub fn of_positions(definition: &FeedDefinition) -> ColumnMap {
        let mut map = ColumnMap::default();
        for (field, column) in &definition.columns {
            if let Column::Position(position @ 1..) = column {
                map.add(*field, usize::from(*position) - 1, None, definition.keys());
            }
        }
        map.cells.sort_unstable();
        map
    }

    fn add(&mut self, field: Field, place: usize, header: Option<&str>, keys: &[Field]) {
        self.cells.push((place, field));
        if keys.contains(&field) {
            self.key_width = self.key_width.max(place + 1);
            self.key_headers.extend(header.map(|h| (field, h.to_owned())));
        }
    }

    pub fn fields<'a>(&self, cells: &[&'a str]) -> Fields<'a> {
        self.fields_of(|place| cells.get(place).copied())
    }

    /// The fields of a record whose cells are found by their place, from 0.
    pub fn fields_of<'a>(&self, cell: impl Fn(usize) -> Option<&'a str>) -> Fields<'a> {
        let mut fields = Fields::default();
        for (place, field) in &self.cells {
            if let Some(text) = cell(*place) {
                fields.set(*field, text);
            }
        }
        fields
    }

    /// The field of a cell, if it has one.
    pub fn field_at(&self, place: usize) -> Option<Field> {
        self.cells.iter().find(|(p, _)| *p == place).map(|(_, field)| *field)
    }

    /// What is said of the columns that the file does not have (DQ-16).
    pub fn missing(&self) -> Option<FieldProblem> {
        column_missing::in_header(&self.missing)
    }

    /// The first column behind the last of so many cells that rows must have.
    pub fn beyond(&self, count: usize, definition: &FeedDefinition) -> Option<Field> {
        let is_beyond = |(place, field): &&(usize, Field)| *place >= count && !definition.is_optional(*field);
        self.cells.iter().find(is_beyond).map(|(_, field)| *field)
    }

    /// Where a field stands, from 0.
    pub fn place_of(&self, field: Field) -> Option<usize> {
        self.cells.iter().find(|(_, other)| *other == field).map(|(place, _)| *place)
    }

    /// Whether the cells are the header once more.
    pub fn is_header(&self, fields: &Fields<'_>) -> bool {
        let is_own = |(field, header): &(Field, String)| folds_to(fields.get(*field), header);
        !self.key_headers.is_empty() && self.key_headers.iter().all(is_own)
    }

    /// How many of the wanted headers a line has; tells the likely header when none fits.
    pub fn hits(columns: &BTreeMap<Field, Column>, header: &[&str]) -> usize {
        let header: Vec<String> = header.iter().map(|h| folded(h)).collect();
        let is_there = |column: &&Column| matches!(column, Column::Name(name) if header.contains(&folded(name)));
        columns.values().filter(is_there).count()
    }

    /// Why the record cannot be split into the columns, if so: cells too many or key fields missing.
    pub fn misfit(&self, cells: &[&str]) -> Option<String> {
        self.misfit_of(cells.len(), |place| cells[place])
    }

    /// The same for a record whose cells are found by their place, from 0.
    pub fn misfit_of<'a>(&self, count: usize, cell: impl Fn(usize) -> &'a str) -> Option<String> {
        match self.width {
            Some(width) if count > width && (width..count).any(|place| !cell(place).trim().is_empty()) => {
                Some(format!(
                    "record has {count} cells, the header {width}; quote cells that hold the separator and send the line again"
                ))
            }
            _ if count < self.key_width => Some(format!(
                "record has {count} cells, the last key field is in cell {}; send the line again in full",
                self.key_width
            )),
            _ => None,
        }
    }
}

/// Whether the text is the header, which is [`folded`] already.
fn folds_to(text: &str, header: &str) -> bool {
    let text = text.trim();
    match (text.bytes().next(), header.bytes().next()) {
        (Some(a), Some(b)) if a.eq_ignore_ascii_case(&b) || !a.is_ascii() => folded(text) == header,
        _ => false,
    }
}

fn header_problem(field: Field, name: &str, what: &str) -> FieldProblem {
    let message = format!("column {name:?} for {field} {what}; correct the feed definition or ask the partner");
    FieldProblem { code: Code::RowUnreadable, field: field.as_str().into(), value: name.to_owned(), message }
}

/// Lower case, blanks of all kinds as one.
fn folded(header: &str) -> String {
    let header = header.trim_start_matches('\u{feff}').to_lowercase();
    header.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Makes rows of records; counts them.
pub struct RowReader {
    definition: Arc<FeedDefinition>,
    records: u32,
    /// The last date read: rows mostly come by day.
    last_date: (Text, Option<Day>),
    /// Texts of the period column with the number of rows.
    periods: BTreeMap<Text, u32>,
}

impl RowReader {
    pub fn new(definition: Arc<FeedDefinition>) -> RowReader {
        RowReader { definition, records: 0, last_date: (Text::default(), None), periods: BTreeMap::new() }
    }

    /// The next data record's row, with a problem for each field that is missing or not readable.
    pub fn row(&mut self, fields: &Fields<'_>, line_no: u32) -> ParsedRow {
        self.records = self.records.saturating_add(1);
        let mut row = ParsedRow { record_no: self.records, line_no, ..ParsedRow::default() };
        read_texts(&mut row, fields);
        let definition = Arc::clone(&self.definition);
        self.read_date(&mut row, fields.get(Field::Date).trim());
        row.quantity = read_number(&mut row, fields, Field::Quantity, &definition.quantities);
        if definition.reports == Reports::Sales && fields.get(Field::Quantity).trim().is_empty() {
            row.problems.push(missing(Field::Quantity));
        }
        row.unit_price = read_number(&mut row, fields, Field::UnitPrice, &definition.numbers);
        row.amount = read_number(&mut row, fields, Field::Amount, &definition.numbers);
        read_currency(&mut row, fields.get(Field::Currency).trim(), definition.currency);
        read_serials(&mut row, fields.get(Field::Serials), &definition.serial_marks);
        read_movement(&mut row, &definition);
        self.count_period(fields.get(Field::Period).trim());
        row
    }

    /// The next data record's row where the record cannot be split into fields at all.
    pub fn unreadable(&mut self, line_no: u32, text: &str, message: String) -> ParsedRow {
        self.records = self.records.saturating_add(1);
        let problem = problem(Code::RowUnreadable, "record", text, message);
        ParsedRow { record_no: self.records, line_no, problems: vec![problem], ..ParsedRow::default() }
    }

    pub fn records(&self) -> u32 {
        self.records
    }

    /// What most rows name in the period column.
    pub fn period(&self) -> Option<(Day, Day)> {
        let most = self.periods.iter().max_by_key(|(text, count)| (**count, std::cmp::Reverse(*text)))?;
        crate::period::of_text(most.0)
    }

    fn read_date(&mut self, row: &mut ParsedRow, text: &str) {
        if text.is_empty() {
            row.problems.push(missing(Field::Date));
            return;
        }
        if self.last_date.0 != text {
            self.last_date = (text.into(), self.day(text));
        }
        row.date_text = self.last_date.0.clone();
        row.date = self.last_date.1;
        if row.date.is_none() {
            let message = match self.definition.reports {
                Reports::Sales => {
                    "date is not one of the calendar in the feed's date style; send the line again with its date"
                }
                Reports::Claims => {
                    "date is no day in the feed's date style and no period, from 1900 to 2999; send the line again with \
                     one"
                }
            };
            row.problems.push(problem(Code::DateImpossible, Field::Date.as_str(), text, message.to_owned()));
        }
    }

    /// A claim may name its period in place of a day of it.
    fn day(&self, text: &str) -> Option<Day> {
        let day = self.definition.dates.parse(text);
        match self.definition.reports {
            Reports::Sales => day,
            Reports::Claims => day.or_else(|| crate::period::first_day(text)).filter(|day| is_claimable(*day)),
        }
    }

    fn count_period(&mut self, text: &str) {
        const DIFFERENT_TEXTS_MAX: usize = 1000;
        if text.is_empty() {
            return;
        }
        if let Some(count) = self.periods.get_mut(text) {
            *count += 1;
        } else if self.periods.len() < DIFFERENT_TEXTS_MAX {
            self.periods.insert(text.into(), 1);
        }
    }
}

/// A claim may come before its period; what lies further off is no period that somebody means.
pub(crate) fn is_claimable(day: Day) -> bool {
    (1900..=2999).contains(&day.year())
}

/// The first 200 characters.
pub fn excerpt(text: &str) -> String {
    const CHARACTERS_MAX: usize = 200;
    match text.char_indices().nth(CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Applies what the type code says: the quantity and the amount of a return are negative.
pub fn apply_movement(row: &mut ParsedRow, movement: Movement) {
    row.movement = movement;
    if movement == Movement::Return {
        row.quantity = row.quantity.map(|q| -q.abs());
        row.amount = row.amount.map(|a| -a.abs());
    }
}

fn read_texts(row: &mut ParsedRow, fields: &Fields<'_>) {
    let text = |field: Field| Text::from(fields.get(field).trim());
    row.document = text(Field::Document);
    row.document_line = text(Field::DocumentLine);
    row.code = text(Field::Code);
    row.description = text(Field::Description);
    row.outlet_id = text(Field::OutletId);
    row.outlet = text(Field::Outlet);
    row.city = text(Field::City);
    row.customer = text(Field::Customer);
    row.rep = text(Field::Rep);
    row.promotion = text(Field::Promotion);
    row.product = text(Field::Product);
    row.original_document = text(Field::OriginalDocument);
    row.reported_partner = text(Field::Partner);
    row.type_code = text(Field::Type);
    for (field, text) in [(Field::Document, &row.document), (Field::Code, &row.code)] {
        if text.is_empty() {
            row.problems.push(missing(field));
        } else if is_damaged(text) {
            row.problems.push(damaged(field, text));
        }
    }
}

fn missing(field: Field) -> FieldProblem {
    problem(Code::KeyMissing, field.as_str(), "", format!("{field} is missing; send the line again with it"))
}

/// A long number that a spreadsheet cut to its first digits (`1.23457E+12`).
fn is_damaged(text: &str) -> bool {
    let bytes = text.as_bytes();
    if !bytes[0].is_ascii_digit() || bytes.len() < 5 {
        return false;
    }
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else { return false };
    let Some(exponent) = exponent.strip_prefix('+') else { return false };
    let is_mantissa = mantissa.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b',');
    is_mantissa && !exponent.is_empty() && exponent.bytes().all(|b| b.is_ascii_digit())
}

fn damaged(field: Field, text: &str) -> FieldProblem {
    let message = format!("{field} was cut by a spreadsheet; send the line again with all its digits");
    problem(Code::RowUnreadable, field.as_str(), text, message)
}

fn read_number(row: &mut ParsedRow, fields: &Fields<'_>, field: Field, style: &NumberStyle) -> Option<Micros> {
    let text = fields.get(field).trim();
    if text.is_empty() {
        return None;
    }
    let read = if fields.is_plain(field) { numbers::parse_json_number(text) } else { style.parse(text) };
    match read {
        Ok(value) => Some(value),
        Err(error) => {
            row.problems.push(unreadable_number(field, text, &error));
            None
        }
    }
}

fn unreadable_number(field: Field, text: &str, error: &NumberError) -> FieldProblem {
    let message = match error {
        NumberError::NotANumber => format!("{field} is not a number in the feed's number style; send the line again"),
        NumberError::TooPrecise => format!("{field} has more than six decimals; send it rounded"),
        NumberError::TooLarge => format!("{field} is larger than any sale; send the line again"),
    };
    problem(Code::RowUnreadable, field.as_str(), text, message)
}

fn read_currency(row: &mut ParsedRow, text: &str, default: Option<Currency>) {
    if text.is_empty() {
        row.currency = default;
        return;
    }
    row.currency = Currency::parse(text);
    if row.currency.is_none() {
        let message = "currency is not a code of three letters, such as EUR; send the line again".to_owned();
        row.problems.push(problem(Code::RowUnreadable, Field::Currency.as_str(), text, message));
    }
}

fn read_serials(row: &mut ParsedRow, text: &str, marks: &str) {
    let text = text.trim();
    if text.is_empty() {
        return;
    }
    for serial in text.split(|c| marks.contains(c)).map(str::trim).filter(|s| !s.is_empty()) {
        if is_damaged(serial) {
            row.problems.push(damaged(Field::Serials, serial));
        }
        if is_filler(serial) {
            continue;
        }
        row.serials.push(serial.into());
    }
}

/// What people write where there is no serial number.
fn is_filler(serial: &str) -> bool {
    let plain: String = serial.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_ascii_lowercase();
    matches!(plain.as_str(), "" | "na" | "none" | "null" | "nil" | "unknown" | "tba" | "tbd" | "nosn" | "noserial")
        || plain.bytes().all(|digit| digit == b'0')
}

/// A claim asks for something, and gives nothing back.
pub(crate) fn check_claim(row: &mut ParsedRow) {
    if let Some(quantity) = row.quantity.filter(|quantity| *quantity < Micros::ZERO) {
        let message = "a claim asks for units above zero; send the line again, or withdraw it".to_owned();
        row.problems.push(problem(Code::RowUnreadable, Field::Quantity.as_str(), &quantity.to_string(), message));
    }
    match row.amount {
        Some(amount) if amount > Micros::ZERO => {}
        Some(amount) => {
            let message = "a claim asks for an amount above zero; send the line again, or withdraw it".to_owned();
            row.problems.push(problem(Code::RowUnreadable, Field::Amount.as_str(), &amount.to_string(), message));
        }
        None if row.problems.iter().any(|problem| problem.field == Field::Amount.as_str()) => {}
        None => row.problems.push(missing(Field::Amount)),
    }
}

/// The type code decides where the feed has one; else the quantity's sign.
fn read_movement(row: &mut ParsedRow, definition: &FeedDefinition) {
    if definition.reports == Reports::Claims {
        row.movement = Movement::Claim;
        row.authorisation = row.promotion.clone();
        check_claim(row);
        return;
    }
    if row.type_code.is_empty() || definition.types.is_empty() {
        let is_return = row.quantity.is_some_and(|q| q < Micros::ZERO);
        row.movement = if is_return { Movement::Return } else { Movement::Sale };
        return;
    }
    match definition.kind(&row.type_code) {
        Some(kind) => apply_movement(row, kind.into()),
        None => {
            let message =
                "type code is not in the feed definition; add it below `types`, or send the line again".to_owned();
            row.problems.push(problem(Code::RowUnreadable, Field::Type.as_str(), &row.type_code, message));
        }
    }
}
