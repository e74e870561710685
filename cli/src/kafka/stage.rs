//! Stages as processes of their own.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use accrual_sink::{Shard, SinkStage};
use anyhow::Context;
use clap::ValueEnum;
use compliance::{LedgerStage, UnitsStage};
use ingest::IngestStage;
use normalize::NormalizeStage;
use stream::Stage;
use stream::kafka::{
    Cluster, Frame, KafkaTransport, Observer, StageSpec, Stopped, TaskOptions, TransportError, Wires, run_stage,
};
use stream::store::RocksMemory;

use super::line;
use super::registry::RegistryError;
use super::start::look_around;
use super::wires::WireFormat;
use crate::configuration::Configuration;
use crate::run::blobs::BlobFolder;
use crate::run::{STAGES, stages};

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    Ingest,
    Normalize,
    /// Units and ledger
    Compliance,
    Units,
    Ledger,
    AccrualSink,
}

impl Part {
    fn stages(self) -> &'static [u8] {
        match self {
            Part::Ingest => &[stages::INGEST],
            Part::Normalize => &[stages::NORMALIZE],
            Part::Compliance => &[stages::UNITS, stages::LEDGER],
            Part::Units => &[stages::UNITS],
            Part::Ledger => &[stages::LEDGER],
            Part::AccrualSink => &[stages::SINK],
        }
    }

    /// What its stages are called.
    pub fn names(self) -> Vec<&'static str> {
        self.stages().iter().map(|number| STAGES[usize::from(*number)]).collect()
    }
}

/// A process of stages.
pub struct Worker {
    pub part: Part,
    pub cluster: Cluster,
    pub options: TaskOptions,
    pub blobs: PathBuf,
    pub wires: WireFormat,
    pub observer: Arc<dyn Observer>,
}

/// Works until `stop` is set; returns the tasks that have stopped and that people must see to.
///
/// # Errors
/// The cluster or its brokers are not as they should be, or a group cannot be joined.
pub fn work(
    configuration: &Configuration,
    worker: &Worker,
    stop: &AtomicBool,
    ready: &AtomicBool,
) -> anyhow::Result<Vec<Stopped>> {
    let partitions = configuration.tenant.partitions;
    let specs = line(partitions, &configuration.digest);
    let blobs = BlobFolder::open(worker.blobs.clone()).context("blobs cannot be read")?;
    let Some(cluster) = look_around(&worker.cluster, partitions, stop)? else { return Ok(Vec::new()) };
    let cluster = Arc::new(cluster);
    let memory = RocksMemory::default();
    let job = |number: u8| Job {
        spec: Arc::new(specs[usize::from(number)].clone()),
        cluster: Arc::clone(&cluster),
        blobs: Arc::new(blobs.clone()),
        memory: &memory,
        worker,
        stop,
        ready,
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = worker.part.stages().iter().map(|number| scope.spawn(|| job(*number).run())).collect();
        let mut stopped = Vec::new();
        for thread in threads {
            stopped.extend(thread.join().map_err(|_| anyhow::anyhow!("a stage's thread panicked"))??);
        }
        Ok(stopped)
    })
}

/// One stage of this process.
struct Job<'a> {
    spec: Arc<StageSpec>,
    cluster: Arc<Cluster>,
    blobs: Arc<dyn stream::Blobs>,
    memory: &'a RocksMemory,
    worker: &'a Worker,
    stop: &'a AtomicBool,
    ready: &'a AtomicBool,
}

impl Job<'_> {
    fn run(self) -> anyhow::Result<Vec<Stopped>> {
        let (stop, wires) = (self.stop, &self.worker.wires);
        let ended = with_stage(&Arc::clone(&self.spec), wires, &Arc::clone(&self.blobs), self);
        // Whatever ends one stage of a process ends the others: it is one process to those who run it.
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        Ok(ended??)
    }
}

impl StageWork for Job<'_> {
    type Done = Result<Vec<Stopped>, TransportError>;

    fn with<S: Stage + 'static>(
        self,
        wires: Wires<S::In, S::Out>,
        make: impl Fn(u16) -> S + Send + Sync + 'static,
    ) -> Self::Done {
        let Worker { options, observer, .. } = self.worker;
        let transport = KafkaTransport::observed(&self.cluster, Arc::clone(observer), self.spec.number)?;
        let frame = Frame {
            cluster: self.cluster,
            spec: Arc::clone(&self.spec),
            wires,
            options: Arc::new(options.clone()),
            transport: Arc::new(transport),
            observer: Arc::clone(observer),
        };
        run_stage(frame, self.memory, make, self.stop, self.ready)
    }
}

/// What is done with a stage, whichever it is.
pub trait StageWork {
    type Done;

    /// `make` makes the stage for a partition.
    fn with<S: Stage + 'static>(
        self,
        wires: Wires<S::In, S::Out>,
        make: impl Fn(u16) -> S + Send + Sync + 'static,
    ) -> Self::Done;
}

/// Does it with the stage that a spec names.
///
/// # Errors
/// The registry does not have what the stage writes and reads.
pub fn with_stage<W: StageWork>(
    spec: &StageSpec,
    wires: &WireFormat,
    blobs: &Arc<dyn stream::Blobs>,
    work: W,
) -> Result<W::Done, RegistryError> {
    let (blobs, count) = (Arc::clone(blobs), u32::from(spec.partitions));
    let shard = move |index: u16| Shard { index: index.into(), count };
    Ok(match spec.number {
        stages::INGEST => work.with(wires.ingest()?, |_| IngestStage::default()),
        stages::NORMALIZE => {
            work.with(wires.normalize()?, move |index| NormalizeStage::new(blobs.clone(), shard(index)))
        }
        stages::UNITS => work.with(wires.units()?, move |_| UnitsStage::new(blobs.clone())),
        stages::LEDGER => work.with(wires.ledger()?, move |index| LedgerStage::new(blobs.clone(), shard(index))),
        _ => work.with(wires.accrual_sink()?, move |index| SinkStage::new(blobs.clone(), shard(index))),
    })
}
