//! Keyed state of one partition of one stage, as the stage sees it.

/// A table inside a stage's state; part of stored keys, so numbers never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableId(pub u8);

/// In which direction a range is walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Up,
    Down,
}

/// A key with its value.
pub type Entry = (Vec<u8>, Vec<u8>);

/// Reads see all earlier writes of the same partition.
pub trait State {
    fn get(&mut self, table: TableId, key: &[u8]) -> Result<Option<&[u8]>, StorageError>;

    fn put(&mut self, table: TableId, key: &[u8], value: Vec<u8>) -> Result<(), StorageError>;

    fn delete(&mut self, table: TableId, key: &[u8]) -> Result<(), StorageError>;

    /// Adds bytes at the end of a value, which starts out empty.
    fn append(&mut self, table: TableId, key: &[u8], bytes: &[u8]) -> Result<(), StorageError>;

    /// Keys in `[from, to)` with their values, at most `limit` of them.
    fn range(
        &mut self,
        table: TableId,
        from: &[u8],
        to: &[u8],
        order: Order,
        limit: usize,
    ) -> Result<Vec<Entry>, StorageError>;
}

/// The store failed or holds bytes it should not hold. The partition stops; nothing is served from it.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct StorageError {
    pub what: String,
    pub kind: StorageKind,
}

/// Whether what has failed may come by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageKind {
    /// A store or its disk, or what lies there is not what it should be.
    Failed,
    /// Something that others lay down is not there, or not at hand now.
    Absent,
}

impl StorageError {
    pub fn new(what: impl Into<String>) -> StorageError {
        StorageError { what: what.into(), kind: StorageKind::Failed }
    }

    /// What others lay down is not there, or not at hand now.
    pub fn absent(what: impl Into<String>) -> StorageError {
        StorageError { what: what.into(), kind: StorageKind::Absent }
    }
}
