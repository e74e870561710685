//! Two partners, one budget: who comes first decides nothing.

use std::fs;
use std::path::Path;

use tests::broker::Brokers;
use tests::site::{AS_OF, Site, copy_folder, example_config, example_feeds};

use crate::plant::Plant;

/// Both sell what TOURING-LAUNCH pays for.
const RIVALS: [&str; 2] = ["golden-gate", "cascade"];
const PROGRAM: &str = "programs/touring-launch.yaml";

/// The example with much less money in the budget.
fn short_of_money(folder: &Path) {
    copy_folder(&example_config(), folder);
    let program = fs::read_to_string(folder.join(PROGRAM)).unwrap();
    let short = program.replace("budget: 25000", "budget: 3000");
    assert_ne!(program, short);
    fs::write(folder.join(PROGRAM), short).unwrap();
}

#[test]
fn a_budget_is_shared_alike_whoever_comes_first() {
    let scratch = tempfile::tempdir().unwrap();
    let config = scratch.path().join("config");
    short_of_money(&config);
    let embedded = Site::of(&config);
    embedded.run(&example_feeds(), Some(AS_OF));
    let expected = embedded.exports();
    let short: Vec<&str> = expected.0["findings"].lines().filter(|line| line.contains(",OP-17,")).collect();
    assert!(RIVALS.iter().any(|rival| short.iter().any(|line| line.contains(rival))), "no race: {short:?}");
    let brokers = Brokers::one().unwrap();
    for first in RIVALS {
        let mut plant = Plant::new(&brokers.bootstrap(), &config, &format!("{first}-first."), 1);
        plant.start_line();
        let feeds = plant.folder().join("feeds");
        copy_folder(&example_feeds().join(first), &feeds.join(first));
        // The books are settled with one of them alone in them.
        plant.take_in_timeless(&feeds);
        copy_folder(&example_feeds(), &feeds);
        plant.take_in(&feeds, AS_OF);
        expected.assert_same(&plant.exports(), &format!("{first} first"));
        plant.end_all();
    }
}
