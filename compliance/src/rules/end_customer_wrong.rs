//! OP-10 `end-customer-wrong`.
//!
//! Evidence: the buyer, the customer that it is like or that it is none, and the programs.
//!
//! At risk: the benefit of the line under these programs.
//!
//! ## What it finds
//! A sale under a program for named customers, to a buyer that is none of them and either has a name that begins with the
//! same word as that of one of them, or stands on a row that names the program. Other sales are simply not the
//! program's. The first word counts from three letters on, without case and punctuation. And a sale under a special price for a
//! customer that the buyer is called like: by the same words in any order, or, where the row does not name its number, by the same
//! first word (where it does, that is another site, OP-46). A buyer that is called otherwise is not the special price's.
//!
//! ## Why it matters
//! Special prices granted for one customer, goods sold to another: the chief abuse of special pricing. A likeness is no
//! proof either way, so persons decide: about the sale, or by adding an outlet of the customer to the program's list.
//!
//! ## Example
//! The program is for Acme GmbH, the row says ACME Handels AG: held. Bravo Ltd is not looked at twice. The special price is for Acme
//! GmbH, the row says GmbH Acme: held, until two persons release it or the table has that spelling too.
//!
//! ## Late, corrected, out of order
//! The row is judged by the lists that were known when it came; whether a buyer is called like the customer of a special price, by
//! `outlets.csv` as it is when the period freezes. A row that is restated, or comes when the outlet is on the
//! program's list, earns; in a frozen period that is an adjustment. Other rows do not matter, nor their order.
//!
//! ## Returns
//! What comes back of a sale to another customer takes nothing from the program; what the right customer brings back is
//! taken back.

use contract::{Code, Program, Sale, Text};

use super::{Check, Rule, Unmet};
use crate::programs::special_price::{find, is_for};
use crate::references::Known;

pub(crate) const RULE: Rule =
    Rule { name: "end_customer_wrong", codes: &[Code::EndCustomerWrong], check: Check::Priced(check) };

/// Special prices count as they do for what the sale is given, the customers of a program as of the sale.
fn check(sale: &Sale, program: &Program, known: &Known, under: &Known) -> Option<Unmet> {
    if let Some(customer) = authorised(sale, program, under) {
        let (buyer, customer) = (under.party_name(&sale.customer), under.party_name(customer));
        return Some(Unmet::Breach(format!("{buyer:?} is not {customer:?}, only like it")));
    }
    let customers = &program.conditions.customers;
    if customers.is_empty() || customers.binary_search(&sale.customer).is_ok() {
        return None;
    }
    let buyer = known.party_name(&sale.customer);
    Some(match known.market().lookalike(program, buyer) {
        Some(customer) => Unmet::Breach(format!("{buyer:?} is not {:?}, only like it", known.party_name(customer))),
        None if sale.promotion == program.id => Unmet::Breach(format!("{buyer:?} is no customer of the program")),
        None => Unmet::Elsewhere,
    })
}

/// The customer of the special price that the sale is under, where its buyer is only like it.
fn authorised<'k>(sale: &Sale, program: &Program, under: &'k Known) -> Option<&'k Text> {
    program.mechanism.resale()?;
    find(&under.reference, program, sale)
        .filter(|special| !is_for(&under.reference, special, sale))
        .map(|special| &special.customer)
}
