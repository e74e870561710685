//! OP-25 `came-back-later`.
//!
//! Evidence: the units and the amount that came back, and how much less is due; the first sale of the settlement.
//!
//! At risk: how much less is due for the period.
//!
//! ## What it finds
//! Goods sold in a period that has frozen and returned after its last day, at least one of them since it froze, where
//! what was authorised is still due. Where it is not, OP-24 says so instead.
//!
//! ## Why it matters
//! The books of the period say more than is due for it now; the difference stands in a later month.
//!
//! ## Example
//! Ten sold in March, two of them come back in April, after the quarter froze: 4.00 less is due for it, booked in May as an
//! adjustment of the prior period.
//!
//! ## Late, corrected, out of order
//! A return that came before the freeze is settled in place and not told, also where its partner sends it again unchanged: what is
//! told is that more has come back by now. A return that is corrected away withdraws the
//! finding, and what it took is due again. One that comes back before its sale is known is linked once the sale comes.
//!
//! ## Returns
//! They are what the rule is about. They belong to the period, the terms and the exchange rate of their sale; without a
//! known sale to their own period, where they are no finding.

use contract::Code;

use super::Booked;
use crate::ledger::findings::{Found, money, rounded, shown};
use crate::programs::Exact;

/// OP-25: goods of the period came back after it, more of them than when it froze, and what was authorised is still due.
pub(super) fn check(Booked { account, due, .. }: Booked<'_>) -> Option<Found> {
    let (back, before) = (account.behind().net, account.came_back);
    let has_grown = back.quantity < before.quantity || back.amount < before.amount;
    if !has_grown || account.phase.frozen_since().is_none() || account.authorised > account.accrued {
        return None;
    }
    let inside = account.months.partition_point(|month| month.first <= account.last_day);
    let of_period = inside.checked_sub(1).map_or(Exact::ZERO, |last| due.by_month[last]);
    let less = (of_period - due.by_month.last().copied().unwrap_or_default()).max(Exact::ZERO);
    let message = format!(
        "{} units for {} came back after the period, some of them since it froze: {} less is due for it",
        shown(-back.quantity),
        money(-back.amount, account),
        rounded(less, account),
    );
    Some(Found::new(Code::ReturnInLaterPeriod, less, message))
}
