//! The embedded engine: a graph of (stage, partition, epoch) over one data directory.

mod commit;
mod gather;
mod graph;
mod line;
mod node;
mod stepwise;
mod tag;
mod threads;

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

pub use commit::Written;
pub use gather::Ending;
pub use line::Line;
pub use node::Tally;
pub use tag::STAGES_MAX;

use crate::directory::{DataDirectory, OpenError};
use crate::observe::Observer;
use crate::{Committed, Source, SourceError, StageError, StorageError};
use gather::Gather;
use graph::Graph;

/// How the engine works; none of it shows in what it yields.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Threads that run stages; reading the input and committing have one each beside them.
    pub threads: usize,
    /// Cost at which an epoch closes.
    pub epoch_cost: u64,
    /// Epochs taken in and not yet committed; more input waits.
    pub epochs_in_flight: usize,
    /// Bytes of clean state that all partitions keep together.
    pub cache_bytes: usize,
}

impl Default for EngineOptions {
    fn default() -> EngineOptions {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        EngineOptions { threads, epoch_cost: 20_000, epochs_in_flight: 3, cache_bytes: 128 << 20 }
    }
}

/// Why a run ended before its input did. What was committed stands; a restart goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("store has failed")]
    Storage(#[from] StorageError),
    #[error("data directory does not open")]
    Open(#[from] OpenError),
    #[error("stage {stage} cannot go on")]
    Stage { stage: &'static str, source: StageError },
    #[error("input cannot be taken in")]
    Source(#[from] SourceError),
    #[error("{part} panicked: {message}")]
    Panicked { part: &'static str, message: String },
    #[error("engine has failed before and must be opened anew")]
    Failed,
}

/// What a run did.
#[derive(Clone, Debug)]
pub struct Summary {
    pub ending: Ending,
    pub epochs: u64,
    pub controls: u64,
    pub records: u64,
    pub cost: u64,
    /// What went into the store; [`crate::floor`] writes the same without a pipeline.
    pub written: Written,
    /// Stages in order, with their counts in this run.
    pub stages: Vec<(&'static str, Tally)>,
    /// How far the data directory has come, over all runs.
    pub committed: Committed,
}

/// A line of stages at work on a data directory.
pub struct Engine<T> {
    directory: DataDirectory,
    graph: Graph,
    names: Vec<&'static str>,
    options: EngineOptions,
    observer: Option<Arc<dyn Observer>>,
    failed: bool,
    types: PhantomData<fn(T)>,
}

impl<T: Send + Sync + 'static> Engine<T> {
    /// Makes every stage in every partition and lets it resume from the committed state.
    pub fn new<L>(
        directory: DataDirectory,
        line: &Line<T, L>,
        options: EngineOptions,
    ) -> Result<Engine<T>, EngineError> {
        let names: Vec<&'static str> = line.stages.iter().map(|stage| stage.name).collect();
        assert!(!names.is_empty(), "a line has a stage");
        directory.check_line(&names)?;
        let partitions = directory.identity().partitions;
        let mut graph = Graph::new(line, partitions, directory.committed().epoch, options.cache_bytes);
        let store = directory.store();
        let stages = names.iter().flat_map(|name| std::iter::repeat_n(*name, usize::from(partitions)));
        for (node, stage) in graph.nodes().zip(stages) {
            node.resume(store.as_ref()).map_err(|source| EngineError::Stage { stage, source })?;
        }
        Ok(Engine { directory, graph, names, options, observer: None, failed: false, types: PhantomData })
    }

    /// From now on `observer` hears of every epoch.
    pub fn observe(&mut self, observer: Arc<dyn Observer>) {
        observer.opened(&self.directory.store(), &self.directory.committed());
        self.observer = Some(observer);
    }

    pub fn directory(&self) -> &DataDirectory {
        &self.directory
    }

    pub fn into_directory(self) -> DataDirectory {
        self.directory
    }

    /// Takes the source's input to its end, or to the next epoch after `stop` is set, and commits all of it.
    ///
    /// `acknowledge` is called after each commit, when the epoch is durable in store and witness.
    /// After an error the engine is of no more use.
    pub fn run(
        &mut self,
        source: impl Source<T>,
        stop: &AtomicBool,
        acknowledge: &mut dyn FnMut(&Committed),
    ) -> Result<Summary, EngineError> {
        self.guarded(|engine| threads::run(engine, source, stop, acknowledge))
    }

    /// The same on the calling thread alone. `choose` picks one of that many steps that are possible now: a test that
    /// decides by a seed meets every interleaving and can repeat it.
    pub fn run_stepwise(
        &mut self,
        source: impl Source<T>,
        stop: &AtomicBool,
        choose: &mut dyn FnMut(usize) -> usize,
    ) -> Result<Summary, EngineError> {
        self.guarded(|engine| stepwise::run(engine, source, stop, choose))
    }

    fn guarded(
        &mut self,
        run: impl FnOnce(&mut Engine<T>) -> Result<Summary, EngineError>,
    ) -> Result<Summary, EngineError> {
        if std::mem::replace(&mut self.failed, true) {
            return Err(EngineError::Failed);
        }
        let summary = run(self)?;
        self.failed = false;
        Ok(summary)
    }

    fn gather<'a, S: Source<T>>(&self, source: S, stop: &'a AtomicBool) -> Gather<'a, T, S> {
        let Committed { position, control, .. } = self.directory.committed();
        let partitions = self.directory.identity().partitions;
        Gather::new(source, stop, partitions, self.options.epoch_cost, (position, control))
    }
}

/// Runs a part of the engine; a panic inside becomes an error.
fn caught<R>(part: &'static str, run: impl FnOnce() -> Result<R, EngineError>) -> Result<R, EngineError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let message = panic.downcast_ref::<String>().cloned();
        let message = message.or_else(|| panic.downcast_ref::<&str>().map(|text| text.to_string()));
        Err(EngineError::Panicked { part, message: message.unwrap_or_default() })
    })
}
