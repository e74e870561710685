//! What a process asks of its brokers before it works, and what it says of them.

use std::process::Command;

use tests::broker::{Brokers, Settings};
use tests::scrape::ready_at;
use tests::site::{example_config, example_feeds};

use crate::plant::{DONE_WITHIN, Plant};

fn brokers(extra: &[(&str, &str)]) -> Brokers {
    let extra = extra.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Brokers::start(&Settings { extra, ..Settings::default() }).unwrap()
}

/// Exit code of a command and what it says.
fn ended(command: &mut Command) -> (Option<i32>, String) {
    let ended = command.output().unwrap();
    (ended.status.code(), String::from_utf8(ended.stderr).unwrap())
}

#[test]
fn nobody_writes_on_brokers_that_do_not_verify_transactions() {
    let brokers = brokers(&[("transaction.partition.verification.enable", "false")]);
    let plant = Plant::new(&brokers.bootstrap(), &example_config(), "", 1);
    let mut stage = plant.command(&["stage", "compliance"]);
    stage.arg("--data").arg(plant.folder().join("tasks"));
    let mut intake = plant.command(&["intake", "--until-idle"]);
    intake.arg("--data").arg(plant.folder().join("intake")).arg("--feeds").arg(example_feeds());
    for command in [&mut stage, &mut intake, &mut plant.command(&["topics", "check", "--replication", "1"])] {
        let (code, told) = ended(command);
        let why = "error: broker 1 must have transaction.partition.verification.enable\n";
        assert!(code == Some(1) && told.ends_with(why), "{code:?} {told}");
    }
}

#[test]
fn a_process_says_how_safe_records_are_and_how_its_clients_are_set() {
    let brokers = Brokers::one().unwrap();
    let mut plant = Plant::new(&brokers.bootstrap(), &example_config(), "", 1);
    let weakest = "1 copy of each record, 1 before it counts: a machine that loses its power loses records";
    plant.start("ingest", 1);
    ready_at(&plant.log_path("ingest", 1), DONE_WITHIN).unwrap();
    for told in [&*format!("warning: durability: {weakest}"), " enable.idempotence=true acks=all "] {
        assert_eq!(plant.count(told), 1, "{told}\n{}", plant.logs());
    }
    plant.end_all();

    // Without a word against it, a broker alone writes each record through.
    let flushed = ["--prefix", "b.", "--replication", "1"];
    let on = |name: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_paidonce-tested"));
        command.args(["topics", name, "--brokers", &brokers.bootstrap(), "--config"]).arg(example_config());
        command
    };
    assert_eq!(ended(on("create").args(flushed)).0, Some(0));
    let (code, told) = ended(on("check").args(flushed));
    let (_, told) = told.split_once(", ").unwrap();
    let weaker =
        "0 differences; 1 copy of each record, 1 before it counts, on disk: who loses that disk loses records\n";
    assert_eq!((code, told), (Some(0), weaker));
    let (code, told) = ended(on("check").args(["--replication", "1"]));
    assert!(code == Some(1) && told.ends_with(&format!("; {weakest}\n")), "the others are not flushed: {told}");
}
