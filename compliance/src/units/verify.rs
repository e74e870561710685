//! The law of units, for who looks from outside: of all sales of a unit without a return in between one earns, whatever persons
//! decide, and none is held for one from which they took it.

use std::sync::Arc;

use contract::Text;
use stream::{Blobs, Order, Stage, StageError, State, StorageError};

use super::UnitsStage;
use super::desk::{Desk, Shelves};
use super::facts::{Grant, Record, SERIALS, SaleKey, Verdict};
use super::filing::lives;
use crate::rules::serial_sold_twice::in_the_way;

/// What was looked at, and what did not hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Units that more than one sale names.
    pub units: u64,
    /// One line for people for each violation.
    pub violations: Vec<String>,
}

/// Looks at each unit of a partition that was sold more than once.
///
/// # Errors
/// The state or a version of the reference data cannot be read.
pub fn verify(state: &mut dyn State, blobs: &Arc<dyn Blobs>) -> Result<Verified, StageError> {
    /// Units that are read at a time.
    const PAGE: usize = 1024;
    let mut stage = UnitsStage::new(blobs.clone());
    stage.resume(state)?;
    let mut verified = Verified::default();
    let mut from = Some(0);
    while let Some(first) = from {
        let page = SERIALS.range(state, &first, &u64::MAX, Order::Up, PAGE)?;
        for (life, entries) in &page {
            let sold: Vec<SaleKey> = entries.moves.iter().filter(|e| !e.returned).map(|e| e.sale).collect();
            if sold.len() > 1 {
                verified.look(*life, &sold, &mut stage.desk(0, state))?;
            }
        }
        from = page.last().filter(|_| page.len() == PAGE).and_then(|(last, _)| last.checked_add(1));
    }
    Ok(verified)
}

impl Verified {
    fn look(&mut self, life: u64, sold: &[SaleKey], desk: &mut Desk<'_>) -> Result<(), StorageError> {
        let first = desk.sale(sold[0])?;
        let serial = lives(&first).into_iter().find(|(of, _)| *of == life);
        let Some((_, serial)) = serial else { return Ok(()) };
        self.units += 1;
        let mut moves = desk.moves(life)?;
        let given = desk.give(life, &serial, &mut moves)?;
        let lost: Vec<SaleKey> = given.iter().filter(|(_, given)| !given.mine).map(|(sale, _)| *sale).collect();
        let mut earning: Vec<(SaleKey, bool)> = Vec::new();
        for sale in sold {
            let Record { verdict, .. } = desk.named(*sale)?;
            let earns = matches!(verdict.grant, Grant::Full | Grant::Tier { .. });
            self.expect(!earns || !lost.contains(sale), &serial, || {
                format!("{} earns, which persons gave away", sale.1)
            });
            let rival = rivals(verdict, &serial).find(|other| lost.contains(other));
            self.expect(rival.is_none(), &serial, || format!("{} is held for one that persons took it from", sale.1));
            if earns && !verdict.heard.is_contested() {
                earning.push((*sale, verdict.grant == Grant::Full));
            }
        }
        for (at, (later, of_all)) in earning.iter().enumerate() {
            // Two tiers of one unit are paid under programs of their own.
            let shares =
                |(earlier, other): &&(SaleKey, bool)| (*of_all || *other) && in_the_way(&moves, *earlier, *later);
            let twice = earning[..at].iter().find(shares);
            self.expect(twice.is_none(), &serial, || format!("{} earns, and another sale of it does", later.1));
        }
        *desk.shelves = Shelves::default();
        Ok(())
    }

    fn expect(&mut self, holds: bool, serial: &Text, why: impl FnOnce() -> String) {
        if !holds {
            self.violations.push(format!("unit {serial}: sale {}", why()));
        }
    }
}

/// Other sales of a unit that stand in the way of a sale.
fn rivals<'v>(verdict: &'v Verdict, serial: &'v Text) -> impl Iterator<Item = SaleKey> + 'v {
    let units = verdict.resold.iter().chain(&verdict.contested).chain(&verdict.undone);
    units.filter(move |unit| unit.serial == *serial).map(|unit| unit.other)
}
