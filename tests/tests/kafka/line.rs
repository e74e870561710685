//! The whole line on one broker: what comes of it is what the embedded engine makes of the same files.

use std::path::Path;

use tests::broker::Brokers;
use tests::generated;
use tests::replica::Plan;
use tests::site::{AS_OF, Site, example_config, example_feeds};
use tests::tables::Exports;

use crate::load::Load;
use crate::outside::assert_seen_outside;
use crate::plant::Plant;
use crate::published::assert_whole;

/// A day behind all that the generator makes.
const GENERATED_AS_OF: &str = "2018-03-01";
/// Where the checkout stands alone.
const REPLICA: Plan = Plan { rows: 20_000, years: 2 };

/// Takes the same files in on Kafka and embedded: the same comes of them, and this is it.
fn assert_settles_as_embedded(config: &Path, feeds: &Path, as_of: &str) -> Exports {
    let embedded = Site::of(config);
    embedded.run(feeds, Some(as_of));
    let brokers = Brokers::one().unwrap();
    let mut plant = Plant::new(&brokers.bootstrap(), config, "", 1);
    plant.start_line();
    plant.take_in(feeds, as_of);
    let exports = plant.exports();
    embedded.exports().assert_same(&exports, "on Kafka");
    assert_whole(&plant);
    assert_seen_outside(&plant, &exports);
    plant.end_all();
    exports
}

#[test]
fn the_example_tenant_settles_as_embedded() {
    assert_settles_as_embedded(&example_config(), &example_feeds(), AS_OF);
}

/// What the times after troubles are to be compared with.
#[test]
fn a_load_goes_through_undisturbed() {
    let load = Load::new();
    let brokers = Brokers::one().unwrap();
    let mut plant = Plant::new(&brokers.bootstrap(), &load.config(), "", 1);
    plant.start_line();
    load.withstand(&mut plant, "nothing happens", |_, _| ());
    plant.end_all();
}

/// Twelve partners in nine layouts, with known faults in their files.
#[test]
fn generated_feeds_settle_as_embedded() {
    let folder = tempfile::tempdir().unwrap();
    let (config, feeds) = (folder.path().join("config"), folder.path().join("feeds"));
    let Some(shared) = generated::shared() else {
        REPLICA.write(folder.path()).unwrap();
        assert_settles_as_embedded(&config, &feeds, &REPLICA.as_of());
        return;
    };
    generated::generate(&shared, folder.path(), 12, 20_000, 7).unwrap();
    let exports = assert_settles_as_embedded(&config, &feeds, GENERATED_AS_OF);
    let counts = ["sales", "rejects", "findings", "accruals"].map(|name| (name, exports.rows(name).len()));
    assert!(counts.iter().all(|(_, count)| *count > 10), "{counts:?}");
    println!("{counts:?}");
}
