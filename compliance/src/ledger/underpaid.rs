//! What a beneficiary may have missed: money that was due and never ordered, tiers nearly reached, sales without effect.
//!
//! The other direction of the law of money: a partner that finds out by itself stops trusting the ledger.

use contract::{Code, Micros, Program};

use super::account::{Account, Phase};
use super::due::Due;
use super::findings::{Found, amount, rounded, sales, shown};
use crate::programs::exact::minor_unit;
use crate::programs::volume_retroactive::tier_reached;
use crate::programs::{Exact, Sums, line_benefit, looks_back, tiers};

/// A tier is nearly reached when at most one part in so many of it is missing: five percent.
const NEARLY: i128 = 20;

/// Looks at a settlement that pays, after it was booked.
pub(crate) fn look(account: &Account, program: &Program, due: &Due) -> impl Iterator<Item = Found> {
    let checks = [
        never_authorised(account, program),
        tier_nearly_reached(account, program),
        earned_nothing(account, program, due),
    ];
    checks.into_iter().flatten()
}

/// UP-01: nobody claimed it until the period closed, and it was released. What is too little to be paid is OP-35.
fn never_authorised(account: &Account, program: &Program) -> Option<Found> {
    let left = account.accrued - account.authorised;
    let closed = matches!(account.phase, Phase::Closed { .. });
    if !closed || program.auto_authorise || left <= Micros::ZERO {
        return None;
    }
    let message = format!("{} was due and nobody claimed it until the close", amount(left, account));
    Some(Found { code: Code::NeverAuthorised, at_risk: Exact::from(left), message })
}

/// UP-02: little is missing to the next tier, as where a report is missing.
fn tier_nearly_reached(account: &Account, program: &Program) -> Option<Found> {
    let (mechanism, net) = (&program.mechanism, account.tally().net);
    let measured = net.measure(mechanism.measure());
    let next = tiers(mechanism).get(tier_reached(tiers(mechanism), measured))?;
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
    Some(Found { code: Code::TierNearlyReached, at_risk: gain(program, net, bound), message })
}

/// What the next tier would pay more on what is sold.
fn gain(program: &Program, net: Sums, bound: i128) -> Exact {
    let mechanism = &program.mechanism;
    if !looks_back(mechanism) {
        return Exact::ZERO;
    }
    let when = |reached: Sums| line_benefit(mechanism, Sums::default(), net, reached);
    when(Sums { quantity: bound, amount: bound }) - when(net)
}

/// UP-03: sales of a period that is over count and nothing is due for them, because the tier they reach pays nothing or the
/// benefit is less than a minor unit. Thresholds, caps, budgets and a missing baseline have findings of their own.
fn earned_nothing(account: &Account, program: &Program, due: &Due) -> Option<Found> {
    let tally = account.tally();
    let measured = tally.net.measure(program.mechanism.measure());
    let (earned, is_budgeted) = (due.whole.raw, program.caps.budget.is_some());
    if account.phase == Phase::Open
        || is_budgeted
        || measured <= 0
        || !due.threshold_met
        || !earned.round(account.settlement.currency).is_zero()
    {
        return None;
    }
    let bands = tiers(&program.mechanism);
    let why = match bands.get(tier_reached(bands, measured)) {
        _ if earned != Exact::ZERO => format!("less than {} is due", rounded(minor(account), account)),
        Some(next) => format!("nothing is paid below {}", next.from),
        None => return None,
    };
    let message = format!("{} of {} earn nothing: {why}", sales(tally.lines), shown(measured));
    Some(Found { code: Code::EarnedNothing, at_risk: Exact::ZERO, message })
}

fn minor(account: &Account) -> Exact {
    Exact(minor_unit(account.settlement.currency))
}
