//! What no single case shows: agreement with another splitter, bounded damage, bounded memory, order-independent content.

use std::fmt::Write as _;
use std::io::{self, Read};
use std::sync::Arc;

use contract::{FileStatus, FileVerdict, ParsedRow};
use ingest::{Arrival, FeedDefinition, Limits, Source, definition};

const FEED: &str = "format: delimited\n\
    columns: { document: Doc, date: Date, code: Item, description: Text, quantity: Qty, amount: Amount }\n";
const HEADER: &str = "Doc,Date,Item,Text,Qty,Amount\n";

fn feed(text: &str) -> Arc<FeedDefinition> {
    Arc::new(definition::parse("feed.yaml", "P1", text).unwrap())
}

fn read(feed: &Arc<FeedDefinition>, source: &(impl Source + ?Sized)) -> (FileVerdict, Vec<ParsedRow>) {
    let arrival = Arrival { partner: "P1".into(), file: "P1/2013-02.csv".into(), sha256: [0; 32], bytes: 0 };
    let read = ingest::read(feed, &arrival, source, &Limits::default()).unwrap();
    let rows = read.slices(source).unwrap().flat_map(|slice| slice.unwrap().rows.clone()).collect();
    (read.verdict, rows)
}

/// A small generator of numbers that is the same everywhere.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

#[test]
fn well_formed_text_is_split_as_by_the_csv_crate() {
    const PIECES: [&str; 9] = ["a", "b c", ",", "\"", "\n", "\r\n", "é", "", "1.5"];
    let mut numbers = Numbers(7);
    for _ in 0..300 {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["Doc", "Date", "Item", "Text", "Qty", "Amount"]).unwrap();
        for n in 0..5 {
            let text: String = (0..numbers.below(6)).map(|_| PIECES[numbers.below(PIECES.len())]).collect();
            writer.write_record([&format!("D{n}"), "2013-02-01", "A-1", &text, "1", "2.50"]).unwrap();
        }
        let bytes = writer.into_inner().unwrap();
        let (verdict, rows) = read(&feed(FEED), bytes.as_slice());
        assert_eq!((verdict.records, verdict.structural), (5, 1));
        for (row, record) in rows.iter().zip(csv::Reader::from_reader(bytes.as_slice()).records()) {
            assert!(row.problems.is_empty(), "{row:?}");
            assert_eq!(row.description, record.unwrap()[3].trim());
        }
    }
}

#[test]
fn a_stray_quote_costs_its_own_line_wherever_it_stands() {
    let line = |n: usize| format!("\"D{n}\",\"2013-02-01\",\"A-1\",\"text\",\"1\",\"2.50\"\n");
    let whole: Vec<String> = (0..40).map(line).collect();
    for damaged in [0, 19, 38, 39] {
        for at in whole[damaged].match_indices('"').map(|(at, _)| at) {
            let mut lines = whole.clone();
            lines[damaged].remove(at);
            let (verdict, rows) = read(&feed(FEED), format!("{HEADER}{}", lines.concat()).as_bytes());
            assert_eq!(verdict.records, 40, "quote {at} of line {damaged}");
            let bad: Vec<u32> = rows.iter().filter(|r| !r.problems.is_empty()).map(|r| r.record_no).collect();
            assert!(bad.is_empty() || bad == [damaged as u32 + 1], "quote {at} of line {damaged}: {bad:?}");
        }
    }
}

#[test]
fn lines_that_all_open_a_quote_are_all_refused_and_counted() {
    let text = format!("{HEADER}{}", "\"D1,2013-02-01,A-1,x,1,2.50\nD2,2013-02-01,A-1,x,1,2.50\n".repeat(501));
    let (verdict, rows) = read(&feed(FEED), text.as_bytes());
    assert_eq!(verdict.records, 1002);
    assert_eq!(rows.iter().filter(|row| row.problems.is_empty()).count(), 501);
}

/// A header, then the same byte very many times, then a good line.
struct Huge {
    filler: u8,
    count: usize,
}

impl Source for Huge {
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        let filler = io::repeat(self.filler).take(self.count as u64);
        Ok(Box::new(HEADER.as_bytes().chain(filler).chain(&b"\nD1,2013-02-01,A-1,x,1,2.50\n"[..])))
    }
}

#[test]
fn a_huge_line_is_one_reject_and_never_in_memory() {
    for filler in [b'x', b',', b'"', b' '] {
        let (verdict, rows) = read(&feed(FEED), &Huge { filler, count: 64 << 20 });
        assert_eq!(verdict.records, 2, "{}", filler as char);
        assert_eq!(rows[0].problems.len(), 1);
        assert!(rows[0].problems[0].value.len() < 1000);
        assert!(rows[1].problems.is_empty() && rows[1].line_no == 3);
    }
}

#[test]
fn content_does_not_depend_on_order_header_or_party_texts() {
    let rows = ["D1,2013-02-01,A-1,x,1,2.50\n", "D1,2013-02-01,A-1,y,1,2.50\n", "D2,2013-02-02,A-2,z,2,5.00\n"];
    let content = |feed_text: &str, text: String| {
        let (verdict, _) = read(&feed(feed_text), text.as_bytes());
        assert_eq!(verdict.status, FileStatus::Readable, "{:?}", verdict.problems);
        verdict.content
    };
    let whole = content(FEED, format!("{HEADER}{}", rows.concat()));
    assert_eq!(whole, content(FEED, format!("{HEADER}{}{}{}", rows[2], rows[0], rows[1])));
    let renamed = FEED.replace("document: Doc", "document: Num");
    assert_eq!(
        whole,
        content(
            &renamed,
            format!(
                "Text,{}{}",
                HEADER.replace("Doc", "Num").replace("Text", "X"),
                rows.map(|r| format!(",{r}")).concat()
            )
        )
    );
    assert_ne!(whole, content(FEED, format!("{HEADER}{}{}", rows[0], rows[2])));
    assert_ne!(whole, content(FEED, format!("{HEADER}{}", rows.concat().replace("5.00", "5.01"))));
    assert_ne!(whole, content(FEED, format!("{HEADER}{}{}", rows.concat(), rows[2])));
}

#[test]
fn slices_hold_their_records_and_a_second_reading_gives_the_same() {
    let mut text = HEADER.to_owned();
    for n in 1..=600 {
        let _ = writeln!(text, "D{n},2013-02-01,A-1,x,1,2.50");
    }
    let arrival = Arrival { partner: "P1".into(), file: "P1/a.csv".into(), sha256: [0; 32], bytes: 0 };
    let slices = |kept_rows_max| {
        let limits = Limits { kept_rows_max, ..Limits::default() };
        let read = ingest::read(&feed(FEED), &arrival, text.as_bytes(), &limits).unwrap();
        assert_eq!(read.kept().is_some(), kept_rows_max >= 600);
        read.slices(text.as_bytes()).unwrap().map(Result::unwrap).collect::<Vec<_>>()
    };
    let kept = slices(600);
    assert_eq!(kept, slices(599));
    let numbers: Vec<(u32, u32, usize)> = kept.iter().map(|s| (s.slice, s.rows[0].record_no, s.rows.len())).collect();
    assert_eq!(numbers, [(0, 1, 256), (1, 257, 256), (2, 513, 88)]);
}

#[test]
fn definitions_tell_where_they_are_wrong() {
    let check = |text: &str, line: usize, part: &str| {
        let problems = definition::parse("feed.yaml", "P1", text).unwrap_err();
        assert!(problems.iter().any(|p| p.line == line && p.to_string().contains(part)), "{problems:?}");
    };
    check("format: delimited\ncolumns: { document: D }\n", 2, "no column is given for the key field date");
    let keys = "format: delimited\ncolumns: { document: D, date: E, code: C, quantity: Q }\noptional_columns:";
    check(&format!("{keys} [date]\n"), 3, "rows without the key field date are refused");
    check(&format!("{keys} [rep]\n"), 3, "no column is given for rep");
    check("format: delimited\nfoo: 1\n", 2, "foo");
    check("format: tabular\n", 1, "tabular");
    check("format: delimited\ncolumns: { document: No }\n", 2, "put it in quotes");
    check("format: x12-867\ndates: year\n", 2, "date style \"year\" is unknown");
    check("format: x12-867\nnumbers: { decimal: \",\", grouping: \",\" }\n", 2, "decimal mark and group mark");
    check("format: x12-867\ncurrency: Euro\n", 2, "currency \"Euro\"");
    check("format: x12-867\nreports: claims\n", 2, "X12 867 reports sales");
    check("format: x12-844\ntypes: { SD: sale }\n", 2, "a claim has no type of movement");
    check("format: x12-844\nx12: { line-numbers: set }\n", 2, "set");
    check("format: x12-867\nencoding: klingon\n", 2, "encoding \"klingon\" is unknown");
}

/// What becomes of a file `2013-02.csv` with these lines below the header, marked as a correction or not.
fn correction(more: &str, name: &str, lines: &str) -> (FileStatus, Vec<String>) {
    let arrival = Arrival { partner: "P1".into(), file: format!("P1/{name}"), sha256: [0; 32], bytes: 0 };
    let text = format!("{HEADER}{lines}");
    let read = ingest::read(&feed(&format!("{FEED}{more}")), &arrival, text.as_bytes(), &Limits::default()).unwrap();
    (read.verdict.status, read.verdict.problems.iter().map(|p| format!("{} {}", p.code, p.message)).collect())
}

#[test]
fn a_correction_without_a_readable_record_waits() {
    const GOOD: &str = "D1,2013-02-01,A-1,text,1,2.50\n";
    const BAD: &str = "D2,2013-02-31,A-1,text,1,2.50\n";
    let taken = (FileStatus::Readable, Vec::new());
    for (name, lines) in [("2013-02.csv", ""), ("2013-02.csv", BAD), ("2013-02_CORR.csv", &format!("{GOOD}{BAD}"))] {
        assert_eq!(correction("", name, lines), taken, "{name} {lines}");
    }
    for (lines, why) in [("", "DQ-14 correction has no record: "), (BAD, "DQ-14 correction has 1 records and none ")] {
        let (status, problems) = correction("", "2013-02_CORR.csv", lines);
        assert_eq!(status, FileStatus::Parked);
        assert!(matches!(problems.as_slice(), [problem] if problem.starts_with(why)), "{problems:?}");
        let (status, problems) = correction("empty_corrections: finding\n", "2013-02_CORR.csv", lines);
        assert_eq!((status, problems.len()), (FileStatus::Readable, 1));
        assert_eq!(correction("empty_corrections: ignore\n", "2013-02_CORR.csv", lines), taken);
    }
}

const TOPIC: &str =
    "format: json-lines\ntopic: p1.rows\ncolumns: { document: doc, date: sold, code: item, quantity: count }\n";

#[test]
fn a_topic_takes_its_own_files() {
    let topic = feed(TOPIC);
    assert!(topic.is_for("p1.rows@0/000000000000-000000000009.jsonl") && topic.wants_record_key());
    assert!(!topic.is_for("p1.rows/0-9.jsonl") && !topic.is_for("rows@0/0-9.jsonl") && !topic.is_for("2013-02.jsonl"));
    let by_number = feed(&TOPIC.replace("columns: {", "columns: { document_line: line,"));
    assert!(!by_number.wants_record_key());
}

#[test]
fn where_records_of_a_topic_are_cut_decides_nothing() {
    let row = |line: u32, sold: &str| {
        format!("{{\"@record\":\"{line}\",\"doc\":\"D1\",\"sold\":\"{sold}\",\"item\":\"A-1\",\"count\":1}}\n")
    };
    let read = |text: &str| {
        let file = "P1/p1.rows@0/000000201302-000000201303_CORR.jsonl".to_owned();
        let arrival = Arrival { partner: "P1".into(), file, sha256: [0; 32], bytes: 0 };
        ingest::read(&feed(TOPIC), &arrival, text.as_bytes(), &Limits::default()).unwrap().verdict
    };
    let (one, same, other) = (row(1, "2013-02-01"), row(1, "2013-02-01"), row(2, "2013-02-01"));
    let verdict = read(&one);
    assert_eq!((verdict.status, verdict.replaces, verdict.period), (FileStatus::Readable, false, None));
    assert_eq!(verdict.content, read(&same).content);
    assert_ne!(verdict.content, read(&other).content, "two lines that say the same are two");
    let gap = read(&format!("{one}\n\n{other}"));
    assert_eq!((gap.records, gap.structural), (2, 2));
}

#[test]
fn a_topic_has_records_and_no_files() {
    let check = |change: (&str, &str), line: usize, part: &str| {
        let text = TOPIC.replace(change.0, change.1);
        let problems = definition::parse("feed.yaml", "P1", &text).unwrap_err();
        assert!(problems.iter().any(|p| p.line == line && p.to_string().contains(part)), "{problems:?}");
    };
    check(("p1.rows", "p1 rows"), 2, "no topic can be called \"p1 rows\"");
    check(("p1.rows", "\"..\""), 2, "no topic can be called \"..\"");
    check(("json-lines", "delimited"), 2, "records of a topic are given as another format");
    check(("topic:", "encoding: latin-1\ntopic:"), 2, "JSON on a topic is UTF-8");
    check(("topic:", "files: [a.*]\ntopic:"), 2, "both a topic and files are given");
}
