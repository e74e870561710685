//! A place to run the pipeline in: a configuration, a data directory, and what came of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use cli::configuration::{self, Configuration};
use cli::reader::Reader;
use cli::run::{News, Options, SETTLE_AFTER, run};
use contract::Day;
use stream::{Committed, Ending, Summary};
use tempfile::TempDir;

use crate::tables::Exports;

/// The last day of the example's settlement.
pub const AS_OF: &str = "2013-04-20";

/// Root of the project.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate stands in the workspace").to_owned()
}

/// The example tenant's configuration.
pub fn example_config() -> PathBuf {
    root().join("config")
}

/// The example tenant's feeds.
pub fn example_feeds() -> PathBuf {
    root().join("config/example/feeds")
}

/// A configuration and a data directory of its own, gone when it is dropped.
pub struct Site {
    scratch: TempDir,
    pub configuration: Configuration,
    pub threads: usize,
    pub settle_after: u64,
    /// Folder of command files.
    pub commands: Option<PathBuf>,
}

impl Site {
    /// The example tenant on two threads.
    pub fn example() -> Site {
        Site::of(&example_config())
    }

    pub fn of(config: &Path) -> Site {
        let configuration = configuration::load(config).unwrap_or_else(|problems| panic!("{}", problems[0]));
        let scratch = tempfile::tempdir().expect("a folder can be made");
        Site { scratch, configuration, threads: 2, settle_after: SETTLE_AFTER, commands: None }
    }

    pub fn on_threads(mut self, threads: usize) -> Site {
        self.threads = threads;
        self
    }

    pub fn with_partitions(mut self, partitions: u16) -> Site {
        self.configuration.tenant.partitions = partitions;
        self
    }

    pub fn data(&self) -> PathBuf {
        self.scratch.path().join("data")
    }

    /// A folder for feeds that arrive bit by bit.
    pub fn inbox(&self) -> PathBuf {
        let inbox = self.scratch.path().join("inbox");
        fs::create_dir_all(&inbox).expect("a folder can be made");
        inbox
    }

    /// Runs until everything that lies in `feeds` is done.
    pub fn run(&self, feeds: &Path, as_of: Option<&str>) -> Summary {
        self.run_while(feeds, as_of, &mut |_| true)
    }

    /// Runs until `go_on` says no after a commit, or to the end.
    pub fn run_while(&self, feeds: &Path, as_of: Option<&str>, go_on: &mut dyn FnMut(Committed) -> bool) -> Summary {
        let options = Options {
            data: self.data(),
            feeds: Some(feeds.to_owned()),
            commands: self.commands.clone(),
            as_of: as_of.map(|day| Day::parse(day).expect("a day is written as YYYY-MM-DD")),
            until_idle: true,
            threads: self.threads,
            settle_after: self.settle_after,
        };
        let stop = AtomicBool::new(false);
        let progress = &mut |committed| {
            if !go_on(committed) {
                stop.store(true, Ordering::Relaxed);
            }
        };
        let ended = run(&self.configuration, &options, &stop, progress, &|news| {
            if let News::Remark(text) = news {
                panic!("{text}");
            }
        });
        let ended = ended.unwrap_or_else(|error| panic!("run: {error:#}"));
        assert!(stop.into_inner() || ended.summary.ending == Ending::Exhausted);
        ended.summary
    }

    pub fn reader(&self) -> Reader {
        Reader::open(&self.data()).unwrap_or_else(|error| panic!("reader: {error:#}"))
    }

    pub fn exports(&self) -> Exports {
        Exports::of(&self.reader()).unwrap_or_else(|error| panic!("export: {error:#}"))
    }
}

/// Copies a folder with everything below it.
pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder can be made");
    for entry in fs::read_dir(from).expect("the folder is there") {
        let entry = entry.expect("the folder can be listed");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("an entry has a type").is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a file can be copied");
        }
    }
}

/// Every file below a folder, in order of path.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("the folder can be listed").path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}
