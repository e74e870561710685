//! What happens at a control: dirty lists are added up anew, what is due is recomputed, the difference is booked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use contract::{AccrualEvent, Currency, Day, Id, Mechanism, Program, Text};
use stream::{Order, Outbox, StageError, State, StorageError};

use super::account::{Account, Phase};
use super::booking::Desk;
use super::budget::{Claimant, share_budget};
use super::due::{Due, due};
use super::lines::{list_lines, write_all};
use super::tables::{ACCOUNTS, BUDGETS, DEADLINES, DIRTY, LINES, REVIEW, SUMS, WAITING, day_key};
use super::tally::Tally;
use super::{account::freeze_day, findings};
use crate::programs::{Exact, rate_base, volume_retroactive::tier_reached};
use crate::references::{Known, References};

/// Keys that are read at a time.
pub(crate) const PAGE: usize = 1024;

/// Behind all settlements and days.
const END: ([u8; 16], i32) = ([0xff; 16], i32::MAX);

/// One settling of everything that has changed.
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
    fn program(&self) -> &Program {
        terms(&self.account, &self.known)
    }

    fn claimant(&self) -> Claimant<'_> {
        Claimant { id: self.id, account: &self.account, program: self.program(), due: &self.due }
    }
}

/// The program under whose terms an account is settled.
pub(crate) fn terms<'a>(account: &Account, known: &'a Known) -> &'a Program {
    let settlement = &account.settlement;
    known.program(&settlement.program, settlement.version).expect("an account's terms are kept")
}

impl Settling<'_> {
    /// Settles what is dirty, and `changed`: settlements whose terms have changed.
    pub fn run(
        &self,
        mut changed: BTreeSet<Id>,
        state: &mut dyn State,
        outbox: &mut Outbox<AccrualEvent>,
    ) -> Result<(), StageError> {
        if self.at_tick {
            changed.extend(take_reviews(state)?);
        }
        let mut works = self.recount(changed, state)?;
        for work in works.values_mut() {
            work.due = due(work.id, &work.account, terms(&work.account, &work.known), state)?;
        }
        self.share_budgets(&mut works, state)?;
        let mut works: Vec<Work> = self.without_waiting(works, state)?;
        works.sort_by(|a, b| (&a.account.settlement, a.id).cmp(&(&b.account.settlement, b.id)));
        for work in works {
            self.close_the_books(work, state, outbox)?;
        }
        Ok(())
    }

    /// Adds up every dirty list anew and returns the settlements that are touched.
    fn recount(&self, changed: BTreeSet<Id>, state: &mut dyn State) -> Result<BTreeMap<Id, Work>, StageError> {
        let mut works = BTreeMap::new();
        let mut next = Some(([0; 16], i32::MIN));
        while let Some(from) = next {
            let page = DIRTY.range(state, &from, &END, Order::Up, PAGE)?;
            next = page.last().filter(|_| page.len() == PAGE).map(|((id, day), ())| (*id, day + 1));
            for (key, ()) in page {
                let (id, first) = (Id(key.0), Day(key.1));
                self.add_work(id, &mut works, state)?;
                let work = works.get_mut(&id).expect("added above");
                if self.waits(&work.account) {
                    continue;
                }
                self.recount_list(work, first, state)?;
                DIRTY.delete(state, &key)?;
            }
        }
        for id in changed {
            self.add_work(id, &mut works, state)?;
        }
        works.retain(|_, work| !self.waits(&work.account));
        Ok(works)
    }

    fn waits(&self, account: &Account) -> bool {
        !self.at_tick && account.phase != Phase::Open
    }

    /// Leaves out what came on the desk with its budget only and waits for the next tick.
    fn without_waiting(&self, works: BTreeMap<Id, Work>, state: &mut dyn State) -> Result<Vec<Work>, StorageError> {
        let (waiting, ready): (Vec<Work>, Vec<Work>) = works.into_values().partition(|work| self.waits(&work.account));
        for work in waiting {
            REVIEW.put(state, &work.id.0, &())?;
        }
        Ok(ready)
    }

    fn add_work(&self, id: Id, works: &mut BTreeMap<Id, Work>, state: &mut dyn State) -> Result<(), StageError> {
        if works.contains_key(&id) {
            return Ok(());
        }
        let mut account = ACCOUNTS.get(state, &id.0)?.expect("a dirty settlement has an account");
        if !self.waits(&account) {
            account.counted = self.control;
        }
        self.bring_up_to_date(id, &mut account, state)?;
        let known = self.references.as_of(account.terms).clone();
        works.insert(id, Work { id, account, known, due: Due::default() });
        Ok(())
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

    /// Shares out the budgets of all touched programs; settlements whose share moves come on the desk as well.
    fn share_budgets(&self, works: &mut BTreeMap<Id, Work>, state: &mut dyn State) -> Result<(), StageError> {
        let budgeted = works.values().filter(|work| {
            let bound = work.account.budget_left.is_some() || work.program().caps.budget.is_some();
            bound && work.account.pays()
        });
        let programs: BTreeSet<(Text, u32)> =
            budgeted.map(|w| (w.account.settlement.program.clone(), w.account.settlement.version)).collect();
        for (program, version) in programs {
            self.share_budget(&program, version, works, state)?;
        }
        Ok(())
    }

    fn share_budget(
        &self,
        program: &Text,
        version: u32,
        works: &mut BTreeMap<Id, Work>,
        state: &mut dyn State,
    ) -> Result<(), StageError> {
        let mut by_currency: BTreeMap<Currency, Vec<Work>> = BTreeMap::new();
        for id in budget_members(program, version, state)? {
            let work = match works.remove(&id) {
                Some(work) => work,
                None => self.look_up(id, state)?,
            };
            by_currency.entry(work.account.settlement.currency).or_default().push(work);
        }
        for mut members in by_currency.into_values() {
            self.share_among(&mut members, state)?;
            works.extend(members.into_iter().map(|work| (work.id, work)));
        }
        Ok(())
    }

    fn look_up(&self, id: Id, state: &mut dyn State) -> Result<Work, StageError> {
        let mut one = BTreeMap::new();
        self.add_work(id, &mut one, state)?;
        let mut work = one.remove(&id).expect("added above");
        work.due = due(id, &work.account, terms(&work.account, &work.known), state)?;
        Ok(work)
    }

    /// A budget holds for each currency by itself. The newest terms of the version say how large it is.
    fn share_among(&self, members: &mut [Work], state: &mut dyn State) -> Result<(), StorageError> {
        let newest = members.iter().max_by_key(|work| work.account.terms).expect("a budget has members");
        let left = match newest.program().caps.budget {
            Some(budget) => {
                let claimants: Vec<Claimant<'_>> = members.iter().map(Work::claimant).collect();
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
        let program = terms(&account, &known);
        if account.pays() {
            let functional_currency = known.reference.functional_currency;
            let desk = Desk { batch: self.batch, today: self.today, functional_currency, program };
            track_tier(&mut account, program, self.batch);
            outbox.acting_in(0, &id.to_string());
            for movement in desk.book(&mut account, &due) {
                let event = AccrualEvent::Moved(Box::new(movement));
                outbox.send(&account.settlement.beneficiary, event);
            }
            wait_for_tick(id, &account, program, state)?;
        }
        let found = findings::look(&account, program, &due, known.reference.functional_currency.is_some());
        findings::publish(id, &mut account, found, state, outbox)?;
        ACCOUNTS.put(state, &id.0, &account)?;
        Ok(())
    }
}

/// What a tier move alone changes about amounts that ticks had sealed before it.
fn track_tier(account: &mut Account, program: &Program, batch: u64) {
    let Mechanism::VolumeRetroactive { measure, tiers, .. } = &program.mechanism else { return };
    let net = account.tally().net;
    let now = tier_reached(tiers, net.measure(*measure)) as u32;
    let rate = |tier: u32| tier.checked_sub(1).map_or(contract::Micros::ZERO, |i| tiers[i as usize].rate);
    if account.tier_batch != batch {
        (account.tier_sealed, account.tier_batch) = (account.tier, batch);
    }
    account.tier = account.tier_sealed;
    let track = &mut account.tier;
    if track.first == 0 {
        track.first = now;
    } else if track.now != now {
        track.moved += Exact::product(rate(now) - rate(track.now), track.base);
    }
    if now == track.first {
        track.moved = Exact::ZERO;
    }
    track.now = now;
    track.base = net.base(rate_base(&program.mechanism));
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

/// Settlements whose budget was shared anew since the last tick.
fn take_reviews(state: &mut dyn State) -> Result<Vec<Id>, StorageError> {
    let reviews = REVIEW.first(state, usize::MAX)?;
    for (id, ()) in &reviews {
        REVIEW.delete(state, id)?;
    }
    Ok(reviews.into_iter().map(|(id, ())| Id(id)).collect())
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

fn budget_members(program: &Text, version: u32, state: &mut dyn State) -> Result<Vec<Id>, StorageError> {
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
