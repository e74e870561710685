//! The ledger as a stage: records only note facts, controls decide.

use std::cell::RefCell;
use std::sync::Arc;

use contract::{AccrualEvent, Control, Day, EntitlementEvent, Id, Settlement};
use stream::{Blobs, Input, Order, Outbox, Progress, Shard, Stage, StageError, State, StorageError, TableId};

use super::account::{Account, Phase, close_day, freeze_day};
use super::claims;
use super::estimates;
use super::job::{Desk, Job, Step};
use super::layers;
use super::lines::{Line, LineBuffer};
use super::persons;
use super::protection::{is_waiting, mark as mark_stocks, stock_of, take};
use super::settle::{PAGE, terms};
use super::sharing::enter;
use super::slots::{Slots, Span, Target};
use super::tables::{ACCOUNTS, DEADLINES, DIRTY, FRESH, JOB, LINES, MOVED, SOLD};
use crate::clock::Clock;
use crate::programs::correction::corrected;
use crate::programs::stock::used_up;
use crate::references::References;
use crate::rulings::Spoken;

/// Keys that one slice of a control looks at.
const SLICE: usize = 1024;

/// How much is due now, within which caps? Keyed by program or exclusivity group.
///
/// [`Stage::process`] appends a line to the lists of a day. A control settles every list that has changed, slice by
/// slice, so that what is accrued is a function of what lies below the control and never of its order.
pub struct LedgerStage {
    references: References,
    shard: Shard,
    clock: Clock,
    slots: RefCell<Slots>,
    /// Lists have changed since the last control.
    fresh: bool,
    job: Option<Job>,
    /// Keys that one slice of a control looks at.
    slice: usize,
}

impl LedgerStage {
    pub fn new(blobs: Arc<dyn Blobs>, shard: Shard) -> LedgerStage {
        LedgerStage::in_slices(blobs, shard, SLICE)
    }

    /// The same with slices of another size.
    pub(crate) fn in_slices(blobs: Arc<dyn Blobs>, shard: Shard, slice: usize) -> LedgerStage {
        let (references, clock, slots) = (References::new(blobs), Clock::default(), RefCell::default());
        LedgerStage { references, shard, clock, slots, fresh: false, job: None, slice }
    }
}

impl Stage for LedgerStage {
    type In = EntitlementEvent;
    type Out = AccrualEvent;

    fn prefetch(&self, input: &EntitlementEvent, wanted: &mut Vec<(TableId, Vec<u8>)>) {
        let mut slots = self.slots.borrow_mut();
        let Some(entitlement) = input.entitlement() else { return };
        let day = entitlement.date;
        if let Some(stock) = used_up(entitlement) {
            wanted.push(MOVED.wanted(&(stock.0, layers::place(entitlement).0.0)));
            return;
        }
        if let Some((stock, day)) = stock_of(entitlement, &self.references) {
            wanted.push(SOLD.wanted(&(stock.0, day.0)));
            return;
        }
        wanted.extend(estimates::stocks_of(entitlement, &self.references).map(|stock| SOLD.wanted(&(stock.0, day.0))));
        let Ok(span) = slots.find(entitlement, &self.references) else { return };
        for target in &span.targets {
            if target.opening.is_some() {
                wanted.push((ACCOUNTS.id(), target.id.0.to_vec()));
            }
            wanted.push((LINES, target.key(day).to_vec()));
        }
    }

    fn process(
        &mut self,
        input: Input<'_, EntitlementEvent>,
        state: &mut dyn State,
        _outbox: &mut Outbox<AccrualEvent>,
    ) -> Result<(), StageError> {
        let (entitlement, revoked) = match input.item {
            EntitlementEvent::Grant(entitlement) => (entitlement, false),
            EntitlementEvent::Revoke(entitlement) => (entitlement, true),
            EntitlementEvent::Claim(line) => return claims::come(line, input.stamp, &self.references, state),
            EntitlementEvent::Unclaim(line) => return claims::go(line, input.stamp, &self.references, state),
            EntitlementEvent::Deny(denial) => return claims::deny(denial, input.stamp, &self.references, state),
            EntitlementEvent::Clear(denial) => return claims::clear(denial, input.stamp, &self.references, state),
        };
        let day = entitlement.date;
        if let Some(stock) = used_up(entitlement) {
            self.freshen(state)?;
            return Ok(layers::take(stock, entitlement, revoked, state)?);
        }
        if let Some((stock, day)) = stock_of(entitlement, &self.references) {
            self.freshen(state)?;
            let units = i128::from(entitlement.quantity.0);
            return Ok(take(stock, day, if revoked { -units } else { units }, state)?);
        }
        let is_told = corrected(entitlement).is_some();
        for stock in estimates::stocks_of(entitlement, &self.references) {
            let units = i128::from(entitlement.quantity.0);
            estimates::take(stock, day, if revoked { -units } else { units }, state)?;
        }
        let span = self.slots.get_mut().find(entitlement, &self.references)?;
        if span.mark(day) {
            if !self.fresh {
                FRESH.put(state, &0, &())?;
                self.fresh = true;
            }
            mark(span, day, &self.clock, &self.references, state)?;
        }
        let mut buffer: LineBuffer = [0; size_of::<LineBuffer>()];
        let line = Line::new(entitlement, input.stamp);
        for target in &span.targets {
            for (list, beneficiary) in target.further(entitlement, day) {
                state.append(LINES, &list, line.of(beneficiary).write(revoked, &mut buffer))?;
            }
            let line = line.of(target.beneficiary(entitlement));
            let list = if is_told { target.told_key(day) } else { target.key(day) };
            state.append(LINES, &list, line.write(revoked, &mut buffer))?;
        }
        Ok(())
    }

    fn control(
        &mut self,
        number: u64,
        payload: &[u8],
        state: &mut dyn State,
        outbox: &mut Outbox<AccrualEvent>,
    ) -> Result<(), StageError> {
        let control = Control::decode(payload)
            .ok_or_else(|| StageError::Unknown { stage: "ledger", what: format!("control {number}") })?;
        self.slots.get_mut().clear();
        let mut step = match self.fresh || matches!(control, Control::Tick { .. }) {
            true => Step::Stocks([0; 16]),
            false => Step::Done,
        };
        if let Control::Configure { reference } = &control {
            self.references.configure(number, *reference, state)?;
            mark_stocks(number, &self.references, self.shard, state)?;
            estimates::mark(number, &self.references, self.shard, state)?;
            layers::mark(number, &self.references, self.shard, state)?;
            claims::touch_orphans(state)?;
            step = Step::Terms([0; 16]);
        }
        if let Control::Command(command) = &control {
            claims::decide(command, (number, self.clock.today()), &self.references, state, outbox)?;
            let spoken = Spoken { command, control: number, today: self.clock.today() };
            persons::decide(spoken, self.references.as_of(number), state, outbox)?;
        }
        let tick = match control {
            Control::Tick { as_of } => Some(as_of),
            _ => None,
        };
        if self.fresh {
            FRESH.delete(state, &0)?;
            self.fresh = false;
        }
        if matches!(control, Control::Configure { .. }) && (is_waiting(state)? || layers::is_waiting(state)?) {
            self.freshen(state)?;
        }
        let (batch, today) = (self.clock.batch(), self.clock.today().max(tick));
        self.job = (step != Step::Done).then_some(Job { control: number, batch, tick, today, step });
        self.job.as_ref().map_or(Ok(()), |job| Ok(JOB.put(state, &0, job)?))
    }

    fn slice(
        &mut self,
        _number: u64,
        state: &mut dyn State,
        outbox: &mut Outbox<AccrualEvent>,
    ) -> Result<Progress, StageError> {
        let Some(mut job) = self.job.take() else { return Ok(Progress::Done) };
        let LedgerStage { references, shard, clock, slice, .. } = self;
        let mut desk = Desk { references, shard: *shard, clock, size: *slice };
        let progress = job.advance(&mut desk, state, outbox)?;
        self.job = (progress == Progress::More).then_some(job);
        // What froze may leave something to share.
        self.fresh |= progress == Progress::Done && FRESH.get(state, &0)?.is_some();
        Ok(progress)
    }

    fn resume(&mut self, state: &mut dyn State) -> Result<(), StageError> {
        self.references.resume(state)?;
        self.clock = Clock::resume(state)?;
        self.fresh = FRESH.get(state, &0)?.is_some();
        self.job = JOB.get(state, &0)?;
        self.slots.get_mut().clear();
        Ok(())
    }
}

impl LedgerStage {
    /// Notes that the next control has something to settle.
    fn freshen(&mut self, state: &mut dyn State) -> Result<(), StorageError> {
        if !self.fresh {
            FRESH.put(state, &0, &())?;
            self.fresh = true;
        }
        Ok(())
    }
}

/// Notes that the lists of a day have changed, and opens the accounts behind them where they are new.
fn mark(
    span: &mut Span,
    day: Day,
    clock: &Clock,
    references: &References,
    state: &mut dyn State,
) -> Result<(), StorageError> {
    for target in &mut span.targets {
        DIRTY.put(state, &(target.id.0, target.list(day).0), &())?;
        open_account(target, clock, references, state)?;
    }
    Ok(())
}

fn open_account(
    target: &mut Target,
    clock: &Clock,
    references: &References,
    state: &mut dyn State,
) -> Result<(), StorageError> {
    match target.opening.take() {
        Some(account) => enter_account(target.id, *account, clock, references, state),
        None => Ok(()),
    }
}

/// Enters an account where it is new. A settlement that opens after its period has frozen is frozen at once.
pub(crate) fn enter_account(
    id: Id,
    mut account: Account,
    clock: &Clock,
    references: &References,
    state: &mut dyn State,
) -> Result<(), StorageError> {
    if state.get(ACCOUNTS.id(), &id.0)?.is_some() {
        return Ok(());
    }
    if account.pays() {
        let terms = &*terms(&account, references);
        if let Some(since) = clock.reached(freeze_day(terms, account.last_day)) {
            let Settlement { program, version, .. } = &account.settlement;
            account.amended = references.came(program, *version).is_some_and(|came| came > since);
            account.phase = Phase::Frozen { since };
            account.deadline = close_day(terms, account.last_day);
        }
        DEADLINES.put(state, &(account.deadline.0, id.0), &())?;
        enter(id, &account, state)?;
    }
    ACCOUNTS.put(state, &id.0, &account)
}

/// Hands over every account, a page at a time.
pub(crate) fn each_account(
    state: &mut dyn State,
    visit: &mut dyn FnMut(Id, Account) -> Result<(), StorageError>,
) -> Result<(), StorageError> {
    let mut from = [0; 16];
    loop {
        let page = ACCOUNTS.range(state, &from, &[0xff; 16], Order::Up, PAGE)?;
        let last = page.last().map(|(id, _)| *id);
        let full = page.len() == PAGE;
        for (id, account) in page {
            visit(Id(id), account)?;
        }
        match last.and_then(|last| u128::from_be_bytes(last).checked_add(1)).filter(|_| full) {
            Some(next) => from = next.to_be_bytes(),
            None => return Ok(()),
        }
    }
}
