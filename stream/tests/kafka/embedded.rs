//! The embedded engine on the same input.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use stream::outbox::route;
use stream::store::Column;
use stream::witness::MemoryWitness;
use stream::{DataDirectory, Engine, EngineOptions, Feed, Line, MemoryStore, Position, Source, SourceError};

use crate::toy::{Counter, Fold, Split, Step, Text, payload};

pub type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

struct Steps<'a> {
    steps: std::slice::Iter<'a, Step>,
    entry: u64,
    stamp: u64,
}

impl Source<Arc<Text>> for Steps<'_> {
    fn next(&mut self) -> Result<Feed<Arc<Text>>, SourceError> {
        self.entry += 1;
        let entry = self.entry;
        Ok(match self.steps.next() {
            None => Feed::End,
            Some(Step::Control(number)) => {
                self.stamp = *number;
                Feed::Control { entry, number: *number, payload: payload(*number).into() }
            }
            Some(Step::Text(item)) => {
                let (position, key, item) = (Position { entry, index: 0 }, route(&item.writer), item.clone());
                Feed::Record { position, stamp: self.stamp, key, cost: 1, item }
            }
        })
    }
}

/// Views (topic in front of the key) and state (stage, partition, table in front of the key) that a run leaves behind.
pub fn settled(steps: &[Step], partitions: u16) -> (Pairs, Pairs) {
    let store = Arc::new(MemoryStore::new());
    let directory = DataDirectory::on(store.clone(), Box::new(MemoryWitness::default()), partitions).unwrap();
    let line =
        Line::new().then("split", |_| Split).then("count", |_| Counter::default()).then("fold", |_| Fold::default());
    let options = EngineOptions { threads: 1, epoch_cost: 7, ..EngineOptions::default() };
    let mut engine = Engine::new(directory, &line, options).unwrap();
    let source = Steps { steps: steps.iter(), entry: 0, stamp: 0 };
    engine.run_stepwise(source, &AtomicBool::new(false), &mut |_| 0).unwrap();
    (store.column(Column::Views), store.column(Column::State))
}
