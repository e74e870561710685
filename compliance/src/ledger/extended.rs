//! OP-31: a version that was extended when a period had frozen.
//!
//! Its lines behind the day that was its last one at the freeze are rows that came since: what they bring waits until somebody
//! answers for it, as all does that a version brings which came behind the freeze.

use contract::{Day, Micros, Program};
use stream::{State, StorageError};

use super::account::Account;
use super::due::due;
use super::now::Now;
use super::rows::brought_by;

/// The last day as of the freeze and what later lines bring, where there are any.
pub(crate) fn extended(
    account: &Account,
    program: &Program,
    now: Now<'_>,
    state: &mut dyn State,
) -> Result<Option<(Day, Micros)>, StorageError> {
    let (name, version) = (&account.settlement.program, account.settlement.version);
    let Some(since) = account.phase.frozen_since() else { return Ok(None) };
    let Some(last) = now.references.as_of(since).program(name, version).map(|program| program.to) else {
        return Ok(None);
    };
    let stands = now.known().program(name, version).is_some_and(|program| program.to <= last);
    if stands || account.last_day <= last {
        return Ok(None);
    }
    let id = account.settlement.id();
    let due = due(id, account, program, state)?;
    let brought = brought_by(id, account, program, &due, state, &|line| {
        line.came >= since && line.origin.map_or(line.day, |(_, sold)| sold) > last
    })?;
    Ok((brought > Micros::ZERO).then_some((last, brought)))
}
