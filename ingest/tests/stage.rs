//! The stage over files that come again, replace each other or cannot be read.

use std::sync::Arc;

use contract::{
    AuditRecord, Control, Day, FeedEvent, FileStatus, FileVerdict, Finding, Id, ParsedRow, RowEvent, RowSlice, Topic,
};
use ingest::IngestStage;
use stream::{Input, MemoryState, Outbox, Stage, StageError};

/// A file by name and content; equal contents have equal bytes.
fn file(name: &str, content: &str, replaces: bool, records: u32) -> FileVerdict {
    FileVerdict {
        partner: "P1".into(),
        file: format!("P1/{name}"),
        sha256: *Id::of("bytes", &[content]).0.repeat(2).first_chunk().unwrap(),
        bytes: 10,
        status: FileStatus::Readable,
        feed: "P1".into(),
        records,
        structural: 1,
        content: Id::of("content", &[content]),
        period: None,
        series: name.trim_end_matches("_CORR").into(),
        replaces,
        problems: Vec::new(),
    }
}

#[derive(Default)]
struct Intake {
    stage: IngestStage,
    state: MemoryState,
    outbox: Outbox<RowEvent>,
    said: Vec<String>,
    findings: Vec<Finding>,
    audit: Vec<AuditRecord>,
}

impl Intake {
    fn event(&mut self, event: &FeedEvent) -> Result<(), StageError> {
        self.stage.process(Input { stamp: 1, item: event }, &mut self.state, &mut self.outbox)?;
        let (sent, views) = self.outbox.drain();
        for routed in sent {
            self.said.push(match routed.item {
                RowEvent::File(open) => match open.repeats {
                    Some(first) => format!("file {} repeats {first}", open.file_no),
                    None => format!("file {} {:?}", open.file_no, open.verdict.status),
                },
                RowEvent::Rows { file_no, slice } => format!("rows {file_no} {}", slice.rows.len()),
                RowEvent::End { file_no, .. } => format!("end {file_no}"),
            });
        }
        for view in views {
            let value = view.value.unwrap();
            if view.topic == Topic::Findings as u8 {
                self.findings.push(postcard::from_bytes(&value).unwrap());
            } else {
                self.audit.push(postcard::from_bytes(&value).unwrap());
            }
        }
        Ok(())
    }

    fn take(&mut self, verdict: FileVerdict) {
        let (partner, records) = (verdict.partner.clone(), verdict.records as usize);
        let has_rows = verdict.status == FileStatus::Readable;
        self.event(&FeedEvent::File(Box::new(verdict))).unwrap();
        if has_rows {
            if records > 0 {
                let slice = RowSlice { partner: partner.clone(), slice: 0, rows: vec![ParsedRow::default(); records] };
                self.event(&FeedEvent::Rows(Arc::new(slice))).unwrap();
            }
            self.event(&FeedEvent::End { partner }).unwrap();
        }
    }
}

/// Takes files (name, content) in order and compares what goes on.
fn check(files: &[(&str, &str)], expected: &[&str]) {
    let mut intake = Intake::default();
    for (name, content) in files {
        intake.take(file(name, content, name.ends_with("_CORR"), 2));
    }
    assert_eq!(intake.said, expected, "{files:?}");
    let repeats = expected.iter().filter(|said| said.contains("repeats")).count();
    assert_eq!(intake.findings.len(), repeats, "{files:?}");
}

const FIRST: [&str; 3] = ["file 1 Readable", "rows 1 2", "end 1"];
const SECOND: [&str; 3] = ["file 2 Readable", "rows 2 2", "end 2"];

fn all(parts: &[&[&'static str]]) -> Vec<&'static str> {
    parts.concat()
}

#[test]
fn the_same_path_and_bytes_have_no_effect() {
    check(&[("jan", "a"), ("jan", "a"), ("feb", "b")], &all(&[&FIRST, &SECOND]));
}

#[test]
fn a_changed_file_is_a_new_file() {
    check(&[("jan", "a"), ("jan", "b")], &all(&[&FIRST, &SECOND]));
}

#[test]
fn equal_content_under_another_name_repeats_the_first() {
    check(
        &[("jan", "a"), ("jan copy", "a"), ("jan third", "a")],
        &all(&[&FIRST, &["file 2 repeats 1", "file 3 repeats 1"]]),
    );
}

#[test]
fn a_correction_never_repeats_what_it_replaces_in_any_order() {
    check(&[("jan", "a"), ("jan_CORR", "a")], &all(&[&FIRST, &SECOND]));
    check(&[("jan_CORR", "a"), ("jan", "a")], &all(&[&FIRST, &SECOND]));
}

#[test]
fn an_original_that_comes_again_after_its_correction_repeats_the_original() {
    check(&[("jan", "a"), ("jan_CORR", "b"), ("jan copy", "a")], &all(&[&FIRST, &SECOND, &["file 3 repeats 1"]]));
    check(&[("jan", "a"), ("jan_CORR", "b"), ("jan", "a")], &all(&[&FIRST, &SECOND]));
}

#[test]
fn going_back_to_an_earlier_content_is_a_new_correction() {
    let mut intake = Intake::default();
    let correction = |path: &str, content: &str| FileVerdict { series: "jan".into(), ..file(path, content, true, 2) };
    intake.take(file("jan", "a", false, 2));
    intake.take(correction("jan_CORR1", "b"));
    intake.take(correction("jan_CORR1 again", "b"));
    intake.take(correction("jan_CORR2", "a"));
    intake.take(correction("jan_CORR3", "b"));
    let files: Vec<&String> = intake.said.iter().filter(|said| said.starts_with("file")).collect();
    assert_eq!(files, ["file 1 Readable", "file 2 Readable", "file 3 repeats 2", "file 4 Readable", "file 5 Readable"]);
}

#[test]
fn a_correction_whose_path_goes_back_is_a_new_statement() {
    let back = [("jan_CORR", "a"), ("jan_CORR", "b"), ("jan_CORR", "a"), ("jan_CORR", "a")];
    let third = ["file 3 Readable", "rows 3 2", "end 3"];
    check(&back, &all(&[&FIRST, &SECOND, &third]));
    // An unmarked file that goes back says nothing new, and a correction under another name is no change of this one.
    check(&[("jan", "a"), ("jan", "b"), ("jan", "a")], &all(&[&FIRST, &SECOND]));
    check(&[("jan_CORR", "a"), ("feb_CORR", "b"), ("jan_CORR", "a")], &all(&[&FIRST, &SECOND]));
}

#[test]
fn a_correction_may_say_what_another_report_said_by_mistake() {
    check(&[("jan", "a"), ("feb_CORR", "a")], &all(&[&FIRST, &SECOND]));
    check(&[("jan_CORR", "a"), ("jan copy_CORR", "a")], &all(&[&FIRST, &["file 2 repeats 1"]]));
    check(&[("jan_CORR", "a"), ("feb", "a")], &all(&[&FIRST, &["file 2 repeats 1"]]));
}

#[test]
fn files_without_records_are_alike_and_no_repetition() {
    let mut intake = Intake::default();
    intake.take(file("jan", "empty", false, 0));
    intake.take(file("feb", "empty", false, 0));
    assert_eq!(intake.said, ["file 1 Readable", "end 1", "file 2 Readable", "end 2"]);
    assert!(intake.findings.is_empty());
}

#[test]
fn partners_do_not_repeat_each_other() {
    let mut intake = Intake::default();
    intake.take(file("jan", "a", false, 2));
    intake.take(FileVerdict { partner: "P2".into(), file: "P2/jan".into(), ..file("jan", "a", false, 2) });
    assert_eq!(intake.said, [FIRST, FIRST].concat());
}

#[test]
fn a_parked_file_keeps_its_number_when_it_can_be_read() {
    let mut intake = Intake::default();
    let parked = FileVerdict { status: FileStatus::Parked, ..file("jan", "a", false, 0) };
    intake.take(parked.clone());
    intake.take(parked);
    intake.take(file("feb", "b", false, 2));
    intake.take(file("jan", "a", false, 2));
    intake.take(file("jan", "a", false, 2));
    let expected = all(&[&["file 1 Parked"], &SECOND, &FIRST]);
    assert_eq!(intake.said, expected);
}

#[test]
fn the_finding_names_both_files() {
    let mut intake = Intake::default();
    intake.take(file("jan", "a", false, 2));
    intake.take(file("jan copy", "a", false, 2));
    let [finding] = intake.findings.as_slice() else { panic!("{:?}", intake.findings) };
    assert_eq!((finding.code.as_str(), finding.at.file_no, finding.at.record_no), ("DD-01", 2, 0));
    assert_eq!(finding.related.as_ref().map(|r| (r.file_no, r.record_no)), Some((1, 0)));
    assert_eq!(finding.message, "same bytes as P1/jan: its 2 records count as duplicates");
}

#[test]
fn every_file_is_a_link_of_its_partners_chain() {
    let mut intake = Intake::default();
    intake.take(file("jan", "a", false, 2));
    let tick = Control::Tick { as_of: Day(15_000) }.encode();
    intake.stage.control(1, &tick, &mut intake.state, &mut intake.outbox).unwrap();
    intake.stage = IngestStage::default();
    intake.stage.resume(&mut intake.state).unwrap();
    intake.take(file("jan copy", "a", false, 2));
    intake.take(FileVerdict { status: FileStatus::Refused, ..file("feb", "x", false, 0) });
    let mut previous = [0; 32];
    for (n, record) in intake.audit.iter().enumerate() {
        assert_eq!((record.seq, record.previous_hash), (n as u64 + 1, previous));
        assert_eq!(record.clone().sealed().hash, record.hash);
        previous = record.hash;
    }
    let actions: Vec<&str> = intake.audit.iter().map(|r| r.action.as_str()).collect();
    assert_eq!(actions, ["file.taken", "file.repeated", "file.refused"]);
    assert_eq!((intake.audit[0].time, intake.audit[1].time), (None, Some(Day(15_000))));
}

#[test]
fn lost_or_doubled_slices_stop_the_stage() {
    let slice = |slice, count| {
        FeedEvent::Rows(Arc::new(RowSlice { partner: "P1".into(), slice, rows: vec![ParsedRow::default(); count] }))
    };
    let begin = FeedEvent::File(Box::new(file("jan", "a", false, 300)));
    let end = FeedEvent::End { partner: "P1".into() };
    let whole = [&begin, &slice(0, 256), &slice(1, 44), &end];
    let lost = [&begin, &slice(0, 256), &end];
    let doubled = [&begin, &slice(0, 256), &slice(0, 256)];
    let outside = [&slice(0, 256)];
    let unclosed = [&begin, &begin];
    let run = |events: &[&FeedEvent]| {
        let mut intake = Intake::default();
        events.iter().try_for_each(|event| intake.event(event)).is_ok()
    };
    assert!(run(&whole));
    assert!(!run(&lost) && !run(&doubled) && !run(&outside) && !run(&unclosed));
}
