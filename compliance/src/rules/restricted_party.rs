//! OP-39 `restricted-party`.
//!
//! Evidence: the entry and its list, and the programs; for whoever is to be paid what was authorised before.
//!
//! At risk: the benefit of the line under these programs; for whoever is to be paid what is due and not authorised.
//!
//! ## What it finds
//! A sale by a partner, or to a buyer, that is called as an entry of a list of restricted parties: the same words in
//! any order, case and punctuation aside. When the list changes, the sales to buyers that it now names, or no longer
//! names, are judged again. What a partner, or a person, sold before it came on the list stands, and nothing that is
//! due to it is authorised.
//!
//! ## Why it matters
//! Nothing may be paid for dealing with them, under any program, and nobody can override it.
//!
//! ## Example
//! The list holds "Evil Trading Ltd.", a row's customer is EVIL TRADING LTD: nothing under any program.
//!
//! ## Late, corrected, out of order
//! For a buyer the list that is known now counts: who comes on it later loses what its purchases earned, who leaves it gives
//! that again. For the seller the list counts that was known when the row came. Whoever is to be paid is looked at when it
//! is authorised ([beneficiary-restricted](beneficiary_restricted.md)).
//!
//! ## Returns
//! What the buyer sends back had earned nothing and takes nothing.

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
