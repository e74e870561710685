//! DD-10: what a partner has deducted from invoices, over all settlements that it can be from.
//!
//! A deduction names a program and a period. Where the program has several versions, each has a settlement of its own, and what
//! is deducted is held, and settled once it is accepted, over all of them together. Of those that are frozen each takes what may
//! be ordered and is not, the oldest version first, for what is accepted first and then by number: of a program that is drawn on
//! that is what was drawn. What is more than that was paid before, or is not due at all: it falls to the one of which most may be
//! ordered. What one has settled is open no more, so that it does not matter in which order they are looked at.

use std::cmp::Reverse;

use contract::{Deduction, Id, Micros, Settlement};
use stream::{State, StorageError};

use super::account::{Account, Phase};
use super::now::Now;
use super::settle::terms;
use super::tables::{ACCOUNTS, SETTLED, WAITING};

/// A settlement that deductions fall to.
struct Owner {
    id: Id,
    version: u32,
    /// Orders are made on it, and not only about to be.
    decided: bool,
    /// What may be ordered in all.
    orderable: Micros,
    /// What of that is neither ordered nor deducted.
    open: Micros,
}

/// What falls to a frozen settlement of the deductions from its period that are not settled, with each.
pub(crate) fn taken<'a>(
    account: &Account,
    now: Now<'a>,
    state: &mut dyn State,
) -> Result<Vec<(&'a Deduction, Micros)>, StorageError> {
    let mut all = of_period(account, now);
    if all.is_empty() {
        return Ok(Vec::new());
    }
    all.sort_by_key(|deduction| deduction.accepted_by.is_empty());
    let own = account.settlement.id();
    let mut owners = owners(account, now, state)?;
    let largest = owners.iter().max_by_key(|owner| (owner.orderable, Reverse(owner.version))).map(|owner| owner.id);
    let mut taken = Vec::new();
    for deduction in all {
        let mut left = (deduction.amount - SETTLED.get(state, &key(deduction))?.unwrap_or_default()).max(Micros::ZERO);
        let mut mine = Micros::ZERO;
        for owner in &mut owners {
            let part = left.min(owner.open);
            (left, owner.open) = (left - part, owner.open - part);
            mine += if owner.id == own { part } else { Micros::ZERO };
        }
        mine += if largest == Some(own) { left } else { Micros::ZERO };
        if mine > Micros::ZERO {
            taken.push((deduction, mine));
        }
    }
    Ok(taken)
}

/// Notes that so much more of a deduction is settled; returns how much that is by now.
pub(crate) fn settle(deduction: &Deduction, more: Micros, state: &mut dyn State) -> Result<Micros, StorageError> {
    let key = key(deduction);
    let settled = SETTLED.get(state, &key)?.unwrap_or_default() + more;
    SETTLED.put(state, &key, &settled)?;
    Ok(settled)
}

/// Has the other settlements looked at that the same deductions can be from, since something of this one has moved. Those that
/// freeze at this tick are looked at anyway.
pub(crate) fn wake_others(account: &Account, now: Now<'_>, state: &mut dyn State) -> Result<(), StorageError> {
    others(account, now, state)?.into_iter().try_for_each(|other| WAITING.put(state, &other.0, &()))
}

/// The other frozen settlements that the same deductions can be from; none where there are no deductions.
pub(crate) fn others(account: &Account, now: Now<'_>, state: &mut dyn State) -> Result<Vec<Id>, StorageError> {
    if of_period(account, now).is_empty() {
        return Ok(Vec::new());
    }
    let own = account.settlement.id();
    let others = owners(account, now, state)?.into_iter().filter(|owner| owner.id != own && owner.decided);
    Ok(others.map(|owner| owner.id).collect())
}

/// By number.
fn of_period<'a>(account: &Account, now: Now<'a>) -> Vec<&'a Deduction> {
    let settlement = &account.settlement;
    let is_of = |deduction: &&Deduction| {
        deduction.period == settlement.period && deduction.currency == settlement.currency && !account.pays_person()
    };
    now.known().deductions(&settlement.program, &account.partner).iter().filter(is_of).collect()
}

/// Settlements of all versions that are frozen, or freeze at this tick, the oldest version first.
fn owners(account: &Account, now: Now<'_>, state: &mut dyn State) -> Result<Vec<Owner>, StorageError> {
    let settlement = &account.settlement;
    let mut versions: Vec<u32> = now.known().versions(&settlement.program).iter().map(|known| known.version).collect();
    versions.push(settlement.version);
    versions.sort_unstable();
    versions.dedup();
    let freezes = |account: &Account| now.today.is_some_and(|today| account.deadline <= today);
    let mut owners = Vec::new();
    for version in versions {
        let id = Settlement { version, ..settlement.clone() }.id();
        let other = if version == settlement.version { None } else { ACCOUNTS.get(state, &id.0)? };
        let owner = match &other {
            None if version == settlement.version => account,
            None => continue,
            Some(other) => other,
        };
        let (decided, freezes) = (owner.meets_orders(), owner.phase == Phase::Open && freezes(owner));
        if decided || freezes {
            let orderable = match owner.interim.filter(|_| freezes) {
                Some(_) => owner.accrued,
                None => owner.orderable(&terms(owner, now.references)),
            };
            let open = (orderable - owner.authorised).max(Micros::ZERO);
            owners.push(Owner { id, version, decided, orderable, open });
        }
    }
    Ok(owners)
}

fn key(deduction: &Deduction) -> (String, String, String) {
    let Deduction { program, partner, number, .. } = deduction;
    (program.to_string(), partner.to_string(), number.to_string())
}
