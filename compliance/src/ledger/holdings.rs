//! What partners hold of programs that they draw on: points, or the money of a fund, for each period.

use std::sync::Arc;

use contract::{Day, Micros, Settlement};
use stream::{Blobs, StageError, State};

use super::account::{Account, Phase};
use super::draws::pot;
use super::due::due;
use super::rows::paying;
use super::settle::terms;
use crate::programs::drawn::Pot;

/// A period as it stands behind the last control.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    pub settlement: Settlement,
    /// First day on which it can be drawn on, and first day on which it cannot any more.
    pub opens: Day,
    pub expires: Day,
    /// Points or money; so are the next three.
    pub earned: Micros,
    pub drawn: Micros,
    /// What nobody had drawn when it closed.
    pub expired: Micros,
    pub left: Micros,
    /// What all of it is expected to cost.
    pub due: Micros,
    /// What was ordered for draws. Above what is due where goods came back that had earned it.
    pub authorised: Micros,
}

/// Hands over what is held in every period, in (program, version, beneficiary, period, currency) order.
///
/// `states` are the ledger's partitions. Lines that wait for their control are not in it.
pub fn holdings(
    states: &mut [&mut dyn State],
    blobs: &Arc<dyn Blobs>,
    emit: &mut dyn FnMut(Holding),
) -> Result<(), StageError> {
    for (_, (partition, id, account, references)) in paying(states, blobs)? {
        let program = &*terms(&account, &references);
        if !program.mechanism.is_drawn_on() {
            continue;
        }
        let state = &mut *states[partition];
        let due = due(id, &account, program, state)?;
        let pot = pot(id, &account, program, &due, state)?;
        emit(holding(&account, &pot, due.rounded(&account, program)));
    }
    Ok(())
}

fn holding(account: &Account, pot: &Pot, due: Micros) -> Holding {
    let earned = Micros(i64::try_from(pot.left).expect("a pot was made of a number"));
    let rest = (earned - account.drawn).max(Micros::ZERO);
    let closed = matches!(account.phase, Phase::Closed { .. });
    let (expired, left) = if closed { (rest, Micros::ZERO) } else { (Micros::ZERO, rest) };
    let Account { settlement, drawn, authorised, .. } = account;
    Holding {
        settlement: settlement.clone(),
        opens: pot.opens,
        expires: pot.expires,
        earned,
        drawn: *drawn,
        expired,
        left,
        due,
        authorised: *authorised,
    }
}
