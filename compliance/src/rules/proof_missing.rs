//! OP-37 `proof-missing`.
//!
//! Evidence: what is missing, and the programs; for an activity what waits.
//!
//! At risk: the benefit of the line under these programs; of an activity what it asks for.
//!
//! ## What it finds
//! A sale without the evidence that a program's `proof` asks for: a serial number for each unit, or who bought.
//! One number twice, whatever its case and punctuation, counts once.
//!
//! ## Why it matters
//! A sale that nobody can check later is paid on trust. It waits until the partner restates the row.
//!
//! ## Example
//! The program asks for serial numbers; three units are reported with two of them: nothing until the third is there.
//!
//! ## Late, corrected, out of order
//! The row alone is looked at. The partner restates it with what was missing: it earns, in a frozen period as an adjustment,
//! and the finding is withdrawn. Activities of a fund wait for their proof in the same way
//! ([activity-unproven](activity_unproven.md)).
//!
//! ## Returns
//! What comes back had earned nothing and takes nothing. A return is not asked for proof: one without a serial number takes
//! back what its sale earned.

use std::collections::BTreeSet;

use contract::{Code, Micros, Program, Proof, Sale, Text};

use super::{Check, Rule, Unmet};
use crate::references::Known;
use crate::units::filing::normal_serial;

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
            let different: BTreeSet<Text> = sale.serials.iter().map(|serial| normal_serial(serial)).collect();
            let numbers = i64::try_from(different.len()).unwrap_or(i64::MAX);
            (Micros::units(numbers) < sale.quantity)
                .then(|| format!("{} units and {numbers} serial numbers", sale.quantity))
        }
        Proof::Customer => sale.customer.is_empty().then(|| "nobody is named who bought".to_owned()),
    }
}
