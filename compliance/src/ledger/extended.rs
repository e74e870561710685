//! OP-31: a version that was extended when a period had frozen.
//!
//! Its lines behind the day that was its last one at the freeze are rows that came since: what they bring waits until somebody
//! answers for it, as all does that a version brings which came behind the freeze. Where they lift what other lines earn, such as
//! by a tier, all that is not ordered waits.

use contract::{Day, Mechanism, Micros, Per, Program};
use stream::{State, StorageError};

use super::account::Account;
use super::due::due;
use super::now::Now;
use super::rows::brought_by;
use crate::programs::{counts_multiples, looks_back};

/// The last day as of the freeze and what later lines bring that were read under a later one, where there are any. An extension that
/// was taken back counts as well: what was read under it has its entitlement.
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
    if account.last_day <= last {
        return Ok(None);
    }
    let id = account.settlement.id();
    let due = due(id, account, program, state)?;
    let mut came = 0_i64;
    let brought = brought_by(id, account, program, &due, state, &mut |line| {
        let reaches = || now.references.as_of(line.came).program(name, version).is_some_and(|then| then.to > last);
        let is_behind = line.came >= since && line.origin.map_or(line.day, |(_, sold)| sold) > last && reaches();
        came += i64::from(is_behind);
        is_behind
    })?;
    Ok(match earns_alone(program) {
        true => (brought > Micros::ZERO).then_some((last, brought)),
        false => (came > 0).then_some((last, account.accrued)),
    })
}

/// Whether a line changes nothing of what others bring.
fn earns_alone(program: &Program) -> bool {
    let mechanism = &program.mechanism;
    !looks_back(mechanism)
        && counts_multiples(mechanism) != Some(Per::Period)
        && !matches!(mechanism, Mechanism::Fixed { .. })
        && program.threshold.is_none()
        && program.bonus.is_empty()
}
