//! The example tenant, through the binary: what was planted is found, and nothing depends on threads.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const EXPORTS: [&str; 14] = [
    "sales",
    "rejects",
    "receipts",
    "findings",
    "accruals",
    "authorizations",
    "journal",
    "payments",
    "claims",
    "audit",
    "identities",
    "holdings",
    "estimates",
    "persons",
];

fn config() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate stands in the workspace").join("config")
}

fn paidonce(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_paidonce")).args(arguments).output().expect("the binary runs")
}

/// Runs and must end well; gives stdout.
fn done(arguments: &[&str]) -> String {
    let output = paidonce(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("output is UTF-8")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("path is UTF-8")
}

/// The quarter is settled; with `april` what was authorised is paid and goods come back.
fn tenant(folder: &Path, threads: &str, april: bool) -> PathBuf {
    let (config, data) = (config(), folder.join("data"));
    let example = config.join("example");
    let common = ["run", "--config", text(&config), "--data", text(&data), "--until-idle", "--threads", threads];
    let feeds = example.join("feeds");
    done(&[&common[..], &["--feeds", text(&feeds), "--as-of", "2013-04-20"]].concat());
    if april {
        let (feeds, commands) = (example.join("april"), example.join("commands"));
        let of_april = ["--feeds", text(&feeds), "--commands", text(&commands), "--as-of", "2013-05-31"];
        done(&[&common[..], &of_april].concat());
    }
    data
}

fn export(data: &Path, what: &str) -> String {
    done(&["export", what, "--data", text(data)])
}

fn rows(csv: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    reader.deserialize().map(|row| row.expect("rows have the columns of the header")).collect()
}

#[test]
fn the_tests_in_the_programs_hold() {
    let output = paidonce(&["test", "--config", text(&config())]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert_eq!(told, "Adventure Works Cycles: 9 tests of 6 programs, 0 failed\n");
}

#[test]
fn the_example_programs_are_sound_and_their_tests_hold() {
    let examples = config().with_file_name("docs").join("examples");
    done(&["check", "--config", text(&examples)]);
    let output = paidonce(&["test", "--config", text(&examples)]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert_eq!(told, "Example Tools: 49 tests of 40 programs, 0 failed\n");
}

#[test]
fn exports_are_the_same_bytes_on_any_number_of_threads() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let one = tenant(folders[0].path(), "1", true);
    let four = tenant(folders[1].path(), "4", true);
    for what in EXPORTS {
        assert!(export(&one, what) == export(&four, what), "{what}");
    }
}

#[test]
fn every_planted_problem_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let data = tenant(folder.path(), "2", false);
    let mut found = BTreeSet::new();
    for row in rows(&export(&data, "findings")).iter().chain(&rows(&export(&data, "rejects"))) {
        found.insert((row["code"].clone(), row["file"].clone(), row["record_no"].clone()));
    }
    let planted = rows(&std::fs::read_to_string(config().join("example/planted.csv")).unwrap());
    let codes = planted.iter().filter(|row| row["what"].contains('-'));
    let missed: Vec<_> = codes
        .map(|row| (row["what"].clone(), row["file"].clone(), row["record_no"].clone()))
        .filter(|key| !found.contains(key))
        .collect();
    assert_eq!(missed, [], "of {found:#?}");
}

#[test]
fn books_hold_and_the_payments_are_those_that_were_authorised() {
    let folder = tempfile::tempdir().unwrap();
    let data = tenant(folder.path(), "2", true);
    let verified = done(&["verify", "--data", text(&data)]);
    assert!(verified.trim_end().ends_with(" 0 broken"), "{verified}");
    let paid = rows(&std::fs::read_to_string(config().join("example/commands/payments.csv")).unwrap());
    let paid: BTreeSet<_> = paid.into_iter().map(|row| row["authorization_id"].clone()).collect();
    let authorised = rows(&export(&data, "authorizations"));
    assert!(authorised.iter().all(|row| row["status"] == "paid"), "{authorised:#?}");
    let authorised: BTreeSet<_> = authorised.into_iter().map(|row| row["authorization_id"].clone()).collect();
    assert_eq!(paid, authorised);
}

#[test]
fn running_again_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = tenant(folder.path(), "2", false);
    let before: Vec<_> = EXPORTS.iter().map(|what| export(&data, what)).collect();
    tenant(folder.path(), "2", false);
    for (what, before) in EXPORTS.iter().zip(before) {
        assert!(export(&data, what) == before, "{what}");
    }
}

#[test]
fn history_under_the_same_programs_is_the_same_history() {
    let folder = tempfile::tempdir().unwrap();
    let data = tenant(folder.path(), "2", true);
    let simulated = done(&["simulate", "--config", text(&config()), "--data", text(&data)]);
    assert!(simulated.contains("There is no difference at all."), "{simulated}");
    let usd = ["USD", "157,750.64", "157,750.64", "0.00"];
    assert!(simulated.lines().any(|line| line.split_whitespace().eq(usd)), "{simulated}");
}

#[test]
fn everything_that_is_exported_can_be_explained() {
    let folder = tempfile::tempdir().unwrap();
    let data = tenant(folder.path(), "2", true);
    for (what, column, says) in [
        ("sales", "sale_id", "Became"),
        ("findings", "finding_id", "Finding"),
        ("accruals", "accrual_id", "earned under"),
        ("authorizations", "authorization_id", "It rests on"),
        ("payments", "payment_id", "It rests on"),
        ("journal", "entry_id", "Journal"),
    ] {
        let id = &rows(&export(&data, what))[0][column];
        let told = done(&["explain", id, "--data", text(&data)]);
        assert!(told.contains(says), "{what} {id}: {told}");
    }
    let told = done(&["explain", "maple/POS Report Maple 2012-10.csv#1", "--data", text(&data)]);
    assert!(told.contains("Rejected, DQ-01"), "{told}");
    assert_eq!(paidonce(&["explain", "nowhere.csv#1", "--data", text(&data)]).status.code(), Some(1));
}

#[test]
fn the_readme_shows_what_the_demo_says() {
    let folder = tempfile::tempdir().unwrap();
    let data = tenant(folder.path(), "2", true);
    let status = done(&["status", "--data", text(&data)]);
    let overview = &status[status.find("Lines in:").unwrap()..status.find("\n\nWhat waits").unwrap()];
    let readme = std::fs::read_to_string(config().join("../README.md")).unwrap();
    assert!(readme.contains(overview), "README.md should show\n{overview}");
}

#[test]
fn exit_codes_say_what_went_wrong() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tenant.yaml"), "name: X\nfunctional-curency: USD\n").unwrap();
    let broken = paidonce(&["check", "--config", text(folder.path())]);
    assert_eq!(broken.status.code(), Some(78));
    assert!(String::from_utf8_lossy(&broken.stderr).contains("did you mean `functional-currency`?"));
    assert_eq!(paidonce(&["check", "--config", text(&config())]).status.code(), Some(0));
    assert_eq!(paidonce(&["check"]).status.code(), Some(2));
    assert_eq!(paidonce(&["status", "--data", text(&folder.path().join("none"))]).status.code(), Some(1));
}
