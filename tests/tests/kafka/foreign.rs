//! Rows that others push to a topic: the same results as the same rows in files, each once, whatever is killed; and what
//! becomes of records that are no rows.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use cli::kafka::registry::{Compatibility, Registry};
use cli::run::batch::Span;
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::Value;
use stream::kafka::{Cluster, TopicPlan, create_topics, delete_records};
use tempfile::TempDir;
use tests::broker::{Brokers, CLUSTER_ID};
use tests::registry::SchemaRegistry;
use tests::seeded::Seeded;
use tests::site::{AS_OF, Site, copy_folder, example_config, example_feeds, files_below};
use tests::tables::Exports;

use crate::plant::{PARTS, Plant};

const TOPIC: &str = "albion.rows";
const PARTNER: &str = "albion";
/// What is judged by the whole of a file is left out, as on a topic.
const BY_ROW: &str = "period: { sources: [column] }\n";

/// The example, whose partner albion pushes rows in place of sending files.
struct World {
    scratch: TempDir,
    /// The partner's rows.
    rows: Vec<String>,
}

impl World {
    fn new() -> World {
        let scratch = tempfile::tempdir().unwrap();
        copy_folder(&example_feeds(), &scratch.path().join("feeds"));
        let own = scratch.path().join("feeds").join(PARTNER);
        let texts = files_below(&own).into_iter().map(|file| fs::read_to_string(file).unwrap());
        let rows = texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
        fs::remove_dir_all(own).unwrap();
        let world = World { scratch, rows };
        world.write_config("on-topic", |text| format!("topic: {TOPIC}\n{text}"));
        world.write_config("in-files", |text| format!("{BY_ROW}{text}"));
        world
    }

    /// A copy of the example's configuration with another feed definition of the partner.
    fn write_config(&self, name: &str, change: impl FnOnce(&str) -> String) {
        let config = self.scratch.path().join(name);
        fs::create_dir_all(&config).unwrap();
        for entry in fs::read_dir(example_config()).unwrap() {
            let path = entry.unwrap().path();
            let target = config.join(path.file_name().unwrap());
            match path.file_name().unwrap().to_str().unwrap() {
                "example" => {}
                _ if path.is_dir() => copy_folder(&path, &target),
                _ => {
                    fs::copy(path, target).unwrap();
                }
            }
        }
        let file = config.join("feeds").join(format!("{PARTNER}.yaml"));
        let text = fs::read_to_string(&file).unwrap();
        fs::write(file, change(&text)).unwrap();
    }

    fn config(&self) -> PathBuf {
        self.scratch.path().join("on-topic")
    }

    fn feeds(&self) -> PathBuf {
        self.scratch.path().join("feeds")
    }

    /// What the embedded engine makes of the same rows in files of these names; `lines` by partition and offset. Lines
    /// that stand in a file of dead letters stand in no other.
    fn embedded(&self, names: &[String], lines: &BTreeMap<(u16, u64), String>) -> Exports {
        let feeds = tempfile::tempdir().unwrap();
        copy_folder(&self.feeds(), feeds.path());
        let replayed: Vec<Span> = names.iter().filter_map(|name| Span::of(name)).filter(|span| span.again).collect();
        for name in names {
            let Span { partition, first, last, again, .. } = Span::of(name).unwrap();
            let elsewhere = |offset| !again && replayed.iter().any(|span| span.holds(TOPIC, partition, offset));
            let line =
                |offset| lines.get(&(partition, offset)).filter(|_| !elsewhere(offset)).map_or("", String::as_str);
            let text: String = (first..=last).map(|offset| format!("{}\n", line(offset))).collect();
            let path = feeds.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let site = Site::of(&self.scratch.path().join("in-files"));
        site.run(feeds.path(), Some(AS_OF));
        site.exports()
    }
}

/// Names of the files that the partner's rows came in, as the receipts say.
fn names(exports: &Exports) -> Vec<String> {
    let rows = exports.rows("receipts").into_iter().filter(|row| row["partner"] == PARTNER);
    rows.map(|row| row["file"].clone()).collect()
}

/// Every offset of a partition stands in one file.
fn assert_whole(names: &[String], counts: &[u64]) {
    for (partition, count) in (0..).zip(counts) {
        let mut spans: Vec<Span> = names.iter().filter_map(|name| Span::of(name)).collect();
        spans.retain(|span| span.partition == partition && !span.again);
        spans.sort_by_key(|span| span.first);
        let next = spans.iter().fold(0, |next, span| {
            assert_eq!(span.first, next, "{names:?}");
            span.last + 1
        });
        assert_eq!(next, *count, "{names:?}");
    }
}

/// Another team's producer.
struct Pusher {
    producer: BaseProducer,
    /// Records pushed to each partition.
    counts: Vec<u64>,
    /// What was pushed as a row, by partition and offset.
    lines: BTreeMap<(u16, u64), String>,
}

impl Pusher {
    /// Makes the topic.
    fn new(brokers: &Brokers, partitions: u16) -> Pusher {
        let bootstrap = brokers.bootstrap();
        let cluster = Cluster {
            brokers: bootstrap.clone(),
            prefix: String::new(),
            generation: 1,
            settings: Vec::new(),
            id: CLUSTER_ID.into(),
        };
        let plan = TopicPlan { name: TOPIC.to_owned(), partitions, replication: 1, settings: Vec::new() };
        create_topics(&cluster, &[plan]).unwrap();
        let producer = ClientConfig::new().set("bootstrap.servers", bootstrap).create().unwrap();
        Pusher { producer, counts: vec![0; usize::from(partitions)], lines: BTreeMap::new() }
    }

    /// Pushes a record that is none of the expected rows; returns its offset.
    fn push(&mut self, partition: u16, value: Option<&[u8]>, headers: &[(&str, &str)]) -> u64 {
        let mut record = BaseRecord::<[u8], [u8]>::to(TOPIC).partition(partition.into()).key(b"key");
        record.payload = value;
        let add = |all: OwnedHeaders, (key, value): &(&str, &str)| all.insert(Header { key, value: Some(*value) });
        record.headers = Some(headers.iter().fold(OwnedHeaders::new(), add));
        self.producer.send(record).map_err(|(error, _)| error).unwrap();
        let count = &mut self.counts[usize::from(partition)];
        *count += 1;
        *count - 1
    }

    /// Pushes a row, of which `line` is expected.
    fn push_row(&mut self, partition: u16, value: &[u8], line: &str) {
        let offset = self.push(partition, Some(value), &[]);
        self.lines.insert((partition, offset), line.to_owned());
    }

    fn flush(&self) {
        self.producer.flush(Duration::from_secs(30)).unwrap();
    }
}

#[test]
fn rows_on_a_topic_become_what_their_files_become() {
    let world = World::new();
    let brokers = Brokers::one().unwrap();
    let mut pusher = Pusher::new(&brokers, 3);
    for (n, row) in world.rows.iter().enumerate() {
        pusher.push_row((n / 400 % 3) as u16, row.as_bytes(), row);
    }
    pusher.flush();
    let mut plant = Plant::new(&brokers.bootstrap(), &world.config(), "", 1);
    plant.start_line();
    plant.take_in(&world.feeds(), AS_OF);
    let exports = plant.exports();
    plant.end_all();
    let names = names(&exports);
    assert_whole(&names, &pusher.counts);
    let expected = world.embedded(&names, &pusher.lines);
    assert!(expected.rows("rejects").iter().chain(&expected.rows("findings")).any(|row| row["file"] == names[0]));
    expected.assert_same(&exports, "of a topic");
}

#[test]
fn rows_are_neither_lost_nor_doubled_when_the_intake_is_killed() {
    let world = World::new();
    let brokers = Brokers::one().unwrap();
    let mut pusher = Pusher::new(&brokers, 1);
    let mut plant = Plant::new(&brokers.bootstrap(), &world.config(), "", 1);
    plant.start_line();
    let (mut random, mut killed) = (Seeded(2_013), 0);
    for (n, rows) in world.rows.chunks(world.rows.len() / 12).enumerate() {
        rows.iter().for_each(|row| pusher.push_row(0, row.as_bytes(), row));
        pusher.flush();
        // Time stands still until all is in.
        let mut intake = plant.intake(&world.feeds(), &[]);
        if n % 4 == 0 {
            assert_eq!(intake.wait(), Some(0), "{}", plant.log("intake", 1));
            continue;
        }
        std::thread::sleep(Duration::from_millis(random.below(2_500) as u64));
        killed += u32::from(intake.kill());
        if n == 6 {
            plant.wipe_intake();
        }
    }
    plant.take_in(&world.feeds(), AS_OF);
    let exports = plant.exports();
    plant.end_all();
    let names = names(&exports);
    println!("{killed} kills, {} files", names.len());
    assert!(killed > 3 && names.len() > 3, "{killed} kills, {names:?}");
    assert_whole(&names, &pusher.counts);
    world.embedded(&names, &pusher.lines).assert_same(&exports, "after kills");
}

#[test]
fn rows_of_a_topic_stay_what_they_are_in_the_next_generation_though_the_topic_has_them_no_longer() {
    let world = World::new();
    let brokers = Brokers::one().unwrap();
    let mut pusher = Pusher::new(&brokers, 1);
    world.rows.iter().for_each(|row| pusher.push_row(0, row.as_bytes(), row));
    pusher.flush();
    let mut plant = Plant::new(&brokers.bootstrap(), &world.config(), "", 1);
    plant.start_line();
    plant.take_in(&world.feeds(), AS_OF);
    let first = plant.exports();
    plant.end_all();
    delete_records(&plant.cluster(), TOPIC, 0, pusher.counts[0]).unwrap();
    plant.wipe_intake();
    plant.begin_next_generation(&world.config());
    PARTS.iter().for_each(|part| plant.start(part, 2));
    plant.take_in(&world.feeds(), AS_OF);
    first.assert_same(&plant.exports(), "of the next generation");
    // What comes later is read behind what was taken.
    pusher.push_row(0, world.rows[0].as_bytes(), &world.rows[0]);
    pusher.flush();
    plant.take_in(&world.feeds(), AS_OF);
    let names = names(&plant.exports());
    assert_whole(&names, &pusher.counts);
    plant.end_all();
}

const ROW_SCHEMA: &str = r#"{"type": "record", "name": "Row", "namespace": "albion", "fields": [
    {"name": "event", "type": {"type": "enum", "name": "Event", "symbols": ["SALE", "RETURN"]}},
    {"name": "doc", "type": {"type": "record", "name": "Doc", "fields": [
        {"name": "number", "type": "string"},
        {"name": "line", "type": "int"},
        {"name": "issued_at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "reverses", "type": ["null", "string"], "default": null}]}},
    {"name": "item", "type": {"type": "record", "name": "Item", "fields": [
        {"name": "code", "type": "string"}, {"name": "title", "type": "string"}]}},
    {"name": "quantity", "type": "long"},
    {"name": "unitPrice", "type": {"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": 4}},
    {"name": "lineTotal", "type": {"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": 4}},
    {"name": "ccy", "type": "string"},
    {"name": "site", "type": {"type": "record", "name": "Site", "fields": [
        {"name": "id", "type": "string"}, {"name": "name", "type": "string"}]}},
    {"name": "soldBy", "type": "string"}]}"#;

/// A row in Confluent's frame, written by hand after the specification of Avro.
fn avro(id: u32, row: &str) -> Vec<u8> {
    let row: Value = serde_json::from_str(row).unwrap();
    let mut bytes = [&[0][..], &id.to_be_bytes()].concat();
    let text = |bytes: &mut Vec<u8>, value: &Value| {
        let text = value.as_str().unwrap();
        long(bytes, text.len() as i64);
        bytes.extend_from_slice(text.as_bytes());
    };
    let decimal = |bytes: &mut Vec<u8>, value: &Value| {
        let unscaled = contract::Micros::parse(&value.to_string()).unwrap().0 / 100;
        long(bytes, 8);
        bytes.extend_from_slice(&unscaled.to_be_bytes());
    };
    long(&mut bytes, i64::from(row["event"] == "RETURN"));
    let doc = &row["doc"];
    text(&mut bytes, &doc["number"]);
    long(&mut bytes, doc["line"].as_i64().unwrap());
    let day = contract::Day::parse(&doc["issued_at"].as_str().unwrap()[..10]).unwrap();
    long(&mut bytes, i64::from(day.0) * 86_400_000);
    match &doc["reverses"] {
        Value::Null => long(&mut bytes, 0),
        number => {
            long(&mut bytes, 1);
            text(&mut bytes, number);
        }
    }
    text(&mut bytes, &row["item"]["code"]);
    text(&mut bytes, &row["item"]["title"]);
    long(&mut bytes, row["quantity"].as_i64().unwrap());
    decimal(&mut bytes, &row["unitPrice"]);
    decimal(&mut bytes, &row["lineTotal"]);
    text(&mut bytes, &row["ccy"]);
    text(&mut bytes, &row["site"]["id"]);
    text(&mut bytes, &row["site"]["name"]);
    text(&mut bytes, &row["soldBy"]);
    bytes
}

/// Zigzag, then seven bits a byte.
fn long(bytes: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}

/// All that can be compared when the bytes of files differ.
fn apart_from_bytes(exports: &Exports) -> Exports {
    let mut rest = exports.clone();
    rest.0.remove("audit");
    let mut receipts = exports.rows("receipts");
    receipts.iter_mut().for_each(|row| row.retain(|column, _| column != "sha256" && column != "bytes"));
    rest.0.insert("receipts".to_owned(), receipts.iter().map(|row| format!("{row:?}\n")).collect());
    rest
}

#[test]
fn rows_in_avro_become_what_rows_in_json_become() {
    let world = World::new();
    let brokers = Brokers::one().unwrap();
    let registry = SchemaRegistry::start().unwrap();
    let known = Registry::new(&registry.url()).unwrap();
    let id = known.id("albion.rows-value", ROW_SCHEMA, Compatibility::BackwardTransitive).unwrap();
    let mut pusher = Pusher::new(&brokers, 1);
    for (n, row) in world.rows.iter().enumerate() {
        // Some senders have not moved to Avro yet.
        let value = if n % 10 == 0 { row.clone().into_bytes() } else { avro(id, row) };
        pusher.push_row(0, &value, row);
    }
    pusher.flush();
    let mut plant = Plant::new(&brokers.bootstrap(), &world.config(), "", 1).with_registry(&registry.url());
    plant.start_line();
    plant.take_in(&world.feeds(), AS_OF);
    let exports = plant.exports();
    plant.end_all();
    let names = names(&exports);
    assert_whole(&names, &pusher.counts);
    let expected = world.embedded(&names, &pusher.lines);
    apart_from_bytes(&expected).assert_same(&apart_from_bytes(&exports), "in Avro");
}

/// What `replay` says, a line for each letter.
fn replay(plant: &Plant, arguments: &[&str]) -> Vec<String> {
    let output = plant.command(&["replay"]).args(arguments).stdout(std::process::Stdio::piped()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn records_that_are_no_rows_are_dead_letters_until_they_can_be_read() {
    let world = World::new();
    let brokers = Brokers::one().unwrap();
    let registry = SchemaRegistry::start().unwrap();
    let known = Registry::new(&registry.url()).unwrap();
    let id = known.id("albion.rows-value", ROW_SCHEMA, Compatibility::BackwardTransitive).unwrap();
    let mut pusher = Pusher::new(&brokers, 1);
    let (avro_rows, rows) = world.rows.split_at(3);
    pusher.push_row(0, rows[0].as_bytes(), &rows[0]);
    let not_json = pusher.push(0, Some(b"document;line;date"), &[("trace", "abc")]);
    let first_avro = avro_rows.iter().map(|row| pusher.push(0, Some(&avro(id, row)), &[])).min().unwrap();
    let unknown = pusher.push(0, Some(&avro(9_999, &avro_rows[0])), &[]);
    let no_value = pusher.push(0, None, &[]);
    let too_large = pusher.push(0, Some(format!("\"{}\"", "x".repeat(70_000)).as_bytes()), &[]);
    rows[1..].iter().for_each(|row| pusher.push_row(0, row.as_bytes(), row));
    let at_the_end = pusher.push(0, Some(b"{"), &[]);
    pusher.flush();

    // Without a registry nothing in Avro can be read.
    let mut plant = Plant::new(&brokers.bootstrap(), &world.config(), "", 1);
    plant.start_line();
    let mut intake = plant.intake(&world.feeds(), &[]);
    assert_eq!(intake.wait(), Some(1), "dead letters are something to see to");
    let letters = replay(&plant, &[]);
    let offsets = [not_json, first_avro, first_avro + 1, first_avro + 2, unknown, no_value, too_large, at_the_end];
    assert_eq!(letters.len(), offsets.len(), "{letters:#?}");
    for (letter, offset) in letters.iter().zip(offsets) {
        let start = format!("{TOPIC}, partition 0, offset {offset}: ");
        assert!(letter.starts_with(&start) && letter.ends_with("; still so"), "{letter}");
    }
    let files = |folder: &PathBuf| files_below(folder).len();
    let (feeds, url) = (world.feeds(), registry.url());
    let before = files(&feeds);
    let with_registry = ["--registry", &url, "--feeds", feeds.to_str().unwrap()];
    let letters = replay(&plant, &with_registry);
    let takeable = |letters: &[String]| letters.iter().filter(|told| told.ends_with("; can be taken now")).count();
    assert_eq!((takeable(&letters), files(&feeds)), (3, before), "{letters:#?}");
    assert!(letters[4].contains("knows no schema 9999"), "{letters:#?}");

    let apply = [&with_registry[..], &["--apply"]].concat();
    replay(&plant, &apply);
    assert_eq!(files(&feeds), before + 1);
    let letters = replay(&plant, &apply);
    assert_eq!((takeable(&letters), files(&feeds)), (0, before + 1), "{letters:#?}");
    plant.take_in(&feeds, AS_OF);
    let exports = plant.exports();
    plant.end_all();

    // The log alone says it too.
    let replayed = format!("{PARTNER}/{TOPIC}@0/replay-{first_avro:012}-{:012}.jsonl", first_avro + 2);
    fs::remove_file(feeds.join(&replayed)).unwrap();
    let letters = replay(&plant, &apply);
    assert!(letters[1].ends_with(&format!("was taken in again as {replayed}")), "{letters:#?}");
    assert_eq!((takeable(&letters), files(&feeds)), (0, before));

    let names = names(&exports);
    assert_eq!(names.len(), 2, "{names:?}");
    pusher.lines.extend((first_avro..).zip(avro_rows).map(|(offset, row)| ((0, offset), row.clone())));
    let expected = world.embedded(&names, &pusher.lines);
    apart_from_bytes(&expected).assert_same(&apart_from_bytes(&exports), "after a replay");
}

#[test]
fn a_record_id_that_comes_again_counts_once() {
    let world = World::new();
    world.write_config("on-topic", |text| {
        format!("topic: {TOPIC}\n{}", text.replace("  document_line: doc.line\n", ""))
    });
    let brokers = Brokers::one().unwrap();
    let mut pusher = Pusher::new(&brokers, 2);
    let rows = &world.rows[..20];
    for (n, row) in rows.iter().enumerate() {
        let id = format!("row-{n}");
        // The sender is not sure, and sends every other one again: at once, or later on another partition.
        let partitions: &[u16] = match n % 4 {
            0 => &[0, 0],
            2 => &[0, 1],
            _ => &[0],
        };
        for partition in partitions {
            pusher.push(*partition, Some(row.as_bytes()), &[("record-id", &id)]);
        }
    }
    // Two records that say the same, each with a place of its own.
    for _ in 0..2 {
        pusher.push(1, Some(world.rows[20].as_bytes()), &[]);
    }
    pusher.flush();
    let mut plant = Plant::new(&brokers.bootstrap(), &world.config(), "", 1);
    plant.start_line();
    plant.take_in(&world.feeds(), AS_OF);
    let exports = plant.exports();
    plant.end_all();
    let sum = |column: &str| -> u64 {
        let receipts = exports.rows("receipts").into_iter().filter(|row| row["partner"] == PARTNER);
        receipts.map(|row| row[column].parse::<u64>().unwrap()).sum()
    };
    assert_eq!((sum("records"), sum("accepted"), sum("duplicate")), (32, 22, 10));
}
