//! OP-33 `free-goods`.
//!
//! Evidence: that the row states a price or an amount of nothing, and the programs.
//!
//! At risk: the benefit of the line under these programs.
//!
//! ## What it finds
//! A sale whose row states a price or an amount of nothing, under a program that excludes free goods. A feed that reports
//! neither price nor amount states nothing. Samples that a row's type marks as such are no sales at all (DD-28).
//!
//! ## Why it matters
//! Samples and warranty swaps are not sold, and a benefit for each unit would pay for them.
//!
//! ## Example
//! Three units at 0.00, the program pays 2.00 a unit: nothing for them.
//!
//! ## Late, corrected, out of order
//! The row alone is looked at. Restated with its price, it earns, in a frozen period as an adjustment, and the finding is
//! withdrawn; restated as free, it loses what it had earned.
//!
//! ## Returns
//! What was given away and comes back takes nothing back. What was sold and comes back does, whatever price the return
//! states.

use contract::{Code, Movement, Program, Sale};

use super::{Check, Rule, Unmet};
use crate::references::Known;

pub(crate) const RULE: Rule = Rule { name: "free_goods", codes: &[Code::FreeGoods], check: Check::Condition(check) };

fn check(sale: &Sale, program: &Program, _known: &Known) -> Option<Unmet> {
    let free = program.conditions.free_goods_excluded && sale.movement == Movement::Free;
    free.then(|| Unmet::Breach(format!("{} units for nothing", sale.quantity)))
}
