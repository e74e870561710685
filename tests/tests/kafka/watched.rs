//! What a line tells of itself: `paidonce watch` counts what stands in the end, and a restart of it nothing again; spans
//! reach a collector.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use cli::observe::names::{ALL, Engines};
use rustix::process::Signal;
use tests::broker::Brokers;
use tests::collector::{Collector, Received};
use tests::scrape::{Sample, ready_at, scrape, sum};
use tests::site::{AS_OF, example_config, example_feeds};
use tests::tables::{Exports, number};

use crate::plant::{DONE_WITHIN, PARTS, Plant};

/// Of the example tenant.
const PARTITIONS: usize = 4;

#[test]
fn what_a_line_publishes_is_counted_once() {
    let brokers = Brokers::one().unwrap();
    let mut plant = Plant::new(&brokers.bootstrap(), &example_config(), "", 1);
    plant.start_line();
    // It watches while the line works.
    plant.start("watch", 1);
    plant.take_in(&example_feeds(), AS_OF);
    let exports = plant.exports();
    until_it_tells(&plant, &exports);
    // Started again, it counts nothing again.
    plant.end("watch", 1, Signal::TERM);
    plant.start("watch", 1);
    assert_eq!(sum(&told(&plant, "watch"), "paidonce_findings_total", &[]), 0.0);
    // Whoever lost its disk counts from the start and comes to the same.
    plant.end("watch", 1, Signal::KILL);
    plant.wipe("watch", 1);
    plant.start("watch", 1);
    until_it_tells(&plant, &exports);
    ["units", "ledger"].iter().for_each(|part| must_be_fresh(&told(&plant, part)));
    plant.end_all();
}

#[test]
fn commits_and_recoveries_of_every_stage_reach_a_collector() {
    let (brokers, collector) = (Brokers::one().unwrap(), Collector::start());
    let plant = Plant::new(&brokers.bootstrap(), &example_config(), "", 1);
    let mut plant = plant.with_collector(collector.url());
    plant.start_line();
    plant.take_in(&example_feeds(), AS_OF);
    plant.collect();
    // Behind a kill there is a way to come again.
    let (told, deadline) = ("task has come to its mark", Instant::now() + DONE_WITHIN);
    let before = plant.count(told);
    plant.kill_and_start(2);
    while plant.count(told) < before + PARTITIONS {
        assert!(Instant::now() < deadline, "{}", plant.logs());
        std::thread::sleep(Duration::from_millis(50));
    }
    plant.end_all();
    let spans = collector.spans();
    let of = |name: &str, stage: &str| -> Vec<&Received> {
        let is_it = |span: &&Received| span.name == name && span.fields.get("stage").is_some_and(|is| is == stage);
        spans.iter().filter(is_it).collect()
    };
    let sum = |spans: &[&Received], field: &str| -> u64 {
        spans.iter().map(|span| span.fields[field].parse::<u64>().unwrap()).sum()
    };
    for stage in PARTS {
        let (commits, recoveries) = (of("commit", stage), of("recovery", stage));
        assert!(sum(&commits, "records") > 0 && sum(&commits, "epoch") > 0, "{stage}: {commits:?}");
        assert!(recoveries.len() >= PARTITIONS, "{stage}: {recoveries:?}");
        // Only whoever has a mark comes to it.
        let folded = recoveries.iter().filter(|span| span.fields.contains_key("folded")).count();
        assert!(stage != PARTS[2] || folded >= PARTITIONS, "{stage}: {recoveries:?}");
    }
    assert!(sum(&of("commit", "intake"), "records") > 0);
    assert!(spans.iter().any(|span| span.name == "file") && spans.iter().all(|span| span.service == "paidonce"));
}

#[test]
fn every_metric_of_both_engines_is_told_by_a_process_of_a_line() {
    let brokers = Brokers::one().unwrap();
    let mut plant = Plant::new(&brokers.bootstrap(), &example_config(), "", 1);
    plant.start_line();
    plant.start("watch", 1);
    plant.take_in(&example_feeds(), AS_OF);
    let example = example_config().join("example");
    let commands = example.join("commands");
    let arguments = ["--as-of", "2013-05-31", "--commands", commands.to_str().unwrap()];
    assert_eq!(plant.intake(&example.join("april"), &arguments).wait(), Some(0), "{}", plant.log("intake", 1));
    plant.collect();
    let deadline = Instant::now() + DONE_WITHIN;
    while let Some(metric) = untold(&plant) {
        assert!(Instant::now() < deadline, "{metric} is told by no process");
        std::thread::sleep(Duration::from_millis(200));
    }
    plant.end_all();
}

/// The first metric of both engines that no process serves.
fn untold(plant: &Plant) -> Option<&'static str> {
    let samples: Vec<Sample> = PARTS.iter().chain(&["watch"]).map(|part| told(plant, part)).collect();
    let mut wanted = ALL.iter().filter(|metric| metric.engines == Engines::Both).map(|metric| metric.name);
    let is_told = |name: &str| {
        let is_it = |line: &str| line.split('{').next().is_some_and(|found| found.trim_end_matches("_count") == name);
        samples.iter().any(|sample| sample.keys().any(|line| is_it(line)))
    };
    wanted.find(|name| !is_told(name))
}

/// What a process serves once it is ready.
pub fn told(plant: &Plant, part: &str) -> Sample {
    scrape(&ready_at(&plant.log_path(part, 1), DONE_WITHIN).unwrap()).unwrap()
}

/// It looks twice a second; after some of that it has seen everything.
fn until_it_tells(plant: &Plant, exports: &Exports) {
    let deadline = Instant::now() + DONE_WITHIN;
    while let Some(difference) = difference(&told(plant, "watch"), exports) {
        assert!(Instant::now() < deadline, "{difference}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// The first count that is not that of what is exported.
fn difference(sample: &Sample, exports: &Exports) -> Option<String> {
    let unlike = |what: String, told: f64, counted: f64| {
        (told != counted).then(|| format!("{what}: {told} are told, {counted} are exported"))
    };
    let mut differences = Vec::new();
    for (export, label, told, withdrawn) in [
        ("findings", "code", "paidonce_findings_total", "paidonce_findings_withdrawn_total"),
        ("rejects", "reason", "paidonce_rejects_total", "paidonce_rejects_withdrawn_total"),
    ] {
        let mut counts = BTreeMap::<String, f64>::new();
        exports.rows(export).iter().for_each(|row| *counts.entry(row["code"].clone()).or_default() += 1.0);
        assert!(!counts.is_empty(), "the example has {export}");
        for (code, count) in counts {
            let labels = [&*format!("{label}=\"{code}\"")];
            let stand = sum(sample, told, &labels) - sum(sample, withdrawn, &labels);
            differences.extend(unlike(format!("{export} {code}"), stand, count));
        }
    }
    let mut accrued = BTreeMap::<String, i64>::new();
    for row in exports.rows("accruals") {
        *accrued.entry(row["currency"].clone()).or_default() += number(&row["amount"]).0;
    }
    assert!(accrued.len() > 1, "the example has more than one currency");
    for (currency, amount) in accrued {
        let moved = |direction: &str| {
            let labels = [&*format!("currency=\"{currency}\""), &format!("direction=\"{direction}\"")];
            sum(sample, "paidonce_accrued_micros_total", &labels)
        };
        differences.extend(unlike(format!("accrued {currency}"), moved("up") - moved("down"), amount as f64));
    }
    differences.into_iter().next()
}

/// A task has told how old its records were, and that nothing waits any longer.
fn must_be_fresh(sample: &Sample) {
    assert!(sum(sample, "paidonce_freshness_seconds_count", &[]) > 0.0);
    assert_eq!(sum(sample, "paidonce_lag_seconds", &[]), 0.0);
    assert_eq!(sum(sample, "paidonce_lag_records", &[]), 0.0);
}
