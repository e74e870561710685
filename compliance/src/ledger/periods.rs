//! What a tick moves: open → frozen → closed, and the orders to pay.

use contract::{
    AcceptedDeduction, AccrualEvent, AuthorizationOrder, Conversion, Currency, Day, Deduction, Headroom, Id, Micros,
    Program,
};
use stream::{Outbox, StageError, State, StorageError};

use super::account::{Account, Closing, Phase, claimable_until, close_day};
use super::claims;
use super::deductions::{others, settle, wake_others};
use super::due::due;
use super::findings;
use super::gathering::{free, gathers, mark};
use super::holds::{doubts, holding, is_hold, left, outlasts_close, undecided};
use super::now::Now;
use super::rules::deducted::accepted;
use super::rules::outlier::note;
use super::settle::terms;
use super::tables::{ACCOUNTS, DEADLINES, REVIEW, WAITING};
use crate::programs::Exact;
use crate::references::References;

/// What goes out for one beneficiary at a tick, in this order, whatever settlement it is of.
const OWED_BACK: u8 = 1;
const LOOKED_AT_AGAIN: u8 = 2;
/// Up to twice.
const TURNED: u8 = 3;
pub(super) const GATHERED: u8 = 5;

/// A tick, after everything that came before it is settled.
pub(crate) struct Turning<'a> {
    /// Number of the tick's control.
    pub control: u64,
    /// The batch that the tick closes.
    pub batch: u64,
    pub today: Day,
    /// The day of the tick before.
    pub before: Option<Day>,
    pub references: &'a References,
}

impl Turning<'_> {
    /// Orders what came to a frozen period since the last tick, and what is due by now of one that is paid while it is open.
    pub fn look_again(
        &self,
        id: Id,
        state: &mut dyn State,
        outbox: &mut Outbox<AccrualEvent>,
    ) -> Result<(), StageError> {
        let mut account = ACCOUNTS.get(state, &id.0)?.expect("a listed settlement has an account");
        if account.phase == Phase::Open && account.deadline <= self.today {
            // It freezes now, and all of it is ordered then.
            return Ok(WAITING.delete(state, &id.0)?);
        }
        outbox.acting_in(OWED_BACK, &id.to_string());
        self.give_back(&mut account, outbox);
        outbox.acting_in(LOOKED_AT_AGAIN, &id.to_string());
        self.catch_up(id, &mut account, state, outbox)?;
        claims::touch(&account, state)?;
        self.note_unclaimed(&mut account, state)?;
        self.tell(id, &mut account, state, outbox)?;
        Ok(ACCOUNTS.put(state, &id.0, &account)?)
    }

    /// Freezes and closes what is past its day and orders what may be paid; both at once where both days are past.
    pub fn turn(&self, id: Id, state: &mut dyn State, outbox: &mut Outbox<AccrualEvent>) -> Result<(), StageError> {
        let mut account = ACCOUNTS.get(state, &id.0)?.expect("a listed settlement has an account");
        if let Phase::Closed { .. } = account.phase {
            // What has gathered since is let go with the program's end.
            DEADLINES.delete(state, &(account.deadline.0, id.0))?;
            return Ok(mark(id, &account, state)?);
        }
        let was_open = account.phase == Phase::Open;
        if was_open && account.deadline <= self.today {
            outbox.acting_in(OWED_BACK, &id.to_string());
            self.give_back(&mut account, outbox);
        }
        for round in TURNED.. {
            if account.deadline > self.today || self.is_settled(&account) {
                break;
            }
            outbox.acting_in(round, &id.to_string());
            self.move_on(id, &mut account, state, outbox)?;
        }
        claims::touch(&account, state)?;
        self.note_unclaimed(&mut account, state)?;
        self.tell(id, &mut account, state, outbox)?;
        ACCOUNTS.put(state, &id.0, &account)?;
        if was_open && account.phase != Phase::Open && account.pays() {
            self.tell_others(&account, state, outbox)?;
        }
        Ok(())
    }

    /// Whether time moves the period no further with this tick: it is closed, or claims that came in time may be judged now first.
    fn is_settled(&self, account: &Account) -> bool {
        let until = || claimable_until(&terms(account, self.references), account.last_day);
        match account.phase {
            Phase::Open => false,
            Phase::Frozen { .. } => until().is_some_and(|last| self.before.is_none_or(|before| before <= last)),
            Phase::Closed { .. } => true,
        }
    }

    /// Says anew what is found about the settlements that a deduction can be from as well as from one that has frozen now.
    fn tell_others(
        &self,
        account: &Account,
        state: &mut dyn State,
        outbox: &mut Outbox<AccrualEvent>,
    ) -> Result<(), StageError> {
        for id in others(account, self.now(), state)? {
            let mut other = ACCOUNTS.get(state, &id.0)?.expect("a settlement that is named has an account");
            tell(id, &mut other, self.now(), state, outbox)?;
            ACCOUNTS.put(state, &id.0, &other)?;
        }
        Ok(())
    }

    /// Late adjustments of a frozen period are ordered; of a closed one those that are not are released.
    fn catch_up(
        &self,
        id: Id,
        account: &mut Account,
        state: &mut dyn State,
        outbox: &mut Outbox<AccrualEvent>,
    ) -> Result<(), StageError> {
        let program = &*terms(account, self.references);
        WAITING.delete(state, &id.0)?;
        self.let_keep(id, account, program, state, outbox)?;
        if gathers(program) {
            return Ok(mark(id, account, state)?);
        }
        let orders = program.auto_authorise && below_minimum(account, program).is_none();
        if orders {
            self.authorise(id, account, program, state, outbox)?;
        }
        // What is not ordered now is held, or persons refused it. Of what came to less than nothing while its close waited nothing is
        // ordered, and all is owed back.
        let is_left = account.accrued > account.authorised || account.accrued < Micros::ZERO;
        let lets_go = !orders || program.mechanism.is_drawn_on() || is_left;
        if matches!(account.phase, Phase::Closed { .. }) && lets_go {
            self.release(id, account, program, state, outbox)?;
        }
        Ok(())
    }

    fn move_on(
        &self,
        id: Id,
        account: &mut Account,
        state: &mut dyn State,
        outbox: &mut Outbox<AccrualEvent>,
    ) -> Result<(), StageError> {
        let program = &*terms(account, self.references);
        match account.phase {
            Phase::Open => {
                account.phase = Phase::Frozen { since: self.control };
                account.came_back = account.behind().net;
                note(id, account, program, state)?;
                if account.pays() {
                    due(id, account, program, state)?.forgo_at_freeze(account, program);
                    self.let_keep(id, account, program, state, outbox)?;
                    self.authorise(id, account, program, state, outbox)?;
                    wake_others(account, self.now(), state)?;
                }
                DEADLINES.delete(state, &(account.deadline.0, id.0))?;
                account.deadline = close_day(program, account.last_day);
                DEADLINES.put(state, &(account.deadline.0, id.0), &())?;
            }
            Phase::Frozen { since } => {
                account.phase = Phase::Closed { since };
                if account.year_left.or(account.budget_left).is_some() {
                    due(id, account, program, state)?.forgo_at_close(account, program);
                }
                match gathers(program) && free(account, program, self.now(), state)? > Micros::ZERO {
                    true => mark(id, account, state)?,
                    false => self.release(id, account, program, state, outbox)?,
                }
                DEADLINES.delete(state, &(account.deadline.0, id.0))?;
            }
            Phase::Closed { .. } => unreachable!("a closed settlement has no deadline"),
        }
        Ok(())
    }

    /// More may be drawn on a settlement, and ordered now, than limits leave of it: who shares them has so much less at the next tick.
    fn share_drawn(
        &self,
        id: Id,
        account: &Account,
        program: &Program,
        state: &mut dyn State,
    ) -> Result<(), StorageError> {
        match program.mechanism.is_drawn_on() {
            true => self.share_anew(id, account, program, state),
            false => Ok(()),
        }
    }

    /// What is let go or ordered now is there, or gone, at the next tick for whoever shares a limit with the settlement.
    fn share_anew(
        &self,
        id: Id,
        account: &Account,
        program: &Program,
        state: &mut dyn State,
    ) -> Result<(), StorageError> {
        let versions = self.references.as_of(self.control).versions(&account.settlement.program);
        let is_limited = |version: &Program| version.caps.budget.or(version.caps.partner_year).is_some();
        match is_limited(program) || versions.iter().any(is_limited) {
            true => REVIEW.put(state, &id.0, &()),
            false => Ok(()),
        }
    }

    /// Orders what is due above what was ordered before, with the claim that stands for it. What is held waits for the next
    /// tick, and with it a rest below the least that is paid.
    fn authorise(
        &self,
        id: Id,
        account: &mut Account,
        program: &Program,
        state: &mut dyn State,
        outbox: &mut Outbox<AccrualEvent>,
    ) -> Result<(), StageError> {
        if gathers(program) {
            return Ok(mark(id, account, state)?);
        }
        let owed = account.orderable(program) - account.authorised;
        if !program.auto_authorise || owed <= Micros::ZERO || below_minimum(account, program).is_some() {
            return Ok(());
        }
        let amount = left(owed, &holding(account, program, self.now(), state)?, account);
        if amount < owed {
            WAITING.put(state, &id.0, &())?;
        }
        if amount <= Micros::ZERO || program.minimum_payout.is_some_and(|minimum| amount < minimum) {
            return Ok(());
        }
        let order = Issuing::new(account, self.batch, self.now()).order(account, program, amount, None);
        claims::publish_auto(account, order.claim, amount, outbox);
        outbox.send(&account.settlement.beneficiary, AccrualEvent::Authorised(Box::new(order)));
        Ok(self.share_drawn(id, account, program, state)?)
    }

    /// Settles deductions that finance has accepted (DD-10): what of them is due is ordered and paid with that, and what
    /// is not was paid before or is owed back. What is due and in doubt waits until that is decided; what persons refused is not due.
    /// Of an open period, of which more may come, nothing is owed back. What was once accepted stays so.
    fn let_keep(
        &self,
        id: Id,
        account: &mut Account,
        program: &Program,
        state: &mut dyn State,
        outbox: &mut Outbox<AccrualEvent>,
    ) -> Result<(), StageError> {
        for (deduction, open) in accepted(account, self.now(), state)? {
            let owed = (account.orderable(program) - account.authorised).max(Micros::ZERO);
            let doubts = doubts(account, program, self.now(), state)?;
            let part = open.min(left(owed, &doubts, account));
            let in_doubt = owed - left(owed, &undecided(doubts, account, state)?, account);
            let kept = match account.phase {
                Phase::Open => part,
                Phase::Frozen { .. } | Phase::Closed { .. } => open - (open - part).min(in_doubt),
            };
            if kept < open {
                WAITING.put(state, &id.0, &())?;
            }
            if kept.is_zero() {
                continue;
            }
            let Deduction { number, invoice, accepted_by, .. } = deduction.clone();
            let settled = settle(deduction, kept, state)?.to_string();
            let event = Id::of("deduction", &[&account.settlement.id().to_string(), &number, &settled]);
            let order = Issuing::new(account, self.batch, self.now()).order(account, program, part, None);
            self.share_drawn(id, account, program, state)?;
            let claim = Id::of("claim", &["deduction", &event.to_string()]);
            let order = AuthorizationOrder { id: event, claim, ..order };
            account.ordered_as_kept += part;
            claims::publish_kept(account, claim, deduction, (kept, part), outbox);
            let event = AcceptedDeduction { order, kept, number, invoice, accepted_by };
            outbox.send(&account.settlement.beneficiary, AccrualEvent::Deducted(Box::new(event)));
        }
        Ok(())
    }

    fn note_unclaimed(&self, account: &mut Account, state: &mut dyn State) -> Result<(), StorageError> {
        let program = terms(account, self.references);
        match program.paid.claims() {
            Some(_) => claims::note_unclaimed(account, &program, self.control, state),
            None => Ok(()),
        }
    }

    pub fn now(&self) -> Now<'_> {
        Now { control: self.control, today: Some(self.today), references: self.references }
    }

    /// Orders decide whether something waits for the minimum (OP-35) or is held ([`holding`]), the close whether something was
    /// not authorised, ticks what is not claimed (UP-01), the freeze whether sales earn nothing (UP-03) and whether something is owed
    /// back (OP-24).
    pub(super) fn tell(
        &self,
        id: Id,
        account: &mut Account,
        state: &mut dyn State,
        outbox: &mut Outbox<AccrualEvent>,
    ) -> Result<(), StageError> {
        let program = &*terms(account, self.references);
        let may_earn_nothing = account.accrued.is_zero() && program.caps.budget.is_none();
        let may_hold = account.accrued != account.authorised || account.findings.iter().any(|(code, _)| is_hold(*code));
        let is_averaged = program.conversion == Conversion::MonthAverage;
        if program.minimum_payout.is_none() && program.auto_authorise && !may_earn_nothing && !may_hold && !is_averaged
        {
            return Ok(());
        }
        tell(id, account, self.now(), state, outbox)
    }

    /// Says of what is frozen, or freezes now, below zero that it is owed back: with the freeze it is decided what is due.
    fn give_back(&self, account: &mut Account, outbox: &mut Outbox<AccrualEvent>) {
        let program = &*terms(account, self.references);
        let is_over = account.phase != Phase::Open || account.deadline <= self.today;
        if is_over && account.below_zero(program).is_some() && !program.mechanism.is_drawn_on() {
            self.close(account, program, outbox);
        }
    }

    /// Lets go what is not authorised. While something holds it that nobody has decided about, the period waits; what persons refused
    /// is looked at again when they say otherwise. So it waits while somebody decides about a claim. Claims that a hold has kept waiting are judged with the tick that finds it gone, and only
    /// what they leave is let go, by the next one.
    pub(super) fn release(
        &self,
        id: Id,
        account: &mut Account,
        program: &Program,
        state: &mut dyn State,
        outbox: &mut Outbox<AccrualEvent>,
    ) -> Result<(), StorageError> {
        if !account.pays() {
            return Ok(());
        }
        let is_held = outlasts_close(account, program, self.now(), state)?;
        let was_held = std::mem::replace(&mut account.held_past_close, is_held);
        let waits = is_held || (was_held && program.paid.claims().is_some());
        if waits || claims::await_decision(account, self.before, state)? {
            return WAITING.put(state, &id.0, &());
        }
        let has_told = self.close(account, program, outbox);
        WAITING.delete(state, &id.0)?;
        match has_told && account.let_go() > Micros::ZERO {
            true => self.share_anew(id, account, program, state),
            false => Ok(()),
        }
    }

    /// Once, until it moves, is taken up again or more is authorised: how often others have it looked at again is nobody's business. Says
    /// whether it is told now.
    fn close(&self, account: &mut Account, program: &Program, outbox: &mut Outbox<AccrualEvent>) -> bool {
        let authorised = Some(account.authorised);
        if account.closing.is_some_and(|closing| closing.authorised == authorised) {
            return false;
        }
        let let_go = match program.headroom {
            Headroom::Kept => Micros::ZERO,
            Headroom::GivenBack => (account.accrued - account.authorised).max(Micros::ZERO),
        };
        account.closing = Some(Closing { authorised, let_go });
        let (settlement, class) = (account.settlement.clone(), program.class);
        let (date, batch) = (self.today.last_of_month(), self.batch);
        let closed = AccrualEvent::Closed { settlement, class, date, batch };
        outbox.send(&account.settlement.beneficiary, closed);
        true
    }
}

/// Says anew what is found about a settlement.
pub(crate) fn tell<T>(
    id: Id,
    account: &mut Account,
    now: Now<'_>,
    state: &mut dyn State,
    outbox: &mut Outbox<T>,
) -> Result<(), StageError> {
    let known = now.references.as_of(account.terms);
    let program = &*terms(account, now.references);
    let due = due(id, account, program, state)?;
    let mut found = findings::look(account, program, &due, known.reference.functional_currency.is_some());
    found.extend(findings::look_further(id, account, program, &due, now, state)?);
    Ok(findings::publish(id, account, found, state, outbox)?)
}

/// What is due, not ordered, and too little to be paid; `None` where nothing waits for that.
pub(crate) fn below_minimum(account: &Account, program: &Program) -> Option<Micros> {
    let waits = account.due_by_now() - account.authorised;
    if let Some(gathered) = account.gathered {
        return Some(gathered.own.min(waits)).filter(|own| *own > Micros::ZERO);
    }
    let is_decided = program.auto_authorise && account.pays() && account.meets_orders() && !gathers(program);
    (is_decided && waits > Micros::ZERO && waits < program.minimum_payout?).then_some(waits)
}

/// When orders are made.
pub(crate) struct Issuing {
    batch: u64,
    today: Day,
    /// Currency of the books.
    books: Option<Currency>,
}

impl Issuing {
    /// At a tick, for orders of one settlement.
    pub fn new(account: &Account, batch: u64, now: Now<'_>) -> Issuing {
        let books = now.references.as_of(account.terms).reference.functional_currency;
        Issuing { batch, today: now.today.expect("a tick names a day"), books }
    }

    /// Orders a part of what is due above what was ordered before: for a claim line, or for one of its own.
    ///
    /// Invariant: no more is ordered than is accrued.
    pub fn order(
        &self,
        account: &mut Account,
        program: &Program,
        amount: Micros,
        claim: Option<Id>,
    ) -> AuthorizationOrder {
        let rest = (account.accrued - account.authorised).max(Micros::ZERO);
        assert!(amount <= rest, "order of {amount} of {rest} in {:?}", account.settlement);
        let functional = account.functional_known.then(|| account.functional - account.authorised_functional);
        let part = |(all, books): (Micros, Currency)| match amount {
            Micros::ZERO => Micros::ZERO,
            whole if whole == rest => all,
            part => Exact::product_share(all, Micros::ONE.0.into(), part.0.into(), rest.0.into()).round(books),
        };
        let functional = functional.zip(self.books).map(part);
        account.orders += 1;
        account.authorised += amount;
        account.authorised_functional += functional.unwrap_or_default();
        let id = order_id(account);
        AuthorizationOrder {
            id,
            settlement: account.settlement.clone(),
            claim: claim.unwrap_or_else(|| Id::of("claim", &["auto", &id.to_string()])),
            class: program.class,
            amount,
            functional,
            date: self.today,
            batch: self.batch,
        }
    }
}

/// The first order's id is the settlement's own; further ones count on.
fn order_id(account: &Account) -> Id {
    let settlement = account.settlement.id().to_string();
    match account.orders {
        1 => Id::of("authorization", &[&settlement]),
        further => Id::of("authorization", &[&settlement, &further.to_string()]),
    }
}
