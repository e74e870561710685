//! What the ledger moves and orders, in the currency of the books (domain notes §4.11).
//!
//! A month is worth what all lines up to its end have earned together, less what is booked up to there: a movement carries
//! the difference. Where all comes to nothing the last month that a batch moves leaves nothing. What moved without a worth, since
//! sales had no rate, is given one by a movement of nothing as soon as they have.

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
    /// What turned out to be worth no more than was booked by then: all that earlier batches moved on a date.
    worth_nothing: BTreeMap<Day, u64>,
    ordered: Micros,
    ordered_worth: Micros,
    /// Something had no worth at the last control.
    owes_worth: bool,
}

impl Sums {
    /// Dates of what moved without a worth, and was given none since: a movement with one speaks for all up to its date. What is worth
    /// nothing is given that without a movement.
    fn unvalued(&self, until: u64) -> Vec<Day> {
        let mut by_batch: Vec<(u64, Day, bool)> = Vec::new();
        for ((date, batch), (_, worth)) in self.moved.iter().filter(|((_, batch), _)| *batch <= until) {
            by_batch.push((*batch, *date, worth.is_some()));
        }
        by_batch.sort_unstable();
        let mut unvalued: Vec<(Day, u64)> = Vec::new();
        for (batch, date, has_worth) in by_batch {
            unvalued.retain(|(day, _)| *day != date && !(has_worth && *day < date));
            unvalued.extend((!has_worth).then_some((date, batch)));
        }
        let is_left = |(day, batch): &(Day, u64)| self.worth_nothing.get(day).is_none_or(|before| batch >= before);
        unvalued.into_iter().filter(is_left).map(|(day, _)| day).collect()
    }

    /// All movements of dates and batches that are wanted.
    fn of(&self, wanted: impl Fn(Day, u64) -> bool) -> (Micros, Micros) {
        let moved = self.moved.iter().filter(|((date, batch), _)| wanted(*date, *batch));
        moved.fold(Default::default(), |sum: (Micros, Micros), (_, (amount, worth))| {
            (sum.0 + *amount, sum.1 + worth.unwrap_or_default())
        })
    }
}

/// An amount that should be another one: what is wrong with which amounts, and how.
pub struct Wrong {
    pub kind: String,
    pub said: String,
}

impl Wrong {
    fn new(kind: &str, settlement: &Settlement, said: String) -> Wrong {
        Wrong { kind: format!("{kind}: {} in {}", settlement.program, settlement.currency), said }
    }
}

impl Converted {
    /// What is said at one control, movements first. Returns the first that is wrong.
    pub fn hear(&mut self, events: &[AccrualEvent], batch: u64, oracle: &Oracle) -> Option<Wrong> {
        for event in events {
            if let AccrualEvent::Moved(movement) = event {
                self.note(movement);
            }
        }
        let moved = self.sums.iter().filter(|(_, sums)| sums.moved.keys().any(|(_, of)| *of == batch));
        let wrong = moved.flat_map(|(settlement, sums)| wrong_movement(settlement, sums, batch, oracle)).next();
        let wrong = wrong
            .or_else(|| self.sums.iter().find_map(|(settlement, sums)| left_unvalued(settlement, sums, batch, oracle)));
        self.note_worth_nothing(batch, oracle);
        self.value_orders(oracle);
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
        match movement.is_nothing() {
            true => moved.remove(&(*date, *batch)),
            false => moved.insert((*date, *batch), (*amount, *functional)),
        };
    }

    /// Of periods that were open: what moved without a worth, and is worth what was booked.
    fn note_worth_nothing(&mut self, batch: u64, oracle: &Oracle) {
        for (settlement, sums) in self.sums.iter_mut().filter(|(settlement, _)| !oracle.is_late(settlement)) {
            for date in sums.unvalued(batch) {
                let (amount, booked) = sums.of(|on, _| on <= date);
                if oracle.worth(settlement, date, amount) == Some(booked) {
                    sums.worth_nothing.insert(date, batch);
                }
            }
        }
    }

    /// What was ordered without a worth has its part of all, once that has one.
    fn value_orders(&mut self, oracle: &Oracle) {
        for sums in self.sums.values_mut() {
            let owes = !sums.unvalued(u64::MAX).is_empty();
            let owed = std::mem::replace(&mut sums.owes_worth, owes);
            let (accrued, worth) = sums.of(|_, _| true);
            if owed && !sums.owes_worth && accrued > Micros::ZERO {
                sums.ordered_worth = rounded(exact(worth) * exact(sums.ordered) / exact(accrued), oracle.books());
            }
        }
    }

    /// An order carries all that is not ordered yet, or its part of it.
    fn wrong_order(&mut self, order: &AuthorizationOrder, oracle: &Oracle) -> Option<Wrong> {
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
        let said = || format!("{order:?}: the oracle converts it to {ours:?}");
        (ours != order.functional).then(|| Wrong::new("ordered", &order.settlement, said()))
    }
}

fn wrong_kind(movement: &AccrualMovement, oracle: &Oracle) -> Option<Wrong> {
    let is_late = movement.kind == AccrualKind::PriorPeriod;
    let wrong = !movement.amount.is_zero() && is_late != oracle.is_late(&movement.settlement);
    let said = || format!("{movement:?}: its period had frozen before, or had not");
    wrong.then(|| Wrong::new("of a period", &movement.settlement, said()))
}

fn wrong_movement(settlement: &Settlement, sums: &Sums, batch: u64, oracle: &Oracle) -> Option<Wrong> {
    let open = sums.moved.iter().filter(|((_, of), _)| *of == batch);
    let unvalued = sums.unvalued(batch - 1);
    open.into_iter().find_map(|((date, _), (amount, functional))| {
        let is_due = !amount.is_zero() || unvalued.contains(date) || oracle.is_late(settlement) && !unvalued.is_empty();
        if !is_due {
            let said = format!("{settlement:?} moves {functional:?} in the books alone, and all had a worth");
            return Some(Wrong::new("valued again", settlement, said));
        }
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
        let said = || {
            format!("{settlement:?} moves {amount} on {date} for {functional:?}, which the oracle converts to {ours:?}")
        };
        (ours != *functional).then(|| Wrong::new("moved", settlement, said()))
    })
}

/// What has a worth by now, and was given none.
fn left_unvalued(settlement: &Settlement, sums: &Sums, batch: u64, oracle: &Oracle) -> Option<Wrong> {
    let (accrued, booked) = sums.of(|_, _| true);
    let unvalued = sums.unvalued(batch);
    let left = match oracle.is_late(settlement) {
        true => unvalued.first().and_then(|_| oracle.worth(settlement, Day(i32::MAX), accrued)).map(|all| all - booked),
        false => unvalued.iter().find_map(|date| {
            let (amount, booked) = sums.of(|on, _| on <= *date);
            oracle.worth(settlement, *date, amount).map(|worth| worth - booked).filter(|left| !left.is_zero())
        }),
    };
    let said = |left: Micros| format!("{settlement:?}: {left} is left without a worth of {:?}", sums.moved);
    left.filter(|left| !left.is_zero()).map(|left| Wrong::new("left without a worth", settlement, said(left)))
}
