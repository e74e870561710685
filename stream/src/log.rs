//! The log: numbered entries of bytes, durable before their number is told.

use std::sync::{Arc, Mutex};

use crate::StorageError;
use crate::store::{Changes, Column, Store};

/// The log of a data directory. Clones share it.
#[derive(Clone)]
pub struct Log {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn Store>,
    last: Mutex<u64>,
}

impl Log {
    /// Finds the end of the log in the store.
    pub(crate) fn open(store: Arc<dyn Store>) -> Result<Log, StorageError> {
        let last = last_number(store.as_ref())?;
        Ok(Log { inner: Arc::new(Inner { store, last: Mutex::new(last) }) })
    }

    /// Adds an entry and returns its number, from 1. It has reached the disk then.
    pub fn append(&self, entry: &[u8]) -> Result<u64, StorageError> {
        self.append_all(&[entry])
    }

    /// Adds entries as one, or none of them, and returns the number of the last.
    pub fn append_all(&self, entries: &[&[u8]]) -> Result<u64, StorageError> {
        let mut last = self.inner.last.lock().expect("no writer of the log panics");
        let mut changes = Changes::default();
        let mut number = *last;
        for entry in entries {
            number += 1;
            changes.put(&number.to_be_bytes(), &[], entry);
        }
        self.inner.store.write(&[(Column::Log, &changes)])?;
        *last = number;
        Ok(number)
    }

    /// The entry's bytes; `None` behind the end. A gap in front of the end is an error.
    pub fn read(&self, number: u64) -> Result<Option<Vec<u8>>, StorageError> {
        let entry = self.inner.store.get(Column::Log, &number.to_be_bytes())?;
        if entry.is_none() && (1..=self.len()).contains(&number) {
            return Err(StorageError::new(format!("log entry {number} is missing")));
        }
        Ok(entry)
    }

    /// Number of the last entry; 0 in an empty log.
    pub fn len(&self) -> u64 {
        *self.inner.last.lock().expect("no writer of the log panics")
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn last_number(store: &dyn Store) -> Result<u64, StorageError> {
    let mut cursor = store.cursor(Column::Log);
    cursor.seek_before(&[0xff; 9])?;
    match cursor.entry() {
        None => Ok(0),
        Some((key, _)) => match key.try_into() {
            Ok(bytes) => Ok(u64::from_be_bytes(bytes)),
            Err(_) => Err(StorageError::new("log has a key that is no number")),
        },
    }
}
