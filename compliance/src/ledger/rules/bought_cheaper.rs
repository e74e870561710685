//! `bought-cheaper`, with OP-19 for cost layers.
//!
//! Evidence: the cost layers, each with its invoice, day and cost; what was not given, and of what; the first sale of the
//! settlement.
//!
//! At risk: what was not given.
//!
//! ## What it finds
//! Sales at a special price of units that cost their partner less than the price book says, under a program that goes by cost
//! layers (`cost: layers`). They are given what their layers cost above the authorised cost. And units of which no layer says
//! what they cost, in the currency of the special price (another one is named): they are given nothing as long as nobody does.
//! Reason 07 of X12 901 where units were bought cheaper, 31 where nobody says what any of them cost.
//!
//! ## Why it matters
//! A claim from the list or the current book, for units that were bought cheaper, pays a difference that nobody has lost.
//!
//! ## Example
//! Book cost 10.00, authorised 7.40, bought at 9.40: 2.00 a unit and not 2.60.
//!
//! ## Late, corrected, out of order
//! Layers are used up by (event day, sale key) over all that the partner sells of the product, never by arrival. A purchase or a
//! sale that comes late, or is corrected, moves all behind it to other layers: in place while a period is open, then as an
//! adjustment of the prior period, then as a clawback. A purchase that comes for units without one gives what was not given
//! and withdraws the finding.
//!
//! ## Returns
//! A return takes back what the last of its sale's units were given, and the sales behind it move up. Without a known sale it is of
//! the layers that were sold from last on its day; where nothing is out any more nobody says what it cost. What goes back to the
//! vendor is taken off the latest layers.

use std::collections::BTreeSet;

use contract::{Code, Currency, Money};

use super::Booked;
use crate::ledger::findings::{Found, rounded};
use crate::ledger::layers::Layered;

/// At most so many layers are named.
const NAMED: usize = 4;

/// OP-19: what was not given because units cost less than the book says, or nobody says what they cost.
pub(super) fn check(Booked { account, due, .. }: Booked<'_>) -> Option<Found> {
    let layered = account.layered.as_deref()?;
    let lost = due.whole.after_measure - due.whole.after_layers;
    if !layered.iter().any(|layered| layered.lowers) {
        return None;
    }
    let mut reasons = Vec::new();
    let named = named(layered);
    let is_cheaper = named.is_some();
    if let Some(named) = named {
        reasons.push(format!("units cost less than the price book says: {named}"));
    }
    let unknown = || layered.iter().filter(|layered| layered.lowers && layered.unit.is_none());
    if unknown().any(|layered| layered.foreign.is_none()) {
        reasons.push("no purchase says what some units cost".to_owned());
    }
    let foreign: BTreeSet<Currency> = unknown().filter_map(|layered| layered.foreign).collect();
    if !foreign.is_empty() {
        let foreign: Vec<String> = foreign.iter().map(Currency::to_string).collect();
        reasons.push(format!("purchases say in {} alone what some units cost", foreign.join(", ")));
    }
    let (lost_shown, raw) = (rounded(lost, account), rounded(due.whole.raw, account));
    let message = format!("{}; {lost_shown} of {raw} not given", reasons.join("; "));
    let reason = if is_cheaper { "07" } else { "31" };
    Some(Found { reason, ..Found::new(Code::CostBasisWrong, lost, message) })
}

/// The layers by which less is given: `9.40 USD by 4711 of 2013-01-10`.
fn named(layered: &[Layered]) -> Option<String> {
    let mut named: Vec<String> = Vec::new();
    for unit in layered.iter().filter(|layered| layered.lowers).filter_map(|layered| layered.unit.as_ref()) {
        let money = Money { amount: unit.cost.amount, currency: unit.cost.currency };
        let by = if unit.document.is_empty() { String::new() } else { format!(" by {}", unit.document) };
        let layer = format!("{money}{by} of {}", unit.bought);
        if !named.contains(&layer) {
            named.push(layer);
        }
    }
    let more = named.len().saturating_sub(NAMED);
    named.truncate(NAMED);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    (!named.is_empty()).then(|| named.join(", ") + &more)
}
