//! A data directory: store, log and witness, checked against each other when it is opened.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
#[cfg(feature = "rocks")]
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::store::{Changes, Column, Store};
use crate::witness::{Testimony, Witness};
use crate::{Log, Position, StateReader, StorageError, Views};

/// Layout of keys and records in the store, what stages keep there included. A directory of another one is refused.
const FORMAT: u32 = 10;
const IDENTITY: &[u8] = b"identity";
const COMMITTED: &[u8] = b"committed";
const LINE: &[u8] = b"line";
#[cfg(feature = "rocks")]
const ATTEMPTS: usize = 20;
#[cfg(feature = "rocks")]
const PAUSE: std::time::Duration = std::time::Duration::from_millis(10);

/// What never changes in a data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub format: u32,
    /// Tells this directory from any other.
    pub directory: [u8; 16],
    /// Partitions of every stage.
    pub partitions: u16,
}

/// How far the store has come. Written with every epoch, in the same batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Committed {
    /// Epochs so far, over all runs.
    pub epoch: u64,
    /// The last input that the store holds the effects of.
    pub position: Position,
    /// Number of the last control.
    pub control: u64,
    /// Sum over all publications so far of hash(cause, topic, key, value): does not depend on epochs, threads or
    /// partitions, only on what was published because of which input.
    pub digest: [u64; 4],
    pub published: u64,
    /// Records and their cost so far.
    pub records: u64,
    pub cost: u64,
}

/// Why a data directory does not open. Nothing was changed in it.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("data directory is not readable")]
    Storage(#[from] StorageError),
    #[error("another run works on data directory {directory}: wait for its end, or stop it")]
    InUse { directory: String },
    #[error("data directory {directory} is a file; name a folder")]
    NoFolder { directory: String },
    #[error("folder {directory} holds other files; name a new folder for the data")]
    Foreign { directory: String },
    #[error("data directory {directory} cannot be used: {error}")]
    Files { directory: String, error: std::io::Error },
    #[error(
        "data directory has format {found}, this build reads format {FORMAT}: read the same feeds into a new one, or go on with \
         the build that made it"
    )]
    Format { found: u32 },
    #[error("data directory has {found} partitions, not {asked}; the number is fixed when a directory is made")]
    Partitions { found: u16, asked: u16 },
    #[error(
        "data directory holds data, but its witness {witness} is missing: it may be older than what was already told outside; \
         bring both back from one backup, or read the same feeds and commands into a new directory"
    )]
    WitnessMissing { witness: String },
    #[error("witness belongs to another data directory")]
    WitnessForeign,
    #[error(
        "data directory went backwards: it holds epoch {epoch} and {log} log entries, \
         its witness has seen epoch {witness_epoch} and {witness_log} log entries"
    )]
    WentBackwards { epoch: u64, log: u64, witness_epoch: u64, witness_log: u64 },
    #[error("data directory holds nothing yet: no run has come to its first commit")]
    Empty,
    #[error("data directory was made by stages {found}, not {asked}")]
    Line { found: String, asked: String },
}

/// An open data directory.
pub struct DataDirectory {
    store: Arc<dyn Store>,
    witness: Box<dyn Witness>,
    identity: Identity,
    committed: Committed,
    log: Log,
    /// Held as long as this lives.
    _lock: Option<std::fs::File>,
}

impl DataDirectory {
    /// Opens or makes the data directory at `path`, for this process alone.
    #[cfg(feature = "rocks")]
    pub fn open(path: &Path, partitions: u16) -> Result<DataDirectory, OpenError> {
        let directory = DataDirectory::open_for_log(path, partitions)?;
        directory.check_partitions(partitions)?;
        Ok(directory)
    }

    /// As [`DataDirectory::open`], for whoever wants the log alone, in which partitions do not show: one that is there may
    /// have been made with another number of them.
    #[cfg(feature = "rocks")]
    pub fn open_for_log(path: &Path, partitions: u16) -> Result<DataDirectory, OpenError> {
        let files = |error| OpenError::Files { directory: path.display().to_string(), error };
        refuse_what_is_none(path)?;
        std::fs::create_dir_all(path).map_err(files)?;
        let lock = std::fs::File::create(path.join("lock")).map_err(files)?;
        lock_alone(path, &lock)?;
        let store = Arc::new(crate::store::RocksStore::open(&path.join("store"))?);
        let witness = Box::new(crate::witness::FileWitness::of(path));
        let directory = DataDirectory::found_or_made(store, witness, partitions)?;
        Ok(DataDirectory { _lock: Some(lock), ..directory })
    }

    /// Opens an existing data directory to look at, as of its last commit: what is committed later does not show.
    ///
    /// Does not wait for a process that writes to it, and is not in its way.
    #[cfg(feature = "rocks")]
    pub fn open_read_only(path: &Path) -> Result<DataDirectory, OpenError> {
        for _ in 0..ATTEMPTS {
            match DataDirectory::as_it_is(path) {
                // A directory that is just being made is not whole yet.
                Err(_) if DataDirectory::is_written(path) => std::thread::sleep(PAUSE),
                opened => return opened,
            }
        }
        DataDirectory::as_it_is(path)
    }

    #[cfg(feature = "rocks")]
    fn as_it_is(path: &Path) -> Result<DataDirectory, OpenError> {
        let witness = Box::new(crate::witness::FileWitness::of(path));
        // Asked first: a writer tells the witness behind the store, so what is opened now is no older than this.
        let testimony = witness.read()?;
        let store = Arc::new(crate::store::RocksStore::open_read_only(&path.join("store"))?);
        DataDirectory::existing(store, witness, testimony)
    }

    /// Whether a process writes to the data directory at `path` now.
    #[cfg(feature = "rocks")]
    pub fn is_written(path: &Path) -> bool {
        let lock = std::fs::File::open(path.join("lock"));
        lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(std::fs::TryLockError::WouldBlock)))
    }

    /// Opens or makes a data directory on any store; an empty store gets an identity.
    pub fn on(store: Arc<dyn Store>, witness: Box<dyn Witness>, partitions: u16) -> Result<DataDirectory, OpenError> {
        let directory = DataDirectory::found_or_made(store, witness, partitions)?;
        directory.check_partitions(partitions)?;
        Ok(directory)
    }

    fn found_or_made(
        store: Arc<dyn Store>,
        witness: Box<dyn Witness>,
        partitions: u16,
    ) -> Result<DataDirectory, OpenError> {
        if read::<Identity>(store.as_ref(), IDENTITY)?.is_none() {
            found(store.as_ref(), witness.as_ref(), partitions)?;
        }
        let testimony = witness.read()?;
        let directory = DataDirectory::existing(store, witness, testimony)?;
        directory.testify()?;
        Ok(directory)
    }

    fn check_partitions(&self, asked: u16) -> Result<(), OpenError> {
        let found = self.identity.partitions;
        if found == asked { Ok(()) } else { Err(OpenError::Partitions { found, asked }) }
    }

    /// What the store holds, which must be no older than what the witness said before it was opened.
    fn existing(
        store: Arc<dyn Store>,
        witness: Box<dyn Witness>,
        testimony: Option<Testimony>,
    ) -> Result<DataDirectory, OpenError> {
        let identity: Identity = read(store.as_ref(), IDENTITY)?.ok_or(OpenError::Empty)?;
        if identity.format != FORMAT {
            return Err(OpenError::Format { found: identity.format });
        }
        let committed: Committed = read(store.as_ref(), COMMITTED)?.unwrap_or_default();
        let log = Log::open(store.clone())?;
        let directory = DataDirectory { store, witness, identity, committed, log, _lock: None };
        directory.compare(testimony)?;
        Ok(directory)
    }

    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// How far the store has come.
    pub fn committed(&self) -> Committed {
        self.committed
    }

    pub fn log(&self) -> Log {
        self.log.clone()
    }

    pub fn store(&self) -> Arc<dyn Store> {
        self.store.clone()
    }

    /// A view's records in key order.
    pub fn views(&self, topic: u8) -> Views<'_> {
        Views::under(self.store.as_ref(), topic, &[])
    }

    /// The record of a view under this key.
    pub fn view(&self, topic: u8, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        self.store.get(Column::Views, &[&[topic], key].concat())
    }

    /// A view's records whose keys start with `prefix`, in key order.
    pub fn views_under(&self, topic: u8, prefix: &[u8]) -> Views<'_> {
        Views::under(self.store.as_ref(), topic, prefix)
    }

    /// The committed state of one partition of a stage, stages counted from 0.
    pub fn partition_state(&self, stage: u8, partition: u16) -> StateReader<'_> {
        crate::reader::state_reader(self.store.as_ref(), stage, partition)
    }

    /// Writes an epoch: all of it durable in the store, then in the witness.
    pub(crate) fn commit(
        &mut self,
        state: &[Changes],
        views: &Changes,
        committed: Committed,
    ) -> Result<(), StorageError> {
        let mut meta = Changes::default();
        meta.put(COMMITTED, &[], &encode(&committed));
        let mut changes: Vec<_> = state.iter().map(|changes| (Column::State, changes)).collect();
        changes.push((Column::Views, views));
        changes.push((Column::Meta, &meta));
        self.store.write(&changes)?;
        self.committed = committed;
        self.testify()
    }

    /// Makes sure that the directory was made by these stages, in this order.
    pub(crate) fn check_line(&self, names: &[&str]) -> Result<(), OpenError> {
        let asked = names.join(", ");
        match read::<String>(self.store.as_ref(), LINE)? {
            Some(found) if found == asked => Ok(()),
            Some(found) => Err(OpenError::Line { found, asked }),
            None => {
                let mut meta = Changes::default();
                meta.put(LINE, &[], &encode(&asked));
                Ok(self.store.write(&[(Column::Meta, &meta)])?)
            }
        }
    }

    fn compare(&self, testimony: Option<Testimony>) -> Result<(), OpenError> {
        let testimony = testimony.ok_or_else(|| OpenError::WitnessMissing { witness: self.witness.name() })?;
        if testimony.directory != self.identity.directory {
            return Err(OpenError::WitnessForeign);
        }
        let Committed { epoch, position, .. } = self.committed;
        let log = self.log.len();
        if epoch < testimony.epoch || position < testimony.position || log < testimony.log {
            let (witness_epoch, witness_log) = (testimony.epoch, testimony.log);
            return Err(OpenError::WentBackwards { epoch, log, witness_epoch, witness_log });
        }
        Ok(())
    }

    fn testify(&self) -> Result<(), StorageError> {
        let Committed { epoch, position, .. } = self.committed;
        let directory = self.identity.directory;
        self.witness.write(&Testimony { directory, epoch, position, log: self.log.len() })
    }
}

/// Gives an empty store its identity: the witness first, so that a crash in between can be told from a lost store.
fn found(store: &dyn Store, witness: &dyn Witness, partitions: u16) -> Result<(), OpenError> {
    for column in Column::ALL {
        let mut cursor = store.cursor(column);
        cursor.seek(&[])?;
        if cursor.entry().is_some() {
            return Err(StorageError::new("store holds data but has no identity").into());
        }
    }
    let directory = match witness.read()? {
        Some(Testimony { epoch: 0, log: 0, directory, .. }) => directory,
        Some(Testimony { epoch, log, .. }) => {
            return Err(OpenError::WentBackwards { epoch: 0, log: 0, witness_epoch: epoch, witness_log: log });
        }
        None => unlike_any_other(),
    };
    witness.write(&Testimony { directory, ..Testimony::default() })?;
    let mut meta = Changes::default();
    meta.put(IDENTITY, &[], &encode(&Identity { format: FORMAT, directory, partitions }));
    Ok(store.write(&[(Column::Meta, &meta)])?)
}

/// Random bytes from the system. They name the directory and reach no output.
fn unlike_any_other() -> [u8; 16] {
    let halves = [RandomState::new().hash_one(0), RandomState::new().hash_one(1)];
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&halves[0].to_be_bytes());
    bytes[8..].copy_from_slice(&halves[1].to_be_bytes());
    bytes
}

/// Nothing is put beside somebody's other files.
#[cfg(feature = "rocks")]
fn refuse_what_is_none(path: &Path) -> Result<(), OpenError> {
    let directory = path.display().to_string();
    if path.is_file() {
        return Err(OpenError::NoFolder { directory });
    }
    let names: Vec<_> =
        std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.file_name()).collect();
    let is_ours = names.is_empty() || names.iter().any(|name| name == "lock" || name == "store");
    if is_ours { Ok(()) } else { Err(OpenError::Foreign { directory }) }
}

/// Takes the lock of a process that writes. Whoever only asks whether it is taken holds it for an instant, so it is
/// asked for more than once.
#[cfg(feature = "rocks")]
fn lock_alone(path: &Path, lock: &std::fs::File) -> Result<(), OpenError> {
    let directory = path.display().to_string();
    for _ in 0..ATTEMPTS {
        match lock.try_lock() {
            Ok(()) => return Ok(()),
            Err(std::fs::TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
            Err(std::fs::TryLockError::Error(error)) => return Err(OpenError::Files { directory, error }),
        }
    }
    Err(OpenError::InUse { directory })
}

fn read<T: DeserializeOwned>(store: &dyn Store, key: &[u8]) -> Result<Option<T>, StorageError> {
    let Some(bytes) = store.get(Column::Meta, key)? else {
        return Ok(None);
    };
    postcard::from_bytes(&bytes)
        .map(Some)
        .map_err(|error| StorageError::new(format!("record {} is damaged: {error}", String::from_utf8_lossy(key))))
}

fn encode<T: Serialize>(record: &T) -> Vec<u8> {
    postcard::to_stdvec(record).expect("a record of the directory is encodable")
}
