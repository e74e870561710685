//! The log: numbered entries of bytes, durable before their number is told.

use std::sync::{Arc, Mutex, MutexGuard};

use crate::StorageError;
use crate::store::{Changes, Column, Store};

/// The log of a data directory. Clones share it.
#[derive(Clone)]
pub struct Log {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn Store>,
    end: Mutex<End>,
}

#[derive(Clone, Copy)]
struct End {
    /// Number of the last entry.
    last: u64,
    /// An append failed: whether it is in the store is unknown until the store is opened anew.
    unclear: bool,
}

impl Log {
    /// Finds the end of the log in the store.
    pub(crate) fn open(store: Arc<dyn Store>) -> Result<Log, StorageError> {
        let last = last_number(store.as_ref())?;
        Ok(Log { inner: Arc::new(Inner { store, end: Mutex::new(End { last, unclear: false }) }) })
    }

    /// Adds an entry and returns its number, from 1. It has reached the disk then.
    pub fn append(&self, entry: &[u8]) -> Result<u64, StorageError> {
        self.append_all(&[entry])
    }

    /// Adds entries as one, or none of them, and returns the number of the last.
    ///
    /// After an error the log takes nothing more: the entries may be there or not, and their numbers may be taken.
    pub fn append_all(&self, entries: &[&[u8]]) -> Result<u64, StorageError> {
        let mut end = self.end();
        if end.unclear {
            return Err(StorageError::new("log has failed before"));
        }
        let mut changes = Changes::default();
        let mut number = end.last;
        for entry in entries {
            number += 1;
            changes.put(&number.to_be_bytes(), &[], entry);
        }
        end.unclear = true;
        self.inner.store.write(&[(Column::Log, &changes)])?;
        *end = End { last: number, unclear: false };
        Ok(number)
    }

    /// The entry's bytes; `None` behind the end. A gap in front of the end is an error.
    pub fn read(&self, number: u64) -> Result<Option<Vec<u8>>, StorageError> {
        // Asked first, as the log may grow meanwhile.
        let last = self.len();
        let entry = self.inner.store.get(Column::Log, &number.to_be_bytes())?;
        if entry.is_none() && (1..=last).contains(&number) {
            return Err(StorageError::new(format!("log entry {number} is missing")));
        }
        Ok(entry)
    }

    /// Number of the last entry; 0 in an empty log.
    pub fn len(&self) -> u64 {
        self.end().last
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn end(&self) -> MutexGuard<'_, End> {
        self.inner.end.lock().expect("no writer of the log panics")
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryStore;
    use crate::store::memory::{Fault, Restart};

    #[test]
    fn entries_are_numbered_from_one_and_found_again() {
        let store = Arc::new(MemoryStore::new());
        let log = Log::open(store.clone()).unwrap();
        assert_eq!((log.len(), log.read(1).unwrap()), (0, None));
        assert_eq!(log.append(b"a").unwrap(), 1);
        assert_eq!(log.append_all(&[b"b", b"c"]).unwrap(), 3);
        let log = Log::open(store).unwrap();
        assert_eq!((log.len(), log.read(3).unwrap(), log.read(4).unwrap()), (3, Some(b"c".to_vec()), None));
    }

    #[test]
    fn a_gap_is_an_error() {
        let store = Arc::new(MemoryStore::new());
        let mut changes = Changes::default();
        changes.put(&2u64.to_be_bytes(), &[], b"b");
        store.write(&[(Column::Log, &changes)]).unwrap();
        let log = Log::open(store).unwrap();
        assert!(log.read(1).is_err());
    }

    #[test]
    fn after_an_error_nothing_is_written_over() {
        for fault in [Fault::Write(1), Fault::Sync(1), Fault::AfterSync(1)] {
            let store = Arc::new(MemoryStore::new());
            let log = Log::open(store.clone()).unwrap();
            log.append(b"a").unwrap();
            store.plan(Some(fault));
            assert!(log.append(b"b").is_err());
            store.restart(Restart::Killed);
            assert!(log.append(b"c").is_err());
            let log = Log::open(store).unwrap();
            assert_eq!(log.len(), if fault == Fault::Write(1) { 1 } else { 2 });
            assert_eq!(log.append(b"d").unwrap(), log.len());
        }
    }
}
