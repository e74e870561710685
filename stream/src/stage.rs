//! What every stage is: `process(state, record) → (state changes, outputs)`.

use std::sync::Arc;

use crate::{Outbox, State, StorageError, TableId};

/// A deterministic state machine, one instance for each partition.
///
/// Synchronous, without I/O, clock, randomness or hash-map order: the same input gives the same bytes, on any number
/// of threads and partitions, wherever an epoch ends.
///
/// Fields of a stage are caches that [`Stage::resume`] can rebuild; what must survive goes into [`State`].
pub trait Stage: Send {
    type In: Send + Sync + 'static;
    type Out: Send + Sync + 'static;

    /// Names the keys that [`Stage::process`] will most likely ask for, so that a driver can fetch many at once.
    /// Leaving one out costs time, never correctness.
    fn prefetch(&self, _input: &Self::In, _wanted: &mut Vec<(TableId, Vec<u8>)>) {}

    /// Turns one record into state changes and outputs.
    ///
    /// A bad record is data and leaves through `outbox` as a reject.
    /// `Err` means the stage cannot go on: the driver stops, and a restart replays from the last commit.
    fn process(
        &mut self,
        input: Input<'_, Self::In>,
        state: &mut dyn State,
        outbox: &mut Outbox<Self::Out>,
    ) -> Result<(), StageError>;

    /// Called once for each control, in every partition, after every record stamped below it and before every record
    /// stamped with it.
    ///
    /// `payload` is the control as the log holds it.
    fn control(
        &mut self,
        number: u64,
        payload: &[u8],
        state: &mut dyn State,
        outbox: &mut Outbox<Self::Out>,
    ) -> Result<(), StageError>;

    /// Goes on with a control that has more to do than one bounded step, by one slice of it.
    ///
    /// Called after [`Stage::control`], again and again until nothing is left, before the next record. What is left is a
    /// job in the state: an engine may commit between two slices, and after a stop the next one goes on. Outputs of all
    /// slices stand in order of the keys they are sent for, see [`Outbox::acting_for`], so that slices never show; each
    /// slice names its keys anew.
    fn slice(
        &mut self,
        _number: u64,
        _state: &mut dyn State,
        _outbox: &mut Outbox<Self::Out>,
    ) -> Result<Progress, StageError> {
        Ok(Progress::Done)
    }

    /// Rebuilds caches from the state after a restart; called before anything else.
    fn resume(&mut self, state: &mut dyn State) -> Result<(), StageError>;
}

/// How far a control has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    Done,
    /// [`Stage::slice`] is to be called again.
    More,
}

/// Which of a stage's partitions an instance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    pub index: u32,
    pub count: u32,
}

impl Shard {
    /// Whether the keys of this route, see [`crate::outbox::route`], come to this partition.
    pub fn owns(self, route: u64) -> bool {
        route % u64::from(self.count) == u64::from(self.index)
    }
}

/// A record with the number of the control in force where it stands.
#[derive(Debug)]
pub struct Input<'a, T> {
    pub stamp: u64,
    pub item: &'a T,
}

/// Blobs named by the hash of their bytes: raw files, versions of the reference data.
pub trait Blobs: Send + Sync {
    /// The bytes of this hash; an error where they are missing or no longer have it.
    fn load(&self, hash: &[u8]) -> Result<Arc<[u8]>, StorageError>;
}

/// Why a stage cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    #[error("state is not readable")]
    Storage(#[from] StorageError),
    /// A record, control or state value that this build does not understand.
    #[error("{stage} does not understand {what}")]
    Unknown { stage: &'static str, what: String },
}
