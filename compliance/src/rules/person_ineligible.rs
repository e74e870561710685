//! OP-43 `person-ineligible`.
//!
//! Evidence: the name, what the register says of it, and the programs.
//!
//! At risk: the benefit of the line under these programs.
//!
//! ## What it finds
//! A sale under a program that pays registered persons, whose row names somebody that the register does not hold with
//! the partner on the sale date. Case, punctuation and the order of words do not count. A return is taken back from
//! whoever the register has ever held. When the register changes, the sales that it now says something else about are
//! judged again.
//!
//! ## Why it matters
//! Persons who have left, were never trained, or do not exist are paid.
//!
//! ## Example
//! Ann is registered from 1 March; her sale of 28 February earns no SPIFF.
//!
//! ## Late, corrected, out of order
//! The sale date decides, and the register that is known now, whichever came first. Registered back to a day, a person earns
//! from that day on, in a frozen period as an adjustment. A row that is restated with somebody else is judged anew.
//!
//! ## Returns
//! What a person sold in its time is taken back after it has left. What comes back of a sale that earned nothing takes
//! nothing.

use contract::{Code, Person, Program, Sale};

use super::{Check, Rule, Unmet};
use crate::programs::spiff::named;
use crate::references::Known;

pub(crate) const RULE: Rule =
    Rule { name: "person_ineligible", codes: &[Code::PersonIneligible], check: Check::Told(check) };

fn check(sale: &Sale, program: &Program, _read: &Known, known: &Known) -> Option<Unmet> {
    if !program.conditions.registered_persons {
        return None;
    }
    named(program, &sale.rep).iter().find_map(|name| unregistered(sale, name, known)).map(Unmet::Breach)
}

/// Why one of the persons named is not registered on the sale date.
fn unregistered(sale: &Sale, name: &str, known: &Known) -> Option<String> {
    let called = known.market().persons_called(&sale.at.partner, name);
    let within = |person: &Person| person.from <= sale.date && person.to.is_none_or(|last| sale.date <= last);
    if called.iter().any(within) || (sale.is_return() && !called.is_empty()) {
        return None;
    }
    Some(match called.last() {
        Some(person) => format!("{:?} is registered, but not on {}", person.name, sale.date),
        None => format!("nobody of {} is registered as {name:?}", sale.at.partner),
    })
}
