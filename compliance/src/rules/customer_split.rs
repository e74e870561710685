//! OP-46 `customer-split`.
//!
//! Evidence: the authorisation, its customer and the buyer.
//!
//! At risk: not said: the row earns nothing under that program.
//!
//! ## What it finds
//! A row that names an authorisation of a special price while it holds, for a buyer whose name begins with the same word as
//! that of the authorised customer: another site of it, as it seems.
//!
//! ## Why it matters
//! A price is authorised for one project of one customer. Whether its other sites belong to the project nobody but the one
//! who gave the price can say.
//!
//! ## Example
//! Authorised for Acme GmbH, the row says ACME Handels AG: held. A buyer that is called otherwise is OP-10.
//!
//! ## Late, corrected, out of order
//! The row is judged by the special prices that were known when it came. A row that comes after the price was given for the
//! other site too, or that is restated with the right buyer, earns; the finding of the row before is withdrawn with it.
//!
//! ## Returns
//! What comes back of a sale for another site takes nothing back.

use contract::{Code, Program, Sale};

use super::{Check, Rule, Unfit};
use crate::programs::special_price::{find, of_product};
use crate::references::Known;
use crate::units::names::same_first_word;

pub(crate) const RULE: Rule =
    Rule { name: "customer_split", codes: &[Code::CustomerSplit], check: Check::Terms(check) };

fn check(sale: &Sale, program: &Program, known: &Known) -> Option<Unfit> {
    program.mechanism.resale()?;
    let message = other_site(sale, program, known)?;
    Some(Unfit::new(RULE.codes[0], message))
}

/// Says that the buyer seems to be another site of the customer whose authorisation the row names.
pub(super) fn other_site(sale: &Sale, program: &Program, known: &Known) -> Option<String> {
    if sale.promotion.is_empty() || find(&known.reference, program, sale).is_some() {
        return None;
    }
    let buyer = known.party_name(&sale.customer);
    let held = of_product(&known.reference, program, sale).iter().filter(|special| {
        let in_time = special.from <= sale.date && sale.date <= special.to;
        in_time && special.id == sale.promotion && special.currency == sale.currency
    });
    let mut customers = held.map(|special| known.party_name(&special.customer));
    let customer = customers.find(|customer| same_first_word(customer, buyer))?;
    Some(format!("{} is for {customer:?}, {buyer:?} seems to be another site of it", sale.promotion))
}
