//! What the benchmark sells: the example's rows replicated, with one program that pays for probes.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use contract::{Mechanism, Program, Reference};

use super::live::{PROBE, PROBE_CATEGORY, PROBE_CODE, PROBE_SOURCE};
use crate::measure::load;
use crate::replica::Plan;
use crate::site::{copy_folder, files_below};

/// Feeds, their configuration for a number of partitions, and what was found out about them.
pub struct Sales {
    pub folder: PathBuf,
    pub lines: u64,
}

impl Sales {
    pub fn write(folder: &Path, rows: usize) -> Result<Sales> {
        Plan { rows, years: 2 }.write(folder)?;
        let config = folder.join("config");
        append(&config.join("products.csv"), &format!("{PROBE_SOURCE}/{PROBE_CODE},Probe,{PROBE_CATEGORY},1.00,,\n"))?;
        fs::write(config.join("programs/probe.yaml"), probe_program())?;
        Ok(Sales { folder: folder.to_owned(), lines: 0 })
    }

    pub fn config(&self) -> PathBuf {
        self.folder.join("config")
    }

    pub fn feeds(&self) -> PathBuf {
        self.folder.join("feeds")
    }

    /// Takes the other programs out of the configuration, and the special prices with them.
    pub fn keep_programs(&self, keeps: impl Fn(&Program) -> bool) -> Result<()> {
        let config = self.config();
        let programs = load(&config)?.reference.programs;
        let others: BTreeSet<&str> =
            programs.iter().filter(|program| !keeps(program)).map(|program| program.id.as_str()).collect();
        for file in files_below(&config.join("programs")) {
            let text = fs::read_to_string(&file)?;
            let id = text.lines().find_map(|line| line.strip_prefix("program: "));
            if id.is_some_and(|id| others.contains(id.trim())) {
                fs::remove_file(file)?;
            }
        }
        Ok(fs::remove_file(config.join("special_prices.csv"))?)
    }

    /// The same configuration for so many partitions, in a folder of its own.
    pub fn config_for(&self, partitions: u16, folder: &Path) -> Result<PathBuf> {
        let config = folder.join("config");
        fs::create_dir_all(&config)?;
        copy_folder(&self.config(), &config);
        append(&config.join("tenant.yaml"), &format!("partitions: {partitions}\n"))?;
        Ok(config)
    }
}

fn append(file: &Path, text: &str) -> Result<()> {
    let mut file = OpenOptions::new().append(true).open(file).with_context(|| file.display().to_string())?;
    Ok(file.write_all(text.as_bytes())?)
}

fn probe_program() -> String {
    format!(
        "program: {PROBE}\nname: One for each probe\nversions:\n  - from: 2012-10-01\n    to: 2039-12-31\n    \
         select: {{ categories: [{PROBE_CATEGORY}] }}\n    earn: {{ type: per-unit, rate: 1 }}\n    period: year\n"
    )
}

/// The reference data as JSON, for the peer's table.
pub fn reference_json(config: &Path, file: &Path) -> Result<Reference> {
    let reference = load(config)?.reference;
    fs::write(file, serde_json::to_vec(&reference)?)?;
    Ok(reference)
}

/// Programs that pay an amount for each unit and nothing else decides about: both sides must agree to the cent.
pub fn plain_programs(reference: &Reference) -> Vec<String> {
    let plain = reference.programs.iter().filter(|program| {
        matches!(program.mechanism, Mechanism::PerUnit { .. }) && program.caps == contract::Caps::default()
    });
    plain.map(|program| program.id.to_string()).collect()
}
