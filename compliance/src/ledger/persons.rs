//! What persons decide about findings that hold what is due for a settlement.
//!
//! What is held waits from tick to tick, and goes out with the first one that finds a release in force. That is about what is due
//! in all: where a part of it goes out first, the rest is let go as well.

use contract::{Code, Id, Money, Text};
use serde::{Deserialize, Serialize};
use stream::{Outbox, State, StorageError, Table};

use super::account::Account;
use super::findings::{Found, finding_id};
use super::tables::WAITING;
use crate::references::Known;
use crate::rulings::{self, About, Case, Spoken};

/// Finding → what persons are shown of it, as long as it waits for them.
const SHOWN: Table<[u8; 16], Shown> = Table::new(35, "findings that wait for persons");

/// A finding that waits for persons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Shown {
    code: Code,
    /// A hash of what it rests on.
    basis: Id,
    settlement: Id,
    partner: Text,
    at_risk: Money,
}

/// Takes in what a person decided about a finding on a settlement of this partition; one about another is left alone.
///
/// What is refused leaves its audit record as well. What a decision is worth shows at the next tick, which looks at the settlement also
/// where its close has let it go.
pub(crate) fn decide<T>(
    spoken: Spoken<'_>,
    known: &Known,
    state: &mut dyn State,
    outbox: &mut Outbox<T>,
) -> Result<(), StorageError> {
    let Some((finding, _)) = rulings::of(spoken.command) else { return Ok(()) };
    let shown = SHOWN.get(state, &finding.0)?;
    if shown.is_none() && rulings::products(finding, state)?.is_empty() {
        return Ok(());
    }
    let settlement = shown.as_ref().map(|shown| shown.settlement);
    let case = shown.map_or_else(Case::default, |Shown { code, basis, partner, at_risk, .. }| {
        let others = known.same_as(&partner, spoken.today).into_iter().filter(|_| code == Code::OnePartnerTwice);
        let is_paid = |partner| !known.market().persons_called(partner, &spoken.command.actor).is_empty();
        let own = [&partner].into_iter().chain(others).any(|partner| is_paid(partner));
        let above_limit = known.is_above_limit(&spoken.command.actor, Some(at_risk));
        Case { stands: Some((code, basis)), own, explained: false, above_limit }
    });
    let has_changed = rulings::hear(about(finding), case, spoken, state, outbox)?;
    match settlement.filter(|_| has_changed) {
        Some(settlement) => WAITING.put(state, &settlement.0, &()),
        None => Ok(()),
    }
}

/// Whether persons let go of what a finding on a settlement holds.
pub(crate) fn is_released(found: &Found, account: &Account, state: &mut dyn State) -> Result<bool, StorageError> {
    let finding = about(finding_id(account.id(), found.code));
    Ok(rulings::released(finding, basis(found, account), state)?.is_some())
}

/// Whether persons let go of what a finding on a settlement holds, or said that it is not paid.
pub(crate) fn is_decided(found: &Found, account: &Account, state: &mut dyn State) -> Result<bool, StorageError> {
    let finding = about(finding_id(account.id(), found.code));
    Ok(rulings::decided(finding, basis(found, account), state)?.is_some())
}

/// Keeps that a finding waits for persons, and tells readers what stands said about it.
pub(crate) fn wait<T>(
    found: &Found,
    account: &Account,
    state: &mut dyn State,
    outbox: &mut Outbox<T>,
) -> Result<(), StorageError> {
    let currency = account.settlement.currency;
    let at_risk = Money { amount: found.at_risk.round(currency), currency };
    let (settlement, partner) = (account.id(), account.partner.clone());
    let shown = Shown { code: found.code, basis: basis(found, account), settlement, partner, at_risk };
    wait_for(finding_id(account.id(), found.code), found.code, Some(shown), state, outbox)
}

/// The same for one that is over.
pub(crate) fn wait_no_more<T>(
    finding: Id,
    code: Code,
    state: &mut dyn State,
    outbox: &mut Outbox<T>,
) -> Result<(), StorageError> {
    wait_for(finding, code, None, state, outbox)
}

fn wait_for<T>(
    finding: Id,
    code: Code,
    is: Option<Shown>,
    state: &mut dyn State,
    outbox: &mut Outbox<T>,
) -> Result<(), StorageError> {
    if !code.waits_for_persons() {
        return Ok(());
    }
    let was = SHOWN.get(state, &finding.0)?;
    if was == is {
        return Ok(());
    }
    match &is {
        Some(shown) => SHOWN.put(state, &finding.0, shown)?,
        None => SHOWN.delete(state, &finding.0)?,
    }
    let mut said = [None, None];
    for (said, shown) in said.iter_mut().zip([was, is]) {
        if let Some(Shown { basis, .. }) = shown {
            *said = rulings::ruling(about(finding), basis, state)?;
        }
    }
    let [before, now] = said;
    rulings::show(before, now, outbox);
    Ok(())
}

fn about(finding: Id) -> About<'static> {
    About { finding, product: "" }
}

/// What a person is shown: what is due in all, whatever of it was ordered by then, and why it is held.
fn basis(found: &Found, account: &Account) -> Id {
    rulings::basis(&[found.code.as_str(), &account.accrued.to_string(), &found.basis])
}
