//! What a line has published, as readers outside see it: committed records alone.

use std::collections::{BTreeMap, BTreeSet};

use contract::topics::{Keeping, kept};
use stream::kafka::{Cluster, KafkaTransport, Label, Received, TaskId, Transport};

use crate::plant::Plant;

/// What a record is, without its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    label: Label,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
}

/// By partition and writer: its records in order, each once.
pub type Published = BTreeMap<(u16, TaskId), BTreeMap<u64, Told>>;

/// Everything of ours on a topic. A record that was sent again must be the same again, and none may be missing in between;
/// those in front may have been trimmed.
pub fn published(transport: &KafkaTransport, cluster: &Cluster, name: &str, partitions: u16) -> Published {
    let (mut published, topic) = (Published::new(), cluster.topic(name));
    for partition in 0..partitions {
        let mut writers = BTreeMap::<TaskId, BTreeMap<u64, Told>>::new();
        let (start, _) = transport.bounds(&topic, partition).unwrap();
        let visit = &mut |received: Received<'_>| {
            let ours = received.label.filter(|label| label.origin.generation == cluster.generation);
            let Some(label) = ours.cloned() else { return };
            let (writer, number) = (label.origin.task, label.number);
            let [key, value] = [received.key, received.value].map(|bytes| bytes.map(<[u8]>::to_vec));
            let told = Told { label, key, value };
            let first = writers.entry(writer).or_default().entry(number).or_insert_with(|| told.clone());
            assert_eq!(*first, told, "{topic}, partition {partition}");
        };
        transport.read_to_end(&topic, partition, start, visit).unwrap();
        for (writer, records) in writers {
            let numbers = (*records.keys().next().unwrap(), *records.keys().last().unwrap());
            let is_whole = numbers.1 - numbers.0 + 1 == records.len() as u64 && (numbers.0 == 1 || start > 0);
            assert!(is_whole, "{writer} has gaps in {topic}, partition {partition}");
            published.insert((partition, writer), records);
        }
    }
    published
}

/// Compaction leaves the last record under a key: where there is any, one task alone speaks of it.
fn assert_compactable(published: &Published, topic: &str) {
    let mut writers = BTreeMap::new();
    for ((_, writer), told) in published.iter().flat_map(|(place, told)| told.values().map(move |told| (place, told))) {
        let first = *writers.entry(told.key.as_ref()).or_insert(*writer);
        assert_eq!(first, *writer, "{topic} is compacted, and two tasks speak of {:?}", told.key);
    }
}

/// Nothing on any topic of a line was said twice in two ways, nothing is missing, and compaction would take nothing that
/// stands; how many records there are.
pub fn assert_whole(plant: &Plant) -> usize {
    let (cluster, line) = (plant.cluster(), plant.line());
    let transport = KafkaTransport::new(&cluster).unwrap();
    let views = line.iter().flat_map(|spec| spec.views.iter().map(|(_, name)| name.as_str()));
    let topics: BTreeSet<&str> = line.iter().map(|spec| spec.input.as_str()).chain(views).chain(["pos.log"]).collect();
    let compacted: BTreeSet<&str> =
        kept().filter(|topic| topic.keeping == Keeping::Latest).map(|topic| topic.name).collect();
    let count = |topic| {
        let published = published(&transport, &cluster, topic, line[0].partitions);
        if compacted.contains(topic) {
            assert_compactable(&published, topic);
        }
        published.values().map(BTreeMap::len).sum::<usize>()
    };
    topics.into_iter().map(count).sum()
}
