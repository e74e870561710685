//! Bad input: each case ends in rejects, a refused or a parked file, never in a panic, and nothing else is lost.
//!
//! The cases are recipes; what they must come to stands in `cases/bad/manifest.txt`, one line for each case. Every case is
//! read whole and in pieces of 1, 7 and 4096 bytes, with the same outcome.

mod any_file;
mod delimited;
mod json_lines;
mod workbooks;
mod x12;
mod x12_claims;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::sync::Arc;

use contract::{Code, FileStatus};
use ingest::{Arrival, FeedDefinition, Limits, Source};

/// One file and the definition that reads it.
pub(crate) struct Case {
    name: String,
    definition: String,
    bytes: Vec<u8>,
}

impl Case {
    pub(crate) fn new(name: impl Into<String>, definition: &str, bytes: impl Into<Vec<u8>>) -> Case {
        Case { name: name.into(), definition: definition.to_owned(), bytes: bytes.into() }
    }
}

/// Bytes that come in pieces of a size.
struct Pieces<'a> {
    bytes: &'a [u8],
    size: usize,
}

impl Source for Pieces<'_> {
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(Pieces { bytes: self.bytes, size: self.size }))
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let size = self.size.min(into.len());
        self.bytes.read(&mut into[..size])
    }
}

/// Small limits, so that the large is cheap to test.
fn limits() -> Limits {
    let mut limits = Limits { kept_rows_max: 50, ..Limits::default() };
    limits.child.program = Some(env!("CARGO_BIN_EXE_parse-sheet").into());
    limits.child.memory_bytes_max = 256 << 20;
    limits.child.cpu_seconds_max = 20;
    limits.workbook.unzipped_bytes_max = 32 << 20;
    limits.workbook.cells_max = 100_000;
    limits
}

/// What a case comes to, in one line.
fn outcome(case: &Case, size: usize) -> String {
    let definition = ingest::definition::parse("case.yaml", "case", &case.definition);
    let definition: Arc<FeedDefinition> =
        Arc::new(definition.unwrap_or_else(|problems| panic!("{}: {}", case.name, problems[0])));
    let arrival = Arrival {
        partner: "P1".into(),
        file: "P1/report_2013-02.txt".into(),
        sha256: [0; 32],
        bytes: case.bytes.len() as u64,
    };
    let source = Pieces { bytes: &case.bytes, size };
    let read = ingest::read(&definition, &arrival, &source, &limits())
        .unwrap_or_else(|error| panic!("{}: {error}", case.name));
    let verdict = &read.verdict;
    let (mut rows, mut rejected, mut codes) = (0, 0, BTreeMap::<Code, u32>::new());
    for slice in read.slices(&source).unwrap() {
        for row in &slice.unwrap().rows {
            rows += 1;
            assert_eq!(row.record_no, rows, "{}: records are counted without a gap", case.name);
            rejected += u32::from(row.problems.iter().any(|problem| is_reject(problem.code)));
            row.problems.iter().for_each(|problem| *codes.entry(problem.code).or_default() += 1);
        }
    }
    let codes: Vec<String> = codes.iter().map(|(code, count)| format!(" {code}x{count}")).collect();
    let said: Vec<String> = verdict.problems.iter().map(|problem| format!(" | {}", problem.message)).collect();
    let status = match verdict.status {
        FileStatus::Readable => {
            assert_eq!(rows, verdict.records, "{}: every record has a row", case.name);
            format!("records {rows} rejected {rejected} structural {}", verdict.structural)
        }
        FileStatus::Refused => "refused".to_owned(),
        FileStatus::Parked => format!("parked records {} structural {}", verdict.records, verdict.structural),
    };
    format!("{status}{}{}", codes.concat(), said.concat())
}

fn is_reject(code: Code) -> bool {
    matches!(code, Code::KeyMissing | Code::DateImpossible | Code::RowUnreadable)
}

/// Reads the case whole and in pieces.
fn check(case: &Case, expected: Option<&str>) -> Result<(), String> {
    let pieces = if case.bytes.len() > 1 << 20 { vec![usize::MAX, 4096] } else { vec![usize::MAX, 4096, 7, 1] };
    for size in pieces {
        let found = outcome(case, size);
        if Some(found.as_str()) != expected {
            return Err(format!("{} = {found}", case.name));
        }
    }
    Ok(())
}

#[test]
fn bad_input_ends_as_the_manifest_says() {
    let manifest = include_str!("../../cases/bad/manifest.txt");
    let lines = manifest.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let expected: BTreeMap<&str, &str> = lines.filter_map(|line| line.split_once(" = ")).collect();
    let cases: Vec<Case> =
        [any_file::cases, delimited::cases, json_lines::cases, x12::cases, x12_claims::cases, workbooks::cases]
            .into_iter()
            .flat_map(|cases| cases())
            .collect();
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names.len(), cases.len(), "a name stands twice");
    assert!(cases.len() >= 150, "{} cases", cases.len());
    let gone: Vec<_> = expected.keys().filter(|name| !names.contains(*name)).collect();
    assert!(gone.is_empty(), "lines without a case: {gone:?}");
    let wrong: Vec<String> =
        cases.iter().filter_map(|case| check(case, expected.get(case.name.as_str()).copied()).err()).collect();
    assert!(wrong.is_empty(), "{} cases came to something else:\n{}", wrong.len(), wrong.join("\n"));
}
