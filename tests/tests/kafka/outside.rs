//! What other teams read from the topics, each with the libraries of its own language, is what the exports say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use contract::Micros;
use contract::topics::VIEWS;
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::Value;
use tests::broker::Brokers;
use tests::registry::SchemaRegistry;
use tests::seeded::Seeded;
use tests::site::{AS_OF, copy_folder, example_config, example_feeds, root};
use tests::tables::{Exports, Row, number};

use crate::load::Load;
use crate::plant::{PARTS, Plant};

const TOPICS: [&str; 4] = ["pos.movements", "pos.authorizations", "pos.findings", "pos.journal"];

/// What a reader printed, by topic and key.
type Seen = BTreeMap<(String, String), Value>;

/// Names the folder with the libraries of readers outside.
fn libraries() -> PathBuf {
    PathBuf::from(std::env::var_os("PAIDONCE_READERS").expect("start the tests by ./dev"))
}

fn python(brokers: &str) -> Command {
    let mut command = Command::new(libraries().join("python/bin/python"));
    command.arg(root().join("tests/readers/python/reader.py")).args(["--brokers", brokers]);
    command
}

fn java(brokers: &str, registry: &SchemaRegistry) -> Command {
    let mut command = Command::new("java");
    command.args(["-XX:TieredStopAtLevel=1", "-cp"]).arg(libraries().join("java/*"));
    command.arg(root().join("tests/readers/java/Reader.java")).args([brokers, &registry.own_url()]);
    command
}

fn read(mut command: Command, topics: &[String]) -> Seen {
    let output = command.args(topics).stdin(Stdio::null()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    eprint!("{told}");
    let lines = String::from_utf8(output.stdout).unwrap();
    let record = |line: &str| {
        let mut record: Value = serde_json::from_str(line).unwrap();
        let text = |part: &Value| part.as_str().unwrap().to_owned();
        ((text(&record["topic"]), text(&record["key"])), record["value"].take())
    };
    lines.lines().map(record).collect()
}

/// What is read here, and the export that holds the same with the column of its ids.
const EXPORTED: [(&str, &str, &str); 3] = [
    ("pos.authorizations", "authorizations", "authorization_id"),
    ("pos.findings", "findings", "finding_id"),
    ("pos.journal", "journal", "entry_id"),
];

/// A reader of another team, with a client and a language of its own, reads all views of a line that is done: no writer's
/// numbers have a gap, nothing came again and differed, and what stands is what is exported, each once.
pub fn assert_seen_outside(plant: &Plant, exports: &Exports) {
    let cluster = plant.cluster();
    let views: Vec<String> = VIEWS.iter().map(|view| cluster.topic(view.name)).collect();
    let mut reader = python(&cluster.brokers);
    reader.arg("--strict");
    let seen = read(reader, &views);
    for (topic, export, column) in EXPORTED {
        let topic = cluster.topic(topic);
        let stand = seen.keys().filter(|(of, _)| *of == topic).map(|(_, key)| key.clone());
        let exported = exports.rows(export).into_iter().map(|mut row| row.remove(column).unwrap());
        assert_eq!(stand.collect::<BTreeSet<_>>(), exported.collect::<BTreeSet<_>>(), "{topic}");
    }
}

fn of<'s>(seen: &'s Seen, topic: &'s str) -> impl Iterator<Item = &'s Value> {
    seen.iter().filter(move |((of, _), _)| of == topic).map(|(_, value)| value)
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap_or_else(|| panic!("{field} is no text in {value}"))
}

fn amount(value: &Value, field: &str) -> Micros {
    Micros::parse(text(value, field)).unwrap()
}

/// The rows of an export by their first column.
fn by_id<'r>(rows: &'r [Row], column: &str) -> BTreeMap<&'r str, Vec<&'r Row>> {
    let mut by_id = BTreeMap::<_, Vec<_>>::new();
    rows.iter().for_each(|row| by_id.entry(row[column].as_str()).or_default().push(row));
    by_id
}

fn assert_as_exported(seen: &Seen, exports: &Exports) {
    let rows = exports.rows("authorizations");
    let authorizations = by_id(&rows, "authorization_id");
    assert_eq!(of(seen, "pos.authorizations").count(), authorizations.len());
    for value in of(seen, "pos.authorizations") {
        let row = authorizations[text(value, "id")][0];
        for (column, field) in [("amount", "amount"), ("paid", "paid"), ("offset", "offset")] {
            assert_eq!(number(&row[column]), amount(value, field), "{row:?}");
        }
        for name in ["program", "beneficiary", "period", "currency", "decided_by", "date"] {
            assert_eq!(row[name], text(value, name));
        }
        assert_eq!(row["status"], text(value, "status").to_lowercase());
    }

    let rows = exports.rows("findings");
    let findings = by_id(&rows, "finding_id");
    assert_eq!(of(seen, "pos.findings").count(), findings.len());
    for value in of(seen, "pos.findings") {
        let row = findings[text(value, "id")][0];
        assert_eq!((row["code"].as_str(), row["message"].as_str()), (text(value, "code"), text(value, "message")));
        assert_eq!(row["partner"], text(&value["at"], "partner"));
    }

    let rows = exports.rows("journal");
    let entries = by_id(&rows, "entry_id");
    assert_eq!(of(seen, "pos.journal").count(), entries.len());
    for value in of(seen, "pos.journal") {
        let line = |side: &str, amount: Micros, symbol: &str| (side.to_lowercase(), amount, symbol.to_owned());
        let postings = value["postings"].as_array().unwrap().iter();
        let mut read: Vec<_> =
            postings.map(|p| line(text(p, "side"), amount(p, "amount"), text(p, "symbol"))).collect();
        let rows = &entries[text(value, "id")];
        let mut exported: Vec<_> =
            rows.iter().map(|row| line(&row["side"], number(&row["amount"]), &row["symbol"])).collect();
        read.sort();
        exported.sort();
        assert_eq!(read, exported);
    }

    // Movements are by month and settlement, exported accruals by sale: their sums agree.
    let mut due = BTreeMap::new();
    for row in exports.rows("accruals") {
        let settlement = ["program", "version", "beneficiary", "period", "currency"].map(|name| row[name].clone());
        *due.entry(settlement).or_insert(0) += number(&row["amount"]).0;
    }
    for value in of(seen, "pos.movements") {
        let settlement = &value["settlement"];
        let [program, beneficiary, period, currency] =
            ["program", "beneficiary", "period", "currency"].map(|name| text(settlement, name).to_owned());
        let settlement = [program, settlement["version"].to_string(), beneficiary, period, currency];
        *due.get_mut(&settlement).expect("the settlement is exported") -= amount(value, "amount").0;
    }
    assert!(due.values().all(|left| *left == 0), "{due:?}");
}

#[test]
fn readers_in_python_and_java_see_what_is_exported() {
    let brokers = Brokers::one().unwrap();
    let registry = SchemaRegistry::start().unwrap();
    let mut plant = Plant::new(&brokers.bootstrap(), &example_config(), "", 1).with_registry(&registry.url());
    write_strange(&brokers, "pos.sales");
    plant.start_line();
    plant.take_in(&example_feeds(), AS_OF);
    let exports = plant.exports();
    plant.end_all();
    let topics = TOPICS.map(str::to_owned);
    let python = |topics: &[String]| {
        let mut reader = python(&brokers.bootstrap());
        reader.args(["--registry", &registry.url()]);
        read(reader, topics)
    };
    let seen = python(&topics);
    assert_as_exported(&seen, &exports);
    assert_eq!(seen, read(java(&brokers.bootstrap(), &registry), &topics), "both languages read the same");
    // Dead letters too.
    let letters = python(&["pos.dead".to_owned()]);
    let (_, letter) = letters.into_iter().next().expect("a stranger has written");
    let expected = serde_json::json!({
        "topic": "pos.sales", "partition": 0, "offset": 0, "why": "no task of this line wrote it",
        "key": "6b", "value": "ff00", "headers": [{"name": "h", "value": "01"}], "cut": null,
    });
    assert_eq!(letter, expected);
}

/// Somebody writes a record that means nothing to a topic of the line.
fn write_strange(brokers: &Brokers, topic: &str) {
    let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", brokers.bootstrap()).create().unwrap();
    let headers = OwnedHeaders::new().insert(Header { key: "h", value: Some(&[1u8]) });
    let record = BaseRecord::to(topic).partition(0).key(b"k").payload(b"\xff\x00").headers(headers);
    producer.send(record).map_err(|(error, _)| error).unwrap();
    producer.flush(Duration::from_secs(30)).unwrap();
}

/// Each entry balances, whenever one looks.
fn assert_balanced(seen: &Seen) {
    for entry in of(seen, "pos.journal") {
        let mut sums = BTreeMap::new();
        for posting in entry["postings"].as_array().unwrap() {
            let sign = if text(posting, "side").eq_ignore_ascii_case("debit") { 1 } else { -1 };
            *sums.entry(text(posting, "currency")).or_insert(0) += sign * amount(posting, "amount").0;
        }
        assert!(sums.values().all(|sum| *sum == 0), "{entry}");
    }
}

/// Tells others that something is over, also where it ended in a panic.
struct Ended<'o>(&'o AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Partners come in one after the other, so that there is something to read from early on.
#[test]
fn a_reader_outside_sees_each_thing_once_while_processes_are_killed() {
    let load = Load::new();
    let (brokers, registry) = (Brokers::one().unwrap(), SchemaRegistry::start().unwrap());
    let mut plant = Plant::new(&brokers.bootstrap(), &load.config(), "", 1).with_registry(&registry.url());
    plant.start_line();
    let topics = TOPICS.map(str::to_owned);
    let strict = || {
        let mut reader = python(&brokers.bootstrap());
        reader.args(["--registry", &registry.url(), "--strict"]);
        read(reader, &topics)
    };
    let (over, mut random) = (AtomicBool::new(false), Seeded(7));
    let readings = std::thread::scope(|scope| {
        let ended = Ended(&over);
        let reader = scope.spawn(|| {
            let mut readings = Vec::new();
            while !over.load(Ordering::Relaxed) {
                readings.push(strict());
            }
            readings
        });
        for partner in load.partners() {
            let feeds = plant.folder().join("feeds");
            copy_folder(&load.feeds().join(&partner), &feeds.join(&partner));
            plant.take_in_timeless(&feeds);
            for _ in 0..2 {
                plant.kill_and_start(random.below(PARTS.len()));
                std::thread::sleep(Duration::from_millis(random.below(1_000) as u64));
            }
        }
        load.withstand(&mut plant, "processes are killed under the eyes of a reader outside", |plant, _| {
            for index in 0..PARTS.len() {
                plant.kill_and_start(index);
                std::thread::sleep(Duration::from_millis(random.below(1_000) as u64));
            }
        });
        drop(ended);
        reader.join().unwrap()
    });
    let seen = strict();
    assert_as_exported(&seen, &plant.exports());
    plant.end_all();
    readings.iter().for_each(assert_balanced);
    let early = readings.iter().filter(|reading| !reading.is_empty() && **reading != seen).count();
    assert!(early > 0, "{} readings, none of them under way", readings.len());
    println!("{} readings while processes were killed, {early} of a line under way", readings.len());
}
