//! The Kafka engine: each task publishes in a transaction with a mark, then applies to its own store.
//!
//! The protocol (numbers, gaps, alignment of controls, marks, recovery) knows no Kafka and runs on any [`Transport`];
//! behind the feature `kafka` there is the one on librdkafka, with [`run_stage`] and [`Publisher`] for processes.

mod book;
#[cfg(feature = "rocks")]
pub mod checkpoints;
#[cfg(feature = "kafka")]
mod client;
#[cfg(feature = "rocks")]
pub mod folder;
#[cfg(feature = "kafka")]
mod follow;
#[cfg(feature = "rocks")]
mod gather;
mod ground;
#[cfg(feature = "kafka")]
mod group;
pub mod held;
pub mod home;
mod incarnation;
mod label;
mod letters;
mod notice;
mod observer;
#[cfg(feature = "kafka")]
mod patience;
mod publisher;
pub mod recover;
pub mod repair;
mod spec;
mod survey;
mod task;
mod transport;
#[cfg(feature = "rocks")]
mod trim;
#[cfg(feature = "rocks")]
mod voices;
mod wire;
mod work;

pub use book::{About, Book, Channels, DEAD, Floor, HOP, Mark, Place, Seen, Taken, Written, record_hash};
#[cfg(feature = "kafka")]
pub use client::{
    Assurance, Comparison, Durability, KafkaReader, KafkaTransport, KafkaWriter, SESSION_TIMEOUT, TRANSACTION_TIMEOUT,
    TopicDifference, TopicPlan, compare_topics, create_topics, delete_records, identified, look_at_brokers, pinned,
};
#[cfg(feature = "kafka")]
pub use follow::Follower;
#[cfg(feature = "rocks")]
pub use gather::{Gathering, state_of};
#[cfg(feature = "kafka")]
pub use group::{Repairs, Stopped, run_stage};
pub use incarnation::{Approval, Cause, Incarnation, NotApproved};
pub use label::{HEADERS_MAX, INTAKE, Kind, Label, LabelReader, Origin, Rank, TaskId};
pub use letters::{Cut, DeadLetter, RepairRequest};
pub use notice::leave_notice;
pub use observer::{Batch, Event, Observer, Silent};
#[cfg(feature = "kafka")]
pub use patience::{Lasting, Passing, patiently};
pub use publisher::{Desk, INTAKE_NAME, OlderLog, Publisher, log_partition, older_log, place_of, published_log};
pub use recover::Stop;
pub use spec::{Cluster, StageSpec, TaskOptions};
pub use survey::{Standing, Survey};
pub use task::{Frame, Progress, Task, writer_name};
pub use transport::{
    CommitError, Header, Reader, Received, Sending, Transport, TransportError, Writer, check_partitions,
};
#[cfg(feature = "rocks")]
pub use trim::{Passed, passed};
pub use wire::{ControlWire, Nowhere, Plain, ViewWire, Wire, WireError};
pub use work::{TaskError, Wires, route_bytes};
