//! The stage: what is booked, paid, owed back?

use std::sync::Arc;

use contract::{
    AccountingClass, AccrualEvent, AccrualKind, AccrualMovement, AuditRecord, Authorization, AuthorizationOrder,
    AuthorizationStatus, Control, Day, EstimateMovement, Id, Micros, Publication, Reference, Settlement, TakenBack,
    Text,
};
use stream::{Blobs, Input, Order, Outbox, Progress, Shard, Stage, StageError, State, TableId, View};

use crate::book::{Book, Grant, Leg};
use crate::estimate::Estimate;
use crate::payment::Paid;
use crate::posting::{Cause, entry, entry_id};
use crate::rules::authorised_unpaid::{Job, watch};
use crate::tables::{
    BOOKS, CLAWBACKS, ESTIMATES, GRANTS, JOB, PAGE, PAYABLES, PAYEES, Payee, SETTINGS, Settings, after,
    authorization_id,
};
use crate::write_off::GivenUp;

/// Keeps the books of its beneficiaries.
pub struct SinkStage {
    blobs: Arc<dyn Blobs>,
    pub(crate) shard: Shard,
    pub(crate) settings: Settings,
    /// What the control under way has still to do.
    pub(crate) job: Option<Job>,
}

impl SinkStage {
    /// `blobs` holds the reference data that controls name.
    pub fn new(blobs: Arc<dyn Blobs>, shard: Shard) -> SinkStage {
        assert!(shard.index < shard.count, "partition {} of {}", shard.index, shard.count);
        SinkStage { blobs, shard, settings: Settings::default(), job: None }
    }
}

impl Stage for SinkStage {
    type In = AccrualEvent;
    type Out = ();

    fn prefetch(&self, input: &AccrualEvent, wanted: &mut Vec<(TableId, Vec<u8>)>) {
        let settlement = input.settlement();
        if matches!(input, AccrualEvent::Estimated(_)) {
            wanted.push(ESTIMATES.wanted(&(settlement.id().0,)));
            return;
        }
        wanted.push(BOOKS.wanted(&(settlement.id().0,)));
        wanted.push(PAYEES.wanted(&settlement.beneficiary.to_string()));
    }

    fn process(
        &mut self,
        input: Input<'_, AccrualEvent>,
        state: &mut dyn State,
        outbox: &mut Outbox<()>,
    ) -> Result<(), StageError> {
        match input.item {
            AccrualEvent::Moved(movement) => self.moved(movement, state, outbox),
            AccrualEvent::Authorised(order) => self.authorised(order, state, outbox),
            AccrualEvent::Closed { settlement, class, date, batch } => {
                self.closed(settlement, *class, *date, *batch, state, outbox)
            }
            AccrualEvent::Estimated(movement) => self.estimated(movement, state, outbox),
            AccrualEvent::Deducted(deduction) => self.deducted(deduction, state, outbox),
        }
    }

    fn control(
        &mut self,
        number: u64,
        payload: &[u8],
        state: &mut dyn State,
        outbox: &mut Outbox<()>,
    ) -> Result<(), StageError> {
        let unknown = || StageError::Unknown { stage: "accrual-sink", what: format!("control {number}") };
        match Control::decode(payload).ok_or_else(unknown)? {
            Control::Configure { reference } => {
                let bytes = self.blobs.load(&reference.0)?;
                let read: Reference = postcard::from_bytes(&bytes).map_err(|_| StageError::Unknown {
                    stage: "accrual-sink",
                    what: format!("reference data {reference}"),
                })?;
                let days = self.settings.paid_within_days;
                let renamed = self.settings.configure(&read);
                SETTINGS.put(state, &0, &self.settings)?;
                if renamed {
                    self.rename_drafts(state, outbox)?;
                }
                if days != self.settings.paid_within_days {
                    self.begin(Job::Untell, state)?;
                }
            }
            Control::Tick { as_of } => {
                self.settings.tick(as_of);
                SETTINGS.put(state, &0, &self.settings)?;
                self.begin(Job::Tell, state)?;
            }
            Control::Settle => {}
            Control::Command(command) => {
                if let Some(paid) = Paid::of(&command) {
                    self.pay(&paid, state, outbox)?;
                }
                if let Some(given) = GivenUp::of(&command) {
                    self.write_off(&given, state, outbox)?;
                }
            }
        }
        Ok(())
    }

    fn slice(&mut self, _number: u64, state: &mut dyn State, outbox: &mut Outbox<()>) -> Result<Progress, StageError> {
        Ok(self.go_on(state, outbox)?)
    }

    fn resume(&mut self, state: &mut dyn State) -> Result<(), StageError> {
        self.settings = SETTINGS.get(state, &0)?.unwrap_or_default();
        self.job = JOB.get(state, &0)?;
        Ok(())
    }
}

/// One settlement opened for one event: everything that is written back together.
pub(crate) struct Desk<'a> {
    pub book: Book,
    pub payee: Payee,
    pub legs: Vec<Leg>,
    settings: &'a Settings,
    /// Authorizations as they were published last.
    before: Vec<Authorization>,
    payable_before: Micros,
    clawback_before: Micros,
}

/// Who caused a change, for the audit chain.
pub(crate) struct Author<'a> {
    pub actor: &'a str,
    pub role: &'a str,
    pub reason: &'a str,
    pub comment: &'a str,
}

pub(crate) const SYSTEM: Author<'static> = Author { actor: "auto", role: "system", reason: "", comment: "" };

impl SinkStage {
    fn moved(
        &self,
        movement: &AccrualMovement,
        state: &mut dyn State,
        outbox: &mut Outbox<()>,
    ) -> Result<(), StageError> {
        let mut desk = self.open(&movement.settlement, movement.class, state)?;
        let replaced = desk.book.accrue(movement, self.settings.digits(), &mut desk.legs);
        let class = movement.class;
        let code = |leg: &Leg| leg.template.row(class).code;
        if let Some(old) = replaced.filter(|old| desk.legs.iter().all(|new| code(new) != code(old))) {
            publish(outbox, &Publication::EntryWithdrawn(entry_id(movement.id, class, &old, 0)));
        }
        let late = matches!(movement.kind, AccrualKind::PriorPeriod | AccrualKind::Clawback);
        let origin = if late { movement.settlement.period.clone() } else { Text::default() };
        let cause = Step {
            kind: "accrual",
            id: movement.id,
            date: movement.date,
            batch: movement.batch,
            origin,
            taken_back: None,
        };
        publish(outbox, &published(movement));
        self.finish(desk, &cause, state, outbox)
    }

    fn authorised(
        &self,
        order: &AuthorizationOrder,
        state: &mut dyn State,
        outbox: &mut Outbox<()>,
    ) -> Result<(), StageError> {
        let id = authorization_id(&order.settlement.beneficiary, order.id);
        if GRANTS.get(state, &(id.0,))?.is_some() {
            return Ok(());
        }
        let mut desk = self.open(&order.settlement, order.class, state)?;
        assert!(
            Micros::ZERO < order.amount && order.amount <= desk.book.accrued,
            "order {} of {} against {} accrued in {:?}",
            order.id,
            order.amount,
            desk.book.accrued,
            order.settlement
        );
        let grant = Grant {
            id,
            granted: order.amount,
            offset: Micros::ZERO,
            paid: Micros::ZERO,
            date: order.date,
            batch: order.batch,
            claim: Some(order.claim),
        };
        desk.book.order(grant, self.settings.digits(), &mut desk.legs);
        let step = Step {
            kind: "authorization",
            id,
            date: order.date,
            batch: order.batch,
            origin: Text::default(),
            taken_back: None,
        };
        self.finish(desk, &step, state, outbox)
    }

    fn closed(
        &self,
        settlement: &Settlement,
        class: AccountingClass,
        date: Day,
        batch: u64,
        state: &mut dyn State,
        outbox: &mut Outbox<()>,
    ) -> Result<(), StageError> {
        let mut desk = self.open(settlement, class, state)?;
        desk.book.close(self.settings.digits(), &mut desk.legs);
        let id = Id::of("release", &[&settlement.id().to_string(), &batch.to_string()]);
        self.finish(
            desk,
            &Step { kind: "release", id, date, batch, origin: Text::default(), taken_back: None },
            state,
            outbox,
        )
    }

    /// Of no authorization and of no audit chain: nobody is owed it.
    fn estimated(
        &self,
        movement: &EstimateMovement,
        state: &mut dyn State,
        outbox: &mut Outbox<()>,
    ) -> Result<(), StageError> {
        let EstimateMovement { id, settlement, class, date, batch, origin_period, .. } = movement;
        let key = (settlement.id().0,);
        let mut estimate = ESTIMATES.get(state, &key)?.unwrap_or_else(|| Estimate::new(settlement.clone()));
        let leg = estimate.book(movement);
        let cause = Cause {
            kind: "estimate",
            id: *id,
            date: *date,
            batch: *batch,
            settlement,
            class: *class,
            origin_period: origin_period.clone(),
            taken_back: None,
        };
        publish(outbox, &Publication::Estimate(movement.clone()));
        publish(outbox, &Publication::Entry(entry(&cause, &leg, 0, &self.settings)));
        Ok(ESTIMATES.put(state, &key, &estimate)?)
    }

    /// Entries of the open batch go to the accounts that its tick knows.
    fn rename_drafts(&self, state: &mut dyn State, outbox: &mut Outbox<()>) -> Result<(), StageError> {
        let mut from = [0; 16];
        loop {
            let page = BOOKS.range(state, &(from,), &([0xff; 16],), Order::Up, PAGE)?;
            let Some(((last,), _)) = page.last() else { return Ok(()) };
            from = after(*last);
            let open = page.iter().map(|(_, book)| book).filter(|book| book.batch.number == self.settings.batch());
            for (book, (id, date, leg)) in open.flat_map(|book| book.drafts().map(move |draft| (book, draft))) {
                let cause = Cause {
                    kind: "accrual",
                    id,
                    date,
                    batch: book.batch.number,
                    settlement: &book.settlement,
                    class: book.class,
                    origin_period: Text::default(),
                    taken_back: None,
                };
                publish(outbox, &Publication::Entry(entry(&cause, &leg, 0, &self.settings)));
            }
        }
    }

    pub(crate) fn open(
        &self,
        settlement: &Settlement,
        class: AccountingClass,
        state: &mut dyn State,
    ) -> Result<Desk<'_>, StageError> {
        let known = BOOKS.get(state, &(settlement.id().0,))?;
        let mut book = known.unwrap_or_else(|| Book::new(settlement.clone(), class));
        book.class = class;
        self.desk(book, state)
    }

    pub(crate) fn desk(&self, book: Book, state: &mut dyn State) -> Result<Desk<'_>, StageError> {
        let payee = PAYEES.get(state, &book.settlement.beneficiary.to_string())?.unwrap_or_default();
        let before = book.authorizations();
        let (payable_before, clawback_before) = (book.payable.amount, book.clawback.amount);
        Ok(Desk { book, payee, legs: Vec::new(), settings: &self.settings, before, payable_before, clawback_before })
    }

    /// Sets off what is owed back against what is payable, publishes what changed, writes everything back, and takes up
    /// what waited for it.
    ///
    /// Invariant: afterwards nothing is payable to a beneficiary that owes something back in the same currency.
    pub(crate) fn finish(
        &self,
        mut desk: Desk<'_>,
        step: &Step,
        state: &mut dyn State,
        outbox: &mut Outbox<()>,
    ) -> Result<(), StageError> {
        desk.reinstate(step);
        let mut number = desk.post(step, 0, outbox);
        if desk.has_new_payable() {
            number = self.set_off(&mut desk, step, number, state, outbox)?;
        }
        let issued: Vec<Id> = desk.book.grants.iter().skip(desk.before.len()).map(|grant| grant.id).collect();
        let own = desk.book.settlement.id().0;
        let owes = !desk.book.clawback.amount.is_zero();
        desk.hand_in(step, state, outbox)?;
        if owes {
            self.take_back(own, step, number, state, outbox)?;
        }
        issued
            .into_iter()
            .try_for_each(|authorization| self.take_up_what_waited(authorization, step.batch, state, outbox))
    }

    /// Sets the beneficiary's open clawback off against what has become payable, the oldest first.
    fn set_off(
        &self,
        desk: &mut Desk<'_>,
        step: &Step,
        mut number: usize,
        state: &mut dyn State,
        outbox: &mut Outbox<()>,
    ) -> Result<usize, StageError> {
        let own = desk.book.settlement.id().0;
        let prefix = (desk.book.settlement.beneficiary.to_string(), desk.book.settlement.currency.to_string());
        while !desk.book.payable.amount.is_zero() {
            // Its own entry stands until it is written back.
            let oldest = CLAWBACKS.prefix(state, &prefix, Order::Up, 2)?;
            let Some(((.., debtor), ())) = oldest.into_iter().find(|((.., id), ())| *id != own) else { break };
            number = self.set_one_off(desk, debtor, step, number, state, outbox)?;
        }
        Ok(number)
    }

    /// Sets what a settlement has come to owe back off against what is payable of its beneficiary and currency, what became
    /// payable last first (CL20).
    fn take_back(
        &self,
        debtor: [u8; 16],
        step: &Step,
        mut number: usize,
        state: &mut dyn State,
        outbox: &mut Outbox<()>,
    ) -> Result<(), StageError> {
        loop {
            let book = BOOKS.get(state, &(debtor,))?.expect("it has been written back");
            let prefix = (book.settlement.beneficiary.to_string(), book.settlement.currency.to_string());
            if book.clawback.amount.is_zero() {
                return Ok(());
            }
            let latest = PAYABLES.prefix(state, &prefix, Order::Down, 1)?.pop();
            let Some(((.., payer), ())) = latest else { return Ok(()) };
            let payer = BOOKS.get(state, &(payer,))?.expect("what is payable has its book");
            let mut desk = self.desk(payer, state)?;
            number = self.set_one_off(&mut desk, debtor, step, number, state, outbox)?;
            desk.hand_in(&Step { kind: "offset", ..step.clone() }, state, outbox)?;
        }
    }

    /// Sets open clawback of `debtor` off against what is payable on the desk; returns the ordinal of the next entry.
    fn set_one_off(
        &self,
        desk: &mut Desk<'_>,
        debtor: [u8; 16],
        step: &Step,
        number: usize,
        state: &mut dyn State,
        outbox: &mut Outbox<()>,
    ) -> Result<usize, StageError> {
        let mut book = BOOKS.get(state, &(debtor,))?.expect("an open clawback has its book");
        desk.book.set_off(&mut book, self.settings.digits(), &mut desk.legs);
        let Settlement { program, period, beneficiary, currency, .. } = book.settlement.clone();
        let taken_back = Some(TakenBack { settlement: Id(debtor), program, period });
        let number = desk.post(&Step { kind: "offset", taken_back, ..step.clone() }, number, outbox);
        assert_law(&book);
        if book.clawback.amount.is_zero() {
            let key = (beneficiary.to_string(), currency.to_string(), book.clawback_since, debtor);
            CLAWBACKS.delete(state, &key)?;
        }
        BOOKS.put(state, &(debtor,), &book)?;
        Ok(number)
    }
}

/// What the entries of one event have in common.
#[derive(Clone)]
pub(crate) struct Step {
    pub kind: &'static str,
    pub id: Id,
    pub date: Day,
    pub batch: u64,
    pub origin: Text,
    pub taken_back: Option<TakenBack>,
}

impl Desk<'_> {
    /// Gives what was taken back and has become due again a grant to be paid under, of the day of the first one and for
    /// no claim: what is claimed was authorised before.
    fn reinstate(&mut self, step: &Step) {
        let granted = self.book.ungranted();
        if granted.is_zero() {
            return;
        }
        let beneficiary = &self.book.settlement.beneficiary;
        let id = authorization_id(beneficiary, Id::of("reinstated", &[&step.id.to_string()]));
        let (offset, paid) = (Micros::ZERO, Micros::ZERO);
        let date = self.book.grants.first().map_or(step.date, |first| first.date);
        self.book.grants.push(Grant { id, granted, offset, paid, date, batch: step.batch, claim: None });
    }

    fn has_new_payable(&self) -> bool {
        let earlier = |index: usize| self.before.get(index).map_or(Micros::ZERO, |a| a.amount);
        let grown = |(index, now): (usize, Authorization)| {
            now.status == AuthorizationStatus::Authorised && now.amount > earlier(index)
        };
        self.book.authorizations().into_iter().enumerate().any(grown)
    }

    /// Publishes an entry for each leg; returns the ordinal of the next one.
    fn post(&mut self, step: &Step, first: usize, outbox: &mut Outbox<()>) -> usize {
        let cause = Cause {
            kind: step.kind,
            id: step.id,
            date: step.date,
            batch: step.batch,
            settlement: &self.book.settlement,
            class: self.book.class,
            origin_period: step.origin.clone(),
            taken_back: step.taken_back.clone(),
        };
        let mut ordinal = first;
        for leg in self.legs.drain(..) {
            publish(outbox, &Publication::Entry(entry(&cause, &leg, ordinal, self.settings)));
            ordinal += 1;
        }
        ordinal
    }

    /// Publishes each authorization that is new or changed, with its audit record.
    fn publish_authorizations(&mut self, step: &Step, author: &Author<'_>, outbox: &mut Outbox<()>) {
        for (index, now) in self.book.authorizations().into_iter().enumerate() {
            let earlier = self.before.get(index);
            if earlier == Some(&now) {
                continue;
            }
            if step.kind != "payment" {
                let action = match (now.status, earlier) {
                    (AuthorizationStatus::Void, _) => "authorization.voided",
                    (_, None) => "authorization.authorised",
                    _ => "authorization.changed",
                };
                let object = format!("authorization {} of {} {}", now.id, now.amount, now.currency);
                self.audit(action, object, author, outbox);
            }
            publish(outbox, &Publication::Authorization(now));
        }
    }

    fn watch_payables(&self, state: &mut dyn State, outbox: &mut Outbox<()>) -> Result<(), StageError> {
        for (index, now) in self.book.authorizations().iter().enumerate() {
            let before = self.before.get(index);
            if before != Some(now) {
                watch(before, now, state, outbox)?;
            }
        }
        Ok(())
    }

    /// Adds a link to the beneficiary's audit chain.
    pub(crate) fn audit(&mut self, action: &str, object: String, author: &Author<'_>, outbox: &mut Outbox<()>) {
        self.payee.audit_seq += 1;
        let record = AuditRecord {
            chain: format!("beneficiary/{}", self.book.settlement.beneficiary).into(),
            seq: self.payee.audit_seq,
            time: self.settings.today,
            actor: author.actor.into(),
            role: author.role.into(),
            action: action.into(),
            object,
            reason: author.reason.to_owned(),
            comment: author.comment.to_owned(),
            previous_hash: self.payee.audit_hash,
            hash: [0; 32],
        }
        .sealed();
        self.payee.audit_hash = record.hash;
        publish(outbox, &Publication::Audit(record));
    }

    /// Publishes what changed of the authorizations, watches what is payable of them, and writes everything back.
    fn hand_in(mut self, step: &Step, state: &mut dyn State, outbox: &mut Outbox<()>) -> Result<(), StageError> {
        self.publish_authorizations(step, &SYSTEM, outbox);
        self.watch_payables(state, outbox)?;
        self.write_back(step.batch, state)
    }

    fn write_back(mut self, batch: u64, state: &mut dyn State) -> Result<(), StageError> {
        assert_law(&self.book);
        let settlement = &self.book.settlement;
        let id = settlement.id().0;
        let (beneficiary, currency) = (settlement.beneficiary.to_string(), settlement.currency.to_string());
        for grant in self.book.grants.iter().skip(self.before.len()) {
            GRANTS.put(state, &(grant.id.0,), &id)?;
        }
        let key = |since: u64| (beneficiary.clone(), currency.clone(), since, id);
        let (payable, since) = (self.book.payable.amount, self.book.payable_since);
        if payable > self.payable_before {
            self.book.payable_since = batch;
        }
        if !self.payable_before.is_zero() && (payable.is_zero() || since != self.book.payable_since) {
            PAYABLES.delete(state, &key(since))?;
        }
        if payable > self.payable_before {
            PAYABLES.put(state, &key(batch), &())?;
        }
        match (self.clawback_before.is_zero(), self.book.clawback.amount.is_zero()) {
            (true, false) => {
                self.book.clawback_since = batch;
                CLAWBACKS.put(state, &(beneficiary.clone(), currency, batch, id), &())?;
            }
            (false, true) => {
                CLAWBACKS.delete(state, &(beneficiary.clone(), currency, self.book.clawback_since, id))?;
            }
            _ => {}
        }
        PAYEES.put(state, &beneficiary, &self.payee)?;
        BOOKS.put(state, &(id,), &self.book)?;
        Ok(())
    }
}

/// A movement, or that nothing is left of it.
fn published(movement: &AccrualMovement) -> Publication {
    match movement.is_nothing() {
        true => Publication::MovementWithdrawn(movement.id),
        false => Publication::Movement(movement.clone()),
    }
}

fn assert_law(book: &Book) {
    if let Some(breach) = book.breach() {
        panic!("the law of money is broken: {breach}");
    }
}

pub(crate) fn publish(outbox: &mut Outbox<()>, publication: &Publication) {
    let record = publication.record();
    outbox.publish(View { topic: record.topic as u8, key: record.key, value: record.value });
}
