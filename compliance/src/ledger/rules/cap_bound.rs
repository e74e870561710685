//! OP-16 `cap-bound`.
//!
//! Evidence: each cap that bound, and what it took; the first sale of the settlement.
//!
//! At risk: what all of them took.
//!
//! ## What it finds
//! A benefit that was cut by a cap: on the measure of the period, for a unit, for a transaction, for the partner and period, for the beneficiary's year;
//! in this order, each on what the one before left. Below the program's threshold no cap is told. The budget is OP-17.
//!
//! ## Why it matters
//! The supplier agreed to fund the cap and no more; which one bound is what a partner asks first.
//!
//! ## Example
//! 8 % of 180.00 is 14.40, held to 12.00 a unit; 60 units are 720.00, held to 500.00 a transaction. 1 % of 150,000, of which
//! 100,000 count: 1,000.00, and the cap of the measure took 500.00.
//!
//! ## Late, corrected, out of order
//! Caps go by sale date, then sale id, not by arrival: within an open period, or year, a late earlier sale takes what
//! later ones had. What was authorised at an earlier tick is never displaced. A corrected sale is capped anew. What
//! caps cut off when the period froze is lost for good and told from then on, as far as it is still earned; under `headroom: given-back` what the
//! cap of the year cut off is lost when it closes. But what counts of the measure follows from its sales whenever they come, like tiers.
//!
//! ## Returns
//! Under caps a sale and its returns are one transaction: what is left of it is capped again, and a full return leaves
//! nothing. In an open period room that a return makes is filled by what was cut off; after the freeze it is not, but for the cap of the
//! year under `headroom: given-back`: its room goes to the first sales without in periods that are not closed. A measure
//! that is above its cap all the same loses nothing by a return, also after the freeze.

use contract::Code;

use super::Booked;
use crate::ledger::findings::{Found, rounded};
use crate::programs::Exact;
use crate::programs::caps::CappedLine;

/// OP-16: which cap bound, and what it took.
pub(super) fn check(Booked { account, program, due, .. }: Booked<'_>) -> Option<Found> {
    if !due.threshold_met {
        return None;
    }
    let CappedLine { raw, after_measure, after_late, after_unit, after_transaction, .. } = due.whole;
    let taken = due.taken(account, program);
    let over_measure = raw - after_measure;
    let cuts = [
        ("measure", over_measure),
        ("per-unit", after_late - after_unit),
        ("per-transaction", after_unit - after_transaction),
        ("partner-period", taken.period),
        ("partner-year", taken.year),
    ];
    let bound: Vec<String> = cuts
        .iter()
        .filter(|(_, cut)| *cut != Exact::ZERO)
        .map(|(cap, cut)| format!("the {cap} cap took {}", rounded(*cut, account)))
        .collect();
    let at_risk = over_measure + after_late - after_transaction + taken.period + taken.year;
    (!bound.is_empty()).then(|| Found::new(Code::CapExceeded, at_risk, bound.join(", ")))
}
