//! What crosses a topic: numbers, dates, ids, codes, facts, reference data and controls.
//!
//! Everything here is plain data. Nothing reads a clock, a file or a random source.
//! The way of a sold unit is the order of the modules:
//! [`feed`] → [`sale`] → [`entitlement`] → [`accrual`], with [`publication`] for what readers outside see,
//! [`reference`] and [`program`] for what is known, and [`control`] for what people and time decide.

pub mod accrual;
#[cfg(feature = "avro")]
pub mod avro;
pub mod codes;
pub mod control;
pub mod entitlement;
pub mod feed;
pub mod ids;
pub mod number;
pub mod program;
pub mod publication;
pub mod reference;
pub mod sale;
pub mod time;
pub mod topics;
mod wire;

pub use accrual::*;
pub use codes::{Code, Decision};
pub use control::*;
pub use entitlement::*;
pub use feed::*;
pub use ids::Id;
pub use number::{Currency, Micros, NumberError};
pub use program::*;
pub use publication::*;
pub use reference::*;
pub use sale::*;
pub use time::{Cadence, Day};

/// Short text: up to 24 bytes are kept without an allocation.
pub type Text = compact_str::CompactString;

/// A currency with an exact amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Money {
    #[serde(with = "crate::wire::decimal")]
    pub amount: Micros,
    pub currency: Currency,
}

impl Money {
    /// Rounds to the currency's minor unit, halves away from zero, as the journal posts it.
    pub fn round_for_posting(self) -> Money {
        Money { amount: self.amount.round(self.currency.minor_digits()), ..self }
    }
}
