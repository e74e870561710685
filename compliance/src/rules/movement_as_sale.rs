//! DD-28 `movement-as-sale`.
//!
//! Evidence: the type that the row states, or the partner whose own site the buyer is; reason 09.
//!
//! At risk: what the row would earn as a sale.
//!
//! ## What it finds
//! A row whose type says that goods were moved, adjusted or given as a sample: nobody bought them. And one whose buyer is an outlet
//! that is a site of the seller itself, or of a partner with the same parent (`operated_by` in `outlets.csv`).
//!
//! ## Why it matters
//! The benefit is for sales. A branch transfer earns when the branch sells, and would earn twice if it counted too.
//! The row stays out of every sum.
//!
//! ## Example
//! 200 units go from headquarters to a branch, as type `IB` or to an outlet that headquarters operate: no benefit. The branch sells
//! them: the benefit of 200 units, also where they have the same serial numbers.
//!
//! ## Late, corrected, out of order
//! The row and its buyer alone are looked at, so its place among the others does not matter: it is in nobody's way, neither as a
//! double nor as an earlier sale of a serial number. Restated as a sale, it counts like one, in a frozen period as an adjustment. So
//! it is where `operated_by`, or the parent of a partner, is said or corrected later: every row to that outlet is judged anew.
//!
//! ## Returns
//! What comes back to a branch is a movement too, and takes nothing from a sale.

use contract::{Code, Movement, Sale, Text};

use super::{Check, Rule};
use crate::references::Known;
use crate::units::facts::Heard;

pub(crate) const RULE: Rule =
    Rule { name: "movement_as_sale", codes: &[Code::MovementAsSale], check: Check::NoSale(check) };

fn check(sale: &Sale, heard: &Heard) -> Option<String> {
    if sale.movement == Movement::Internal {
        return Some("a stock movement, no sale".to_owned());
    }
    let operator = heard.own_site.as_ref()?;
    Some(match *operator == sale.at.partner {
        true => format!("{} is a site of the partner itself", sale.customer),
        false => format!("{} is a site of {operator}, which has the same parent", sale.customer),
    })
}

/// The partner whose site the buyer is, where that is the seller, or has the same parent.
pub(crate) fn own_site(sale: &Sale, known: &Known) -> Option<Text> {
    let operator = &known.outlet(&sale.customer)?.operated_by;
    let parent = |partner: &str| known.partner(partner).map(|partner| &partner.parent).filter(|id| !id.is_empty());
    let is_sibling = || parent(operator).is_some_and(|of| parent(&sale.at.partner) == Some(of));
    (!operator.is_empty() && (*operator == sale.at.partner || is_sibling())).then(|| operator.clone())
}
