//! OP-34 `sale-to-partner`.
//!
//! Evidence: the buyer and the partner that it is, and the programs.
//!
//! At risk: the benefit of the line under these programs.
//!
//! ## What it finds
//! A sale to a partner, under a program that pays for sales to end users. A buyer is a partner where the outlet, or the
//! name on the row if no outlet is known by it, is called exactly as one partner of the master, case and punctuation
//! aside; two of one name are nobody.
//!
//! ## Why it matters
//! The goods have not been sold on yet: the partner that buys reports them again, or sends them back.
//!
//! ## Example
//! A distributor sells to a dealer: nothing under a program for end users. The dealer's own sale earns.
//!
//! ## Late, corrected, out of order
//! The row is judged by the master that was known when it came. Restated with the end user it earns, in a frozen period as
//! an adjustment. What the buying partner reports is judged by itself, whichever came first.
//!
//! ## Returns
//! What the partner sends back had earned nothing and takes nothing, whether it names its sale or not.

use contract::{Code, Program, Sale};

use super::{Check, Rule, Unmet};
use crate::references::Known;

pub(crate) const RULE: Rule =
    Rule { name: "sale_to_partner", codes: &[Code::SaleToPartner], check: Check::Condition(check) };

fn check(sale: &Sale, program: &Program, known: &Known) -> Option<Unmet> {
    if !program.conditions.end_users {
        return None;
    }
    let buyer = known.market().partner_of(&sale.customer)?;
    Some(Unmet::Breach(format!("the buyer {:?} is partner {buyer}", known.party_name(&sale.customer))))
}
