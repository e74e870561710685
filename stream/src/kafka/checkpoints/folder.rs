//! Checkpoints in a folder that all processes see.
//!
//! ```text
//! CHECKPOINTS/cluster-ID/PREFIXgeneration-1/units-3/00…0815/store/   the store
//! CHECKPOINTS/cluster-ID/PREFIXgeneration-1/units-3/00…0815/book     the manifest; written last, by a rename of the whole
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use crate::StorageError;
use crate::kafka::Book;
use crate::kafka::checkpoints::{
    KEPT, LEFT_OVER, Manifest, book_in, checkpoint_name, is_checkpoint, line_names, order,
};
use crate::kafka::folder::{NEVER, STORE, copy_store, failure, folder_name, remove, sync, sync_store};
use crate::kafka::home::{Checkpoints, TaskIdentity};

const BOOK: &str = "book";
const INCOMING: &str = "incoming-";

/// A folder with a folder for each task.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// # Errors
    /// It is not there.
    pub fn open(path: &Path) -> Result<Folder, StorageError> {
        if !path.is_dir() {
            return Err(StorageError::new(format!("folder {} is not there", path.display())));
        }
        Ok(Folder { path: path.to_owned() })
    }

    /// # Errors
    /// It can neither be found nor made.
    pub fn make(path: &Path) -> Result<Folder, StorageError> {
        fs::create_dir_all(path).map_err(|error| failure(path, &error))?;
        Folder::open(path)
    }

    fn of(&self, task: &TaskIdentity) -> PathBuf {
        let [cluster, generation] = line_names(task);
        self.path.join(cluster).join(generation).join(folder_name(&task.stage, task.task.partition))
    }
}

impl Checkpoints for Folder {
    fn whole(&self, task: &TaskIdentity, _stop: &AtomicBool) -> Result<Vec<Book>, StorageError> {
        let folder = self.of(task);
        let checkpoints = checkpoints(&folder).map_err(|error| failure(&folder, &error))?;
        // Another owner may be taking one away at this moment.
        let manifests = checkpoints.iter().rev().filter_map(|path| fs::read(path.join(BOOK)).ok());
        Ok(manifests.filter_map(|manifest| book_in(&manifest, task)).collect())
    }

    fn fetch(&self, task: &TaskIdentity, book: &Book, into: &Path, stop: &AtomicBool) -> Result<(), StorageError> {
        let from = self.of(task).join(checkpoint_name(book)).join(STORE);
        copy_store(&from, into, stop).map_err(|error| failure(&from, &error))
    }

    fn keep(&self, task: &TaskIdentity, book: &Book, from: &Path) -> Result<u64, StorageError> {
        let folder = self.of(task);
        let target = folder.join(checkpoint_name(book));
        let failed = |error: io::Error| failure(&target, &error);
        let there = fs::read(target.join(BOOK)).ok().and_then(|manifest| book_in(&manifest, task));
        let is_there = there.is_some_and(|there| Book { transactions: book.transactions, ..there } == *book);
        if !is_there {
            keep(&folder, &target, from, &Manifest::new(task, book).encode()).map_err(failed)?;
        }
        tidy(&folder).and_then(|()| size(&target)).map_err(failed)
    }

    fn is_far(&self) -> bool {
        false
    }
}

/// Puts a checkpoint in the place of one of the same name: a repair that did not come to its end may have left another
/// state.
fn keep(folder: &Path, target: &Path, from: &Path, manifest: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    // A name of its own: an owner that has not yet heard that it is none may be at the same.
    let staging = tempfile::Builder::new().prefix(INCOMING).tempdir_in(folder)?;
    let store = staging.path().join(STORE);
    copy_store(from, &store, &NEVER)?;
    sync_store(&store, &NEVER)?;
    let book = staging.path().join(BOOK);
    fs::write(&book, manifest)?;
    [&book, staging.path()].into_iter().try_for_each(sync)?;
    remove(target)?;
    fs::rename(staging.keep(), target)?;
    sync(folder)
}

/// Takes away checkpoints that are not kept any longer, and what processes that were killed left behind.
fn tidy(folder: &Path) -> io::Result<()> {
    for old in checkpoints(folder)?.iter().rev().skip(KEPT) {
        remove(old)?;
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let is_incoming = entry.file_name().to_string_lossy().starts_with(INCOMING);
        if is_incoming && entry.metadata()?.modified()?.elapsed().is_ok_and(|age| age > LEFT_OVER) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Folders of checkpoints, the oldest first.
fn checkpoints(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if is_checkpoint(name(&path)) {
            found.push(path);
        }
    }
    found.sort_by_key(|path| order(name(path)));
    Ok(found)
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
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
