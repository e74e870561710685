//! The engine: what a stage is, where its state lives, and how epochs become durable.
//!
//! Knows nothing of sales or money. A [`Stage`] is a deterministic state machine over one ordered input for each
//! partition; a driver feeds it, keeps its state and carries its outputs on.

pub mod key;
pub mod memory;
pub mod outbox;
pub mod stage;
pub mod state;
pub mod table;

pub use key::{Key, KeyReader};
pub use memory::MemoryState;
pub use outbox::{Outbox, Routed, View};
pub use stage::{Blobs, Input, Stage, StageError};
pub use state::{Entry, Order, State, StorageError, TableId};
pub use table::Table;
