//! Feeds that keep a line busy for a while.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use tempfile::TempDir;
use tests::replica::Plan;
use tests::site::Site;
use tests::tables::Exports;

use crate::outside::assert_seen_outside;
use crate::plant::{Intake, Plant, exports};
use crate::published::assert_whole;

/// What a task tells whose fold has another rolling hash than its mark.
const DIFFERS: &str = "rolling hash at";
const PLAN: Plan = Plan { rows: 20_000, years: 1 };

/// Feeds that take a while, and what the embedded engine makes of them.
pub struct Load {
    scratch: TempDir,
    pub expected: Exports,
}

impl Load {
    pub fn new() -> Load {
        let scratch = tempfile::tempdir().unwrap();
        PLAN.write(scratch.path()).unwrap();
        let site = Site::of(&scratch.path().join("config"));
        site.run(&scratch.path().join("feeds"), Some(&PLAN.as_of()));
        let expected = site.exports();
        Load { scratch, expected }
    }

    pub fn config(&self) -> PathBuf {
        self.scratch.path().join("config")
    }

    pub fn feeds(&self) -> PathBuf {
        self.scratch.path().join("feeds")
    }

    /// Each has a folder of its name among the feeds.
    pub fn partners(&self) -> BTreeSet<String> {
        let folders = fs::read_dir(self.feeds()).unwrap().map(|entry| entry.unwrap().file_name());
        folders.map(|name| name.into_string().unwrap()).collect()
    }

    pub fn start(&self, plant: &Plant) -> Intake {
        self.start_from(&self.feeds(), plant)
    }

    /// The same files, which lie somewhere else.
    pub fn start_from(&self, feeds: &Path, plant: &Plant) -> Intake {
        plant.start_intake(feeds, &PLAN.as_of())
    }

    /// Lets a line that has started work while something happens to it. Afterwards all is as it should be.
    pub fn withstand(&self, plant: &mut Plant, what: &str, happen: impl FnOnce(&mut Plant, &mut Intake)) {
        let mut intake = self.start(plant);
        happen(plant, &mut intake);
        self.assert_whole_again(plant, &mut intake, what);
    }

    /// Waits until the line is done. It came to what the embedded engine makes of the same files, readers outside see nothing
    /// twice and miss nothing, and the time since the last trouble is told.
    pub fn assert_whole_again(&self, plant: &mut Plant, intake: &mut Intake, what: &str) {
        let (over, moment) = (Instant::now(), SystemTime::now());
        assert_eq!(intake.wait(), Some(0), "{}", plant.log("intake", 1));
        let data = plant.collect();
        let done = over.elapsed();
        let exports = exports(&data);
        self.expected.assert_same(&exports, what);
        let records = assert_whole(plant);
        assert_seen_outside(plant, &exports);
        assert_eq!(plant.count(DIFFERS), 0, "a fold did not lead to its mark's hash\n{}", plant.logs());
        let marks = plant.at_marks_since(moment);
        let last = marks.iter().max().map_or_else(String::new, |last| format!(", the last after {last:.1?}"));
        println!(
            "whole again | {what} | {} tasks came to their marks{last} | the line was done after {done:.1?} | {records} records",
            marks.len()
        );
    }
}
