//! The Kafka engine: each task publishes in a transaction with a mark, then applies to its own store.
//!
//! The protocol (numbers, gaps, alignment of controls, marks, recovery) knows no Kafka and runs on any [`Transport`];
//! behind the feature `kafka` there is the one on librdkafka, with [`run_stage`] and [`Publisher`] for processes.

mod book;
#[cfg(feature = "kafka")]
mod client;
#[cfg(feature = "rocks")]
pub mod folder;
pub mod held;
pub mod home;
mod label;
mod letters;
mod observer;
pub mod recover;
mod spec;
mod task;
mod transport;
mod wire;
mod work;

#[cfg(feature = "kafka")]
pub use client::{KafkaReader, KafkaTransport, KafkaWriter, SESSION_TIMEOUT, TRANSACTION_TIMEOUT};
pub use book::{About, Book, Channels, DEAD, Floor, HOP, Mark, Place, Seen, Taken, Written, record_hash};
pub use label::{HEADERS_MAX, INTAKE, Kind, Label, LabelReader, Origin, Rank, TaskId};
pub use letters::{DeadLetter, RepairRequest};
pub use observer::{Batch, Event, Observer, Silent};
pub use recover::Stop;
pub use spec::{Cluster, Poison, StageSpec, TaskOptions};
pub use task::{Frame, Progress, Task, writer_name};
pub use transport::{CommitError, Reader, Received, Sending, Transport, TransportError, Writer};
pub use wire::{ControlWire, Nowhere, Plain, ViewWire, Wire, WireError};
pub use work::{TaskError, Wires, route_bytes};
