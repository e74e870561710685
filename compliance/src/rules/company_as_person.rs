//! DD-18 `company-as-person`.
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
