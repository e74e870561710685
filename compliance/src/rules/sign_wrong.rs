//! OP-48 `sign-wrong`.
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

use contract::{Code, Micros, Movement, Sale};

use super::{Check, Rule};

pub(crate) const RULE: Rule = Rule { name: "sign_wrong", codes: &[Code::SignWrong], check: Check::NoSale(check) };

fn check(sale: &Sale) -> Option<String> {
    if sale.movement == Movement::Return && sale.quantity > Micros::ZERO {
        return Some(format!("type says return, quantity {} says sale", sale.quantity));
    }
    let against = sale.quantity.0.signum() * sale.amount.0.signum() < 0;
    against.then(|| format!("quantity {} and amount {} have different signs", sale.quantity, sale.amount))
}
