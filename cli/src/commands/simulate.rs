//! `paidonce simulate`

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use contract::Day;

use super::check::load_or_tell;
use super::export::is_closed_pipe;
use super::run::{day, stop_on_signals};
use super::{EXIT_CONFIGURATION, EXIT_INTERRUPTED, EXIT_USAGE, look_at};
use crate::exports;
use crate::say::say;
use crate::simulate::{Range, Simulation, page, simulate, text, write_table};

#[derive(clap::Args)]
pub struct Arguments {
    /// Folder of a configuration with the proposed programs; nothing else is taken from it
    #[arg(long, value_name = "DIR")]
    config: PathBuf,
    /// Data directory; it is only read
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Leave out periods that end before this day
    #[arg(long, value_name = "DATE", value_parser = day)]
    from: Option<Day>,
    /// Leave out periods that begin after this day
    #[arg(long, value_name = "DATE", value_parser = day)]
    to: Option<Day>,
    #[arg(long, default_value = "text")]
    format: Format,
    /// Write a page for an approval too, to this file
    #[arg(long, value_name = "FILE.html")]
    page: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people: totals, then the largest differences
    Text,
    /// All rows
    Csv,
    /// One JSON object a line; numbers keep all their digits, what is empty is null
    Jsonl,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { from, to, .. } = *arguments;
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        say!("error: --from {from} lies after --to {to}");
        return Ok(ExitCode::from(EXIT_USAGE));
    }
    let Some(configuration) = load_or_tell(&arguments.config) else {
        return Ok(ExitCode::from(EXIT_CONFIGURATION));
    };
    let reader = look_at(&arguments.data)?;
    let stop = stop_on_signals()?;
    let Some(simulation) = simulate(&reader, &configuration, Range { from, to }, &stop)? else {
        say!("interrupted; nothing was changed");
        return Ok(ExitCode::from(EXIT_INTERRUPTED));
    };
    simulation.unused.iter().for_each(|note| say!("note: {note}"));
    if let Some(file) = &arguments.page {
        std::fs::write(file, page(&simulation)).with_context(|| format!("{} cannot be written", file.display()))?;
    }
    match show(&simulation, arguments.format) {
        Err(error) if is_closed_pipe(&error) => Ok(ExitCode::SUCCESS),
        ended => ended.context("the simulation cannot be written").map(|()| ExitCode::SUCCESS),
    }
}

fn show(simulation: &Simulation, format: Format) -> anyhow::Result<()> {
    let mut out = BufWriter::new(io::stdout());
    match format {
        Format::Text => out.write_all(text(simulation).as_bytes())?,
        Format::Csv => write_table(simulation, exports::Format::Csv, &mut out)?,
        Format::Jsonl => write_table(simulation, exports::Format::Jsonl, &mut out)?,
    }
    Ok(out.flush()?)
}
