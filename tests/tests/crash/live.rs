//! People who look at a data directory while a run works on it, and a run that waits for what comes.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant, SystemTime};

use rustix::process::Signal;
use tests::site::{copy_folder, example_feeds, files_below};

use crate::place::{INTERRUPTED, Place, Running, assert_refused, assert_same, paidonce};

const OUTCOMES: [&str; 5] = ["accepted", "rejected", "duplicate", "superseded", "parked"];
const PATIENCE: Duration = Duration::from_secs(60);

/// A run that waits for files in an empty folder, what it says kept in `said`.
fn waiting() -> (Place, Running) {
    let place = Place::example();
    let place = Place { feeds: place.scratch.path().join("feeds"), ..place };
    fs::create_dir(&place.feeds).unwrap();
    let said = fs::File::create(place.kept("said")).unwrap();
    let mut command = paidonce();
    command.arg("run").arg("--config").arg(&place.config).arg("--data").arg(place.data());
    command.arg("--feeds").arg(&place.feeds).args(["--as-of", &place.as_of, "--threads", "2"]);
    let run = command.stdout(Stdio::null()).stderr(said).spawn().unwrap();
    let mut run = Running(run);
    until("the run is at work", &mut run.0, || place.data().join("lock").exists());
    (place, run)
}

fn said(place: &Place) -> String {
    fs::read_to_string(place.kept("said")).unwrap()
}

/// Waits until something is so; fails where it never is.
fn until(what: &str, run: &mut Child, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(run.try_wait().unwrap().is_none(), "the run ended before: {what}");
        assert!(Instant::now() < end, "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Puts files there that nobody has written to for a while.
fn deliver(place: &Place, partner: &str) {
    let staging = place.kept("staging");
    copy_folder(&example_feeds().join(partner), &staging);
    for file in files_below(&staging) {
        let file = fs::File::options().write(true).open(file).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(60)).unwrap();
    }
    fs::rename(&staging, place.feeds.join(partner)).unwrap();
}

fn look(place: &Place, arguments: &[&str]) -> Output {
    paidonce().args(arguments).arg("--data").arg(place.data()).output().unwrap()
}

/// Lines of the export's table, behind the header; none while nothing is there to look at.
fn rows(place: &Place, what: &str) -> Vec<BTreeMap<String, String>> {
    let output = look(place, &["export", what]);
    let mut reader = csv::Reader::from_reader(output.stdout.as_slice());
    reader.deserialize().map(|row| row.unwrap()).collect()
}

/// Each counted record has its outcome, at any moment.
fn assert_accounted(receipts: &[BTreeMap<String, String>]) {
    for receipt in receipts {
        let count = |column: &str| receipt[column].parse::<u64>().unwrap();
        let outcomes: u64 = OUTCOMES.iter().map(|column| count(column)).sum();
        assert_eq!(count("records"), outcomes, "{receipt:?}");
    }
}

#[test]
fn whoever_looks_while_a_run_works_sees_a_whole_commit() {
    let place = Place::large();
    let mut run = place.start();
    let (mut looks, mut halfway) = (0, 0);
    while run.0.try_wait().unwrap().is_none() {
        let receipts = rows(&place, "receipts");
        assert_accounted(&receipts);
        halfway += u32::from(receipts.iter().any(|receipt| receipt["status"] == "reading"));
        if !receipts.is_empty() {
            let verified = look(&place, &["verify"]);
            assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
            looks += 1;
        }
    }
    assert_eq!(run.exit_code(), Some(0));
    assert!(looks > 0 && halfway > 0, "{looks} looks, {halfway} in the middle of a file");
    let looked_at = place.exports_well();
    place.wipe();
    place.run_well();
    assert_same(&place.exports_well(), &looked_at, "a run that nobody looked at");
}

#[test]
fn a_waiting_run_takes_what_comes_and_shows_it_at_once() {
    let (place, mut run) = waiting();
    deliver(&place, "maple");
    until("maple is settled", &mut run.0, || !rows(&place, "journal").is_empty());
    for arguments in
        [&["status"][..], &["verify"], &["export", "findings"], &["explain", "maple/POS Report Maple 2012-10.csv#1"]]
    {
        let output = look(&place, arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.contains("a run works on"), "{arguments:?}: {said}");
    }
    assert_refused(&place.run(), "another run works on data directory");
    deliver(&place, "albion");
    until("albion is settled", &mut run.0, || {
        rows(&place, "journal").iter().any(|row| row["beneficiary"] == "partner:albion")
    });
    run.signal(Signal::TERM);
    assert_eq!(run.exit_code(), Some(INTERRUPTED));
    assert!(said(&place).ends_with("interrupted; the same command goes on from here\n"), "{}", said(&place));
    assert!(look(&place, &["verify"]).status.success());
    assert!(!String::from_utf8_lossy(&look(&place, &["status"]).stderr).contains("a run works on"));
}

#[test]
fn a_waiting_run_outlives_its_folder_and_tells_what_it_meets() {
    let (place, mut run) = waiting();
    fs::rename(&place.feeds, place.kept("elsewhere")).unwrap();
    until("the folder is missed", &mut run.0, || said(&place).contains("the run goes on when it is there again"));
    fs::rename(place.kept("elsewhere"), &place.feeds).unwrap();
    until("the folder is found", &mut run.0, || said(&place).contains("is there again\n"));
    symlink("/etc/hostname", place.feeds.join("link.csv")).unwrap();
    until("the link is told", &mut run.0, || said(&place).contains("link.csv: is a link, which is not followed"));
    deliver(&place, "maple");
    until("maple is taken in", &mut run.0, || !rows(&place, "receipts").is_empty());
    run.signal(Signal::INT);
    assert_eq!(run.exit_code(), Some(INTERRUPTED));
    assert_eq!(said(&place).matches("warning:").count(), 2, "{}", said(&place));
}
