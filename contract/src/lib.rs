//! What crosses a topic: numbers, dates, ids, codes, events and reference data.
//!
//! Everything here is plain data. Nothing reads a clock, a file or a random source.

pub mod codes;
pub mod events;
pub mod ids;
pub mod number;
pub mod time;

pub use codes::{Code, Decision};
pub use events::*;
pub use ids::Id;
pub use number::{Currency, Micros, NumberError};
pub use time::Day;
