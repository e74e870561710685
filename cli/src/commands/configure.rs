//! `paidonce configure`

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;

use super::EXIT_CONFIGURATION;
use super::check::load_or_tell;
use super::import_master::tell;
use crate::import_master::import_master;
use crate::say::say;

#[derive(clap::Args)]
pub struct Arguments {
    /// Generated feed set, with `master/` and `truth/layouts.json`
    feeds: PathBuf,
    /// Folder of the configuration to write
    config: PathBuf,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    tell(&import_master(&arguments.feeds.join("master"), &arguments.config)?);
    let partners = ingest::configure(&arguments.feeds, &arguments.config).context("feed definitions cannot be made")?;
    say!("{:<14} {:>7}", "feeds", partners.len());
    Ok(match load_or_tell(&arguments.config) {
        Some(_) => ExitCode::SUCCESS,
        None => ExitCode::from(EXIT_CONFIGURATION),
    })
}
