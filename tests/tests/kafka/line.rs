//! The whole line on one broker: what comes of it is what the embedded engine makes of the same files.

use std::path::Path;

use tests::broker::Brokers;
use tests::site::{AS_OF, Site, example_config, example_feeds};

use crate::load::Load;
use crate::plant::Plant;
use crate::published::assert_whole;

/// Takes the same files in on Kafka and embedded: the same comes of them.
fn assert_settles_as_embedded(config: &Path, feeds: &Path, as_of: &str) {
    let embedded = Site::of(config);
    embedded.run(feeds, Some(as_of));
    let brokers = Brokers::one().unwrap();
    let mut plant = Plant::new(&brokers.bootstrap(), config, "", 1);
    plant.start_line();
    plant.take_in(feeds, as_of);
    embedded.exports().assert_same(&plant.exports(), "on Kafka");
    assert_whole(&plant);
    plant.end_all();
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
