//! DD-28 `movement-as-sale`.
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

use contract::{Code, Movement, Sale};

use super::{Check, Rule};

pub(crate) const RULE: Rule =
    Rule { name: "movement_as_sale", codes: &[Code::MovementAsSale], check: Check::NoSale(check) };

fn check(sale: &Sale) -> Option<String> {
    (sale.movement == Movement::Internal).then(|| "a stock movement, no sale".to_owned())
}
