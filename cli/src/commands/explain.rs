//! `paidonce explain`

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use super::look_at;
use crate::explain::explain;

#[derive(clap::Args)]
pub struct Arguments {
    /// `file#record`, or the id of a sale, finding, accrual, authorization, payment or journal entry
    id: String,
    /// Data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let text = explain(&look_at(&arguments.data)?, &arguments.id)?;
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}
