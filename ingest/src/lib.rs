//! Partner files in, verdicts and rows out.
//!
//! **In**: raw bytes of a file that a partner sent, and the [`FeedDefinition`] that says how that partner writes.
//! **Out**: a [`contract::FileVerdict`] and, behind it, slices of [`contract::ParsedRow`], one for each data record,
//! readable or not.
//! **Refused**: content that is not of the format. **Parked**: a file whose definition does not fit it or whose control
//! totals disagree.
//!
//! [`read`] is the edge: parsers, limits and files. [`stage`] is the pure stage behind it.

mod cells;
pub mod child;
pub mod columns;
mod content;
pub mod dates;
pub mod definition;
pub mod formats;
#[doc(hidden)]
pub mod fuzzing;
mod glob;
pub mod layouts;
mod lines;
pub mod numbers;
pub mod period;
pub mod read;
mod report;
mod rules;
pub mod stage;
mod tables;

pub use definition::FeedDefinition;
pub use formats::Limits;
pub use layouts::configure;
pub use read::{Arrival, ReadFile, Slices, Source, fingerprint, read, unread};
pub use stage::IngestStage;
