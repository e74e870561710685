//! DD-30 `circular-sale`.
//!
//! Evidence: the sale back, the latest one out before it with its document, the units, the days between and the partners by way
//! of whom the goods came.
//!
//! At risk: the benefit of the sale back.
//!
//! ## What it finds
//! A sale of a product to a partner that sold the same product to the seller at most 90 days before, or to another partner by way of
//! whom it came to the seller: circles of up to four partners, of which each sold on after it had bought, all of it in 90 days. Who
//! is a partner follows from the name, as for OP-34. The finding sits on the sale that closes the circle and names the latest one
//! out before it, by sale date, then sale id; that one keeps its benefit. Of several circles the shortest is told: that of two
//! partners, else the one with the latest sale out. Goods that are sent back as a return are no sale, and doubles count for nothing.
//! All partners of a circle must report. Where more than 16 partners sell a product to one, circles of three and four go through
//! the first 16 of them, by id.
//!
//! ## Why it matters
//! Goods go round in a circle, and each turn lifts the volume that tiers and thresholds are measured by.
//!
//! ## Example
//! A sells 500 units to B, B sells 480 to A twenty days later: the 480 are held. A sells 500 to B, B to C, and C 480 to A: the 480
//! of C are held.
//!
//! ## Late, corrected, out of order
//! All partners must have reported; whichever row comes last makes the finding, and their dates decide which of them it
//! sits on. A sale that comes late, is corrected or taken back moves the finding to another, or withdraws it, and
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
