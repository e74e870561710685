//! The same input again, on topics of other names: every record that any task publishes is the same, byte by byte.

use std::collections::BTreeMap;

use contract::topics::{HOPS, VIEWS};
use stream::kafka::{Cluster, INTAKE, KafkaTransport, Label, Mark, Received, Sending, TaskId, Transport, Writer};
use tests::broker::Brokers;
use tests::site::{AS_OF, Site, example_config, example_feeds};

use crate::plant::Plant;

/// What a record is, without its place.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    label: Label,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
}

/// By topic, partition and writer: its records in order, each once.
type Published = BTreeMap<(String, u16, TaskId), BTreeMap<u64, Told>>;

fn cluster(brokers: &Brokers, prefix: &str) -> Cluster {
    Cluster { brokers: brokers.bootstrap(), prefix: prefix.into(), generation: 1, settings: Vec::new() }
}

fn told(received: &Received<'_>) -> Option<Told> {
    let label = received.label?.clone();
    Some(Told { label, key: received.key.map(<[u8]>::to_vec), value: received.value.map(<[u8]>::to_vec) })
}

/// Everything on the topics of the line; a record that was sent again must be the same again.
fn published(transport: &KafkaTransport, cluster: &Cluster) -> Published {
    let mut published = Published::new();
    for name in HOPS.iter().chain(VIEWS).map(|topic| topic.name) {
        let topic = cluster.topic(name);
        for partition in 0..transport.partitions(&topic).unwrap() {
            let visit = &mut |received: Received<'_>| {
                let told = told(&received).expect("every record is ours");
                let of_writer = published.entry((name.to_owned(), partition, told.label.origin.task)).or_default();
                let first = of_writer.entry(told.label.number).or_insert_with(|| told.clone());
                assert_eq!(*first, told, "{name}, partition {partition}");
            };
            transport.read_to_end(&topic, partition, 0, visit).unwrap();
        }
    }
    for ((topic, partition, writer), records) in &published {
        let last = *records.keys().last().unwrap();
        assert_eq!(last, records.len() as u64, "{writer} has gaps in {topic}, partition {partition}");
    }
    published
}

/// Writes the first stage's input as it stands, with the intake's mark, under another prefix.
fn copy_input(transport: &KafkaTransport, from: &Cluster, to: &Cluster) {
    let mut writer = transport.writer("copy", 1).unwrap();
    let mut send = |topic: &str, partition: u16, told: &Told, label: bool| {
        let Told { key, value, .. } = told;
        let (key, value, label) = (key.as_deref(), value.as_deref(), label.then_some(&told.label));
        writer.send(Sending { topic, partition, key, value, label, slot: 0 }).unwrap();
    };
    let (source, target) = (from.topic(HOPS[0].name), to.topic(HOPS[0].name));
    for partition in 0..transport.partitions(&source).unwrap() {
        let visit = &mut |received: Received<'_>| send(&target, partition, &told(&received).unwrap(), true);
        transport.read_to_end(&source, partition, 0, visit).unwrap();
    }
    let intake = TaskId { stage: INTAKE, partition: 0 };
    let partitions = transport.partitions(&from.marks()).unwrap();
    let partition = Mark::partition(intake, partitions);
    let mut mark = None;
    let visit = &mut |received: Received<'_>| {
        if received.key == Some(&Mark::key(1, intake)) {
            mark = received.value.map(<[u8]>::to_vec);
        }
    };
    transport.read_to_end(&from.marks(), partition, 0, visit).unwrap();
    let (key, value) = (Mark::key(1, intake), mark.expect("the intake has a mark"));
    let topic = to.marks();
    let (key, value) = (Some(key.as_slice()), Some(value.as_slice()));
    writer.send(Sending { topic: &topic, partition, key, value, label: None, slot: 0 }).unwrap();
    writer.commit().unwrap();
}

#[test]
fn a_replay_publishes_the_same_bytes() {
    let brokers = Brokers::one().unwrap();
    let mut first = Plant::new(&brokers.bootstrap(), &example_config(), "first.", 1);
    first.start_line();
    first.take_in(&example_feeds(), AS_OF);
    let exports = first.exports();
    first.end_all();

    let mut second = Plant::new(&brokers.bootstrap(), &example_config(), "second.", 1);
    let (from, to) = (cluster(&brokers, "first."), cluster(&brokers, "second."));
    let transport = KafkaTransport::new(&from).unwrap();
    copy_input(&transport, &from, &to);
    second.share_blobs(&first);
    second.start_line();
    second.drain();
    let (one, other) = (published(&transport, &from), published(&transport, &to));
    assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    let mut records = 0;
    for (place, told) in &one {
        for (number, told) in told {
            assert_eq!(Some(told), other[place].get(number), "{place:?}, number {number}");
            records += 1;
        }
    }
    assert!(records > 1_000, "{records} records were compared");
    println!("{records} records are the same");
    second.end_all();
    let embedded = Site::example();
    embedded.run(&example_feeds(), Some(AS_OF));
    embedded.exports().assert_same(&exports, "before the replay");
}
