//! The settling of a control as a job: kept in the state, advanced in slices.
//!
//! A slice ends behind the settlement that fills it, so that between two slices every settlement is either as the last
//! control left it or done, but for budgets that are still to be shared. What all settlements of one budget are due is
//! looked at together, in one slice.

use std::collections::{BTreeMap, BTreeSet};

use contract::{AccrualEvent, Conversion, Day, Id, Text};
use serde::{Deserialize, Serialize};
use stream::{Order, Outbox, Progress, Shard, StageError, State, StorageError};

use super::account::{Account, Phase};
use super::claims::{self, CLAIMED, EXPIRIES, Judging};
use super::draws;
use super::estimates::{Estimating, mark_lapsed};
use super::gathering::{gathers_until, mark};
use super::holds::has_news;
use super::layers::Layering;
use super::lowered::lowered;
use super::now::Now;
use super::periods::{Turning, tell};
use super::protection::{Protecting, says_the_same};
use super::rules::deducted::accepted;
use super::rules::outlier::judge;
use super::settle::{PAGE, Settling, is_figured_anew, written};
use super::sharing::{Sharing, SharingKey, budget_of_program};
use super::tables::{
    ACCOUNTS, DEADLINES, DIRTY, EXPECTED, GATHERING, JOB, REVIEW, SHARING, STALE, STOCKS, SUMS, SUSPECTS, UNBOOKED,
    UNLAYERED, WAITING,
};
use crate::clock::Clock;
use crate::programs::special_price::of_partner;
use crate::references::{Known, References};

/// What is left of a control.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Job {
    pub control: u64,
    /// The open batch.
    pub batch: u64,
    /// The day that a tick names.
    pub tick: Option<Day>,
    /// The latest day, this control's included.
    pub today: Option<Day>,
    pub step: Step,
}

/// What is walked through now, and the key with which it goes on. In this order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Step {
    /// Open settlements whose program says something else now.
    Terms([u8; 16]),
    /// Stocks of which sales, or a table, have changed. At a configuration they wait for the next control, so that their lines
    /// come under it.
    Stocks([u8; 16]),
    /// At a tick: stocks of which lots have lapsed.
    Lapses,
    /// At a tick: stocks of which sales, a table or the day say something else about their lots.
    Lots([u8; 16]),
    /// At a tick: settlements whose estimates are other ones.
    Estimates([u8; 16]),
    /// Stocks of which sales, or a table, say something else about where their cost layers begin.
    Layers([u8; 16]),
    Dirty([u8; 16]),
    /// At a tick: frozen settlements whose budget was shared anew.
    Reviews([u8; 16]),
    Budgets(SharingKey),
    /// At a tick: settlements that accrue by what is expected of them.
    Expected([u8; 16]),
    /// At a tick: open periods that are paid up to some end inside them.
    Interims(i32, [u8; 16]),
    /// At a tick: settlements with more due by now than ordered.
    Waiting([u8; 16]),
    /// At a tick: periods that are past their day.
    Deadlines(i32, [u8; 16]),
    /// At a tick: beneficiaries of whom something gathers over periods, and has changed.
    Gathering,
    /// At a tick: histories of which a frozen period has changed.
    Outliers([u8; 16]),
    /// At a tick: claims for periods without a sale that are past their grace, for which the day of an account has come, or that nobody
    /// has decided about in time.
    Expiries,
    /// At a tick: claimed groups of which something has changed.
    Claims([u8; 16]),
    Done,
}

const FIRST: [u8; 16] = [0; 16];
const LAST: [u8; 16] = [0xff; 16];

/// The stage's caches that a job works with.
pub(crate) struct Desk<'a> {
    pub references: &'a References,
    pub shard: Shard,
    pub clock: &'a mut Clock,
    /// Keys that a slice looks at.
    pub size: usize,
}

impl Job {
    /// One slice.
    pub fn advance(
        &mut self,
        desk: &mut Desk<'_>,
        state: &mut dyn State,
        outbox: &mut Outbox<AccrualEvent>,
    ) -> Result<Progress, StageError> {
        let mut left = desk.size;
        while left > 0 && self.step != Step::Done {
            left = left.saturating_sub(self.part(left.min(PAGE), desk, state, outbox)?.max(1));
        }
        if self.step == Step::Done {
            JOB.delete(state, &0)?;
            return Ok(Progress::Done);
        }
        JOB.put(state, &0, self)?;
        Ok(Progress::More)
    }

    /// Looks at no more than `limit` keys, or, of stocks with layers, days; returns how many it were.
    fn part(
        &mut self,
        limit: usize,
        desk: &mut Desk<'_>,
        state: &mut dyn State,
        outbox: &mut Outbox<AccrualEvent>,
    ) -> Result<usize, StageError> {
        match self.step.clone() {
            Step::Terms(from) => self.terms(from, limit, desk, state, outbox),
            Step::Stocks(from) => self.stocks(from, limit, desk, state),
            Step::Lapses => self.lapses(limit, state),
            Step::Lots(from) => self.lots(from, limit, desk, state),
            Step::Estimates(from) => self.estimates(from, limit, desk, state, outbox),
            Step::Layers(from) => self.layers(from, limit, desk, state),
            Step::Dirty(from) => self.dirty(from, limit, desk, state, outbox),
            Step::Reviews(from) => self.reviews(from, limit, desk, state, outbox),
            Step::Budgets(from) => self.budget(&from, desk, state, outbox),
            Step::Expected(from) => self.expected(from, limit, desk, state, outbox),
            Step::Interims(day, id) => self.interims((day, id), limit, desk, state),
            Step::Waiting(from) => self.waiting(from, limit, desk, state, outbox),
            Step::Deadlines(day, id) => self.deadlines((day, id), limit, desk, state, outbox),
            Step::Gathering => self.gathering(desk, state, outbox),
            Step::Outliers(from) => self.outliers(from, limit, desk, state, outbox),
            Step::Expiries => self.expiries(limit, state),
            Step::Claims(from) => self.claims(from, limit, desk, state, outbox),
            Step::Done => Ok(0),
        }
    }

    fn settling<'a>(&self, desk: &Desk<'a>) -> Settling<'a> {
        let Job { control, batch, today, .. } = *self;
        Settling { control, batch, at_tick: self.tick.is_some(), references: desk.references, today }
    }

    fn now<'a>(&self, desk: &Desk<'a>) -> Now<'a> {
        Now { control: self.control, today: self.today, references: desk.references }
    }

    fn turning<'a>(&self, desk: &Desk<'a>) -> Turning<'a> {
        let Job { control, batch, .. } = *self;
        let today = self.today.expect("a tick names a day");
        Turning { control, batch, today, before: desk.clock.as_of(control - 1), references: desk.references }
    }

    fn terms(
        &mut self,
        from: [u8; 16],
        limit: usize,
        desk: &Desk<'_>,
        state: &mut dyn State,
        outbox: &mut Outbox<AccrualEvent>,
    ) -> Result<usize, StageError> {
        let page = ACCOUNTS.range(state, &from, &LAST, Order::Up, limit)?;
        let next = behind(&page, limit);
        let count = page.len();
        let mut change = Change::at(self.control, desk.references);
        for (id, mut account) in page {
            if has_other_terms(&account, &mut change, desk.references) {
                let is_recounted = is_converted_otherwise(&account, &change, desk.references)
                    || gains_rates(&account, &change, desk.references);
                let dirty = match is_recounted {
                    true => all_lists(id, state)?,
                    false => dirty_lists(id, state)?,
                };
                if account.meets_orders() {
                    // With the next tick.
                    dirty.iter().try_for_each(|list| DIRTY.put(state, &(id, list.0), &()))?;
                    REVIEW.put(state, &id, &())?;
                } else {
                    self.settling(desk).settle(Id(id), &dirty, state, outbox)?;
                }
                continue;
            }
            if let Some(gathered) = account.gathered {
                let until = gathers_until(&account, written(&account, desk.references), change.now);
                if until != gathered.until {
                    // It is let go later, or sooner: with the next tick.
                    mark(Id(id), &account, state)?;
                }
            }
            if account.phase != Phase::Open {
                value_late(Id(id), &account, &change, desk.references, state)?;
            }
            if has_another_budget(&account, &change, desk.references) {
                // Of frozen ones too, as below.
                SHARING.put(state, &Sharing::Program.key(&account.settlement.program), &())?;
            }
            if is_rebalanced(&account, &mut change, desk.references) {
                // Frozen ones share too: what was amended is theirs with the next tick.
                let sharing = self.settling(desk).shares_with(&account, state)?;
                let sharing = sharing.expect("special prices are shared");
                SHARING.put(state, &sharing.key(&account.settlement.program), &())?;
            }
            if is_figured_anew(&account, desk.references.as_of(self.control), desk.references) {
                // With the next tick, as above.
                SHARING.put(state, &Sharing::Program.key(&account.settlement.program), &())?;
            }
            let has_news = has_news(&account, self.now(desk));
            if has_news || change.is_heard_by_claims_on(&account, desk.references) {
                claims::touch(&account, state)?;
            }
            if has_news || is_revalued(&account, &change, desk.references) {
                tell(Id(id), &mut account, self.now(desk), state, outbox)?;
                ACCOUNTS.put(state, &id, &account)?;
                if !accepted(&account, self.now(desk), state)?.is_empty() {
                    // They are settled with the next tick.
                    WAITING.put(state, &id, &())?;
                }
            }
        }
        self.step = next.map_or(Step::Layers(FIRST), Step::Terms);
        Ok(count)
    }

    fn stocks(
        &mut self,
        from: [u8; 16],
        limit: usize,
        desk: &Desk<'_>,
        state: &mut dyn State,
    ) -> Result<usize, StageError> {
        let page = STOCKS.range(state, &from, &LAST, Order::Up, limit)?;
        let protecting = Protecting { control: self.control, references: desk.references, clock: desk.clock };
        for (stock, ()) in &page {
            protecting.settle(Id(*stock), state)?;
            STOCKS.delete(state, stock)?;
        }
        let last = if self.tick.is_some() { Step::Lapses } else { Step::Layers(FIRST) };
        self.step = behind(&page, limit).map_or(last, Step::Stocks);
        Ok(page.len())
    }

    fn layers(
        &mut self,
        from: [u8; 16],
        limit: usize,
        desk: &Desk<'_>,
        state: &mut dyn State,
    ) -> Result<usize, StageError> {
        let page = UNLAYERED.range(state, &from, &LAST, Order::Up, limit)?;
        let layering = Layering::at(self.control, desk.references);
        let (mut last, mut count) = (None, 0);
        for (stock, ()) in &page {
            let (whose, days) = layering.reckon(Id(*stock), state)?;
            if let Some((program, partner)) = whose {
                self.share_anew(&program, &partner, desk, state)?;
            }
            (last, count) = (Some(*stock), count + 1 + days);
            if count >= limit {
                break;
            }
        }
        let next = last.filter(|_| count >= limit).and_then(after);
        self.step = next.map_or(Step::Dirty(FIRST), Step::Layers);
        Ok(count)
    }

    /// Shares anew what a partner is due under a program, behind all that is dirty.
    fn share_anew(
        &self,
        program: &str,
        partner: &str,
        desk: &Desk<'_>,
        state: &mut dyn State,
    ) -> Result<(), StorageError> {
        for id in Sharing::Beneficiary(format!("partner:{partner}")).members(program, state)? {
            let account = ACCOUNTS.get(state, &id.0)?.expect("a settlement that is entered has an account");
            if let Some(sharing) = self.settling(desk).shares_with(&account, state)? {
                SHARING.put(state, &sharing.key(program), &())?;
            }
        }
        Ok(())
    }

    fn estimating<'a>(&self, desk: &'a Desk<'_>) -> Estimating<'a> {
        let Job { control, batch, .. } = *self;
        let today = self.today.expect("a tick names a day");
        Estimating { control, batch, today, references: desk.references, clock: desk.clock }
    }

    fn lapses(&mut self, limit: usize, state: &mut dyn State) -> Result<usize, StageError> {
        let count = mark_lapsed(self.today.expect("a tick names a day"), limit, state)?;
        if count < limit {
            self.step = Step::Lots(FIRST);
        }
        Ok(count)
    }

    fn lots(
        &mut self,
        from: [u8; 16],
        limit: usize,
        desk: &Desk<'_>,
        state: &mut dyn State,
    ) -> Result<usize, StageError> {
        let page = STALE.range(state, &from, &LAST, Order::Up, limit)?;
        for (stock, ()) in &page {
            self.estimating(desk).reckon(Id(*stock), state)?;
            STALE.delete(state, stock)?;
        }
        self.step = behind(&page, limit).map_or(Step::Estimates(FIRST), Step::Lots);
        Ok(page.len())
    }

    fn estimates(
        &mut self,
        from: [u8; 16],
        limit: usize,
        desk: &Desk<'_>,
        state: &mut dyn State,
        outbox: &mut Outbox<AccrualEvent>,
    ) -> Result<usize, StageError> {
        let page = UNBOOKED.range(state, &from, &LAST, Order::Up, limit)?;
        for (settlement, ()) in &page {
            self.estimating(desk).book(Id(*settlement), state, outbox)?;
            UNBOOKED.delete(state, settlement)?;
        }
        self.step = behind(&page, limit).map_or(Step::Layers(FIRST), Step::Estimates);
        Ok(page.len())
    }

    /// Lists of one settlement stand together; the last one of a page may have more of them.
    fn dirty(
        &mut self,
        from: [u8; 16],
        limit: usize,
        desk: &Desk<'_>,
        state: &mut dyn State,
        outbox: &mut Outbox<AccrualEvent>,
    ) -> Result<usize, StageError> {
        let page = DIRTY.range(state, &(from, i32::MIN), &(LAST, i32::MAX), Order::Up, limit)?;
        let cut = page.last().filter(|_| page.len() == limit).map(|((id, _), ())| *id);
        for lists in page.chunk_by(|((a, _), ()), ((b, _), ())| a == b) {
            let id = lists[0].0.0;
            let days = match cut == Some(id) {
                true => dirty_lists(id, state)?,
                false => lists.iter().map(|((_, day), ())| Day(*day)).collect(),
            };
            self.settling(desk).settle(Id(id), &days, state, outbox)?;
        }
        self.step = match cut.and_then(after) {
            Some(next) => Step::Dirty(next),
            None if self.tick.is_some() => Step::Reviews(FIRST),
            None => Step::Budgets(SharingKey::default()),
        };
        Ok(page.len())
    }

    fn reviews(
        &mut self,
        from: [u8; 16],
        limit: usize,
        desk: &Desk<'_>,
        state: &mut dyn State,
        outbox: &mut Outbox<AccrualEvent>,
    ) -> Result<usize, StageError> {
        let page = REVIEW.range(state, &from, &LAST, Order::Up, limit)?;
        for (id, ()) in &page {
            REVIEW.delete(state, id)?;
            self.settling(desk).settle(Id(*id), &[], state, outbox)?;
        }
        let next = behind(&page, limit);
        if next.is_none() {
            draws::mark(desk.references.as_of(self.control), desk.shard, self.today, state)?;
        }
        self.step = next.map_or(Step::Budgets(SharingKey::default()), Step::Reviews);
        Ok(page.len())
    }

    /// Shares the limits of some settlements of a program.
    fn budget(
        &mut self,
        from: &SharingKey,
        desk: &Desk<'_>,
        state: &mut dyn State,
        outbox: &mut Outbox<AccrualEvent>,
    ) -> Result<usize, StageError> {
        let end = ("\u{10ffff}".to_owned(), 0, String::new(), 0);
        let page = SHARING.range(state, from, &end, Order::Up, 1)?;
        if let Some((key, ())) = page.into_iter().next() {
            SHARING.delete(state, &key)?;
            let count = self.settling(desk).share_limits(&key.0, &Sharing::of_key(&key), state, outbox)?;
            // What is to be shared once more is so with the next control.
            let (program, version, beneficiary, year) = key;
            self.step = Step::Budgets((program, version, beneficiary, year + 1));
            return Ok(count);
        }
        self.step = if self.tick.is_some() { Step::Expected(FIRST) } else { Step::Done };
        Ok(0)
    }

    /// Behind the last ones the tick moves time.
    fn expected(
        &mut self,
        from: [u8; 16],
        limit: usize,
        desk: &mut Desk<'_>,
        state: &mut dyn State,
        outbox: &mut Outbox<AccrualEvent>,
    ) -> Result<usize, StageError> {
        let page = EXPECTED.range(state, &from, &LAST, Order::Up, limit)?;
        let next = behind(&page, limit);
        let count = page.len();
        for (settlement, priced) in page {
            self.estimating(desk).expect(Id(settlement), priced, state, outbox)?;
        }
        match next {
            Some(next) => self.step = Step::Expected(next),
            None => {
                desk.clock.tick(self.control, self.tick.expect("only a tick comes here"), state)?;
                self.step = Step::Interims(i32::MIN, FIRST);
            }
        }
        Ok(count)
    }

    fn interims(
        &mut self,
        from: (i32, [u8; 16]),
        limit: usize,
        desk: &Desk<'_>,
        state: &mut dyn State,
    ) -> Result<usize, StageError> {
        let turning = self.turning(desk);
        let page = DEADLINES.range(state, &from, &past(turning.today), Order::Up, limit)?;
        for ((_, id), ()) in &page {
            turning.reach_interim(Id(*id), state)?;
        }
        self.step = behind_deadline(&page, limit).map_or(Step::Waiting(FIRST), |(day, id)| Step::Interims(day, id));
        Ok(page.len())
    }

    fn waiting(
        &mut self,
        from: [u8; 16],
        limit: usize,
        desk: &Desk<'_>,
        state: &mut dyn State,
        outbox: &mut Outbox<AccrualEvent>,
    ) -> Result<usize, StageError> {
        let page = WAITING.range(state, &from, &LAST, Order::Up, limit)?;
        for (id, ()) in &page {
            self.turning(desk).look_again(Id(*id), state, outbox)?;
        }
        let next = behind(&page, limit);
        self.step = next.map_or(Step::Deadlines(i32::MIN, FIRST), Step::Waiting);
        Ok(page.len())
    }

    fn deadlines(
        &mut self,
        from: (i32, [u8; 16]),
        limit: usize,
        desk: &Desk<'_>,
        state: &mut dyn State,
        outbox: &mut Outbox<AccrualEvent>,
    ) -> Result<usize, StageError> {
        let turning = self.turning(desk);
        let page = DEADLINES.range(state, &from, &past(turning.today), Order::Up, limit)?;
        for ((_, id), ()) in &page {
            turning.turn(Id(*id), state, outbox)?;
        }
        self.step = behind_deadline(&page, limit).map_or(Step::Gathering, |(day, id)| Step::Deadlines(day, id));
        Ok(page.len())
    }

    /// One beneficiary under one program.
    fn gathering(
        &mut self,
        desk: &Desk<'_>,
        state: &mut dyn State,
        outbox: &mut Outbox<AccrualEvent>,
    ) -> Result<usize, StageError> {
        let Some(((program, beneficiary, currency, _), ())) = GATHERING.first(state, 1)?.into_iter().next() else {
            self.step = Step::Outliers(FIRST);
            return Ok(0);
        };
        let purse = (program, beneficiary, currency);
        let mut woken = BTreeSet::new();
        for (key, ()) in GATHERING.prefix(state, &purse, Order::Up, usize::MAX)? {
            GATHERING.delete(state, &key)?;
            woken.insert(Id(key.3));
        }
        self.turning(desk).gather(&purse, &woken, state, outbox)
    }

    fn outliers(
        &mut self,
        from: [u8; 16],
        limit: usize,
        desk: &Desk<'_>,
        state: &mut dyn State,
        outbox: &mut Outbox<AccrualEvent>,
    ) -> Result<usize, StageError> {
        let page = SUSPECTS.range(state, &from, &LAST, Order::Up, limit)?;
        let mut count = page.len();
        for (history, ()) in &page {
            count += judge(*history, self.now(desk), state, outbox)?;
        }
        let next = behind(&page, limit);
        self.step = next.map_or(Step::Expiries, Step::Outliers);
        Ok(count)
    }

    fn expiries(&mut self, limit: usize, state: &mut dyn State) -> Result<usize, StageError> {
        let today = self.today.expect("a tick names a day");
        let due = EXPIRIES.range(state, &(i32::MIN, FIRST), &(today.0.saturating_add(1), FIRST), Order::Up, limit)?;
        for (key, ()) in &due {
            CLAIMED.put(state, &key.1, &())?;
            EXPIRIES.delete(state, key)?;
        }
        if due.len() < limit {
            self.step = Step::Claims(FIRST);
        }
        Ok(due.len())
    }

    fn claims(
        &mut self,
        from: [u8; 16],
        limit: usize,
        desk: &Desk<'_>,
        state: &mut dyn State,
        outbox: &mut Outbox<AccrualEvent>,
    ) -> Result<usize, StageError> {
        let Job { control, batch, .. } = *self;
        let today = self.today.expect("a tick names a day");
        let judging = Judging { control, batch, today, references: desk.references, clock: desk.clock };
        let page = CLAIMED.range(state, &from, &LAST, Order::Up, limit)?;
        let mut count = page.len();
        for (group, ()) in &page {
            count += judging.judge(*group, state, outbox)?;
        }
        self.step = behind(&page, limit).map_or(Step::Done, Step::Claims);
        Ok(count)
    }
}

/// The first deadline behind a day.
fn past(today: Day) -> (i32, [u8; 16]) {
    (today.0.saturating_add(1), FIRST)
}

/// Where a walk over deadlines goes on behind a page; `None` where the page was the last.
fn behind_deadline(page: &[((i32, [u8; 16]), ())], limit: usize) -> Option<(i32, [u8; 16])> {
    page.last().filter(|_| page.len() == limit).map(|((day, id), ())| match after(*id) {
        Some(id) => (*day, id),
        None => (day.saturating_add(1), FIRST),
    })
}

/// Where a walk goes on behind a page; `None` where the page was the last.
fn behind<V>(page: &[([u8; 16], V)], limit: usize) -> Option<[u8; 16]> {
    page.last().filter(|_| page.len() == limit).and_then(|(id, _)| after(*id))
}

/// The key behind `id`; `None` behind the last.
fn after(id: [u8; 16]) -> Option<[u8; 16]> {
    u128::from_be_bytes(id).checked_add(1).map(u128::to_be_bytes)
}

fn dirty_lists(id: [u8; 16], state: &mut dyn State) -> Result<Vec<Day>, StorageError> {
    let lists = DIRTY.prefix(state, &id, Order::Up, usize::MAX)?;
    Ok(lists.into_iter().map(|((_, day), ())| Day(day)).collect())
}

/// What a configuration says, beside what held before it.
struct Change<'a> {
    control: u64,
    before: &'a Known,
    now: &'a Known,
    /// Whether stocks may be protected otherwise.
    protects_otherwise: bool,
    /// Whether some partner is paid to other accounts.
    pays_otherwise: bool,
    /// By program and partner, once it was asked: whether special prices give other amounts at most.
    lowers_otherwise: BTreeMap<(Text, Text), bool>,
}

impl<'a> Change<'a> {
    fn at(control: u64, references: &'a References) -> Change<'a> {
        let (before, now) = (references.as_of(control.saturating_sub(1)), references.as_of(control));
        let pays_otherwise = before.reference.payees != now.reference.payees;
        let protects_otherwise = !says_the_same(before, now);
        Change { control, before, now, protects_otherwise, pays_otherwise, lowers_otherwise: BTreeMap::new() }
    }

    /// Whether claims are judged by something that says something else now: by accounts that partners are paid to, or by what was bought
    /// before prices were cut, which can be another thing where as much is protected as before.
    fn is_heard_by_claims_on(&self, account: &Account, references: &References) -> bool {
        (self.pays_otherwise && account.meets_orders())
            || (self.protects_otherwise && written(account, references).mechanism.protects_stock())
    }

    /// Whether a partner's special prices give other amounts at most for units that are protected.
    fn lowers_otherwise(&mut self, program: &Text, partner: &Text, references: &References) -> bool {
        let control = self.control;
        let lowered = |control| lowered(control, references, program, partner);
        let is_other = || lowered(control.saturating_sub(1)) != lowered(control);
        let known = &mut self.lowers_otherwise;
        self.protects_otherwise && *known.entry((program.clone(), partner.clone())).or_insert_with(is_other)
    }
}

/// The dirty lists of a settlement with all others that it has.
fn all_lists(id: [u8; 16], state: &mut dyn State) -> Result<Vec<Day>, StorageError> {
    let mut lists = dirty_lists(id, state)?;
    lists.extend(SUMS.prefix(state, &id, Order::Up, usize::MAX)?.into_iter().map(|((_, day), _)| Day(day)));
    lists.sort_unstable();
    lists.dedup();
    Ok(lists)
}

/// An open settlement whose program, or the books' currency, says something else from a control on.
fn has_other_terms(account: &Account, change: &mut Change<'_>, references: &References) -> bool {
    let settlement = &account.settlement;
    let (known, before): (&Known, &Known) = (change.now, references.as_of(account.terms));
    let now = known.program(&settlement.program, settlement.version);
    let rate = |known: &Known| known.latest_rate(settlement.currency, account.last_day).map(|(_, rate)| rate);
    let ends_otherwise = now.is_some_and(|now| now.conversion == Conversion::PeriodEnd) && rate(known) != rate(before);
    let revalued = ends_otherwise
        || gains_rates(account, change, references)
        || known.reference.functional_currency != before.reference.functional_currency;
    let moved = now.is_some_and(|now| {
        revalued || now != written(account, references) || is_rebalanced(account, change, references)
    });
    account.phase == Phase::Open && moved
}

/// A settlement with sales that no table had a rate for, and some have one from a control on.
fn gains_rates(account: &Account, change: &Change<'_>, references: &References) -> bool {
    let (Change { before, now, .. }, currency) = (change, account.settlement.currency);
    let days = written(account, references).period.range(account.last_day);
    account.tally().rateless > 0
        && (before.rates(currency, days) != now.rates(currency, days)
            || before.reference.functional_currency != now.reference.functional_currency)
}

/// A frozen settlement is valued with the next tick, once there is a rate for what had none.
fn value_late(
    id: Id,
    account: &Account,
    change: &Change<'_>,
    references: &References,
    state: &mut dyn State,
) -> Result<(), StorageError> {
    let rate = |known: &Known| known.latest_rate(account.settlement.currency, account.last_day);
    let is_of_period_end = written(account, references).conversion == Conversion::PeriodEnd;
    if is_of_period_end && rate(change.before).is_none() && rate(change.now).is_some() {
        REVIEW.put(state, &id.0, &())?;
    }
    if gains_rates(account, change, references) {
        for day in all_lists(id.0, state)? {
            DIRTY.put(state, &(id.0, day.0), &())?;
        }
    }
    Ok(())
}

/// A settlement whose lines are to be converted by another rule from a control on: their sums are others.
fn is_converted_otherwise(account: &Account, change: &Change<'_>, references: &References) -> bool {
    let now = change.now.program(&account.settlement.program, account.settlement.version);
    now.is_some_and(|now| now.conversion != written(account, references).conversion)
}

/// A settlement with a rate for its period that is another from a control on.
fn is_revalued(account: &Account, change: &Change<'_>, references: &References) -> bool {
    let (Change { control, before, now, .. }, currency) = (change, account.settlement.currency);
    let program = written(account, references);
    let days = program.period.range(account.last_day);
    match program.conversion {
        Conversion::PeriodEnd => {
            before.latest_rate(currency, account.last_day) != now.latest_rate(currency, account.last_day)
        }
        Conversion::MonthAverage => before.rates(currency, days) != now.rates(currency, days),
        Conversion::SaleDate | Conversion::Fixed(_) => {
            references.corrected(currency, days).any(|(_, changed)| changed == *control)
        }
    }
}

/// A settlement with a share of its program's budget, which is as large, or shared, in another way from a control on.
fn has_another_budget(account: &Account, change: &Change<'_>, references: &References) -> bool {
    let budget = |known| {
        let says = budget_of_program(known, &account.settlement.program);
        says.map(|version| (version.caps.budget, version.ties))
    };
    account.pays()
        && written(account, references).has_budget_of_program()
        && budget(change.before) != budget(change.now)
}

/// A settlement whose partner's special prices, or what they give at most, are other ones from a control on.
fn is_rebalanced(account: &Account, change: &mut Change<'_>, references: &References) -> bool {
    let (program, partner) = (&account.settlement.program, &account.partner);
    let (known, before) = (change.now, references.as_of(account.terms));
    let now = known.program(program, account.settlement.version);
    // A frozen settlement keeps its terms, whatever the program pays by now.
    let under = now.into_iter().chain([written(account, references)]).any(|terms| terms.mechanism.resale().is_some());
    under
        && account.pays()
        && (of_partner(&known.reference, program, partner) != of_partner(&before.reference, program, partner)
            || change.lowers_otherwise(program, partner, references))
}
