//! A whole line on machines with troubles of their own: no space, no time, a clock that jumps, records that mean nothing.

use std::process::Command;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rustix::process::Signal;
use stream::kafka::{Cluster, DeadLetter, KafkaTransport, Received, Transport};
use tests::broker::Brokers;

use crate::load::Load;
use crate::plant::{PARTS, Plant};
use crate::replay::cluster;

/// Files may not grow above so many blocks of 512 bytes.
fn limited(blocks: u32) -> Option<String> {
    Some(format!("trap '' XFSZ; ulimit -f {blocks}"))
}

#[test]
fn a_disk_that_is_full_stops_tasks_and_nothing_else() {
    let load = Load::new();
    let brokers = Brokers::one().unwrap();
    let mut plant = Plant::new(&brokers.bootstrap(), &load.config(), "", 1);
    let full = ["normalize", "ledger"];
    plant.shell = limited(256);
    full.iter().for_each(|part| plant.start(part, 1));
    plant.shell = None;
    PARTS.iter().filter(|part| !full.contains(part)).for_each(|part| plant.start(part, 1));
    let mut intake = load.start(&plant);
    for part in full {
        plant.wait_for(part, 1, "File too large");
        plant.wait_for(part, 1, "task has stopped");
        assert!(!plant.log(part, 1).contains("panicked"), "{}", plant.log(part, 1));
        plant.end(part, 1, Signal::KILL);
        plant.start(part, 1);
    }
    assert_eq!(intake.wait(), Some(0), "{}", plant.log("intake", 1));
    load.expected.assert_same(&plant.exports(), "after disks were full");
    plant.end_all();
}

#[test]
fn a_stage_that_hardly_moves_is_waited_for() {
    let load = Load::new();
    let brokers = Brokers::one().unwrap();
    let mut plant = Plant::new(&brokers.bootstrap(), &load.config(), "", 1);
    plant.start_line();
    let mut intake = load.start(&plant);
    // It answers the group in time, and works a tenth of it.
    for _ in 0..25 {
        plant.signal("units", 1, Signal::STOP);
        std::thread::sleep(Duration::from_millis(900));
        plant.signal("units", 1, Signal::CONT);
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(intake.wait(), Some(0), "{}", plant.log("intake", 1));
    load.expected.assert_same(&plant.exports(), "with a slow stage");
    plant.end_all();
}

#[test]
fn clocks_that_jump_change_nothing() {
    let load = Load::new();
    let brokers = Brokers::one().unwrap();
    let mut plant = Plant::new(&brokers.bootstrap(), &load.config(), "", 1);
    let clock = plant.folder().join("clock.so");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O2", "-o"]).arg(&clock);
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kafka/clock.c");
    assert!(compiler.arg(source).arg("-ldl").status().unwrap().success());
    let jumps = Command::new("date").arg("+%s").env("LD_PRELOAD", &clock).output().unwrap();
    assert!(jumps.status.success() && jumps.stderr.is_empty(), "{jumps:?}");
    plant.shell = Some(format!("export LD_PRELOAD={}", clock.display()));
    plant.start_line();
    let mut intake = load.start(&plant);
    std::thread::sleep(Duration::from_secs(10));
    for part in PARTS {
        plant.end(part, 1, Signal::KILL);
        plant.start(part, 1);
    }
    assert_eq!(intake.wait(), Some(0), "{}", plant.log("intake", 1));
    load.expected.assert_same(&plant.exports(), "while clocks jumped");
    plant.end_all();
}

/// What a stranger may write to a topic of the line: bytes, nothing, and labels that look like ours.
fn strange(producer: &BaseProducer, topic: &str) -> u64 {
    let labels = [("o", &[0u8, 0, 0, 9, 200, 0, 0][..]), ("n", &[0, 0, 0, 0, 0, 0, 0, 1]), ("s", &[0; 8])];
    let labelled =
        labels.iter().fold(OwnedHeaders::new(), |all, (key, value)| all.insert(Header { key, value: Some(*value) }));
    let records: [(Option<&[u8]>, OwnedHeaders); 3] =
        [(Some(b"\xff\xfe no record"), OwnedHeaders::new()), (None, OwnedHeaders::new()), (Some(b"{}"), labelled)];
    for (value, headers) in records.iter().cloned() {
        let mut record = BaseRecord::<[u8], [u8]>::to(topic).partition(0).key(b"stranger").headers(headers);
        record.payload = value;
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(Duration::from_secs(30)).unwrap();
    records.len() as u64
}

/// Dead letters by the topic that they stood on.
fn letters(transport: &KafkaTransport, cluster: &Cluster) -> Vec<String> {
    let mut topics = Vec::new();
    for partition in 0..transport.partitions(&cluster.dead()).unwrap() {
        let visit =
            &mut |received: Received<'_>| topics.push(DeadLetter::decode(received.value.unwrap()).unwrap().topic);
        transport.read_to_end(&cluster.dead(), partition, 0, visit).unwrap();
    }
    topics
}

#[test]
fn records_of_strangers_are_put_aside() {
    let load = Load::new();
    let brokers = Brokers::one().unwrap();
    let mut plant = Plant::new(&brokers.bootstrap(), &load.config(), "", 1);
    let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", brokers.bootstrap()).create().unwrap();
    let hops = ["pos.feeds", "pos.rows", "pos.sales", "pos.entitlements", "pos.accruals"];
    let mut written = 0;
    let mut write = || written += hops.iter().map(|topic| strange(&producer, topic)).sum::<u64>();
    write();
    plant.start_line();
    let mut intake = load.start(&plant);
    std::thread::sleep(Duration::from_secs(3));
    write();
    assert_eq!(intake.wait(), Some(0), "{}", plant.log("intake", 1));
    load.expected.assert_same(&plant.exports(), "with records of strangers");
    plant.end_all();
    let (cluster, found) =
        (cluster(&brokers, ""), |letters: &[String], topic| letters.iter().filter(|l| *l == topic).count());
    let letters = letters(&KafkaTransport::new(&cluster).unwrap(), &cluster);
    assert_eq!(letters.len() as u64, written);
    assert!(hops.iter().all(|topic| found(&letters, *topic) == 6), "{letters:?}");
}
