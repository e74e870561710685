//! `paidonce match`

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::ensure;
use normalize::matching::{MatchKind, match_catalog, match_pairs};

use super::EXIT_USAGE;
use crate::say::say;

#[derive(clap::Args)]
pub struct Arguments {
    /// What is to be identified
    #[arg(long)]
    kind: Kind,
    /// Table of known records
    #[arg(long, value_name = "CSV")]
    catalog: Option<PathBuf>,
    /// Table of records to be identified
    #[arg(long, value_name = "CSV")]
    feed: Option<PathBuf>,
    /// Judge these pairs instead of searching
    #[arg(long, value_name = "CSV")]
    pairs: Option<PathBuf>,
    #[arg(long, value_name = "CSV")]
    out: PathBuf,
    /// Candidates written for each record
    #[arg(long, default_value_t = 10, value_name = "N")]
    top: usize,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Kind {
    Product,
    Partner,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { catalog, feed, pairs, out, top, .. } = arguments;
    let kind = match arguments.kind {
        Kind::Product => MatchKind::Product,
        Kind::Partner => MatchKind::Partner,
    };
    let summary = match (pairs, catalog, feed) {
        (Some(pairs), catalog, feed) => match_pairs(kind, catalog.as_deref(), feed.as_deref(), pairs, out)?,
        (None, Some(catalog), Some(feed)) => {
            ensure!(*top > 0, "--top must be above zero");
            match_catalog(kind, catalog, feed, out, *top)?
        }
        (None, ..) => {
            say!("error: give --catalog and --feed, or --pairs");
            return Ok(ExitCode::from(EXIT_USAGE));
        }
    };
    let (records, auto, review, none) = (summary.records, summary.auto, summary.review, summary.none);
    say!("{records} records: {auto} matched, {review} for review, {none} without a match");
    Ok(ExitCode::SUCCESS)
}
