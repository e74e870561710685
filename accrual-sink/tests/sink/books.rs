//! Runs the stage over a list of events, as an engine with one partition for each stage would.

use std::collections::BTreeMap;
use std::sync::Arc;

use accrual_sink::{Shard, SinkStage};
use contract::*;
use serde::de::DeserializeOwned;
use stream::{Blobs, Input, MemoryState, Outbox, Progress, Stage, StorageError};

/// Reference data by the first byte of their hash: 0 as they begin, 1 with another account for what is accrued and more days
/// to pay in, 2 as at the beginning in the other journal style.
pub struct Shelf(pub [Vec<u8>; 3]);

impl Blobs for Shelf {
    fn load(&self, hash: &[u8]) -> Result<Arc<[u8]>, StorageError> {
        Ok(self.0[usize::from(hash[0])].clone().into())
    }
}

pub struct Books {
    stages: Vec<(SinkStage, MemoryState)>,
    pub views: BTreeMap<(u8, Vec<u8>), Vec<u8>>,
    /// Of every event.
    pub class: AccountingClass,
    pub control: u64,
    /// Ticks so far.
    pub ticks: u64,
    /// Entries in the order in which they were first published.
    arrivals: Vec<Vec<u8>>,
}

pub fn micros(text: &str) -> Micros {
    Micros::parse(&text.replace(',', "")).unwrap()
}

pub fn settlement(program: &str, period: &str, currency: &str) -> Settlement {
    Settlement {
        program: program.into(),
        version: 1,
        beneficiary: "partner:P-1".into(),
        period: period.into(),
        currency: Currency::parse(currency).unwrap(),
    }
}

pub fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

impl Books {
    pub fn new(partitions: u32) -> Books {
        use JournalStyle::{Reclass, ReverseAndBook};
        let known = [("2350", 45, Reclass), ("2360", 60, Reclass), ("2350", 45, ReverseAndBook)];
        let shelf = Arc::new(Shelf(known.map(|(accrued, days, journal_style)| {
            let accounts = vec![("CASH".into(), "1000".into()), ("LI-ACC".into(), accrued.into())];
            let functional_currency = Currency::parse("USD");
            let paid_within_days = Some(days);
            let reference = Reference { functional_currency, paid_within_days, accounts, ..Reference::default() };
            postcard::to_stdvec(&Reference { journal_style, ..reference }).unwrap()
        })));
        let stages = (0..partitions).map(|index| {
            let shard = Shard { index, count: partitions };
            (SinkStage::new(shelf.clone(), shard), MemoryState::default())
        });
        let class = AccountingClass::ContraRevenue;
        let (stages, views, arrivals) = (stages.collect(), BTreeMap::new(), Vec::new());
        let mut books = Books { stages, views, class, control: 0, ticks: 0, arrivals };
        books.control(&Control::Configure { reference: Id([0; 16]) });
        books
    }

    /// Stops every partition and starts it again from its state.
    pub fn restart(&mut self) {
        let count = self.stages.len() as u32;
        for (index, (stage, state)) in self.stages.iter_mut().enumerate() {
            *stage = SinkStage::new(Arc::new(Shelf(Default::default())), Shard { index: index as u32, count });
            stage.resume(state).unwrap();
        }
    }

    pub fn control(&mut self, control: &Control) {
        self.control += 1;
        for partition in 0..self.stages.len() {
            let mut outbox = Outbox::default();
            let (stage, state) = &mut self.stages[partition];
            stage.control(self.control, &control.encode(), state, &mut outbox).unwrap();
            while stage.slice(self.control, state, &mut outbox).unwrap() == Progress::More {
                // A stop and a start between two slices.
                stage.resume(state).unwrap();
            }
            self.keep(outbox);
        }
    }

    pub fn tick(&mut self) {
        self.ticks += 1;
        self.control(&Control::Tick { as_of: day("2013-05-01") });
    }

    pub fn tick_on(&mut self, date: &str) {
        self.ticks += 1;
        self.control(&Control::Tick { as_of: day(date) });
    }

    pub fn event(&mut self, event: &AccrualEvent) {
        let route = stream::outbox::route(&event.settlement().beneficiary);
        let partition = (route % self.stages.len() as u64) as usize;
        let mut outbox = Outbox::default();
        let (stage, state) = &mut self.stages[partition];
        stage.process(Input { stamp: self.control, item: event }, state, &mut outbox).unwrap();
        self.keep(outbox);
    }

    fn keep(&mut self, mut outbox: Outbox<()>) {
        for view in outbox.drain_published() {
            if view.topic == Topic::Journal as u8 && !self.arrivals.contains(&view.key) {
                self.arrivals.push(view.key.clone());
            }
            match view.value {
                Some(value) => self.views.insert((view.topic, view.key), value),
                None => self.views.remove(&(view.topic, view.key)),
            };
        }
    }

    /// With the next tick, on the last day of March.
    pub fn moved(&mut self, settlement: &Settlement, kind: AccrualKind, amount: &str, functional: Option<&str>) {
        self.tick();
        self.moved_in("2013-03-31", settlement, kind, amount, functional);
    }

    /// A movement of the last tick's batch.
    pub fn moved_in(
        &mut self,
        date: &str,
        settlement: &Settlement,
        kind: AccrualKind,
        amount: &str,
        functional: Option<&str>,
    ) {
        let id = Id::of("movement", &[&settlement.id().to_string(), &self.control.to_string(), date]);
        let movement = AccrualMovement {
            id,
            settlement: settlement.clone(),
            class: self.class,
            kind,
            date: day(date),
            amount: micros(amount),
            functional: functional.map(micros),
            batch: self.ticks,
        };
        self.event(&AccrualEvent::Moved(Box::new(movement)));
    }

    /// What a tick changes of estimates; the month's period had frozen where an `origin` is named.
    pub fn estimated(
        &mut self,
        settlement: &Settlement,
        kind: EstimateKind,
        amount: &str,
        functional: Option<&str>,
        origin: &str,
    ) {
        self.tick();
        let movement = EstimateMovement {
            id: Id::of("estimate", &[&settlement.id().to_string(), &self.control.to_string()]),
            settlement: settlement.clone(),
            class: self.class,
            kind,
            date: day("2013-03-31"),
            origin_period: origin.into(),
            amount: micros(amount),
            functional: functional.map(micros),
            batch: self.ticks,
        };
        self.event(&AccrualEvent::Estimated(Box::new(movement)));
    }

    /// An order that must lead to an authorization; gives its id.
    pub fn authorised(&mut self, settlement: &Settlement, amount: &str) -> Id {
        let known: Vec<Id> = self.authorizations().iter().map(|a| a.id).collect();
        self.order(settlement, micros(amount));
        let issued = self.authorizations().iter().map(|a| a.id).find(|id| !known.contains(id));
        issued.expect("an authorization was published")
    }

    pub fn order(&mut self, settlement: &Settlement, amount: Micros) {
        self.tick();
        let id = Id::of("authorization", &[&settlement.id().to_string(), &self.control.to_string()]);
        let order = AuthorizationOrder {
            id,
            settlement: settlement.clone(),
            claim: Id::of("claim", &["auto", &id.to_string()]),
            class: self.class,
            amount,
            functional: None,
            date: day("2013-05-01"),
            batch: self.ticks,
        };
        self.event(&AccrualEvent::Authorised(Box::new(order)));
    }

    /// A deduction that was accepted, with an order of what of it was due and not ordered before.
    pub fn kept(&mut self, settlement: &Settlement, kept: &str, ordered: &str) {
        self.tick();
        let id = Id::of("deduction", &[&settlement.id().to_string(), &self.control.to_string()]);
        let order = AuthorizationOrder {
            id,
            settlement: settlement.clone(),
            claim: Id::of("claim", &["deduction", &id.to_string()]),
            class: self.class,
            amount: micros(ordered),
            functional: None,
            date: day("2013-05-01"),
            batch: self.ticks,
        };
        let (number, invoice, accepted_by) = ("D-1".into(), "88".into(), "ann".into());
        let deduction = AcceptedDeduction { order, kept: micros(kept), number, invoice, accepted_by };
        self.event(&AccrualEvent::Deducted(Box::new(deduction.clone())));
        self.event(&AccrualEvent::Deducted(Box::new(deduction)));
    }

    pub fn closed(&mut self, settlement: &Settlement) {
        self.tick();
        let (class, date) = (self.class, day("2013-06-30"));
        let batch = self.ticks;
        self.event(&AccrualEvent::Closed { settlement: settlement.clone(), class, date, batch });
    }

    pub fn pay(&mut self, authorization: Id, amount: &str, currency: &str, date: &str) {
        self.pay_again(authorization, amount, currency, date, 1);
    }

    /// The payment that is the `occurrence`th of its kind in its file.
    pub fn pay_again(&mut self, authorization: Id, amount: &str, currency: &str, date: &str, occurrence: u32) {
        let action = Action::Pay {
            authorization,
            date: day(date),
            amount: micros(amount),
            currency: Currency::parse(currency).unwrap(),
            reference: Text::default(),
            occurrence,
        };
        let command = Command {
            actor: "erp".into(),
            role: "finance".into(),
            reason: String::new(),
            comment: String::new(),
            file: "payments.csv".to_owned(),
            line_no: 2,
            action,
        };
        self.control(&Control::Command(Box::new(command)));
    }

    pub fn write_off(&mut self, authorization: Id, amount: &str, currency: &str) {
        let (currency, approved_by) = (Currency::parse(currency).unwrap(), "bob".into());
        let (date, amount) = (day("2013-07-01"), micros(amount));
        let command = Command {
            actor: "ann".into(),
            role: "finance".into(),
            reason: "insolvent".into(),
            comment: String::new(),
            file: "write_offs.csv".to_owned(),
            line_no: 2,
            action: Action::WriteOff { authorization, date, amount, currency, approved_by },
        };
        self.control(&Control::Command(Box::new(command)));
    }

    fn view<T: DeserializeOwned>(&self, topic: Topic) -> Vec<T> {
        let records = self.views.iter().filter(|((t, _), _)| *t == topic as u8);
        records.map(|(_, value)| postcard::from_bytes(value).unwrap()).collect()
    }

    pub fn authorizations(&self) -> Vec<Authorization> {
        let mut found: Vec<Authorization> = self.view(Topic::Authorizations);
        found.sort_by_key(|a| (a.batch, a.id));
        found
    }

    /// `amount status paid offset`, in the order of their batches.
    pub fn authorizations_shown(&self) -> Vec<String> {
        let line = |a: &Authorization| format!("{} {} {} {}", a.amount, a.status.as_str(), a.paid, a.offset);
        self.authorizations().iter().map(line).collect()
    }

    pub fn findings(&self) -> Vec<Finding> {
        self.view(Topic::Findings)
    }

    pub fn payments(&self) -> Vec<Payment> {
        self.view(Topic::Payments)
    }

    pub fn audits(&self) -> Vec<AuditRecord> {
        self.view(Topic::Audit)
    }

    pub fn movements(&self) -> Vec<AccrualMovement> {
        self.view(Topic::Movements)
    }

    pub fn estimates(&self) -> Vec<EstimateMovement> {
        self.view(Topic::Estimates)
    }

    pub fn entries(&self) -> Vec<JournalEntry> {
        let mut found: Vec<JournalEntry> = self.view(Topic::Journal);
        found.sort_by_key(|e| (e.beneficiary.clone(), self.arrivals.iter().position(|key| key[..] == e.id.0)));
        found
    }

    /// `GL2 CR-REB/LI-ACC 3150`, in the order of their coming.
    pub fn journal(&self) -> Vec<String> {
        let line = |e: &JournalEntry| {
            let (debit, credit) = (&e.postings[0], &e.postings[1]);
            format!("{} {}/{} {}", e.template, debit.symbol, credit.symbol, debit.amount)
        };
        self.entries().iter().map(line).collect()
    }

    /// Debits less credits by account symbol, accounts at zero left out; with the functional sum behind it where
    /// every posting has one.
    pub fn balances(&self) -> Vec<String> {
        let mut sums: BTreeMap<String, (Micros, Option<Micros>)> = BTreeMap::new();
        for posting in self.entries().iter().flat_map(|e| &e.postings) {
            let sign = |value: Micros| if posting.side == Side::Debit { value } else { -value };
            let (amount, functional) =
                sums.entry(posting.symbol.to_string()).or_insert((Micros::ZERO, Some(Micros::ZERO)));
            *amount += sign(posting.amount);
            *functional = functional.zip(posting.functional).map(|(sum, more)| sum + sign(more));
        }
        let shown = |f: Option<Micros>| f.map_or_else(|| "?".to_owned(), |f| f.to_string());
        let left = sums.into_iter().filter(|(_, (a, f))| !a.is_zero() || f.is_none_or(|f| !f.is_zero()));
        left.map(|(symbol, (amount, functional))| format!("{symbol} {amount} ({})", shown(functional))).collect()
    }

    /// Debits less credits by account symbol in the functional currency, as far as postings know it; accounts at zero left out.
    pub fn worth(&self) -> Vec<String> {
        let mut sums: BTreeMap<String, Micros> = BTreeMap::new();
        for posting in self.entries().iter().flat_map(|e| &e.postings) {
            let value = posting.functional.unwrap_or_default();
            let sum = sums.entry(posting.symbol.to_string()).or_default();
            *sum += if posting.side == Side::Debit { value } else { -value };
        }
        let left = sums.into_iter().filter(|(_, worth)| !worth.is_zero());
        left.map(|(symbol, worth)| format!("{symbol} {worth}")).collect()
    }

    /// The state of each partition.
    pub fn states(&mut self) -> impl Iterator<Item = &mut MemoryState> {
        self.stages.iter_mut().map(|(_, state)| state)
    }
}
