//! The log service on a real broker: transactions, fencing, ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use stream::kafka::{
    Assurance, Cluster, CommitError, Comparison, Durability, Event, KafkaTransport, Kind, Label, Observer, Origin,
    Reader, Received, Sending, TaskId, TopicPlan, Transport, TransportError, Writer, compare_topics, create_topics,
    look_at_brokers,
};
use tests::broker::{Brokers, CLUSTER_ID, Settings, free_addresses};
use tests::proxy::{Act, Api, Gate, Proxy};
use tests::seeded::Seeded;

const WAIT: Duration = Duration::from_secs(5);

fn cluster(brokers: &Brokers) -> Cluster {
    Cluster {
        brokers: brokers.bootstrap(),
        prefix: "t.".into(),
        generation: 1,
        settings: Vec::new(),
        id: CLUSTER_ID.into(),
    }
}

fn plan(name: &str) -> TopicPlan {
    let settings = vec![("message.timestamp.type", "LogAppendTime".to_owned()), ("retention.ms", "-1".to_owned())];
    TopicPlan { name: format!("t.{name}"), partitions: 2, replication: 1, settings }
}

fn label(number: u64) -> Label {
    let origin = Origin { generation: 1, task: TaskId { stage: 2, partition: 1 } };
    Label { origin, number, stamp: 3, kind: Kind::Data }
}

fn send(writer: &mut impl Writer, number: u64) -> Result<(), CommitError> {
    let (value, label) = (number.to_be_bytes(), label(number));
    let (key, value, label) = (Some(&b"key"[..]), Some(&value[..]), Some(&label));
    writer.send(Sending { topic: "t.one", partition: 1, key, value, label, slot: 0 })
}

fn numbers(transport: &KafkaTransport) -> (Vec<u64>, u64) {
    let mut found = Vec::new();
    let visit = &mut |received: Received<'_>| {
        let label = received.label.expect("every record is ours");
        assert_eq!((received.key, received.value), (Some(&b"key"[..]), Some(&label.number.to_be_bytes()[..])));
        assert_eq!(*label, self::label(label.number));
        found.push(label.number);
    };
    let end = transport.read_to_end("t.one", 1, 0, visit).unwrap();
    (found, end)
}

/// Changes a setting of the only broker while it runs.
fn set(brokers: &Brokers, name: &str, value: &str) {
    let admin: AdminClient<_> = ClientConfig::new().set("bootstrap.servers", brokers.bootstrap()).create().unwrap();
    let change = AlterConfig::new(ResourceSpecifier::Broker(1)).set(name, value);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let answers = runtime.block_on(admin.alter_configs([&change], &AdminOptions::new())).unwrap();
    answers.into_iter().for_each(|answer| drop(answer.unwrap()));
}

#[test]
fn brokers_must_verify_whose_transaction_a_record_is_of() {
    let brokers = Brokers::one().unwrap();
    let cluster = cluster(&brokers);
    assert!(matches!(look_at_brokers(&cluster, "t.one"), Err(TransportError::Absent(_))), "no topic yet");
    create_topics(&cluster, &[plan("one")]).unwrap();
    let durability = Durability { copies: 1, in_sync: 1, flushed: false };
    let told = Assurance { durability: Some(durability), unknown: Vec::new() };
    assert_eq!(look_at_brokers(&cluster, "t.one").unwrap(), told);
    let verification = "transaction.partition.verification.enable";
    set(&brokers, verification, "false");
    // The broker answers a change before it has made it.
    let deadline = Instant::now() + Duration::from_secs(60);
    let error = loop {
        match look_at_brokers(&cluster, "t.one") {
            Err(error) => break error,
            Ok(_) => assert!(Instant::now() < deadline, "the broker does not change"),
        }
    };
    assert!(
        matches!(&error, TransportError::Broken(why) if why == &format!("broker 1 must have {verification}")),
        "{error}"
    );
}

#[test]
fn what_is_committed_is_read_and_an_earlier_writer_is_fenced() {
    let brokers = Brokers::one().unwrap();
    let cluster = cluster(&brokers);
    let plans = [plan("one"), plan("two")];
    assert_eq!(create_topics(&cluster, &plans[..1]).unwrap(), ["t.one"]);
    let compared = |plans: &[TopicPlan]| {
        let Comparison { differences, unknown, .. } = compare_topics(&cluster, plans).unwrap();
        (differences.iter().map(ToString::to_string).collect::<Vec<_>>(), unknown)
    };
    assert_eq!(compared(&plans), (vec!["t.two: is not there".to_owned()], Vec::new()));
    assert_eq!(create_topics(&cluster, &plans).unwrap(), ["t.two"]);
    let mut other = plans.clone();
    other[0].partitions = 3;
    other[1].settings[1].1 = "5".into();
    other[1].settings.push(("setting.of.tomorrow", "1".into()));
    let told = ["t.one: 2 partitions, not 3", "t.two: retention.ms is \"-1\", not 5"].map(str::to_owned);
    let untold = "t.two: whether setting.of.tomorrow is 1".to_owned();
    assert_eq!(compared(&other), (told.to_vec(), vec![untold]), "what is not told is no difference");
    let to_set = |plans: &[TopicPlan]| compare_topics(&cluster, plans).unwrap().to_set;
    assert_eq!(to_set(&other), [("t.two".to_owned(), vec![("retention.ms", "5".to_owned())])]);
    other[1].replication = 3;
    assert_eq!(to_set(&other), [], "there are no brokers for it");

    let transport = KafkaTransport::new(&cluster).unwrap();
    assert!(matches!(transport.partitions("t.none"), Err(TransportError::Absent(_))));
    assert_eq!((transport.partitions("t.one").unwrap(), transport.bounds("t.one", 1).unwrap()), (2, (0, 0)));
    let mut first = transport.writer("t.writer", 1).unwrap();
    (1..=3).for_each(|number| send(&mut first, number).unwrap());
    first.commit().unwrap();
    assert_eq!(first.delivered(0), Some(2));
    assert_eq!(numbers(&transport).0, [1, 2, 3]);
    // A marker stands behind the transaction, a moment later.
    assert_eq!((numbers(&transport).1, transport.visible_end("t.one", 1).unwrap()), (4, 4));

    let mut reader = transport.reader("t.one", 1, 1).unwrap();
    let mut read = Vec::new();
    while read.len() < 2 {
        assert!(reader.read(WAIT, &mut |received| read.push(received.offset)).unwrap());
    }
    assert_eq!(read, [1, 2]);
    assert!(!reader.read(Duration::from_millis(200), &mut |_| ()).unwrap());

    // What the first leaves open is gone when the second is there, and the first can write no more.
    send(&mut first, 4).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    let mut second = transport.writer("t.writer", 1).unwrap();
    let late = send(&mut first, 5).and_then(|()| first.commit());
    assert!(matches!(late, Err(CommitError::Fenced(_))), "{late:?}");
    send(&mut second, 6).unwrap();
    second.commit().unwrap();
    assert_eq!(numbers(&transport).0, [1, 2, 3, 6]);
    assert!(reader.read(WAIT, &mut |received| assert_eq!(received.label, Some(&label(6)))).unwrap());
    let behind = transport.reader("t.one", 1, 1_000).unwrap().read(WAIT, &mut |_| ());
    assert!(matches!(behind, Err(TransportError::Broken(_))), "{behind:?}");
}

/// Counts the readers that were made anew.
#[derive(Default)]
struct Rebuilt(AtomicU32);

impl Observer for Rebuilt {
    fn event(&self, _task: TaskId, event: &Event) {
        self.0.fetch_add(u32::from(*event == Event::Rebuilt), Ordering::Relaxed);
    }
}

#[test]
fn a_reader_whose_consumer_stands_still_goes_on_with_another() {
    let brokers = Brokers::one().unwrap();
    let cluster = cluster(&brokers);
    create_topics(&cluster, &[plan("one")]).unwrap();
    let observer = Arc::new(Rebuilt::default());
    let transport = KafkaTransport::observed(&cluster, observer.clone(), 2).unwrap();
    let mut writer = transport.writer("t.writer", 1).unwrap();
    let mut reader = transport.reader("t.one", 1, 0).unwrap();
    let mut read = Vec::new();
    let mut read_until = |wait: Duration, read_enough: &dyn Fn(usize) -> bool, still: bool| {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !read_enough(read.len()) {
            assert!(Instant::now() < deadline, "{read:?} were read, {observer:?}", observer = observer.0);
            reader.read(wait, &mut |received| read.push(received.label.unwrap().number)).unwrap();
            std::thread::sleep(Duration::from_millis(5));
        }
        if still {
            reader.stand_still().unwrap();
        }
    };
    let rebuilt = || observer.0.load(Ordering::Relaxed);
    send(&mut writer, 1).unwrap();
    writer.commit().unwrap();
    let wait = Duration::from_millis(100);
    read_until(wait, &|read| read == 1, true);
    // The one that takes its place stands still as well, and nothing new comes meanwhile.
    send(&mut writer, 2).unwrap();
    writer.commit().unwrap();
    read_until(wait, &|_| rebuilt() == 1, true);
    // Who only looks in, as for requests for repair, does not wait for ever either.
    read_until(Duration::ZERO, &|_| rebuilt() == 2, false);
    read_until(wait, &|read| read == 2, false);
    // Behind the last record is the marker of its transaction: the consumer has passed it, and may rest.
    assert!(!reader.read(Duration::from_secs(12), &mut |_| ()).unwrap());
    assert_eq!((read, rebuilt()), (vec![1, 2], 2));
}

#[test]
fn a_commit_that_the_broker_never_answers_is_unclear() {
    let mut brokers = Brokers::one().unwrap();
    let cluster = cluster(&brokers);
    create_topics(&cluster, &[plan("one")]).unwrap();
    let transport = KafkaTransport::new(&cluster).unwrap();
    let mut writer = transport.writer("t.writer", 1).unwrap();
    send(&mut writer, 1).unwrap();
    writer.commit().unwrap();
    assert_eq!(numbers(&transport).0, [1]);
    send(&mut writer, 2).unwrap();
    brokers.node(0).kill().unwrap();
    let ended = writer.commit();
    assert!(matches!(ended, Err(CommitError::Unclear(_))), "{ended:?}");
    drop(writer);
    brokers.node(0).start().unwrap();
    let mut writer = transport.writer("t.writer", 1).unwrap();
    let (found, _) = numbers(&transport);
    assert_eq!(found, [1], "the transaction never came to its end");
    send(&mut writer, 2).unwrap();
    writer.commit().unwrap();
    assert_eq!(numbers(&transport).0, [1, 2]);
}

/// Bytes that no compression makes fewer.
fn noise(bytes: usize) -> Vec<u8> {
    let mut random = Seeded(5);
    (0..bytes).map(|_| random.below(256) as u8).collect()
}

#[test]
fn a_record_that_is_too_large_is_told_and_not_tried_again() {
    let brokers = Brokers::one().unwrap();
    let cluster = cluster(&brokers);
    let mut plan = plan("one");
    plan.settings.push(("max.message.bytes", "20000".into()));
    create_topics(&cluster, &[plan]).unwrap();
    let transport = KafkaTransport::new(&cluster).unwrap();
    // The broker refuses the first, the client the second.
    for bytes in [30_000, 17 << 20] {
        let mut writer = transport.writer("t.writer", 1).unwrap();
        let (value, label) = (noise(bytes), label(1));
        let (key, value, label) = (None, Some(&value[..]), Some(&label));
        let sent = writer.send(Sending { topic: "t.one", partition: 1, key, value, label, slot: 0 });
        let Err(CommitError::Broken(why)) = sent.and_then(|()| writer.commit()) else { panic!("{bytes} bytes") };
        assert!(why.starts_with(&format!("record of {bytes} bytes for t.one, partition 1: ")), "{why}");
    }
    let mut writer = transport.writer("t.writer", 1).unwrap();
    send(&mut writer, 1).unwrap();
    writer.commit().unwrap();
    assert_eq!(numbers(&transport).0, [1]);
}

/// A broker that is reached through a proxy alone, with a topic.
fn behind_proxy() -> (Brokers, Proxy, KafkaTransport) {
    let addresses = free_addresses(1).unwrap();
    let proxy = Proxy::start(addresses[0]).unwrap();
    let settings = Settings { addresses, advertised: vec![proxy.address()], ..Settings::default() };
    let brokers = Brokers::start(&settings).unwrap();
    let cluster = cluster(&brokers);
    create_topics(&cluster, &[plan("one")]).unwrap();
    let transport = KafkaTransport::new(&cluster).unwrap();
    (brokers, proxy, transport)
}

/// Once; often in the long run.
fn times() -> u64 {
    if std::env::var_os("PAIDONCE_LONG").is_some() { 20 } else { 1 }
}

/// Kafka's own protection against it (KIP-890) is not in the library: the writer must see to it.
fn an_end_comes_late(how: impl Fn(Gate) -> Act) {
    let (_brokers, proxy, transport) = behind_proxy();
    for time in 1..=times() {
        let mut writer = transport.writer("t.writer", 1).unwrap();
        send(&mut writer, 2 * time - 1).unwrap();
        let gate = Gate::shut();
        proxy.act(Api::EndTxn, 0, 1, how(gate.clone()));
        let ended = writer.commit();
        assert!(matches!(ended, Err(CommitError::Unclear(_))), "{ended:?}");
        drop(writer);
        let mut writer = transport.writer("t.writer", 1).unwrap();
        let before = numbers(&transport).0;
        send(&mut writer, 2 * time).unwrap();
        std::thread::sleep(Duration::from_millis(500));
        gate.set_open(true);
        std::thread::sleep(Duration::from_secs(1));
        let mut reader = transport.reader("t.one", 1, 0).unwrap();
        let mut read = Vec::new();
        while reader.read(Duration::from_secs(1), &mut |received| read.push(received.label.unwrap().number)).unwrap() {}
        assert_eq!((read, proxy.acted()), (before.clone(), time), "nothing of the open transaction is seen");
        writer.commit().unwrap();
        assert_eq!(numbers(&transport).0, [before, vec![2 * time]].concat());
    }
}

/// As brokers have lost the end of a transaction between each other (KAFKA-20734): it was told, and is nowhere in the log.
#[test]
fn a_transaction_that_brokers_forget_to_end_is_ended_by_the_next_writer_that_touches_its_partition() {
    let (_brokers, proxy, transport) = behind_proxy();
    let mut writer = transport.writer("t.writer", 1).unwrap();
    send(&mut writer, 1).unwrap();
    proxy.act(Api::WriteTxnMarkers, 0, 1, Act::Pretend);
    writer.commit().unwrap();
    writer.is_well().unwrap();
    drop(writer);
    let mut writer = transport.writer("t.writer", 1).unwrap();
    let read = transport.read_to_end("t.one", 1, 0, &mut |_| panic!("nothing can be seen"));
    let Err(TransportError::Hanging { topic, partition: 1, end: 1 }) = read else { panic!("{read:?}") };
    assert_eq!((topic.as_str(), proxy.acted()), ("t.one", 1));
    let (label, slot) = (label(0), 0);
    let (key, value, label) = (Some(&b"nothing"[..]), None, Some(&label));
    writer.touch(Sending { topic: "t.one", partition: 1, key, value, label, slot }).unwrap();
    drop(writer);
    let mut writer = transport.writer("t.writer", 1).unwrap();
    assert_eq!(numbers(&transport), (vec![], 3), "two records and the end of both");
    send(&mut writer, 1).unwrap();
    writer.commit().unwrap();
    assert_eq!(numbers(&transport).0, [1]);
}

#[test]
fn a_writer_that_has_nothing_to_write_hears_of_a_broker_that_is_gone() {
    let mut brokers = Brokers::one().unwrap();
    let cluster = cluster(&brokers);
    create_topics(&cluster, &[plan("one")]).unwrap();
    let mut writer = KafkaTransport::new(&cluster).unwrap().writer("t.writer", 1).unwrap();
    send(&mut writer, 1).unwrap();
    writer.commit().unwrap();
    writer.is_well().unwrap();
    brokers.node(0).kill().unwrap();
    let deadline = Instant::now() + WAIT;
    while writer.is_well().is_ok() {
        assert!(Instant::now() < deadline, "it does not hear of it");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn an_end_that_is_held_up_ends_no_other_transaction() {
    an_end_comes_late(Act::Hold);
}

/// The library asks again at once, and is answered: the end that was lost may still come.
#[test]
fn an_end_that_was_asked_for_twice_ends_no_other_transaction() {
    an_end_comes_late(Act::Strand);
}

/// The library alone asks for the end again and goes on: the fault that the tests above must not show is there to be shown.
#[test]
fn an_end_that_arrives_late_ends_another_transaction_of_a_bare_producer() {
    let (brokers, proxy, transport) = behind_proxy();
    let settings =
        [("bootstrap.servers", &*brokers.bootstrap()), ("transactional.id", "t.bare"), ("socket.timeout.ms", "2000")];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let bare: BaseProducer = ClientConfig::from_iter(settings).create().unwrap();
    let patience = Duration::from_secs(30);
    let send = |value: &[u8]| {
        bare.begin_transaction().unwrap();
        bare.send(BaseRecord::<[u8], [u8]>::to("t.one").partition(1).payload(value))
            .map_err(|(error, _)| error)
            .unwrap();
        bare.flush(patience).unwrap();
    };
    bare.init_transactions(patience).unwrap();
    send(b"one");
    let gate = Gate::shut();
    proxy.act(Api::EndTxn, 0, 1, Act::Hold(gate.clone()));
    bare.commit_transaction(patience).unwrap();
    send(b"two");
    gate.set_open(true);
    let mut reader = transport.reader("t.one", 1, 0).unwrap();
    let (mut read, deadline) = (Vec::new(), Instant::now() + patience);
    while read.len() < 2 && Instant::now() < deadline {
        reader.read(WAIT, &mut |received| read.extend(received.value.map(<[u8]>::to_vec))).unwrap();
    }
    assert_eq!((read, proxy.acted()), (vec![b"one".to_vec(), b"two".to_vec()], 1), "what is not committed yet is seen");
}
