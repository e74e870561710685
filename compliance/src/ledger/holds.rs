//! What keeps an amount that is due from being ordered: those of the [`rules`](super::rules) that hold.
//!
//! Each is a function of what is accrued, of the tables in force and of the day. What is held waits from tick to tick, and
//! goes out with the first one that finds nothing in its way, or that persons let go what is.

use contract::{Code, Micros, Program};
use stream::{State, StorageError};

use super::account::Account;
use super::findings::Found;
use super::now::Now;
use super::persons::{is_decided, is_released};
use super::rules::beneficiary_restricted::listed;
use super::rules::figure_changed::has_other_figure;
use super::rules::{CHECKS, Check};
use crate::programs::Exact;

/// Everything that holds something of a settlement that orders are made on; at risk is what it holds.
pub(crate) fn holds(
    account: &Account,
    program: &Program,
    now: Now<'_>,
    state: &mut dyn State,
) -> Result<Vec<Found>, StorageError> {
    if !account.meets_orders() || !account.pays() || account.accrued <= Micros::ZERO {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for check in CHECKS {
        if let Check::Holds(_, check) = check {
            found.extend(check(account, program, now, state)?);
        }
    }
    Ok(found)
}

/// The same without what persons let go.
pub(crate) fn holding(
    account: &Account,
    program: &Program,
    now: Now<'_>,
    state: &mut dyn State,
) -> Result<Vec<Found>, StorageError> {
    let mut holding = Vec::new();
    for found in holds(account, program, now, state)? {
        if !is_released(&found, account, state)? {
            holding.push(found);
        }
    }
    Ok(holding)
}

/// What all holds together leave of an amount that is to be ordered.
pub(crate) fn left(amount: Micros, holds: &[Found], account: &Account) -> Micros {
    let held: Exact = holds.iter().map(|found| found.at_risk).sum();
    (Exact::from(amount) - held).max(Exact::ZERO).round(account.settlement.currency).min(amount)
}

/// Whether a code is that of a hold.
pub(crate) fn is_hold(code: Code) -> bool {
    CHECKS.iter().any(|check| matches!(check, Check::Holds(held, _) if *held == code))
}

/// Those that hold what is due whoever is paid, and how: an accepted deduction waits for them too.
pub(crate) fn doubts(
    account: &Account,
    program: &Program,
    now: Now<'_>,
    state: &mut dyn State,
) -> Result<Vec<Found>, StorageError> {
    let mut found = holding(account, program, now, state)?;
    found.retain(|found| {
        use Code::{FigureChanged, OnePartnerTwice, OutlierHeld, ProgramAmended, TablesCorrected};
        matches!(found.code, FigureChanged | OnePartnerTwice | OutlierHeld | ProgramAmended | TablesCorrected)
    });
    Ok(found)
}

/// Those of some holds that persons have neither let go nor refused.
pub(crate) fn undecided(
    holds: Vec<Found>,
    account: &Account,
    state: &mut dyn State,
) -> Result<Vec<Found>, StorageError> {
    let mut undecided = Vec::new();
    for found in holds {
        if !is_decided(&found, account, state)? {
            undecided.push(found);
        }
    }
    Ok(undecided)
}

/// Whether something of what is due and not ordered is not let go at the close, since it may still be ordered: something holds it,
/// and persons have not decided about that. What nobody has drawn by then lapses, unless the beneficiary is restricted or has deducted
/// something.
pub(crate) fn outlasts_close(
    account: &Account,
    program: &Program,
    now: Now<'_>,
    state: &mut dyn State,
) -> Result<bool, StorageError> {
    let ordered = account.authorised.max(Micros::ZERO);
    if account.accrued <= ordered {
        return Ok(false);
    }
    let may_be_ordered = account.orderable(program) > ordered;
    for found in holds(account, program, now, state)? {
        let keeps_undrawn = matches!(found.code, Code::RestrictedParty | Code::Deducted);
        if (may_be_ordered || keeps_undrawn) && !is_decided(&found, account, state)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a table says something else of a settlement than before this control.
pub(crate) fn has_news(account: &Account, now: Now<'_>) -> bool {
    let (before, known) = (now.known_before(), now.known());
    let (program, version, partner) = (&account.settlement.program, account.settlement.version, &account.partner);
    account.meets_orders()
        && account.pays()
        && (listed(account, before) != listed(account, known)
            || before.deductions(program, partner) != known.deductions(program, partner)
            || before.amendment(program, version) != known.amendment(program, version)
            || before.payees(partner) != known.payees(partner)
            || before.persons(partner) != known.persons(partner)
            || has_other_figure(account, before, known)
            || before.same_as(partner, now.today) != known.same_as(partner, now.today))
}
