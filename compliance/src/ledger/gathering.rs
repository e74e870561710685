//! What is too little to be paid and gathers over periods (`minimum-payout: { below: carry }`, OP-35).
//!
//! It gathers for a beneficiary under a program, in one currency. What may be ordered of all its periods is ordered together, with the
//! first tick at which it comes to the minimum: that of the newest version of which something has gathered. What came back of what was
//! ordered before is taken off it, once: so much is set off against what goes out. The close of a period leaves what has gathered where
//! it is; with the close of the program's last period it is let go.

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
    /// So much is paid: what the newest version says of which something has gathered.
    pub minimum: Micros,
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
    /// What came back of what was ordered.
    above: Micros,
}

impl Member {
    /// What of that was not taken off before.
    fn back(&self) -> Micros {
        (self.above - self.account.set_off).max(Micros::ZERO)
    }
}

/// What all settlements of a beneficiary come to together.
#[derive(Clone, Copy)]
struct Together {
    all: Micros,
    minimum: Micros,
}

impl Together {
    fn is_enough(self) -> bool {
        self.all >= self.minimum
    }
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
        let members = self.members(purse, state)?;
        let together = self.together(&members);
        let count = members.len();
        for member in members {
            outbox.acting_in(GATHERED, &member.id.to_string());
            let is_woken = woken.contains(&member.id);
            self.order_or_keep(member, is_woken, together, state, outbox)?;
        }
        Ok(count)
    }

    fn members(&self, purse: &Purse, state: &mut dyn State) -> Result<Vec<Member>, StorageError> {
        let (program, beneficiary, _) = purse;
        let mut members = Vec::new();
        for id in Sharing::Beneficiary(whose(beneficiary)).members(program, state)? {
            let account = ACCOUNTS.get(state, &id.0)?.expect("a settlement that is entered has an account");
            let program = &*terms(&account, self.references);
            if self::purse(&account) != *purse || !account.meets_orders() || !gathers(program) {
                continue;
            }
            let free = free(&account, program, self.now(), state)?;
            let is_decided = account.phase != Phase::Open || account.orders > 0;
            let above = account.authorised.max(Micros::ZERO) - account.accrued;
            let above = if is_decided { above.max(Micros::ZERO) } else { Micros::ZERO };
            members.push(Member { id, account, free, above });
        }
        Ok(members)
    }

    /// One minimum counts for all: that of the newest version of which something is free. `None` where nothing is.
    fn together(&self, members: &[Member]) -> Option<Together> {
        let free = members.iter().filter(|member| member.free > Micros::ZERO);
        let Member { account, .. } =
            free.max_by_key(|member| (member.account.settlement.version, member.account.terms))?;
        let minimum = terms(account, self.references).minimum_payout?;
        let all = members.iter().map(|member| member.free - member.back()).sum();
        Some(Together { all, minimum })
    }

    /// Orders what is free of a settlement, or has it wait, or lets it go.
    fn order_or_keep(
        &self,
        Member { id, mut account, free, above }: Member,
        is_woken: bool,
        together: Option<Together>,
        state: &mut dyn State,
        outbox: &mut Outbox<AccrualEvent>,
    ) -> Result<(), StageError> {
        let stood = account.clone();
        let account = &mut account;
        let program = &*terms(account, self.references);
        let held = account.orderable(program) - account.authorised - free;
        let is_ordered = together.is_some_and(Together::is_enough);
        account.set_off = if is_ordered { above } else { account.set_off.min(above) };
        let pays = is_ordered && free > Micros::ZERO;
        if pays {
            let order = Issuing::new(account, self.batch, self.now()).order(account, program, free, None);
            claims::publish_auto(account, order.claim, free, outbox);
            outbox.send(&account.settlement.beneficiary, AccrualEvent::Authorised(Box::new(order)));
            claims::touch(account, state)?;
        }
        let until = gathers_until(account, program, self.references.as_of(self.control));
        let is_closed = matches!(account.phase, Phase::Closed { .. });
        let is_let_go = is_closed && until <= self.today;
        let waiting = together.filter(|together| free > Micros::ZERO && !together.is_enough());
        account.gathered =
            waiting.map(|Together { all, minimum }| Gathered { own: free, all, minimum, until, is_let_go });
        if is_closed && (waiting.is_none() || is_let_go) {
            let is_left = account.accrued > account.authorised || account.accrued < Micros::ZERO;
            let was_kept = stood.gathered.is_some_and(|before| !before.is_let_go);
            if is_left && (is_woken || was_kept) {
                self.release(id, account, program, state, outbox)?;
            }
        } else {
            if held > Micros::ZERO {
                WAITING.put(state, &id.0, &())?;
            }
            if is_closed {
                // What was let go is taken up again.
                account.closing = None;
                move_deadline(id, account, until, state)?;
            }
        }
        if is_woken || pays || stood.gathered != account.gathered {
            self.tell(id, account, state, outbox)?;
        }
        if *account == stood { Ok(()) } else { Ok(ACCOUNTS.put(state, &id.0, account)?) }
    }
}
