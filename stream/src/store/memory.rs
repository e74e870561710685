//! A store in memory that can fail in every way a disk does.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Mutex;

use crate::StorageError;
use crate::store::{Changes, Column, Cursor, Store};

type Map = BTreeMap<Vec<u8>, Kept>;

/// A value with the sum that it had when it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Kept {
    value: Vec<u8>,
    sum: [u8; 8],
}

/// When the store breaks, counted in its own operations from the last [`MemoryStore::plan`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The n-th read (from 1) fails.
    Read(u64),
    /// The n-th write fails before anything of it lands.
    Write(u64),
    /// The n-th write lands in the caches of the system, its sync fails.
    Sync(u64),
    /// The n-th write is durable, but the process dies before it learns of that.
    AfterSync(u64),
}

/// What a restart finds of a write whose sync failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// Only the process died: all that was written is there.
    Killed,
    /// What was not synced is gone.
    PowerCut,
}

/// Columns in memory. Once it has failed, every call fails until [`MemoryStore::restart`].
#[derive(Debug, Default)]
pub struct MemoryStore {
    inner: Mutex<Inner>,
}

#[derive(Clone, Debug, Default)]
struct Inner {
    columns: [Map; 4],
    /// How to take back what is not synced, last first.
    unsynced: Vec<(Column, Vec<u8>, Option<Kept>)>,
    fault: Option<Fault>,
    reads: u64,
    writes: u64,
    dead: bool,
}

impl MemoryStore {
    pub fn new() -> MemoryStore {
        MemoryStore::default()
    }

    /// Sets the next fault and starts counting anew.
    pub fn plan(&self, fault: Option<Fault>) {
        let mut inner = self.lock();
        (inner.fault, inner.reads, inner.writes) = (fault, 0, 0);
    }

    /// Brings a broken store up again, as a new process would find it.
    pub fn restart(&self, restart: Restart) {
        let mut inner = self.lock();
        let unsynced = std::mem::take(&mut inner.unsynced);
        if restart == Restart::PowerCut {
            for (column, key, old) in unsynced.into_iter().rev() {
                inner.set(column, key, old);
            }
        }
        (inner.fault, inner.dead) = (None, false);
    }

    /// A copy as a backup holds it, to put a store back to an older state.
    pub fn backup(&self) -> MemoryStore {
        MemoryStore { inner: Mutex::new(self.lock().clone()) }
    }

    /// Turns one bit of a value, as a failing disk does; the value's index counts through the column.
    pub fn flip(&self, column: Column, index: usize, bit: usize) {
        let mut inner = self.lock();
        let map = &mut inner.columns[column as usize];
        let count = map.len().max(1);
        if let Some(kept) = map.values_mut().nth(index % count).filter(|kept| !kept.value.is_empty()) {
            let bit = bit % (kept.value.len() * 8);
            kept.value[bit / 8] ^= 1 << (bit % 8);
        }
    }

    /// All keys and values of a column.
    pub fn column(&self, column: Column) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.lock().columns[column as usize].iter().map(|(k, v)| (k.clone(), v.value.clone())).collect()
    }

    /// Reads and writes since the last [`MemoryStore::plan`].
    pub fn operations(&self) -> (u64, u64) {
        let inner = self.lock();
        (inner.reads, inner.writes)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().expect("no holder of the store panics")
    }
}

impl Inner {
    fn read(&mut self) -> Result<(), StorageError> {
        self.reads += 1;
        if self.fault == Some(Fault::Read(self.reads)) {
            self.dead = true;
        }
        self.alive()
    }

    fn alive(&self) -> Result<(), StorageError> {
        if self.dead { Err(StorageError::new("store has failed")) } else { Ok(()) }
    }

    fn write(&mut self, changes: &[(Column, &Changes)]) -> Result<(), StorageError> {
        self.writes += 1;
        let at = self.writes;
        self.dead |= self.fault == Some(Fault::Write(at));
        self.alive()?;
        for (column, changes) in changes {
            for (key, value) in changes.iter() {
                let old = self.set(*column, key.to_vec(), value.map(Kept::new));
                self.unsynced.push((*column, key.to_vec(), old));
            }
        }
        self.dead |= self.fault == Some(Fault::Sync(at));
        self.alive()?;
        self.unsynced.clear();
        self.dead |= self.fault == Some(Fault::AfterSync(at));
        self.alive()
    }

    fn set(&mut self, column: Column, key: Vec<u8>, value: Option<Kept>) -> Option<Kept> {
        let map = &mut self.columns[column as usize];
        match value {
            Some(value) => map.insert(key, value),
            None => map.remove(&key),
        }
    }

    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        self.columns[column as usize].get(key).map(Kept::checked).transpose()
    }
}

impl Kept {
    fn new(value: &[u8]) -> Kept {
        Kept { value: value.to_vec(), sum: Kept::sum(value) }
    }

    fn sum(value: &[u8]) -> [u8; 8] {
        *blake3::hash(value).as_bytes().first_chunk().expect("a hash has more bytes")
    }

    fn checked(&self) -> Result<Vec<u8>, StorageError> {
        if Kept::sum(&self.value) != self.sum {
            return Err(StorageError::new("checksum of a stored value does not hold"));
        }
        Ok(self.value.clone())
    }
}

impl Store for MemoryStore {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        let mut inner = self.lock();
        inner.read()?;
        inner.get(column, key)
    }

    fn get_many(
        &self,
        column: Column,
        keys: &[&[u8]],
        found: &mut dyn FnMut(usize, Option<&[u8]>),
    ) -> Result<(), StorageError> {
        let mut inner = self.lock();
        inner.read()?;
        for (index, key) in keys.iter().enumerate() {
            found(index, inner.get(column, key)?.as_deref());
        }
        Ok(())
    }

    fn cursor(&self, column: Column) -> Box<dyn Cursor + '_> {
        Box::new(MemoryCursor { store: self, column, here: None })
    }

    fn write(&self, changes: &[(Column, &Changes)]) -> Result<(), StorageError> {
        self.lock().write(changes)
    }
}

struct MemoryCursor<'a> {
    store: &'a MemoryStore,
    column: Column,
    here: Option<(Vec<u8>, Vec<u8>)>,
}

impl MemoryCursor<'_> {
    fn go(&mut self, from: Bound<&[u8]>, to: Bound<&[u8]>, last: bool) -> Result<(), StorageError> {
        let mut inner = self.store.lock();
        inner.read()?;
        let mut range = inner.columns[self.column as usize].range::<[u8], _>((from, to));
        let found = if last { range.next_back() } else { range.next() };
        self.here = match found {
            Some((key, kept)) => Some((key.clone(), kept.checked()?)),
            None => None,
        };
        Ok(())
    }
}

impl Cursor for MemoryCursor<'_> {
    fn seek(&mut self, key: &[u8]) -> Result<(), StorageError> {
        self.go(Bound::Included(key), Bound::Unbounded, false)
    }

    fn seek_before(&mut self, key: &[u8]) -> Result<(), StorageError> {
        self.go(Bound::Unbounded, Bound::Excluded(key), true)
    }

    fn next(&mut self) -> Result<(), StorageError> {
        match self.here.take() {
            Some((key, _)) => self.go(Bound::Excluded(&key), Bound::Unbounded, false),
            None => Ok(()),
        }
    }

    fn previous(&mut self) -> Result<(), StorageError> {
        match self.here.take() {
            Some((key, _)) => self.go(Bound::Unbounded, Bound::Excluded(&key), true),
            None => Ok(()),
        }
    }

    fn entry(&self) -> Option<(&[u8], &[u8])> {
        self.here.as_ref().map(|(key, value)| (key.as_slice(), value.as_slice()))
    }
}
