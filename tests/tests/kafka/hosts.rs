//! A whole line on machines with troubles of their own: no space, no time, a clock that jumps, records that mean nothing.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cli::configuration;
use cli::kafka::registry::{Compatibility, Registry};
use cli::kafka::wires::WireFormat;
use contract::{RowEvent, avro};
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rustix::process::Signal;
use stream::kafka::{Cluster, Cut, DeadLetter, KafkaTransport, Received, Transport, Wire};
use tests::broker::Brokers;
use tests::registry::SchemaRegistry;
use tests::scrape::sum;
use tests::site::{AS_OF, Site, example_config, example_feeds};

use crate::load::Load;
use crate::plant::{DONE_WITHIN, PARTS, Plant};
use crate::replay::{cluster, copy, copy_input, wait_until_done};
use crate::torn::one_of_the_middle;
use crate::watched::told;

const NO_SPACE: &str = "No space left on device";

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
    // Nobody has asked for a log: people hear of it all the same.
    (plant.shell, plant.quiet) = (limited(256), true);
    full.iter().for_each(|part| plant.start(part, 1));
    (plant.shell, plant.quiet) = (None, false);
    PARTS.iter().filter(|part| !full.contains(part)).for_each(|part| plant.start(part, 1));
    load.withstand(&mut plant, "files of two stages cannot grow, then can", |plant, _| {
        for part in full {
            plant.wait_for(part, 1, ": store has failed; it is opened again: ");
            plant.wait_for(part, 1, " has stopped: store has failed: ");
            let log = plant.log(part, 1);
            assert!(log.contains("File too large") && log.contains(&format!("error: {part}, partition ")), "{log}");
            assert!(!log.contains(" INFO "), "{log}");
            assert!(!plant.log(part, 1).contains("panicked"), "{}", plant.log(part, 1));
            plant.end(part, 1, Signal::KILL);
            plant.start(part, 1);
        }
    });
    plant.end_all();
}

/// A small disk for the process alone that starts behind this.
fn small_disk(folder: &Path, size: &str) -> Option<String> {
    let folder = folder.display();
    let inside = format!("mount -t tmpfs -o size={size} none {folder} && exec \"$@\"");
    Some(format!("mkdir -p {folder}; set -- unshare -Urm sh -c '{inside}' sh \"$@\""))
}

/// The other test limits files; here it is the disk that says that it has no space.
#[test]
fn disks_without_space_stop_a_stage_and_the_intake_and_nothing_else() {
    let tried = Command::new("unshare").args(["-Urm", "mount", "-t", "tmpfs", "none", "/tmp"]).output().unwrap();
    assert!(tried.status.success(), "this machine lets nobody mount a small disk, so none can be full: {tried:?}");
    let load = Load::new();
    let brokers = Brokers::one().unwrap();
    let mut plant = Plant::new(&brokers.bootstrap(), &load.config(), "", 1);
    plant.shell = small_disk(&plant.folder().join("normalize-1"), "2m");
    plant.start("normalize", 1);
    plant.shell = None;
    PARTS.iter().filter(|part| **part != "normalize").for_each(|part| plant.start(part, 1));
    plant.shell = small_disk(&plant.intake_folder(), "128k");
    load.withstand(&mut plant, "disks of the intake and of a stage are full", |plant, intake| {
        plant.shell = None;
        let ended = intake.wait();
        let told = plant.log("intake", 1);
        assert!(ended == Some(1) && told.contains(NO_SPACE), "{ended:?} {told}");
        // Its disk is gone with it.
        plant.wipe_intake();
        *intake = load.start(plant);
        plant.wait_for("normalize", 1, NO_SPACE);
        plant.wait_for("normalize", 1, "task has stopped");
        plant.end("normalize", 1, Signal::KILL);
        plant.start("normalize", 1);
    });
    assert!(!plant.logs().contains("panicked"), "{}", plant.logs());
    plant.end_all();
}

#[test]
fn a_stage_that_hardly_moves_is_waited_for() {
    let load = Load::new();
    let brokers = Brokers::one().unwrap();
    let mut plant = Plant::new(&brokers.bootstrap(), &load.config(), "", 1);
    plant.start_line();
    load.withstand(&mut plant, "a stage works a tenth of the time for 25 s", |plant, _| {
        // It answers the group in time.
        for _ in 0..25 {
            plant.signal("units", 1, Signal::STOP);
            std::thread::sleep(Duration::from_millis(900));
            plant.signal("units", 1, Signal::CONT);
            std::thread::sleep(Duration::from_millis(100));
        }
    });
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
    // In hours that its clock is ahead.
    let jumped = || {
        let told = Command::new("date").arg("+%s").env("LD_PRELOAD", &clock).output().unwrap();
        assert!(told.status.success() && told.stderr.is_empty(), "{told:?}");
        let told: i64 = String::from_utf8(told.stdout).unwrap().trim().parse().unwrap();
        (told - SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64 + 1_800).div_euclid(3_600)
    };
    plant.shell = Some(format!("export LD_PRELOAD={}", clock.display()));
    plant.start_line();
    load.withstand(&mut plant, "clocks jump, and every stage is killed once", |plant, _| {
        let mut jumps = BTreeSet::new();
        for _ in 0..10 {
            jumps.insert(jumped());
            std::thread::sleep(Duration::from_secs(1));
        }
        assert_eq!(jumps, BTreeSet::from([-1, 0, 1]));
        for part in PARTS {
            plant.end(part, 1, Signal::KILL);
            plant.start(part, 1);
        }
    });
    plant.end_all();
}

/// What a stranger may write to a topic of the line: bytes, nothing, and labels that look like ours.
fn strange() -> [(Option<&'static [u8]>, OwnedHeaders); 3] {
    let labels = [("o", &[0u8, 0, 0, 9, 200, 0, 0][..]), ("n", &[0, 0, 0, 0, 0, 0, 0, 1]), ("s", &[0; 8])];
    let labelled =
        labels.iter().fold(OwnedHeaders::new(), |all, (key, value)| all.insert(Header { key, value: Some(*value) }));
    [(Some(b"\xff\xfe no record"), OwnedHeaders::new()), (None, OwnedHeaders::new()), (Some(b"{}"), labelled)]
}

fn write_strange(producer: &BaseProducer, topic: &str) {
    for (value, headers) in strange() {
        let mut record = BaseRecord::<[u8], [u8]>::to(topic).partition(0).key(b"stranger").headers(headers);
        record.payload = value;
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(Duration::from_secs(30)).unwrap();
}

/// As large as topics of the line take it: no letter that holds all of it could be sent.
const LARGE: usize = (16 << 20) - 1_000;

/// Dead letters by topic and offset of what they hold.
fn letters(transport: &KafkaTransport, cluster: &Cluster) -> Vec<DeadLetter> {
    let (wire, mut letters) = (WireFormat::Plain.letters(), Vec::new());
    for partition in 0..transport.partitions(&cluster.dead()).unwrap() {
        let visit = &mut |received: Received<'_>| letters.push(wire.decode(received.value.unwrap()).unwrap());
        transport.read_to_end(&cluster.dead(), partition, 0, visit).unwrap();
    }
    letters.sort_by(|one, other| (&one.topic, one.offset).cmp(&(&other.topic, other.offset)));
    letters
}

#[test]
fn records_of_strangers_are_put_aside() {
    let load = Load::new();
    let brokers = Brokers::one().unwrap();
    let mut plant = Plant::new(&brokers.bootstrap(), &load.config(), "", 1);
    let mut settings = ClientConfig::new();
    settings.set("bootstrap.servers", brokers.bootstrap()).set("message.max.bytes", (16 << 20).to_string());
    let producer: BaseProducer = settings.create().unwrap();
    let hops = ["pos.feeds", "pos.rows", "pos.sales", "pos.entitlements", "pos.accruals"];
    let write = || hops.iter().for_each(|topic| write_strange(&producer, topic));
    write();
    let large = vec![b'x'; LARGE];
    producer
        .send(BaseRecord::<[u8], [u8]>::to(hops[2]).partition(0).payload(&large))
        .map_err(|(error, _)| error)
        .unwrap();
    producer.flush(Duration::from_secs(30)).unwrap();
    plant.start_line();
    load.withstand(&mut plant, "strangers write to every hop", |_, _| {
        std::thread::sleep(Duration::from_secs(3));
        write();
    });
    let cluster = cluster(&brokers, "");
    let mut letters = letters(&KafkaTransport::new(&cluster).unwrap(), &cluster);
    let place = letters.iter().position(|letter| letter.cut.is_some()).unwrap();
    let cut = letters.remove(place);
    assert_eq!((cut.topic.as_str(), cut.offset, cut.value.as_deref()), (hops[2], 3, Some(&large[..1024])));
    assert_eq!(cut.cut, Some(Cut { bytes: LARGE as u64, hash: *blake3::hash(&large).as_bytes() }));
    let why = [
        "no task of this line wrote it",
        "no task of this line wrote it",
        "it was written by stage 200 partition 0, generation 9",
    ];
    let written: Vec<_> = strange().iter().zip(why).map(|((value, _), why)| (value.map(<[u8]>::to_vec), why)).collect();
    for topic in hops {
        let parked: Vec<_> = letters.iter().filter(|letter| letter.topic == topic).collect();
        let told: Vec<_> = parked.iter().map(|letter| (letter.value.clone(), letter.why.as_str())).collect();
        assert_eq!(told, [&written[..], &written].concat(), "{topic}");
        assert!(parked.iter().all(|letter| letter.key.as_deref() == Some(b"stranger") && letter.partition == 0));
    }
    assert_eq!(letters.len(), hops.len() * 2 * written.len());
    // A transaction is told of a moment after it is seen.
    let deadline = Instant::now() + DONE_WITHIN;
    for part in PARTS {
        let counted = || sum(&told(&plant, part), "paidonce_dead_letters_total", &[]);
        let wanted = if part == "units" { 7.0 } else { 6.0 };
        while counted() < wanted {
            assert!(Instant::now() < deadline, "{part} has counted {}", counted());
            std::thread::sleep(Duration::from_millis(100));
        }
        assert_eq!(counted(), wanted, "{part}");
    }
    plant.end_all();
}

/// A schema that says the same as that of rows, in other words.
fn said_otherwise(how: u32) -> String {
    let mut schema: serde_json::Value = serde_json::from_str(avro::topic::<RowEvent>().schema_text).unwrap();
    // Rows are one form of several.
    schema[0]["doc"] = format!("Said in other words, {how}.").into();
    schema.to_string()
}

#[test]
fn a_record_of_ours_that_cannot_be_read_keeps_its_reader_until_it_can() {
    let embedded = Site::example();
    embedded.run(&example_feeds(), Some(AS_OF));
    let (brokers, server) = (Brokers::one().unwrap(), SchemaRegistry::start().unwrap());
    let configuration = configuration::load(&example_config()).unwrap();
    let partitions = configuration.tenant.partitions;
    let line = cli::kafka::line(partitions, &configuration.digest);
    let (from, to) = (cluster(&brokers, "read."), cluster(&brokers, "unread."));
    let transport = KafkaTransport::new(&from).unwrap();
    let plant = |prefix| Plant::new(&brokers.bootstrap(), &example_config(), prefix, 1).with_registry(&server.url());

    let mut read = plant("read.");
    read.start("ingest", 1);
    read.take_in(&example_feeds(), AS_OF);
    wait_until_done(&transport, &from, &line[0]);
    read.end_all();
    let spoilt = one_of_the_middle(&transport, &from.topic(&line[1].input), partitions);

    // The same records again, one of them under a schema that is registered later.
    let registry = Registry::new(&server.url()).unwrap();
    let level = Compatibility::BackwardTransitive;
    let register = |how: u32| registry.id(&format!("words.{how}-value"), &said_otherwise(how), level).unwrap();
    // Farther than the processes of the line go on by themselves.
    let tomorrow = register(0) + 100;
    let mut unread = plant("unread.");
    unread.share_blobs(&read);
    copy_input(&transport, &line[0], &from, &to);
    copy(&transport, "pos.log", partitions, (&from, &to), |_, _, _| true);
    copy(&transport, &line[1].input, partitions, (&from, &to), |partition, label, value| {
        if let (true, Some(value)) = (label.is_some_and(|label| spoilt.is(partition, label)), value) {
            value[1..5].copy_from_slice(&tomorrow.to_be_bytes());
        }
        true
    });
    unread.start_line();
    // The registry may be late; what it does not know for a minute it does not know.
    let is_to_stop = std::env::var_os("PAIDONCE_LONG").is_some();
    let told = match is_to_stop {
        true => format!("of unread.pos.rows, partition {}: ", spoilt.partition),
        false => format!("normalize, partition {} waits: schema registry ", spoilt.partition),
    };
    unread.wait_for("normalize", 1, &told);
    let log = unread.log("normalize", 1);
    assert!(log.contains(&format!("knows no schema {tomorrow}")), "{log}");
    assert_eq!(log.contains("start a build that can read it"), is_to_stop, "{log}");
    assert_eq!(letters(&transport, &to), []);

    let registered = (1..).map(register).find(|id| *id >= tomorrow);
    assert_eq!(registered, Some(tomorrow), "the registry counts schemas one by one");
    if is_to_stop {
        unread.end("normalize", 1, Signal::KILL);
        unread.start("normalize", 1);
    }
    embedded.exports().assert_same(&unread.exports(), "after a record could be read");
    assert_eq!(letters(&transport, &to), []);
    unread.end_all();
}
