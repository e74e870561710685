//! From the bytes of one file to its verdict and its slices of rows.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use contract::{Day, FieldProblem, FileStatus, FileVerdict, ParsedRow, RowSlice, SLICE_ROWS, Text};
use sha2::{Digest, Sha256};

use crate::content::{Content, Months};
use crate::definition::{FeedDefinition, PeriodSource};
use crate::formats::{Facts, Limits, Records, Stop};
use crate::rules::correction_empty;

/// Bytes that can be read more than once.
pub trait Source: Sync {
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>>;
}

impl Source for [u8] {
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(self))
    }
}

impl Source for Path {
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(std::fs::File::open(self)?))
    }
}

/// A file as it came in.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The folder or the credential that sent it.
    pub partner: Text,
    /// Path below the feeds folder, with `/`.
    pub file: String,
    pub sha256: [u8; 32],
    pub bytes: u64,
}

/// SHA-256 and number of the bytes.
pub fn fingerprint(source: &(impl Source + ?Sized)) -> io::Result<([u8; 32], u64)> {
    const BLOCK_BYTES: usize = 64 << 10;
    let (mut hash, mut bytes, mut block) = (Sha256::new(), 0, vec![0; BLOCK_BYTES]);
    let mut from = source.open()?;
    loop {
        match from.read(&mut block) {
            Ok(0) => return Ok((hash.finalize().into(), bytes)),
            Ok(count) => {
                hash.update(&block[..count]);
                bytes += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// A file's verdict, with the rows of a small file.
pub struct ReadFile {
    pub verdict: FileVerdict,
    /// All rows, or `None` where they were too many to keep.
    kept: Option<Vec<Arc<RowSlice>>>,
    definition: Arc<FeedDefinition>,
    limits: Limits,
}

/// Reads a file once, for its verdict.
///
/// The same bytes under the same definition give the same verdict and rows. `Err` only where the bytes cannot be had.
pub fn read(
    definition: &Arc<FeedDefinition>,
    arrival: &Arrival,
    source: &(impl Source + ?Sized),
    limits: &Limits,
) -> io::Result<ReadFile> {
    let content = if definition.topic.is_some() { Content::by_line() } else { Content::default() };
    let mut pass = Pass::new(arrival, content, limits.kept_rows_max);
    let facts = match pass.run(definition, source, limits) {
        Ok(facts) => facts,
        Err(Stop::Source(error)) => return Err(error),
        Err(Stop::Refused(problem)) => return Ok(stopped(definition, arrival, limits, FileStatus::Refused, problem)),
        Err(Stop::Parked(problem)) => return Ok(stopped(definition, arrival, limits, FileStatus::Parked, problem)),
    };
    let verdict = verdict(definition, arrival, facts, &pass);
    let kept = if verdict.status == FileStatus::Readable { pass.kept.map(Kept::finish) } else { Some(Vec::new()) };
    Ok(ReadFile { verdict, kept, definition: Arc::clone(definition), limits: limits.clone() })
}

impl ReadFile {
    /// The slices of rows, in order; a large file is read a second time. Refused and parked files have none.
    ///
    /// Slice `n` is `slices(…)?.nth(n)`. An error ends the rows and says nothing about the file.
    pub fn slices<'a>(&self, source: &'a (impl Source + ?Sized)) -> io::Result<Slices<'a>> {
        if let Some(kept) = &self.kept {
            return Ok(Slices::Kept(kept.clone().into_iter()));
        }
        let records = match self.definition.format.open(Arc::clone(&self.definition), source.open()?, &self.limits) {
            Ok(records) => records,
            Err(stop) => return Err(changed(&stop)),
        };
        Ok(Slices::Again { records, partner: self.verdict.partner.clone(), slice: 0, ended: false })
    }

    /// As [`ReadFile::slices`] where all rows were kept; `None` where the file must be read again.
    pub fn kept(&self) -> Option<&[Arc<RowSlice>]> {
        self.kept.as_deref()
    }
}

/// The slices of one file.
pub enum Slices<'a> {
    Kept(std::vec::IntoIter<Arc<RowSlice>>),
    Again { records: Box<dyn Records + 'a>, partner: Text, slice: u32, ended: bool },
}

impl Iterator for Slices<'_> {
    type Item = io::Result<Arc<RowSlice>>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Slices::Kept(slices) => slices.next().map(Ok),
            Slices::Again { ended: true, .. } => None,
            Slices::Again { records, partner, slice, ended } => {
                let mut rows = Vec::with_capacity(SLICE_ROWS);
                while rows.len() < SLICE_ROWS {
                    match records.next_row() {
                        Ok(Some(row)) => rows.push(row),
                        Ok(None) => break,
                        Err(stop) => {
                            *ended = true;
                            return Some(Err(changed(&stop)));
                        }
                    }
                }
                *ended = rows.len() < SLICE_ROWS;
                let number = *slice;
                *slice += 1;
                let whole = RowSlice { partner: partner.clone(), slice: number, rows };
                (!whole.rows.is_empty()).then(|| Ok(Arc::new(whole)))
            }
        }
    }
}

/// The first pass read the file to its end, so a second one that stops met other bytes.
fn changed(stop: &Stop) -> io::Error {
    io::Error::other(format!("file was readable and is so no longer: {stop}"))
}

/// What one reading gathers.
struct Pass {
    kept: Option<Kept>,
    kept_rows_max: usize,
    content: Content,
    months: Months,
    records: u32,
    /// Records without a problem.
    readable: u32,
}

/// Rows in slices, as far as they are kept.
struct Kept {
    partner: Text,
    slices: Vec<Arc<RowSlice>>,
    rows: Vec<ParsedRow>,
}

impl Pass {
    fn new(arrival: &Arrival, content: Content, kept_rows_max: usize) -> Pass {
        let kept = Some(Kept { partner: arrival.partner.clone(), slices: Vec::new(), rows: Vec::new() });
        Pass { kept, kept_rows_max, content, months: Months::default(), records: 0, readable: 0 }
    }

    fn run(
        &mut self,
        definition: &Arc<FeedDefinition>,
        source: &(impl Source + ?Sized),
        limits: &Limits,
    ) -> Result<Facts, Stop> {
        let mut records = definition.format.open(Arc::clone(definition), source.open()?, limits)?;
        while let Some(row) = records.next_row()? {
            self.add(row)?;
        }
        Ok(records.facts())
    }

    fn add(&mut self, row: ParsedRow) -> Result<(), Stop> {
        if self.records == u32::MAX {
            return Err(Stop::Refused(crate::lines::whole_file(
                "file has more records than can be numbered; split it",
            )));
        }
        self.records += 1;
        self.readable += u32::from(row.problems.is_empty());
        self.content.add(&row);
        self.months.add(row.date);
        if self.records as usize > self.kept_rows_max {
            self.kept = None;
        }
        if let Some(kept) = &mut self.kept {
            kept.push(row);
        }
        Ok(())
    }
}

impl Kept {
    fn push(&mut self, row: ParsedRow) {
        if self.rows.capacity() == 0 {
            self.rows.reserve_exact(SLICE_ROWS);
        }
        self.rows.push(row);
        if self.rows.len() == SLICE_ROWS {
            self.close();
        }
    }

    fn close(&mut self) {
        let (slice, rows) = (self.slices.len() as u32, std::mem::take(&mut self.rows));
        self.slices.push(Arc::new(RowSlice { partner: self.partner.clone(), slice, rows }));
    }

    fn finish(mut self) -> Vec<Arc<RowSlice>> {
        if !self.rows.is_empty() {
            self.close();
        }
        self.slices
    }
}

fn verdict(definition: &FeedDefinition, arrival: &Arrival, mut facts: Facts, pass: &Pass) -> FileVerdict {
    let (name_series, name_replaces) = series_of(definition, &arrival.file);
    let replaces = facts.replaces || name_replaces;
    if replaces && pass.readable == 0 {
        facts.doubt(definition.empty_corrections, correction_empty::check(pass.records));
    }
    FileVerdict {
        status: if facts.parked { FileStatus::Parked } else { FileStatus::Readable },
        records: pass.records,
        structural: facts.structural,
        content: pass.content.id(),
        period: period_of(definition, arrival, &facts, &pass.months),
        series: facts.series.unwrap_or(name_series),
        replaces,
        problems: facts.problems,
        ..empty_verdict(definition.name.clone(), arrival)
    }
}

fn stopped(
    definition: &Arc<FeedDefinition>,
    arrival: &Arrival,
    limits: &Limits,
    status: FileStatus,
    problem: FieldProblem,
) -> ReadFile {
    let (series, replaces) = series_of(definition, &arrival.file);
    let verdict = FileVerdict {
        status,
        series,
        replaces,
        problems: vec![problem],
        ..empty_verdict(definition.name.clone(), arrival)
    };
    ReadFile { verdict, kept: Some(Vec::new()), definition: Arc::clone(definition), limits: limits.clone() }
}

/// The verdict on a file that nobody may send (`Refused`) or that no definition is for (`Parked`).
pub fn unread(arrival: &Arrival, status: FileStatus, message: &str) -> FileVerdict {
    let problems = vec![crate::lines::whole_file(message)];
    FileVerdict { status, problems, ..empty_verdict(Text::default(), arrival) }
}

fn empty_verdict(feed: Text, arrival: &Arrival) -> FileVerdict {
    FileVerdict {
        partner: arrival.partner.clone(),
        file: arrival.file.clone(),
        sha256: arrival.sha256,
        bytes: arrival.bytes,
        status: FileStatus::Refused,
        feed,
        records: 0,
        structural: 0,
        content: Content::default().id(),
        period: None,
        series: Text::default(),
        replaces: false,
        problems: Vec::new(),
    }
}

/// The slot of a file by its name, and whether the name says that it replaces another.
pub(crate) fn series_of(definition: &FeedDefinition, file: &str) -> (Text, bool) {
    let below_partner = file.split_once('/').map_or(file, |(_, rest)| rest);
    let name_start = below_partner.rfind('/').map_or(0, |i| i + 1);
    let stem_end =
        below_partner[name_start..].rfind('.').filter(|i| *i > 0).map_or(below_partner.len(), |i| name_start + i);
    let stem = &below_partner[..stem_end];
    let mark = &definition.replaces.name;
    match stem[name_start..].rfind(mark.as_str()).filter(|_| !mark.is_empty()) {
        Some(at) => {
            let (head, tail) = stem.split_at(name_start + at);
            (Text::from(format!("{head}{}", &tail[mark.len()..])), true)
        }
        None => (stem.into(), false),
    }
}

fn period_of(definition: &FeedDefinition, arrival: &Arrival, facts: &Facts, months: &Months) -> Option<(Day, Day)> {
    definition.period.sources.iter().find_map(|source| match source {
        PeriodSource::Head => facts.head_period,
        PeriodSource::Column => facts.column_period,
        PeriodSource::FileName => crate::period::of_file(&definition.period.name, &arrival.file),
        PeriodSource::Rows => months.most(),
    })
}
