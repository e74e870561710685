//! UP-02 `tier-nearly-reached`.
//!
//! Evidence: what was sold, what is missing to the next tier, and its rate, or to the threshold; the first sale of the settlement.
//!
//! At risk: what the next tier would pay more on what is sold, nothing where it pays on its own slice alone; below a threshold, what
//! would be due without it.
//!
//! ## What it finds
//! A settlement whose measure, net of returns, falls short of the next tier by at most 5 % of where that begins. A tier that
//! lies above the cap of the measure is never reached. The same to the threshold, of which the tiers wait.
//!
//! ## Why it matters
//! A report may be missing. So near to a tier it is worth asking.
//!
//! ## Example
//! 9,500 sold, 3 % from 10,000 on: told. 9,499.99 sold: not. 49,000 sold, nothing is due below 50,000: told, besides OP-12.
//!
//! ## Late, corrected, out of order
//! Only the sum of what stands counts, in open and in frozen periods. A late sale that reaches the tier withdraws the
//! finding, and so does one that is taken back and leaves more missing.
//!
//! ## Returns
//! They lower the measure: out of the tier, which makes the finding, or further away from it, which withdraws it.

use contract::{Code, Program, Tier};

use super::Booked;
use crate::ledger::findings::{Found, shown};
use crate::programs::volume_retroactive::tier_reached;
use crate::programs::{Exact, Sums, line_benefit, looks_back, measured, tiers};

/// A tier is nearly reached when at most one part in so many of it is missing: five percent.
const NEARLY: i128 = 20;

/// UP-02: little is missing to the next tier, as where a report is missing.
pub(super) fn check(booked: Booked<'_>) -> Option<Found> {
    let Booked { account, program, .. } = booked;
    if let Some(found) = threshold(booked) {
        return Some(found);
    }
    let (mechanism, net) = (&program.mechanism, account.tally().net);
    let measured = net.measure(mechanism.measure());
    let is_below_cap = |tier: &&Tier| program.caps.measure.is_none_or(|cap| tier.from <= cap);
    let next = tiers(mechanism).get(tier_reached(tiers(mechanism), measured)).filter(is_below_cap)?;
    let bound = i128::from(next.from.0);
    let missing = bound - measured;
    if measured <= 0 || missing * NEARLY > bound {
        return None;
    }
    let message = format!(
        "{} sold, {} short of {}, from which {} is paid",
        shown(measured),
        shown(missing),
        next.from,
        next.rate
    );
    Some(Found::new(Code::TierNearlyReached, gain(program, net, bound), message))
}

/// The same to the threshold, below which no tier pays anything.
fn threshold(Booked { account, program, due, .. }: Booked<'_>) -> Option<Found> {
    let threshold = program.threshold.filter(|_| !due.threshold_met && account.tally().lines > 0)?;
    let (sold, bound) = (measured(program, account.tally().net), i128::from(threshold.0));
    if sold <= 0 || (bound - sold) * NEARLY > bound {
        return None;
    }
    let missing = shown(bound - sold);
    let message = format!("{} sold, {missing} short of {threshold}, below which nothing is due", shown(sold));
    Some(Found::new(Code::TierNearlyReached, due.whole.after_transaction, message))
}

/// What the next tier would pay more on what is sold.
fn gain(program: &Program, net: Sums, bound: i128) -> Exact {
    let mechanism = &program.mechanism;
    if !looks_back(mechanism) {
        return Exact::ZERO;
    }
    let when = |reached: Sums| line_benefit(program, Sums::default(), net, reached);
    when(Sums { quantity: bound, amount: bound }) - when(net)
}
