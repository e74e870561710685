//! The same input again, on topics of other names: every record that any task publishes is the same, byte by byte.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use cli::configuration;
use stream::kafka::{
    Cluster, INTAKE, KafkaTransport, Label, Mark, Received, Sending, StageSpec, Survey, TaskError, TaskId, Transport,
    Writer,
};
use tests::broker::{Brokers, CLUSTER_ID};
use tests::site::{AS_OF, example_config, example_feeds};

use crate::plant::{DONE_WITHIN, Plant};
use crate::published::{Published, published};

pub fn cluster(brokers: &Brokers, prefix: &str) -> Cluster {
    Cluster {
        brokers: brokers.bootstrap(),
        prefix: prefix.into(),
        generation: 1,
        settings: Vec::new(),
        id: CLUSTER_ID.into(),
    }
}

/// Everything that a stage has published, by topic.
fn published_by(transport: &KafkaTransport, cluster: &Cluster, spec: &StageSpec) -> BTreeMap<String, Published> {
    let names = spec.output.iter().chain(spec.views.iter().map(|(_, name)| name));
    let by_topic = |name: &String| {
        let mut published = published(transport, cluster, name, spec.partitions);
        published.retain(|(_, writer), _| writer.stage == spec.number);
        (name.clone(), published)
    };
    names.map(by_topic).collect()
}

/// Writes what `kept` says yes to, by partition and label, under another prefix; it may change the value.
pub fn copy(
    transport: &KafkaTransport,
    name: &str,
    partitions: u16,
    (from, to): (&Cluster, &Cluster),
    kept: impl Fn(u16, Option<&Label>, Option<&mut Vec<u8>>) -> bool,
) {
    let mut writer = transport.writer(&format!("copy.{name}"), 1).unwrap();
    let (source, target) = (from.topic(name), to.topic(name));
    for partition in 0..partitions {
        let visit = &mut |received: Received<'_>| {
            let Received { key, value, label, .. } = received;
            let mut value = value.map(<[u8]>::to_vec);
            if kept(partition, label, value.as_mut()) {
                let value = value.as_deref();
                writer.send(Sending { topic: &target, partition, key, value, label, slot: 0 }).unwrap();
            }
        };
        transport.read_to_end(&source, partition, 0, visit).unwrap();
    }
    writer.commit().unwrap();
}

/// Writes a stage's input as it stands, with the intake's mark, under another prefix.
pub fn copy_input(transport: &KafkaTransport, spec: &StageSpec, from: &Cluster, to: &Cluster) {
    copy(transport, &spec.input, spec.partitions, (from, to), |_, _, _| true);
    let mut writer = transport.writer("copy.mark", 1).unwrap();
    let intake = TaskId { stage: INTAKE, partition: 0 };
    let (key, partition) = (Mark::key(1, intake), Mark::partition(intake, spec.partitions));
    let mut mark = None;
    let visit = &mut |received: Received<'_>| {
        if received.key == Some(&key) {
            mark = received.value.map(<[u8]>::to_vec);
        }
    };
    transport.read_to_end(&from.marks(), partition, 0, visit).unwrap();
    let (topic, key, value) = (to.marks(), Some(key.as_slice()), mark.as_deref());
    writer.send(Sending { topic: &topic, partition, key, value, label: None, slot: 0 }).unwrap();
    writer.commit().unwrap();
}

pub fn wait_until_done(transport: &KafkaTransport, cluster: &Cluster, spec: &StageSpec) {
    let deadline = Instant::now() + DONE_WITHIN;
    loop {
        match Survey::take(transport, cluster, std::slice::from_ref(spec)) {
            Ok(survey) if survey.busy().is_none() => return,
            Ok(_) | Err(TaskError::Again(_)) => {}
            Err(error) => panic!("{error}"),
        }
        assert!(Instant::now() < deadline, "{} is not done", spec.name);
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Fails with the first record that differs; how many are the same.
fn assert_equal(one: &Published, other: &Published, topic: &str) -> usize {
    assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>(), "{topic}");
    for (place, told) in one {
        assert_eq!(told.len(), other[place].len(), "{topic}, {place:?}");
        for (number, told) in told {
            assert_eq!(Some(told), other[place].get(number), "{topic}, {place:?}, number {number}");
        }
    }
    one.values().map(BTreeMap::len).sum()
}

/// Rolling hashes of all tasks where they stand now.
fn hashes(transport: &KafkaTransport, cluster: &Cluster, spec: &StageSpec) -> Vec<[u8; 32]> {
    let survey = Survey::take(transport, cluster, std::slice::from_ref(spec)).unwrap();
    survey.tasks.iter().map(|standing| standing.mark.as_ref().expect("every task has a mark").hash).collect()
}

/// The second time another build may do the work: `PAIDONCE_OTHER_BUILD` names its program.
///
/// The order in which the records of several writers come to one partition is a new one each time. So each stage is
/// given what it was given the first time.
#[test]
fn each_stage_publishes_the_same_bytes_of_the_same_input() {
    let brokers = Brokers::one().unwrap();
    let mut first = Plant::new(&brokers.bootstrap(), &example_config(), "first.", 1);
    first.start_line();
    first.take_in(&example_feeds(), AS_OF);
    let configuration = configuration::load(&example_config()).unwrap();
    let line = cli::kafka::line(configuration.tenant.partitions, &configuration.digest);
    let from = cluster(&brokers, "first.");
    let transport = KafkaTransport::new(&from).unwrap();
    line.iter().for_each(|spec| wait_until_done(&transport, &from, spec));
    first.end_all();
    let (mut records, mut marks) = (0, 0);
    for spec in &line {
        let prefix = format!("{}.", spec.name);
        let mut again = Plant::new(&brokers.bootstrap(), &example_config(), &prefix, 1);
        let to = cluster(&brokers, &prefix);
        copy_input(&transport, spec, &from, &to);
        if let Some(program) = std::env::var_os("PAIDONCE_OTHER_BUILD") {
            again.program = program.into();
        }
        again.share_blobs(&first);
        again.start(spec.name, 1);
        wait_until_done(&transport, &to, spec);
        again.end_all();
        let (one, other) = (published_by(&transport, &from, spec), published_by(&transport, &to, spec));
        for (topic, told) in &one {
            records += assert_equal(told, &other[topic], topic);
        }
        let (one, other) = (hashes(&transport, &from, spec), hashes(&transport, &to, spec));
        assert_eq!(one, other, "rolling hashes of {}", spec.name);
        marks += one.len();
    }
    assert!(records > 1_000, "{records} records were compared");
    println!("{records} records and {marks} rolling hashes are the same");
}
