//! DD-17 `split-unclear`.
//!
//! Evidence: the persons as the row names them.
//!
//! At risk: not said: the program pays none of them until the partner says who gets what.
//!
//! ## What it finds
//! A sale that names persons of whom nobody says who gets what, under a program that divides a sale among several: some
//! have a percentage and some none, the percentages do not come to 100, or there are not as many persons as the program
//! names shares.
//!
//! ## Why it matters
//! Each of them may claim the whole. The program pays none of them until the partner says it.
//!
//! ## Example
//! Program shares 60 and 40, the sale names `Ann; Bo; Cy`: held. `Ann; Bo`, or `Ann 50%; Bo 30%; Cy 20%`: paid.
//!
//! ## Late, corrected, out of order
//! The row alone is looked at, by the shares that were known when it came. Restated with shares, or with as many persons as
//! the program names, it is paid, in a frozen period as an adjustment.
//!
//! ## Returns
//! A return takes back what its sale was granted, whoever it names. One of no known sale must say who gets what like a sale,
//! and is found too.

use contract::{Code, Mechanism, Program, Sale};

use super::{Check, Rule, Unfit};
use crate::programs::spiff::persons;
use crate::references::Known;

pub(crate) const RULE: Rule = Rule { name: "split_unclear", codes: &[Code::SplitUnclear], check: Check::Terms(check) };

fn check(sale: &Sale, program: &Program, _: &Known) -> Option<Unfit> {
    let Mechanism::Spiff { split, .. } = &program.mechanism else { return None };
    let unclear = !sale.rep.is_empty() && persons(split, &sale.rep).is_none();
    unclear.then(|| Unfit::new(Code::SplitUnclear, format!("nobody says who of `{}` gets what", sale.rep)))
}
