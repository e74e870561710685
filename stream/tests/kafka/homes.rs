//! Disks and checkpoints in memory: lost, set back, failing.

use std::sync::{Arc, Mutex};

use stream::StorageError;
use stream::kafka::Book;
use stream::kafka::home::{Home, Keeping};
use stream::store::memory::{Fault, Restart};
use stream::store::{MemoryStore, Store};

use crate::faults::Fate;

/// Checkpoints of one task, the newest first, as all hosts see them.
pub type Checkpoints = Arc<Mutex<Vec<(Book, MemoryStore)>>>;

/// A task's place on one host, which outlives the processes there.
#[derive(Clone)]
pub struct Disk {
    store: Arc<Mutex<Arc<MemoryStore>>>,
    /// An older copy, as a backup or a snapshot of the host would bring it back.
    older: Arc<Mutex<Option<MemoryStore>>>,
    checkpoints: Checkpoints,
    kept: usize,
    fate: Fate,
}

impl Disk {
    /// `kept`: how many checkpoints are kept.
    pub fn new(checkpoints: Checkpoints, kept: usize, fate: Fate) -> Disk {
        Disk { store: Arc::default(), older: Arc::default(), checkpoints, kept, fate }
    }

    /// What a process finds that starts on the host.
    pub fn start(&self) -> Box<dyn Home> {
        let store = self.store();
        store.restart(if self.fate.pick(2) == 0 { Restart::Killed } else { Restart::PowerCut });
        if self.fate.strikes("disk is lost", 8) {
            self.put(MemoryStore::new());
        } else if self.fate.strikes("disk is set back", 8)
            && let Some(older) = self.older.lock().unwrap().take()
        {
            self.put(older);
        } else if self.fate.strikes("disk is copied", 4) {
            *self.older.lock().unwrap() = Some(store.backup());
        }
        if self.fate.strikes("disk will fail", 6) {
            let at = 1 + self.fate.pick(8);
            let faults = [Fault::Write(at), Fault::Sync(at), Fault::AfterSync(at), Fault::Read(1 + self.fate.pick(60))];
            self.store().plan(Some(faults[self.fate.pick(4) as usize]));
        }
        Box::new(self.clone())
    }

    pub fn store(&self) -> Arc<MemoryStore> {
        self.store.lock().unwrap().clone()
    }

    /// Forgets everything, checkpoints too.
    pub fn wipe(&self) {
        self.put(MemoryStore::new());
        self.checkpoints.lock().unwrap().clear();
    }

    /// Forgets the store alone.
    pub fn lose(&self) {
        self.put(MemoryStore::new());
    }

    /// A place for a store of another process, with the same checkpoints, two of which are kept.
    pub fn beside(&self) -> Disk {
        Disk::new(self.checkpoints.clone(), 2, self.fate.clone())
    }

    /// Books of the checkpoints.
    pub fn books(&self) -> Vec<Book> {
        self.checkpoints.lock().unwrap().iter().map(|(book, _)| book.clone()).collect()
    }

    fn put(&self, store: MemoryStore) {
        *self.store.lock().unwrap() = Arc::new(store);
    }
}

impl Home for Disk {
    fn open(&mut self) -> Result<Arc<dyn Store>, StorageError> {
        Ok(self.store())
    }

    fn checkpoints(&mut self) -> Result<Vec<Book>, StorageError> {
        Ok(self.books())
    }

    fn restore(&mut self, book: &Book) -> Result<Arc<dyn Store>, StorageError> {
        if self.fate.strikes("checkpoint cannot be read", 8) {
            return Err(StorageError::new("checkpoint is damaged"));
        }
        self.fate.note("task starts from a checkpoint");
        let checkpoints = self.checkpoints.lock().unwrap();
        let (_, kept) = checkpoints.iter().find(|(kept, _)| kept == book).expect("a checkpoint that was told");
        self.put(kept.backup());
        drop(checkpoints);
        Ok(self.store())
    }

    fn clear(&mut self) -> Result<Arc<dyn Store>, StorageError> {
        self.fate.note("task starts from nothing");
        self.put(MemoryStore::new());
        Ok(self.store())
    }

    fn checkpoint(&mut self, _store: &Arc<dyn Store>, book: &Book) -> Keeping {
        if self.kept == 0 {
            return Keeping::Nothing;
        }
        let mut checkpoints = self.checkpoints.lock().unwrap();
        let copy = self.store().backup();
        copy.restart(Restart::Killed);
        checkpoints.insert(0, (book.clone(), copy));
        checkpoints.truncate(self.kept);
        Keeping::Ended(Ok(1))
    }
}

type Restores = Box<dyn FnMut(&mut Disk, &Book) -> Result<Arc<dyn Store>, StorageError> + Send>;
type Keeps = Box<dyn FnMut(&mut Disk, &Arc<dyn Store>, &Book) -> Keeping + Send>;

/// A disk whose checkpoints are kept, or fetched, in another way.
pub struct Otherwise {
    disk: Disk,
    restores: Restores,
    keeps: Keeps,
}

impl Otherwise {
    pub fn keeping(
        disk: Disk,
        keeps: impl FnMut(&mut Disk, &Arc<dyn Store>, &Book) -> Keeping + Send + 'static,
    ) -> Otherwise {
        Otherwise { disk, restores: Box::new(|disk, book| disk.restore(book)), keeps: Box::new(keeps) }
    }

    pub fn restoring(
        disk: Disk,
        restores: impl FnMut(&mut Disk, &Book) -> Result<Arc<dyn Store>, StorageError> + Send + 'static,
    ) -> Otherwise {
        let keeps: Keeps = Box::new(|disk, store, book| disk.checkpoint(store, book));
        Otherwise { disk, restores: Box::new(restores), keeps }
    }
}

impl Home for Otherwise {
    fn open(&mut self) -> Result<Arc<dyn Store>, StorageError> {
        self.disk.open()
    }

    fn checkpoints(&mut self) -> Result<Vec<Book>, StorageError> {
        self.disk.checkpoints()
    }

    fn restore(&mut self, book: &Book) -> Result<Arc<dyn Store>, StorageError> {
        (self.restores)(&mut self.disk, book)
    }

    fn clear(&mut self) -> Result<Arc<dyn Store>, StorageError> {
        self.disk.clear()
    }

    fn checkpoint(&mut self, store: &Arc<dyn Store>, book: &Book) -> Keeping {
        (self.keeps)(&mut self.disk, store, book)
    }
}
