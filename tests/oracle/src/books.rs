//! The books, reckoned anew from sums after each event: what every account moved in every month (domain notes §5.3).
//!
//! There are no entries here and no templates. What stands on an account is a function of what is due, ordered, paid and
//! set off; an event books the difference that it makes.

use std::collections::{BTreeMap, BTreeSet};

use contract::{AccountingClass, AccrualEvent, Cadence, Day, Id, Micros, Settlement};

/// Settlement, accounting month, account of the templates.
pub type Place = (Id, String, &'static str);

/// Follows what the ledger says and what was paid.
#[derive(Default)]
pub struct Books {
    sums: BTreeMap<Settlement, Sums>,
    /// Debits less credits.
    moved: BTreeMap<Place, Micros>,
}

#[derive(Clone, Default)]
struct Sums {
    class: AccountingClass,
    /// As the batch left each.
    movements: BTreeMap<Id, Micros>,
    orders: BTreeSet<Id>,
    ordered: Micros,
    /// Something was ordered, or the period closed.
    decided: bool,
    paid: Micros,
    /// Deducted from invoices, and accepted.
    kept: Micros,
    /// Set off against what others of the beneficiary owed back, and set off against what this one did.
    given: Micros,
    taken_back: Micros,
    /// Of what was owed back, given up by persons; nothing of what was paid or set off since.
    given_up: Micros,
    /// Let go at the close.
    released: Micros,
    /// The batch in which it came to owe something back.
    owes_since: u64,
    /// The batch in which something of it became payable last.
    payable_since: u64,
}

impl Sums {
    fn accrued(&self) -> Micros {
        self.movements.values().copied().sum()
    }

    fn authorised(&self) -> Micros {
        if self.decided { self.ordered.min(self.accrued()) } else { Micros::ZERO }
    }

    fn held(&self) -> Micros {
        self.paid + self.kept + self.given - self.taken_back
    }

    fn above(&self) -> Micros {
        (self.held() - self.authorised()).max(Micros::ZERO)
    }

    fn written_off(&self) -> Micros {
        self.above().min(self.given_up)
    }

    fn owed_back(&self) -> Micros {
        self.above() - self.written_off()
    }

    fn payable(&self) -> Micros {
        self.authorised() - (self.held() - self.above())
    }

    fn open(&self) -> Micros {
        self.accrued() - self.authorised() - self.released
    }

    /// What stands on each account, debits less credits.
    fn balances(&self) -> [(&'static str, Micros); 8] {
        let cost = cost_account(self.class);
        let (liability, let_go, paid_from) = match self.class {
            AccountingClass::Points => ("LI-PTS", "BRK", "CASH"),
            AccountingClass::PriceProtection | AccountingClass::ShipAndDebit => ("LI-ACC", cost, "AR"),
            _ => ("LI-ACC", cost, "CASH"),
        };
        [
            (cost, self.accrued()),
            (let_go, -self.released),
            (liability, -self.open()),
            ("LI-PAY", -self.payable()),
            ("RC-CLAW", self.owed_back()),
            ("EX-BAD", self.written_off()),
            (paid_from, -self.paid),
            ("AR", -self.kept),
        ]
    }
}

/// Where what a program costs stands.
pub(crate) fn cost_account(class: AccountingClass) -> &'static str {
    match class {
        AccountingClass::ContraRevenue | AccountingClass::Points => "CR-REB",
        AccountingClass::MarketingExpense => "EX-MKT",
        AccountingClass::SpiffExpense => "EX-SPIFF",
        AccountingClass::PriceProtection => "CR-PP",
        AccountingClass::ShipAndDebit => "CR-SND",
        AccountingClass::PassThrough => "CR-PTR",
    }
}

impl Books {
    /// What the ledger says, in its order. Estimates are reckoned elsewhere, from what the ledger was told.
    pub fn hear(&mut self, event: &AccrualEvent) {
        let (class, date, batch) = match event {
            AccrualEvent::Moved(movement) => (movement.class, movement.date, movement.batch),
            AccrualEvent::Authorised(order) => (order.class, order.date, order.batch),
            AccrualEvent::Closed { class, date, batch, .. } => (*class, *date, *batch),
            AccrualEvent::Deducted(kept) => (kept.order.class, kept.order.date, kept.order.batch),
            AccrualEvent::Estimated(_) => return,
        };
        self.change(event.settlement(), date, batch, |sums| {
            sums.class = class;
            match event {
                AccrualEvent::Moved(movement) => drop(sums.movements.insert(movement.id, movement.amount)),
                AccrualEvent::Authorised(order) => {
                    let more = order.amount.min(sums.accrued() - sums.ordered);
                    if sums.orders.insert(order.id) && more > Micros::ZERO {
                        sums.decided = true;
                        sums.ordered += more;
                    }
                }
                AccrualEvent::Closed { .. } => {
                    sums.decided = true;
                    sums.released += sums.open().max(Micros::ZERO);
                }
                AccrualEvent::Deducted(kept) => {
                    if sums.orders.insert(kept.order.id) {
                        sums.decided = true;
                        sums.ordered += kept.order.amount.min(sums.accrued() - sums.ordered).max(Micros::ZERO);
                        sums.given_up = sums.written_off();
                        sums.kept += kept.kept;
                    }
                }
                AccrualEvent::Estimated(_) => {}
            }
        });
    }

    /// What was paid under some authorization of the settlement.
    pub fn pay(&mut self, settlement: &Settlement, amount: Micros, date: Day, batch: u64) {
        self.change(settlement, date, batch, |sums| {
            sums.given_up = sums.written_off();
            sums.paid += amount;
        });
    }

    /// What two persons gave up of what the settlement owes back.
    pub fn give_up(&mut self, settlement: &Settlement, amount: Micros, date: Day, batch: u64) {
        self.change(settlement, date, batch, |sums| sums.given_up = sums.written_off() + amount);
    }

    /// What each account moved in each month.
    pub fn moved(&self) -> &BTreeMap<Place, Micros> {
        &self.moved
    }

    fn change(&mut self, settlement: &Settlement, date: Day, batch: u64, change: impl FnOnce(&mut Sums)) {
        let before = self.sums.entry(settlement.clone()).or_default().clone();
        let mut after = before.clone();
        change(&mut after);
        // What was let go comes back where it is needed after all.
        let left = (after.accrued() - after.authorised()).max(Micros::ZERO);
        after.released = after.released.min(left);
        if before.owed_back().is_zero() {
            after.owes_since = batch;
        }
        let has_more = after.payable() > before.payable();
        if has_more {
            after.payable_since = batch;
        }
        self.book(settlement, date, after);
        self.net(settlement, date);
    }

    /// Nobody is paid who owes something back in the same currency: what is owed longest is set off against what became
    /// payable last.
    fn net(&mut self, of: &Settlement, date: Day) {
        loop {
            let alike = |other: &Settlement| (&other.beneficiary, other.currency) == (&of.beneficiary, of.currency);
            let all = || self.sums.iter().filter(|(other, _)| alike(other));
            let owing = all().filter(|(_, sums)| sums.owed_back() > Micros::ZERO);
            let paying = all().filter(|(_, sums)| sums.payable() > Micros::ZERO);
            let owing = owing.min_by_key(|(other, sums)| (sums.owes_since, other.id()));
            let paying = paying.max_by_key(|(other, sums)| (sums.payable_since, other.id()));
            let Some(((debtor, owing), (payer, own))) = owing.zip(paying) else { return };
            let amount = own.payable().min(owing.owed_back());
            let (debtor, taken) = (debtor.clone(), Sums { taken_back: owing.taken_back + amount, ..owing.clone() });
            let given_up = own.written_off();
            let (payer, given) = (payer.clone(), Sums { given: own.given + amount, given_up, ..own.clone() });
            self.book(&payer, date, given);
            self.book(&debtor, date, taken);
        }
    }

    fn book(&mut self, settlement: &Settlement, date: Day, after: Sums) {
        let before = self.sums.get(settlement).cloned().unwrap_or_default();
        let before = Sums { class: after.class, ..before };
        let (id, month) = (settlement.id(), Cadence::Month.label(date));
        for ((account, was), (_, is)) in before.balances().into_iter().zip(after.balances()) {
            *self.moved.entry((id, month.clone(), account)).or_default() += is - was;
        }
        self.sums.insert(settlement.clone(), after);
    }
}
