//! Amounts as fractions: nothing is rounded but where a rule says so.

use contract::{Currency, Micros, RoundingMode};
use num_rational::Ratio;
use num_traits::{Signed, Zero};

/// An exact amount, quantity, rate or share.
pub type Exact = Ratio<i128>;

pub fn exact(value: Micros) -> Exact {
    // In lowest terms, by numbers of 64 bits: this is asked for more often than all else.
    let (mut common, mut rest) = (1_000_000, value.0.unsigned_abs() % 1_000_000);
    while rest > 0 {
        (common, rest) = (rest, common % rest);
    }
    let common = i128::from(common);
    Ratio::new_raw(i128::from(value.0) / common, 1_000_000 / common)
}

/// To the currency's minor unit, halves away from zero (domain notes §4.11).
pub fn rounded(value: Exact, currency: Currency) -> Micros {
    to_digits(value, currency.minor_digits())
}

/// What a program pays: to the currency's minor unit, halves where its mode says.
pub fn rounded_by(value: Exact, mode: RoundingMode, currency: Currency) -> Micros {
    let unit = Ratio::new(1, 10_i128.pow(currency.minor_digits()));
    let below = floored(value, currency);
    let is_half = (value - below) * Ratio::from_integer(2) == unit;
    let is_even = (below / unit).to_integer() % 2 == 0;
    match mode {
        RoundingMode::HalfEven if is_half => rounded(if is_even { below } else { below + unit }, currency),
        _ => rounded(value, currency),
    }
}

/// To a millionth, halves away from zero: how bounds that follow from others are kept.
pub fn to_millionths(value: Exact) -> Exact {
    exact(to_digits(value, 6))
}

fn to_digits(value: Exact, digits: u32) -> Micros {
    let units = value * Ratio::from_integer(10_i128.pow(digits));
    let half = Ratio::new(1, 2);
    let whole = (units.abs() + half).floor().to_integer();
    let micros = whole * 10_i128.pow(6 - digits) * if units.is_negative() { -1 } else { 1 };
    Micros(i64::try_from(micros).expect("an amount fits"))
}

/// Whole minor units at or below a value.
pub fn floored(value: Exact, currency: Currency) -> Exact {
    let unit = Ratio::from_integer(10_i128.pow(currency.minor_digits()));
    (value * unit).floor() / unit
}

pub fn zero() -> Exact {
    Exact::zero()
}
