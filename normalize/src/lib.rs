//! Who and what is this? Rows of partners in, sales as facts with a sign out.
//!
//! Comes in: `pos.rows`, keyed by reporting partner. Goes out: `pos.sales`, keyed by product, and receipts, rejects,
//! findings and identities. Refused: rows without a key field, with an impossible date or that nobody can read.
//! Parked until a decision: rows whose product nobody knows, and lines that another record holds with other content.

mod currencies;
mod decisions;
mod doubles;
mod known;
mod lines;
pub mod matching;
mod page;
mod parked;
mod replace;
mod rows;
mod rules;
mod stage;
mod tables;
pub mod views;

pub use stage::NormalizeStage;
