//! What each sale of a settlement brings with its returns, as a claim line that names one may have it (docs/claims.md).

use std::collections::BTreeMap;

use contract::{Currency, Id, Micros, RoundingMode};

use crate::exact::{Exact, exact, floored, rounded, rounded_by, to_millionths, zero};
use crate::pricing::{Given, Line};

/// What stands for one sale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Brought {
    /// Its part of what is due, in whole minor units of the currency.
    pub due: Micros,
    /// Units, net of returns.
    pub units: Micros,
    /// The most that its special price gives for a unit; zero where none is known.
    pub credit: Micros,
}

impl Brought {
    pub fn plus(self, other: Brought) -> Brought {
        Brought { due: self.due + other.due, units: self.units + other.units, credit: self.credit.max(other.credit) }
    }
}

/// Adds up what sales bring. `changes` says what each of the lines, which are in order, adds under the caps on lines;
/// `due` is what all of them come to under those on the whole.
///
/// Where less is due than they add, the first lines get all that they add, the last ones what is left; where more is, as more was
/// drawn than was expected, each gets more in the proportion that it adds, to the millionth. Rounded parts add up to what is due: what
/// is lost by cutting goes to the largest remainders, of equal ones to the earlier line.
pub fn bring(
    lines: &[Line],
    changes: &[Exact],
    due: Exact,
    (mode, currency): (RoundingMode, Currency),
    sales: &mut BTreeMap<Id, Brought>,
) {
    let all: Exact = changes.iter().sum();
    let within = |added: Exact| match due > all {
        true if added == all => due,
        true if all.is_zero() => zero(),
        true => due * to_millionths(added) / to_millionths(all),
        false if due == all => added,
        false => added.min(due),
    };
    let (mut added, mut given) = (zero(), zero());
    let parts = changes.iter().map(|change| {
        added += *change;
        let part = within(added) - given;
        given += part;
        part
    });
    let parts: Vec<Exact> = parts.collect();
    let unit = Exact::new(1, 10_i128.pow(currency.minor_digits()));
    let mut whole: Vec<Exact> = parts.iter().map(|part| floored(*part, currency)).collect();
    let missing = (exact(rounded_by(given, mode, currency)) - whole.iter().sum::<Exact>()) / unit;
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_key(|place| (-(parts[*place] - whole[*place]), *place));
    order.into_iter().take(missing.to_integer() as usize).for_each(|place| whole[place] += unit);
    for (line, whole) in lines.iter().zip(whole) {
        let sale = sales.entry(line.of.unwrap_or(line.sale)).or_default();
        sale.due += rounded(whole, currency);
        sale.units += line.quantity;
    }
}

/// Divides what a sale brings among the special prices at which it is given something, in proportion to what that is to the millionth
/// before caps; what is lost by cutting goes to the largest remainders, of equal ones to the earlier. Where it is given nothing the first
/// one has all of it.
pub fn divide(due: Micros, given: &[Given], currency: Currency) -> Vec<Micros> {
    let weights: Vec<Exact> = given.iter().map(|given| to_millionths(given.benefit.abs())).collect();
    let all: Exact = weights.iter().sum();
    if all.is_zero() {
        return (0..given.len()).map(|place| if place == 0 { due } else { Micros::ZERO }).collect();
    }
    let unit = Exact::new(1, 10_i128.pow(currency.minor_digits()));
    let size = exact(due).abs();
    let parts: Vec<Exact> = weights.iter().map(|weight| size * *weight / all).collect();
    let mut whole: Vec<Exact> = parts.iter().map(|part| floored(*part, currency)).collect();
    let missing = (size - whole.iter().sum::<Exact>()) / unit;
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_key(|place| (-(parts[*place] - whole[*place]), *place));
    order.into_iter().take(missing.to_integer() as usize).for_each(|place| whole[place] += unit);
    let signed = |whole: Exact| if due < Micros::ZERO { -whole } else { whole };
    whole.into_iter().map(|whole| rounded(signed(whole), currency)).collect()
}
