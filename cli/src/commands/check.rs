//! `paidonce check`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use stream::OpenError;

use super::EXIT_CONFIGURATION;
use crate::configuration::{self, Configuration, Problem};
use crate::reader::Reader;
use crate::say::say;

#[derive(clap::Args)]
pub struct Arguments {
    /// Folder of the configuration
    #[arg(long, value_name = "DIR")]
    config: PathBuf,
    /// Data directory that the configuration is for: tells programs whose terms changed since it was last run
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let Some(configuration) = load_or_tell(&arguments.config) else {
        return Ok(ExitCode::from(EXIT_CONFIGURATION));
    };
    if let Some(data) = &arguments.data {
        let reader = Reader::open(data)?;
        let before = reader.last_reference()?.unwrap_or_default();
        let (found, asked) = (reader.partitions(), configuration.tenant.partitions);
        if found != asked {
            return Err(OpenError::Partitions { found, asked }.into());
        }
        configuration.keeps_terms(&before, reader.as_of()?)?;
        configuration.news(&before.programs).iter().for_each(|news| say!("note: {news}"));
    }
    configuration.notes().iter().for_each(|note| say!("note: {note}"));
    let reference = &configuration.reference;
    let programs = reference.programs.iter().filter(|p| p.version == 1).count();
    say!(
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
    if let Some(why) = no_configuration(folder) {
        say!("error: {} {why}", folder.display());
        return None;
    }
    configuration::load(folder).map_err(|problems| tell(&problems, folder)).ok()
}

/// Why a folder cannot be a configuration, whatever it says.
fn no_configuration(folder: &Path) -> Option<&'static str> {
    if !folder.exists() {
        return Some("is not there; name the folder of the configuration");
    }
    if !folder.is_dir() {
        return Some("is a file; name the folder of the configuration");
    }
    let lacks = |file: &&str| !folder.join(file).exists();
    let lacks_all = ["tenant.yaml", "partners.csv", "products.csv"].iter().all(lacks);
    lacks_all.then_some("holds no configuration: it has no tenant.yaml, partners.csv or products.csv")
}

/// Tells every problem of the configuration in `folder` on stderr.
fn tell(problems: &[Problem], folder: &Path) {
    for problem in problems {
        say!("{problem}\n");
    }
    let count = problems.len();
    say!("{}: {count} problem{}", folder.display(), if count == 1 { "" } else { "s" });
}
