//! Where bytes become durable: sorted columns, read by key or in order, written in atomic batches.

pub mod changes;
pub mod memory;
#[cfg(feature = "rocks")]
pub mod rocks;
#[cfg(feature = "rocks")]
mod snapshot;

pub use changes::Changes;
pub use memory::MemoryStore;
#[cfg(feature = "rocks")]
pub use rocks::{Durability, RocksMemory, RocksStore};

use crate::StorageError;

/// A sorted key space inside a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Column {
    /// Stage (u8), partition (u16), table (u8), key.
    State,
    /// Topic (u8), key.
    Views,
    /// Number of the entry (u64).
    Log,
    /// Identity, position, line.
    Meta,
}

impl Column {
    pub const ALL: [Column; 4] = [Column::State, Column::Views, Column::Log, Column::Meta];

    pub fn name(self) -> &'static str {
        match self {
            Column::State => "state",
            Column::Views => "views",
            Column::Log => "log",
            Column::Meta => "meta",
        }
    }
}

/// The insides of a store, for those who run it. Asking is cheap and never waits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Insides {
    pub columns: Vec<(Column, ColumnInsides)>,
    /// Time that writes have waited for the store to catch up, since it was opened.
    pub stalled: std::time::Duration,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ColumnInsides {
    /// Bytes in tables on disk.
    pub table_bytes: u64,
    /// Bytes in memory that are not yet in tables.
    pub memory_bytes: u64,
    /// Bytes that wait to be compacted.
    pub pending_bytes: u64,
    /// Tables that no compaction has touched.
    pub fresh_tables: u64,
    /// About how many keys there are.
    pub keys: u64,
}

/// Keeps columns. Two implementations: RocksDB and memory.
///
/// After the first error the outcome of what was asked is unknown: whoever sees one stops, reopens and looks.
pub trait Store: Send + Sync {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError>;

    /// Looks up ascending `keys` at once; calls `found` with the index of each and its value, in order.
    fn get_many(
        &self,
        column: Column,
        keys: &[&[u8]],
        found: &mut dyn FnMut(usize, Option<&[u8]>),
    ) -> Result<(), StorageError>;

    fn cursor(&self, column: Column) -> Box<dyn Cursor + '_>;

    /// What the store tells of its insides; nothing where there is nothing to tell.
    fn insides(&self) -> Insides {
        Insides::default()
    }

    /// Writes all changes or none. They have reached the disk when this returns, unless the store was opened otherwise.
    fn write(&self, changes: &[(Column, &Changes)]) -> Result<(), StorageError>;
}

/// Walks a column in key order.
///
/// An unreadable place is an error of the step that meets it, never the end of the data.
pub trait Cursor {
    /// Goes to the first key at or behind `key`.
    fn seek(&mut self, key: &[u8]) -> Result<(), StorageError>;

    /// Goes to the last key in front of `key`.
    fn seek_before(&mut self, key: &[u8]) -> Result<(), StorageError>;

    fn next(&mut self) -> Result<(), StorageError>;

    fn previous(&mut self) -> Result<(), StorageError>;

    /// Key and value here; `None` beyond either end.
    fn entry(&self) -> Option<(&[u8], &[u8])>;
}
