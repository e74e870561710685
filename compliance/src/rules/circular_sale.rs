//! DD-30 `circular-sale`.
//!
//! Evidence: the sale back, the latest one out before it with its document, the units and the days between.
//!
//! At risk: the benefit of the sale back.
//!
//! ## What it finds
//! A sale of a product to a partner that sold the same product to the seller at most 90 days before. Who is a partner
//! follows from the name, as for OP-34. The finding sits on the sale back and names the latest one out before it, by
//! sale date, then sale id; that one keeps its benefit. Goods that are sent back as a return are no sale, and doubles
//! count for nothing. Both partners must report.
//!
//! ## Why it matters
//! Goods go round in a circle, and each turn lifts the volume that tiers and thresholds are measured by.
//!
//! ## Example
//! A sells 500 units to B, B sells 480 to A twenty days later: the 480 are held.
//!
//! ## Late, corrected, out of order
//! Both partners must have reported; whichever row comes second makes the finding, and its dates decide which of the two it
//! sits on. A sale out that comes late, is corrected or taken back moves the finding to the next one, or withdraws it, and
//! with it what the sale back earns.
//!
//! ## Returns
//! Goods that are sent back as a return are no sale and make no circle. A return of the sale that is held takes nothing
//! back.

use contract::Code;

use super::{Check, Rule, days_apart};
use crate::units::facts::SaleKey;

pub(crate) const RULE: Rule = Rule { name: "circular_sale", codes: &[Code::CircularSale], check: Check::Circle(check) };

/// Days after a sale in which goods that come back are its own.
pub(crate) const CIRCLE_DAYS: i32 = 90;

/// Whether the goods of one sale come back by another the other way.
fn check(back: SaleKey, out: SaleKey) -> bool {
    out < back && days_apart(out.0, back.0) <= CIRCLE_DAYS
}
