//! Feeds that keep a line busy for a while.

use std::path::PathBuf;

use tempfile::TempDir;
use tests::replica::Plan;
use tests::site::Site;
use tests::tables::Exports;

use crate::plant::{Intake, Plant};

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

    pub fn as_of(&self) -> String {
        PLAN.as_of()
    }

    pub fn start(&self, plant: &Plant) -> Intake {
        plant.start_intake(&self.feeds(), &PLAN.as_of())
    }
}
