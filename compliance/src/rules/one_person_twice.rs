//! DD-19 `one-person-twice`.
//!
//! Evidence: both names and the partner of the other one, and the programs.
//!
//! At risk: the benefit of the line under these programs.
//!
//! ## What it finds
//! A sale under a program that pays persons, by somebody whose payee in the register (a hash of the account, a tax number)
//! belongs to somebody under another name or with another partner too, both registered on the sale date. Held for each of
//! them, until another version of the register says otherwise.
//!
//! ## Why it matters
//! One person behind two names takes what caps and tax thresholds grant one.
//!
//! ## Example
//! Bo and Robert are registered with one account: what either sells is held until the register is put right.
//!
//! ## Late, corrected, out of order
//! The register that is known now counts: another version holds the sales of both, or releases them, whenever they came, in
//! a frozen period as an adjustment. The order of sales does not matter.
//!
//! ## Returns
//! What comes back of a sale that waits waits with it, and takes nothing back. Once the sale is released both count.

use contract::{Code, Person, Program, Sale};

use super::{Check, Rule, Unmet};
use crate::programs::spiff::named;
use crate::references::Known;
use crate::units::names::same_words;

pub(crate) const RULE: Rule =
    Rule { name: "one_person_twice", codes: &[Code::OnePersonTwice], check: Check::Told(check) };

fn check(sale: &Sale, program: &Program, _read: &Known, known: &Known) -> Option<Unmet> {
    if sale.is_return() {
        return None;
    }
    let twice: Vec<String> = named(program, &sale.rep).iter().flat_map(|name| twice(sale, name, known)).collect();
    (!twice.is_empty()).then(|| Unmet::Breach(twice.join("; ")))
}

/// Everybody else who is paid as the person named is.
fn twice(sale: &Sale, name: &str, known: &Known) -> Vec<String> {
    let within = |person: &&Person| person.from <= sale.date && person.to.is_none_or(|last| sale.date <= last);
    let called = known.market().persons_called(&sale.at.partner, name).iter();
    let Some(seller) = called.filter(within).find(|person| !person.payee.is_empty()) else { return Vec::new() };
    let is_other = |person: &&Person| person.partner != seller.partner || !same_words(&person.name, &seller.name);
    let others = known.market().paid_as(&seller.payee).iter().filter(within).filter(is_other);
    let mut said: Vec<String> =
        others.map(|other| format!("{:?} is paid as {:?} of {} is", seller.name, other.name, other.partner)).collect();
    said.dedup();
    said
}
