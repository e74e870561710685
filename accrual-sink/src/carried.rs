//! An amount together with what it is worth in the books' own currency.

use contract::Micros;
use serde::{Deserialize, Serialize};

/// A balance in both currencies. The functional amount travels with the money in exact proportion.
///
/// Once [`Carried::take`] has emptied a balance, nothing functional is left. `None`: without a rate, nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    pub amount: Micros,
    pub functional: Option<Micros>,
}

impl Default for Carried {
    fn default() -> Carried {
        Carried { amount: Micros::ZERO, functional: Some(Micros::ZERO) }
    }
}

impl Carried {
    pub(crate) fn new(amount: Micros, functional: Option<Micros>) -> Carried {
        Carried { amount, functional }
    }

    pub(crate) fn add(&mut self, more: Carried) {
        self.amount += more.amount;
        self.functional = match (self.functional, more.functional) {
            _ if self.amount.is_zero() => Some(Micros::ZERO),
            (Some(own), Some(other)) => Some(own + other),
            _ => None,
        };
    }

    /// Adds a change in both currencies as it is, whatever its signs.
    pub(crate) fn shift(&mut self, change: Carried) {
        self.amount += change.amount;
        let sum = self.functional.zip(change.functional).map(|(own, more)| own + more);
        self.functional = if sum.is_none() && self.amount.is_zero() { Some(Micros::ZERO) } else { sum };
    }

    pub(crate) fn negated(self) -> Carried {
        Carried { amount: -self.amount, functional: self.functional.map(|f| -f) }
    }

    /// `amount` of it, with its share of the functional amount rounded to `digits`.
    pub(crate) fn part(self, amount: Micros, digits: u32) -> Carried {
        Carried { amount, functional: self.functional.map(|f| f.share(amount, self.amount).round(digits)) }
    }

    /// Takes `amount` out, with its share of the functional amount rounded to `digits`; the last one takes the rest.
    pub(crate) fn take(&mut self, amount: Micros, digits: u32) -> Carried {
        let part = self.functional.map(|functional| {
            if amount == self.amount { functional } else { self.proportion(functional, amount, digits) }
        });
        self.subtract(Carried::new(amount, part))
    }

    /// Takes `amount` out with a functional amount known from elsewhere, as far as this balance carries it.
    pub(crate) fn take_at(&mut self, amount: Micros, wanted: Option<Micros>) -> Carried {
        let part = match (self.functional, wanted) {
            (Some(functional), _) if amount == self.amount => Some(functional),
            (Some(functional), Some(wanted)) => Some(between_zero_and(functional, wanted)),
            _ => None,
        };
        self.subtract(Carried::new(amount, part))
    }

    /// What `amount` would be worth at this balance's own rate.
    pub(crate) fn worth(&self, amount: Micros, digits: u32) -> Option<Micros> {
        if self.amount <= Micros::ZERO {
            return None;
        }
        self.functional.map(|functional| functional.share(amount, self.amount).round(digits))
    }

    fn proportion(&self, functional: Micros, amount: Micros, digits: u32) -> Micros {
        between_zero_and(functional, functional.share(amount, self.amount).round(digits))
    }

    fn subtract(&mut self, part: Carried) -> Carried {
        assert!(
            Micros::ZERO <= part.amount && part.amount <= self.amount,
            "{} taken out of a balance of {}",
            part.amount,
            self.amount
        );
        self.amount = self.amount - part.amount;
        self.functional = match (self.functional, part.functional) {
            _ if self.amount.is_zero() => Some(Micros::ZERO),
            (Some(own), Some(taken)) => Some(own - taken),
            _ => None,
        };
        part
    }
}

fn between_zero_and(bound: Micros, value: Micros) -> Micros {
    value.clamp(Micros::ZERO.min(bound), Micros::ZERO.max(bound))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up_and_the_last_takes_the_rest() {
        let mut balance = Carried::new(Micros::units(3), Some(Micros::parse("1.00").unwrap()));
        let first = balance.take(Micros::units(1), 2);
        let second = balance.take(Micros::units(1), 2);
        let third = balance.take(Micros::units(1), 2);
        let shown: Vec<String> = [first, second, third].iter().map(|c| c.functional.unwrap().to_string()).collect();
        assert_eq!(shown, ["0.33", "0.34", "0.33"]);
        assert_eq!(balance, Carried::default());
    }

    #[test]
    fn an_unknown_rate_stays_unknown_until_nothing_is_left() {
        let mut balance = Carried::new(Micros::units(2), None);
        balance.add(Carried::new(Micros::units(1), Some(Micros::units(1))));
        assert_eq!(balance.take(Micros::units(1), 2).functional, None);
        assert_eq!(balance.functional, None);
        balance.take(Micros::units(2), 2);
        assert_eq!(balance.functional, Some(Micros::ZERO));
    }
}
