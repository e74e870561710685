//! `paidonce explain`

use std::path::PathBuf;
use std::process::ExitCode;

use super::look_at;
use crate::explain::explain;
use crate::say::show_text;

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
    show_text(&text)?;
    Ok(ExitCode::SUCCESS)
}
