//! `paidonce status`

use std::path::PathBuf;
use std::process::ExitCode;

use super::look_at;
use crate::overview::{self, Overview};
use crate::say::show_text;
use crate::{releases, waiting};

#[derive(clap::Args)]
pub struct Arguments {
    /// Data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let reader = look_at(&arguments.data)?;
    let (partners, overview) = (overview::partners(&reader)?, Overview::of(&reader)?);
    let text = format!("{partners}\n{overview}\n{}{}", waiting::list(&reader)?, releases::list(&reader)?);
    show_text(&text)?;
    Ok(ExitCode::SUCCESS)
}
