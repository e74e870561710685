//! Amounts as fractions: nothing is rounded but where a rule says so.

use std::cmp::Ordering;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub, SubAssign};

use contract::{Currency, Micros, RoundingMode};
use num_rational::{BigRational, Ratio};
use num_traits::{CheckedAdd, CheckedDiv, CheckedMul, ToPrimitive};

type Small = Ratio<i128>;

/// An exact amount, quantity, rate or share: of 128 bits where these are enough, as they nearly always are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exact(Size);

/// In lowest terms. What fits is small: so each number is written in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Size {
    Small(Small),
    /// Never freed, so that all are copied alike: a history has few of them.
    Large(&'static BigRational),
}

impl Exact {
    pub fn new(numerator: i128, denominator: i128) -> Exact {
        Exact(Size::Small(Ratio::new(numerator, denominator)))
    }

    pub fn from_integer(whole: i128) -> Exact {
        Exact(Size::Small(Ratio::from_integer(whole)))
    }

    pub fn is_zero(self) -> bool {
        self == zero()
    }

    pub fn is_positive(self) -> bool {
        self > zero()
    }

    pub fn is_negative(self) -> bool {
        self < zero()
    }

    pub fn abs(self) -> Exact {
        self.max(-self)
    }

    /// The greatest whole number that is not above it.
    pub fn floor(self) -> Exact {
        match self.0 {
            Size::Small(small) => Exact::from_integer(small.numer().div_euclid(*small.denom())),
            Size::Large(large) => Exact::of_large(large.floor()),
        }
    }

    /// Without what is behind the point.
    pub fn to_integer(self) -> i128 {
        match self.0 {
            Size::Small(small) => small.to_integer(),
            Size::Large(large) => large.to_integer().to_i128().expect("whole units fit"),
        }
    }

    fn large(self) -> BigRational {
        match self.0 {
            Size::Small(small) => Ratio::new_raw((*small.numer()).into(), (*small.denom()).into()),
            Size::Large(large) => large.clone(),
        }
    }

    fn of_large(large: BigRational) -> Exact {
        match large.numer().to_i128().zip(large.denom().to_i128()) {
            Some((numerator, denominator)) => Exact(Size::Small(Ratio::new_raw(numerator, denominator))),
            None => Exact(Size::Large(Box::leak(Box::new(large)))),
        }
    }

    /// By 128 bits, else by as many as it takes.
    fn with(
        self,
        other: Exact,
        small: impl Fn(&Small, &Small) -> Option<Small>,
        large: impl Fn(BigRational, BigRational) -> BigRational,
    ) -> Exact {
        if let (Size::Small(one), Size::Small(other)) = (self.0, other.0)
            && let Some(fits) = small(&one, &other)
        {
            return Exact(Size::Small(fits));
        }
        Exact::of_large(large(self.large(), other.large()))
    }
}

impl Ord for Exact {
    fn cmp(&self, other: &Exact) -> Ordering {
        match (&self.0, &other.0) {
            (Size::Small(one), Size::Small(other)) => one.cmp(other),
            _ => self.large().cmp(&other.large()),
        }
    }
}

impl PartialOrd for Exact {
    fn partial_cmp(&self, other: &Exact) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Add for Exact {
    type Output = Exact;
    fn add(self, other: Exact) -> Exact {
        let alike = |one: &Small, other: &Small| {
            let sum = one.numer().checked_add(other.numer())?;
            Some(Ratio::new(sum, *one.denom()))
        };
        let small = |one: &Small, other: &Small| match one.denom() == other.denom() {
            true => alike(one, other),
            false => one.checked_add(other),
        };
        self.with(other, small, |one, other| one + other)
    }
}

impl Sub for Exact {
    type Output = Exact;
    fn sub(self, other: Exact) -> Exact {
        self + -other
    }
}

impl Mul for Exact {
    type Output = Exact;
    fn mul(self, other: Exact) -> Exact {
        self.with(other, Small::checked_mul, |one, other| one * other)
    }
}

impl Div for Exact {
    type Output = Exact;
    fn div(self, other: Exact) -> Exact {
        self.with(other, Small::checked_div, |one, other| one / other)
    }
}

impl Neg for Exact {
    type Output = Exact;
    fn neg(self) -> Exact {
        match self.0 {
            Size::Small(small) if *small.numer() != i128::MIN => Exact(Size::Small(-small)),
            _ => Exact::of_large(-self.large()),
        }
    }
}

impl AddAssign for Exact {
    fn add_assign(&mut self, other: Exact) {
        *self = *self + other;
    }
}

impl SubAssign for Exact {
    fn sub_assign(&mut self, other: Exact) {
        *self = *self - other;
    }
}

impl Sum for Exact {
    fn sum<I: Iterator<Item = Exact>>(all: I) -> Exact {
        all.fold(zero(), Add::add)
    }
}

impl<'a> Sum<&'a Exact> for Exact {
    fn sum<I: Iterator<Item = &'a Exact>>(all: I) -> Exact {
        all.copied().sum()
    }
}

pub fn exact(value: Micros) -> Exact {
    // In lowest terms: this is asked for more often than all else.
    let common = i128::from(common(1_000_000, value.0.unsigned_abs() % 1_000_000));
    Exact(Size::Small(Ratio::new_raw(i128::from(value.0) / common, 1_000_000 / common)))
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
    let Size::Small(rate) = rate.0 else { unreachable!("rates are short") };
    let (size, of) = ((pieces * rate.numer()).abs(), *rate.denom());
    (2 * size + of) / (2 * of) * (pieces * rate.numer()).signum()
}

/// Whole minor units at or below a value.
pub fn floored(value: Exact, currency: Currency) -> Exact {
    let digits = currency.minor_digits();
    exact(micros(Units::of(value, digits).below, digits))
}

fn to_digits(value: Exact, mode: RoundingMode, digits: u32) -> Micros {
    let Units { below, rest } = Units::of(value, digits);
    let is_up = match rest {
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

/// Whole units at or below a value, and how what it is above them compares with half of one.
struct Units {
    below: i128,
    rest: Ordering,
}

impl Units {
    /// Units of so many digits.
    fn of(value: Exact, digits: u32) -> Units {
        let unit = 10_i64.pow(digits);
        let small = if let Size::Small(small) = value.0 { Units::of_small(small, unit) } else { None };
        small.unwrap_or_else(|| {
            let units = value * Exact::from_integer(unit.into());
            let below = units.floor();
            Units { below: below.to_integer(), rest: (units - below).cmp(&Exact::new(1, 2)) }
        })
    }

    /// The same by 128 bits, where these are enough.
    fn of_small(value: Small, unit: i64) -> Option<Units> {
        let common = i128::from(common(unit.unsigned_abs(), (value.denom() % i128::from(unit)).unsigned_abs() as u64));
        let (unit, of) = (i128::from(unit) / common, value.denom() / common);
        let over = value.numer().rem_euclid(of).checked_mul(unit)?;
        let below = value.numer().div_euclid(of).checked_mul(unit)? + over / of;
        Some(Units { below, rest: (over % of).cmp(&(of - over % of)) })
    }
}

pub fn zero() -> Exact {
    Exact::from_integer(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Primes, so that no two of their fractions have a smaller denominator than their product.
    const PRIMES: [i128; 6] =
        [2_147_483_647, 2_147_483_629, 2_147_483_587, 2_147_483_579, 2_147_483_563, 2_147_483_549];

    #[test]
    fn what_needs_more_than_128_bits_is_exact() {
        let parts: Vec<Exact> = PRIMES.iter().map(|prime| Exact::new(1, *prime)).collect();
        let sum: Exact = parts.iter().sum();
        assert!(matches!(sum.0, Size::Large(_)), "its denominator has 186 bits");
        assert_eq!(parts.iter().fold(sum, |left, part| left - *part), zero());
        let product = parts.iter().fold(Exact::from_integer(1), |product, part| product * *part);
        let whole = PRIMES.iter().fold(product, |left, prime| left * Exact::from_integer(*prime));
        assert_eq!(whole, Exact::from_integer(1));
        assert!(matches!(whole.0, Size::Small(_)), "what fits again is small again");
        assert!(sum > parts[0] && -sum < -parts[0] && product < sum && sum.is_positive());
    }

    #[test]
    fn a_large_fraction_is_rounded_like_a_small_one() {
        let currency = Currency::parse("USD").unwrap();
        let tiny = PRIMES.iter().fold(Exact::from_integer(1), |product, prime| product * Exact::new(1, *prime));
        for half in [5, 15, -5, -15] {
            let half = Exact::new(half, 1_000);
            let rounded = |value: Exact| rounded_by(value, RoundingMode::HalfEven, currency);
            let cent = Exact::new(1, 200);
            assert_eq!(exact(rounded(half + tiny)), half + cent);
            assert_eq!(exact(rounded(half - tiny)), half - cent);
            assert_eq!(floored(half + tiny, currency), half - cent);
        }
    }
}
