//! Makes a finished epoch durable.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::engine::graph::Finished;
use crate::engine::node::{Tally, add_digest, latest};
use crate::engine::{Ending, EngineError, Summary};
use crate::observe::{Commit, Observer, ViewChange};
use crate::store::{Changes, Column};
use crate::{Committed, DataDirectory, StorageError, View};

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
    names: &'a [&'static str],
    observer: Option<Arc<dyn Observer>>,
    epochs: u64,
    controls: u64,
    records: u64,
    cost: u64,
    written: Written,
    tallies: Vec<Tally>,
}

impl<'a> Committer<'a> {
    pub fn new(
        directory: &'a mut DataDirectory,
        names: &'a [&'static str],
        observer: Option<Arc<dyn Observer>>,
    ) -> Committer<'a> {
        let tallies = vec![Tally::default(); names.len()];
        let (epochs, controls, records, cost, written) = (0, 0, 0, 0, Written::default());
        Committer { directory, names, observer, epochs, controls, records, cost, written, tallies }
    }

    /// Writes the epoch and returns how far the directory has come.
    pub fn commit(&mut self, finished: Finished) -> Result<Committed, EngineError> {
        let committed = after(self.directory.committed(), &finished);
        let span = tracing::info_span!("commit", stage = "all", epoch = committed.epoch, records = finished.records);
        let _inside = span.enter();
        let mut watch = Watch::start(self.observer.clone());
        let views = views(finished.published);
        watch.look_back(self.directory, &views)?;
        self.directory.commit(&finished.changes, &views, committed)?;
        let mut written = Written::default();
        written.add(&finished.changes, &views);
        watch.tell(self.directory, self.names, &finished.tallies, written, &views);
        self.epochs += 1;
        self.written += written;
        self.controls += u64::from(finished.control.is_some());
        self.records += finished.records;
        self.cost += finished.cost;
        for (sum, tally) in self.tallies.iter_mut().zip(finished.tallies) {
            *sum += tally;
        }
        Ok(committed)
    }

    pub fn summary(self, ending: Ending) -> Summary {
        Summary {
            ending,
            epochs: self.epochs,
            controls: self.controls,
            records: self.records,
            cost: self.cost,
            written: self.written,
            stages: self.names.iter().copied().zip(self.tallies).collect(),
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

impl std::ops::AddAssign for Written {
    fn add_assign(&mut self, other: Written) {
        self.state_keys += other.state_keys;
        self.view_keys += other.view_keys;
        self.bytes += other.bytes;
    }
}

/// What an observer is to hear of one commit; nothing where nobody listens.
struct Watch {
    observed: Option<Observed>,
}

struct Observed {
    observer: Arc<dyn Observer>,
    start: Instant,
    merged_in: Duration,
    /// Earlier records of the views that the observer compares, in order.
    before: Vec<Option<Vec<u8>>>,
}

impl Watch {
    fn start(observer: Option<Arc<dyn Observer>>) -> Watch {
        let observed = observer.map(|observer| {
            let (start, merged_in, before) = (Instant::now(), Duration::ZERO, Vec::new());
            Observed { observer, start, merged_in, before }
        });
        Watch { observed }
    }

    fn look_back(&mut self, directory: &DataDirectory, views: &Changes) -> Result<(), StorageError> {
        let Some(observed) = &mut self.observed else { return Ok(()) };
        let compared = views.iter().map(|(key, _)| key).filter(|key| observed.observer.compares(key[0]));
        let keys: Vec<&[u8]> = compared.collect();
        let before = &mut observed.before;
        directory.store().get_many(Column::Views, &keys, &mut |_, value| before.push(value.map(<[u8]>::to_vec)))?;
        observed.merged_in = observed.start.elapsed();
        Ok(())
    }

    fn tell(
        self,
        directory: &DataDirectory,
        stages: &[&'static str],
        tallies: &[Tally],
        written: Written,
        views: &Changes,
    ) {
        let Some(Observed { observer, start, merged_in, before }) = self.observed else { return };
        let written_in = start.elapsed().saturating_sub(merged_in);
        let mut before = before.iter();
        let changes = views.iter().map(|(key, after)| {
            let (topic, key) = key.split_first().expect("a view's key starts with its topic");
            let before = if observer.compares(*topic) { before.next().and_then(Option::as_deref) } else { None };
            ViewChange { topic: *topic, key, before, after }
        });
        let views: Vec<ViewChange<'_>> = changes.collect();
        let (committed, log) = (directory.committed(), directory.log().len());
        observer.committed(&Commit { committed, log, stages, tallies, written, views: &views, merged_in, written_in });
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
