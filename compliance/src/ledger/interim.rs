//! What is paid while its period is still open: at the end of each month or quarter in it, once that is past its grace (domain
//! notes §4.2-a).
//!
//! What may be ordered by then is what the lines up to that end make due, under every limit, and never more than the whole
//! is due: a tier, threshold or bonus that they have not reached waits for the next end or for the freeze, which orders the
//! rest. From the first such end on the settlement meets orders and payments, so that it is settled at ticks, as frozen ones
//! are; but it stays open: its months move in place, and under the terms in force.

use contract::{Day, Id, Micros, Program};
use serde::{Deserialize, Serialize};
use stream::{StageError, State, StorageError};

use super::account::{Account, Phase, freeze_day};
use super::deductions::wake_others;
use super::due::due_without;
use super::periods::Turning;
use super::settle::{move_deadline, terms};
use super::tables::{ACCOUNTS, WAITING};

/// How far an open period is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Interim {
    /// The last day whose lines are paid for.
    pub until: Day,
    /// What they make due, as of the last control that settled it.
    pub due: Micros,
}

/// First day on which something of an open period is to be paid: sales up to the next end inside it, or all of it.
pub(crate) fn deadline(account: &Account, program: &Program) -> Day {
    let paid = account.interim.map(|interim| interim.until);
    let next = ends(account, program).find(|end| paid.is_none_or(|paid| *end > paid));
    freeze_day(program, next.unwrap_or(account.last_day))
}

/// What the lines up to a day make due, as if nothing were sold behind it: what comes back by then of a sale that is dated later is
/// taken off, as that sale is not paid for yet.
pub(crate) fn due_until(
    id: Id,
    account: &Account,
    program: &Program,
    until: Day,
    state: &mut dyn State,
) -> Result<Micros, StorageError> {
    due_without(id, account, program, state, &|line| line.day > until)
}

/// The ends inside an account's period, the last of the period left out.
fn ends(account: &Account, program: &Program) -> impl Iterator<Item = Day> {
    let (cadence, last) = (program.interim, account.last_day);
    let first = program.period.range(last).0;
    let next = move |from: Day| cadence.map(|cadence| cadence.range(from).1).filter(|end| *end < last);
    std::iter::successors(next(first), move |end| next(end.plus(1)))
}

impl Turning<'_> {
    /// Reaches the latest end inside an open period that is past its grace, and has what is due by then ordered at this tick.
    pub fn reach_interim(&self, id: Id, state: &mut dyn State) -> Result<(), StageError> {
        let mut account = ACCOUNTS.get(state, &id.0)?.expect("a listed settlement has an account");
        let program = &*terms(&account, self.references);
        let freezes = freeze_day(program, account.last_day) <= self.today;
        let reached = ends(&account, program).take_while(|end| freeze_day(program, *end) <= self.today).last();
        let Some(until) = reached.filter(|_| account.phase == Phase::Open && !freezes) else { return Ok(()) };
        account.interim = Some(Interim { until, due: due_until(id, &account, program, until, state)? });
        let next = deadline(&account, program);
        move_deadline(id, &mut account, next, state)?;
        wake_others(&account, self.now(), state)?;
        WAITING.put(state, &id.0, &())?;
        Ok(ACCOUNTS.put(state, &id.0, &account)?)
    }
}
