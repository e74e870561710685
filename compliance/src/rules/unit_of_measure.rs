//! OP-27 `unit-of-measure`.
//!
//! Evidence: the unit price, the pack and the list price; the programs.
//!
//! At risk: the benefit of the line under these programs.
//!
//! ## What it finds
//! A sale of a product with a known pack size at a unit price that is not that of the counted unit: about the list price of
//! a whole pack, or about that of one piece where the list price is a pack's. About is within a quarter; a pack has at least
//! four units. Judged in the books' currency only, under programs that count units or pay for each.
//!
//! ## Why it matters
//! Ten cases of twelve earn as ten units or as a hundred and twenty: one of the two is wrong, and a person must say which.
//!
//! ## Example
//! List price 5.00, pack of 12, ten units at 58.00 each: held.
//!
//! ## Late, corrected, out of order
//! The row alone is looked at, by the list price and the pack that were known when it came. Restated in the counted unit it
//! earns, in a frozen period as an adjustment, and the finding is withdrawn.
//!
//! ## Returns
//! A return is not judged by its price. What comes back of a line that is held takes nothing.

use contract::{Benefit, Code, Measure, Micros, Program, Sale};

use super::{Check, Rule, Unmet};
use crate::programs::rate_base;
use crate::references::Known;

pub(crate) const RULE: Rule =
    Rule { name: "unit_of_measure", codes: &[Code::UnitOfMeasure], check: Check::Condition(check) };

/// Units of a pack that no discount is mistaken for.
const PACK_MIN: Micros = Micros::units(4);

fn check(sale: &Sale, program: &Program, known: &Known) -> Option<Unmet> {
    let counts = program.mechanism.measure() == Measure::Quantity || rate_base(&program.mechanism) == Benefit::PerUnit;
    if sale.is_return()
        || !counts
        || known.reference.functional_currency != Some(sale.currency)
        || sale.unit_price <= Micros::ZERO
    {
        return None;
    }
    let product = known.product(&sale.product)?;
    let (list, pack) = (product.list_price?, product.pack.filter(|pack| *pack >= PACK_MIN)?);
    let said = |what: &str| format!("unit price {} is about that of {what} {pack}, list price {list}", sale.unit_price);
    if is_about(sale.unit_price, list, pack) {
        return Some(Unmet::Breach(said("a pack of")));
    }
    is_about(list, sale.unit_price, pack).then(|| Unmet::Breach(said("one of a pack of")))
}

/// Whether `whole` is within a quarter of `pack` times `part`.
fn is_about(whole: Micros, part: Micros, pack: Micros) -> bool {
    let (whole, times) = (i128::from(whole.0) * i128::from(Micros::ONE.0), i128::from(part.0) * i128::from(pack.0));
    whole * 4 >= times * 3 && whole * 4 <= times * 5
}
