//! Amounts as fractions: nothing is rounded but where a rule says so.

use std::cmp::Ordering;

use contract::{Currency, Micros, RoundingMode};
use num_rational::Ratio;
use num_traits::Zero;

/// An exact amount, quantity, rate or share.
pub type Exact = Ratio<i128>;

pub fn exact(value: Micros) -> Exact {
    // In lowest terms: this is asked for more often than all else.
    let common = i128::from(common(1_000_000, value.0.unsigned_abs() % 1_000_000));
    Ratio::new_raw(i128::from(value.0) / common, 1_000_000 / common)
}

/// The greatest number that divides both; of 64 bits, which is quick.
fn common(mut one: u64, mut other: u64) -> u64 {
    while other > 0 {
        (one, other) = (other, one % other);
    }
    one
}

/// To the currency's minor unit, halves away from zero (domain notes §4.11).
pub fn rounded(value: Exact, currency: Currency) -> Micros {
    rounded_by(value, RoundingMode::HalfUp, currency)
}

/// What a program pays: to the currency's minor unit, halves where its mode says.
pub fn rounded_by(value: Exact, mode: RoundingMode, currency: Currency) -> Micros {
    to_digits(value, mode, currency.minor_digits())
}

/// To a millionth, halves away from zero: how bounds that follow from others are kept.
pub fn to_millionths(value: Exact) -> Exact {
    exact(to_digits(value, RoundingMode::HalfUp, 6))
}

/// So many whole pieces at a rate, to whole pieces, halves away from zero.
pub fn pieces_at(pieces: i128, rate: Exact) -> i128 {
    let (size, of) = ((pieces * rate.numer()).abs(), *rate.denom());
    (2 * size + of) / (2 * of) * (pieces * rate.numer()).signum()
}

/// Whole minor units at or below a value.
pub fn floored(value: Exact, currency: Currency) -> Exact {
    let digits = currency.minor_digits();
    exact(micros(Units::of(value, digits).below, digits))
}

fn to_digits(value: Exact, mode: RoundingMode, digits: u32) -> Micros {
    let Units { below, over, of } = Units::of(value, digits);
    let is_up = match over.cmp(&(of - over)) {
        Ordering::Less => false,
        Ordering::Greater => true,
        Ordering::Equal if mode == RoundingMode::HalfEven => below % 2 != 0,
        Ordering::Equal => below >= 0,
    };
    micros(below + i128::from(is_up), digits)
}

fn micros(units: i128, digits: u32) -> Micros {
    Micros(i64::try_from(units * 10_i128.pow(6 - digits)).expect("an amount fits"))
}

/// Whole units at or below a value, and which part of one it is above them.
struct Units {
    below: i128,
    over: i128,
    of: i128,
}

impl Units {
    /// Units of so many digits.
    fn of(value: Exact, digits: u32) -> Units {
        let unit = 10_i64.pow(digits);
        let common = i128::from(common(unit.unsigned_abs(), (value.denom() % i128::from(unit)).unsigned_abs() as u64));
        let (unit, of) = (i128::from(unit) / common, value.denom() / common);
        let over = value.numer().rem_euclid(of) * unit;
        Units { below: value.numer().div_euclid(of) * unit + over / of, over: over % of, of }
    }
}

pub fn zero() -> Exact {
    Exact::zero()
}
