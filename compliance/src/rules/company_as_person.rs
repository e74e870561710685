//! DD-18 `company-as-person`.
//!
//! Evidence: the name on the row and the partner that is called so.
//!
//! At risk: the benefit of the line under the programs that pay persons.
//!
//! ## What it finds
//! A sale under a program that pays persons, whose row names a partner of the master as the person, exactly but for case
//! and punctuation.
//!
//! ## Why it matters
//! The company pools what is meant for whoever sold, beside its own benefit for the same sale.
//!
//! ## Example
//! The shop Albion Cycles plc sends "ALBION CYCLES PLC" as sales person: no SPIFF. Its own programs pay as they are.
//!
//! ## Late, corrected, out of order
//! The row is judged by itself, by the master that was known when it came. Restated with a person, it earns, in a frozen
//! period as an adjustment, and the finding is withdrawn.
//!
//! ## Returns
//! What comes back takes nothing from a company that was given nothing.

use contract::{Code, Program, Sale};

use super::{Check, Rule, Unmet};
use crate::programs::spiff::named;
use crate::references::Known;

pub(crate) const RULE: Rule =
    Rule { name: "company_as_person", codes: &[Code::CompanyAsPerson], check: Check::Condition(check) };

fn check(sale: &Sale, program: &Program, known: &Known) -> Option<Unmet> {
    named(program, &sale.rep).iter().find_map(|name| {
        let company = known.market().partner_called(name)?;
        Some(Unmet::Breach(format!("the person {name:?} is partner {company}")))
    })
}
