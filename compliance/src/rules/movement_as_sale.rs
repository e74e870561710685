//! DD-28 `movement-as-sale`.
//!
//! Evidence: the type that the row states.
//!
//! At risk: what the row would earn as a sale.
//!
//! ## What it finds
//! A row whose type says that goods were moved, adjusted or given as a sample: nobody bought them.
//!
//! ## Why it matters
//! The benefit is for sales. A branch transfer earns when the branch sells, and would earn twice if it counted too.
//! The row stays out of every sum.
//!
//! ## Example
//! 200 units go from headquarters to a branch as type `IB`: no benefit. The branch sells them: the benefit of 200 units.
//!
//! ## Late, corrected, out of order
//! The row alone is looked at, so its place among the others does not matter: it is in nobody's way, neither as a double nor
//! as an earlier sale of a serial number. Restated as a sale, it counts like one, in a frozen period as an adjustment.
//!
//! ## Returns
//! What comes back to a branch is a movement too, and takes nothing from a sale.

use contract::{Code, Movement, Sale};

use super::{Check, Rule};

pub(crate) const RULE: Rule =
    Rule { name: "movement_as_sale", codes: &[Code::MovementAsSale], check: Check::NoSale(check) };

fn check(sale: &Sale) -> Option<String> {
    (sale.movement == Movement::Internal).then(|| "a stock movement, no sale".to_owned())
}
