//! DQ-15 `amount-missing`.
//!
//! Evidence: the program and what of it goes by the amount.
//!
//! At risk: not said: without a price nobody knows what the line would earn.
//!
//! ## What it finds
//! A sale or a return with neither a price nor an amount under a program that goes by the amount: a percentage, tiers or a growth by amount.
//! One finding for each such program. Reason 15 of X12 901.
//!
//! ## Why it matters
//! The line earns 0.00 there, and lifts no tier. A feed that leaves a column out would be paid nothing for months, and nobody
//! would have been told.
//!
//! ## Example
//! 10 % of the amount; ten units in a row that says neither price nor amount: nothing, and it is told. A row with a price alone has
//! the amount that follows from it.
//!
//! ## Late, corrected, out of order
//! The row alone is looked at. One that is restated with its price or amount withdraws the finding and earns, in a frozen period as
//! an adjustment.
//!
//! ## Returns
//! What comes back takes back the amount that its own row says: without one it takes nothing under such a program, and is told as
//! well. Goods that are given away have no price (OP-33).

use contract::{Benefit, Code, Measure, Mechanism, Movement, Program, Sale};

use super::{Check, Rule, Unfit};
use crate::references::Known;

pub(crate) const RULE: Rule =
    Rule { name: "amount_missing", codes: &[Code::AmountMissing], check: Check::Terms(check) };

fn check(sale: &Sale, program: &Program, _known: &Known) -> Option<Unfit> {
    let says = !sale.amount.is_zero() || !sale.unit_price.is_zero();
    if says || sale.quantity.is_zero() || !matches!(sale.movement, Movement::Sale | Movement::Return) {
        return None;
    }
    let by = goes_by(&program.mechanism)?;
    Some(Unfit::new(RULE.codes[0], format!("neither a price nor an amount: {by} goes by the amount")))
}

/// What of a program goes by the amount; `None` where units are enough.
fn goes_by(mechanism: &Mechanism) -> Option<&'static str> {
    if mechanism.keeps_stock() {
        return None;
    }
    match (mechanism.measure(), mechanism.benefit()) {
        (_, Some(Benefit::Percent)) => Some("what it gives"),
        (Measure::Amount, _) => Some("what it counts"),
        (Measure::Quantity, _) => None,
    }
}
