//! Makes a finished epoch durable.

use crate::engine::graph::Finished;
use crate::engine::node::{Tally, add_digest, latest};
use crate::engine::{Ending, EngineError, Summary};
use crate::store::Changes;
use crate::{Committed, DataDirectory, View};

/// Keys written or deleted, after all changes of an epoch to one key became one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    pub state_keys: u64,
    pub view_keys: u64,
    /// Bytes of keys and values.
    pub bytes: u64,
}

/// Commits epochs and counts them.
pub(crate) struct Committer<'a> {
    directory: &'a mut DataDirectory,
    epochs: u64,
    controls: u64,
    records: u64,
    cost: u64,
    written: Written,
    tallies: Vec<Tally>,
}

impl<'a> Committer<'a> {
    pub fn new(directory: &'a mut DataDirectory, stages: usize) -> Committer<'a> {
        let tallies = vec![Tally::default(); stages];
        Committer { directory, epochs: 0, controls: 0, records: 0, cost: 0, written: Written::default(), tallies }
    }

    /// Writes the epoch and returns how far the directory has come.
    pub fn commit(&mut self, finished: Finished) -> Result<Committed, EngineError> {
        let committed = after(self.directory.committed(), &finished);
        let views = views(finished.published);
        self.directory.commit(&finished.changes, &views, committed)?;
        self.epochs += 1;
        self.written.add(&finished.changes, &views);
        self.controls += u64::from(finished.control.is_some());
        self.records += finished.records;
        self.cost += finished.cost;
        for (sum, tally) in self.tallies.iter_mut().zip(finished.tallies) {
            *sum += tally;
        }
        Ok(committed)
    }

    pub fn summary(self, ending: Ending, names: &[&'static str]) -> Summary {
        Summary {
            ending,
            epochs: self.epochs,
            controls: self.controls,
            records: self.records,
            cost: self.cost,
            written: self.written,
            stages: names.iter().copied().zip(self.tallies).collect(),
            committed: self.directory.committed(),
        }
    }
}

impl Written {
    fn add(&mut self, state: &[Changes], views: &Changes) {
        self.state_keys += state.iter().map(|changes| changes.len() as u64).sum::<u64>();
        self.view_keys += views.len() as u64;
        self.bytes += state.iter().chain([views]).map(|changes| changes.size() as u64).sum::<u64>();
    }
}

fn after(before: Committed, finished: &Finished) -> Committed {
    let mut committed = Committed {
        epoch: finished.number,
        position: finished.position,
        control: finished.control.unwrap_or(before.control),
        records: before.records + finished.records,
        cost: before.cost + finished.cost,
        ..before
    };
    for tally in &finished.tallies {
        committed.published += tally.published;
        add_digest(&mut committed.digest, &tally.digest);
    }
    committed
}

/// The last record under each key in key order: what a later input or a later stage says replaces the earlier.
fn views(published: Vec<crate::engine::tag::Published>) -> Changes {
    let published = latest(published);
    let size = |view: &View| 1 + view.key.len() + view.value.as_ref().map_or(0, Vec::len);
    let sizes = published.iter().map(|published| size(&published.view));
    let mut changes = Changes::with_capacity(published.len(), sizes.sum());
    for published in published {
        let view = published.view;
        match view.value {
            Some(value) => changes.put(&[view.topic], &view.key, &value),
            None => changes.delete(&[view.topic], &view.key),
        }
    }
    changes
}
