//! `paidonce watch`

use std::path::PathBuf;
use std::process::ExitCode;

use super::run::stop_on_signals;
use crate::kafka::watch::watch;
use crate::kafka::{ClusterArguments, FormatArguments};

#[derive(clap::Args)]
pub struct Arguments {
    /// Where it is kept what has been counted; made where it is not there, and counted from the start then
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Serve metrics over HTTP: PORT on this machine alone, or HOST:PORT
    #[arg(long, value_name = "ADDR", value_parser = crate::observe::address)]
    metrics: std::net::SocketAddr,
    #[command(flatten)]
    cluster: ClusterArguments,
    #[command(flatten)]
    format: FormatArguments,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let stop = stop_on_signals()?;
    let served = crate::observe::serve_tasks(arguments.metrics)?;
    let cluster = arguments.cluster.cluster();
    served.metrics.begin_views();
    served.begin(&cluster, &[])?;
    watch(&cluster, &arguments.format.format(&cluster)?, &arguments.data, &served, &stop)?;
    Ok(ExitCode::SUCCESS)
}
