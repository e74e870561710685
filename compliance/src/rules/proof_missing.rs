//! OP-37 `proof-missing`.
//!
//! ## What it finds
//! A sale without the evidence that a program's `proof` asks for: a serial number for each unit, or who bought.
//!
//! ## Why it matters
//! A sale that nobody can check later is paid on trust. It waits until the partner restates the row.
//!
//! ## Example
//! The program asks for serial numbers; three units are reported with two of them: nothing until the third is there.

use contract::{Code, Micros, Program, Proof, Sale};

use super::{Check, Rule, Unmet};
use crate::references::Known;

pub(crate) const RULE: Rule =
    Rule { name: "proof_missing", codes: &[Code::ProofMissing], check: Check::Condition(check) };

fn check(sale: &Sale, program: &Program, _known: &Known) -> Option<Unmet> {
    if sale.is_return() {
        return None;
    }
    program.conditions.proof.iter().find_map(|proof| missing(sale, *proof)).map(Unmet::Breach)
}

fn missing(sale: &Sale, proof: Proof) -> Option<String> {
    match proof {
        Proof::Serials => {
            let numbers = i64::try_from(sale.serials.len()).unwrap_or(i64::MAX);
            (Micros::units(numbers) < sale.quantity)
                .then(|| format!("{} units and {numbers} serial numbers", sale.quantity))
        }
        Proof::Customer => sale.customer.is_empty().then(|| "nobody is named who bought".to_owned()),
    }
}
