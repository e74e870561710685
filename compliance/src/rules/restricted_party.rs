//! OP-39 `restricted-party`.
//!
//! ## What it finds
//! A sale by a partner, or to a buyer, that is called as an entry of a list of restricted parties: the same words in any
//! order, case and punctuation aside. Another version of the list judges the sales to those anew whom it names or no longer
//! names. What a partner, or a person, sold before it came on the list stands, and nothing that is due to it is authorised.
//!
//! ## Why it matters
//! Nothing may be paid for dealing with them, under any program, and nobody can override it.
//!
//! ## Example
//! The list holds "Evil Trading Ltd.", a row's customer is EVIL TRADING LTD: nothing under any program.

use contract::{Code, Program, Sale};

use super::{Check, Rule, Unmet};
use crate::references::Known;

pub(crate) const RULE: Rule =
    Rule { name: "restricted_party", codes: &[Code::RestrictedParty], check: Check::Told(check) };

fn check(sale: &Sale, _program: &Program, read: &Known, known: &Known) -> Option<Unmet> {
    let seller = read.market().restricted(&sale.at.partner, "");
    let entry = seller.or_else(|| known.market().restricted("", &sale.customer))?;
    Some(Unmet::Breach(format!("{:?} stands on the list {}", entry.name, entry.list)))
}
