//! OP-39 `restricted-party`.
//!
//! ## What it finds
//! A sale by a partner, or to a buyer, that is called as an entry of a list of restricted parties: the same words in any
//! order, case and punctuation aside. The list is looked up as of the time at which a row is read.
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
    Rule { name: "restricted_party", codes: &[Code::RestrictedParty], check: Check::Condition(check) };

fn check(sale: &Sale, _program: &Program, known: &Known) -> Option<Unmet> {
    let entry = known.market().restricted(&sale.at.partner, &sale.customer)?;
    Some(Unmet::Breach(format!("{:?} stands on the list {}", entry.name, entry.list)))
}
