//! What crosses a topic: numbers, dates, ids, codes, facts, reference data and controls.
//!
//! Everything here is plain data. Nothing reads a clock, a file or a random source.
//! The way of a sold unit is the order of the modules:
//! [`feed`] → [`sale`] → [`entitlement`] → [`accrual`], with [`publication`] for what readers outside see,
//! [`reference`] and [`program`] for what is known, and [`control`] for what people and time decide.

pub mod accrual;
#[cfg(feature = "avro")]
pub mod avro;
pub mod claim;
pub mod codes;
pub mod conditions;
pub mod control;
pub mod eligibility;
pub mod entitlement;
pub mod feed;
pub mod ids;
pub mod letter;
pub mod number;
pub mod program;
pub mod publication;
pub mod reference;
pub mod ruling;
pub mod sale;
pub mod time;
pub mod topics;
mod wire;

use std::fmt;

pub use accrual::*;
pub use claim::*;
pub use codes::{Code, Decision, MUTUALLY_DEFINED_901, PENDING_REVIEW_901};
pub use conditions::*;
pub use control::*;
pub use eligibility::*;
pub use entitlement::*;
pub use feed::*;
pub use ids::Id;
pub use letter::*;
pub use number::{Currency, Micros, NumberError};
pub use program::*;
pub use publication::*;
pub use reference::*;
pub use ruling::*;
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

/// `435.30 USD`: at least the decimals of the minor unit; the amount alone where no currency is known.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let amount = self.amount.to_string();
        let (whole, fraction) = amount.split_once('.').unwrap_or((&amount, ""));
        let digits = self.currency.minor_digits() as usize;
        f.write_str(whole)?;
        if digits > 0 || !fraction.is_empty() {
            write!(f, ".{fraction:0<digits$}")?;
        }
        if self.currency.is_none() { Ok(()) } else { write!(f, " {}", self.currency) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_shows_the_minor_unit_and_hides_nothing() {
        let shown =
            |amount: &str, currency: Currency| Money { amount: Micros::parse(amount).unwrap(), currency }.to_string();
        let currency = |code: &str| Currency::parse(code).unwrap();
        assert_eq!(shown("435.3", currency("USD")), "435.30 USD");
        assert_eq!(shown("-132", currency("USD")), "-132.00 USD");
        assert_eq!(shown("0.033333", currency("EUR")), "0.033333 EUR");
        assert_eq!(shown("132", currency("JPY")), "132 JPY");
        assert_eq!(shown("1.5", currency("KWD")), "1.500 KWD");
        assert_eq!(shown("7", Currency::NONE), "7.00");
    }
}
