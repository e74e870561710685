//! What is too little to be paid and gathers over periods (`minimum-payout: { below: carry }`, OP-35).
//!
//! It gathers for a beneficiary under a program, in one currency. What may be ordered of all its periods is ordered together, with the
//! first tick at which it comes to the minimum. What came back of what was ordered before is taken off it, once: so much is set off
//! against what goes out. The close of a period leaves what has gathered where it is; with the close of the program's last period it is
//! let go.

use std::collections::BTreeSet;

use contract::{AccrualEvent, BelowMinimum, Day, Id, Micros, Program};
use serde::{Deserialize, Serialize};
use stream::{Outbox, StageError, State, StorageError};

use super::account::{Account, Phase, close_day};
use super::claims;
use super::holds::{holding, left};
use super::now::Now;
use super::periods::{GATHERED, Issuing, Turning};
use super::settle::{move_deadline, terms};
use super::sharing::{Sharing, whose};
use super::tables::{ACCOUNTS, GATHERING, WAITING};
use crate::references::Known;

/// What of a settlement has gathered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Gathered {
    pub own: Micros,
    /// With all others, less what came back of them.
    pub all: Micros,
    /// The first day on which it is let go.
    pub until: Day,
    /// It was.
    pub is_let_go: bool,
}

/// Program, beneficiary, currency.
pub(crate) type Purse = (String, String, String);

/// Whether what is too little to be paid gathers; only what is paid by itself does.
pub(crate) fn gathers(program: &Program) -> bool {
    let carries = program.minimum_payout.is_some() && program.below_minimum == BelowMinimum::Carry;
    carries && program.auto_authorise
}

/// Has what gathers with a settlement looked at in the tick under way.
pub(crate) fn mark(id: Id, account: &Account, state: &mut dyn State) -> Result<(), StorageError> {
    if !account.pays() {
        return Ok(());
    }
    let (program, beneficiary, currency) = purse(account);
    GATHERING.put(state, &(program, beneficiary, currency, id.0), &())
}

fn purse(account: &Account) -> Purse {
    let settlement = &account.settlement;
    (settlement.program.to_string(), settlement.beneficiary.to_string(), settlement.currency.to_string())
}

/// What may be ordered of a settlement: what is due by now, was not ordered before, and is not held.
pub(crate) fn free(
    account: &Account,
    program: &Program,
    now: Now<'_>,
    state: &mut dyn State,
) -> Result<Micros, StorageError> {
    let owed = account.orderable(program) - account.authorised;
    if owed <= Micros::ZERO {
        return Ok(Micros::ZERO);
    }
    Ok(left(owed, &holding(account, program, now, state)?, account).max(Micros::ZERO))
}

/// The close of the program's last period, as far as its versions are known: the first day on which nothing gathers any more.
pub(crate) fn gathers_until(account: &Account, program: &Program, known: &Known) -> Day {
    let last = |version: &Program| close_day(version, version.period.range(version.to).1);
    let versions = known.versions(&account.settlement.program).iter();
    versions.map(last).fold(close_day(program, account.last_day), Day::max)
}

/// A settlement of which something may gather.
struct Member {
    id: Id,
    account: Account,
    free: Micros,
    /// What came back of what was ordered, and was not taken off before.
    back: Micros,
}

impl Turning<'_> {
    /// Orders what has gathered for a beneficiary, if that comes to the minimum; what has not when the program is over is let go. Returns
    /// how many settlements it looked at.
    pub fn gather(
        &self,
        purse: &Purse,
        woken: &BTreeSet<Id>,
        state: &mut dyn State,
        outbox: &mut Outbox<AccrualEvent>,
    ) -> Result<usize, StageError> {
        let mut members = self.members(purse, state)?;
        let all = members.iter().map(|member| member.free - member.back).sum();
        let is_enough = |member: &Member| {
            let minimum = terms(&member.account, self.references).minimum_payout;
            member.free > Micros::ZERO && minimum.is_some_and(|minimum| all >= minimum)
        };
        let has_ordered = members.iter().any(is_enough);
        let count = members.len();
        for member in &mut members {
            if has_ordered {
                member.account.set_off += member.back;
            }
            let pays = is_enough(member);
            outbox.acting_in(GATHERED, &member.id.to_string());
            let is_woken = woken.contains(&member.id);
            self.order_or_keep(member, (pays, is_woken), all, state, outbox)?;
        }
        Ok(count)
    }

    fn members(&self, purse: &Purse, state: &mut dyn State) -> Result<Vec<Member>, StorageError> {
        let (program, beneficiary, _) = purse;
        let mut members = Vec::new();
        for id in Sharing::Beneficiary(whose(beneficiary)).members(program, state)? {
            let mut account = ACCOUNTS.get(state, &id.0)?.expect("a settlement that is entered has an account");
            let program = &*terms(&account, self.references);
            if self::purse(&account) != *purse || !account.meets_orders() || !gathers(program) {
                continue;
            }
            let free = free(&account, program, self.now(), state)?;
            let is_decided = account.phase != Phase::Open || account.orders > 0;
            let above = account.authorised.max(Micros::ZERO) - account.accrued;
            let above = if is_decided { above.max(Micros::ZERO) } else { Micros::ZERO };
            account.set_off = account.set_off.min(above);
            let back = above - account.set_off;
            members.push(Member { id, account, free, back });
        }
        Ok(members)
    }

    /// Orders what is free of a settlement, or has it wait, or lets it go.
    fn order_or_keep(
        &self,
        member: &mut Member,
        (pays, is_woken): (bool, bool),
        all: Micros,
        state: &mut dyn State,
        outbox: &mut Outbox<AccrualEvent>,
    ) -> Result<(), StageError> {
        let Member { id, account, free, .. } = member;
        let (id, free) = (*id, *free);
        let program = &*terms(account, self.references);
        let held = account.orderable(program) - account.authorised - free;
        if pays {
            let order = Issuing::new(account, self.batch, self.now()).order(account, program, free, None);
            claims::publish_auto(account, order.claim, free, outbox);
            outbox.send(&account.settlement.beneficiary, AccrualEvent::Authorised(Box::new(order)));
            claims::touch(account, state)?;
        }
        let until = gathers_until(account, program, self.references.as_of(self.control));
        let (waits, is_closed) = (free > Micros::ZERO && !pays, matches!(account.phase, Phase::Closed { .. }));
        let is_let_go = is_closed && until <= self.today;
        let gathered = waits.then_some(Gathered { own: free, all, until, is_let_go });
        let before = std::mem::replace(&mut account.gathered, gathered);
        let was_kept = before.is_some_and(|before| !before.is_let_go);
        if is_closed && (!waits || is_let_go) {
            let is_left = account.accrued > account.authorised || account.accrued < Micros::ZERO;
            if is_left && (is_woken || was_kept) {
                self.release(id, account, program, state, outbox)?;
            }
        } else {
            if held > Micros::ZERO {
                WAITING.put(state, &id.0, &())?;
            }
            if is_closed {
                move_deadline(id, account, until, state)?;
            }
        }
        if is_woken || pays || before != gathered {
            self.tell(id, account, state, outbox)?;
        }
        Ok(ACCOUNTS.put(state, &id.0, account)?)
    }
}
