//! Who and what is this? Codes and texts of partners become golden products and outlets.
//!
//! Strong keys first, then what a steward decided, then similarity; each answer says how it was found, how sure it is and
//! what came second. Everything here is a pure function of the reference data: caches change speed, never an answer.

mod agreement;
mod cache;
mod codes;
mod index;
mod outlet;
mod party;
mod product;
mod reading;
mod separators;
mod shape;
mod slip;
mod text;

pub use outlet::{OutletMethod, OutletResolution, OutletResolver};
pub use product::{Aliases, MatchOutcome, Method, NoAliases, ProductResolution, ProductResolver};
