//! Feed definitions: how a partner writes its files, in YAML, one file for each partner and layout.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use contract::{CodeRule, Currency, FeedRule, Movement, Text};
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};

use crate::columns::Field;
use crate::dates::DateStyle;
use crate::formats::Format;
use crate::formats::x12::X12Options;
use crate::numbers::NumberStyle;

/// How files of one partner and layout are to be read.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedDefinition {
    /// Name of the feed in receipts; the file's own name where it is left out.
    #[serde(default)]
    pub name: Text,
    /// The partner whose folder the files lie in; as `name` where it is left out.
    #[serde(default)]
    pub partner: Text,
    /// Kafka topic whose records are rows, one each, in place of files. The intake writes them to files of its own, in
    /// pieces whose bounds say nothing; see [`FeedDefinition::is_for`].
    #[serde(default)]
    pub topic: Option<String>,
    /// Which files of the partner it is for: patterns of `*` and `?` over the path below the partner's folder.
    #[serde(default = "every_file")]
    pub files: Vec<String>,
    pub format: Format,
    /// What its records are; claims, whatever is written, where the format is one of claims.
    #[serde(default)]
    pub reports: Reports,
    /// A label of the Encoding Standard; a byte-order mark in the file goes before it.
    #[serde(default)]
    pub encoding: Encoding,
    /// One character between cells.
    #[serde(default = "comma")]
    pub delimiter: char,
    #[serde(default)]
    pub quote: Quote,
    /// Whether a line names the columns. Lines before it are preamble.
    #[serde(default = "yes")]
    pub header: bool,
    /// Lines left out at the top of a file without a header.
    #[serde(default)]
    pub skip_lines: u32,
    /// Sheet to read; the first visible one where it is left out.
    #[serde(default)]
    pub sheet: Option<String>,
    /// Field → header, position from 1 (without a header) or path of JSON keys (`doc.number`).
    #[serde(default)]
    pub columns: BTreeMap<Field, Column>,
    /// Fields whose columns a file or a row may lack without a word.
    #[serde(default)]
    pub optional_columns: Vec<Field>,
    #[serde(default)]
    pub dates: DateStyle,
    /// Prices and amounts.
    #[serde(default)]
    pub numbers: NumberStyle,
    #[serde(default)]
    pub quantities: NumberStyle,
    /// Characters between the serial numbers of one cell.
    #[serde(default = "serial_marks")]
    pub serial_marks: String,
    /// What the codes in the type column mean. Without any, the sign of the quantity tells a return from a sale.
    #[serde(default)]
    pub types: BTreeMap<String, Kind>,
    #[serde(default)]
    pub codes: Codes,
    #[serde(default)]
    pub period: PeriodRule,
    #[serde(default)]
    pub replaces: ReplacesRule,
    #[serde(default)]
    pub trailer: TrailerRule,
    /// What happens to a file whose control totals disagree with its rows.
    #[serde(default)]
    pub control_totals: FileDoubt,
    /// What happens to a correction without a readable record, which would take back all that its report said.
    #[serde(default)]
    pub empty_corrections: FileDoubt,
    /// Currency of rows that name none; the partner's own where it is left out.
    #[serde(default, deserialize_with = "currency")]
    pub currency: Option<Currency>,
    #[serde(default)]
    pub x12: X12Options,
    /// The definition as written, for a parser in a process of its own.
    #[serde(skip)]
    pub text: String,
}

/// Key that the intake adds to a record of a topic whose definition asks for it: what tells the record from all others of
/// its partner.
pub const RECORD_KEY: &str = "@record";

/// Where a field stands in a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Column {
    Name(String),
    /// From 1.
    Position(u16),
}

/// What the records of a feed report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reports {
    /// What was sold and what came back.
    #[default]
    Sales,
    /// What is asked to be paid: `document` is the claim's number, `code` the program, `date` a day of the period or its
    /// name, `amount` what is claimed, `unit_price` what of it for a unit.
    Claims,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Quote {
    #[default]
    #[serde(rename = "\"")]
    Double,
    #[serde(rename = "'")]
    Single,
    #[serde(rename = "none")]
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Encoding {
    /// ISO 8859-1 to the letter; the Encoding Standard's `latin1` is windows-1252.
    Latin1,
    Other(&'static encoding_rs::Encoding),
}

/// What a type code means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Sale,
    /// Quantity and amount are taken as negative, however they are written.
    Return,
    /// Interbranch, adjustment, sample and the like: no sale.
    Internal,
}

/// How a product code as written becomes a code of the catalogue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Codes {
    pub scheme: contract::CodeScheme,
    pub prefix: Text,
}

/// Where a file says what period it reports on. Sources are asked in their order.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PeriodRule {
    pub sources: Vec<PeriodSource>,
    /// First cell of the preamble line that holds first and last day.
    pub label: String,
    /// Pattern over the file's path with `{yyyy}`, `{mm}`, `{ww}`, `*` and `?`; any year and month where it is left out.
    pub name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PeriodSource {
    /// Preamble of a report, DTM 090 and 091 of X12.
    Head,
    Column,
    FileName,
    /// The month of most rows.
    Rows,
}

/// How a file says that it replaces another.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReplacesRule {
    /// Mark in the file's name; the name without it is the replaced file's.
    pub name: String,
    /// Word in the lines above the header.
    pub word: String,
}

/// Lines below the rows that are no records.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrailerRule {
    /// What the first cell of such lines begins with, in any letter case and as a whole word. The line must not have a
    /// readable date, nor both a code and a number of units (of claims: an amount) outside of the cells named here.
    pub words: Vec<String>,
    /// Cell with the number of records, from 1.
    pub count_cell: Option<u16>,
    /// Cell with the sum of the amounts, from 1; group marks may cut it into several.
    pub sum_cell: Option<u16>,
}

/// What happens to a file that there is a doubt about as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileDoubt {
    /// It waits; a changed definition lets it in.
    #[default]
    Park,
    /// It is taken in, with a finding.
    Finding,
    /// It is taken in.
    Ignore,
}

/// Something wrong in a configuration file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    pub file: String,
    /// From 1; 0 for the whole file.
    pub line: usize,
    pub column: usize,
    pub message: String,
    /// What to do; may be empty.
    pub hint: String,
}

/// Reads a definition and checks it as a whole.
pub fn load(path: &Path) -> Result<FeedDefinition, Vec<Problem>> {
    let file = path.display().to_string();
    let whole =
        |message: String| vec![Problem { file: file.clone(), line: 0, column: 0, message, hint: String::new() }];
    let text = std::fs::read_to_string(path).map_err(|error| whole(format!("file cannot be read: {error}")))?;
    let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
    parse(&file, stem, &text)
}

/// Reads a definition from its text; `stem` names it where it does not name itself.
pub fn parse(file: &str, stem: &str, text: &str) -> Result<FeedDefinition, Vec<Problem>> {
    let mut definition: FeedDefinition =
        serde_saphyr::from_str(text).map_err(|error| vec![problem_of(file, &error)])?;
    text.clone_into(&mut definition.text);
    if definition.name.is_empty() {
        definition.name = stem.into();
    }
    if definition.partner.is_empty() {
        definition.partner = definition.name.clone();
    }
    if definition.format == Format::X12Claims {
        definition.reports = Reports::Claims;
    }
    if definition.topic.is_some() {
        definition.leave_to_records();
    }
    let problems = definition.problems(file, text);
    if problems.is_empty() { Ok(definition) } else { Err(problems) }
}

impl FeedDefinition {
    /// What normalization must know of it.
    pub fn rule(&self) -> FeedRule {
        let code_rule = CodeRule { scheme: self.codes.scheme, prefix: self.codes.prefix.clone() };
        FeedRule { name: self.name.clone(), partner: self.partner.clone(), code_rule }
    }

    /// Whether it is for this file of its partner; `path` begins below the partner's folder. Records of a topic lie in
    /// folders `TOPIC@PARTITION`.
    pub fn is_for(&self, path: &str) -> bool {
        match &self.topic {
            Some(topic) => {
                path.split('/').next().and_then(|folder| folder.rsplit_once('@')).is_some_and(|(t, _)| t == topic)
            }
            None => self.files.iter().any(|pattern| crate::glob::matches(pattern, path)),
        }
    }

    /// Whether records are to carry [`RECORD_KEY`].
    pub fn wants_record_key(&self) -> bool {
        self.columns.values().any(|column| *column == Column::Name(RECORD_KEY.to_owned()))
    }

    /// Whatever is judged by the whole of a file is left out, as a file of a topic's records begins and ends anywhere;
    /// and each record is a line of its own, whichever others stand beside it.
    fn leave_to_records(&mut self) {
        self.period.sources.retain(|source| *source == PeriodSource::Column);
        self.replaces = ReplacesRule { name: String::new(), word: String::new() };
        self.columns.entry(Field::DocumentLine).or_insert_with(|| Column::Name(RECORD_KEY.to_owned()));
    }

    /// Fields without which a record is refused (DQ-01).
    pub fn keys(&self) -> &'static [Field] {
        match self.reports {
            Reports::Sales => &Field::KEYS,
            Reports::Claims => &Field::CLAIM_KEYS,
        }
    }

    /// Whether a file may lack the field's column without a word.
    pub(crate) fn is_optional(&self, field: Field) -> bool {
        self.optional_columns.contains(&field)
    }

    /// What a type code of the feed means; `None` for one that the definition does not list.
    pub fn kind(&self, type_code: &str) -> Option<Kind> {
        self.types.get(type_code).copied()
    }

    /// Whether both read every file the same; names and partners do not count.
    pub(crate) fn reads_alike(&self, other: &FeedDefinition) -> bool {
        let bare = |d: &FeedDefinition| {
            let (name, partner, text) = (Text::default(), Text::default(), String::new());
            FeedDefinition { name, partner, text, ..d.clone() }
        };
        bare(self) == bare(other)
    }

    fn problems(&self, file: &str, text: &str) -> Vec<Problem> {
        let mut found = Vec::new();
        let mut say = |key: &str, message: String, hint: &str| {
            let (line, column) = place_of(key, text);
            found.push(Problem { file: file.to_owned(), line, column, message, hint: hint.to_owned() });
        };
        if self.format.has_columns() {
            for field in self.keys().iter().filter(|f| !self.columns.contains_key(f)) {
                let hint = "add `FIELD: HEADER` below `columns`";
                say("columns", format!("no column is given for the key field {field}"), hint);
            }
        }
        for (field, column) in &self.columns {
            match column {
                Column::Position(0) => say("columns", format!("position of {field} is 0"), "positions count from 1"),
                Column::Position(_) if self.header || self.format == Format::JsonLines => {
                    say("columns", format!("{field} is given by position"), "name its header, or set `header: false`");
                }
                Column::Name(name) if !self.header && self.format.has_cells() => {
                    say(
                        "columns",
                        format!("{field} is given by name {name:?}"),
                        "files without a header want positions",
                    );
                }
                _ => {}
            }
        }
        for field in &self.optional_columns {
            let hint = "take it out of `optional_columns`";
            if self.keys().contains(field) {
                say("optional_columns", format!("rows without the key field {field} are refused"), hint);
            } else if !self.columns.contains_key(field) {
                say("optional_columns", format!("no column is given for {field}"), hint);
            }
        }
        for (field, column) in &self.columns {
            let is_number = |field| matches!(field, Field::Quantity | Field::UnitPrice | Field::Amount);
            let same = |(other, at): &(&Field, &Column)| *at == column && *other > field;
            for (other, _) in
                self.columns.iter().filter(same).filter(|(other, _)| is_number(*field) || is_number(**other))
            {
                say("columns", format!("{field} and {other} are given by one column"), "a number is one thing only");
            }
        }
        for (key, style) in [("numbers", &self.numbers), ("quantities", &self.quantities)] {
            if !style.is_clear() {
                say(key, "decimal mark and group mark are the same".to_owned(), "choose another `grouping`");
            }
            if style.implied_decimals > 6 {
                say(key, "more than six implied decimals".to_owned(), "numbers are kept to six decimals");
            }
        }
        if !self.types.is_empty() && self.format.has_columns() && !self.columns.contains_key(&Field::Type) {
            say(
                "types",
                "type codes are given, but no column holds them".to_owned(),
                "add `type: HEADER` below `columns`",
            );
        }
        if self.reports == Reports::Claims && self.format == Format::X12 {
            say("reports", "X12 867 reports sales".to_owned(), "set `format: x12-844`");
        }
        if self.reports == Reports::Sales && self.columns.contains_key(&Field::Product) {
            say("columns", "`product` is for claims".to_owned(), "a product that was sold stands in `code`");
        }
        if self.reports == Reports::Claims && !self.types.is_empty() {
            say("types", "a claim has no type of movement".to_owned(), "take `types` out");
        }
        if let Some(topic) = &self.topic {
            let is_legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
            if topic.is_empty() || topic.len() > 249 || !topic.chars().all(is_legal) || topic.chars().all(|c| c == '.')
            {
                let hint = "Kafka knows letters, digits, dot, underscore and hyphen";
                say("topic", format!("no topic can be called {topic:?}"), hint);
            }
            if self.format != Format::JsonLines {
                let hint = "set `format: json-lines`; records in Avro become such lines";
                say("topic", "records of a topic are given as another format".to_owned(), hint);
            }
            if self.encoding != Encoding::default() {
                say("encoding", "JSON on a topic is UTF-8".to_owned(), "leave `encoding` out");
            }
            if self.files != every_file() {
                say("files", "both a topic and files are given".to_owned(), "write a definition for each");
            }
        }
        if !self.delimiter.is_ascii() || self.delimiter == '\n' || self.delimiter == '\r' {
            say("delimiter", format!("delimiter {:?} is not one ASCII character", self.delimiter), "");
        }
        found
    }
}

/// Line and column of a top-level key; (1, 1) where it is not written.
fn place_of(key: &str, text: &str) -> (usize, usize) {
    let is_key = |line: &str| line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(':'));
    (text.lines().position(is_key).map_or(1, |n| n + 1), 1)
}

fn problem_of(file: &str, error: &serde_saphyr::Error) -> Problem {
    let (line, column) = error.location().map_or((0, 0), |at| (at.line() as usize, at.column() as usize));
    let whole = error.without_snippet().to_string();
    Problem { file: file.to_owned(), line, column, message: whole, hint: String::new() }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)?;
        if self.hint.is_empty() { Ok(()) } else { write!(f, "; {}", self.hint) }
    }
}

impl From<Kind> for Movement {
    fn from(kind: Kind) -> Movement {
        match kind {
            Kind::Sale => Movement::Sale,
            Kind::Return => Movement::Return,
            Kind::Internal => Movement::Internal,
        }
    }
}

impl Default for Encoding {
    fn default() -> Encoding {
        Encoding::Other(encoding_rs::UTF_8)
    }
}

impl TryFrom<String> for Encoding {
    type Error = String;

    fn try_from(label: String) -> Result<Encoding, String> {
        if matches!(label.to_ascii_lowercase().as_str(), "latin-1" | "latin1" | "iso-8859-1") {
            return Ok(Encoding::Latin1);
        }
        let known = encoding_rs::Encoding::for_label(label.as_bytes());
        let known =
            known.or_else(|| encoding_rs::Encoding::for_label(label.strip_prefix("cp").unwrap_or("").as_bytes()));
        known.map(Encoding::Other).ok_or_else(|| {
            format!("encoding {label:?} is unknown; write utf-8, utf-16le, utf-16be, latin-1, windows-1252 or the like")
        })
    }
}

impl Default for PeriodRule {
    fn default() -> PeriodRule {
        let sources = vec![PeriodSource::Head, PeriodSource::Column, PeriodSource::FileName, PeriodSource::Rows];
        PeriodRule { sources, label: "Period".into(), name: String::new() }
    }
}

impl Default for ReplacesRule {
    fn default() -> ReplacesRule {
        ReplacesRule { name: "_CORR".into(), word: "REPLACEMENT".into() }
    }
}

impl Default for TrailerRule {
    fn default() -> TrailerRule {
        let words = ["TOTAL", "TOTALS", "GRAND TOTAL", "SUM", "SUMME", "GESAMT"].map(String::from).into();
        TrailerRule { words, count_cell: None, sum_cell: None }
    }
}

fn every_file() -> Vec<String> {
    vec!["*".into()]
}

fn comma() -> char {
    ','
}

fn yes() -> bool {
    true
}

fn serial_marks() -> String {
    ";,".into()
}

fn currency<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Currency>, D::Error> {
    let text = String::deserialize(from)?;
    Currency::parse(&text)
        .map(Some)
        .ok_or_else(|| de::Error::custom(format!("currency {text:?} is not a code of three letters, such as EUR")))
}

impl<'de> Deserialize<'de> for Column {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Column, D::Error> {
        from.deserialize_any(ColumnVisitor)
    }
}

struct ColumnVisitor;

impl Visitor<'_> for ColumnVisitor {
    type Value = Column;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a header, a position from 1 or a path of JSON keys")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Column, E> {
        Ok(Column::Name(name.to_owned()))
    }

    /// `No` and `On` are headers that YAML takes for something else.
    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Column, E> {
        Err(E::custom(format!("YAML reads this header as {value}; put it in quotes")))
    }

    fn visit_u64<E: de::Error>(self, position: u64) -> Result<Column, E> {
        u16::try_from(position).map(Column::Position).map_err(|_| E::custom("position is too large"))
    }

    fn visit_i64<E: de::Error>(self, position: i64) -> Result<Column, E> {
        u16::try_from(position).map(Column::Position).map_err(|_| E::custom("position is out of range"))
    }
}
