//! What a process asks of its brokers before it works, and what it says of them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use cli::kafka::topics::plans;
use contract::topics::Copies;
use stream::kafka::{Comparison, TopicPlan, compare_topics, create_topics};
use tests::broker::{Brokers, PACKAGES, Settings};
use tests::scrape::ready_at;
use tests::site::{example_config, example_feeds, root};

use crate::plant::{DONE_WITHIN, Plant};
use crate::replay::cluster;

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
    let mut brokers = Brokers::one().unwrap();
    let mut plant = Plant::new(&brokers.bootstrap(), &example_config(), "", 1);
    let weakest = "1 copy of each record, 1 before it counts: a machine that loses its power loses records";
    // Who does not answer is waited for, and people hear of it.
    brokers.node(0).pause().unwrap();
    plant.start("ingest", 1);
    plant.wait_for("ingest", 1, "waiting: ");
    brokers.node(0).resume().unwrap();
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
    let (code, told) = ended(on("create").args(["--replication", "1"]));
    assert!(code == Some(1) && told.contains(" differences in topics that were there"), "{told}");
}

/// Also who may not join, or finds nobody who leads the group, is in no group.
#[test]
fn a_group_that_cannot_be_joined_is_said() {
    // One broker cannot keep the topic of the groups on three, so nobody leads any.
    let brokers = brokers(&[("offsets.topic.replication.factor", "3")]);
    let mut plant = Plant::new(&brokers.bootstrap(), &example_config(), "", 1);
    plant.quiet = true;
    plant.start("ingest", 1);
    plant.wait_for("ingest", 1, "\ningest waits for its group 1.ingest: ");
    plant.end_all();
}

#[test]
fn topics_that_are_made_a_moment_later_are_waited_for_and_too_many_copies_are_refused_with_a_word() {
    let brokers = Brokers::one().unwrap();
    let on = |name: &[&str], config: bool| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_paidonce-tested"));
        command.args(name).args(["--brokers", &brokers.bootstrap()]);
        if config {
            command.arg("--config").arg(example_config());
        }
        command
    };
    let (code, told) = ended(&mut on(&["topics", "check"], true));
    let advised = " differences; `paidonce topics create` makes those that are not there\n";
    assert!(code == Some(1) && told.ends_with(advised), "{told}");
    let (code, told) = ended(&mut on(&["topics", "create"], true));
    assert!(code == Some(1) && told.contains("a single one takes --replication 1"), "{told}");

    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut stage = on(&["stage", "ingest", "--metrics", "0"], true);
    stage.arg("--data").arg(folder.path().join("tasks")).stderr(fs::File::create(&log).unwrap());
    let mut stage = stage.spawn().unwrap();
    let said = || fs::read_to_string(&log).unwrap();
    while !said().contains("waiting: topic pos.marks is not there") {
        assert_eq!(stage.try_wait().unwrap(), None, "{}", said());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(ended(on(&["topics", "create"], true).args(["--replication", "1", "--no-flush"])).0, Some(0));
    ready_at(&log, DONE_WITHIN).unwrap();
    stage.kill().unwrap();
    stage.wait().unwrap();
}

/// A command that a page gives people, with what it leaves to them put in.
fn command_of(page: &str, says: &str, put_in: &[(&str, &str)]) -> String {
    let page = fs::read_to_string(root().join(page)).unwrap();
    let mut blocks = page.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let command = blocks.find(|block| block.contains(says)).expect("the page has such a command").to_owned();
    put_in.iter().fold(command, |command, (word, value)| {
        assert!(command.contains(word), "{word} is not in\n{command}");
        command.replace(word, value)
    })
}

/// Topics that were made before one broker wrote each record through, and one before what several tasks speak of was kept.
#[test]
fn the_command_of_the_page_brings_older_topics_right() {
    let brokers = Brokers::one().unwrap();
    let cluster = cluster(&brokers, "");
    let made = plans(&cluster, 4, Copies { replication: 1, flushed: true });
    let before = |plan: TopicPlan| {
        let left_out: &[&str] = match plan.name.as_str() {
            "pos.log" | "pos.dead" => &["flush.messages"],
            "pos.findings" => &["cleanup.policy", "retention.ms"],
            _ => &[],
        };
        let settings = plan.settings.into_iter().filter(|(name, _)| !left_out.contains(name));
        let compact = (left_out.len() == 2).then(|| ("cleanup.policy", "compact".to_owned()));
        TopicPlan { settings: settings.chain(compact).collect(), ..plan }
    };
    create_topics(&cluster, &made.into_iter().map(before).collect::<Vec<_>>()).unwrap();

    let tools = tempfile::tempdir().unwrap();
    let tool = |name: &str, line: &str| {
        let path = tools.path().join(name);
        fs::write(&path, format!("#!/bin/sh\nexec {line} \"$@\"\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    };
    tool("paidonce", env!("CARGO_BIN_EXE_paidonce-tested"));
    let packages = std::env::var(PACKAGES).unwrap();
    tool("kafka-configs.sh", &format!("java -XX:TieredStopAtLevel=1 -cp '{packages}/*' kafka.admin.ConfigCommand"));
    let (config, bootstrap) = (example_config(), brokers.bootstrap());
    let put_in = [("my/", config.to_str().unwrap()), ("HOST:PORT", &*bootstrap)];
    let command = command_of("docs/decisions/kafka-processes.md", "kafka-configs.sh", &put_in);
    let path = format!("{}:{}", tools.path().display(), std::env::var("PATH").unwrap());
    let (code, told) = ended(Command::new("sh").args(["-c", &command]).env("PATH", path));
    assert_eq!(code, Some(0), "{told}");
    let differences = compare_topics(&cluster, &plans(&cluster, 4, Copies { replication: 1, flushed: true })).unwrap();
    assert_eq!(differences, Comparison::default());
}
