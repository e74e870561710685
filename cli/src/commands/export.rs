//! `paidonce export`

use std::io::{self, BufWriter, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use contract::Micros;

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
    /// With x12-849: the answers to this partner alone
    #[arg(long, value_name = "ID")]
    partner: Option<String>,
    /// Of stock: the gap that is told, as a share of what was computed, such as 5% (5% where left out)
    #[arg(long, value_name = "SHARE", value_parser = share)]
    tolerance: Option<Micros>,
}

fn share(written: &str) -> Result<Micros, String> {
    let read = |text: &str| Micros::parse(text).map_err(|error| error.to_string());
    match written.strip_suffix('%') {
        Some(percent) => Ok(read(percent)?.share(Micros::ONE, Micros::units(100))),
        None => read(written),
    }
}

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    if arguments.format == Format::Parquet && io::stdout().is_terminal() {
        say!("error: Parquet is binary and no use on a terminal: add `> FILE.parquet`");
        return Ok(ExitCode::from(EXIT_USAGE));
    }
    let is_answer = arguments.format == Format::X12;
    if is_answer && arguments.what != What::Claims {
        say!("error: only claims can be written as X12 849: `export claims --format x12-849`");
        return Ok(ExitCode::from(EXIT_USAGE));
    }
    if !is_answer && arguments.partner.is_some() {
        say!("error: --partner goes with `export claims --format x12-849`");
        return Ok(ExitCode::from(EXIT_USAGE));
    }
    if arguments.what != What::Stock && arguments.tolerance.is_some() {
        say!("error: --tolerance goes with `export stock`");
        return Ok(ExitCode::from(EXIT_USAGE));
    }
    let reader = look_at(&arguments.data)?;
    let mut out = BufWriter::new(io::stdout());
    let written = match (is_answer, arguments.tolerance) {
        (true, _) => exports::write_answers(&reader, arguments.partner.as_deref(), &mut out),
        (false, Some(tolerance)) => exports::write_stock(&reader, tolerance, arguments.format, &mut out),
        (false, None) => exports::write(&reader, arguments.what, arguments.format, &mut out),
    };
    match written {
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
