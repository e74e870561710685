//! X12 files with the rows that they hold; a file in `cases/x12` is a test by existing.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use contract::{Micros, ParsedRow};
use ingest::{Arrival, Limits};

#[test]
fn every_case_gives_its_rows() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/x12");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "edi"));
    files.sort();
    assert!(files.len() >= 5, "{} cases", files.len());
    let mut wrong = Vec::new();
    for file in files {
        let expected = std::fs::read_to_string(file.with_extension("txt")).unwrap_or_default();
        let more = expected.lines().next().and_then(|line| line.strip_prefix("definition: ")).unwrap_or_default();
        let found = told(more, &std::fs::read(&file).unwrap());
        if found != expected {
            wrong.push(format!("--- {}\n{found}", file.file_name().unwrap().display()));
        }
    }
    assert!(wrong.is_empty(), "found:\n{}", wrong.join("\n"));
}

/// The verdict and the rows as text.
fn told(more: &str, bytes: &[u8]) -> String {
    let text = format!("{{format: x12-867, {more}}}");
    let definition = Arc::new(ingest::definition::parse("case.yaml", "case", &text).unwrap());
    let arrival =
        Arrival { partner: "P1".into(), file: "P1/case.edi".into(), sha256: [0; 32], bytes: bytes.len() as u64 };
    let read = ingest::read(&definition, &arrival, bytes, &Limits::default()).unwrap();
    let verdict = &read.verdict;
    let mut told = if more.is_empty() { String::new() } else { format!("definition: {more}\n") };
    let period = verdict.period.map_or("none".to_owned(), |(from, to)| format!("{from} to {to}"));
    writeln!(told, "{:?} records {} structural {}", verdict.status, verdict.records, verdict.structural).unwrap();
    writeln!(told, "series {} replaces {} period {period}", verdict.series, verdict.replaces).unwrap();
    verdict.problems.iter().for_each(|p| writeln!(told, "file {} {}: {}", p.code, p.field, p.message).unwrap());
    for slice in read.slices(bytes).unwrap() {
        slice.unwrap().rows.iter().for_each(|row| tell_row(&mut told, row));
    }
    told
}

fn tell_row(told: &mut String, row: &ParsedRow) {
    let number = |value: Option<Micros>| value.map_or("-".to_owned(), |value| value.to_string());
    writeln!(told, "row {} segment {} {:?} {}", row.record_no, row.line_no, row.movement, row.type_code).unwrap();
    let date = row.date.map_or("-".to_owned(), |day| day.to_string());
    let (quantity, price, amount) = (number(row.quantity), number(row.unit_price), number(row.amount));
    let currency = row.currency.map_or("-".to_owned(), |currency| currency.to_string());
    writeln!(
        told,
        "  document {} date {date} code {} quantity {quantity} price {price} amount {amount} {currency}",
        row.document, row.code
    )
    .unwrap();
    let texts = [
        ("description", row.description.as_str()),
        ("partner", &row.reported_partner),
        ("customer", &row.customer),
        ("outlet", &row.outlet),
        ("outlet id", &row.outlet_id),
        ("city", &row.city),
        ("rep", &row.rep),
        ("promotion", &row.promotion),
        ("original", &row.original_document),
        ("serials", &row.serials.join(" ")),
    ];
    for (name, text) in texts.iter().filter(|(_, text)| !text.is_empty()) {
        writeln!(told, "  {name} {text}").unwrap();
    }
    row.problems.iter().for_each(|p| writeln!(told, "  {} {} {:?}: {}", p.code, p.field, p.value, p.message).unwrap());
}
