//! Records that no task needs any longer are archived and taken away; the line goes on without them.

use cli::configuration;
use cli::kafka::trim::offsets;
use rustix::process::Signal;
use stream::kafka::{KafkaTransport, Transport, checkpoints, passed};
use tests::broker::Brokers;

use crate::load::Load;
use crate::plant::{PARTS, Plant};
use crate::replay::cluster;

#[test]
fn what_nobody_needs_is_archived_and_taken_away() {
    let load = Load::new();
    let brokers = Brokers::one().unwrap();
    let mut plant = Plant::new(&brokers.bootstrap(), &load.config(), "", 1);
    // How long the line takes must not decide how many checkpoints there are.
    plant.checkpoint_interval = 0;
    plant.start_line();
    plant.take_in_timeless(&load.feeds());
    plant.collect();
    PARTS.iter().for_each(|part| plant.end(part, 1, Signal::TERM));

    let cluster = cluster(&brokers, "");
    let transport = KafkaTransport::new(&cluster).unwrap();
    let configuration = configuration::load(&load.config()).unwrap();
    let line = cli::kafka::line(configuration.tenant.partitions, &configuration.digest);
    let checkpoints = checkpoints::open(&plant.checkpoints()).unwrap();
    let wanted = passed(&transport, &cluster, &line, checkpoints.as_ref()).unwrap();
    assert!(wanted.len() >= 4, "few partitions can be trimmed: {wanted:?}");
    let told = plant.trim(None);
    assert_eq!(told.lines().count(), wanted.len(), "{told}");
    let start = |topic: &str, partition| transport.bounds(topic, partition).unwrap().0;
    assert!(wanted.iter().all(|passed| start(&passed.topic, passed.partition) == passed.start));

    let archive = plant.folder().join("archive");
    plant.trim(Some(&archive));
    let mut archived = 0;
    for passed in &wanted {
        assert_eq!(start(&passed.topic, passed.partition), passed.end);
        let folder = archive.join(&passed.topic).join(passed.partition.to_string());
        let file = folder.join(format!("{:020}-{:020}.avro", passed.start, passed.end));
        let offsets = offsets(&file).unwrap();
        assert!(offsets.is_sorted() && offsets.iter().all(|offset| (passed.start..passed.end).contains(offset)));
        archived += offsets.len();
    }
    assert!(archived > 100, "{archived} records were archived");
    assert_eq!(plant.trim(None), "");

    // No disk is left: every task goes on from a checkpoint, and the quarter ends.
    load.withstand(&mut plant, "disks are lost behind trimmed inputs", |plant, _| {
        for part in PARTS {
            plant.wipe(part, 1);
            plant.start(part, 1);
        }
    });
    plant.end_all();
}
