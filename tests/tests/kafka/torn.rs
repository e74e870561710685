//! A record in the middle of an output never became visible: nobody goes past it, and its writer sends it again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use cli::configuration;
use stream::kafka::{
    Cluster, KafkaTransport, Kind, Label, Received, RepairRequest, StageSpec, Survey, TaskId, Transport,
};
use tests::broker::Brokers;
use tests::site::{AS_OF, Site, example_config, example_feeds};

use crate::plant::{DONE_WITHIN, PARTS, Plant};
use crate::replay::{cluster, copy, copy_input, wait_until_done};

/// A task's record in a partition of its output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lost {
    pub partition: u16,
    writer: TaskId,
    number: u64,
}

impl Lost {
    /// Whether a record of a partition is this one.
    pub fn is(&self, partition: u16, label: &Label) -> bool {
        (partition, label.origin.task, label.number) == (self.partition, self.writer, self.number)
    }
}

/// A record of data in the middle of the fullest partition of an output.
pub fn one_of_the_middle(transport: &KafkaTransport, topic: &str, partitions: u16) -> Lost {
    let mut data: BTreeMap<(u16, TaskId), Vec<u64>> = BTreeMap::new();
    for partition in 0..partitions {
        let visit = &mut |received: Received<'_>| {
            let label = received.label.expect("every record is ours");
            if label.kind == Kind::Data {
                data.entry((partition, label.origin.task)).or_default().push(label.number);
            }
        };
        transport.read_to_end(topic, partition, 0, visit).unwrap();
    }
    let ((partition, writer), numbers) = data.into_iter().max_by_key(|(_, numbers)| numbers.len()).unwrap();
    Lost { partition, writer, number: numbers[numbers.len() / 2] }
}

fn requests(transport: &KafkaTransport, topic: &str) -> Vec<RepairRequest> {
    let mut requests = Vec::new();
    let visit = &mut |received: Received<'_>| {
        requests.push(RepairRequest::decode(received.value.unwrap()).unwrap());
    };
    transport.read_to_end(topic, 0, 0, visit).unwrap();
    requests
}

/// How many records a task has sent on.
fn sales(transport: &KafkaTransport, cluster: &Cluster, spec: &StageSpec, partition: u16) -> usize {
    let task = TaskId { stage: spec.number, partition };
    let mut numbers = BTreeSet::new();
    for to in 0..spec.partitions {
        let visit = &mut |received: Received<'_>| {
            let label = received.label.expect("every record is ours");
            if label.origin.task == task && label.kind == Kind::Data {
                numbers.insert((to, label.number));
            }
        };
        let output = spec.output.as_ref().expect("the stage hands something on");
        transport.read_to_end(&cluster.topic(output), to, 0, visit).unwrap();
    }
    numbers.len()
}

#[test]
fn a_reader_stops_at_a_gap_and_the_writer_fills_it() {
    let embedded = Site::example();
    embedded.run(&example_feeds(), Some(AS_OF));
    let brokers = Brokers::one().unwrap();
    let configuration = configuration::load(&example_config()).unwrap();
    let partitions = configuration.tenant.partitions;
    let line = cli::kafka::line(partitions, &configuration.digest);
    let [ingest, normalize]: [&StageSpec; 2] = [&line[0], &line[1]];
    let (from, to) = (cluster(&brokers, "whole."), cluster(&brokers, "torn."));
    let transport = KafkaTransport::new(&from).unwrap();

    let mut whole = Plant::new(&brokers.bootstrap(), &example_config(), "whole.", 1);
    whole.start("ingest", 1);
    whole.take_in(&example_feeds(), AS_OF);
    wait_until_done(&transport, &from, ingest);
    whole.end_all();
    let lost = one_of_the_middle(&transport, &from.topic(&normalize.input), partitions);

    let mut torn = Plant::new(&brokers.bootstrap(), &example_config(), "torn.", 1);
    torn.share_blobs(&whole);
    copy_input(&transport, ingest, &from, &to);
    copy(&transport, "pos.log", partitions, (&from, &to), |_, _, _| true);
    copy(&transport, &normalize.input, partitions, (&from, &to), |partition, label, _| {
        !label.is_some_and(|label| lost.is(partition, label))
    });

    // The reader alone: it asks, and takes nothing beyond.
    torn.start("normalize", 1);
    let deadline = Instant::now() + DONE_WITHIN;
    let asked = loop {
        if let Some(request) = requests(&transport, &to.repairs()).pop() {
            break request;
        }
        assert!(Instant::now() < deadline, "nobody asks for {lost:?}");
        std::thread::sleep(Duration::from_millis(200));
    };
    assert_eq!((asked.partition, asked.writer, asked.missing), (lost.partition, lost.writer, lost.number));
    std::thread::sleep(Duration::from_secs(2));
    let survey = Survey::take(&transport, &to, std::slice::from_ref(normalize)).unwrap();
    let standing = survey.tasks.iter().find(|standing| standing.task.partition == lost.partition).unwrap();
    let (asked_of, complete) =
        (survey.intake.unwrap().complete, standing.mark.as_ref().map_or(0, |mark| mark.complete));
    assert!(complete < asked_of, "control {complete} of {asked_of} is complete, though it lies beyond the gap");
    let so_far = sales(&transport, &to, normalize, lost.partition);

    // Its writer and everybody else.
    PARTS.iter().filter(|part| **part != "normalize").for_each(|part| torn.start(part, 1));
    embedded.exports().assert_same(&torn.exports(), "after a gap was filled");
    let in_all = sales(&transport, &to, normalize, lost.partition);
    assert!(so_far < in_all, "{so_far} of {in_all} sales came out while a record was missing");
    torn.end_all();
}
