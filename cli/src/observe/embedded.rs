//! The embedded engine under observation: what it tells of each epoch becomes metrics.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use stream::engine::Tally;
use stream::observe::{Commit, Observer};
use stream::store::Column;
use stream::{Committed, Store};

use super::metrics::Metrics;
use super::views::READ;

/// Stands for all stages where one commit is for all of them.
const ALL: &str = "all";

/// Listens to an engine, and looks into its store when metrics are asked for.
pub struct Embedded {
    metrics: Arc<Metrics>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    store: Option<Weak<dyn Store>>,
    last: Committed,
    /// When each epoch that is not committed yet was taken in.
    on_their_way: VecDeque<Instant>,
}

impl Embedded {
    pub fn new(metrics: Arc<Metrics>) -> Embedded {
        Embedded { metrics, inner: Mutex::default() }
    }

    /// The engine has opened its state.
    pub fn is_ready(&self) -> bool {
        self.inner().store.is_some()
    }

    /// Brings up to date what is known only when somebody asks.
    pub fn refresh(&self) {
        let (store, waits) = {
            let inner = self.inner();
            (inner.store.as_ref().and_then(Weak::upgrade), inner.on_their_way.front().map(Instant::elapsed))
        };
        let waits = waits.unwrap_or_default();
        self.metrics.lag_time.with_label_values(&[ALL]).set(waits.as_secs_f64());
        if let Some(store) = store {
            self.metrics.look_into(store.as_ref());
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Embedded {
    fn opened(&self, store: &Arc<dyn Store>, committed: &Committed) {
        let mut inner = self.inner();
        (inner.store, inner.last) = (Some(Arc::downgrade(store)), *committed);
    }

    fn taken_in(&self, _records: u64, _rows: u64) {
        self.inner().on_their_way.push_back(Instant::now());
    }

    fn compares(&self, topic: u8) -> bool {
        READ.iter().any(|read| *read as u8 == topic)
    }

    fn committed(&self, commit: &Commit<'_>) {
        let metrics = &self.metrics;
        let (taken_in, last) = {
            let mut inner = self.inner();
            (inner.on_their_way.pop_front(), std::mem::replace(&mut inner.last, commit.committed))
        };
        if let Some(taken_in) = taken_in {
            metrics.freshness.with_label_values(&[ALL]).observe(taken_in.elapsed().as_secs_f64());
        }
        metrics.epoch(commit, &last);
        commit.stages.iter().zip(commit.tallies).for_each(|(stage, tally)| metrics.stage(stage, tally));
        metrics.views(commit.views);
    }
}

impl Metrics {
    fn epoch(&self, commit: &Commit<'_>, last: &Committed) {
        let Committed { position, control, cost, .. } = commit.committed;
        self.commits.with_label_values(&[ALL]).inc();
        self.controls.with_label_values(&[ALL]).inc_by(control.saturating_sub(last.control));
        self.rows.with_label_values::<&str>(&[]).inc_by(cost.saturating_sub(last.cost));
        self.commit_bytes.with_label_values(&[ALL]).inc_by(commit.written.bytes);
        for (phase, took) in [("merge", commit.merged_in), ("write", commit.written_in)] {
            self.commit_time.with_label_values(&[ALL, phase]).observe(took.as_secs_f64());
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.last_commit.with_label_values(&[ALL]).set(now.as_secs_f64());
        self.position.with_label_values(&["committed"]).set(whole(position.entry));
        self.position.with_label_values(&["written"]).set(whole(commit.log));
        self.lag_records.with_label_values(&[ALL]).set(whole(commit.log.saturating_sub(position.entry)));
    }

    fn stage(&self, stage: &str, tally: &Tally) {
        self.stage_in.with_label_values(&[stage]).inc_by(tally.received);
        self.stage_out.with_label_values(&[stage]).inc_by(tally.sent);
        self.stage_published.with_label_values(&[stage]).inc_by(tally.published);
        self.state_changes.with_label_values(&[stage]).inc_by(tally.changed);
        self.cache_hits.with_label_values(&[stage]).inc_by(tally.reads.kept);
        for (kind, count) in
            [("ahead", tally.reads.ahead), ("single", tally.reads.single), ("range", tally.reads.ranges)]
        {
            self.cache_misses.with_label_values(&[stage, kind]).inc_by(count);
        }
    }

    fn look_into(&self, store: &dyn Store) {
        let insides = store.insides();
        for (column, insides) in &insides.columns {
            let name = column.name();
            for (place, bytes) in
                [("tables", insides.table_bytes), ("memory", insides.memory_bytes), ("pending", insides.pending_bytes)]
            {
                self.store_bytes.with_label_values(&[name, place]).set(whole(bytes));
            }
            self.store_keys.with_label_values(&[name]).set(whole(insides.keys));
            self.store_fresh.with_label_values(&[name]).set(whole(insides.fresh_tables));
            if *column == Column::State {
                self.state_bytes.with_label_values(&[ALL]).set(whole(insides.table_bytes + insides.memory_bytes));
            }
        }
        let stalled = self.store_stalled.with_label_values::<&str>(&[]);
        stalled.inc_by((insides.stalled.as_secs_f64() - stalled.get()).max(0.0));
    }
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
