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
//! A return that came before the freeze is settled in place and not told. A return that is corrected away withdraws the
//! finding, and what it took is due again. One that comes back before its sale is known is linked once the sale comes.
//!
//! ## Returns
//! They are what the rule is about. They belong to the period, the terms and the exchange rate of their sale; without a
//! known sale to their own period, where they are no finding.

use contract::{Code, Day, Id};
use stream::{Order, State, StorageError};

use super::Booked;
use crate::ledger::account::Account;
use crate::ledger::findings::{Found, money, rounded, shown};
use crate::ledger::lines::list_lines;
use crate::ledger::now::Now;
use crate::ledger::tables::SUMS;
use crate::ledger::tally::Tally;
use crate::programs::Exact;

/// OP-25: goods of the period came back after it, some of them since it froze, and what was authorised is still due.
pub(super) fn check(
    id: Id,
    Booked { account, due, .. }: Booked<'_>,
    _: Now<'_>,
    state: &mut dyn State,
) -> Result<Option<Found>, StorageError> {
    let Some(since) = account.phase.frozen_since().filter(|_| account.pays()) else { return Ok(None) };
    let inside = account.months.partition_point(|month| month.first <= account.last_day);
    let back = account.months[inside..].iter().fold(Tally::default(), |sum, month| sum + month.tally);
    if back.lines == 0 || account.authorised > account.accrued || !any_since(since, id, account, state)? {
        return Ok(None);
    }
    let of_period = inside.checked_sub(1).map_or(Exact::ZERO, |last| due.by_month[last]);
    let less = (of_period - due.by_month.last().copied().unwrap_or_default()).max(Exact::ZERO);
    let message = format!(
        "{} units for {} came back after the period, some of them since it froze: {} less is due for it",
        shown(-back.net.quantity),
        money(-back.net.amount, account),
        rounded(less, account),
    );
    Ok(Some(Found::new(Code::ReturnInLaterPeriod, less, message)))
}

/// Whether a line dated behind the period has come since a control.
fn any_since(since: u64, id: Id, account: &Account, state: &mut dyn State) -> Result<bool, StorageError> {
    let behind = (id.0, account.last_day.0.saturating_add(1));
    for ((_, day), _) in SUMS.range(state, &behind, &(id.0, i32::MAX), Order::Up, usize::MAX)? {
        let standing = list_lines(state, id, Day(day), account.counted)?;
        if standing.lines.iter().any(|line| line.came >= since) {
            return Ok(true);
        }
    }
    Ok(false)
}
