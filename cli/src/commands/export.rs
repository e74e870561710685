//! `paidonce export`

use std::io::{self, BufWriter, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;

use super::{EXIT_USAGE, look_at};
use crate::exports::{self, Format, What};
use crate::say::say;

#[derive(clap::Args)]
pub struct Arguments {
    what: What,
    /// Data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    #[arg(long, default_value = "csv")]
    format: Format,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    if arguments.format == Format::Parquet && io::stdout().is_terminal() {
        say!("error: Parquet is binary and no use on a terminal: add `> FILE.parquet`");
        return Ok(ExitCode::from(EXIT_USAGE));
    }
    let reader = look_at(&arguments.data)?;
    let mut out = BufWriter::new(io::stdout());
    match exports::write(&reader, arguments.what, arguments.format, &mut out) {
        Err(error) if is_closed_pipe(&error) => Ok(ExitCode::SUCCESS),
        ended => ended.context("the export cannot be written").map(|()| ExitCode::SUCCESS),
    }
}

/// Whoever read the output has seen enough.
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let direct = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        let of_csv = cause.downcast_ref::<csv::Error>().and_then(|e| match e.kind() {
            csv::ErrorKind::Io(e) => Some(e.kind()),
            _ => None,
        });
        direct.or(of_csv) == Some(io::ErrorKind::BrokenPipe)
    })
}
