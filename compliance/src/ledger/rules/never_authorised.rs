//! UP-01 `never-authorised`.
//!
//! Evidence: what is due and is not claimed, and until when it may be; once the period is closed, what was not authorised; the
//! first sale of the settlement.
//!
//! At risk: what the partner did not get, or will not.
//!
//! ## What it finds
//! Something that is due in a frozen period under a program that pays claims, and that nobody has claimed yet or has
//! deducted; what a person refused, or came too late, is not claimed. And what is due under any program that does not pay by
//! itself, and was not authorised when the period closed, which it does not before the last day for claims has passed: it was never
//! claimed, or it was claimed and not allowed. It is let go, and told so, with the close: not while that waits for somebody who decides about
//! a claim or about what holds it. Small sums are told
//! here too: OP-35 is for programs that pay by themselves, and for claim lines. Under these what is held is told by the finding that
//! holds it, before the close and after it.
//!
//! ## Why it matters
//! A partner that finds out by itself stops trusting the ledger.
//!
//! ## Example
//! 6.00 is due for a quarter that froze on 16 April: told, with the last day for claims. Nobody claims it, the quarter closes: it
//! was let go.
//!
//! ## Late, corrected, out of order
//! A late sale adds to it, before the close and after it. A claim ends it at the next tick, or lowers it to what is
//! still unclaimed, also one that waits for a person, behind the close too; where it is taken back or refused the finding comes again. What a claim is still given after the close goes from it. The order of
//! sales does not matter.
//!
//! ## Returns
//! What comes back lowers what is told; where nothing is left of it, the finding is withdrawn. Under `headroom: given-back` so does what others are given of a budget,
//! or of the cap of a year, that was let go: OP-17 or OP-16 says it from then on.

use contract::{Code, Day, Id, Micros, Program};
use stream::{State, StorageError};

use super::Booked;
use crate::ledger::account::{Account, claimable_until};
use crate::ledger::claims::awaited;
use crate::ledger::deductions::taken;
use crate::ledger::findings::{Found, amount};
use crate::ledger::now::Now;
use crate::programs::Exact;

/// UP-01: nobody claims it, or it was not authorised until the period closed.
pub(super) fn check(
    _: Id,
    Booked { account, program, .. }: Booked<'_>,
    now: Now<'_>,
    state: &mut dyn State,
) -> Result<Option<Found>, StorageError> {
    if account.has_closed() || account.unclaimed.is_zero() {
        return let_go(account, program, state);
    }
    let deducted = taken(account, now, state)?.into_iter().map(|(_, amount)| amount).sum();
    Ok(claimable_until(program, account.last_day).and_then(|until| not_claimed(account, deducted, until)))
}

fn let_go(account: &Account, program: &Program, state: &mut dyn State) -> Result<Option<Found>, StorageError> {
    let left = account.accrued - account.authorised;
    if !account.has_closed() || !account.pays() || program.auto_authorise || left <= Micros::ZERO {
        return Ok(None);
    }
    let left = left - awaited(account, state)?.into_iter().map(|(_, asked)| asked).sum();
    let message = format!("{} is due and was not authorised by the close", amount(left, account));
    Ok((left > Micros::ZERO).then(|| Found::new(Code::NeverAuthorised, Exact::from(left), message)))
}

fn not_claimed(account: &Account, deducted: Micros, until: Day) -> Option<Found> {
    let left = account.unclaimed - deducted;
    let message = format!("{} is due and not claimed, until {until}", amount(left, account));
    (left > Micros::ZERO).then(|| Found::new(Code::NeverAuthorised, Exact::from(left), message))
}
