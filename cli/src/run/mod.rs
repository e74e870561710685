//! The embedded engine on a data directory: takes what lies in the folders, to the end of the pipeline.

pub mod batch;
pub mod blobs;
pub mod commands;
pub mod entry;
pub(crate) mod folder;
pub(crate) mod plan;
pub(crate) mod read;
mod rules;
pub(crate) mod source;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use accrual_sink::{Shard, SinkStage};
use anyhow::Context;
use compliance::{LedgerStage, UnitsStage};
use contract::{AccrualEvent, Day, FeedEvent, FileVerdict};
use ingest::IngestStage;
use normalize::NormalizeStage;
use stream::observe::Observer;
use stream::{DataDirectory, Engine, EngineOptions, Line, Summary};

use crate::configuration::Configuration;
use blobs::BlobFolder;
use plan::Plan;
use source::{Intake, Recorded};

/// What to run, and on how many threads.
#[derive(Clone, Debug)]
pub struct Options {
    pub data: PathBuf,
    pub feeds: Option<PathBuf>,
    pub commands: Option<PathBuf>,
    /// The day that time comes to when all feeds are in; `None`: no period moves.
    pub as_of: Option<Day>,
    /// End when everything that lies ready is done; else wait for more until stopped.
    pub until_idle: bool,
    pub threads: usize,
    /// Records after which the books are settled while more lies ready, see [`SETTLE_AFTER`]. It shows in no export.
    pub settle_after: u64,
}

/// So many records between two settlements bound what one control has to do, and to hold in memory.
pub const SETTLE_AFTER: u64 = 500_000;

/// How a run ended.
pub struct Ended {
    pub summary: Summary,
    /// How many remarks were told.
    pub remarks: u64,
    /// The last entry of the log that earlier runs had worked on.
    pub behind: u64,
    /// The data directory as the run left it.
    pub directory: DataDirectory,
    pub blobs: BlobFolder,
}

/// What a run tells while it works.
#[derive(Clone, Copy, Debug)]
pub enum News<'n> {
    /// A file has entered the log.
    Taken(&'n FileVerdict),
    /// Something that people must see to: a file or a command that could not be taken.
    Remark(&'n str),
    /// Something that is good to know.
    Note(&'n str),
}

/// Where the stages stand in the line; part of stored keys, so the order never changes.
pub mod stages {
    pub const INGEST: u8 = 0;
    pub const NORMALIZE: u8 = 1;
    pub const UNITS: u8 = 2;
    pub const LEDGER: u8 = 3;
    pub const SINK: u8 = 4;
}

/// Names of the stages in order: of logs, metrics and messages.
pub const STAGES: [&str; 5] = ["ingest", "normalize", "units", "ledger", "accrual-sink"];

/// The five stages in order.
pub fn line(blobs: Arc<dyn stream::Blobs>, partitions: u16) -> Line<FeedEvent, ()> {
    let sink = blobs.clone();
    line_to_ledger(blobs, partitions)
        .then(STAGES[4], move |index| SinkStage::new(sink.clone(), shard(index, partitions)))
}

/// The stages up to the one that says what is due.
pub(crate) fn line_to_ledger(blobs: Arc<dyn stream::Blobs>, partitions: u16) -> Line<FeedEvent, AccrualEvent> {
    let (normalize, units, ledger) = (blobs.clone(), blobs.clone(), blobs);
    Line::new()
        .then(STAGES[0], |_| IngestStage::default())
        .then(STAGES[1], move |index| NormalizeStage::new(normalize.clone(), shard(index, partitions)))
        .then(STAGES[2], move |_| UnitsStage::new(units.clone()))
        .then(STAGES[3], move |index| LedgerStage::new(ledger.clone(), shard(index, partitions)))
}

fn shard(index: u16, partitions: u16) -> Shard {
    Shard { index: index.into(), count: partitions.into() }
}

/// Where a data directory keeps its blobs.
pub fn blob_folder(data: &Path) -> PathBuf {
    data.join("blobs")
}

/// [`run_observed`], with nobody listening to the engine.
pub fn run(
    configuration: &Configuration,
    options: &Options,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(stream::Committed),
    tell: &(dyn Fn(News<'_>) + Sync),
) -> anyhow::Result<Ended> {
    run_observed(configuration, options, stop, progress, tell, None)
}

/// Runs until the input ends or `stop` is set; `progress` hears of every commit, `tell` of what happens in between.
pub fn run_observed(
    configuration: &Configuration,
    options: &Options,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(stream::Committed),
    tell: &(dyn Fn(News<'_>) + Sync),
    observer: Option<Arc<dyn Observer>>,
) -> anyhow::Result<Ended> {
    let directory = DataDirectory::open(&options.data, configuration.tenant.partitions)?;
    let folder = blob_folder(&options.data);
    let blobs = BlobFolder::open(folder).context("blobs of the data directory cannot be kept")?;
    let log = directory.log();
    let committed = directory.committed();
    for feed in configuration.feeds.iter().filter(|feed| feed.topic.is_some()) {
        tell(News::Note(&format!("feed {} is a topic's: `paidonce intake` reads it, this run does not", feed.name)));
    }
    let mut plan = Plan::new(configuration, options, log.clone(), blobs.clone(), stop, tell)?;
    let engine_options = EngineOptions { threads: options.threads, ..EngineOptions::default() };
    let stages = line(Arc::new(blobs.clone()), directory.identity().partitions);
    let mut engine = Engine::new(directory, &stages, engine_options)?;
    if let Some(observer) = observer {
        engine.observe(observer);
    }
    let recorded = Recorded::behind(committed, log, blobs.clone());
    let intake = Intake::new(&mut plan, recorded, options.until_idle);
    let summary = engine.run(intake, stop, &mut |committed| progress(*committed))?;
    let (remarks, behind) = (plan.remarks(), committed.position.entry);
    Ok(Ended { summary, remarks, behind, directory: engine.into_directory(), blobs })
}
