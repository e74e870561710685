//! Who listens to the embedded engine: what each epoch did, after it is durable.
//!
//! The engine has no clock of its own beyond how long a commit took, and that only while somebody listens. Without an
//! observer nothing here costs anything. (The Kafka engine, whose unit is a transaction of one task, has its own.)

use std::sync::Arc;
use std::time::Duration;

use crate::engine::{Tally, Written};
use crate::{Committed, Store};

/// Listens. Called from the engine's own threads, a few times an epoch, never for a record; must not wait.
pub trait Observer: Send + Sync {
    /// The engine starts on this store, at this place.
    fn opened(&self, _store: &Arc<dyn Store>, _committed: &Committed) {}

    /// The input of an epoch was taken in. Epochs are committed in this order.
    fn taken_in(&self, _records: u64, _rows: u64) {}

    /// Whether [`ViewChange::before`] is wanted for a view. It is looked up in the store: for views that grow and are
    /// rarely written again this costs next to nothing.
    fn compares(&self, _topic: u8) -> bool {
        false
    }

    /// An epoch is durable.
    fn committed(&self, commit: &Commit<'_>);
}

/// What an epoch did.
pub struct Commit<'c> {
    /// How far the directory has come with it.
    pub committed: Committed,
    /// Entries in the log, worked on or not.
    pub log: u64,
    /// Stages in order.
    pub stages: &'c [&'static str],
    /// Counts of each stage in this epoch.
    pub tallies: &'c [Tally],
    pub written: Written,
    /// By topic and key.
    pub views: &'c [ViewChange<'c>],
    /// Time for bringing all changes together.
    pub merged_in: Duration,
    /// Time until store and witness had them.
    pub written_in: Duration,
}

/// The record under a key of a view; none where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ViewChange<'c> {
    pub topic: u8,
    pub key: &'c [u8],
    /// Only where [`Observer::compares`] says so.
    pub before: Option<&'c [u8]>,
    pub after: Option<&'c [u8]>,
}
