//! Every folder `cases/<format>/<name>` is a test: a definition, one file and what must come of it.
//!
//! `BLESS=1` writes what comes of it into `expected.txt`.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use contract::{FieldProblem, FileVerdict, Micros, Movement, ParsedRow};
use ingest::{Arrival, Limits, Source, definition};

#[test]
fn every_case_reads_as_expected_in_chunks_of_any_size() {
    let mut names = Vec::new();
    for format in ["delimited", "json-lines", "x12-844"] {
        for case in sorted(&Path::new("cases").join(format)) {
            check(&case);
            names.push(case);
        }
    }
    assert!(names.len() >= 25, "{names:?}");
}

fn check(case: &Path) {
    let definition = definition::load(&case.join("feed.yaml")).unwrap_or_else(|p| panic!("{}: {p:?}", case.display()));
    let definition = Arc::new(definition);
    let input = sorted(case).into_iter().find(|p| !p.ends_with("feed.yaml") && !p.ends_with("expected.txt")).unwrap();
    let bytes = fs::read(&input).unwrap();
    let file = format!("P1/{}", input.file_name().unwrap().to_str().unwrap());
    let arrival = Arrival { partner: "P1".into(), file, sha256: [0; 32], bytes: bytes.len() as u64 };
    let shown = |chunk: usize, limits: &Limits| {
        let source = Chunks { bytes: &bytes, chunk };
        let read = ingest::read(&definition, &arrival, &source, limits).unwrap();
        let slices = read.slices(&source).unwrap().map(Result::unwrap);
        let rows: Vec<ParsedRow> = slices.flat_map(|slice| slice.rows.clone()).collect();
        show(&read.verdict, &rows)
    };
    let whole = shown(usize::MAX, &Limits::default());
    let expected = case.join("expected.txt");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&expected, &whole).unwrap();
    }
    assert_eq!(whole, fs::read_to_string(&expected).unwrap_or_default(), "{}", case.display());
    for chunk in [1, 7, 4096] {
        assert_eq!(shown(chunk, &Limits::default()), whole, "{} in chunks of {chunk}", case.display());
    }
    let twice = Limits { kept_rows_max: 0, ..Limits::default() };
    assert_eq!(shown(usize::MAX, &twice), whole, "{} read twice", case.display());
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// Bytes that come a few at a time.
struct Chunks<'a> {
    bytes: &'a [u8],
    chunk: usize,
}

struct ChunkReader<'a> {
    rest: &'a [u8],
    chunk: usize,
}

impl Source for Chunks<'_> {
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(ChunkReader { rest: self.bytes, chunk: self.chunk }))
    }
}

impl Read for ChunkReader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = into.len().min(self.chunk).min(self.rest.len());
        into[..count].copy_from_slice(&self.rest[..count]);
        self.rest = &self.rest[count..];
        Ok(count)
    }
}

fn show(verdict: &FileVerdict, rows: &[ParsedRow]) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{:?}: {} records, {} structural", verdict.status, verdict.records, verdict.structural);
    let period = verdict.period.map_or("none".into(), |(first, last)| format!("{first} to {last}"));
    let _ = writeln!(text, "series {}, replaces {}, period {period}", verdict.series, verdict.replaces);
    show_problems(&mut text, &verdict.problems);
    for row in rows {
        show_row(&mut text, row);
        show_problems(&mut text, &row.problems);
    }
    text
}

fn show_row(text: &mut String, row: &ParsedRow) {
    let number = |n: Option<Micros>| n.map_or("-".to_owned(), |n| n.to_string());
    let date = row.date.map_or("-".to_owned(), |d| d.to_string());
    let currency = row.currency.map_or("-".to_owned(), |c| c.to_string());
    let (quantity, amount) = (number(row.quantity), number(row.amount));
    let _ = write!(text, "{} line {}: {:?} ", row.record_no, row.line_no, row.movement);
    let _ = write!(text, "{:?} {date} {:?} quantity {quantity} amount {amount} {currency}", row.document, row.code);
    let of_claim = [
        ("claim line", &row.document_line),
        ("contract", &row.promotion),
        ("type", &row.type_code),
        ("product", &row.product),
        ("special price", &row.authorisation),
        ("for", &row.original_document),
    ];
    let of_claim: &[_] = if row.movement == Movement::Claim { &of_claim } else { &[] };
    let more = [("text", &row.description), ("customer", &row.customer)];
    for (name, value) in more.iter().chain(of_claim).filter(|(_, value)| !value.is_empty()) {
        let _ = write!(text, " {name} {value:?}");
    }
    if !row.serials.is_empty() {
        let _ = write!(text, " serials {}", row.serials.join(" "));
    }
    text.push('\n');
}

fn show_problems(text: &mut String, problems: &[FieldProblem]) {
    for problem in problems {
        let _ = writeln!(text, "  {} {} {:?}: {}", problem.code, problem.field, problem.value, problem.message);
    }
}
