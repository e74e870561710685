//! The next generation: everything anew beside the old, from all that ever came in, to the same end.

use std::fs;
use std::path::{Path, PathBuf};

use contract::topics::kept;
use stream::kafka::{Cluster, KafkaTransport, Transport};
use tempfile::TempDir;
use tests::broker::Brokers;
use tests::site::{AS_OF, Site, copy_folder, example_config, example_feeds};
use tests::tables::Exports;

use crate::plant::{PARTS, Plant};
use crate::published::assert_whole;

/// The example's configuration with another number of partitions.
pub fn with_partitions(scratch: &TempDir, partitions: u16) -> PathBuf {
    let config = scratch.path().join(format!("{partitions} partitions"));
    copy_folder(&example_config(), &config);
    let tenant = config.join("tenant.yaml");
    let text = fs::read_to_string(&tenant).unwrap();
    fs::write(&tenant, format!("{text}partitions: {partitions}\n")).unwrap();
    config
}

/// Where all partitions of all topics of a generation begin and end.
pub fn bounds(cluster: &Cluster) -> Vec<(u64, u64)> {
    let transport = KafkaTransport::new(cluster).unwrap();
    let mut bounds = Vec::new();
    for topic in kept().map(|topic| cluster.topic(topic.name)) {
        let partitions = transport.partitions(&topic).unwrap();
        bounds.extend((0..partitions).map(|partition| transport.bounds(&topic, partition).unwrap()));
    }
    bounds
}

/// Lets processes of a generation take in what lies in a folder; what comes of it.
fn work(plant: &mut Plant, copy: u32, feeds: &Path) -> Exports {
    PARTS.iter().for_each(|part| plant.start(part, copy));
    plant.take_in(feeds, AS_OF);
    let exports = plant.exports();
    assert_whole(plant);
    exports
}

#[test]
fn the_next_generations_come_to_the_same_with_other_partitions_and_without_the_intakes_disk() {
    let embedded = Site::example();
    embedded.run(&example_feeds(), Some(AS_OF));
    let expected = embedded.exports();
    let (scratch, brokers) = (tempfile::tempdir().unwrap(), Brokers::one().unwrap());
    let mut plant = Plant::new(&brokers.bootstrap(), &example_config(), "", 1);
    let first = work(&mut plant, 1, &example_feeds());
    expected.assert_same(&first, "of the first generation");
    plant.end_all();
    let (oldest, before) = (plant.cluster(), bounds(&plant.cluster()));

    // The same disk of the intake, and more partitions.
    plant.begin_next_generation(&with_partitions(&scratch, 7));
    assert_eq!(plant.cluster().topic("pos.log"), "g2.pos.log");
    let second = work(&mut plant, 2, &example_feeds());
    first.assert_same(&second, "with seven partitions");
    assert!(!plant.log("intake", 1).contains("goes on with the log of generation"), "it has its own");
    plant.end_all();

    // Its disk is lost, and none of the files lies there any longer.
    plant.begin_next_generation(&with_partitions(&scratch, 3));
    plant.wipe_intake();
    let nothing = scratch.path().join("no feeds");
    fs::create_dir(&nothing).unwrap();
    let third = work(&mut plant, 3, &nothing);
    assert!(
        plant.log("intake", 1).contains("intake goes on with the log of generation 2: "),
        "{}",
        plant.log("intake", 1)
    );
    first.assert_same(&third, "from the log of an older generation");
    plant.end_all();

    // What stands of the first is as it was.
    assert_eq!(bounds(&oldest), before);
}
