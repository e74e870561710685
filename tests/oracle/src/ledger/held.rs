//! What of settlements that are frozen, or paid while they are open, waits, is ordered, or was kept from an invoice
//! (docs/programs.md, "What waits before it is paid"; DD-10, DD-20, OP-31, OP-38, OP-39, OP-47, OP-52).

use contract::{Code, Day, Deduction, Micros, Settlement, Text};

use super::{Account, Kept, Oracle, Order, Phase};
use crate::exact::{exact, rounded, rounded_by};
use crate::holds::{Payee, is_restricted, is_unsure, twins};

/// A settlement of which something may be deducted.
struct Owner<'a> {
    settlement: &'a Settlement,
    orderable: Micros,
    open: Micros,
}

impl Oracle {
    /// With what each of them holds; nothing of what is open.
    pub(super) fn holds(&self, settlement: &Settlement, today: Day) -> Vec<(Code, Micros)> {
        let account = &self.accounts[settlement];
        if !account.meets_orders() || account.accrued <= Micros::ZERO || self.owed(settlement).is_zero() {
            return Vec::new();
        }
        let (known, payee) = (self.known(), Payee::of(&settlement.beneficiary));
        let owed = account.accrued - account.ordered();
        let deducted: Micros = self.deducted(settlement, today).iter().map(|(_, part)| *part).sum();
        let all = [
            (Code::RestrictedParty, if is_restricted(known, payee) { owed } else { Micros::ZERO }),
            (Code::Deducted, deducted.min(account.accrued)),
            (Code::OnePartnerTwice, self.above_one_cap(settlement, today)),
            (Code::ProgramAmended, self.unapproved(settlement)),
            (Code::FigureChanged, self.figured_higher(settlement)),
            (Code::OutlierHeld, self.unusual(settlement).min(owed)),
            (Code::PayeeUnsure, if is_unsure(known, payee, today) { owed } else { Micros::ZERO }),
        ];
        all.into_iter().filter(|(_, held)| *held > Micros::ZERO).collect()
    }

    /// What holds leave of what may be ordered.
    pub(super) fn free(&self, settlement: &Settlement, holds: &[(Code, Micros)]) -> Micros {
        let owed = self.owed(settlement);
        let held: Micros = holds.iter().map(|(_, held)| *held).sum();
        rounded(exact((owed - held).max(Micros::ZERO)), settlement.currency).min(owed)
    }

    pub(super) fn owed(&self, settlement: &Settlement) -> Micros {
        let account = &self.accounts[settlement];
        (account.orderable(settlement) - account.ordered()).max(Micros::ZERO)
    }

    /// Deductions that finance has accepted are settled: what of them is due is ordered with that. What is due and in doubt
    /// waits, and so does all where the beneficiary stands on a list.
    pub(super) fn let_keep(&mut self, settlement: &Settlement, day: Day) {
        if is_restricted(self.known(), Payee::of(&settlement.beneficiary)) {
            return;
        }
        for (deduction, open) in self.deducted(settlement, day) {
            if deduction.accepted_by.is_empty() {
                continue;
            }
            let mut doubts = self.holds(settlement, day);
            doubts.retain(|(code, _)| {
                use Code::{FigureChanged, OnePartnerTwice, OutlierHeld, ProgramAmended};
                matches!(code, FigureChanged | OnePartnerTwice | OutlierHeld | ProgramAmended)
            });
            let (owed, free) = (self.owed(settlement), self.free(settlement, &doubts));
            let ordered = open.min(free);
            // More may come to be due until the freeze.
            let is_open = self.accounts[settlement].phase == Phase::Open;
            let kept = if is_open { ordered } else { open - (open - ordered).min(owed - free) };
            if kept > Micros::ZERO {
                *self.settled.entry(key(&deduction)).or_default() += kept;
                let account = self.accounts.get_mut(settlement).expect("it is deducted from");
                account.kept.push(Kept { day, number: deduction.number, kept, ordered });
            }
        }
    }

    /// Orders what is due, was not ordered and is not held, where that is not too little.
    pub(super) fn order(&mut self, settlement: &Settlement, day: Day) {
        let account = &self.accounts[settlement];
        let waits = account.due_by_now(settlement.currency) - account.ordered();
        let amount = self.free(settlement, &self.holds(settlement, day));
        let enough = account.program.minimum_payout.is_none_or(|minimum| waits >= minimum && amount >= minimum);
        if account.program.auto_authorise && amount > Micros::ZERO && enough {
            let account = self.accounts.get_mut(settlement).expect("it is one of them");
            account.orders.push(Order { day, amount, claim: None });
        }
    }

    /// What falls to a frozen settlement of each deduction from its period that is not settled, the accepted ones first.
    ///
    /// The frozen settlements of older versions come first, each with what may be ordered and is not; the rest falls to the
    /// one of which most may be ordered.
    fn deducted(&self, settlement: &Settlement, today: Day) -> Vec<(Deduction, Micros)> {
        let payee = Payee::of(&settlement.beneficiary);
        let is_its = |deduction: &&Deduction| {
            (&deduction.program, &*deduction.partner) == (&settlement.program, payee.partner)
                && (&deduction.period, deduction.currency) == (&settlement.period, settlement.currency)
                && payee.person.is_none()
        };
        let mut all: Vec<&Deduction> = self.known().deductions.iter().filter(is_its).collect();
        if all.is_empty() {
            return Vec::new();
        }
        all.sort_by_key(|deduction| (deduction.accepted_by.is_empty(), &deduction.number));
        let is_owner = |(other, account): &(&Settlement, &Account)| {
            let alike = Settlement { version: settlement.version, ..(*other).clone() } == *settlement;
            alike && (account.meets_orders() || account.freezes_on() <= today)
        };
        let owner = |(settlement, account): (_, &Account)| Owner {
            settlement,
            orderable: account.orderable(settlement),
            open: self.owed(settlement),
        };
        let mut owners: Vec<Owner<'_>> = self.accounts.iter().filter(is_owner).map(owner).collect();
        owners.sort_by_key(|owner| owner.settlement.version);
        let largest = owners.iter().rev().max_by_key(|owner| owner.orderable).map(|owner| owner.settlement);
        let mut parts = Vec::new();
        for deduction in all {
            let settled = self.settled.get(&key(deduction)).copied().unwrap_or_default();
            let mut left = (deduction.amount - settled).max(Micros::ZERO);
            let mut own = Micros::ZERO;
            for owner in &mut owners {
                let part = left.min(owner.open);
                (left, owner.open) = (left - part, owner.open - part);
                own += if owner.settlement == settlement { part } else { Micros::ZERO };
            }
            own += if largest == Some(settlement) { left } else { Micros::ZERO };
            if own > Micros::ZERO {
                parts.push((deduction.clone(), own));
            }
        }
        parts
    }

    /// What one partner has more than once of a cap, since it has several entries: what was ordered counts first, then what is
    /// open, by entry and period.
    fn above_one_cap(&self, settlement: &Settlement, today: Day) -> Micros {
        let account = &self.accounts[settlement];
        if Payee::of(&settlement.beneficiary).person.is_some() {
            return Micros::ZERO;
        }
        let twins = twins(self.known(), &account.partner, today);
        let caps = &account.program.caps;
        let held = [(caps.partner_period, false), (caps.partner_year, true)].map(|(cap, of_year)| {
            let Some(cap) = cap else { return Micros::ZERO };
            let shares = |(other, its): &(&Settlement, &Account)| {
                let is_twin = twins.contains(&&its.partner) && other.beneficiary.starts_with("partner:");
                let is_own = of_year && other.beneficiary == settlement.beneficiary && *other != settlement;
                let alike = match of_year {
                    true => {
                        (&other.program, other.currency, its.last.year())
                            == (&settlement.program, settlement.currency, account.last.year())
                    }
                    false => {
                        Settlement { beneficiary: settlement.beneficiary.clone(), ..(*other).clone() } == *settlement
                    }
                };
                (is_twin || is_own) && alike && its.accrued > Micros::ZERO
            };
            let others: Vec<(&Settlement, &Account)> = self.accounts.iter().filter(shares).collect();
            if others.iter().all(|(_, its)| its.partner == account.partner) {
                return Micros::ZERO;
            }
            let place = |settlement: &Settlement, its: &Account| (its.partner.clone(), its.last, settlement.id());
            let ordered = |its: &Account| its.ordered().min(its.accrued).max(Micros::ZERO);
            let open = |its: &Account| its.accrued - ordered(its);
            let earlier = others
                .iter()
                .filter(|(other, its)| place(other, its) < place(settlement, account))
                .map(|(_, its)| open(its));
            let taken = others.iter().map(|(_, its)| ordered(its)).sum::<Micros>() + earlier.sum() + ordered(account);
            let asked = account.due_by_now(settlement.currency) - ordered(account);
            (asked - (cap - taken).max(Micros::ZERO)).max(Micros::ZERO)
        });
        held[0].max(held[1])
    }
}

impl Account {
    /// What may be ordered in all: what is due; of a program that is drawn on, what was drawn.
    pub(super) fn orderable(&self, settlement: &Settlement) -> Micros {
        match self.program.mechanism.is_drawn_on() {
            true => rounded_by(self.drawn_worth(), self.program.rounding_mode, settlement.currency).min(self.accrued),
            false => self.due_by_now(settlement.currency),
        }
    }
}

fn key(deduction: &Deduction) -> (Text, Text, Text) {
    (deduction.program.clone(), deduction.partner.clone(), deduction.number.clone())
}
