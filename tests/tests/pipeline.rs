//! The example tenant and generated feeds, from files to exports: right, and the same whatever is done to the run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cli::verify::verify;
use contract::Micros;
use tests::doubles::Doubles;
use tests::generated;
use tests::replica::Plan;
use tests::site::{AS_OF, Site, copy_folder, example_config, example_feeds, files_below, root};
use tests::tables::{Exports, first_difference, number, rows};

const OUTCOMES: [&str; 5] = ["accepted", "rejected", "duplicate", "superseded", "parked"];
/// Exports of many rows; their goldens hold every so many rows and a hash of all.
const LONG: [&str; 5] = ["accruals", "audit", "identities", "journal", "sales"];
const LONG_STEP: usize = 100;

fn settled() -> Exports {
    let site = Site::example();
    site.run(&example_feeds(), Some(AS_OF));
    site.exports()
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("goldens").join(format!("{name}.csv"))
}

/// All of a short export; of a long one the header, every so many rows, their number, and a hash of all.
fn shown(name: &str, text: &str) -> String {
    if !LONG.contains(&name) {
        return text.to_owned();
    }
    let lines = text.lines().step_by(LONG_STEP).collect::<Vec<_>>().join("\n");
    format!("{lines}\n({} lines, BLAKE3 {})\n", text.lines().count(), blake3::hash(text.as_bytes()))
}

#[test]
fn exports_are_those_of_the_goldens() {
    let update = std::env::var_os("UPDATE").is_some();
    let mut wrong = Vec::new();
    for (name, text) in &settled().0 {
        let (path, text) = (golden(name), shown(name, text));
        if update {
            fs::write(&path, &text).unwrap();
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        wrong.extend(first_difference(&kept, &text).map(|difference| format!("{name}: {difference}")));
    }
    assert!(wrong.is_empty(), "UPDATE=1 accepts what is new\n{}", wrong.join("\n"));
}

#[test]
fn threads_change_nothing() {
    let exports = settled();
    for threads in [1, 4] {
        let site = Site::example().on_threads(threads);
        site.run(&example_feeds(), Some(AS_OF));
        exports.assert_same(&site.exports(), &format!("{threads} threads"));
    }
}

#[test]
fn partitions_change_nothing() {
    let exports = settled();
    for partitions in [1, 4, 7] {
        let site = Site::example().with_partitions(partitions);
        site.run(&example_feeds(), Some(AS_OF));
        exports.assert_same(&site.exports(), &format!("{partitions} partitions"));
    }
}

#[test]
fn settling_while_more_lies_ready_changes_nothing() {
    let mut site = Site::example();
    site.settle_after = 500;
    let summary = site.run(&example_feeds(), Some(AS_OF));
    assert!(summary.controls >= 10, "{} controls", summary.controls);
    settled().assert_same(&site.exports(), "settled in between");
}

/// Partners in the order given, each with a run of its own, then the clock.
fn interleaved(partners: &[String]) -> Exports {
    let site = Site::example();
    for partner in partners {
        copy_folder(&example_feeds().join(partner), &site.inbox().join(partner));
        site.run(&site.inbox(), None);
    }
    site.run(&site.inbox(), Some(AS_OF));
    site.exports()
}

fn partners() -> Vec<String> {
    let names = fs::read_dir(example_feeds()).unwrap().map(|entry| entry.unwrap().file_name());
    let names: BTreeSet<String> = names.map(|name| name.into_string().unwrap()).collect();
    names.into_iter().collect()
}

#[test]
fn partners_may_come_in_any_order() {
    let exports = settled();
    let mut order = partners();
    exports.assert_same(&interleaved(&order), "one by one");
    order.reverse();
    exports.assert_same(&interleaved(&order), "from the last to the first");
    order.rotate_left(2);
    order.swap(0, 3);
    exports.assert_same(&interleaved(&order), "in some other order");
}

#[test]
fn half_of_each_partners_files_may_come_later() {
    let site = Site::example();
    for half in [0, 1] {
        for partner in partners() {
            let files = files_below(&example_feeds().join(partner));
            let (early, late) = files.split_at(files.len() / 2);
            for file in if half == 0 { early } else { late } {
                let to = site.inbox().join(file.strip_prefix(example_feeds()).unwrap());
                fs::create_dir_all(to.parent().unwrap()).unwrap();
                fs::copy(file, to).unwrap();
            }
        }
        site.run(&site.inbox(), None);
    }
    site.run(&site.inbox(), Some(AS_OF));
    settled().assert_same(&site.exports(), "in two halves");
}

#[test]
fn a_run_that_is_stopped_and_resumed_ends_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan { rows: 60_000, years: 1 };
    plan.write(folder.path()).unwrap();
    let (config, feeds, as_of) = (folder.path().join("config"), folder.path().join("feeds"), plan.as_of());
    let undisturbed = Site::of(&config);
    let epochs = undisturbed.run(&feeds, Some(&as_of)).epochs;
    assert!(epochs >= 4, "only {epochs} epochs: nothing to stop in between");
    let stopped = Site::of(&config);
    let mut runs = 1;
    // Each run is stopped at its first commit, until one has nothing left to do.
    while stopped.run_while(&feeds, Some(&as_of), &mut |_| false).epochs > 0 {
        runs += 1;
        assert!(runs < 100, "a stopped run makes no headway");
    }
    assert!(runs > 2, "the run was not stopped often enough: {runs} runs");
    undisturbed.exports().assert_same(&stopped.exports(), &format!("{runs} runs"));
}

#[test]
fn the_same_folder_again_has_no_effect() {
    let site = Site::example();
    site.run(&example_feeds(), Some(AS_OF));
    let exports = site.exports();
    let again = site.run(&example_feeds(), Some(AS_OF));
    assert_eq!((again.records, again.controls), (0, 0));
    exports.assert_same(&site.exports(), "the same folder again");
}

fn assert_accounted(exports: &Exports) {
    let receipts = exports.rows("receipts");
    assert!(!receipts.is_empty());
    for receipt in receipts {
        let count = |column: &str| receipt[column].parse::<u64>().unwrap();
        let outcomes: u64 = OUTCOMES.iter().map(|column| count(column)).sum();
        assert_eq!(count("records"), outcomes, "{receipt:?}");
    }
}

/// Debits are credits in each entry and currency, as posted and as booked.
fn assert_balanced(exports: &Exports) {
    let mut sums: BTreeMap<(String, String), (Micros, Micros)> = BTreeMap::new();
    for row in exports.rows("journal") {
        let sums = sums.entry((row["entry_id"].clone(), row["currency"].clone())).or_default();
        let sign = |value: Micros| if row["side"] == "debit" { value } else { -value };
        sums.0 += sign(number(&row["amount"]));
        sums.1 += sign(number(&row["functional_amount"]));
    }
    assert!(!sums.is_empty());
    sums.iter().for_each(|(entry, sums)| assert_eq!(*sums, (Micros::ZERO, Micros::ZERO), "{entry:?}"));
}

fn assert_verified(site: &Site, unasked: &[&str]) {
    for check in verify(&site.reader()).unwrap() {
        assert_eq!(check.violations, 0, "{}: {:?}", check.name, check.examples);
        assert!(check.evaluations > 0 || unasked.contains(&check.name), "{} was never evaluated", check.name);
    }
}

/// No program of the example estimates at sell-in.
const OF_ESTIMATES: [&str; 2] = [
    "estimates follow from purchases, sales and what is expected, and are booked, never below zero",
    "LI-EST in the journal is estimated less relieved and lapsed, never below zero",
];

/// Nobody decides about findings.
const OF_PERSONS: [&str; 2] = [
    "a finding that is released, or rejected for another sale, has two persons",
    "what stands said about a finding is what its audit chain says",
];

#[test]
fn every_record_is_accounted_for_and_the_books_hold() {
    let site = Site::example();
    site.run(&example_feeds(), Some(AS_OF));
    let exports = site.exports();
    assert_accounted(&exports);
    assert_balanced(&exports);
    // No two findings of the example are on the same pair of records.
    let unasked = [&["a finding is explained by one that stands"], &OF_ESTIMATES[..], &OF_PERSONS];
    assert_verified(&site, &unasked.concat());
}

/// Two persons release every other finding of the example that holds, one rejects the others.
fn decided(mut site: Site) -> Exports {
    site.run(&example_feeds(), Some(AS_OF));
    let found = site.exports().rows("findings");
    let holding: Vec<&String> =
        found.iter().filter(|row| row["decision"] == "hold").map(|row| &row["finding_id"]).collect();
    assert!(holding.len() > 10, "{} findings hold", holding.len());
    let said = |(n, finding): (usize, &&String)| match n % 2 {
        0 => format!("{finding},release,ann,\n{finding},release,bo,seen\n"),
        _ => format!("{finding},reject,cy,seen\n"),
    };
    let lines: String = holding.iter().enumerate().map(said).collect();
    let commands = site.data().with_file_name("commands");
    fs::create_dir_all(&commands).unwrap();
    fs::write(commands.join("decisions.csv"), format!("finding_id,action,actor,reason\n{lines}")).unwrap();
    site.commands = Some(commands);
    site.run(&example_feeds(), Some("2013-05-20"));
    let unasked = [&["a finding is explained by one that stands"], &OF_ESTIMATES[..]];
    assert_verified(&site, &unasked.concat());
    site.exports()
}

#[test]
fn what_persons_decide_is_the_same_on_any_number_of_partitions_and_threads() {
    let exports = decided(Site::example());
    assert_balanced(&exports);
    let of = |state: &str| exports.rows("findings").iter().filter(|row| row["state"] == state).count();
    assert!(of("released") > 4 && of("rejected") > 4, "{} and {}", of("released"), of("rejected"));
    for (partitions, threads) in [(1, 1), (4, 4), (7, 2)] {
        let other = decided(Site::example().with_partitions(partitions).on_threads(threads));
        exports.assert_same(&other, &format!("{partitions} partitions, {threads} threads"));
    }
}

#[test]
fn faults_of_generated_feeds_are_found_and_no_double_is_paid() {
    let Some(shared) = generated::shared() else {
        return planted_doubles_are_not_paid();
    };
    let folder = tempfile::tempdir().unwrap();
    generated::generate(&shared, folder.path(), 12, 200_000, 3).unwrap();
    let site = Site::of(&folder.path().join("config"));
    site.run(&folder.path().join("feeds"), Some("2018-03-01"));
    let exports = site.exports();
    assert_accounted(&exports);
    assert_balanced(&exports);
    assert_verified(&site, &[OF_ESTIMATES, OF_PERSONS].concat());
    let (score, reached) = generated::score(&shared, folder.path(), &exports, &root().join("tests/bars.txt")).unwrap();
    println!("{score}");
    let faults = rows(&fs::read_to_string(folder.path().join("truth/faults.csv")).unwrap());
    assert_no_double_is_paid(&Doubles::of(&faults, &exports.rows("accruals"), &exports.rows("findings")));
    assert!(reached, "{score}");
}

/// Nothing is granted on a double that was found; of the others the bars say how many there may be.
fn assert_no_double_is_paid(doubles: &Doubles) {
    println!("{doubles}");
    for (kind, tally) in &doubles.0 {
        let missed = if kind == "dup_altered_invoice" || kind == "two_tier_double" { 10 } else { 100 };
        assert_eq!(tally.known_and_paid, 0, "{kind}: money on doubles that a finding names\n{doubles}");
        assert!(tally.paid_twice * missed <= tally.doubles, "{kind}: too much money on doubles\n{doubles}");
    }
}

/// The same question to the problems that were planted in the example.
fn planted_doubles_are_not_paid() {
    let exports = settled();
    let planted = rows(&fs::read_to_string(example_config().join("example/planted.csv")).unwrap());
    let doubles: BTreeSet<(String, String)> = planted
        .iter()
        .filter(|row| ["DD-02", "DD-05", "DD-06"].contains(&row["what"].as_str()))
        .map(|row| (row["file"].clone(), row["record_no"].clone()))
        .collect();
    assert!(!doubles.is_empty());
    let paid = exports.rows("accruals").into_iter().filter(|row| number(&row["amount"]) > Micros::ZERO);
    let paid: Vec<_> = paid.filter(|row| doubles.contains(&(row["file"].clone(), row["record_no"].clone()))).collect();
    assert!(paid.is_empty(), "{paid:#?}");
}
