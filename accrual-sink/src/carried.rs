//! An amount together with what it is worth in the books' own currency.

use contract::Micros;
use serde::{Deserialize, Serialize};

/// A balance in both currencies. The functional amount travels with the money in exact proportion.
///
/// Once [`Carried::take`] has emptied a balance whose worth is known, nothing functional is left. `None`: without a rate, nobody
/// knows yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    pub amount: Micros,
    pub functional: Option<Micros>,
    /// What the journal has of it in the functional currency, while not all of it is known.
    posted: Micros,
}

impl Default for Carried {
    fn default() -> Carried {
        Carried::new(Micros::ZERO, Some(Micros::ZERO))
    }
}

impl Carried {
    pub(crate) fn new(amount: Micros, functional: Option<Micros>) -> Carried {
        Carried { amount, functional, posted: Micros::ZERO }
    }

    /// What the journal has of it in the functional currency.
    pub(crate) fn posted(&self) -> Micros {
        self.functional.unwrap_or(self.posted)
    }

    pub(crate) fn add(&mut self, more: Carried) {
        self.amount += more.amount;
        if self.amount.is_zero() {
            *self = Carried::default();
        } else {
            self.carry(self.functional.zip(more.functional).is_some(), self.posted() + more.posted());
        }
    }

    /// Adds a change in both currencies as it is, whatever its signs.
    pub(crate) fn shift(&mut self, change: Carried) {
        self.amount += change.amount;
        self.carry(self.functional.zip(change.functional).is_some(), self.posted() + change.posted());
    }

    /// All of it is worth so much.
    pub(crate) fn value(&mut self, functional: Micros) {
        self.carry(true, functional);
    }

    fn carry(&mut self, is_known: bool, posted: Micros) {
        (self.functional, self.posted) = if is_known { (Some(posted), Micros::ZERO) } else { (None, posted) };
    }

    pub(crate) fn negated(self) -> Carried {
        let Carried { amount, functional, posted } = self;
        Carried { amount: -amount, functional: functional.map(|f| -f), posted: -posted }
    }

    /// `amount` of it, with its share of the functional amount rounded to `digits`.
    pub(crate) fn part(self, amount: Micros, digits: u32) -> Carried {
        Carried::new(amount, self.functional.map(|f| f.share(amount, self.amount).round(digits)))
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
            (None, wanted) => wanted,
            (Some(_), None) => None,
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
        self.carry(self.functional.zip(part.functional).is_some(), self.posted() - part.posted());
        if self.amount.is_zero() && self.posted().is_zero() {
            *self = Carried::default();
        }
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
    fn an_unknown_worth_stays_unknown_and_what_is_posted_of_it_is_kept() {
        let mut balance = Carried::new(Micros::units(2), None);
        balance.add(Carried::new(Micros::units(1), Some(Micros::units(1))));
        assert_eq!(balance.take(Micros::units(1), 2).functional, None);
        assert_eq!(balance.functional, None);
        balance.take(Micros::units(2), 2);
        assert_eq!((balance.functional, balance.posted()), (None, Micros::units(1)), "the journal still has it");
        let mut balance = Carried::new(Micros::units(2), None);
        balance.take(Micros::units(2), 2);
        assert_eq!(balance, Carried::default(), "nothing is left of it anywhere");
    }
}
