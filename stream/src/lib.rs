//! The engine: what a stage is, where its state lives, and how epochs become durable.
//!
//! Knows nothing of sales or money. A [`Stage`] is a deterministic state machine over one ordered input for each
//! partition; an [`Engine`] feeds it, keeps its state and carries its outputs on.
//!
//! # How to wire it
//!
//! ```text
//! let line = Line::new()
//!     .then("ingest", |_partition| IngestStage::new())
//!     .then("normalize", move |_partition| NormalizeStage::new(blobs.clone()));
//! let directory = DataDirectory::open(path, 4)?;              // store, log, witness: all checked
//! let log = directory.log();                                  // clones append from any thread
//! let source = LogSource::behind(directory.committed().position, log);
//! let mut engine = Engine::new(directory, &line, EngineOptions::default())?;
//! let summary = engine.run(source, &stop, &mut |committed| progress(committed))?;
//! ```
//!
//! The first stage's input comes from a [`Source`]: log entries taken apart into records, each at a [`Position`]. The
//! engine cuts it into epochs; an epoch passes every stage in every partition and is then written in one atomic,
//! synced batch together with its input position, then in the witness, then acknowledged. After a crash or an error a
//! new process opens the directory and goes on behind [`Committed::position`]; nothing is done twice and nothing is
//! left out. Threads, epoch sizes, stops and crashes never show in what comes out.
//!
//! Readers use [`DataDirectory::open_read_only`], [`DataDirectory::views`] and [`DataDirectory::partition_state`].
//! Tests run the same engine on [`store::MemoryStore`] through [`DataDirectory::on`], whole or step by step
//! ([`Engine::run_stepwise`]).

pub mod directory;
pub mod engine;
pub mod floor;
pub mod kafka;
pub mod key;
pub mod log;
pub mod memory;
pub mod observe;
pub mod outbox;
pub mod overlay;
pub mod partition;
pub mod reader;
pub mod source;
pub mod stage;
pub mod state;
pub mod store;
pub mod table;
pub mod witness;

pub use directory::{Committed, DataDirectory, Identity, OpenError};
pub use engine::{Ending, Engine, EngineError, EngineOptions, Line, Summary, Written};
pub use key::{Key, KeyReader};
pub use log::Log;
pub use memory::MemoryState;
pub use outbox::{Outbox, Routed, View};
pub use partition::PartitionState;
pub use reader::{StateReader, Views};
pub use source::{Feed, Position, Source, SourceError};
pub use stage::{Blobs, Input, Progress, Shard, Stage, StageError};
pub use state::{Entry, Order, State, StorageError, StorageKind, TableId};
pub use store::{MemoryStore, Store};
pub use table::Table;
