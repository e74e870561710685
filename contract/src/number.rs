//! Exact numbers: quantities, prices and amounts as whole millionths.
//!
//! `rust_decimal` stands at the edge (parsing, printing); sums are checked integers.

use std::fmt;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

/// A quantity, price or amount in millionths of its unit.
///
/// The range is about ± 9.2 · 10¹² units. Arithmetic that leaves it panics: a total that
/// large is our bug, since [`Micros::parse`] refuses any single value above 10¹¹.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Micros(pub i64);

/// Why a text is not a number we can hold exactly.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    #[error("not a number")]
    NotANumber,
    #[error("more than six decimals")]
    TooPrecise,
    #[error("number is too large")]
    TooLarge,
}

const SCALE: i64 = 1_000_000;
const LARGEST: i64 = 100_000_000_000 * SCALE;

impl Micros {
    pub const ZERO: Micros = Micros(0);
    pub const ONE: Micros = Micros(SCALE);

    /// A whole number of units.
    pub const fn units(units: i64) -> Micros {
        Micros(units * SCALE)
    }

    /// Reads a plain decimal (`-12.50`): ASCII digits, one optional dot, an optional leading sign.
    pub fn parse(text: &str) -> Result<Micros, NumberError> {
        let (negative, digits) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() && fraction.is_empty() {
            return Err(NumberError::NotANumber);
        }
        let mut value: i64 = 0;
        for byte in whole.bytes() {
            if !byte.is_ascii_digit() {
                return Err(NumberError::NotANumber);
            }
            value = value * 10 + i64::from(byte - b'0');
            if value > LARGEST / SCALE {
                return Err(NumberError::TooLarge);
            }
        }
        value *= SCALE;
        let mut unit = SCALE / 10;
        for byte in fraction.bytes() {
            if !byte.is_ascii_digit() {
                return Err(NumberError::NotANumber);
            }
            if unit == 0 && byte != b'0' {
                return Err(NumberError::TooPrecise);
            }
            value += i64::from(byte - b'0') * unit;
            unit /= 10;
        }
        Ok(Micros(if negative { -value } else { value }))
    }

    /// The same value as a `Decimal`, without trailing zeros.
    pub fn decimal(self) -> Decimal {
        Decimal::new(self.0, 6).normalize()
    }

    pub fn abs(self) -> Micros {
        Micros(self.0.abs())
    }

    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The product, rounded to a millionth, halves away from zero.
    pub fn times(self, other: Micros) -> Micros {
        Micros(divide_half_away(i128::from(self.0) * i128::from(other.0), i128::from(SCALE)))
    }

    /// The product of two values as a share of a third: `self × part / whole`, halves away from zero.
    pub fn share(self, part: Micros, whole: Micros) -> Micros {
        assert!(whole.0 != 0, "share of a whole of zero");
        Micros(divide_half_away(i128::from(self.0) * i128::from(part.0), i128::from(whole.0)))
    }

    /// Rounds to `digits` decimals, halves away from zero, as a journal posts it.
    pub fn round(self, digits: u32) -> Micros {
        let unit = 10_i64.pow(6 - digits.min(6));
        Micros(divide_half_away(i128::from(self.0), i128::from(unit)) * unit)
    }

    /// Cuts to `digits` decimals, towards minus infinity.
    pub fn floor(self, digits: u32) -> Micros {
        let unit = 10_i64.pow(6 - digits.min(6));
        Micros(self.0 - self.0.rem_euclid(unit))
    }

    /// Rounds a decimal to a millionth, halves away from zero.
    pub fn from_decimal(value: Decimal) -> Option<Micros> {
        let rounded = value.round_dp_with_strategy(6, RoundingStrategy::MidpointAwayFromZero);
        let scaled = rounded.checked_mul(Decimal::from(SCALE))?;
        i64::try_from(scaled.trunc().mantissa() / 10_i128.pow(scaled.trunc().scale())).ok().map(Micros)
    }
}

fn divide_half_away(value: i128, by: i128) -> i64 {
    let (value, by) = if by < 0 { (-value, -by) } else { (value, by) };
    let half = by / 2;
    let rounded = if value >= 0 { (value + half) / by } else { -((-value + half) / by) };
    i64::try_from(rounded).unwrap_or_else(|_| panic!("number overflow: {value} / {by}"))
}

impl std::ops::Add for Micros {
    type Output = Micros;
    fn add(self, other: Micros) -> Micros {
        Micros(self.0.checked_add(other.0).expect("number overflow in a sum"))
    }
}

impl std::ops::Sub for Micros {
    type Output = Micros;
    fn sub(self, other: Micros) -> Micros {
        Micros(self.0.checked_sub(other.0).expect("number overflow in a difference"))
    }
}

impl std::ops::Neg for Micros {
    type Output = Micros;
    fn neg(self) -> Micros {
        Micros(-self.0)
    }
}

impl std::ops::AddAssign for Micros {
    fn add_assign(&mut self, other: Micros) {
        *self = *self + other;
    }
}

impl std::iter::Sum for Micros {
    fn sum<I: Iterator<Item = Micros>>(values: I) -> Micros {
        values.fold(Micros::ZERO, |a, b| a + b)
    }
}

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let value = self.0.unsigned_abs();
        let (whole, mut fraction) = (value / SCALE as u64, value % SCALE as u64);
        write!(f, "{sign}{whole}")?;
        if fraction == 0 {
            return Ok(());
        }
        let mut digits = 6;
        while fraction % 10 == 0 {
            fraction /= 10;
            digits -= 1;
        }
        write!(f, ".{fraction:0digits$}")
    }
}

/// An ISO 4217 code, or three blanks when the feed names none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    pub const NONE: Currency = Currency(*b"   ");

    /// Three ASCII letters in any case; `None` for anything else.
    pub fn parse(text: &str) -> Option<Currency> {
        let bytes: [u8; 3] = text.trim().as_bytes().try_into().ok()?;
        bytes.iter().all(u8::is_ascii_alphabetic).then(|| Currency(bytes.map(|b| b.to_ascii_uppercase())))
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("currency is ASCII").trim_end()
    }

    pub fn is_none(self) -> bool {
        self == Currency::NONE
    }

    pub(crate) fn bytes(self) -> [u8; 3] {
        self.0
    }

    /// `None` for anything but three capitals or three blanks.
    pub(crate) fn from_bytes(bytes: [u8; 3]) -> Option<Currency> {
        let known = bytes.iter().all(u8::is_ascii_uppercase) || bytes == Currency::NONE.0;
        known.then_some(Currency(bytes))
    }

    /// Decimals of the minor unit (ISO 4217): 0 for JPY and its like, 3 for the dinars, else 2.
    pub fn minor_digits(self) -> u32 {
        match &self.0 {
            b"BIF" | b"CLP" | b"DJF" | b"GNF" | b"ISK" | b"JPY" | b"KMF" | b"KRW" | b"PYG" | b"RWF" | b"UGX"
            | b"VND" | b"VUV" | b"XAF" | b"XOF" | b"XPF" => 0,
            b"BHD" | b"IQD" | b"JOD" | b"KWD" | b"LYD" | b"OMR" | b"TND" => 3,
            _ => 2,
        }
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_and_print_exactly() {
        for (text, shown) in [("12.50", "12.5"), ("-0.000001", "-0.000001"), (".5", "0.5"), ("7.", "7"), ("+3", "3")] {
            assert_eq!(Micros::parse(text).unwrap().to_string(), shown, "{text}");
        }
        for (text, error) in [
            ("", NumberError::NotANumber),
            (".", NumberError::NotANumber),
            ("1e3", NumberError::NotANumber),
            ("1_000", NumberError::NotANumber),
            ("0.0000001", NumberError::TooPrecise),
            ("99999999999999999999", NumberError::TooLarge),
        ] {
            assert_eq!(Micros::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn rounding_is_half_away_from_zero() {
        assert_eq!(Micros::parse("0.375").unwrap().round(2).to_string(), "0.38");
        assert_eq!(Micros::parse("-0.375").unwrap().round(2).to_string(), "-0.38");
        assert_eq!(Micros::parse("2.345").unwrap().round(2).to_string(), "2.35");
        assert_eq!(Micros::parse("2.349999").unwrap().floor(2).to_string(), "2.34");
        assert_eq!(Micros::parse("2.34").unwrap().floor(2).to_string(), "2.34");
        assert_eq!(Micros::parse("-2.341").unwrap().floor(2).to_string(), "-2.35");
        assert_eq!(Micros::parse("100.5").unwrap().floor(0).to_string(), "100");
        let per_unit = Micros::parse("0.0333").unwrap();
        assert_eq!(per_unit.times(Micros::units(100_000)).to_string(), "3330");
    }
}
