//! Where a task's state lies: its own store, and checkpoints that other owners can start from.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;

use serde::{Deserialize, Serialize};

use crate::StorageError;
use crate::kafka::book::decode_with_book;
use crate::kafka::spec::told_line;
use crate::kafka::{Book, Cluster, StageSpec, Stop, TaskError, TaskId};
use crate::store::{Changes, Column, Store};

/// What never changes in a task's store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskIdentity {
    pub format: u32,
    pub generation: u32,
    pub task: TaskId,
    pub stage: String,
    pub partitions: u16,
    /// What the brokers call their cluster.
    pub cluster: String,
    pub prefix: String,
}

/// Layout of a task's store, what its stage keeps there included. Stores and checkpoints of another one are not taken.
pub const FORMAT: u32 = 9;
const IDENTITY: &[u8] = b"identity";
const BOOK: &[u8] = b"book";
/// The line that a folder belongs to, which holds no task.
const OWNER: &[u8] = b"owner";

impl TaskIdentity {
    pub(crate) fn of(cluster: &Cluster, spec: &StageSpec, partition: u16) -> TaskIdentity {
        let Cluster { generation, prefix, id, .. } = cluster.clone();
        assert!(!id.is_empty(), "the brokers were not asked what they call their cluster");
        let (task, stage, partitions) = (TaskId { stage: spec.number, partition }, spec.name.into(), spec.partitions);
        TaskIdentity { format: FORMAT, generation, task, stage, partitions, cluster: id, prefix }
    }

    /// Reads one of this layout, or of those that did not name their line.
    fn decode(bytes: &[u8]) -> postcard::Result<TaskIdentity> {
        postcard::from_bytes(bytes).or_else(|error| {
            let Ok((format, generation, task, stage, partitions)) = postcard::from_bytes(bytes) else {
                return Err(error);
            };
            let (cluster, prefix) = (String::new(), String::new());
            Ok(TaskIdentity { format, generation, task, stage, partitions, cluster, prefix })
        })
    }
}

impl std::fmt::Display for TaskIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let TaskIdentity { format, generation, task, stage, partitions, cluster, prefix } = self;
        let partition = task.partition;
        write!(f, "stage {stage}, partition {partition} of {partitions}, generation {generation}, format {format}")?;
        if cluster.is_empty() { Ok(()) } else { write!(f, " of {}", told_line(cluster, prefix)) }
    }
}

/// Where a task's state lies. Two implementations: folders and memory.
pub trait Home: Send {
    /// The task's own store; made where there is none.
    fn open(&mut self) -> Result<Arc<dyn Store>, StorageError>;

    /// Books of the checkpoints that are whole, the newest first.
    fn checkpoints(&mut self) -> Result<Vec<Book>, StorageError>;

    /// Puts the checkpoint that has this book in the place of the task's own store.
    fn restore(&mut self, book: &Book) -> Result<Arc<dyn Store>, StorageError>;

    /// Puts an empty store in the place of the task's own.
    fn clear(&mut self) -> Result<Arc<dyn Store>, StorageError>;

    /// Keeps a checkpoint of the open store as it is now; what becomes of it is told by the answer alone.
    fn checkpoint(&mut self, store: &Arc<dyn Store>, book: &Book) -> Keeping;
}

/// What becomes of a checkpoint.
pub enum Keeping {
    /// None are kept here.
    Nothing,
    /// It is kept, with so many bytes, or could not be.
    Ended(Result<u64, StorageError>),
    /// It is on its way. The store may go on; left alone, it comes to its end as long as the process lives.
    Underway(JoinHandle<Result<u64, StorageError>>),
}

impl Keeping {
    /// Bytes of the checkpoint, once it is kept; `None` where none are.
    ///
    /// # Errors
    /// It could not be kept.
    pub fn wait(self) -> Result<Option<u64>, StorageError> {
        match self {
            Keeping::Nothing => Ok(None),
            Keeping::Ended(kept) => kept.map(Some),
            Keeping::Underway(thread) => {
                thread.join().unwrap_or_else(|_| Err(StorageError::new("thread of a checkpoint panicked"))).map(Some)
            }
        }
    }

    pub fn is_underway(&self) -> bool {
        matches!(self, Keeping::Underway(thread) if !thread.is_finished())
    }
}

/// A place for checkpoints. Two implementations: a folder, and a bucket of an object store.
pub trait Checkpoints: fmt::Debug + Send + Sync {
    /// Books of a task's checkpoints that are whole, the newest first.
    ///
    /// # Errors
    /// The place cannot be read. `stop` is set, and it was soon given up.
    fn whole(&self, task: &TaskIdentity, stop: &AtomicBool) -> Result<Vec<Book>, StorageError>;

    /// Makes a folder with the store of the checkpoint that has this book.
    ///
    /// # Errors
    /// It was taken away meanwhile, is damaged, or cannot be read. `stop` is set, and it was soon given up.
    fn fetch(&self, task: &TaskIdentity, book: &Book, into: &Path, stop: &AtomicBool) -> Result<(), StorageError>;

    /// Keeps a checkpoint of the store in `from`, to which nobody writes, and takes older ones away. Returns its bytes.
    ///
    /// # Errors
    /// The place cannot be written to. What was begun never counts.
    fn keep(&self, task: &TaskIdentity, book: &Book, from: &Path) -> Result<u64, StorageError>;

    /// Whether it lies so far away that no task should wait for it.
    fn is_far(&self) -> bool;
}

/// Reads a store's book; an empty store gets its identity, another task's is refused.
pub fn look(store: &dyn Store, identity: &TaskIdentity) -> Result<Result<Option<Book>, Stop>, StorageError> {
    match read(store, IDENTITY, TaskIdentity::decode)? {
        Some(found) if found == *identity => Ok(Ok(committed(store)?)),
        Some(found) => Ok(Err(Stop::Foreign { found: found.to_string(), asked: identity.to_string() })),
        None => {
            let mut meta = Changes::default();
            meta.put(IDENTITY, &[], &encode(identity));
            store.write(&[(Column::Meta, &meta)])?;
            Ok(Ok(None))
        }
    }
}

/// The book of a task's last transaction; `None` before the first.
pub(crate) fn committed(store: &dyn Store) -> Result<Option<Book>, StorageError> {
    read(store, BOOK, decode_with_book)
}

/// The book of a store that is only looked at.
pub fn book_of(store: &dyn Store) -> Result<Option<(TaskIdentity, Book)>, StorageError> {
    let Some(identity) = read(store, IDENTITY, TaskIdentity::decode)? else {
        return Ok(None);
    };
    Ok(Some((identity, committed(store)?.unwrap_or_default())))
}

/// Sees to it that a folder without tasks, of an intake or of `watch`, is this line's alone: one that was no line's becomes
/// this one's.
///
/// # Errors
/// It is another line's.
pub fn must_belong(store: &dyn Store, cluster: &Cluster) -> Result<(), TaskError> {
    assert!(!cluster.id.is_empty(), "the brokers were not asked what they call their cluster");
    must_say(store, OWNER, &cluster.told_line())
}

/// What stands under `key`, from the first time on, must be the same each time.
pub(crate) fn must_say(store: &dyn Store, key: &[u8], line: &str) -> Result<(), TaskError> {
    match store.get(Column::Meta, key)? {
        Some(found) if found == line.as_bytes() => Ok(()),
        Some(found) => {
            let found = String::from_utf8_lossy(&found).into_owned();
            Err(TaskError::Foreign { found, asked: line.to_owned() })
        }
        None => {
            let mut meta = Changes::default();
            meta.put(key, &[], line.as_bytes());
            Ok(store.write(&[(Column::Meta, &meta)])?)
        }
    }
}

/// Writes what a transaction changed, with the book in the same batch.
pub fn apply(store: &dyn Store, changes: &Changes, book: &Book) -> Result<(), StorageError> {
    let mut meta = Changes::default();
    meta.put(BOOK, &[], &encode(book));
    store.write(&[(Column::State, changes), (Column::Meta, &meta)])
}

fn read<T>(
    store: &dyn Store,
    key: &[u8],
    decode: impl FnOnce(&[u8]) -> postcard::Result<T>,
) -> Result<Option<T>, StorageError> {
    let Some(bytes) = store.get(Column::Meta, key)? else {
        return Ok(None);
    };
    let damaged = |error| StorageError::new(format!("record {} is damaged: {error}", String::from_utf8_lossy(key)));
    decode(&bytes).map(Some).map_err(damaged)
}

fn encode<T: Serialize>(record: &T) -> Vec<u8> {
    postcard::to_stdvec(record).expect("a record of the store is encodable")
}
