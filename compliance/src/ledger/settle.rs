//! What happens to a settlement at a control: dirty lists are added up anew, what is due is recomputed, the difference
//! is booked.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use contract::{AccrualEvent, Currency, Day, Id, Program, Settlement};
use stream::{Order, Outbox, StageError, State, StorageError};

use super::account::{Account, Phase};
use super::booking::Desk;
use super::budget::{Claimant, share_budget};
use super::due::{Due, due};
use super::lines::{list_lines, write_all};
use super::outliers::note;
use super::tables::{ACCOUNTS, BUDGETS, DEADLINES, DIRTY, LINES, REVIEW, SHARING, SUMS, WAITING, day_key};
use super::tally::Tally;
use super::{account::freeze_day, findings};
use crate::programs::terms::of_settlement;
use crate::programs::{Exact, Sums, line_benefit, looks_back, tiers, volume_retroactive::tier_reached};
use crate::references::{Known, References};

/// Keys that are read at a time.
pub(crate) const PAGE: usize = 1024;

/// The settling of what has changed, one settlement after the other.
pub(crate) struct Settling<'a> {
    pub control: u64,
    /// The open batch.
    pub batch: u64,
    /// Frozen and closed settlements are settled at ticks only.
    pub at_tick: bool,
    pub references: &'a References,
    /// The latest day, this control's included.
    pub today: Option<Day>,
}

/// A settlement on the desk.
struct Work {
    id: Id,
    account: Account,
    known: Arc<Known>,
    due: Due,
}

impl Work {
    fn program(&self) -> Cow<'_, Program> {
        terms(&self.account, &self.known)
    }
}

/// The program under whose terms an account is settled, as it holds for this settlement.
pub(crate) fn terms<'a>(account: &Account, known: &'a Known) -> Cow<'a, Program> {
    of_settlement(written(account, known), &account.settlement, &account.partner, account.last_day)
}

/// The same as its file says it for all.
pub(crate) fn written<'a>(account: &Account, known: &'a Known) -> &'a Program {
    let settlement = &account.settlement;
    known.program(&settlement.program, settlement.version).expect("an account's terms are kept")
}

impl Settling<'_> {
    /// Adds up the settlement's dirty lists anew and books what is due; with a budget only once that is shared.
    pub fn settle(
        &self,
        id: Id,
        dirty: &[Day],
        state: &mut dyn State,
        outbox: &mut Outbox<AccrualEvent>,
    ) -> Result<(), StageError> {
        let mut work = self.take_up(id, state)?;
        if self.waits(&work.account) {
            return Ok(());
        }
        for first in dirty {
            self.recount_list(&mut work, *first, state)?;
            DIRTY.delete(state, &(id.0, first.0))?;
        }
        if self.is_budgeted(&work) {
            let settlement = &work.account.settlement;
            SHARING.put(state, &(settlement.program.to_string(), settlement.version), &())?;
            return Ok(ACCOUNTS.put(state, &id.0, &work.account)?);
        }
        work.due = due(id, &work.account, &work.program(), state)?;
        self.close_the_books(work, state, outbox)
    }

    /// Whether a budget bound the settlement, or binds it by its own or by today's terms.
    fn is_budgeted(&self, work: &Work) -> bool {
        let Settlement { program, version, .. } = &work.account.settlement;
        let today = self.references.as_of(self.control).program(program, *version);
        let limited = |program: &Program| program.caps.budget.is_some();
        let bound = work.account.budget_left.is_some() || limited(&work.program()) || today.is_some_and(limited);
        bound && work.account.pays()
    }

    fn waits(&self, account: &Account) -> bool {
        !self.at_tick && account.phase != Phase::Open
    }

    fn take_up(&self, id: Id, state: &mut dyn State) -> Result<Work, StageError> {
        let mut account = ACCOUNTS.get(state, &id.0)?.expect("a settlement that is named has an account");
        if !self.waits(&account) {
            account.counted = self.control;
        }
        self.bring_up_to_date(id, &mut account, state)?;
        let known = self.references.as_of(account.terms).clone();
        Ok(Work { id, account, known, due: Due::default() })
    }

    /// Puts an open account under today's terms.
    fn bring_up_to_date(&self, id: Id, account: &mut Account, state: &mut dyn State) -> Result<(), StorageError> {
        if account.phase != Phase::Open {
            return Ok(());
        }
        let known = self.references.as_of(self.control);
        if let Some(program) = known.program(&account.settlement.program, account.settlement.version) {
            account.terms = self.control;
            if account.pays() {
                move_deadline(id, account, freeze_day(program, account.last_day), state)?;
            }
        }
        Ok(())
    }

    fn recount_list(&self, work: &mut Work, first: Day, state: &mut dyn State) -> Result<(), StorageError> {
        let key = (work.id.0, first.0);
        let standing = list_lines(state, work.id, first, self.control)?;
        if standing.untidy {
            match standing.lines.is_empty() {
                true => state.delete(LINES, &day_key(work.id, first))?,
                false => state.put(LINES, &day_key(work.id, first), write_all(&standing.lines))?,
            }
        }
        let before = SUMS.get(state, &key)?.unwrap_or_default();
        let after = Tally::of(&standing.lines, work.account.settlement.currency, self.references);
        match after.lines {
            0 => SUMS.delete(state, &key)?,
            _ => SUMS.put(state, &key, &after)?,
        }
        let month = work.account.month(first.first_of_month());
        month.tally = month.tally + after - before;
        Ok(())
    }

    /// Shares out a budget and settles whoever may be settled now; the others are looked at when the next tick comes.
    /// Returns how many settlements it is shared by.
    pub fn share_budget(
        &self,
        program: &str,
        version: u32,
        state: &mut dyn State,
        outbox: &mut Outbox<AccrualEvent>,
    ) -> Result<usize, StageError> {
        let mut by_currency: BTreeMap<Currency, Vec<Work>> = BTreeMap::new();
        let members = budget_members(program, version, state)?;
        let count = members.len();
        for id in members {
            let mut work = self.take_up(id, state)?;
            work.due = due(id, &work.account, &work.program(), state)?;
            by_currency.entry(work.account.settlement.currency).or_default().push(work);
        }
        for mut members in by_currency.into_values() {
            self.share_among(&mut members, state)?;
            for work in members {
                match self.waits(&work.account) {
                    true => REVIEW.put(state, &work.id.0, &())?,
                    false => self.close_the_books(work, state, outbox)?,
                }
            }
        }
        Ok(count)
    }

    /// A budget holds for each currency by itself. The newest terms of the version say how large it is.
    fn share_among(&self, members: &mut [Work], state: &mut dyn State) -> Result<(), StorageError> {
        let newest = members.iter().max_by_key(|work| work.account.terms).expect("a budget has members");
        let left = match newest.program().caps.budget {
            Some(budget) => {
                let programs: Vec<Cow<'_, Program>> = members.iter().map(Work::program).collect();
                let terms = members.iter().zip(&programs);
                let claimants: Vec<Claimant<'_>> = terms
                    .map(|(Work { id, account, due, .. }, program)| Claimant { id: *id, account, program, due })
                    .collect();
                share_budget(budget, &claimants, state)?
            }
            None => vec![None; members.len()],
        };
        for (work, left) in members.iter_mut().zip(left) {
            work.account.budget_left = left;
        }
        Ok(())
    }

    fn close_the_books(
        &self,
        work: Work,
        state: &mut dyn State,
        outbox: &mut Outbox<AccrualEvent>,
    ) -> Result<(), StageError> {
        let Work { id, mut account, known, due } = work;
        let program = &*terms(&account, &known);
        outbox.acting_in(0, &id.to_string());
        if account.pays() {
            let functional_currency = known.reference.functional_currency;
            let desk = Desk { batch: self.batch, today: self.today, functional_currency, program };
            track_tier(&mut account, program, self.batch);
            for movement in desk.book(&mut account, &due) {
                let event = AccrualEvent::Moved(Box::new(movement));
                outbox.send(&account.settlement.beneficiary, event);
            }
            wait_for_tick(id, &account, program, state)?;
            note(id, &mut account, program, state)?;
        }
        let found = findings::look(&account, program, &due, known.reference.functional_currency.is_some());
        findings::publish(id, &mut account, found, state, outbox)?;
        ACCOUNTS.put(state, &id.0, &account)?;
        Ok(())
    }
}

/// What a tier move alone changes about amounts that ticks had sealed before it.
fn track_tier(account: &mut Account, program: &Program, batch: u64) {
    let mechanism = &program.mechanism;
    if !looks_back(mechanism) {
        return;
    }
    let net = account.tally().net;
    let now = tier_reached(tiers(mechanism), net.measure(mechanism.measure())) as u32;
    if account.tier_batch != batch {
        (account.tier_sealed, account.tier_batch) = (account.tier, batch);
    }
    account.tier = account.tier_sealed;
    let track = &mut account.tier;
    let sealed_when = |reached: Sums| line_benefit(mechanism, Sums::default(), track.net, reached);
    if track.first == 0 {
        track.first = now;
    } else if track.now != now {
        track.moved += sealed_when(net) - sealed_when(track.net);
    }
    if now == track.first {
        track.moved = Exact::ZERO;
    }
    track.now = now;
    track.net = net;
}

/// A frozen settlement with more due than authorised, or closed with anything new, is looked at when the next tick comes.
fn wait_for_tick(id: Id, account: &Account, program: &Program, state: &mut dyn State) -> Result<(), StorageError> {
    let frozen = account.phase != Phase::Open;
    let owed = account.accrued > account.authorised;
    match frozen && owed && (program.auto_authorise || matches!(account.phase, Phase::Closed { .. })) {
        true => WAITING.put(state, &id.0, &()),
        false if frozen => WAITING.delete(state, &id.0),
        false => Ok(()),
    }
}

/// Enters a new deadline instead of the old one.
pub(crate) fn move_deadline(
    id: Id,
    account: &mut Account,
    deadline: Day,
    state: &mut dyn State,
) -> Result<(), StorageError> {
    if account.deadline != deadline {
        DEADLINES.delete(state, &(account.deadline.0, id.0))?;
        DEADLINES.put(state, &(deadline.0, id.0), &())?;
        account.deadline = deadline;
    }
    Ok(())
}

fn budget_members(program: &str, version: u32, state: &mut dyn State) -> Result<Vec<Id>, StorageError> {
    let mut members = Vec::new();
    let mut from = (program.to_string(), version, [0; 16]);
    let to = (program.to_string(), version + 1, [0; 16]);
    loop {
        let page = BUDGETS.range(state, &from, &to, Order::Up, PAGE)?;
        members.extend(page.iter().map(|((_, _, id), ())| Id(*id)));
        let Some(((_, _, last), ())) = page.last().filter(|_| page.len() == PAGE) else { return Ok(members) };
        let Some(next) = u128::from_be_bytes(*last).checked_add(1) else { return Ok(members) };
        from.2 = next.to_be_bytes();
    }
}
