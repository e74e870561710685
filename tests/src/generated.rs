//! Feeds with known faults, made by the generator that lies beside the checkout, and the score against their truth.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::site::root;
use crate::tables::Exports;

/// Folder with the generator, its data and the score; `None` where the checkout stands alone.
pub fn shared() -> Option<PathBuf> {
    let shared = root().parent()?.join("shared");
    shared.join("data/pos/make_partner_feeds.py").exists().then_some(shared)
}

/// Generates a feed set and its configuration below `folder`; the same arguments give the same bytes.
pub fn generate(shared: &Path, folder: &Path, partners: u32, rows: u32, seed: u32) -> Result<()> {
    let counts = [("--partners", partners), ("--rows", rows), ("--seed", seed)];
    let counts = counts.iter().flat_map(|(name, count)| [(*name).to_owned(), count.to_string()]);
    make(shared, folder, counts)
}

/// The same with these arguments of the generator.
pub fn make(shared: &Path, folder: &Path, arguments: impl IntoIterator<Item = String>) -> Result<()> {
    let generator = shared.join("data/pos/make_partner_feeds.py");
    let mut command = Command::new("python3");
    command.arg(generator).arg("generate").arg("--out").arg(folder).args(arguments);
    let made = command.output()?;
    ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let config = folder.join("config");
    cli::import_master::import_master(&folder.join("master"), &config)?;
    ingest::configure(folder, &config).context("feed definitions cannot be made")?;
    Ok(())
}

/// What the score says, and whether every figure reaches the bar.
pub fn score(shared: &Path, folder: &Path, exports: &Exports, bar: &Path) -> Result<(String, bool)> {
    let truth = folder.join("truth");
    let mut command = Command::new("python3");
    command.arg(shared.join("score_findings.py")).arg("--truth").arg(truth).arg("--bar").arg(bar);
    for name in ["findings", "rejects", "receipts"] {
        let file = folder.join(format!("{name}.csv"));
        fs::write(&file, &exports.0[name])?;
        command.arg(format!("--{name}")).arg(file);
    }
    let scored = command.output()?;
    let text = String::from_utf8_lossy(&scored.stdout).into_owned();
    ensure!(!text.is_empty(), "{}", String::from_utf8_lossy(&scored.stderr));
    Ok((text, scored.status.success()))
}
