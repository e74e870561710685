//! `paidonce check`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::EXIT_CONFIGURATION;
use crate::configuration::{self, Configuration};

#[derive(clap::Args)]
pub struct Arguments {
    /// Folder of the configuration
    #[arg(long, value_name = "DIR")]
    config: PathBuf,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let Some(configuration) = load_or_tell(&arguments.config) else {
        return Ok(ExitCode::from(EXIT_CONFIGURATION));
    };
    let reference = &configuration.reference;
    let programs = reference.programs.iter().filter(|p| p.version == 1).count();
    eprintln!(
        "{}: {} partners, {} outlets, {} products, {programs} programs, {} feeds: no problems",
        configuration.tenant.name,
        reference.partners.len(),
        reference.outlets.len(),
        reference.products.len(),
        configuration.feeds.len(),
    );
    Ok(ExitCode::SUCCESS)
}

/// The configuration, or `None` after every problem has been told on stderr.
pub fn load_or_tell(folder: &Path) -> Option<Configuration> {
    let problems = match configuration::load(folder) {
        Ok(configuration) => return Some(configuration),
        Err(problems) => problems,
    };
    for problem in &problems {
        eprintln!("{problem}\n");
    }
    let count = problems.len();
    eprintln!("{}: {count} problem{}", folder.display(), if count == 1 { "" } else { "s" });
    None
}
