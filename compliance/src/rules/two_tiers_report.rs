//! DD-08 `two-tiers-report`.
//!
//! ## What it finds
//! A distributor's line to an outlet and that outlet's own line of the same product and quantity, on the same day or up
//! to 60 days later, through another partner. Pairs are one to one: lines with the same serial numbers first, whatever
//! the outlet is called where it is not known, then the closest dates, ties by (event time, sale id) of the distributor's line, then of the
//! reseller's. Lines whose serial numbers differ are no pair. Found without any program; the finding sits on the
//! reseller's line.
//!
//! ## Why it matters
//! The same units would earn at both tiers. A program with `pay_tier` pays that tier only; one without pays the earlier
//! report by (event time, sale id).
//!
//! ## Example
//! The distributor sells 100 units to a shop on 1 March, the shop reports 100 sold on 4 March; 3.00 a unit: 300 is paid,
//! not 600.

use contract::{Code, Text};

use super::{Check, Rule};
use crate::units::facts::SaleKey;

pub(crate) const RULE: Rule =
    Rule { name: "two_tiers_report", codes: &[Code::TwoTiersReport], check: Check::Tiers(check) };

/// Days after the distributor's line in which the outlet's own line may be the same units.
const PAIR_DAYS: i32 = 60;

/// A line of one outlet, product and quantity.
pub(crate) struct Report {
    pub sale: SaleKey,
    pub partner: Text,
    /// The distributor's line to the outlet.
    pub upper: bool,
    /// Hashes of the first and the last serial number in sorted order; `None` without any.
    pub units: Option<(u64, u64)>,
    /// Hash of the outlet; `None` where nobody knows it.
    pub outlet: Option<u64>,
}

/// How near two lines are to being the same units; nearer is less.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Nearness {
    SameSerials,
    NothingSaid,
}

/// `None` where serial numbers or outlets speak against it.
fn nearness(a: &Report, b: &Report) -> Option<Nearness> {
    if a.outlet.zip(b.outlet).is_some_and(|(a, b)| a != b) {
        return None;
    }
    match (a.units, b.units) {
        (Some(a), Some(b)) if a.0 == b.0 || a.1 == b.1 => Some(Nearness::SameSerials),
        (Some(_), Some(_)) => None,
        _ => Some(Nearness::NothingSaid),
    }
}

fn check(reports: &[Report]) -> Vec<(usize, usize)> {
    let mut close: Vec<(Nearness, i32, SaleKey, SaleKey, usize, usize)> = Vec::new();
    let mut sold: Vec<usize> = (0..reports.len()).filter(|at| reports[*at].upper).collect();
    sold.sort_unstable_by_key(|at| reports[*at].sale);
    for (lower, own) in reports.iter().enumerate().filter(|(_, r)| !r.upper) {
        let day = own.sale.0.0;
        let first = sold.partition_point(|at| reports[*at].sale.0.0 < day - PAIR_DAYS);
        for upper in sold[first..].iter().copied().take_while(|at| reports[*at].sale.0.0 <= day) {
            let sold = &reports[upper];
            let days = own.sale.0.0 - sold.sale.0.0;
            if own.partner != sold.partner
                && let Some(nearness) = nearness(own, sold)
            {
                close.push((nearness, days, sold.sale, own.sale, lower, upper));
            }
        }
    }
    close.sort_unstable();
    let mut taken = vec![false; reports.len()];
    let mut pairs = Vec::new();
    for (_, _, _, _, lower, upper) in close {
        if !taken[lower] && !taken[upper] {
            (taken[lower], taken[upper]) = (true, true);
            pairs.push((lower, upper));
        }
    }
    pairs
}
