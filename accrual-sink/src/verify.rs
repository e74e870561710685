//! Checks the books against themselves: views, state and journal must tell the same.
//!
//! Feed every record of the views and every partition's state to a [`Verification`], in any order (audit records in
//! the order of their view), then ask for the verdict.

use std::collections::{BTreeMap, BTreeSet};

use contract::{
    AccrualMovement, AuditRecord, Authorization, AuthorizationStatus, Currency, EstimateMovement, Id, JournalEntry,
    Micros, Payment, Posting, Side, Text,
};
use stream::{Order, State, StorageError};

use crate::book::Book;
use crate::carried::Carried;
use crate::estimate::Estimate;
use crate::posting::imbalance;
use crate::tables::{BOOKS, CLAWBACKS, ESTIMATES, OVERDUE, PAGE, PAYABLES, PAYEES, UNPAID, after};

/// One invariant with how often it was evaluated. Zero evaluations prove nothing and are to be reported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Check {
    pub name: &'static str,
    pub evaluations: u64,
    pub violations: u64,
    /// The first violations, for people.
    pub examples: Vec<String>,
}

const EXAMPLES_MAX: usize = 10;

impl Check {
    fn new(name: &'static str) -> Check {
        Check { name, ..Check::default() }
    }

    fn note(&mut self, problem: Option<String>) {
        self.evaluations += 1;
        let Some(problem) = problem else { return };
        self.violations += 1;
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(problem);
        }
    }

    fn equal<T: PartialEq + std::fmt::Debug>(&mut self, what: &dyn std::fmt::Debug, left: T, right: T) {
        let problem = (left != right).then(|| format!("{left:?} against {right:?} for {what:?}"));
        self.note(problem);
    }
}

/// Debits less credits, with the functional sum where every posting has one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    amount: Micros,
    functional: Micros,
    unknown: bool,
}

impl Sum {
    fn add(&mut self, posting: &Posting) {
        let sign = |value: Micros| if posting.side == Side::Debit { value } else { -value };
        self.amount += sign(posting.amount);
        self.functional += posting.functional.map_or(Micros::ZERO, sign);
        self.unknown |= posting.functional.is_none();
    }
}

/// What the journal says of one settlement.
#[derive(Clone, Copy, Debug, Default)]
struct Recomputed {
    accrued: Sum,
    payable: Sum,
    cost: Sum,
    clawback: Micros,
    written: Micros,
    moved: Micros,
}

/// What journal and movements say of one settlement's estimates.
#[derive(Clone, Copy, Debug, Default)]
struct Estimated {
    /// LI-EST, and what is booked against it.
    open: Sum,
    cost: Sum,
    /// Estimated less relieved less lapsed.
    moved: Micros,
}

/// Gathers what there is, then judges.
#[derive(Default)]
pub struct Verification {
    entries: Check,
    settlements: BTreeMap<Id, Recomputed>,
    /// CASH and AR by beneficiary.
    cash: BTreeMap<(Text, Currency), Micros>,
    authorizations: BTreeMap<Id, Authorization>,
    payments: BTreeMap<Id, Micros>,
    paid: BTreeMap<(Text, Currency), Micros>,
    books: BTreeMap<Id, Book>,
    /// By settlement, as views and state have them.
    estimated: BTreeMap<Id, Estimated>,
    estimates: BTreeMap<Id, Estimate>,
    /// Ends of the beneficiaries' audit chains, as the state keeps them.
    payees: BTreeMap<Text, (u64, [u8; 32])>,
    /// Settlements that the index of open clawback names.
    indexed: BTreeSet<Id>,
    /// Settlements that the index of what is payable names.
    payable: BTreeSet<Id>,
    /// Authorizations that are watched until they are paid.
    watched: BTreeSet<Id>,
    chains: BTreeMap<Text, (u64, [u8; 32])>,
    audit: Check,
}

impl Verification {
    pub fn new() -> Verification {
        Verification {
            entries: Check::new("every journal entry balances in both currencies"),
            audit: Check::new("audit chains are gapless and their hashes hold"),
            ..Verification::default()
        }
    }

    pub fn entry(&mut self, entry: &JournalEntry) {
        let problem = imbalance(entry).map(|why| format!("{}: {why}", entry.id));
        self.entries.note(problem);
        if entry.source_kind == "estimate" {
            return self.estimate_entry(entry);
        }
        let debtor = entry.taken_back.as_ref().map_or(entry.settlement, |back| back.settlement);
        for posting in &entry.postings {
            let sign = if posting.side == Side::Debit { posting.amount } else { -posting.amount };
            let sums = self.settlements.entry(entry.settlement).or_default();
            match posting.symbol.as_str() {
                "LI-ACC" | "LI-PTS" => sums.accrued.add(posting),
                "LI-PAY" => sums.payable.add(posting),
                "RC-CLAW" => self.settlements.entry(debtor).or_default().clawback += sign,
                "CASH" | "AR" => *self.cash.entry((entry.beneficiary.clone(), posting.currency)).or_default() += sign,
                "EX-BAD" => sums.written += sign,
                "FX-PL" => {}
                _ => sums.cost.add(posting),
            }
        }
    }

    fn estimate_entry(&mut self, entry: &JournalEntry) {
        let sums = self.estimated.entry(entry.settlement).or_default();
        for posting in &entry.postings {
            if posting.symbol == "LI-EST" { sums.open.add(posting) } else { sums.cost.add(posting) }
        }
    }

    pub fn estimate(&mut self, movement: &EstimateMovement) {
        let sums = self.estimated.entry(movement.settlement.id()).or_default();
        sums.moved += if movement.kind.adds() { movement.amount } else { -movement.amount };
    }

    pub fn movement(&mut self, movement: &AccrualMovement) {
        self.settlements.entry(movement.settlement.id()).or_default().moved += movement.amount;
    }

    pub fn authorization(&mut self, authorization: &Authorization) {
        self.authorizations.insert(authorization.id, authorization.clone());
    }

    pub fn payment(&mut self, payment: &Payment) {
        *self.payments.entry(payment.authorization).or_default() += payment.amount;
        *self.paid.entry((payment.beneficiary.clone(), payment.currency)).or_default() += payment.amount;
    }

    /// Records of one chain must come in their order.
    pub fn audit(&mut self, record: &AuditRecord) {
        let (seq, hash) = self.chains.get(&record.chain).copied().unwrap_or((0, [0; 32]));
        let problem = if record.seq != seq + 1 {
            Some(format!("{}: {} follows {seq}", record.chain, record.seq))
        } else if record.previous_hash != hash {
            Some(format!("{} {}: the previous hash is another", record.chain, record.seq))
        } else if record.clone().sealed().hash != record.hash {
            Some(format!("{} {}: the content does not have its hash", record.chain, record.seq))
        } else {
            None
        };
        self.audit.note(problem);
        self.chains.insert(record.chain.clone(), (record.seq, record.hash));
    }

    /// The state of one partition.
    pub fn state(&mut self, state: &mut dyn State) -> Result<(), StorageError> {
        let (mut from, end) = (([0; 16],), ([0xff; 16],));
        loop {
            let page = BOOKS.range(state, &from, &end, Order::Up, PAGE)?;
            let Some(((last,), _)) = page.last() else { break };
            from = (after(*last),);
            self.books.extend(page.into_iter().map(|((id,), book)| (Id(id), book)));
        }
        let (mut from, end) = (([0; 16],), ([0xff; 16],));
        loop {
            let page = ESTIMATES.range(state, &from, &end, Order::Up, PAGE)?;
            let Some(((last,), _)) = page.last() else { break };
            from = (after(*last),);
            self.estimates.extend(page.into_iter().map(|((id,), estimate)| (Id(id), estimate)));
        }
        self.payees(state)?;
        self.indexed(state)?;
        self.payable(state)?;
        self.watched(state)
    }

    fn watched(&mut self, state: &mut dyn State) -> Result<(), StorageError> {
        let mut from = (i32::MIN, [0; 16]);
        loop {
            let page = UNPAID.range(state, &from, &(i32::MAX, [0xff; 16]), Order::Up, PAGE)?;
            let Some(((day, last), _)) = page.last() else { break };
            from = (*day, after(*last));
            self.watched.extend(page.into_iter().map(|((_, id), _)| Id(id)));
        }
        let mut from = [0; 16];
        loop {
            let page = OVERDUE.range(state, &(from,), &([0xff; 16],), Order::Up, PAGE)?;
            let Some(((last,), _)) = page.last() else { return Ok(()) };
            from = after(*last);
            self.watched.extend(page.into_iter().map(|((id,), _)| Id(id)));
        }
    }

    fn payees(&mut self, state: &mut dyn State) -> Result<(), StorageError> {
        let mut from = String::new();
        loop {
            let page = PAYEES.range(state, &from, &"\u{10ffff}".to_owned(), Order::Up, PAGE)?;
            let Some((last, _)) = page.last() else { break };
            from = format!("{last}\u{1}");
            self.payees
                .extend(page.into_iter().map(|(name, payee)| (name.into(), (payee.audit_seq, payee.audit_hash))));
        }
        Ok(())
    }

    fn indexed(&mut self, state: &mut dyn State) -> Result<(), StorageError> {
        let last = ("\u{10ffff}".to_owned(), String::new(), 0, [0; 16]);
        let mut from = (String::new(), String::new(), 0, [0; 16]);
        loop {
            let page = CLAWBACKS.range(state, &from, &last, Order::Up, PAGE)?;
            let Some(((beneficiary, currency, since, id), ())) = page.last() else { break };
            from = (beneficiary.clone(), currency.clone(), *since, after(*id));
            self.indexed.extend(page.into_iter().map(|((_, _, _, id), ())| Id(id)));
        }
        Ok(())
    }

    fn payable(&mut self, state: &mut dyn State) -> Result<(), StorageError> {
        let last = ("\u{10ffff}".to_owned(), String::new(), 0, [0; 16]);
        let mut from = (String::new(), String::new(), 0, [0; 16]);
        loop {
            let page = PAYABLES.range(state, &from, &last, Order::Up, PAGE)?;
            let Some(((beneficiary, currency, since, id), ())) = page.last() else { return Ok(()) };
            from = (beneficiary.clone(), currency.clone(), *since, after(*id));
            self.payable.extend(page.into_iter().map(|((_, _, _, id), ())| Id(id)));
        }
    }

    /// The verdict, one check for each invariant.
    pub fn finish(self) -> Vec<Check> {
        let chains = self.chain_ends();
        let (law, movements, liabilities) = (self.law(), self.movements(), self.liabilities());
        let netted = self.netted();
        let (functional, cash, authorised) = (self.functional(), self.cash(), self.authorised());
        let estimates = self.estimates();
        let ends = [estimates, chains, self.audit];
        [self.entries, law, netted, movements, liabilities, functional, cash, authorised]
            .into_iter()
            .chain(ends)
            .collect()
    }

    fn law(&self) -> Check {
        let mut check = Check::new("paid less clawback <= authorised <= accrued; clawback is what was paid above");
        for book in self.books.values() {
            check.note(book.breach());
        }
        check
    }

    /// What a beneficiary owes back is taken off what is payable to it.
    fn netted(&self) -> Check {
        let mut check = Check::new("nobody to whom something is payable owes something back in the same currency");
        let mut sums: BTreeMap<(&Text, Currency), (Micros, Micros)> = BTreeMap::new();
        for Book { settlement, payable, clawback, .. } in self.books.values() {
            let sum = sums.entry((&settlement.beneficiary, settlement.currency)).or_default();
            *sum = (sum.0 + payable.amount, sum.1 + clawback.amount);
        }
        for (whose, (payable, owed)) in sums {
            let both = !payable.is_zero() && !owed.is_zero();
            check.note(both.then(|| format!("{payable} is payable and {owed} owed back of {whose:?}")));
        }
        check
    }

    /// Sums of the movements view, and costs in the journal, against what the books say is due.
    fn movements(&self) -> Check {
        let mut check = Check::new("movements add up to accrued, costs to accrued less released");
        for id in self.every_settlement() {
            let sums = self.settlements.get(&id).copied().unwrap_or_default();
            let (accrued, released) =
                self.books.get(&id).map_or_else(Default::default, |b| (b.accrued, b.released.amount));
            check.equal(&id, (sums.moved, sums.cost.amount), (accrued, accrued - released));
        }
        check
    }

    fn liabilities(&self) -> Check {
        let mut check = Check::new("LI-ACC and LI-PAY in the journal are accrued less settled and released");
        for id in self.every_settlement() {
            let sums = self.settlements.get(&id).copied().unwrap_or_default();
            let Some(book) = self.books.get(&id) else {
                check.note(Some(format!("{id} has entries and no books")));
                continue;
            };
            let posted = (-sums.accrued.amount, -sums.payable.amount);
            check.equal(&book.settlement, posted, (book.open.amount, book.payable.amount));
            let open = book.accrued - book.kept.amount - book.released.amount;
            check.equal(&book.settlement, posted.0 + posted.1, open);
        }
        check
    }

    /// Balances whose functional amount is known throughout.
    fn functional(&self) -> Check {
        let mut check = Check::new("liabilities in the functional currency, zero where the amount is zero");
        for (id, book) in &self.books {
            let Some(sums) = self.settlements.get(id) else { continue };
            for (sum, balance) in [(sums.accrued, book.open), (sums.payable, book.payable)] {
                if sum.unknown || balance.functional.is_none() {
                    continue;
                }
                let posted = Carried::new(-sum.amount, Some(-sum.functional));
                check.equal(&book.settlement, posted, balance);
            }
        }
        check
    }

    /// RC-CLAW is what the books hold open, EX-BAD what they gave up; CASH is what the payments say.
    fn cash(&self) -> Check {
        let mut check = Check::new("RC-CLAW is each settlement's open clawback, CASH each beneficiary's payments");
        for id in self.every_settlement() {
            let posted = self.settlements.get(&id).map_or(Micros::ZERO, |sums| sums.clawback);
            check.equal(&id, posted, self.books.get(&id).map_or(Micros::ZERO, |book| book.clawback.amount));
            let written = self.settlements.get(&id).map_or(Micros::ZERO, |sums| sums.written);
            check.equal(&id, written, self.books.get(&id).map_or(Micros::ZERO, |book| book.written.amount));
        }
        let open = self.books.iter().filter(|(_, book)| !book.clawback.amount.is_zero());
        check.equal(&"the index of open clawback", &self.indexed, &open.map(|(id, _)| *id).collect());
        for key in self.paid.keys().chain(self.cash.keys()).collect::<BTreeSet<_>>() {
            let of = |sums: &BTreeMap<_, Micros>| sums.get(key).copied().unwrap_or_default();
            check.equal(key, of(&self.cash), -of(&self.paid));
        }
        check
    }

    /// Each authorization rests on a grant, says what the books say, and its payments add up.
    fn authorised(&self) -> Check {
        let mut check = Check::new("authorizations rest on their books and their payments add up");
        let expected: BTreeMap<Id, Authorization> =
            self.books.values().flat_map(Book::authorizations).map(|a| (a.id, a)).collect();
        let ids: BTreeSet<&Id> =
            expected.keys().chain(self.authorizations.keys()).chain(self.payments.keys()).collect();
        for id in ids {
            check.equal(id, self.authorizations.get(id), expected.get(id));
            let paid = self.payments.get(id).copied().unwrap_or_default();
            check.equal(id, Some(paid), expected.get(id).map(|a| a.paid));
        }
        let payable = expected.values().filter(|a| a.status == AuthorizationStatus::Authorised);
        check.equal(&"what is watched until it is paid", &self.watched, &payable.map(|a| a.id).collect());
        let payable = self.books.iter().filter(|(_, book)| !book.payable.amount.is_zero());
        check.equal(&"the index of what is payable", &self.payable, &payable.map(|(id, _)| *id).collect());
        check
    }

    /// What is estimated is on its own account, and nowhere else.
    fn estimates(&self) -> Check {
        let mut check = Check::new("LI-EST in the journal is estimated less relieved and lapsed, never below zero");
        let ids: BTreeSet<&Id> = self.estimated.keys().chain(self.estimates.keys()).collect();
        for id in ids {
            let Estimated { open, cost, moved } = self.estimated.get(id).copied().unwrap_or_default();
            let Some(Estimate { settlement, open: balance }) = self.estimates.get(id) else {
                check.note(Some(format!("{id} has estimates and no balance")));
                continue;
            };
            check.equal(
                settlement,
                (-open.amount, cost.amount, moved),
                (balance.amount, balance.amount, balance.amount),
            );
            check.note(
                (balance.amount < Micros::ZERO).then(|| format!("{} is open for {settlement:?}", balance.amount)),
            );
            if let Some(functional) = balance.functional.filter(|_| !open.unknown) {
                check.equal(settlement, -open.functional, functional);
            }
        }
        check
    }

    /// No record is missing at the end of a chain.
    fn chain_ends(&self) -> Check {
        let mut check = Check::new("chains of beneficiaries end where their state says");
        for (beneficiary, end) in &self.payees {
            let chain = self.chains.get(format!("beneficiary/{beneficiary}").as_str()).copied();
            check.equal(beneficiary, chain.unwrap_or_default(), *end);
        }
        check
    }

    fn every_settlement(&self) -> BTreeSet<Id> {
        self.books.keys().chain(self.settlements.keys()).copied().collect()
    }
}
