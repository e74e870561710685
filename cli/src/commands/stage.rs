//! `paidonce stage`

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use stream::kafka::{Observer, checkpoints};

use super::EXIT_CONFIGURATION;
use super::check::load_or_tell;
use super::run::stop_on_signals;
use crate::kafka::stage::{Part, Worker, work};
use crate::kafka::start::Unmeasured;
use crate::kafka::{ClusterArguments, FormatArguments, task_options};
use crate::run::blob_folder;
use crate::say::say;

#[derive(clap::Args)]
pub struct Arguments {
    /// The stage to work at
    #[arg(value_enum)]
    name: Part,
    /// Folder of the configuration
    #[arg(long, value_name = "DIR")]
    config: PathBuf,
    /// Where this process keeps the state of its tasks; made where it is not there
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Folder with raw files and reference data that all processes see [default: blobs in --data]
    #[arg(long, value_name = "DIR")]
    blobs: Option<PathBuf>,
    /// Where checkpoints lie that all processes see: a folder, or s3://BUCKET/PREFIX with AWS_ACCESS_KEY_ID and the like in
    /// the environment; without it a new owner starts from the start of the input
    #[arg(long, value_name = "DIR|URL")]
    checkpoints: Option<String>,
    /// Seconds between two checkpoints of a task
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    checkpoint_interval: u64,
    /// A name that this process keeps over restarts, so that it takes its partitions back at once
    #[arg(long, value_name = "NAME")]
    instance: Option<String>,
    /// Serve metrics over HTTP: PORT on this machine alone, or HOST:PORT
    #[arg(long, value_name = "ADDR", value_parser = crate::observe::address)]
    metrics: Option<std::net::SocketAddr>,
    /// For `./dev bench deltas`: a topic that gets what each transaction changes
    #[arg(long, value_name = "TOPIC", hide = true)]
    measure_deltas: Option<String>,
    #[command(flatten)]
    cluster: ClusterArguments,
    #[command(flatten)]
    format: FormatArguments,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let Some(configuration) = load_or_tell(&arguments.config) else {
        return Ok(ExitCode::from(EXIT_CONFIGURATION));
    };
    let stop = stop_on_signals()?;
    let served = arguments.metrics.map(crate::observe::serve_tasks).transpose()?;
    let observer: Arc<dyn Observer> = match &served {
        Some(served) => {
            served.metrics.configured(&configuration.digest);
            Arc::clone(&served.metrics) as Arc<dyn Observer>
        }
        None => Arc::new(Unmeasured),
    };
    let checkpoints = arguments.checkpoints.as_deref().map(checkpoints::make).transpose()?;
    let mut options = task_options(&arguments.data, checkpoints);
    options.checkpoint_interval = std::time::Duration::from_secs(arguments.checkpoint_interval);
    options.instance.clone_from(&arguments.instance);
    options.deltas.clone_from(&arguments.measure_deltas);
    let cluster = arguments.cluster.cluster();
    if let Some(served) = &served {
        served.begin(&cluster, &arguments.name.names())?;
    }
    let worker = Worker {
        part: arguments.name,
        cluster: cluster.clone(),
        options,
        blobs: arguments.blobs.clone().unwrap_or_else(|| blob_folder(&arguments.data)),
        wires: arguments.format.format(&cluster)?,
        observer,
    };
    let ready = served.as_ref().map_or_else(|| Arc::new(AtomicBool::new(false)), |served| Arc::clone(&served.ready));
    let stopped = work(&configuration, &worker, &stop, &ready)?;
    for task in &stopped {
        say!("error: {}, partition {} has stopped; `paidonce repair` tells what it takes", task.stage, task.partition);
    }
    debug_assert!(stop.load(Ordering::Relaxed), "a process of stages ends when it is told to");
    Ok(if stopped.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
