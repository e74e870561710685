//! The formats a feed may come in.
//!
//! A format turns bytes into [`Records`]: one data record after the other, in bounded memory, the same for the same bytes.

pub mod delimited;
pub mod json_lines;
pub mod x12;
pub mod xlsx;

use std::io::{self, Read};
use std::sync::Arc;

use contract::{Day, FieldProblem, ParsedRow, Text};
use serde::Deserialize;

use crate::child::ChildLimits;
use crate::definition::{FeedDefinition, FileDoubt};
use crate::rules::control_total_wrong;
use xlsx::WorkbookLimits;

/// How a feed's files are built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Format {
    /// Text lines with cells: CSV, TSV and the like.
    #[serde(rename = "delimited")]
    Delimited,
    /// One JSON object a line.
    #[serde(rename = "json-lines")]
    JsonLines,
    /// X12 transaction set 867.
    #[serde(rename = "x12-867")]
    X12,
    /// X12 transaction set 844: claims.
    #[serde(rename = "x12-844")]
    X12Claims,
    #[serde(rename = "xlsx")]
    Xlsx,
}

impl Format {
    /// Whether the definition must say where fields stand.
    pub fn has_columns(self) -> bool {
        !matches!(self, Format::X12 | Format::X12Claims)
    }

    /// Whether records are rows of cells.
    pub fn has_cells(self) -> bool {
        matches!(self, Format::Delimited | Format::Xlsx)
    }
}

impl Format {
    /// Opens the bytes of one file.
    pub fn open<'a>(
        self,
        definition: Arc<FeedDefinition>,
        source: Box<dyn Read + Send + 'a>,
        limits: &Limits,
    ) -> Result<Box<dyn Records + 'a>, Stop> {
        let open: Open = match self {
            Format::Delimited => delimited::open,
            Format::JsonLines => json_lines::open,
            Format::X12 => x12::open,
            Format::X12Claims => x12::open_claims,
            Format::Xlsx => xlsx::open,
        };
        open(definition, source, limits)
    }
}

/// What a format is: opens the bytes of one file.
pub type Open =
    for<'a> fn(Arc<FeedDefinition>, Box<dyn Read + Send + 'a>, &Limits) -> Result<Box<dyn Records + 'a>, Stop>;

/// The data records of one file, one after the other.
///
/// Every byte belongs to a record or is counted as structural; a record that cannot be read is a row with a problem.
pub trait Records: Send {
    /// The next record; `None` at the end.
    fn next_row(&mut self) -> Result<Option<ParsedRow>, Stop>;

    /// What the file says of itself; whole once [`Records::next_row`] gave `None`.
    fn facts(&self) -> Facts;
}

/// What a file says of itself beside its records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Header, preamble, trailer and blank lines; control segments.
    pub structural: u32,
    /// From the preamble or DTM 090 and 091.
    pub head_period: Option<(Day, Day)>,
    /// From the rows' own period column.
    pub column_period: Option<(Day, Day)>,
    /// The slot that files of one report share; `None`: the file's name says.
    pub series: Option<Text>,
    /// The content says that it replaces another file.
    pub replaces: bool,
    pub problems: Vec<FieldProblem>,
    /// A control total disagrees and the definition wants the file parked then.
    pub parked: bool,
}

impl Facts {
    /// Notes a control total that disagrees with the rows (DQ-09), as the definition wants it.
    pub fn disagree(&mut self, rule: FileDoubt, field: &str, value: &str, message: String) {
        self.doubt(rule, control_total_wrong::check(field, value, message));
    }

    /// Notes a doubt about the whole file, as the definition wants it.
    pub fn doubt(&mut self, rule: FileDoubt, problem: FieldProblem) {
        if rule != FileDoubt::Ignore {
            self.parked |= rule == FileDoubt::Park;
            self.problems.push(problem);
        }
    }
}

/// Why reading cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// The bytes are not of the format.
    #[error("file is refused: {}", .0.message)]
    Refused(FieldProblem),
    /// The definition does not fit the file: another one may.
    #[error("file is parked: {}", .0.message)]
    Parked(FieldProblem),
    /// The bytes could not be had; says nothing about the file.
    #[error("file could not be read")]
    Source(#[from] io::Error),
}

/// Bounds that keep one file from harming the rest.
#[derive(Clone, Debug)]
pub struct Limits {
    /// A longer record (line, segment) is a reject.
    pub record_bytes_max: usize,
    /// A record over more physical lines is a reject of its first line.
    pub record_lines_max: u32,
    /// Lines in which the header must stand.
    pub header_lines_max: u32,
    /// Rows kept from the first pass, so that a small file is read once.
    pub kept_rows_max: usize,
    /// Of the process that parses a workbook.
    pub child: ChildLimits,
    pub workbook: WorkbookLimits,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            record_bytes_max: 64 << 10,
            record_lines_max: 20,
            header_lines_max: 100,
            kept_rows_max: 200_000,
            child: ChildLimits::default(),
            workbook: WorkbookLimits::default(),
        }
    }
}
