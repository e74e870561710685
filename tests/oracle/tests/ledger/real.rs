//! The ledger stage over memory with the books behind it, and what both have said.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use accrual_sink::SinkStage;
use compliance::LedgerStage;
use contract::{
    AcceptedDeduction, AccrualEvent, AccrualMovement, Action, AuditRecord, Authorization, Cadence, Claim, ClaimLine,
    ClaimQueue, ClaimState, Code, Command, Control, Currency, Day, EntitlementEvent, EstimateKind, Finding, Id,
    JournalEntry, Micros, Reference, Settlement, Side, Text, Topic,
};
use oracle::{Kept, Order, Said, Seen};
use stream::{Blobs, Input, MemoryState, Outbox, Progress, Shard, Stage, StorageError, View};

/// Reference data in memory.
#[derive(Default)]
struct Shelf(Mutex<BTreeMap<Vec<u8>, Arc<[u8]>>>);

impl Blobs for Shelf {
    fn load(&self, hash: &[u8]) -> Result<Arc<[u8]>, StorageError> {
        let shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.get(hash).cloned().ok_or_else(|| StorageError::new("no such blob"))
    }
}

pub struct Real {
    shelf: Arc<Shelf>,
    stage: LedgerStage,
    state: MemoryState,
    number: u64,
    movements: BTreeMap<Id, AccrualMovement>,
    /// Of settlements that anything is said of.
    verdicts: BTreeMap<Settlement, Verdict>,
    findings: BTreeMap<Vec<u8>, Code>,
    /// What partners sent, as readers see it.
    claims: BTreeMap<Id, Seen>,
    found: Found,
    books: RealBooks,
}

/// The stage of the books, and what it has published.
struct RealBooks {
    stage: SinkStage,
    state: MemoryState,
    entries: BTreeMap<Vec<u8>, JournalEntry>,
    /// What they move, where that is not nothing.
    moved: BTreeMap<Booked, Micros>,
    authorizations: BTreeMap<Vec<u8>, Authorization>,
    /// Authorization, day and amount of what was given up: the same again is nothing.
    given_up: BTreeSet<(Id, Day, Micros)>,
}

/// What was said of a settlement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    accrued: Micros,
    orders: Vec<Order>,
    kept: Vec<Kept>,
}

impl Verdict {
    pub fn said(&self) -> Said<'_> {
        Said { accrued: self.accrued, orders: &self.orders, kept: &self.kept }
    }
}

/// Settlement, month and account.
pub type Booked = (Id, String, String);

/// A payment for what is authorised, or what is given up of what is owed back.
pub struct Payment {
    pub settlement: Settlement,
    pub amount: Micros,
}

/// Checks that found something, that withdrew it again, and that have nothing to say of some settlement in the end.
#[derive(Clone, Default)]
pub struct Found {
    pub once: BTreeSet<Code>,
    pub withdrawn: BTreeSet<Code>,
    pub everywhere: BTreeSet<Code>,
    /// What estimates have moved: what happened, whether it was more, and whether its period had frozen.
    pub estimated: BTreeSet<(EstimateKind, bool, bool)>,
    /// What has become of claim lines, why they got less, and what persons decided or proposed about them.
    pub states: BTreeSet<ClaimState>,
    /// Why lines waited for a person, and what became of them where nobody decided.
    pub waits: BTreeSet<&'static str>,
    pub refusals: BTreeSet<Code>,
    pub decisions: BTreeSet<String>,
}

impl Real {
    pub fn new() -> Real {
        let shelf = Arc::new(Shelf::default());
        let stage = LedgerStage::new(shelf.clone(), Shard { index: 0, count: 1 });
        let (movements, verdicts, findings, claims) = Default::default();
        let (state, found, books) = (MemoryState::default(), Found::default(), RealBooks::new(shelf.clone()));
        Real { shelf, stage, state, number: 0, movements, verdicts, findings, claims, found, books }
    }

    pub fn hear(&mut self, event: &EntitlementEvent) {
        let input = Input { stamp: self.number, item: event };
        self.stage.process(input, &mut self.state, &mut Outbox::default()).unwrap();
    }

    pub fn configure(&mut self, reference: &Reference) -> Vec<AccrualEvent> {
        let bytes = postcard::to_stdvec(reference).unwrap();
        let hash = Id(blake3::hash(&bytes).as_bytes()[..16].try_into().unwrap());
        self.shelf.0.lock().unwrap().insert(hash.0.to_vec(), bytes.into());
        self.control(&Control::Configure { reference: hash })
    }

    /// What the ledger sends at the control, movements first.
    pub fn control(&mut self, control: &Control) -> Vec<AccrualEvent> {
        self.number += 1;
        let mut outbox = Outbox::default();
        self.stage.control(self.number, &control.encode(), &mut self.state, &mut outbox).unwrap();
        while self.stage.slice(self.number, &mut self.state, &mut outbox).unwrap() == Progress::More {}
        let (sent, published) = outbox.drain();
        for view in published {
            match view.topic {
                topic if topic == Topic::Findings as u8 => self.finds(view),
                topic if topic == Topic::Claims as u8 => self.sees(view),
                topic if topic == Topic::Audit as u8 => self.records(view),
                _ => {}
            }
        }
        let mut events: Vec<AccrualEvent> = sent.into_iter().map(|routed| routed.item).collect();
        events.sort_by_key(|event| !matches!(event, AccrualEvent::Moved(_)));
        for event in &events {
            self.books.hear(event);
            self.said(event.clone());
        }
        self.books.control(self.number, control);
        events
    }

    /// Pays a part of what is open under one of the authorizations.
    pub fn pay(&mut self, place: usize, percent: i64, date: Day) -> Option<Payment> {
        self.books.pay(place, percent, date)
    }

    /// Gives up a part of what the settlement of one of the authorizations owes back.
    pub fn give_up(&mut self, place: usize, percent: i64, date: Day) -> Option<Payment> {
        self.books.give_up(place, percent, date)
    }

    /// What each account moved in each month, by settlement.
    pub fn moved(&self) -> &BTreeMap<Booked, Micros> {
        &self.books.moved
    }

    /// Settlements with something authorised that is not paid.
    pub fn payable(&self) -> Vec<Id> {
        let mut payable = BTreeMap::<Id, Micros>::new();
        for ((settlement, _, account), amount) in self.moved() {
            if account == "LI-PAY" {
                *payable.entry(*settlement).or_default() += *amount;
            }
        }
        payable.into_iter().filter(|(_, amount)| !amount.is_zero()).map(|(settlement, _)| settlement).collect()
    }

    /// By beneficiary and currency: what was paid, what is payable, what is owed back.
    pub fn positions(&self) -> BTreeMap<(Text, Currency), [Micros; 3]> {
        let mut positions = BTreeMap::<_, [Micros; 3]>::new();
        for entry in self.books.entries.values() {
            for posting in &entry.postings {
                let credit = if posting.side == Side::Credit { posting.amount } else { -posting.amount };
                let position = positions.entry((entry.beneficiary.clone(), posting.currency)).or_default();
                match posting.symbol.as_str() {
                    "CASH" | "AR" => position[0] += credit,
                    "LI-PAY" => position[1] += credit,
                    "RC-CLAW" => position[2] += -credit,
                    _ => {}
                }
            }
        }
        positions
    }

    /// What is left on the liabilities of each settlement in the currency of the books, where all of its postings know that.
    pub fn left_in_the_books(&self) -> BTreeMap<Id, Micros> {
        let mut left = BTreeMap::<Id, Option<Micros>>::new();
        for entry in self.books.entries.values() {
            for posting in &entry.postings {
                let sum = left.entry(entry.settlement).or_insert(Some(Micros::ZERO));
                let amount = if posting.symbol.starts_with("LI-") { posting.functional } else { Some(Micros::ZERO) };
                let signed = amount.map(|amount| if posting.side == Side::Debit { amount } else { -amount });
                *sum = sum.zip(signed).zip(posting.functional).map(|((sum, more), _)| sum + more);
            }
        }
        left.into_iter().filter_map(|(settlement, left)| Some((settlement, left?))).collect()
    }

    fn finds(&mut self, View { key, value, .. }: View) {
        match value {
            Some(bytes) => {
                let finding: Finding = postcard::from_bytes(&bytes).unwrap();
                self.found.once.insert(finding.code);
                self.findings.insert(key, finding.code);
            }
            None => {
                let code = self.findings.remove(&key).expect("only what stands is withdrawn");
                self.found.withdrawn.insert(code);
            }
        }
    }

    /// Claims that the ledger makes by itself stand for an order or a deduction.
    fn sees(&mut self, View { value, .. }: View) {
        let claim: Claim = postcard::from_bytes(&value.expect("a claim stays")).unwrap();
        if !["auto", "deduction"].contains(&&*claim.claim) {
            self.found.states.insert(claim.state);
            self.found.waits.extend(claim.queue.map(ClaimQueue::as_str));
            if claim.message.contains("nobody decided by") {
                self.found.waits.insert(if claim.queue.is_some() { "rolled" } else { "undecided" });
            }
            self.found.refusals.extend(&claim.codes);
            let Claim { id, state, claimed, payable: approved, authorised, codes, queue, decide_by, .. } = claim;
            let codes = codes.into_iter().collect();
            self.claims.insert(id, Seen { state, claimed, approved, authorised, codes, queue, decide_by });
        }
    }

    fn records(&mut self, View { value, .. }: View) {
        let record: AuditRecord = postcard::from_bytes(&value.expect("a record stays")).unwrap();
        let what = record.object.split(' ').next().unwrap_or_default();
        if let Some(how @ ("decided" | "proposed")) = record.action.strip_prefix("claim.") {
            self.found.decisions.insert(format!("{what} {how}"));
        }
    }

    pub fn claims(&self) -> &BTreeMap<Id, Seen> {
        &self.claims
    }

    /// What is due for what a line claims.
    pub fn due(&self, line: &ClaimLine) -> Micros {
        let periods = [Cadence::Month, Cadence::Quarter, Cadence::Year].map(|cadence| cadence.label(line.date));
        let is_its = |settlement: &Settlement| {
            (&settlement.program, &settlement.beneficiary) == (&line.program, &line.beneficiary)
                && settlement.currency == line.currency
                && periods.iter().any(|period| **period == *settlement.period)
        };
        self.movements.values().filter(|movement| is_its(&movement.settlement)).map(|movement| movement.amount).sum()
    }

    pub fn found(&self) -> Found {
        let settlements = self.verdicts().len();
        let standing = |code: &Code| self.findings.values().filter(|other| *other == code).count();
        let everywhere = self.found.once.iter().copied().filter(|code| standing(code) >= settlements).collect();
        Found { everywhere, ..self.found.clone() }
    }

    fn said(&mut self, event: AccrualEvent) {
        match event {
            AccrualEvent::Moved(movement) => {
                let settlement = movement.settlement.clone();
                let amount = movement.amount;
                let before = self.movements.insert(movement.id, *movement).map(|before| before.amount);
                let verdict = self.verdicts.entry(settlement.clone()).or_default();
                verdict.accrued += amount - before.unwrap_or_default();
                if *verdict == Verdict::default() {
                    self.verdicts.remove(&settlement);
                }
            }
            AccrualEvent::Authorised(order) => {
                // Who pays by itself pays no line that was sent.
                let claim = Some(order.claim).filter(|id| self.claims.contains_key(id));
                let verdict = self.verdicts.entry(order.settlement).or_default();
                verdict.orders.push(Order { day: order.date, amount: order.amount, claim });
            }
            AccrualEvent::Deducted(deducted) => {
                let AcceptedDeduction { order, kept, number, .. } = *deducted;
                let (day, ordered) = (order.date, order.amount);
                let verdict = self.verdicts.entry(order.settlement).or_default();
                verdict.kept.push(Kept { day, number, kept, ordered });
            }
            AccrualEvent::Closed { .. } => {}
            AccrualEvent::Estimated(moved) => {
                let late = !moved.origin_period.is_empty();
                self.found.estimated.insert((moved.kind, moved.amount > Micros::ZERO, late));
            }
        }
    }

    pub fn verdicts(&self) -> &BTreeMap<Settlement, Verdict> {
        &self.verdicts
    }
}

impl RealBooks {
    fn new(shelf: Arc<Shelf>) -> RealBooks {
        let (entries, moved, authorizations, given_up) = Default::default();
        let stage = SinkStage::new(shelf, Shard { index: 0, count: 1 });
        RealBooks { stage, state: MemoryState::default(), entries, moved, authorizations, given_up }
    }

    fn hear(&mut self, event: &AccrualEvent) {
        let mut outbox = Outbox::default();
        self.stage.process(Input { stamp: 0, item: event }, &mut self.state, &mut outbox).unwrap();
        self.note(outbox);
    }

    fn control(&mut self, number: u64, control: &Control) {
        let mut outbox = Outbox::default();
        self.stage.control(number, &control.encode(), &mut self.state, &mut outbox).unwrap();
        while self.stage.slice(number, &mut self.state, &mut outbox).unwrap() == Progress::More {}
        self.note(outbox);
    }

    fn note(&mut self, mut outbox: Outbox<()>) {
        for View { topic, key, value } in outbox.drain().1 {
            if topic == Topic::Authorizations as u8 {
                let bytes = value.expect("an authorization stays");
                self.authorizations.insert(key, postcard::from_bytes(&bytes).unwrap());
            } else if topic == Topic::Journal as u8 {
                let before = match value.map(|bytes| postcard::from_bytes(&bytes).unwrap()) {
                    Some(entry) => {
                        self.book(&entry, 1);
                        self.entries.insert(key, balanced(entry))
                    }
                    None => Some(self.entries.remove(&key).expect("only what is booked is withdrawn")),
                };
                before.iter().for_each(|entry| self.book(entry, -1));
            }
        }
    }

    /// Adds what an entry moves, so many times.
    fn book(&mut self, entry: &JournalEntry, times: i64) {
        for posting in &entry.postings {
            // What is owed back is the other settlement's, where it is set off.
            let other = entry.taken_back.as_ref().filter(|_| posting.symbol == "RC-CLAW");
            let settlement = other.map_or(entry.settlement, |other| other.settlement);
            let amount = if posting.side == Side::Debit { posting.amount } else { -posting.amount };
            let place = (settlement, entry.period.to_string(), posting.symbol.to_string());
            let moved = self.moved.entry(place.clone()).or_default();
            *moved += Micros(amount.0 * times);
            if moved.is_zero() {
                self.moved.remove(&place);
            }
        }
    }

    fn pay(&mut self, place: usize, percent: i64, date: Day) -> Option<Payment> {
        let of = self.authorization(place)?;
        let open = (of.amount - of.paid).max(Micros::ZERO);
        let amount = open.share(Micros::units(percent), Micros::units(100)).round(of.currency.minor_digits());
        if amount.is_zero() {
            return None;
        }
        let action = Action::Pay {
            authorization: of.id,
            date,
            amount,
            currency: of.currency,
            reference: of.paid.to_string().into(),
            occurrence: 1,
        };
        self.command(action);
        Some(Payment { settlement: settlement_of(of), amount })
    }

    fn give_up(&mut self, place: usize, percent: i64, date: Day) -> Option<Payment> {
        let of = self.authorization(place)?;
        let (authorization, currency) = (of.id, of.currency);
        let settlement = settlement_of(of);
        let id = settlement.id();
        let owed = self.moved.iter().filter(|((of, _, account), _)| *of == id && account == "RC-CLAW");
        let owed: Micros = owed.map(|(_, amount)| *amount).sum();
        let amount = owed.share(Micros::units(percent), Micros::units(100)).round(currency.minor_digits());
        if amount.is_zero() || !self.given_up.insert((authorization, date, amount)) {
            return None;
        }
        self.command(Action::WriteOff { authorization, date, amount, currency, approved_by: "second".into() });
        Some(Payment { settlement, amount })
    }

    fn authorization(&self, place: usize) -> Option<Authorization> {
        let count = self.authorizations.len().max(1);
        self.authorizations.values().nth(place % count).cloned()
    }

    fn command(&mut self, action: Action) {
        let command = Command {
            actor: "first".into(),
            role: "finance".into(),
            reason: "drawn".into(),
            comment: String::new(),
            file: "commands.csv".into(),
            line_no: 1,
            action,
        };
        self.control(0, &Control::Command(Box::new(command)));
    }
}

fn settlement_of(authorization: Authorization) -> Settlement {
    let Authorization { program, version, beneficiary, period, currency, .. } = authorization;
    Settlement { program, version, beneficiary, period, currency }
}

/// Debits are credits, in both currencies, and the month is that of the date.
fn balanced(entry: JournalEntry) -> JournalEntry {
    let side = |side: Side| entry.postings.iter().filter(move |posting| posting.side == side);
    let amount = |of| side(of).map(|posting| posting.amount).sum::<Micros>();
    let functional = |of| side(of).filter_map(|posting| posting.functional).sum::<Micros>();
    assert_eq!(amount(Side::Debit), amount(Side::Credit), "{entry:?}");
    assert_eq!(functional(Side::Debit), functional(Side::Credit), "{entry:?}");
    assert_eq!(entry.period, Cadence::Month.label(entry.date), "{entry:?}");
    entry
}
