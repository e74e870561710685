//! OP-09 `product-ineligible`.
//!
//! Evidence: the program, the product and the day; or the two currencies.
//!
//! At risk: what the program would give for the line.
//!
//! ## What it finds
//! A row that names a program which holds on the sale date, for a product that the program does not hold then: not in
//! its lists, or excluded. And one for a sale in another currency than the program's `currency`.
//!
//! ## Why it matters
//! A benefit for a product that nobody funded. Corrected product codes are judged anew.
//!
//! ## Example
//! Program for helmets, the row names it on a bicycle: nothing under it.
//!
//! ## Late, corrected, out of order
//! The row is judged by the terms that were known when it came, and by what the product master says of its product until the period
//! freezes: a category or an attribute that is corrected later is told (OP-45). Where a steward reads its product code otherwise,
//! or the partner corrects it, the sale is judged anew, in a frozen period as an adjustment. Other rows do not matter.
//!
//! ## Returns
//! What comes back takes nothing from the program. A return that names the program is found as well.

use contract::{Code, Sale};

use super::{Breach, Check, Rule};
use crate::programs::estimate::estimate;
use crate::programs::selection::{in_its_currency, selects_product};
use crate::units::market::risk_of;
use crate::units::told::Told;

pub(crate) const RULE: Rule =
    Rule { name: "product_ineligible", codes: &[Code::ProductIneligible], check: Check::Named(check) };

fn check(sale: &Sale, told: &Told<'_>) -> Option<Breach> {
    let program = told.known.program_on(&sale.promotion, sale.date)?;
    let master = told.under(program);
    let category = master.product(&sale.product).map_or("", |product| &product.category);
    let eligible = selects_product(&program.selector, &sale.product, category, master.attributes(&sale.product));
    let message = match (eligible, program.currency) {
        (false, _) => format!("program {} does not hold product {} on {}", program.id, sale.product, sale.date),
        (true, Some(own)) if !in_its_currency(program, sale) => {
            format!("program {} is in {own}, the sale in {}", program.id, sale.currency)
        }
        (true, _) => return None,
    };
    Some(Breach {
        program: program.id.clone(),
        reason: RULE.codes[0].reason_901(),
        message,
        at_risk: risk_of(estimate(program, sale.quantity, sale.amount, &sale.rep), sale),
    })
}
