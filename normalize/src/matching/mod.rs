//! Who and what is this? Codes and texts of partners become golden products and outlets.
//!
//! Strong keys first, then what a steward decided, then similarity; each answer says how it was found, how sure it is and
//! what came second. Everything here is a pure function of the reference data: caches change speed, never an answer.

mod agreement;
mod batch;
mod cache;
mod codes;
mod features;
mod index;
mod logistic;
mod outlet;
mod party;
mod product;
mod reading;
mod record;
mod scorecard;
mod separators;
mod shape;
mod slip;
mod tables;
mod text;
mod training;
mod units;

pub use batch::{BatchSummary, MatchKind, match_catalog, match_pairs};
pub use outlet::{OutletMethod, OutletResolution, OutletResolver};
pub use product::{Aliases, MatchOutcome, Method, NoAliases, ProductResolution, ProductResolver};
pub use tables::TableError;
pub use training::{TrainingSet, train};
