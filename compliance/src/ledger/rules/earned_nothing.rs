//! UP-03 `earned-nothing`.
//!
//! Evidence: how many sales, what they come to, and the tier below which nothing is paid or the minor unit; the first of
//! them.
//!
//! At risk: nothing: nothing is due.
//!
//! ## What it finds
//! Sales of a period that has frozen which count and for which nothing is due, because the tier they reach pays nothing or
//! the benefit rounds to nothing. Thresholds, caps, budgets and a missing baseline have findings of their own.
//!
//! ## Why it matters
//! The partner reported in good faith and hears nothing otherwise.
//!
//! ## Example
//! 20.00 sold, the first tier that pays begins at 5,000: told when the quarter has frozen.
//!
//! ## Late, corrected, out of order
//! Nothing is told while the period is open. A late or corrected sale that makes something due withdraws the finding; what
//! it makes due is an adjustment of the prior period.
//!
//! ## Returns
//! Where all comes back, nothing counts any more and nothing is told. A return that takes the measure of a frozen period
//! into a tier that pays nothing makes the finding.

use contract::Code;

use super::Booked;
use crate::ledger::account::{Account, Phase};
use crate::ledger::findings::{Found, rounded, sales, shown};
use crate::programs::exact::minor_unit;
use crate::programs::volume_retroactive::tier_reached;
use crate::programs::{Exact, tiers};

/// UP-03: sales of a period that is over count and nothing is due for them, because the tier they reach pays nothing or the
/// benefit is less than a minor unit. Thresholds, caps, budgets and a missing baseline have findings of their own.
pub(super) fn check(Booked { account, program, due, .. }: Booked<'_>) -> Option<Found> {
    let tally = account.tally();
    let measured = tally.net.measure(program.mechanism.measure());
    let (earned, is_budgeted) = (due.whole.raw, program.caps.budget.is_some());
    if account.phase == Phase::Open
        || is_budgeted
        || measured <= 0
        || !due.threshold_met
        || !earned.round_by(program.rounding_mode, account.settlement.currency).is_zero()
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
    Some(Found::new(Code::EarnedNothing, Exact::ZERO, message))
}

fn minor(account: &Account) -> Exact {
    Exact(minor_unit(account.settlement.currency))
}
