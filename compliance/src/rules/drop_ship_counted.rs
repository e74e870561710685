//! DD-27 `drop-ship-counted`.
//!
//! Evidence: the order, and the programs under which the line earns nothing.
//!
//! At risk: the benefit of the line under these programs.
//!
//! ## What it finds
//! A sale of an order that the manufacturer delivered to the end customer itself, under a program that says
//! `stock-sales-only`. Order and document are the same where they are in their normal form: INV-00123 is INV123. An order that
//! is told of later takes back what its document earned.
//!
//! ## Why it matters
//! The manufacturer's own shipment counts already. The partner's report of the same order is evidence for it, no second sale.
//!
//! ## Example
//! Order 4711 went out directly, the partner reports document 04711: nothing for it.
//!
//! ## Late, corrected, out of order
//! The table that is known now counts, whether the row or the order came first. An order that is told later takes back what
//! its document earned, in a frozen period as an adjustment; one that is taken out of the table gives it again.
//!
//! ## Returns
//! What comes back of such a document had earned nothing and takes nothing back.

use contract::{Code, Program, Sale};

use super::{Check, Rule, Unmet};
use crate::references::Known;

pub(crate) const RULE: Rule =
    Rule { name: "drop_ship_counted", codes: &[Code::DropShipCounted], check: Check::Told(check) };

fn check(sale: &Sale, program: &Program, _read: &Known, known: &Known) -> Option<Unmet> {
    if !program.conditions.stock_sales || sale.is_return() {
        return None;
    }
    let order = known.market().drop_shipped(&sale.at.partner, &sale.product, &sale.document)?;
    Some(Unmet::Breach(format!("order {order} was delivered by the manufacturer")))
}
