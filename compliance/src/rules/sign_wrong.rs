//! OP-48 `sign-wrong`.
//!
//! Evidence: the type, or the signs of quantity and amount.
//!
//! At risk: what the row would earn as a sale.
//!
//! ## What it finds
//! A row whose type says return while its quantity is positive, after the feed's sign rule; and a row whose quantity and
//! amount have different signs. A negative quantity without any type is a return: many feeds know no types.
//!
//! ## Why it matters
//! Read one way the row earns, read the other way it takes back: nobody can tell, so it does neither and stays out of
//! every sum until the partner says which it is.
//!
//! ## Example
//! Type `R`, quantity 3: held. Type `R`, quantity -3: a return. Quantity -3, amount 30.00: held.
//!
//! ## Late, corrected, out of order
//! The row alone is looked at, so its place among the others does not matter. Until the partner restates it, it is in no sum
//! and in nobody's way; restated, it counts as the sale or the return that it is, in a frozen period as an adjustment.
//!
//! ## Returns
//! A return with both signs right is none of these. One that is held takes nothing back.

use contract::{Code, Micros, Movement, Sale};

use super::{Check, Rule};
use crate::units::facts::Heard;

pub(crate) const RULE: Rule = Rule { name: "sign_wrong", codes: &[Code::SignWrong], check: Check::NoSale(check) };

fn check(sale: &Sale, _: &Heard) -> Option<String> {
    if sale.movement == Movement::Return && sale.quantity > Micros::ZERO {
        return Some(format!("type says return, quantity {} says sale", sale.quantity));
    }
    let against = sale.quantity.0.signum() * sale.amount.0.signum() < 0;
    against.then(|| format!("quantity {} and amount {} have different signs", sale.quantity, sale.amount))
}
