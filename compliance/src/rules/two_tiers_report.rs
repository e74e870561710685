//! DD-08 `two-tiers-report`.
//!
//! Evidence: the record of the distributor's line.
//!
//! At risk: what both lines do not earn because they are a pair.
//!
//! ## What it finds
//! A distributor's line to an outlet and that outlet's own line of the same product and quantity, on the same day or up
//! to 60 days later, through another partner. To whom a distributor sold is its `customer`; where it names none, its
//! `outlet`, but for a site of its own (`operated_by` in `outlets.csv`). Of lines with the same serial numbers such an
//! `outlet` speaks for no other buyer: it may be where they were sold. A line to the reseller itself, and to none of its outlets, makes a pair by serial numbers only. Pairs are
//! one to one: lines with the same serial numbers first, whatever the outlet is called where it is not known, then the
//! closest dates, ties by sale date, then sale id, of the distributor's line, then of the reseller's. Lines whose serial
//! numbers differ are no pair. Found without any program; the finding sits on the reseller's line.
//!
//! ## Why it matters
//! The same units would earn at both tiers. A program with `pay_tier` pays that tier only; one without pays the earlier
//! line by sale date, then sale id.
//!
//! ## Example
//! The distributor sells 100 units to a shop on 1 March, the shop reports 100 sold on 4 March; 3.00 a unit: 300 is paid,
//! not 600.
//!
//! ## Late, corrected, out of order
//! The reseller's report comes later as a rule; either may come first. Pairs are found anew from the lines that stand, so a
//! line that comes late, closer in time, may take another's place. Where one of the two is corrected away the other earns
//! under every program, in a frozen period as an adjustment.
//!
//! ## Returns
//! What comes back to the outlet takes from the reseller's line what that was granted; what goes back to the distributor,
//! from the distributor's.

use contract::Code;
use serde::{Deserialize, Serialize};

use super::{Check, Rule};
use crate::units::facts::SaleKey;

pub(crate) const RULE: Rule =
    Rule { name: "two_tiers_report", codes: &[Code::TwoTiersReport], check: Check::Tiers(check) };

/// Days after the distributor's line in which the outlet's own line may be the same units.
pub(crate) const PAIR_DAYS: i32 = 60;

/// A line of one outlet or of the same serial numbers, product and quantity.
pub(crate) struct Report<'a> {
    pub sale: SaleKey,
    pub partner: &'a str,
    /// Hashes of the first and the last serial number in sorted order; `None` without any.
    pub units: Option<(u64, u64)>,
    /// Hash of the outlet; `None` where nobody knows it.
    pub outlet: Option<u64>,
}

/// What says that two lines are the same units; what says more comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Nearness {
    SameSerials,
    NothingSaid,
}

/// How close two lines are, among all pairs that two tiers could make: the closest are a pair first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Closeness {
    nearness: Nearness,
    days: i32,
    upper: SaleKey,
    lower: SaleKey,
}

impl Closeness {
    pub fn new(nearness: Nearness, lower: SaleKey, upper: SaleKey) -> Closeness {
        Closeness { nearness, days: lower.0.0 - upper.0.0, upper, lower }
    }
}

/// `None` where the two cannot be the same units.
fn check(lower: &Report<'_>, upper: &Report<'_>) -> Option<Nearness> {
    let days = lower.sale.0.0 - upper.sale.0.0;
    let other_outlet = lower.outlet.zip(upper.outlet).is_some_and(|(lower, upper)| lower != upper);
    if !(0..=PAIR_DAYS).contains(&days) || lower.partner == upper.partner || other_outlet {
        return None;
    }
    match (lower.units, upper.units) {
        (Some(a), Some(b)) if a.0 == b.0 || a.1 == b.1 => Some(Nearness::SameSerials),
        (Some(_), Some(_)) => None,
        _ => Some(Nearness::NothingSaid),
    }
}
