//! Inside the child: a workbook becomes frames of rows.
//!
//! Hostile workbooks are expected here. Sizes are checked before anything is unpacked into memory, cells are streamed,
//! and whatever still goes wrong ends this process only.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom, Write};

use calamine::{DataRef, Reader, SheetType, SheetVisible, Xlsx};
use serde::{Deserialize, Serialize};

use crate::child::write_frame;

/// What a workbook may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkbookLimits {
    pub file_bytes_max: u64,
    /// Of all parts of the archive, as they really unpack.
    pub unzipped_bytes_max: u64,
    pub parts_max: usize,
    /// Cells with a value, over all sheets.
    pub cells_max: u64,
    /// Bytes of one row's texts.
    pub row_bytes_max: usize,
}

impl Default for WorkbookLimits {
    fn default() -> WorkbookLimits {
        WorkbookLimits {
            file_bytes_max: 256 << 20,
            unzipped_bytes_max: 1 << 30,
            parts_max: 2000,
            cells_max: 50_000_000,
            row_bytes_max: 1 << 20,
        }
    }
}

/// What the child tells.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Frame<'a> {
    /// A visible worksheet begins.
    Sheet(&'a str),
    #[serde(borrow)]
    Row(Row<'a>),
    /// Everything was told.
    End,
    /// The workbook cannot be read; why.
    Failed(&'a str),
}

/// A row with its cells that hold something, by column from 0, in order.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Row<'a> {
    /// From 1.
    pub(crate) number: u32,
    #[serde(borrow)]
    pub(crate) cells: Vec<(u16, Cell<'a>)>,
}

/// What a cell holds. Numbers are decimal texts of the 15 digits that spreadsheets keep and show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Cell<'a> {
    Text(&'a str),
    Number(&'a str),
    /// A number with a date format: days in the 1900 system, whatever the workbook's.
    Date(&'a str),
    /// `#N/A` and the like.
    Error(&'a str),
}

/// Reads a workbook and tells its visible sheets, or the one of this name, on `out`.
///
/// `Err` only where `out` is gone; an unreadable workbook is told as such.
pub(crate) fn tell(
    input: impl Read + Seek,
    sheet: Option<&str>,
    limits: &WorkbookLimits,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut teller = Teller { out, limits, cells: 0 };
    let end = teller.workbook(input, sheet);
    match end {
        Ok(()) => teller.frame(&Frame::End),
        Err(Failure::Out(error)) => Err(error),
        Err(Failure::Workbook(message)) => teller.frame(&Frame::Failed(&message)),
    }
}

enum Failure {
    /// The parent does not listen any more.
    Out(io::Error),
    Workbook(String),
}

impl From<String> for Failure {
    fn from(message: String) -> Failure {
        Failure::Workbook(message)
    }
}

struct Teller<'a, W> {
    out: &'a mut W,
    limits: &'a WorkbookLimits,
    cells: u64,
}

/// One row's cells; their texts lie one behind the other.
#[derive(Default)]
struct Texts {
    number: u32,
    text: String,
    cells: Vec<(u16, Kind, usize)>,
}

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Number,
    Date,
    Error,
}

impl<W: Write> Teller<'_, W> {
    fn workbook(&mut self, mut input: impl Read + Seek, sheet: Option<&str>) -> Result<(), Failure> {
        check_archive(&mut input, self.limits)?;
        let mut workbook = Xlsx::new(io::BufReader::new(input)).map_err(unreadable)?;
        let has_1904 = workbook.has_1904_epoch();
        let all = workbook.sheets_metadata().to_vec();
        let is_table = |s: &&calamine::Sheet| s.typ == SheetType::WorkSheet;
        let wanted: Vec<_> = match sheet {
            Some(name) => all.iter().filter(is_table).filter(|s| s.name == name).collect(),
            None => all.iter().filter(is_table).filter(|s| s.visible == SheetVisible::Visible).collect(),
        };
        if wanted.is_empty() {
            let names: Vec<_> = all.iter().map(|s| s.name.as_str()).take(20).collect();
            return Err(match sheet {
                Some(name) => format!("workbook has no sheet {name:?} but {names:?}").into(),
                None => format!("workbook has no visible worksheet, only {names:?}").into(),
            });
        }
        for sheet in wanted {
            self.frame(&Frame::Sheet(&sheet.name)).map_err(Failure::Out)?;
            self.sheet(&mut workbook, &sheet.name, has_1904)?;
        }
        Ok(())
    }

    fn sheet<R: Read + Seek>(&mut self, workbook: &mut Xlsx<R>, name: &str, has_1904: bool) -> Result<(), Failure> {
        let mut reader = workbook.worksheet_cells_reader(name).map_err(unreadable)?;
        let mut row = Texts::default();
        while let Some(cell) = reader.next_cell().map_err(unreadable)? {
            let (number, column) = cell.get_position();
            if number + 1 != row.number {
                self.row(&mut row)?;
                if number + 1 < row.number {
                    return Err(format!("rows of sheet {name:?} are out of order at row {}", number + 1).into());
                }
                row.number = number + 1;
            }
            row.add(column, cell.get_value(), has_1904)?;
            self.cells += 1;
            if self.cells > self.limits.cells_max {
                return Err(format!("workbook has more than {} cells; split it", self.limits.cells_max).into());
            }
            if row.text.len() > self.limits.row_bytes_max {
                return Err(format!("row {} holds more than {} bytes", row.number, self.limits.row_bytes_max).into());
            }
        }
        self.row(&mut row)
    }

    /// Tells a row that holds something and empties it.
    fn row(&mut self, row: &mut Texts) -> Result<(), Failure> {
        if !row.cells.is_empty() {
            self.frame(&Frame::Row(row.told())).map_err(Failure::Out)?;
        }
        row.cells.clear();
        row.text.clear();
        Ok(())
    }

    fn frame(&mut self, frame: &Frame<'_>) -> io::Result<()> {
        let bytes = postcard::to_stdvec(frame).map_err(io::Error::other)?;
        write_frame(self.out, &bytes)
    }
}

impl Texts {
    fn add(&mut self, column: u32, value: &DataRef<'_>, has_1904: bool) -> Result<(), Failure> {
        use std::fmt::Write;
        let start = self.text.len();
        let text = &mut self.text;
        let (kind, written) = match value {
            DataRef::Empty => return Ok(()),
            DataRef::String(string) => (Kind::Text, write!(text, "{string}")),
            DataRef::SharedString(string) => (Kind::Text, write!(text, "{string}")),
            DataRef::Bool(true) => (Kind::Text, write!(text, "TRUE")),
            DataRef::Bool(false) => (Kind::Text, write!(text, "FALSE")),
            DataRef::Int(number) => (Kind::Number, write!(text, "{number}")),
            DataRef::Float(number) => (Kind::Number, write!(text, "{}", Digits(*number))),
            DataRef::DateTime(date) if date.is_datetime() => {
                // Day 0 of the 1904 system is day 1462 of the other.
                let shift = if has_1904 { 1462.0 } else { 0.0 };
                (Kind::Date, write!(text, "{}", Digits(date.as_f64() + shift)))
            }
            DataRef::DateTime(duration) => (Kind::Number, write!(text, "{}", Digits(duration.as_f64()))),
            DataRef::DateTimeIso(iso) | DataRef::DurationIso(iso) => (Kind::Text, write!(text, "{iso}")),
            DataRef::Error(error) => (Kind::Error, write!(text, "{error}")),
        };
        written.map_err(|_| String::from("cell cannot be written"))?;
        let column = u16::try_from(column).map_err(|_| format!("column {column} is none"))?;
        if self.cells.last().is_some_and(|(last, ..)| *last >= column) {
            return Err(format!("cells of row {} are out of order", self.number).into());
        }
        if self.text.len() > start {
            self.cells.push((column, kind, self.text.len()));
        }
        Ok(())
    }

    fn told(&self) -> Row<'_> {
        let mut start = 0;
        let cells = self.cells.iter().map(|(column, kind, end)| {
            let text = &self.text[start..*end];
            start = *end;
            let cell = match kind {
                Kind::Text => Cell::Text(text),
                Kind::Number => Cell::Number(text),
                Kind::Date => Cell::Date(text),
                Kind::Error => Cell::Error(text),
            };
            (*column, cell)
        });
        Row { number: self.number, cells: cells.collect() }
    }
}

/// A stored double as spreadsheets mean it: with 15 digits, so that 0.1 + 0.2 is 0.3.
struct Digits(f64);

impl fmt::Display for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scientific = format!("{:.14e}", self.0);
        let parts = scientific.split_once('e').and_then(|(m, e)| Some((m, e.parse::<i32>().ok()?)));
        let Some((mantissa, exponent @ -20..=20)) = parts else { return f.write_str(&scientific) };
        let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
        let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
        let digits = digits.trim_end_matches('0');
        if digits.is_empty() {
            return f.write_str("0");
        }
        let Ok(point) = usize::try_from(exponent + 1) else {
            return write!(f, "{sign}0.{}{digits}", "0".repeat(exponent.unsigned_abs() as usize - 1));
        };
        match digits.split_at_checked(point) {
            Some((whole, "")) => write!(f, "{sign}{whole}"),
            Some(("", fraction)) => write!(f, "{sign}0.{fraction}"),
            Some((whole, fraction)) => write!(f, "{sign}{whole}.{fraction}"),
            None => write!(f, "{sign}{digits:0<point$}"),
        }
    }
}

fn unreadable(error: calamine::XlsxError) -> Failure {
    Failure::Workbook(format!("workbook is damaged: {error}"))
}

/// Unpacks every part once, into nothing, so that no later step meets more than the limits allow.
fn check_archive(input: &mut (impl Read + Seek), limits: &WorkbookLimits) -> Result<(), Failure> {
    let mut start = [0; 8];
    let length = read_start(input, &mut start).map_err(|error| format!("workbook cannot be read: {error}"))?;
    if let Some(what) = not_a_workbook(&start[..length]) {
        return Err(format!("this is {what}; save it as .xlsx and send it again").into());
    }
    let damaged = |error: zip::result::ZipError| format!("workbook is damaged or not whole: {error}");
    let mut archive = zip::ZipArchive::new(&mut *input).map_err(damaged)?;
    if archive.len() > limits.parts_max {
        return Err(format!("workbook has {} parts, more than {}", archive.len(), limits.parts_max).into());
    }
    let mut left = limits.unzipped_bytes_max;
    for at in 0..archive.len() {
        let part = archive.by_index(at).map_err(damaged)?;
        let unpacked = io::copy(&mut part.take(left + 1), &mut io::sink())
            .map_err(|error| format!("workbook is damaged or not whole: {error}"))?;
        left = left
            .checked_sub(unpacked)
            .ok_or_else(|| format!("workbook unpacks to more than {} bytes; split it", limits.unzipped_bytes_max))?;
    }
    input.seek(SeekFrom::Start(0)).map_err(|error| format!("workbook cannot be read: {error}"))?;
    Ok(())
}

fn read_start(input: &mut (impl Read + Seek), start: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < start.len() {
        match input.read(&mut start[length..])? {
            0 => break,
            read => length += read,
        }
    }
    input.seek(SeekFrom::Start(0))?;
    Ok(length)
}

fn not_a_workbook(start: &[u8]) -> Option<&'static str> {
    match start {
        [b'P', b'K', 3, 4, ..] => None,
        [] => Some("an empty file"),
        [0xd0, 0xcf, 0x11, 0xe0, ..] => Some("a workbook with a password or in the old .xls format"),
        [b'%', b'P', b'D', b'F', ..] => Some("a PDF"),
        [b'P', b'K', ..] => Some("an archive without parts"),
        [b'<', ..] => Some("a web page or XML, not a workbook"),
        _ => Some("not a workbook"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_show_the_digits_that_spreadsheets_keep() {
        for (number, expected) in [
            (0.1 + 0.2, "0.3"),
            (58.239999999999995, "58.24"),
            (-2025.0, "-2025"),
            (4_012_345_000_009.0, "4012345000009"),
            (0.0, "0"),
            (-0.0, "0"),
            (100.0, "100"),
            (0.05, "0.05"),
            (0.000001, "0.000001"),
            (12.5, "12.5"),
            (1e20, "100000000000000000000"),
            (1e300, "1.00000000000000e300"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(Digits(number).to_string(), expected);
        }
    }
}
