//! `paidonce intake`

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use contract::Day;
use stream::kafka::{INTAKE_NAME, Observer};

use super::check::load_or_tell;
use super::run::{day, stop_on_signals, tell};
use super::{EXIT_CONFIGURATION, EXIT_INTERRUPTED};
use crate::kafka::intake::{Inlet, intake};
use crate::kafka::start::Unmeasured;
use crate::kafka::{ClusterArguments, FormatArguments};
use crate::run::{News, Options, SETTLE_AFTER, blob_folder};
use crate::say::say;

#[derive(clap::Args)]
pub struct Arguments {
    /// Folder of the configuration
    #[arg(long, value_name = "DIR")]
    config: PathBuf,
    /// Where the log is kept too, to be at hand; made where it is not there
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Folder for raw files and reference data that all processes see [default: blobs in --data]
    #[arg(long, value_name = "DIR")]
    blobs: Option<PathBuf>,
    /// Folder with the partners' files, one folder a partner
    #[arg(long, value_name = "DIR")]
    feeds: Option<PathBuf>,
    /// Folder with command files: payments that were made, decisions of stewards
    #[arg(long, value_name = "DIR")]
    commands: Option<PathBuf>,
    /// The day that time comes to once all feeds are in; without it no period moves and nothing is authorised
    #[arg(long, value_name = "DATE", value_parser = day)]
    as_of: Option<Day>,
    /// End when everything that lies ready is published
    #[arg(long)]
    until_idle: bool,
    /// Serve metrics over HTTP: PORT on this machine alone, or HOST:PORT
    #[arg(long, value_name = "ADDR", value_parser = crate::observe::address)]
    metrics: Option<std::net::SocketAddr>,
    #[command(flatten)]
    cluster: ClusterArguments,
    #[command(flatten)]
    format: FormatArguments,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let Some(configuration) = load_or_tell(&arguments.config) else {
        return Ok(ExitCode::from(EXIT_CONFIGURATION));
    };
    for folder in arguments.feeds.iter().chain(&arguments.commands) {
        anyhow::ensure!(folder.is_dir(), "folder {} is not there", folder.display());
    }
    let stop = stop_on_signals()?;
    let served = arguments.metrics.map(crate::observe::serve_tasks).transpose()?;
    let observer: Arc<dyn Observer> = match &served {
        Some(served) => {
            served.metrics.configured(&configuration.digest);
            Arc::clone(&served.metrics) as Arc<dyn Observer>
        }
        None => Arc::new(Unmeasured),
    };
    let cluster = arguments.cluster.cluster();
    if let Some(served) = &served {
        served.begin(&cluster, &[INTAKE_NAME])?;
    }
    let inlet = Inlet {
        options: Options {
            data: arguments.data.clone(),
            feeds: arguments.feeds.clone(),
            commands: arguments.commands.clone(),
            as_of: arguments.as_of,
            until_idle: arguments.until_idle,
            threads: 1,
            settle_after: SETTLE_AFTER,
        },
        blobs: arguments.blobs.clone().unwrap_or_else(|| blob_folder(&arguments.data)),
        cluster: cluster.clone(),
        observer,
        wires: arguments.format.format(&cluster)?,
    };
    let ready = served.as_ref().map_or_else(|| Arc::new(AtomicBool::new(false)), |served| Arc::clone(&served.ready));
    let tell = |news: News<'_>| tell(news, !arguments.until_idle);
    configuration.unread().for_each(|note| tell(News::Note(&note)));
    let remarks = intake(&configuration, &inlet, &stop, &ready, &tell)?;
    if stop.load(Ordering::Relaxed) && arguments.until_idle {
        say!("interrupted; the same command goes on from here");
        return Ok(ExitCode::from(EXIT_INTERRUPTED));
    }
    Ok(if remarks == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
