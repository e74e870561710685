//! DD-15 `authorisation-reused`.
//!
//! Evidence: the number, whose it is and who names it.
//!
//! At risk: not said: the row earns nothing under that program.
//!
//! ## What it finds
//! A row that names an authorisation of a special price which was given to another partner, and to the seller for no product
//! at all. Also one that names a number like those of the program's authorisations, the same letters and other digits, which
//! nobody knows, where the seller has an authorisation for the product. What a partner sells beyond the units that were authorised for
//! it is OP-05. Another partner's number is reason 24 of X12 901, one that nobody knows 11.
//!
//! ## Why it matters
//! A number that goes round among distributors draws on money that was set aside for one of them.
//!
//! ## Example
//! SPA is L's authorisation; A sells the same product and names it: nothing for A. L has SPA-1001 and names SPA-9999, which
//! nobody knows: nothing, though SPA-1001 would fit.
//!
//! ## Late, corrected, out of order
//! The row is judged by the table that was known when it came; rows of other partners do not matter, nor which came first. A
//! row that is restated with a number of its own, or without one, withdraws the finding and is judged anew, in a frozen
//! period as an adjustment.
//!
//! ## Returns
//! What comes back of it takes nothing back, since it had been given nothing.

use contract::{Code, Program, Sale, Text};

use super::{Check, Rule, Unfit};
use crate::programs::special_price::{names_unknown, of_product};
use crate::references::Known;

pub(crate) const RULE: Rule =
    Rule { name: "authorisation_reused", codes: &[Code::AuthorisationReused], check: Check::Terms(check) };

fn check(sale: &Sale, program: &Program, known: &Known) -> Option<Unfit> {
    program.mechanism.resale()?;
    let (number, partner) = (&sale.promotion, &sale.at.partner);
    if let Some(holder) = other_holder(sale, program, known) {
        let message = format!("{number} was authorised for {holder}, not for {partner}");
        return Some(Unfit { reason: "24", ..Unfit::new(RULE.codes[0], message) });
    }
    let has_authorisation = !of_product(&known.reference, program, sale).is_empty();
    let is_unknown = has_authorisation && names_unknown(&known.reference, program, sale);
    is_unknown.then(|| Unfit::new(RULE.codes[0], format!("nobody knows an authorisation {number}")))
}

/// The partner that has the authorisation which the row names, where the seller has no part in it.
pub(super) fn other_holder<'k>(sale: &Sale, program: &Program, known: &'k Known) -> Option<&'k Text> {
    let holders = known.market().holders(program, &sale.promotion);
    holders.first().filter(|_| !holders.contains(&sale.at.partner))
}
