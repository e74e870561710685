//! OP-06 `outside-period`.
//!
//! Evidence: the sale date and the days on which the program holds.
//!
//! At risk: what the program would give for the line.
//!
//! ## What it finds
//! A row that names a program which exists but does not hold on the sale date. A program that a row does not name and
//! that is over is simply not there. Reason 02 of X12 901 after its last day, 19 before its first, 20 between two
//! versions.
//!
//! ## Why it matters
//! The partner counts on money that will not come; the terms end where they end.
//!
//! ## Example
//! The program runs to 30 June, the row of 1 July names it: nothing under it. Other programs pay as they are.
//!
//! ## Late, corrected, out of order
//! The sale date decides, not the day of the report: a row of the last day that comes months later is fine. A date that is
//! corrected into the program revives the sale, one that is corrected out of it takes back what it earned.
//!
//! ## Returns
//! What comes back after the end of the program is taken back where its sale earned. Of what was sold after the end
//! there is nothing to take.

use contract::{Code, Day, Sale};

use super::{Breach, Check, Rule};
use crate::programs::estimate::estimate;
use crate::units::market::risk_of;
use crate::units::told::Told;

pub(crate) const RULE: Rule =
    Rule { name: "outside_period", codes: &[Code::OutsidePeriod], check: Check::Named(check) };

fn check(sale: &Sale, told: &Told<'_>) -> Option<Breach> {
    let known = told.known;
    let versions = known.versions(&sale.promotion);
    let (first, last) = (versions.first()?, versions.last()?);
    if known.program_on(&sale.promotion, sale.date).is_some() {
        return None;
    }
    Some(Breach {
        program: sale.promotion.clone(),
        reason: outside(sale.date, versions.iter().map(|version| (version.from, version.to))),
        message: format!("sold on {}, program {} holds from {} to {}", sale.date, first.id, first.from, last.to),
        at_risk: risk_of(estimate(last, sale.quantity, sale.amount, &sale.rep), sale),
    })
}

/// Why, as X12 element 901 says it, no days hold on a day: they are over, have not begun, or it lies between them.
pub(super) fn outside(day: Day, days: impl Iterator<Item = (Day, Day)> + Clone) -> &'static str {
    if days.clone().all(|(_, last)| last < day) {
        return "02";
    }
    if days.clone().all(|(first, _)| day < first) { "19" } else { "20" }
}
