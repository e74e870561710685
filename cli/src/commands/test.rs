//! `paidonce test`

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use compliance::references::Known;

use super::EXIT_CONFIGURATION;
use super::check::load_or_tell;
use crate::say::say;
use crate::trial;

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
    let (tests, mut failed) = (&configuration.tests, 0);
    let known = Known::new(configuration.reference.clone());
    for test in tests {
        let failures = trial::failures(test, &known)?;
        failures.iter().for_each(|failure| say!("{failure}\n"));
        failed += usize::from(!failures.is_empty());
    }
    let programs: BTreeSet<&str> = tests.iter().map(|test| test.program.as_str()).collect();
    let of = format!("{} tests of {} programs", tests.len(), programs.len());
    say!("{}: {of}, {failed} failed", configuration.tenant.name);
    Ok(ExitCode::from(u8::from(failed > 0)))
}
