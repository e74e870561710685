//! The intake's publisher, and logs that are not the one it has published from.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use stream::kafka::{
    Cluster, Desk, INTAKE, Mark, OlderLog, Origin, Plain, Publisher, Silent, Stop, TaskError, TaskId, TaskOptions,
    Transport, Wire, log_partition, older_log, place_of, published_log,
};

use crate::faults::Fate;
use crate::memory::Memory;
use crate::world::{GENERATION, MARKS, cluster, log};

const PARTITIONS: u16 = 2;
const TASK: TaskId = TaskId { stage: INTAKE, partition: 0 };

fn memory() -> Memory {
    let memory = log(PARTITIONS, &Fate::kind());
    memory.create("t.log", PARTITIONS, true);
    memory
}

fn desk(memory: &Memory, cluster: Cluster, logic: RangeInclusive<u32>) -> Desk<Vec<u8>, Memory> {
    Desk {
        cluster: Arc::new(cluster),
        topics: ("texts".into(), "log".into()),
        partitions: PARTITIONS,
        logic,
        config: [1; 32],
        item: Arc::new(Plain) as Arc<dyn Wire<Vec<u8>>>,
        control: Arc::new(Plain),
        dead: Arc::new(Plain),
        options: Arc::new(TaskOptions::new("nowhere")),
        transport: Arc::new(memory.clone()),
        observer: Arc::new(Silent),
    }
}

fn open(memory: &Memory) -> Publisher<Vec<u8>, Memory> {
    Publisher::open(&desk(memory, cluster(), 1..=1), &BTreeMap::new()).unwrap()
}

/// An entry with the one record that it leads to, by its route.
fn publish(publisher: &mut Publisher<Vec<u8>, Memory>, entry: &str, route: u64) -> Result<(), TaskError> {
    publisher.entry(entry.as_bytes())?;
    let place = place_of(publisher.entries(), 1);
    publisher.record(place, 0, route, &format!("record of {entry}").into_bytes())
}

fn published(memory: &Memory) -> Vec<Vec<u8>> {
    published_log(memory, &cluster(), "log", PARTITIONS).unwrap()
}

fn is_other_log<T>(ended: Result<T, TaskError>) -> bool {
    matches!(ended, Err(TaskError::Stop(Stop::OtherLog { .. })))
}

/// A log of which all but one record of the last transaction tore: neither its entry nor its mark was ever seen.
fn torn() -> Memory {
    let memory = memory();
    let mut publisher = open(&memory);
    publish(&mut publisher, "one", 0).unwrap();
    publisher.commit().unwrap();
    let marks = Mark::partition(TASK, MARKS);
    let (_, end) = memory.bounds("t.pos.marks", marks).unwrap();
    publish(&mut publisher, "two", 0).unwrap();
    publisher.commit().unwrap();
    memory.cut("t.pos.marks", marks, end);
    let origin = Origin { generation: GENERATION, task: TASK };
    assert_eq!(memory.tear("t.log", log_partition(2, PARTITIONS), origin, 1), 1);
    assert_eq!(published(&memory), [b"one"]);
    memory
}

#[test]
fn the_log_that_a_torn_transaction_was_of_leads_on() {
    let memory = torn();
    let mut publisher = open(&memory);
    assert_eq!(publisher.entries(), 1);
    publish(&mut publisher, "two", 0).unwrap();
    publisher.meets_all_seen().unwrap();
    publisher.commit().unwrap();
    assert_eq!(published(&memory), [b"one", b"two"]);
    assert_eq!(memory.records("t.texts", 0).len(), 2, "what could be seen was not sent again");
}

#[test]
fn a_log_that_does_not_lead_to_what_can_be_seen_is_not_gone_on_with() {
    // Its disk is lost, and what would be planned next may be something else.
    let publisher = open(&torn());
    assert!(is_other_log(publisher.meets_all_seen()));
    // Where it is, it is told at its first record in the place of one that can be seen.
    let memory = torn();
    let mut publisher = open(&memory);
    assert!(is_other_log(publish(&mut publisher, "other", 0)));
    drop(publisher);
    let mut publisher = open(&memory);
    publish(&mut publisher, "elsewhere", 1).unwrap();
    assert!(is_other_log(publisher.meets_all_seen()));
    drop(publisher);
    // What it left open goes when the next one comes.
    assert_eq!(open(&memory).entries(), 1);
    assert_eq!(published(&memory), [b"one"]);
}

#[test]
fn the_newest_older_generation_that_has_a_log_hands_it_on() {
    let memory = memory();
    let mut publisher = open(&memory);
    ["one", "two", "three"].iter().for_each(|entry| publish(&mut publisher, entry, 0).unwrap());
    publisher.commit().unwrap();
    let entries = published(&memory);
    assert_eq!(entries.len(), 3);
    let older = |generation, logic: RangeInclusive<u32>| {
        older_log(&memory, &Cluster { generation, ..cluster() }, "log", &logic)
    };
    assert_eq!(older(1, 1..=1).unwrap(), None, "there is none before the first");
    // The second was never begun.
    assert_eq!(older(3, 1..=1).unwrap(), Some(OlderLog { generation: 1, entries }));
    let Err(TaskError::Stop(stop)) = older(2, 2..=3) else { panic!("it is of a logic that is not known") };
    assert_eq!(stop, Stop::OldLogic { mark: 1, oldest: 2 });

    // One with topics of its own that has published nothing yet is passed over, one that has is the newest.
    let second = Cluster { generation: 2, ..cluster() };
    for topic in ["texts", "log", "pos.dead"] {
        memory.create(&second.topic(topic), 5, true);
    }
    memory.create(&second.marks(), MARKS, true);
    assert_eq!(older(3, 1..=1).unwrap().unwrap().generation, 1);
    let desk = Desk { partitions: 5, ..desk(&memory, second, 1..=1) };
    let mut publisher = Publisher::open(&desk, &BTreeMap::new()).unwrap();
    publish(&mut publisher, "another one", 4).unwrap();
    publisher.commit().unwrap();
    assert_eq!(older(3, 1..=1).unwrap(), Some(OlderLog { generation: 2, entries: vec![b"another one".to_vec()] }));
}
