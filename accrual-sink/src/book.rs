//! What is accrued, authorised, paid and owed back for one settlement.
//!
//! All balances are a function of five sums, so that they never depend on the way that led to them:
//!
//! ```text
//! authorised = min(ordered, accrued)                          nothing before the first order or the close
//! over       = max(0, settled − taken back − authorised)      what was paid above it
//! written    = min(over, given up)                            what of that nobody gives back any more
//! clawback   = over − written                                 open
//! kept       = settled − taken back − over
//! LI-PAY     = authorised − kept
//! LI-ACC     = accrued − authorised − released
//! ```
//!
//! Until then LI-ACC follows what is due, below zero too: a period that begins with returns owes nothing back yet.
//! Each event moves the sums; the legs are the difference between the balances before and after. A fall of what is due
//! therefore meets first what is not authorised, then what is authorised and not paid, and only then what was paid.

use std::cmp::Ordering;

use contract::{
    AccountingClass, AccrualKind, AccrualMovement, Authorization, AuthorizationStatus, Day, Id, Micros, Settlement,
};
use serde::{Deserialize, Serialize};

use crate::carried::Carried;
use crate::templates::Template;

/// One movement of money between two accounts, to become a journal entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leg {
    pub template: Template,
    pub amount: Micros,
    pub debit: Option<Micros>,
    /// Differs from `debit` only where two balances of different rates meet.
    pub credit: Option<Micros>,
}

impl Leg {
    pub(crate) fn of(template: Template, moved: Carried) -> Leg {
        Leg { template, amount: moved.amount, debit: moved.functional, credit: moved.functional }
    }

    /// What is booked is worth so much more, or less.
    fn of_worth(template: Template, worth: Micros) -> Option<Leg> {
        (!worth.is_zero()).then(|| Leg::of(template, Carried::new(Micros::ZERO, Some(worth))))
    }

    /// Where only one side knows its rate, it holds for both: an entry balances.
    fn between(template: Template, debit: Carried, credit: Carried) -> Leg {
        Leg {
            template,
            amount: debit.amount,
            debit: debit.functional.or(credit.functional),
            credit: credit.functional.or(debit.functional),
        }
    }
}

/// An order of the ledger, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    pub id: Id,
    pub granted: Micros,
    /// Clawback of other settlements that was set off against it.
    pub offset: Micros,
    pub paid: Micros,
    pub date: Day,
    pub batch: u64,
    /// The claim line that is paid under it; `None` for what was taken back and is due again.
    pub claim: Option<Id>,
}

impl Grant {
    fn room(&self) -> Micros {
        (self.granted - self.offset - self.paid).max(Micros::ZERO)
    }
}

/// The balances of one settlement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    pub settlement: Settlement,
    pub class: AccountingClass,
    /// What is due, as the ledger says.
    pub accrued: Micros,
    /// Sum of all orders to pay.
    pub ordered: Micros,
    /// An order or the close has come: from here on what is due below what was paid is owed back at once.
    pub decided: bool,
    /// Paid, and set off against clawback of other settlements.
    pub settled: Micros,
    /// Clawback of this settlement that other settlements' payouts gave back.
    pub taken_back: Micros,
    /// Clawback of this settlement that persons gave up, of what was settled by then.
    pub given_up: Micros,
    /// LI-ACC.
    pub open: Carried,
    /// LI-PAY.
    pub payable: Carried,
    /// Settled and neither owed nor taken back.
    pub kept: Carried,
    /// RC-CLAW.
    pub clawback: Carried,
    /// EX-BAD: what was given up, as far as it would be owed back.
    pub written: Carried,
    /// Let go when the period closed (GL6).
    pub released: Carried,
    /// Posting dates of movements that came without a functional amount, since their sales had no rate; in order. One with such an
    /// amount says what all up to its date are worth.
    unvalued: Vec<Day>,
    /// What movements have been worth since then above what the journal has of them: booked with the one that values the last.
    unbooked: Micros,
    /// The batch in which the open clawback began; offsets take the oldest first.
    pub clawback_since: u64,
    /// The batch in which something became payable last; what takes back begins with the latest.
    pub payable_since: u64,
    pub grants: Vec<Grant>,
    pub(crate) batch: Batch,
}

/// What the batch with the latest movement has moved, as far as nothing was decided.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Batch {
    pub number: u64,
    /// LI-ACC as earlier batches left it, and [`Book::unvalued`].
    sealed: Carried,
    unvalued: Vec<Day>,
    /// In order of their dates.
    moves: Vec<Move>,
}

/// A movement of the open batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Move {
    id: Id,
    date: Day,
    kind: AccrualKind,
    change: Carried,
}

impl Move {
    fn leg(&self) -> Option<Leg> {
        let (kind, change) = (self.kind, self.change);
        match change.amount.cmp(&Micros::ZERO) {
            Ordering::Greater => Some(Leg::of(Template::rise(kind), change)),
            Ordering::Less => Some(Leg::of(Template::fall(kind), change.negated())),
            Ordering::Equal => Leg::of_worth(Template::rise(kind), change.posted()),
        }
    }
}

#[derive(Clone, Copy)]
struct Target {
    authorised: Micros,
    /// What was paid above it: owed back, or given up.
    over: Micros,
    written: Micros,
    payable: Micros,
}

impl Book {
    pub(crate) fn new(settlement: Settlement, class: AccountingClass) -> Book {
        Book {
            settlement,
            class,
            accrued: Micros::ZERO,
            ordered: Micros::ZERO,
            decided: false,
            settled: Micros::ZERO,
            taken_back: Micros::ZERO,
            given_up: Micros::ZERO,
            open: Carried::default(),
            payable: Carried::default(),
            kept: Carried::default(),
            clawback: Carried::default(),
            written: Carried::default(),
            released: Carried::default(),
            unvalued: Vec::new(),
            unbooked: Micros::ZERO,
            clawback_since: 0,
            payable_since: 0,
            grants: Vec::new(),
            batch: Batch::default(),
        }
    }

    pub fn authorised(&self) -> Micros {
        if self.decided { self.ordered.min(self.accrued) } else { Micros::ZERO }
    }

    /// Books a change of what is due.
    ///
    /// While nothing is decided, a change of the same batch and date takes the place of the one before, whose leg is
    /// given back: its entry is no longer booked.
    ///
    /// Invariant: what an earlier batch has booked is never touched.
    pub(crate) fn accrue(&mut self, moved: &AccrualMovement, digits: u32, legs: &mut Vec<Leg>) -> Option<Leg> {
        let (kind, change) = (moved.kind, Carried::new(moved.amount, moved.functional));
        let latest = self.batch.number;
        assert!(latest <= moved.batch, "batch {} after {latest} in {:?}", moved.batch, self.settlement);
        if latest != moved.batch {
            let (sealed, unvalued) = (self.open, self.unvalued.clone());
            self.batch = Batch { number: moved.batch, sealed, unvalued, moves: Vec::new() };
        }
        if !self.decided {
            return self.follow(Move { id: moved.id, date: moved.date, kind, change }, legs);
        }
        let booked = match change.amount.cmp(&Micros::ZERO) {
            Ordering::Greater => {
                self.rise(kind, change, digits, legs);
                change.posted().max(Micros::ZERO)
            }
            Ordering::Less => {
                self.fall(kind, change, digits, legs);
                change.posted().min(Micros::ZERO)
            }
            Ordering::Equal => Micros::ZERO,
        };
        if self.unvalued.is_empty() {
            note_value(&mut self.unvalued, moved.date, change.functional);
            return None;
        }
        self.unbooked += change.posted() - booked;
        note_value(&mut self.unvalued, moved.date, change.functional);
        if self.unvalued.is_empty() {
            let more = std::mem::take(&mut self.unbooked);
            self.value(kind, more, digits, legs);
        }
        None
    }

    /// All that is accrued has a worth now: `more` than the journal has. Balances without one share what is not in the others, in
    /// proportion to their amounts, and the journal follows the way of the money: accrued, let go or authorised, paid. What was
    /// owed back before stays without one.
    fn value(&mut self, kind: AccrualKind, more: Micros, digits: u32, legs: &mut Vec<Leg>) {
        let balances = [&mut self.open, &mut self.released, &mut self.payable, &mut self.kept];
        let before = balances.each_ref().map(|balance| balance.posted());
        let mut unvalued: Vec<&mut Carried> = balances.into_iter().filter(|one| one.functional.is_none()).collect();
        let posted: Micros = unvalued.iter().map(|balance| balance.posted()).sum();
        let amount: Micros = unvalued.iter().map(|balance| balance.amount).sum();
        if amount.is_zero() && posted + more != Micros::ZERO {
            return;
        }
        let mut rest = Carried::new(amount, Some(posted + more));
        // The last one takes what is left; an empty one has nothing.
        unvalued.sort_by_key(|balance| !balance.amount.is_zero());
        for balance in unvalued {
            let has_part = !balance.amount.is_zero() && !rest.amount.is_zero();
            let part = if has_part { rest.part(balance.amount, digits) } else { Carried::default() };
            balance.value(part.posted());
            rest.shift(part.negated());
        }
        let after = [self.open, self.released, self.payable, self.kept].map(|balance| balance.posted());
        let [_, released, payable, kept] = std::array::from_fn(|at| after[at] - before[at]);
        let ways = [
            (Template::rise(kind), more),
            (Template::Released, released),
            (Template::Authorised, payable + kept),
            (Template::Paid, kept),
        ];
        legs.extend(ways.into_iter().filter_map(|(template, worth)| Leg::of_worth(template, worth)));
    }

    /// Nothing is decided yet: the exact change at its own rate.
    fn follow(&mut self, new: Move, legs: &mut Vec<Leg>) -> Option<Leg> {
        let moves = &mut self.batch.moves;
        let at = moves.partition_point(|other| other.date < new.date);
        let old = moves.get(at).copied().filter(|other| other.date == new.date);
        moves.splice(at..at + usize::from(old.is_some()), Some(new).filter(|new| new.leg().is_some()));
        self.open = self.batch.sealed;
        self.unvalued.clone_from(&self.batch.unvalued);
        for Move { change, date, .. } in &self.batch.moves {
            self.open.shift(*change);
            note_value(&mut self.unvalued, *date, change.functional);
        }
        if self.unvalued.is_empty() {
            self.open.value(self.open.posted());
        }
        self.accrued = self.open.amount;
        legs.extend(new.leg());
        old.and_then(|old| old.leg())
    }

    /// What the batch has booked so far, while nothing is decided: movement, date and leg of each entry.
    pub(crate) fn drafts(&self) -> impl Iterator<Item = (Id, Day, Leg)> {
        self.batch.moves.iter().filter_map(|draft| Some((draft.id, draft.date, draft.leg()?)))
    }

    fn rise(&mut self, kind: AccrualKind, change: Carried, digits: u32, legs: &mut Vec<Leg>) {
        let before = self.target();
        self.accrued += change.amount;
        let after = self.target();
        self.undo_write_off(before.written - after.written, digits, legs);
        let no_longer_owed = before.over - after.over;
        let worth = Carried::new(change.amount, change.functional.map(|f| f.max(Micros::ZERO)));
        if !no_longer_owed.is_zero() {
            let moved = self.clawback.take(no_longer_owed, digits);
            self.kept.add(moved);
            legs.push(Leg::between(Template::ClawbackUndone, worth.part(no_longer_owed, digits), moved));
        }
        let rest = change.amount - no_longer_owed;
        if !rest.is_zero() {
            let moved = worth.part(rest, digits);
            self.open.add(moved);
            legs.push(Leg::of(Template::rise(kind), moved));
        }
        self.authorise(after.payable - before.payable, digits, legs);
    }

    fn fall(&mut self, kind: AccrualKind, change: Carried, digits: u32, legs: &mut Vec<Leg>) {
        let fall = Carried::new(-change.amount, change.functional.map(|f| (-f).max(Micros::ZERO)));
        let mut rest = fall;
        let before = self.target();
        self.accrued = self.accrued - fall.amount;
        let after = self.target();
        let from_payable = before.payable - after.payable;
        let owed = after.over - before.over;
        let from_open = fall.amount - from_payable - owed;
        self.undo_release(from_open - self.open.amount, digits, legs);
        if !from_open.is_zero() {
            let own = rest.take(from_open, digits);
            legs.push(Leg::of(Template::fall(kind), self.open.take_at(from_open, own.functional)));
        }
        // What is earned no more goes at its own worth. Once some was paid, what is payable and what was paid are worth what they
        // are on the whole: the difference is one of exchange.
        if !from_payable.is_zero() {
            let own = rest.take(from_payable, digits);
            let moved = match self.settled.is_zero() {
                true => self.payable.take_at(from_payable, own.functional),
                false => self.payable.take(from_payable, digits),
            };
            legs.push(Leg::between(Template::ReversedPayable, moved, own));
        }
        if !owed.is_zero() {
            let moved = self.take_kept(owed, fall, digits);
            self.clawback.add(moved);
            legs.push(Leg::between(Template::ClawedBack, moved, rest.take(owed, digits)));
        }
        self.write(after.written - before.written, digits, legs);
    }

    /// Takes what becomes owed out of what was paid. Where more becomes owed than was ever paid (a negative due), the
    /// rest is worth what the fall says.
    fn take_kept(&mut self, owed: Micros, fall: Carried, digits: u32) -> Carried {
        let paid_part = owed.min(self.kept.amount.max(Micros::ZERO));
        let mut moved = Carried::default();
        if !paid_part.is_zero() {
            moved.add(self.kept.take(paid_part, digits));
        }
        let rest = owed - paid_part;
        if !rest.is_zero() {
            let worth = fall.part(rest, digits);
            self.kept.add(worth.negated());
            moved.add(worth);
        }
        moved
    }

    /// Books the ledger's word that `grant.granted` more may be paid.
    ///
    /// All orders together reach no further than what is due: one for what has already come back by itself, since an
    /// earlier order covered it, adds nothing and leaves no grant.
    pub(crate) fn order(&mut self, mut grant: Grant, digits: u32, legs: &mut Vec<Leg>) {
        grant.granted = (self.accrued - self.ordered).min(grant.granted);
        if grant.granted > Micros::ZERO {
            self.grant(grant, digits, legs);
        }
    }

    /// Books that the beneficiary keeps what it has deducted, under a grant of its own for as much of it as is due and was
    /// not ordered before and what of the rest other grants have left to pay, which is theirs no more; returns what of it was
    /// above everything payable and is owed back.
    pub(crate) fn keep(&mut self, mut grant: Grant, kept: Micros, rate: Rate, legs: &mut Vec<Leg>) -> Micros {
        self.decide(legs);
        grant.granted = (self.accrued - self.ordered).min(grant.granted).max(Micros::ZERO);
        self.grant(grant, rate.digits, legs);
        self.take(self.grants.len() - 1, kept, (Template::Kept, Template::KeptOver), rate, legs)
    }

    fn grant(&mut self, grant: Grant, digits: u32, legs: &mut Vec<Leg>) {
        self.decided = true;
        let before = self.target();
        self.ordered += grant.granted;
        self.grants.push(grant);
        let after = self.target();
        self.authorise(after.authorised - before.authorised, digits, legs);
        self.undo_write_off(before.written - after.written, digits, legs);
        let no_longer_owed = before.over - after.over;
        if !no_longer_owed.is_zero() {
            let debit = self.payable.take(no_longer_owed, digits);
            let credit = self.clawback.take(no_longer_owed, digits);
            self.kept.add(debit);
            legs.push(Leg::between(Template::Offset, debit, credit));
        }
    }

    /// Moves to a grant what it lacks of an amount that is paid under it, as far as that is payable under the others, the latest of
    /// them first: what is paid above a grant is paid out of the rest of the settlement, and theirs no more.
    fn regrant(&mut self, at: usize, amount: Micros) {
        let payables = self.payables();
        let mut lacking = (amount - self.grants[at].room()).max(Micros::ZERO);
        for other in (0..payables.len()).rev().filter(|other| *other != at) {
            let part = lacking.min(payables[other]);
            self.grants[other].granted = self.grants[other].granted - part;
            self.grants[at].granted += part;
            lacking = lacking - part;
        }
    }

    fn authorise(&mut self, amount: Micros, digits: u32, legs: &mut Vec<Leg>) {
        if amount.is_zero() {
            return;
        }
        self.undo_release(amount - self.open.amount, digits, legs);
        let moved = self.open.take(amount, digits);
        self.payable.add(moved);
        legs.push(Leg::of(Template::Authorised, moved));
    }

    fn undo_release(&mut self, lacking: Micros, digits: u32, legs: &mut Vec<Leg>) {
        if lacking > Micros::ZERO {
            let moved = self.released.take(lacking, digits);
            self.open.add(moved);
            legs.push(Leg::of(Template::ReleaseUndone, moved));
        }
    }

    /// From here on nothing that is due is below zero: that is owed back.
    fn decide(&mut self, legs: &mut Vec<Leg>) {
        self.decided = true;
        if self.open.amount < Micros::ZERO {
            let owed = std::mem::take(&mut self.open).negated();
            self.clawback.add(owed);
            self.kept.add(owed.negated());
            legs.push(Leg::of(Template::NegativeOwed, owed));
        }
    }

    /// The period closed: lets go what was accrued and never authorised.
    pub(crate) fn close(&mut self, digits: u32, legs: &mut Vec<Leg>) {
        self.decide(legs);
        let rest = self.open.amount;
        if rest > Micros::ZERO {
            let moved = self.open.take(rest, digits);
            self.released.add(moved);
            legs.push(Leg::of(Template::Released, moved));
        }
    }

    /// Books a payment; returns what of it was above everything payable and is owed back.
    pub(crate) fn pay(&mut self, grant: usize, amount: Micros, rate: Rate, legs: &mut Vec<Leg>) -> Micros {
        self.take(grant, amount, (Template::Paid, Template::PaidOver), rate, legs)
    }

    /// The same, by the templates for what was payable and for what is above it.
    fn take(
        &mut self,
        grant: usize,
        amount: Micros,
        (within, above): (Template, Template),
        rate: Rate,
        legs: &mut Vec<Leg>,
    ) -> Micros {
        self.regrant(grant, amount);
        let before = self.target();
        self.settle(amount);
        self.grants[grant].paid += amount;
        let after = self.target();
        let over = after.over - before.over;
        let owed_worth = self.payable.worth(over, rate.digits).or_else(|| self.kept.worth(over, rate.digits));
        let expected = amount - over;
        if !expected.is_zero() {
            let moved = self.payable.take(expected, rate.digits);
            self.kept.add(moved);
            legs.push(Leg::of(within, moved));
        }
        if !over.is_zero() {
            let moved = Carried::new(over, if rate.same_currency { Some(over) } else { owed_worth });
            self.clawback.add(moved);
            legs.push(Leg::of(above, moved));
        }
        over
    }

    /// Moves what is settled. What persons gave up before covers none of it: of that no more stays than is written off now.
    fn settle(&mut self, amount: Micros) {
        self.given_up = self.target().written;
        self.settled += amount;
    }

    /// Gives up open clawback, at most so much of it; returns how much.
    pub(crate) fn give_up(&mut self, most: Micros, digits: u32, legs: &mut Vec<Leg>) -> Micros {
        let amount = most.min(self.clawback.amount);
        self.given_up += amount;
        self.write(amount, digits, legs);
        amount
    }

    fn write(&mut self, amount: Micros, digits: u32, legs: &mut Vec<Leg>) {
        if amount > Micros::ZERO {
            let moved = self.clawback.take(amount, digits);
            self.written.add(moved);
            legs.push(Leg::of(Template::WrittenOff, moved));
        }
    }

    fn undo_write_off(&mut self, amount: Micros, digits: u32, legs: &mut Vec<Leg>) {
        if amount > Micros::ZERO {
            let moved = self.written.take(amount, digits);
            self.clawback.add(moved);
            legs.push(Leg::of(Template::WriteOffUndone, moved));
        }
    }

    /// Sets open clawback of `debtor` off against what is payable here.
    pub(crate) fn set_off(&mut self, debtor: &mut Book, digits: u32, legs: &mut Vec<Leg>) {
        let amount = debtor.clawback.amount.min(self.payable.amount);
        self.note_offset(amount);
        let credit = debtor.clawback.take(amount, digits);
        let debit = match self.payable.functional {
            Some(_) => self.payable.take(amount, digits),
            None => self.payable.take_at(amount, credit.functional),
        };
        self.kept.add(debit);
        self.settle(amount);
        debtor.taken_back += amount;
        legs.push(Leg::between(Template::Offset, debit, credit));
    }

    /// Notes an offset on the grants that are payable, the latest first.
    fn note_offset(&mut self, amount: Micros) {
        let payables = self.payables();
        let mut rest = amount;
        for (grant, payable) in self.grants.iter_mut().zip(payables).rev() {
            let part = rest.min(payable);
            grant.offset += part;
            rest = rest - part;
        }
        assert!(rest.is_zero(), "offset of {amount} is {rest} above what is payable");
    }

    /// What is still payable under each grant: the older ones first, as far as it is due.
    pub(crate) fn payables(&self) -> Vec<Micros> {
        let mut rest = self.payable.amount;
        self.grants
            .iter()
            .map(|grant| {
                let part = rest.min(grant.room());
                rest = rest - part;
                part
            })
            .collect()
    }

    /// What is payable and has no grant to be paid under: it was taken back and has become due again.
    pub(crate) fn ungranted(&self) -> Micros {
        (self.payable.amount - self.grants.iter().map(Grant::room).sum()).max(Micros::ZERO)
    }

    /// The grants as readers outside see them.
    pub(crate) fn authorizations(&self) -> Vec<Authorization> {
        self.grants.iter().zip(self.payables()).map(|(grant, payable)| self.authorization(grant, payable)).collect()
    }

    fn authorization(&self, grant: &Grant, payable: Micros) -> Authorization {
        let settlement = &self.settlement;
        let status = match (payable.is_zero(), (grant.paid + grant.offset).is_zero()) {
            (false, _) => AuthorizationStatus::Authorised,
            (true, false) => AuthorizationStatus::Paid,
            (true, true) => AuthorizationStatus::Void,
        };
        Authorization {
            id: grant.id,
            program: settlement.program.clone(),
            version: settlement.version,
            beneficiary: settlement.beneficiary.clone(),
            period: settlement.period.clone(),
            amount: payable + grant.paid.min((grant.granted - grant.offset).max(Micros::ZERO)),
            currency: settlement.currency,
            status,
            paid: grant.paid,
            offset: grant.offset,
            decided_by: "auto".into(),
            date: grant.date,
            batch: grant.batch,
            claim: grant.claim,
        }
    }

    fn target(&self) -> Target {
        let authorised = self.authorised();
        let held = self.settled - self.taken_back;
        let over = (held - authorised).max(Micros::ZERO);
        Target { authorised, over, written: over.min(self.given_up), payable: authorised - (held - over) }
    }

    /// The law of money: paid − open, offset or written-off clawback ≤ authorised ≤ accrued = due.
    ///
    /// Gives the first breach with its numbers; one is our bug.
    pub fn breach(&self) -> Option<String> {
        let target = self.target();
        let held = self.settled - self.taken_back;
        let granted: Micros = self.grants.iter().map(|g| g.paid + g.offset).sum();
        let equal = [
            ("open clawback", self.clawback.amount, target.over - target.written),
            ("written off", self.written.amount, target.written),
            ("payable", self.payable.amount, target.payable),
            ("kept", self.kept.amount, held - target.over),
            ("accrued and open", self.open.amount, self.accrued - target.authorised - self.released.amount),
            ("settled by grant", granted, self.settled),
            ("payable without a grant", self.ungranted(), Micros::ZERO),
        ];
        let ordered = [
            ("kept and authorised", self.kept.amount, target.authorised),
            ("authorised and accrued", target.authorised, if self.decided { self.accrued } else { Micros::ZERO }),
            ("nothing and accrued open", Micros::ZERO, if self.decided { self.open.amount } else { Micros::ZERO }),
            ("nothing and released", Micros::ZERO, self.released.amount),
            ("nothing and payable", Micros::ZERO, self.payable.amount),
        ];
        let unequal = equal.iter().find(|(_, left, right)| left != right);
        let unordered = ordered.iter().find(|(_, left, right)| left > right);
        let (what, left, right) = unequal.or(unordered)?;
        Some(format!("{what}: {left} against {right} in {:?}", self.settlement))
    }
}

/// A movement of a date has come: with a functional amount it says what all up to there are worth.
fn note_value(unvalued: &mut Vec<Day>, date: Day, functional: Option<Micros>) {
    match functional {
        Some(_) => unvalued.retain(|day| *day > date),
        None => {
            unvalued.retain(|day| *day != date);
            unvalued.push(date);
            unvalued.sort_unstable();
        }
    }
}

/// How a payment is valued in the books' own currency.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    /// The settlement is in the books' own currency.
    pub same_currency: bool,
    /// Decimals of the functional currency.
    pub digits: u32,
}
