//! Where a task's state lies on disk: its store in the process's own folder, `DATA/tasks/units-3/store`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread;

use tempfile::TempDir;

use crate::StorageError;
use crate::kafka::home::{Checkpoints, Home, Keeping, TaskIdentity, book_of};
use crate::kafka::{Book, Cluster, StageSpec, TaskOptions};
use crate::store::{Durability, RocksMemory, RocksStore, Store};

pub(crate) const STORE: &str = "store";
/// Begins the names of copies of the store that are becoming checkpoints.
const OUTGOING: &str = "outgoing-";
/// A checkpoint that is to become the store.
const INCOMING: &str = "incoming";
/// For what is not given up half-way.
pub(crate) static NEVER: AtomicBool = AtomicBool::new(false);

/// A task's folder, and the place of its checkpoints.
pub struct FolderHome {
    own: PathBuf,
    task: TaskIdentity,
    checkpoints: Option<Arc<dyn Checkpoints>>,
    memory: RocksMemory,
    /// The store that is open, as long as somebody holds it.
    open: Weak<RocksStore>,
    /// Set when no checkpoint is to be looked for or fetched any longer.
    stop: Arc<AtomicBool>,
}

impl FolderHome {
    pub fn new(
        cluster: &Cluster,
        spec: &StageSpec,
        options: &TaskOptions,
        memory: &RocksMemory,
        partition: u16,
    ) -> FolderHome {
        let task = TaskIdentity::of(cluster, spec, partition);
        let own = options.data.join("tasks").join(folder_name(spec.name, partition));
        let (checkpoints, memory) = (options.checkpoints.clone(), memory.clone());
        FolderHome { own, task, checkpoints, memory, open: Weak::new(), stop: Arc::default() }
    }

    /// The same home; what it looks for or fetches elsewhere is given up soon after `stop` is set.
    pub fn until(self, stop: &Arc<AtomicBool>) -> FolderHome {
        FolderHome { stop: Arc::clone(stop), ..self }
    }

    fn open_own(&mut self) -> Result<Arc<dyn Store>, StorageError> {
        let swept = fs::create_dir_all(&self.own).and_then(|()| self.sweep());
        swept.map_err(|error| failure(&self.own, &error))?;
        let store = RocksStore::open_sharing(&self.own.join(STORE), &self.memory, Durability::Process)?;
        let store = Arc::new(store);
        self.open = Arc::downgrade(&store);
        Ok(store)
    }

    /// A copy of the open store, gone when it is dropped.
    fn copy(&self) -> Result<TempDir, StorageError> {
        let store = self.open.upgrade().ok_or_else(|| StorageError::new("store of the task is not open"))?;
        let copy = tempfile::Builder::new().prefix(OUTGOING).tempdir_in(&self.own);
        let copy = copy.map_err(|error| failure(&self.own, &error))?;
        store.copy_to(&copy.path().join(STORE))?;
        Ok(copy)
    }

    /// # Errors
    /// A store that was fetched does not open, or holds something else than its book says.
    fn try_out(&self, fetched: &Path, book: &Book) -> Result<(), StorageError> {
        let store = RocksStore::open_sharing(fetched, &self.memory, Durability::Process)?;
        let holds = book_of(&store)?.is_some_and(|(task, found)| task == self.task && found == *book);
        holds.then_some(()).ok_or_else(|| StorageError::new("it holds something else than its book says"))
    }

    /// Takes away copies that are no checkpoints, or no store, yet: whoever was at it was killed, or has lost the task.
    fn sweep(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.own)? {
            let entry = entry?;
            let name = entry.file_name();
            if name == INCOMING || name.to_string_lossy().starts_with(OUTGOING) {
                remove(&entry.path())?;
            }
        }
        Ok(())
    }
}

/// # Errors
/// `stop` is set.
pub(crate) fn goes_on(stop: &AtomicBool) -> io::Result<()> {
    if stop.load(Ordering::Relaxed) { Err(io::Error::other("whoever asked for it is to end")) } else { Ok(()) }
}

/// Waits until every file of a store has reached the disk; given up between two of them once `stop` is set.
pub(crate) fn sync_store(store: &Path, stop: &AtomicBool) -> io::Result<()> {
    for entry in fs::read_dir(store)? {
        goes_on(stop)?;
        sync(&entry?.path())?;
    }
    sync(store)
}

/// Waits until a file, or what a folder lists, has reached the disk.
pub(crate) fn sync(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()
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
        self.checkpoints.as_ref().map_or(Ok(Vec::new()), |checkpoints| checkpoints.whole(&self.task, &self.stop))
    }

    /// The own store stays until the checkpoint is there whole, opens, holds what its book says and is on the disk.
    fn restore(&mut self, book: &Book) -> Result<Arc<dyn Store>, StorageError> {
        let checkpoints = self.checkpoints.clone().ok_or_else(|| StorageError::new("no checkpoints are kept"))?;
        let (store, incoming) = (self.own.join(STORE), self.own.join(INCOMING));
        remove(&incoming).map_err(|error| failure(&incoming, &error))?;
        let fetched = checkpoints
            .fetch(&self.task, book, &incoming, &self.stop)
            .and_then(|()| self.try_out(&incoming, book))
            .and_then(|()| sync_store(&incoming, &self.stop).map_err(|error| failure(&incoming, &error)));
        if let Err(error) = fetched {
            // What is left of it would take the room that the own store needs.
            remove(&incoming).map_err(|error| failure(&incoming, &error))?;
            return Err(error);
        }
        let moved = remove(&store).and_then(|()| fs::rename(&incoming, &store));
        moved.and_then(|()| sync(&self.own)).map_err(|error| failure(&store, &error))?;
        self.open_own()
    }

    fn clear(&mut self) -> Result<Arc<dyn Store>, StorageError> {
        let store = self.own.join(STORE);
        remove(&store).map_err(|error| failure(&store, &error))?;
        self.open_own()
    }

    fn checkpoint(&mut self, _store: &Arc<dyn Store>, book: &Book) -> Keeping {
        let Some(checkpoints) = self.checkpoints.clone() else { return Keeping::Nothing };
        let copy = match self.copy() {
            Ok(copy) => copy,
            Err(error) => return Keeping::Ended(Err(error)),
        };
        let (is_far, task, book) = (checkpoints.is_far(), self.task.clone(), book.clone());
        let keep = move || checkpoints.keep(&task, &book, &copy.path().join(STORE));
        if is_far { Keeping::Underway(thread::spawn(keep)) } else { Keeping::Ended(keep()) }
    }
}

/// Makes a folder that holds the same store. Tables never change, so they are shared where the file system can; the rest
/// is copied. Given up between two files once `stop` is set.
pub(crate) fn copy_store(from: &Path, to: &Path, stop: &AtomicBool) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        goes_on(stop)?;
        let path = entry?.path();
        let target = to.join(path.file_name().expect("an entry has a name"));
        let is_table = path.extension().is_some_and(|extension| extension == "sst");
        if !is_table || fs::hard_link(&path, &target).is_err() {
            fs::copy(&path, &target)?;
        }
    }
    Ok(())
}

pub(crate) fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

pub(crate) fn failure(path: &Path, error: &io::Error) -> StorageError {
    StorageError::new(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::checkpoints::{self, tests::places};
    use crate::kafka::home::{apply, look};
    use crate::kafka::{Approval, Cause, Incarnation, Place, Stop, TaskId};
    use crate::store::{Changes, Column};

    fn home(data: &Path, checkpoints: &Arc<dyn Checkpoints>) -> FolderHome {
        let (brokers, prefix, id) = (String::new(), String::new(), identity().cluster);
        let cluster = Cluster { brokers, prefix, generation: 3, settings: Vec::new(), id };
        let spec = StageSpec {
            number: 1,
            name: "two",
            input: "a".into(),
            output: None,
            views: Vec::new(),
            partitions: 1,
            logic: 1..=1,
            config: [0; 32],
        };
        let options = TaskOptions { checkpoints: Some(Arc::clone(checkpoints)), ..TaskOptions::new(data) };
        FolderHome::new(&cluster, &spec, &options, &RocksMemory::default(), 0)
    }

    fn identity() -> TaskIdentity {
        checkpoints::tests::identity(TaskId { stage: 1, partition: 0 }, "two", 3)
    }

    fn write(store: &Arc<dyn Store>, next: u64) -> Book {
        let book = Book { place: Place { next, slice: 0 }, ..Book::new(1, 1) };
        let mut changes = Changes::default();
        changes.put(b"k", &[], &next.to_be_bytes());
        apply(store.as_ref(), &changes, &book).unwrap();
        book
    }

    /// Files of a store, spoilt in ways in which a copy is not.
    fn spoils() -> [fn(&Path); 3] {
        [
            |store| {
                let mut paths = fs::read_dir(store).unwrap().map(|entry| entry.unwrap().path());
                let table = paths.find(|path| path.extension().is_some_and(|extension| extension == "sst")).unwrap();
                let bytes = fs::read(&table).unwrap();
                // A name of its own: tables are shared with the store that they were taken from.
                fs::remove_file(&table).unwrap();
                fs::write(&table, &bytes[..bytes.len() / 2]).unwrap();
            },
            |store| fs::remove_file(store.join("CURRENT")).unwrap(),
            |store| fs::remove_dir_all(store).unwrap(),
        ]
    }

    #[test]
    fn the_own_store_stays_where_a_checkpoint_does_not_open() {
        for spoil in spoils() {
            let (here, shared) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            let place: Arc<dyn Checkpoints> = Arc::new(crate::kafka::checkpoints::Folder::make(shared.path()).unwrap());
            let mut home = home(here.path(), &place);
            let store = home.open().unwrap();
            look(store.as_ref(), &identity()).unwrap().unwrap();
            let book = write(&store, 5);
            home.checkpoint(&store, &book).wait().unwrap();
            write(&store, 3);
            drop(store);
            spoil(
                &shared
                    .path()
                    .join("cluster-here/generation-3/two-0")
                    .join("00000000000000000005-0000000000")
                    .join(STORE),
            );
            assert!(home.restore(&book).is_err());
            let own = home.open().unwrap();
            assert_eq!(own.get(Column::State, b"k").unwrap(), Some(3u64.to_be_bytes().to_vec()));
            assert_eq!(fs::read_dir(here.path().join("tasks/two-0")).unwrap().count(), 1, "nothing is left of it");
        }
    }

    #[test]
    fn another_process_starts_from_a_checkpoint_and_two_are_kept() {
        let shared = tempfile::tempdir().unwrap();
        for place in places(shared.path()) {
            let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            let mut first = home(here.path(), &place);
            let store = first.open().unwrap();
            assert_eq!(look(store.as_ref(), &identity()).unwrap(), Ok(None));
            for next in [5, 9, 70] {
                let keeping = first.checkpoint(&store, &write(&store, next));
                // What is written from now on is not in it, also where it is still on its way.
                write(&store, next + 1);
                assert!(keeping.wait().unwrap().is_some_and(|bytes| bytes > 0));
            }
            assert_eq!(fs::read_dir(here.path().join("tasks/two-0")).unwrap().count(), 1, "only the store is left");
            let mut second = home(there.path(), &place);
            drop(second.open().unwrap());
            let kept = second.checkpoints().unwrap();
            assert_eq!(kept.iter().map(|book| book.place.next).collect::<Vec<_>>(), [70, 9]);
            for (book, next) in kept.iter().zip([70u64, 9]) {
                let restored = second.restore(book).unwrap();
                assert_eq!(restored.get(Column::State, b"k").unwrap(), Some(next.to_be_bytes().to_vec()));
                assert_eq!(book_of(restored.as_ref()).unwrap(), Some((identity(), book.clone())));
                write(&restored, 100);
            }
            let restored = second.restore(&kept[0]).unwrap();
            assert_eq!(restored.get(Column::State, b"k").unwrap(), Some(70u64.to_be_bytes().to_vec()));
            drop(restored);
            assert_eq!(second.clear().unwrap().get(Column::State, b"k").unwrap(), None);
        }
    }

    #[test]
    fn a_store_of_another_task_or_an_earlier_layout_is_refused() {
        let (here, shared) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let place: Arc<dyn Checkpoints> = Arc::new(crate::kafka::checkpoints::Folder::make(shared.path()).unwrap());
        let TaskIdentity { task, .. } = identity();
        for other in [
            TaskIdentity { format: 1, ..identity() },
            TaskIdentity { generation: 2, ..identity() },
            TaskIdentity { prefix: "eu.".into(), ..identity() },
            TaskIdentity { cluster: "there".into(), ..identity() },
            TaskIdentity { task: TaskId { partition: 1, ..task }, partitions: 2, ..identity() },
            TaskIdentity { task: TaskId { stage: 1, ..task }, stage: "one".into(), ..identity() },
        ] {
            let mut home = home(here.path(), &place);
            look(home.clear().unwrap().as_ref(), &other).unwrap().unwrap();
            let refused = look(home.open().unwrap().as_ref(), &identity()).unwrap();
            assert_eq!(refused, Err(Stop::Foreign { found: other.to_string(), asked: identity().to_string() }));
        }
    }

    #[test]
    fn a_place_that_cannot_be_written_to_is_told_by_what_becomes_of_the_checkpoint() {
        let (here, shared) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let place: Arc<dyn Checkpoints> = Arc::new(crate::kafka::checkpoints::Folder::make(shared.path()).unwrap());
        // Where its folder should be lies a file.
        let folder = shared.path().join("cluster-here/generation-3");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("two-0"), "").unwrap();
        let mut home = home(here.path(), &place);
        let store = home.open().unwrap();
        let book = write(&store, 5);
        assert!(home.checkpoint(&store, &book).wait().is_err());
        fs::remove_file(folder.join("two-0")).unwrap();
        assert!(home.checkpoint(&store, &book).wait().unwrap().is_some());
    }

    #[test]
    fn a_new_incarnation_goes_before_places() {
        let shared = tempfile::tempdir().unwrap();
        for place in places(shared.path()) {
            let here = tempfile::tempdir().unwrap();
            let mut home = home(here.path(), &place);
            let store = home.open().unwrap();
            let (from, at) = (Place { next: 9, slice: 0 }, Place { next: 2, slice: 0 });
            let approval = Approval::new("ann", "bob", "a test").unwrap();
            let opened = vec![Incarnation { cause: Cause::Input, approval, from, hash: [0; 32], at }];
            let old = [5, 9].map(|next| write(&store, next));
            let new = Book { incarnations: opened.clone(), ..write(&store, 2) };
            for book in old.iter().chain([&new]) {
                assert!(home.checkpoint(&store, book).wait().unwrap().is_some());
            }
            assert_eq!(home.checkpoints().unwrap(), [new.clone(), old[1].clone()]);
            let other = Book { hash: [1; 32], ..new };
            home.checkpoint(&store, &other).wait().unwrap();
            assert_eq!(home.checkpoints().unwrap()[0], other, "another state under the same name takes its place");
        }
    }

    #[test]
    fn checkpoints_of_the_next_generation_stand_beside_those_of_the_last() {
        let shared = tempfile::tempdir().unwrap();
        for place in places(shared.path()) {
            let here = tempfile::tempdir().unwrap();
            let mut home = home(here.path(), &place);
            let store = home.open().unwrap();
            let last = [70, 90].map(|next| {
                let book = write(&store, next);
                home.checkpoint(&store, &book).wait().unwrap();
                book
            });
            // It begins anew, at lower places.
            let (generation, book) = (TaskIdentity { generation: 4, ..identity() }, write(&store, 5));
            drop(store);
            place.keep(&generation, &book, &here.path().join("tasks/two-0").join(STORE)).unwrap();
            assert_eq!(place.whole(&generation, &NEVER).unwrap(), [book]);
            let [older, newer] = last;
            assert_eq!(home.checkpoints().unwrap(), [newer, older]);
        }
    }

    #[test]
    fn whoever_is_to_end_fetches_nothing_and_keeps_its_own_store() {
        let shared = tempfile::tempdir().unwrap();
        for place in places(shared.path()) {
            let here = tempfile::tempdir().unwrap();
            let stop = Arc::new(AtomicBool::new(false));
            let mut home = home(here.path(), &place).until(&stop);
            let store = home.open().unwrap();
            look(store.as_ref(), &identity()).unwrap().unwrap();
            let book = write(&store, 5);
            home.checkpoint(&store, &book).wait().unwrap();
            write(&store, 3);
            drop(store);
            stop.store(true, Ordering::Relaxed);
            let told = home.restore(&book).err().expect("it is given up").what;
            assert!(told.ends_with("whoever asked for it is to end"), "{told}");
            let own = home.open().unwrap();
            assert_eq!(own.get(Column::State, b"k").unwrap(), Some(3u64.to_be_bytes().to_vec()));
            assert_eq!(fs::read_dir(here.path().join("tasks/two-0")).unwrap().count(), 1, "nothing is left of it");
            drop(own);
            stop.store(false, Ordering::Relaxed);
            let restored = home.restore(&book).unwrap();
            assert_eq!(restored.get(Column::State, b"k").unwrap(), Some(5u64.to_be_bytes().to_vec()));
        }
    }

    #[test]
    fn a_checkpoint_that_is_gone_leaves_the_own_store() {
        let shared = tempfile::tempdir().unwrap();
        for place in places(shared.path()) {
            let here = tempfile::tempdir().unwrap();
            let mut home = home(here.path(), &place);
            let book = write(&home.open().unwrap(), 5);
            assert!(home.restore(&book).is_err());
            assert_eq!(home.open().unwrap().get(Column::State, b"k").unwrap(), Some(5u64.to_be_bytes().to_vec()));
        }
    }
}
