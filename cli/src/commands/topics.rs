//! `paidonce topics`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use stream::kafka::{create_topics, differences};

use super::EXIT_CONFIGURATION;
use super::check::load_or_tell;
use crate::kafka::{ClusterArguments, topics};

#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Make the topics that are not there
    Create(Wanted),
    /// Tell everything in which topics differ from what they should be; exit 1 if there is any
    Check(Wanted),
}

#[derive(clap::Args)]
struct Wanted {
    /// Folder of the configuration, which says how many partitions there are
    #[arg(long, value_name = "DIR")]
    config: PathBuf,
    /// Brokers that keep each record; with three, two of them must have it before it counts
    #[arg(long, value_name = "N", default_value_t = 3)]
    replication: u16,
    #[command(flatten)]
    cluster: ClusterArguments,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let (What::Create(wanted) | What::Check(wanted)) = &arguments.what;
    let Some(configuration) = load_or_tell(&wanted.config) else {
        return Ok(ExitCode::from(EXIT_CONFIGURATION));
    };
    let cluster = wanted.cluster.cluster();
    let plans = topics::plans(&cluster, configuration.tenant.partitions, wanted.replication);
    if let What::Create(_) = &arguments.what {
        let made = create_topics(&cluster, &plans)?;
        made.iter().for_each(|name| println!("{name}"));
        eprintln!("{} topics made, {} were there", made.len(), plans.len() - made.len());
        return Ok(ExitCode::SUCCESS);
    }
    let found = differences(&cluster, &plans)?;
    found.iter().for_each(|difference| println!("{difference}"));
    eprintln!("{} topics, {} differences", plans.len(), found.len());
    Ok(if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
