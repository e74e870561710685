//! Workbooks (.xlsx), parsed in a limited child process.
//!
//! In: the first visible sheet that has the feed's headers, or the sheet that the definition names.
//! Out: one row for each row below the header that holds something. Formulas count with the values they were saved with.
//! Refused: what is no workbook, what is too large, and what the child does not survive.

mod sheet;
mod workbook;

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::sync::Arc;

use contract::ParsedRow;

pub use workbook::WorkbookLimits;

use super::{Facts, Limits, Records, Stop};
use crate::child::{ChildError, LimitedChild, limit_myself, write_frame};
use crate::definition::FeedDefinition;
use crate::lines::whole_file;
use sheet::SheetReader;
use workbook::Frame;

/// The hidden command under which the program runs itself as the child.
pub const CHILD_COMMAND: &str = "parse-sheet";

/// The child's first frame.
const HELLO: &[u8] = b"paidonce sheets 1";

/// Opens a workbook in a child process and finds the header.
pub fn open<'a>(
    definition: Arc<FeedDefinition>,
    source: Box<dyn Read + Send + 'a>,
    limits: &Limits,
) -> Result<Box<dyn Records + 'a>, Stop> {
    let input = set_aside(source, limits.workbook.file_bytes_max)?;
    let mut child = LimitedChild::start(&limits.child, &arguments(&definition, limits), input)?;
    if !child.next_frame().is_ok_and(|hello| hello == HELLO) {
        // Not the program that parses workbooks: no fault of the file.
        return Err(Stop::Source(io::Error::other("the reader of workbooks could not be run")));
    }
    let mut records =
        WorkbookRecords { child, sheets: SheetReader::new(definition, limits.header_lines_max), ended: false };
    while !records.sheets.has_header() && !records.ended {
        records.step()?;
    }
    records.sheets.check_header()?;
    Ok(Box::new(records))
}

/// The child's main function: [`CHILD_COMMAND`] and the arguments behind it.
pub fn child_main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let Some((memory, cpu, limits, sheet)) = parsed(&arguments.collect::<Vec<_>>()) else {
        return ExitCode::from(2);
    };
    let input = limit_myself(memory, cpu).and_then(|()| io::stdin().as_fd().try_clone_to_owned());
    let mut out = BufWriter::with_capacity(64 << 10, io::stdout().lock());
    let told = input.and_then(|input| {
        write_frame(&mut out, HELLO)?;
        out.flush()?;
        workbook::tell(File::from(input), sheet.as_deref(), &limits, &mut out)
    });
    match told.and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Reads a workbook without a child, for fuzzers: records and structural rows; `None` where it is refused or parked.
pub(crate) fn read_here(definition: Arc<FeedDefinition>, bytes: &[u8], limits: &WorkbookLimits) -> Option<(u32, u32)> {
    let mut frames = Vec::new();
    workbook::tell(io::Cursor::new(bytes), None, limits, &mut frames).ok()?;
    let mut sheets = SheetReader::new(definition, Limits::default().header_lines_max);
    let (mut rest, mut records) = (frames.as_slice(), 0);
    while let Some((length, behind)) = rest.split_first_chunk::<4>() {
        let (frame, behind) = behind.split_at(u32::from_le_bytes(*length) as usize);
        rest = behind;
        match postcard::from_bytes(frame).ok()? {
            Frame::Sheet(name) => sheets.begin(name),
            Frame::Row(row) => sheets.take(&row),
            Frame::End => {}
            Frame::Failed(_) => return None,
        }
        records += u32::from(sheets.take_row().is_some());
    }
    sheets.check_header().ok()?;
    Some((records, sheets.facts().structural))
}

fn arguments(definition: &FeedDefinition, limits: &Limits) -> Vec<OsString> {
    let (child, workbook) = (&limits.child, &limits.workbook);
    let numbers = [
        child.memory_bytes_max,
        child.cpu_seconds_max,
        workbook.unzipped_bytes_max,
        workbook.parts_max as u64,
        workbook.cells_max,
        workbook.row_bytes_max as u64,
    ];
    let mut arguments = vec![OsString::from(CHILD_COMMAND)];
    arguments.extend(numbers.map(|number| number.to_string().into()));
    arguments.extend(definition.sheet.as_ref().map(OsString::from));
    arguments
}

fn parsed(arguments: &[OsString]) -> Option<(u64, u64, WorkbookLimits, Option<String>)> {
    let number = |at: usize| arguments.get(at)?.to_str()?.parse::<u64>().ok();
    let limits = WorkbookLimits {
        unzipped_bytes_max: number(2)?,
        parts_max: number(3)?.try_into().ok()?,
        cells_max: number(4)?,
        row_bytes_max: number(5)?.try_into().ok()?,
        ..WorkbookLimits::default()
    };
    let sheet = match arguments.get(6) {
        Some(name) => Some(name.to_str()?.to_owned()),
        None => None,
    };
    Some((number(0)?, number(1)?, limits, sheet))
}

/// A nameless file that the child can seek in.
fn set_aside(source: Box<dyn Read + Send + '_>, bytes_max: u64) -> Result<File, Stop> {
    let mut file = tempfile::tempfile()?;
    let copied = io::copy(&mut source.take(bytes_max + 1), &mut file)?;
    if copied > bytes_max {
        let message = format!("workbook is larger than {bytes_max} bytes; split it, or send text");
        return Err(Stop::Refused(whole_file(&message)));
    }
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

struct WorkbookRecords {
    child: LimitedChild,
    sheets: SheetReader,
    ended: bool,
}

impl Records for WorkbookRecords {
    fn next_row(&mut self) -> Result<Option<ParsedRow>, Stop> {
        while !self.ended {
            self.step()?;
            if let Some(row) = self.sheets.take_row() {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }

    fn facts(&self) -> Facts {
        self.sheets.facts()
    }
}

impl WorkbookRecords {
    /// Takes one frame, which makes one row at most.
    fn step(&mut self) -> Result<(), Stop> {
        let frame = self.child.next_frame()?;
        match postcard::from_bytes(frame).map_err(|_| ChildError::Nonsense)? {
            Frame::Sheet(name) => self.sheets.begin(name),
            Frame::Row(row) => self.sheets.take(&row),
            Frame::End => self.ended = true,
            Frame::Failed(message) => return Err(Stop::Refused(whole_file(message))),
        }
        Ok(())
    }
}

impl From<ChildError> for Stop {
    fn from(error: ChildError) -> Stop {
        match error {
            ChildError::Io(error) => Stop::Source(error),
            error => Stop::Refused(whole_file(&format!("workbook cannot be read: {error}"))),
        }
    }
}
