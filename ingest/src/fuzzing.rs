//! What fuzzers call: each function takes any bytes and panics only where we are wrong.
//!
//! Whatever the bytes, records are numbered without a gap and the outcome does not depend on how bytes arrive.

use std::io::{Cursor, Read, Write};
use std::sync::Arc;

use zip::write::SimpleFileOptions;

use crate::dates::DateStyle;
use crate::definition::{FeedDefinition, parse};
use crate::formats::Limits;
use crate::formats::x12::heads;
use crate::formats::xlsx::{WorkbookLimits, read_here};
use crate::numbers::{DecimalMark, Grouping, NumberStyle, parse_json_number};
use crate::read::series_of;

const COLUMNS: &str =
    "columns: {document: doc, date: date, code: item, quantity: qty, amount: amount, serials: serials, period: period}";

pub fn delimited(bytes: &[u8]) {
    for more in ["", "delimiter: ';'\nencoding: latin-1", "quote: none\ntrailer: {count_cell: 2, sum_cell: 5}"] {
        both_ways(&format!("format: delimited\n{COLUMNS}\n{more}\n"), bytes);
    }
}

pub fn json_lines(bytes: &[u8]) {
    both_ways(&format!("format: json-lines\n{COLUMNS}\n"), bytes);
}

pub fn x12(bytes: &[u8]) {
    both_ways("format: x12-867\n", bytes);
    both_ways("format: x12-844\n", bytes);
    if let Ok(heads) = heads(Box::new(bytes), &Limits::default()) {
        assert!(heads.is_sorted_by(|a, b| a.segment < b.segment), "sets are in order");
    }
}

/// Takes the bytes as a workbook, or as the sheet of one.
pub fn xlsx(bytes: &[u8]) {
    let definition = definition(&format!("format: xlsx\n{COLUMNS}\n"));
    let limits = WorkbookLimits {
        unzipped_bytes_max: 1 << 20,
        cells_max: 10_000,
        row_bytes_max: 64 << 10,
        ..WorkbookLimits::default()
    };
    let workbook = if bytes.starts_with(b"PK") { bytes.to_vec() } else { workbook_of(bytes) };
    // A panic of the parser ends the child only, so it is no fault here.
    let told = std::panic::catch_unwind(|| read_here(definition, &workbook, &limits));
    if let Ok(Some((records, structural))) = told {
        assert!(u64::from(records + structural) <= limits.cells_max, "{records} records and {structural} others");
    }
}

pub fn numbers(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let plain = NumberStyle::default();
    let comma = NumberStyle { decimal: DecimalMark::Comma, grouping: Grouping::Dot, ..NumberStyle::default() };
    let cents = NumberStyle { implied_decimals: 2, signs: vec!["$".into()], ..NumberStyle::default() };
    for style in [&plain, &comma, &cents] {
        if let Ok(value) = style.parse(text) {
            assert_eq!(plain.parse(&value.to_string()), Ok(value), "{text:?}");
        }
    }
    if let Ok(value) = parse_json_number(text) {
        assert_eq!(parse_json_number(&value.to_string()), Ok(value), "{text:?}");
    }
}

pub fn dates(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let styles = [
        "iso",
        "dd.mm.yyyy",
        "m/d/yy",
        "dd-mon-yyyy",
        "yyyymmdd",
        "yyyy-ddd",
        "excel",
        "excel-1904",
        "epoch-s",
        "epoch-ms",
    ];
    for name in styles {
        let style = DateStyle::try_from(name.to_owned()).expect("style is known");
        if let Some(day) = style.parse(text) {
            assert_eq!(DateStyle::default().parse(&day.to_string()), Some(day), "{name} {text:?}");
        }
    }
}

/// A feed definition as somebody wrote it: understood or told what is wrong with it, and then the same again.
pub fn definitions(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match (parse("fuzz.yaml", "fuzz", text), parse("fuzz.yaml", "fuzz", text)) {
        (Ok(first), Ok(again)) => assert_eq!(first, again),
        (Err(first), Err(again)) => {
            assert!(!first.is_empty(), "a definition is refused without a problem");
            assert_eq!(first, again);
        }
        (first, again) => panic!("{first:?} and {again:?}"),
    }
}

/// The first line is a pattern, the rest the path of a file.
pub fn names(bytes: &[u8]) {
    const NAME_BYTES_MAX: usize = 255;
    let Ok(text) = std::str::from_utf8(&bytes[..bytes.len().min(2 * NAME_BYTES_MAX)]) else { return };
    let (pattern, path) = text.split_once('\n').unwrap_or(("*_{yyyy}-{mm}*", text));
    assert!(crate::glob::matches("*", path) && crate::glob::matches(path, path), "{path:?}");
    for pattern in ["", pattern] {
        if let Some((first, last)) = crate::period::of_file(pattern, path) {
            assert!(first <= last, "{path:?} by {pattern:?}");
        }
    }
    let (series, replaces) = series_of(&definition("format: x12-867\n"), path);
    assert!(replaces || path.contains(series.as_str()), "{path:?} belongs to {series:?}");
}

fn definition(text: &str) -> Arc<FeedDefinition> {
    Arc::new(parse("fuzz.yaml", "fuzz", text).unwrap_or_else(|problems| panic!("{}", problems[0])))
}

/// Reads the bytes whole and in small pieces.
fn both_ways(text: &str, bytes: &[u8]) {
    let definition = definition(text);
    let whole = outcome(&definition, bytes, usize::MAX);
    assert_eq!(whole, outcome(&definition, bytes, 7), "outcome depends on how the bytes arrive");
}

/// Records, structural lines and problems, or why reading stopped.
fn outcome(definition: &Arc<FeedDefinition>, bytes: &[u8], piece: usize) -> Result<(u32, u32, usize), String> {
    let limits = Limits { record_bytes_max: 512, ..Limits::default() };
    let source = Box::new(Pieces { bytes, piece });
    let opened = definition.format.open(Arc::clone(definition), source, &limits);
    let mut records = opened.map_err(|stop| stop.to_string())?;
    let (mut count, mut problems) = (0, 0);
    while let Some(row) = records.next_row().map_err(|stop| stop.to_string())? {
        count += 1;
        problems += row.problems.len();
        assert_eq!(row.record_no, count, "records are counted without a gap");
        assert!(row.line_no >= 1, "record {count} has no line");
    }
    Ok((count, records.facts().structural, problems))
}

struct Pieces<'a> {
    bytes: &'a [u8],
    piece: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let size = self.piece.min(into.len());
        self.bytes.read(&mut into[..size])
    }
}

/// A workbook whose one sheet has this XML.
fn workbook_of(sheet: &[u8]) -> Vec<u8> {
    const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let link = |kind: &str, target: &str| {
        format!("<Relationships><Relationship Id=\"r\" Type=\"{OFFICE}/{kind}\" Target=\"{target}\"/></Relationships>")
    };
    let book = format!(
        "<workbook xmlns:r=\"{OFFICE}\"><sheets><sheet name=\"S\" sheetId=\"1\" r:id=\"r\"/></sheets></workbook>"
    );
    let parts: [(&str, &[u8]); 4] = [
        ("_rels/.rels", &link("officeDocument", "xl/workbook.xml").into_bytes()),
        ("xl/workbook.xml", book.as_bytes()),
        ("xl/_rels/workbook.xml.rels", &link("worksheet", "worksheets/sheet1.xml").into_bytes()),
        ("xl/worksheets/sheet1.xml", sheet),
    ];
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, content) in parts {
        zip.start_file(name, stored).and_then(|()| Ok(zip.write_all(content)?)).expect("memory takes a part");
    }
    zip.finish().expect("memory takes an archive").into_inner()
}
