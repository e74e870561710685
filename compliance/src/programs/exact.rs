//! Exact sums and benefits: nothing is rounded before the very end.

use std::cmp::Ordering;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

use contract::{Benefit, Currency, Measure, Micros, RoundingMode};
use serde::{Deserialize, Serialize};

const SCALE: i128 = 1_000_000;

/// What lines add up to, in millionths; wide enough for any number of lines that a feed can hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    pub quantity: i128,
    pub amount: i128,
}

impl Sums {
    pub fn of(quantity: Micros, amount: Micros) -> Sums {
        Sums { quantity: i128::from(quantity.0), amount: i128::from(amount.0) }
    }

    pub fn measure(self, measure: Measure) -> i128 {
        match measure {
            Measure::Quantity => self.quantity,
            Measure::Amount => self.amount,
        }
    }

    /// What a rate is multiplied with.
    pub fn base(self, benefit: Benefit) -> i128 {
        match benefit {
            Benefit::PerUnit => self.quantity,
            Benefit::Percent => self.amount,
        }
    }
}

impl Add for Sums {
    type Output = Sums;
    fn add(self, other: Sums) -> Sums {
        Sums { quantity: self.quantity + other.quantity, amount: self.amount + other.amount }
    }
}

impl Sub for Sums {
    type Output = Sums;
    fn sub(self, other: Sums) -> Sums {
        Sums { quantity: self.quantity - other.quantity, amount: self.amount - other.amount }
    }
}

impl AddAssign for Sums {
    fn add_assign(&mut self, other: Sums) {
        *self = *self + other;
    }
}

/// A benefit before it is rounded, in millionths of a millionth: a rate times a base is exact in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Exact(pub i128);

impl Exact {
    pub const ZERO: Exact = Exact(0);

    /// Rate times base; the base in millionths.
    pub fn product(rate: Micros, base: i128) -> Exact {
        Exact(i128::from(rate.0).checked_mul(base).expect("number overflow in a benefit"))
    }

    /// `rate × base × part / whole`, halves of the last place away from zero.
    pub fn product_share(rate: Micros, base: i128, part: i128, whole: i128) -> Exact {
        let taken = base.checked_mul(part).expect("number overflow in a share");
        let rest = Exact::product(rate, taken % whole).0;
        Exact(Exact::product(rate, taken / whole).0 + divide_half_away(rest, whole))
    }

    /// A share of it: 0.02 is two percent. Halves of the last place go away from zero.
    pub fn share(self, share: Micros) -> Exact {
        Exact(divide_half_away(self.0.checked_mul(share.0.into()).expect("number overflow in a share"), SCALE))
    }

    /// Its share that `part` is of `whole`, each taken to the millionth; all of it for the whole.
    pub fn in_proportion(self, part: Exact, whole: Exact) -> Exact {
        let (taken, of) = (i128::from(part.to_micros().0), i128::from(whole.to_micros().0));
        match of {
            _ if part == whole => self,
            0 => Exact::ZERO,
            _ => Exact(self.0 / of * taken + self.0 % of * taken / of),
        }
    }

    /// `part / whole` of it, halves of the last place away from zero.
    pub fn fraction(self, part: i128, whole: i128) -> Exact {
        let rest = (self.0 % whole).checked_mul(part).expect("number overflow in a share");
        Exact(self.0 / whole * part + divide_half_away(rest, whole))
    }

    /// The same in millionths, halves away from zero.
    pub fn to_micros(self) -> Micros {
        Micros(i64::try_from(divide_half_away(self.0, SCALE)).expect("number overflow in a benefit"))
    }

    pub fn abs(self) -> Exact {
        Exact(self.0.abs())
    }

    /// Rounds to the currency's minor unit, halves away from zero, as the journal posts it.
    pub fn round(self, currency: Currency) -> Micros {
        self.round_by(RoundingMode::HalfUp, currency)
    }

    /// The same by the mode of a program: what it pays.
    pub fn round_by(self, mode: RoundingMode, currency: Currency) -> Micros {
        let unit = minor_unit(currency);
        let units = match mode {
            RoundingMode::HalfUp => divide_half_away(self.0, unit),
            RoundingMode::HalfEven => divide_half_even(self.0, unit),
        };
        let micros = units * (unit / SCALE);
        Micros(i64::try_from(micros).expect("number overflow in an amount due"))
    }

    /// Whole minor units below or at the value, and what is left over.
    pub fn floor(self, currency: Currency) -> (i128, i128) {
        let unit = minor_unit(currency);
        (self.0.div_euclid(unit), self.0.rem_euclid(unit))
    }
}

/// One minor unit of the currency, in millionths of a millionth.
pub fn minor_unit(currency: Currency) -> i128 {
    SCALE * SCALE / 10_i128.pow(currency.minor_digits())
}

/// The quotient, halves away from zero.
pub fn divide_half_away(value: i128, by: i128) -> i128 {
    let (value, by) = if by < 0 { (-value, -by) } else { (value, by) };
    let (whole, rest) = (value / by, (value % by).abs());
    if rest >= by - rest { whole + value.signum() } else { whole }
}

/// The quotient, halves to the even neighbour.
fn divide_half_even(value: i128, by: i128) -> i128 {
    let (whole, rest) = (value.div_euclid(by), value.rem_euclid(by));
    match rest.cmp(&(by - rest)) {
        Ordering::Less => whole,
        Ordering::Equal => whole + (whole & 1),
        Ordering::Greater => whole + 1,
    }
}

impl From<Micros> for Exact {
    fn from(value: Micros) -> Exact {
        Exact(i128::from(value.0) * SCALE)
    }
}

impl Add for Exact {
    type Output = Exact;
    fn add(self, other: Exact) -> Exact {
        Exact(self.0.checked_add(other.0).expect("number overflow in a sum of benefits"))
    }
}

impl Sub for Exact {
    type Output = Exact;
    fn sub(self, other: Exact) -> Exact {
        Exact(self.0.checked_sub(other.0).expect("number overflow in a difference of benefits"))
    }
}

impl Neg for Exact {
    type Output = Exact;
    fn neg(self) -> Exact {
        Exact(-self.0)
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
    fn sum<I: Iterator<Item = Exact>>(values: I) -> Exact {
        values.fold(Exact::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_where_the_mode_says() {
        let dollar = Currency::parse("USD").unwrap();
        for (value, up, even) in [
            ("0.125", "0.13", "0.12"),
            ("0.375", "0.38", "0.38"),
            ("0.125001", "0.13", "0.13"),
            ("0.124999", "0.12", "0.12"),
            ("-0.125", "-0.13", "-0.12"),
            ("-0.375", "-0.38", "-0.38"),
            ("0.005", "0.01", "0"),
            ("-0.005", "-0.01", "0"),
        ] {
            let exact = Exact::from(Micros::parse(value).unwrap());
            let rounded = [RoundingMode::HalfUp, RoundingMode::HalfEven].map(|mode| exact.round_by(mode, dollar));
            assert_eq!(rounded.map(|amount| amount.to_string()), [up, even], "{value}");
        }
    }
}
