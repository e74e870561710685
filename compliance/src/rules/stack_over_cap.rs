//! DD-12 `stack-over-cap`.
//!
//! Evidence: the program, what the cap takes of it, the cap and the stack.
//!
//! At risk: what the cap takes of that program.
//!
//! ## What it finds
//! A sale for which the programs of one stack would give more together, by their rates, than the share of its amount that
//! the stack may. What is too much comes off the last ones, by priority: one finding for each program that gives less. What
//! caps and thresholds take of them in the ledger is not made up for.
//!
//! ## Why it matters
//! Each program alone is within its terms; together they give the margin away.
//!
//! ## Example
//! 8 % and 6 % of 1,000.00 under a cap of 12 %: 80.00 and 40.00, not 60.00.
//!
//! ## Late, corrected, out of order
//! Each sale is looked at by itself, by the programs that were known when its row came, in the order of their priority: it
//! does not matter what came first. A sale that is corrected is cut anew. One that is held earns nothing, and then nothing
//! is taken of it; released, it is told.
//!
//! ## Returns
//! What comes back takes back its part of each program as it was given. It is no finding by itself.

use contract::{Micros, Money, Program, Sale};

use crate::programs::stacking::part;
use crate::units::market::risk_of;
use crate::units::told::Tables;

/// What the cap of its stack takes of a program, where all of these pay for a sale, with the reason.
pub(crate) fn check(
    sale: &Sale,
    program: &Program,
    paying: &[&Program],
    tables: Tables<'_, '_>,
) -> Option<(Money, String)> {
    let cut = part(tables, program, paying, sale).cut;
    let at_risk = risk_of(cut, sale)?;
    let stack = program.stack.as_ref()?;
    let share = stack.at_most?.times(Micros::units(100));
    let message = format!("{} would give {cut} more than the {share} % of all in stack {}", program.id, stack.name);
    Some((at_risk, message))
}
