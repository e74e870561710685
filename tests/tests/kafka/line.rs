//! The whole line on one broker: what comes of it is what the embedded engine makes of the same files.

use tests::broker::Brokers;
use tests::site::{AS_OF, Site, example_config, example_feeds};

use crate::plant::Plant;

#[test]
fn the_example_tenant_settles_as_embedded() {
    let embedded = Site::example();
    embedded.run(&example_feeds(), Some(AS_OF));
    let brokers = Brokers::one().unwrap();
    let mut plant = Plant::new(&brokers.bootstrap(), &example_config(), "", 1);
    plant.start_line();
    plant.take_in(&example_feeds(), AS_OF);
    let exports = plant.exports();
    embedded.exports().assert_same(&exports, "on Kafka");
    plant.end_all();
}
