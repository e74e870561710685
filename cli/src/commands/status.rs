//! `paidonce status`

use std::path::PathBuf;
use std::process::ExitCode;

use super::look_at;
use crate::overview::{self, Overview};
use crate::say::show_text;
use crate::waiting;

#[derive(clap::Args)]
pub struct Arguments {
    /// Data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let reader = look_at(&arguments.data)?;
    let text = format!("{}\n{}\n{}", overview::partners(&reader)?, Overview::of(&reader)?, waiting::list(&reader)?);
    show_text(&text)?;
    Ok(ExitCode::SUCCESS)
}
