//! Where the first stage's input comes from.

use std::sync::Arc;

use crate::StorageError;

/// A place in the input; what lies at or in front of a committed position never comes again.
///
/// Log entries count from 1, so the default stands in front of everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Position {
    /// Number of the log entry.
    pub entry: u64,
    /// Place of the record in its entry. A control stands behind all records of its entry: [`Position::CONTROL`].
    pub index: u32,
}

impl Position {
    /// Index of a control.
    pub const CONTROL: u32 = u32::MAX;
}

/// One step of the input.
#[derive(Clone, Debug)]
pub enum Feed<T> {
    Record {
        position: Position,
        /// Number of the control in force here.
        stamp: u64,
        /// Hash of the routing key: [`crate::outbox::route`].
        key: u64,
        /// Rows inside; an epoch closes when it has enough of them.
        cost: u32,
        item: T,
    },
    Control {
        entry: u64,
        /// Controls count 1, 2, 3 …
        number: u64,
        payload: Arc<[u8]>,
    },
    /// Nothing more lies ready now: what came so far is committed without waiting for more.
    Flush,
    /// The input ends here; the run ends when all of it is committed.
    End,
}

/// The ordered input of the first stage.
///
/// Whoever makes a source starts it behind the committed position of the data directory
/// ([`crate::Committed::position`]): the first record it yields is the first one at a greater position. Positions
/// only ever grow. A source may wait inside `next`; it should yield [`Feed::Flush`] before it does and must come back
/// now and then, as the stop flag is looked at between two calls.
pub trait Source<T>: Send {
    fn next(&mut self) -> Result<Feed<T>, SourceError>;
}

/// The input is not readable; the run stops.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("input is not readable")]
    Storage(#[from] StorageError),
    #[error("input is damaged: {0}")]
    Damaged(String),
    #[error("input fails")]
    Other(#[source] Box<dyn std::error::Error + Send + Sync>),
}
