//! Where a task's state lies on disk: its store in the process's own folder, checkpoints in one that all processes see.
//!
//! ```text
//! DATA/tasks/units-3/store/            the task's own store
//! CHECKPOINTS/units-3/00…0815/store/   a checkpoint: a store that nobody writes to
//! CHECKPOINTS/units-3/00…0815/book     what it holds; written last, by a rename of the whole
//! ```
//!
//! A checkpoint is called by its place, and by its incarnation where people opened one: a new one may begin at a lower
//! place.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::StorageError;
use crate::kafka::book::decode_with_book;
use crate::kafka::home::{FORMAT, Home};
use crate::kafka::{Book, Cluster, Incarnation, Place, StageSpec, TaskOptions};
use crate::store::{Durability, RocksMemory, RocksStore, Store};

/// Checkpoints that are kept of a task: the newest may be one that nothing can be folded from.
const KEPT: usize = 2;
const STORE: &str = "store";
const BOOK: &str = "book";
const INCOMING: &str = "incoming-";
/// What was begun so long ago is never finished.
const LEFT_OVER: Duration = Duration::from_secs(3600);

/// A task's folders.
pub struct FolderHome {
    own: PathBuf,
    checkpoints: Option<PathBuf>,
    generation: u32,
    memory: RocksMemory,
    /// The store that is open, as long as somebody holds it.
    open: Weak<RocksStore>,
}

/// What a checkpoint holds.
#[derive(Serialize, Deserialize)]
struct Manifest {
    format: u32,
    generation: u32,
    book: Book,
}

impl FolderHome {
    pub fn new(
        cluster: &Cluster,
        spec: &StageSpec,
        options: &TaskOptions,
        memory: &RocksMemory,
        partition: u16,
    ) -> FolderHome {
        let name = folder_name(spec.name, partition);
        let own = options.data.join("tasks").join(&name);
        let checkpoints = options.checkpoints.as_ref().map(|folder| folder.join(&name));
        let generation = cluster.generation;
        FolderHome { own, checkpoints, generation, memory: memory.clone(), open: Weak::new() }
    }

    fn open_own(&mut self) -> Result<Arc<dyn Store>, StorageError> {
        fs::create_dir_all(&self.own).map_err(|error| failure(&self.own, &error))?;
        let store = RocksStore::open_sharing(&self.own.join(STORE), &self.memory, Durability::Process)?;
        let store = Arc::new(store);
        self.open = Arc::downgrade(&store);
        Ok(store)
    }

    /// Puts a folder in the place of the own store, which stays as long as the folder is not copied whole.
    fn replace_own(&mut self, from: &Path) -> Result<Arc<dyn Store>, StorageError> {
        let (store, incoming) = (self.own.join(STORE), self.own.join("incoming"));
        let copied = remove(&incoming).and_then(|()| copy_store(from, &incoming));
        copied.map_err(|error| failure(from, &error))?;
        let moved = remove(&store).and_then(|()| fs::rename(&incoming, &store));
        moved.map_err(|error| failure(&store, &error))?;
        self.open_own()
    }

    /// Whether a checkpoint of the same state is there.
    fn holds(&self, checkpoint: &Path, book: &Book) -> bool {
        let kept = fs::read(checkpoint.join(BOOK)).ok().and_then(|bytes| kept_book(&bytes, self.generation));
        kept.is_some_and(|kept| Book { transactions: book.transactions, ..kept } == *book)
    }

    fn whole(&self) -> Result<Vec<(PathBuf, Book)>, StorageError> {
        self.checkpoints.as_ref().map_or(Ok(Vec::new()), |folder| whole(folder, self.generation))
    }
}

/// Folders of a task's checkpoints that are whole, the newest first.
fn whole(folder: &Path, generation: u32) -> Result<Vec<(PathBuf, Book)>, StorageError> {
    let mut whole = Vec::new();
    for path in numbered(folder).map_err(|error| failure(folder, &error))?.into_iter().rev() {
        // Another owner may be taking it away at this moment.
        let Ok(bytes) = fs::read(path.join(BOOK)) else { continue };
        let Some(book) = kept_book(&bytes, generation) else { continue };
        whole.push((path, book));
    }
    Ok(whole)
}

/// The book in a manifest of this layout and generation.
fn kept_book(bytes: &[u8], generation: u32) -> Option<Book> {
    let manifest = decode_with_book::<Manifest>(bytes).ok()?;
    (manifest.format == FORMAT && manifest.generation == generation).then_some(manifest.book)
}

/// Books of the checkpoints that are kept of a task's incarnation; `None` as long as there are fewer than are to be kept.
pub(crate) fn kept_books(
    checkpoints: &Path,
    spec: &StageSpec,
    partition: u16,
    generation: u32,
    incarnations: &[Incarnation],
) -> Result<Option<Vec<Book>>, StorageError> {
    let whole = whole(&checkpoints.join(folder_name(spec.name, partition)), generation)?;
    let books = whole.into_iter().map(|(_, book)| book).filter(|book| book.incarnations == incarnations);
    let books: Vec<Book> = books.collect();
    Ok((books.len() >= KEPT).then_some(books))
}

/// What a checkpoint is called.
fn checkpoint_name(book: &Book) -> String {
    let Place { next, slice } = book.place;
    match book.incarnations.len() {
        0 => format!("{next:020}-{slice:010}"),
        incarnation => format!("{next:020}-{slice:010}-{incarnation:05}"),
    }
}

/// Incarnation, then place: the order in which checkpoints were kept.
fn order(path: &Path) -> (u64, u64, u64) {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let mut numbers = name.split('-').map(|part| part.parse().unwrap_or_default());
    let (next, slice) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    (numbers.next().unwrap_or_default(), next, slice)
}

/// What the folders of a task are called.
pub fn folder_name(stage: &str, partition: u16) -> String {
    format!("{stage}-{partition}")
}

impl Home for FolderHome {
    fn open(&mut self) -> Result<Arc<dyn Store>, StorageError> {
        self.open_own()
    }

    fn checkpoints(&mut self) -> Result<Vec<Book>, StorageError> {
        Ok(self.whole()?.into_iter().map(|(_, book)| book).collect())
    }

    fn restore(&mut self, index: usize) -> Result<Arc<dyn Store>, StorageError> {
        let whole = self.whole()?;
        let (from, _) = whole.get(index).ok_or_else(|| StorageError::new("checkpoint was taken away meanwhile"))?;
        self.replace_own(&from.join(STORE))
    }

    fn clear(&mut self) -> Result<Arc<dyn Store>, StorageError> {
        let store = self.own.join(STORE);
        remove(&store).map_err(|error| failure(&store, &error))?;
        self.open_own()
    }

    fn checkpoint(&mut self, _store: &Arc<dyn Store>, book: &Book) -> Result<Option<u64>, StorageError> {
        let Some(folder) = self.checkpoints.clone() else { return Ok(None) };
        let store = self.open.upgrade().ok_or_else(|| StorageError::new("store of the task is not open"))?;
        let target = folder.join(checkpoint_name(book));
        let failed = |error: io::Error| failure(&target, &error);
        if !self.holds(&target, book) {
            // A repair that did not come to its end may have left another state of the same name.
            remove(&target).map_err(failed)?;
            fs::create_dir_all(&folder).map_err(failed)?;
            // A name of its own: an owner that has not yet heard that it is none may be at the same.
            let staging = tempfile::Builder::new().prefix(INCOMING).tempdir_in(&folder).map_err(failed)?;
            store.copy_to(&staging.path().join(STORE))?;
            let manifest = Manifest { format: FORMAT, generation: self.generation, book: book.clone() };
            let bytes = postcard::to_stdvec(&manifest).expect("a manifest is encodable");
            write_durably(&staging.path().join(BOOK), &bytes).map_err(failed)?;
            fs::rename(staging.keep(), &target).and_then(|()| sync(&folder)).map_err(failed)?;
        }
        let all = numbered(&folder).map_err(failed)?;
        for old in all.iter().rev().skip(KEPT) {
            remove(old).map_err(failed)?;
        }
        sweep(&folder).map_err(failed)?;
        size(&target).map(Some).map_err(failed)
    }
}

/// Folders that are called by places, the oldest first.
fn numbered(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if name.is_some_and(|name| name.starts_with(|first: char| first.is_ascii_digit())) {
            found.push(path);
        }
    }
    found.sort_by_key(|path| order(path));
    Ok(found)
}

/// Takes away what processes that were killed left behind.
fn sweep(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let is_incoming = entry.file_name().to_string_lossy().starts_with(INCOMING);
        if is_incoming && entry.metadata()?.modified()?.elapsed().is_ok_and(|age| age > LEFT_OVER) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Tables never change, so they are shared where the file system can; the rest is copied.
fn copy_store(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let target = to.join(path.file_name().expect("an entry has a name"));
        let is_table = path.extension().is_some_and(|extension| extension == "sst");
        if !is_table || fs::hard_link(&path, &target).is_err() {
            fs::copy(&path, &target)?;
        }
    }
    Ok(())
}

fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::write(path, bytes)?;
    File::open(path)?.sync_all()
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

fn size(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        bytes += if about.is_dir() { size(&entry.path())? } else { about.len() };
    }
    Ok(bytes)
}

fn failure(path: &Path, error: &io::Error) -> StorageError {
    StorageError::new(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::home::{apply, book_of, look};
    use crate::kafka::{Approval, Cause, TaskId, home::TaskIdentity};
    use crate::store::{Changes, Column};

    fn home(data: &Path, shared: &Path) -> FolderHome {
        let cluster = Cluster { brokers: String::new(), prefix: String::new(), generation: 3, settings: Vec::new() };
        let spec = StageSpec {
            number: 1,
            name: "two",
            input: "a".into(),
            output: None,
            views: Vec::new(),
            partitions: 1,
            logic: 1,
            config: [0; 32],
        };
        let options = TaskOptions { checkpoints: Some(shared.into()), ..TaskOptions::new(data) };
        FolderHome::new(&cluster, &spec, &options, &RocksMemory::default(), 0)
    }

    fn identity() -> TaskIdentity {
        let task = TaskId { stage: 1, partition: 0 };
        TaskIdentity { format: FORMAT, generation: 3, task, stage: "two".into(), partitions: 1 }
    }

    fn write(store: &Arc<dyn Store>, next: u64) -> Book {
        let book = Book { place: Place { next, slice: 0 }, ..Book::new(1, 1) };
        let mut changes = Changes::default();
        changes.put(b"k", &[], &next.to_be_bytes());
        apply(store.as_ref(), &changes, &book).unwrap();
        book
    }

    #[test]
    fn another_process_starts_from_a_checkpoint_and_two_are_kept() {
        let (here, there, shared) =
            (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut first = home(here.path(), shared.path());
        let store = first.open().unwrap();
        assert_eq!(look(store.as_ref(), &identity()).unwrap(), Ok(None));
        for next in [5, 9, 70] {
            let book = write(&store, next);
            assert!(first.checkpoint(&store, &book).unwrap().is_some_and(|bytes| bytes > 0));
        }
        write(&store, 80);
        let mut second = home(there.path(), shared.path());
        drop(second.open().unwrap());
        let places: Vec<u64> = second.checkpoints().unwrap().iter().map(|book| book.place.next).collect();
        assert_eq!(places, [70, 9]);
        for (index, next) in [(0, 70u64), (1, 9)] {
            let restored = second.restore(index).unwrap();
            assert_eq!(restored.get(Column::State, b"k").unwrap(), Some(next.to_be_bytes().to_vec()));
            assert_eq!(book_of(restored.as_ref()).unwrap().map(|(_, book)| book.place.next), Some(next));
            write(&restored, 100);
        }
        let restored = second.restore(0).unwrap();
        assert_eq!(restored.get(Column::State, b"k").unwrap(), Some(70u64.to_be_bytes().to_vec()));
        drop(restored);
        assert_eq!(second.clear().unwrap().get(Column::State, b"k").unwrap(), None);
    }

    #[test]
    fn a_new_incarnation_goes_before_places() {
        let (here, shared) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut home = home(here.path(), shared.path());
        let store = home.open().unwrap();
        let (from, at) = (Place { next: 9, slice: 0 }, Place { next: 2, slice: 0 });
        let approval = Approval::new("ann", "bob", "a test").unwrap();
        let opened = vec![Incarnation { cause: Cause::Input, approval, from, hash: [0; 32], at }];
        let old = [5, 9].map(|next| write(&store, next));
        let new = Book { incarnations: opened.clone(), ..write(&store, 2) };
        old.iter().chain([&new]).for_each(|book| assert!(home.checkpoint(&store, book).unwrap().is_some()));
        assert_eq!(home.checkpoints().unwrap(), [new.clone(), old[1].clone()]);
        let other = Book { hash: [1; 32], ..new };
        home.checkpoint(&store, &other).unwrap();
        assert_eq!(home.checkpoints().unwrap()[0], other, "another state under the same name takes its place");
    }
}
