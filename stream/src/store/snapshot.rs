//! A store as it is at one moment, for a process that only reads while another one writes.
//!
//! RocksDB names the tables that make up the store in its manifest, which only grows, and deletes a file only after
//! the manifest no longer needs it. So whoever holds every file open, with a manifest that did not change meanwhile,
//! holds one state of the store: the tables of that manifest, and behind them the write-ahead logs up to some whole
//! batch. A folder of links to the open files is then read like any store that nobody writes to. Nothing is copied
//! but the manifest, and nothing is written into the store.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use crate::StorageError;

/// How often a store is looked at that changes meanwhile, and how long to wait in between.
const ATTEMPTS: usize = 200;
const PAUSE: Duration = Duration::from_millis(10);

/// Files of a store that are held open, and the folder that shows them.
pub(crate) struct Snapshot {
    folder: TempDir,
    /// What the links in the folder lead to; without these it is gone.
    _held: Vec<File>,
}

/// What tells one state of a store's list of files from another.
#[derive(PartialEq, Eq)]
struct Mark {
    /// Name of the manifest in force, as `CURRENT` says it.
    current: String,
    manifest_bytes: u64,
    write_ahead_logs: BTreeSet<String>,
}

impl Snapshot {
    /// Takes hold of the store below `store`.
    pub fn take(store: &Path) -> Result<Snapshot, StorageError> {
        let failure = |error| StorageError::new(format!("store {} cannot be read: {error}", store.display()));
        let mut last = None;
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                std::thread::sleep(PAUSE);
            }
            match attempt_at(store) {
                Ok(Some(snapshot)) => return Ok(snapshot),
                Ok(None) => {}
                // A file that was named a moment ago may be gone: only where it stays gone is it missing.
                Err(error) if error.kind() == io::ErrorKind::NotFound => last = Some(error),
                Err(error) => return Err(failure(error)),
            }
        }
        let changing = || io::Error::other("its files change all the time; try again");
        Err(failure(last.unwrap_or_else(changing)))
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// `None` where the store changed meanwhile.
fn attempt_at(store: &Path) -> io::Result<Option<Snapshot>> {
    let before = Mark::of(store)?;
    let folder = tempfile::tempdir()?;
    let manifest = before.current.trim_end();
    let mut bytes = Vec::new();
    File::open(store.join(manifest))?.take(before.manifest_bytes).read_to_end(&mut bytes)?;
    fs::write(folder.path().join(manifest), bytes)?;
    fs::write(folder.path().join("CURRENT"), &before.current)?;
    let mut held = Vec::new();
    for name in names(store)?.into_iter().filter(|name| name.ends_with(".sst") || name.ends_with(".log")) {
        let file = match File::open(store.join(&name)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        symlink(format!("/proc/self/fd/{}", file.as_raw_fd()), folder.path().join(&name))?;
        held.push(file);
    }
    Ok((Mark::of(store)? == before).then_some(Snapshot { folder, _held: held }))
}

impl Mark {
    fn of(store: &Path) -> io::Result<Mark> {
        let current = fs::read_to_string(store.join("CURRENT"))?;
        let manifest_bytes = fs::metadata(store.join(current.trim_end()))?.len();
        let write_ahead_logs = names(store)?.into_iter().filter(|name| name.ends_with(".log")).collect();
        Ok(Mark { current, manifest_bytes, write_ahead_logs })
    }
}

fn names(store: &Path) -> io::Result<Vec<String>> {
    fs::read_dir(store)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}
