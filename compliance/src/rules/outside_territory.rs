//! OP-11 `outside-territory`.
//!
//! Evidence: the country, or the region where no country is known, and the programs.
//!
//! At risk: the benefit of the line under these programs.
//!
//! ## What it finds
//! Goods that go to a place of which a program's territory holds neither the country nor the region: those of the
//! outlet that bought, or, where the buyer is unnamed, of the one that sold. An outlet that nobody knows, or of which
//! neither country nor region is known, is not judged.
//!
//! ## Why it matters
//! Goods priced for one market turn up in another, and the benefit pays for the detour.
//!
//! ## Example
//! Territory United States, the customer stands in Canada: nothing under the program.
//!
//! ## Late, corrected, out of order
//! The row is judged by the outlets that were known when it came. A row that is restated with another outlet is judged anew,
//! in a frozen period as an adjustment. Other rows do not matter, nor their order.
//!
//! ## Returns
//! What comes back from abroad had earned nothing and takes nothing, whether it names its sale or not.

use contract::{Code, Program, Sale};

use super::{Check, Rule, Unmet};
use crate::references::Known;

pub(crate) const RULE: Rule =
    Rule { name: "outside_territory", codes: &[Code::OutsideTerritory], check: Check::Condition(check) };

fn check(sale: &Sale, program: &Program, known: &Known) -> Option<Unmet> {
    let territory = &program.conditions.territory;
    if territory.is_empty() {
        return None;
    }
    let outlet = known.outlet(sale.party())?;
    let places = [outlet.country.as_str(), outlet.region.as_str()];
    let (place, named) = (places.iter().find(|place| !place.is_empty())?, territory.join(", "));
    let inside = places.iter().any(|place| territory.iter().any(|within| within == place));
    (!inside).then(|| Unmet::Breach(format!("goods go to {place}, outside {named}")))
}
