//! `paidonce collect`

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use super::EXIT_CONFIGURATION;
use super::check::load_or_tell;
use crate::in_vain::in_vain;
use crate::kafka::collect::{Collection, collect};
use crate::kafka::{ClusterArguments, FormatArguments, line};
use crate::reader::Reader;
use crate::say::say;

#[derive(clap::Args)]
pub struct Arguments {
    /// Folder of the configuration
    #[arg(long, value_name = "DIR")]
    config: PathBuf,
    /// The data directory to make; it must not be there yet
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Data directory of a process of stages; one for each process
    #[arg(long = "tasks", value_name = "DIR", required = true)]
    tasks: Vec<PathBuf>,
    /// Folder with raw files and reference data that all processes see
    #[arg(long, value_name = "DIR")]
    blobs: PathBuf,
    /// Seconds to wait until everything that came in is done
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    wait: u64,
    #[command(flatten)]
    cluster: ClusterArguments,
    #[command(flatten)]
    format: FormatArguments,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let Some(configuration) = load_or_tell(&arguments.config) else {
        return Ok(ExitCode::from(EXIT_CONFIGURATION));
    };
    let cluster = arguments.cluster.cluster();
    let collection = Collection {
        cluster: &cluster,
        line: &line(configuration.tenant.partitions, &configuration.digest),
        wires: &arguments.format.format(&cluster)?,
        tasks: &arguments.tasks,
        blobs: &arguments.blobs,
        wait: Duration::from_secs(arguments.wait),
    };
    collect(&collection, &arguments.data)?;
    // No process of a line knows what all stages said to a decision.
    let in_vain = in_vain(&Reader::open(&arguments.data)?, 0)?;
    in_vain.iter().for_each(|decision| say!("warning: {}", decision.said));
    say!("{} is made: export, explain, status and verify read it", arguments.data.display());
    Ok(ExitCode::SUCCESS)
}
