//! Whoever listens to an engine hears of all that it commits, and changes nothing.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use stream::observe::{Commit, Observer};
use stream::store::MemoryStore;
use stream::witness::MemoryWitness;
use stream::{Committed, DataDirectory, Engine, EngineOptions, Summary};

use crate::toy::{Dice, Steps, input, line};

const COMPARED: u8 = 1;

/// Rebuilds views and counts from what it is told.
#[derive(Default)]
struct Listener {
    heard: Mutex<Heard>,
}

#[derive(Default)]
struct Heard {
    taken_in: u64,
    last: Committed,
    views: BTreeMap<(u8, Vec<u8>), Vec<u8>>,
    received: BTreeMap<&'static str, u64>,
    bytes: u64,
}

impl Observer for Listener {
    fn taken_in(&self, _records: u64, _rows: u64) {
        self.heard.lock().unwrap().taken_in += 1;
    }

    fn compares(&self, topic: u8) -> bool {
        topic == COMPARED
    }

    fn committed(&self, commit: &Commit<'_>) {
        let mut heard = self.heard.lock().unwrap();
        assert_eq!(commit.committed.epoch, heard.last.epoch + 1, "epochs are told one by one");
        assert!(heard.taken_in >= commit.committed.epoch, "an epoch is taken in before it is committed");
        heard.last = commit.committed;
        heard.bytes += commit.written.bytes;
        for (stage, tally) in commit.stages.iter().zip(commit.tallies) {
            *heard.received.entry(stage).or_default() += tally.received;
        }
        for change in commit.views {
            let key = (change.topic, change.key.to_vec());
            let stood = heard.views.get(&key).map(Vec::as_slice);
            let expected = if change.topic == COMPARED { stood } else { None };
            assert_eq!(change.before, expected, "what stood before under {key:?}");
            match change.after {
                Some(after) => heard.views.insert(key, after.to_vec()),
                None => heard.views.remove(&key),
            };
        }
    }
}

fn run(seed: u64, observer: Option<Arc<Listener>>) -> (Summary, DataDirectory) {
    let witness = Box::new(MemoryWitness::default());
    let directory = DataDirectory::on(Arc::new(MemoryStore::default()), witness, 3).unwrap();
    let options = EngineOptions { epoch_cost: 20, ..EngineOptions::default() };
    let mut engine = Engine::new(directory, &line(), options).unwrap();
    if let Some(observer) = observer {
        engine.observe(observer);
    }
    let source = Steps::behind(&input(seed, 400), engine.directory().committed().position, Some(Dice(seed)));
    let mut dice = Dice(seed);
    let summary = engine.run_stepwise(source, &AtomicBool::new(false), &mut |n| dice.roll(n as u64) as usize).unwrap();
    (summary, engine.into_directory())
}

#[test]
fn a_listener_hears_of_every_epoch_and_changes_none() {
    for seed in 0..5 {
        let listener = Arc::new(Listener::default());
        let (alone, _) = run(seed, None);
        let (summary, directory) = run(seed, Some(listener.clone()));
        assert_eq!((summary.committed, summary.written), (alone.committed, alone.written));
        let heard = listener.heard.lock().unwrap();
        assert_eq!(
            (heard.last, heard.taken_in, heard.bytes),
            (summary.committed, summary.epochs, summary.written.bytes)
        );
        let received: BTreeMap<_, _> = summary.stages.iter().map(|(stage, tally)| (*stage, tally.received)).collect();
        assert_eq!(heard.received, received);
        let mut views = BTreeMap::new();
        for topic in 0..=u8::MAX {
            let stored = directory.views(topic).map(|entry| entry.unwrap());
            views.extend(stored.map(|(key, value)| ((topic, key), value)));
        }
        assert!(views.keys().any(|(topic, _)| *topic == COMPARED));
        assert_eq!(heard.views, views);
    }
}
