//! What persons decide about findings that hold what is due for a settlement.
//!
//! What is held waits from tick to tick, and goes out with the first one that finds a release in force: for the very amount
//! that was shown.

use contract::{Code, Command, Day, Id, RulingState, Text};
use stream::{Outbox, State, StorageError, Table};

use super::account::Account;
use super::findings::{Found, finding_id};
use crate::references::Known;
use crate::rulings::{self, Case, RULINGS};

/// Finding that waits for persons → its code, a hash of what it rests on, and whose it is.
const SHOWN: Table<[u8; 16], (Code, Id, Text)> = Table::new(31, "findings that wait for persons");

/// Takes in what a person decided about a finding on a settlement of this partition; one about another is left alone.
///
/// What is refused leaves its audit record as well. What a decision is worth shows at the next tick.
pub(crate) fn decide<T>(
    command: &Command,
    (today, known): (Option<Day>, &Known),
    state: &mut dyn State,
    outbox: &mut Outbox<T>,
) -> Result<(), StorageError> {
    let Some((finding, _)) = rulings::of(command) else { return Ok(()) };
    let (shown, note) = (SHOWN.get(state, &finding.0)?, RULINGS.get(state, &finding.0)?);
    if shown.is_none() && note.is_none() {
        return Ok(());
    }
    let case = match shown {
        Some((code, basis, partner)) => {
            let own = !known.market().persons_called(&partner, &command.actor).is_empty();
            Case { stands: Some((code, basis)), own, ..Case::gone(finding) }
        }
        None => Case::gone(finding),
    };
    outbox.acting_for(&finding.to_string());
    let note = note.unwrap_or_default().under(format!("finding/{finding}"));
    rulings::hear(note, &case, command, today, state, outbox)?;
    Ok(())
}

/// Whether persons let go of what a finding on a settlement holds.
pub(crate) fn is_released(found: &Found, account: &Account, state: &mut dyn State) -> Result<bool, StorageError> {
    let finding = finding_id(account.id(), found.code);
    let said = rulings::state_of(finding, basis(found, account), state)?;
    Ok(said == Some(RulingState::Released))
}

/// Keeps that a finding waits for persons, and tells readers what stands said about it.
pub(crate) fn wait<T>(
    found: &Found,
    account: &Account,
    state: &mut dyn State,
    outbox: &mut Outbox<T>,
) -> Result<(), StorageError> {
    if !found.code.waits_for_persons() {
        return Ok(());
    }
    let (finding, basis) = (finding_id(account.id(), found.code), basis(found, account));
    let shown = (found.code, basis, account.partner.clone());
    if SHOWN.get(state, &finding.0)?.as_ref() == Some(&shown) {
        return Ok(());
    }
    SHOWN.put(state, &finding.0, &shown)?;
    rulings::show(finding, Some(basis), state, outbox)
}

/// The same for one that is over.
pub(crate) fn wait_no_more<T>(
    finding: Id,
    code: Code,
    state: &mut dyn State,
    outbox: &mut Outbox<T>,
) -> Result<(), StorageError> {
    if !code.waits_for_persons() {
        return Ok(());
    }
    SHOWN.delete(state, &finding.0)?;
    rulings::show(finding, None, state, outbox)
}

/// What a person is shown, and what was authorised by then: the same amount that comes again is another one.
fn basis(found: &Found, account: &Account) -> Id {
    let amount = found.at_risk.round(account.settlement.currency).to_string();
    rulings::basis(&[found.code.as_str(), &amount, &account.authorised.to_string(), &found.message])
}
