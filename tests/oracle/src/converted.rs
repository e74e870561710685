//! What the ledger moves and orders, in the currency of the books (domain notes §4.11).
//!
//! A month is worth what all lines up to its end have earned together, less what is booked up to there: a movement carries
//! the difference. Where all comes to nothing the last month that a batch moves leaves nothing.

use std::collections::BTreeMap;

use contract::{AccrualEvent, AccrualKind, AccrualMovement, AuthorizationOrder, Day, Micros, Settlement};

use crate::exact::{exact, rounded};
use crate::ledger::Oracle;

/// Follows what the ledger says, and says what of it should be in the books.
#[derive(Default)]
pub struct Converted {
    sums: BTreeMap<Settlement, Sums>,
}

#[derive(Default)]
struct Sums {
    /// By posting date and batch.
    moved: BTreeMap<(Day, u64), (Micros, Option<Micros>)>,
    ordered: Micros,
    ordered_worth: Micros,
}

impl Sums {
    /// All movements of dates and batches that are wanted.
    fn of(&self, wanted: impl Fn(Day, u64) -> bool) -> (Micros, Micros) {
        let moved = self.moved.iter().filter(|((date, batch), _)| wanted(*date, *batch));
        moved.fold(Default::default(), |sum: (Micros, Micros), (_, (amount, worth))| {
            (sum.0 + *amount, sum.1 + worth.unwrap_or_default())
        })
    }
}

impl Converted {
    /// What is said at one control, movements first. Returns the first amount that should be another one.
    pub fn hear(&mut self, events: &[AccrualEvent], batch: u64, oracle: &Oracle) -> Option<String> {
        for event in events {
            if let AccrualEvent::Moved(movement) = event {
                self.note(movement);
            }
        }
        let moved = self.sums.iter().filter(|(_, sums)| sums.moved.keys().any(|(_, of)| *of == batch));
        let wrong = moved.flat_map(|(settlement, sums)| wrong_movement(settlement, sums, batch, oracle)).next();
        wrong.or_else(|| {
            events.iter().find_map(|event| match event {
                AccrualEvent::Moved(movement) => wrong_kind(movement, oracle),
                AccrualEvent::Authorised(order) => self.wrong_order(order, oracle),
                AccrualEvent::Deducted(kept) => self.wrong_order(&kept.order, oracle),
                _ => None,
            })
        })
    }

    fn note(&mut self, movement: &AccrualMovement) {
        let AccrualMovement { settlement, date, batch, amount, functional, .. } = movement;
        let moved = &mut self.sums.entry(settlement.clone()).or_default().moved;
        match amount.is_zero() {
            true => moved.remove(&(*date, *batch)),
            false => moved.insert((*date, *batch), (*amount, *functional)),
        };
    }

    /// An order carries all that is not ordered yet, or its part of it.
    fn wrong_order(&mut self, order: &AuthorizationOrder, oracle: &Oracle) -> Option<String> {
        let sums = self.sums.entry(order.settlement.clone()).or_default();
        let (accrued, worth) = sums.of(|_, _| true);
        let (rest, left) = (accrued - sums.ordered, worth - sums.ordered_worth);
        let part = || rounded(exact(left) * exact(order.amount) / exact(rest), oracle.books());
        let is_known = oracle.worth(&order.settlement, Day(i32::MAX), accrued).is_some();
        let ours = is_known.then(|| match order.amount {
            // With a deduction of what was paid before nothing is ordered.
            Micros::ZERO => Micros::ZERO,
            amount => {
                if amount == rest {
                    left
                } else {
                    part()
                }
            }
        });
        sums.ordered += order.amount;
        sums.ordered_worth += ours.unwrap_or_default();
        (ours != order.functional).then(|| format!("{order:?}: the oracle converts it to {ours:?}"))
    }
}

fn wrong_kind(movement: &AccrualMovement, oracle: &Oracle) -> Option<String> {
    let is_late = movement.kind == AccrualKind::PriorPeriod;
    let wrong = !movement.amount.is_zero() && is_late != oracle.is_late(&movement.settlement);
    wrong.then(|| format!("{movement:?}: its period had frozen before, or had not"))
}

fn wrong_movement(settlement: &Settlement, sums: &Sums, batch: u64, oracle: &Oracle) -> Option<String> {
    let open = sums.moved.iter().filter(|((_, of), _)| *of == batch);
    open.into_iter().find_map(|((date, _), (amount, functional))| {
        let ours = if oracle.is_late(settlement) {
            let (accrued, _) = sums.of(|_, _| true);
            let (_, booked) = sums.of(|_, of| of < batch);
            oracle.worth(settlement, Day(i32::MAX), accrued).map(|worth| worth - booked)
        } else {
            let is_last = !sums.moved.keys().any(|(on, of)| on > date && *of == batch);
            let others = |on: Day, of: u64| (on, of) != (*date, batch);
            let (accrued, _) = sums.of(|_, _| true);
            let comes_to_nothing = is_last && accrued.is_zero();
            let all = comes_to_nothing.then(|| oracle.worth(settlement, Day(i32::MAX), accrued)).flatten();
            all.map(|worth| worth - sums.of(others).1).or_else(|| {
                let worth = oracle.worth(settlement, *date, sums.of(|on, _| on <= *date).0);
                worth.map(|worth| worth - sums.of(|on, of| on <= *date && others(on, of)).1)
            })
        };
        let said = || format!("{settlement:?} moves {amount} on {date}, which is {functional:?} in the books");
        (ours != *functional).then(|| format!("{}: the oracle converts it to {ours:?}", said()))
    })
}
