//! What is too little to be paid for one period and is carried over (docs/programs.md, "Small amounts"; OP-35).

use std::collections::BTreeMap;

use contract::{BelowMinimum, Currency, Day, Micros, Settlement, Text};

use super::{Account, Oracle, Order, Phase, closes};

impl Oracle {
    /// What may be ordered of all periods of a beneficiary goes out together once it comes to the minimum, which is that of the newest
    /// version of which something is free. What came back of what was ordered before is taken off it; that once.
    pub(super) fn pay_what_has_gathered(&mut self, day: Day) {
        let mut purses: BTreeMap<(Text, Text, Currency), Vec<Settlement>> = BTreeMap::new();
        for (settlement, account) in &mut self.accounts {
            account.is_carried = false;
            if account.carries() && account.meets_orders() {
                account.set_off = account.set_off.min(account.above());
                let Settlement { program, beneficiary, currency, .. } = settlement.clone();
                purses.entry((program, beneficiary, currency)).or_default().push(settlement.clone());
            }
        }
        for ((program, ..), members) in purses {
            let free: Vec<Micros> = members.iter().map(|one| self.free(one, &self.holds(one, day))).collect();
            let back = |one: &Settlement| self.accounts[one].above() - self.accounts[one].set_off;
            let all = free.iter().copied().sum::<Micros>() - members.iter().map(back).sum::<Micros>();
            let with_something = members.iter().zip(&free).filter(|(_, free)| **free > Micros::ZERO);
            let newest = with_something.map(|(one, _)| (one.version, self.accounts[one].terms, one)).max();
            let minimum = newest.and_then(|(.., one)| self.accounts[one].program.minimum_payout);
            let is_ordered = minimum.is_some_and(|minimum| all >= minimum);
            for (settlement, free) in members.iter().zip(free).filter(|(_, free)| *free > Micros::ZERO) {
                let is_over = self.is_over(&program, settlement, day);
                let account = self.accounts.get_mut(settlement).expect("it is one of them");
                if is_ordered {
                    account.orders.push(Order { day, amount: free, claim: None });
                } else if !is_over {
                    account.is_carried = true;
                    // What was let go before is taken up again.
                    account.let_go = Micros::ZERO;
                }
            }
            for settlement in members.iter().filter(|_| is_ordered) {
                let account = self.accounts.get_mut(settlement).expect("it is one of them");
                account.set_off = account.above();
            }
        }
    }

    /// Whether the last period of the program, as it is known, has come to its close.
    fn is_over(&self, program: &Text, settlement: &Settlement, day: Day) -> bool {
        let versions = self.known().programs.iter().filter(|version| version.id == *program);
        let last = versions.map(|version| closes(version, version.period.range(version.to).1)).max();
        let own = self.accounts[settlement].closes_on();
        last.map_or(own, |last| last.max(own)) <= day
    }
}

impl Account {
    /// Whether what is too little waits for other periods.
    pub(super) fn carries(&self) -> bool {
        let program = &self.program;
        program.minimum_payout.is_some() && program.below_minimum == BelowMinimum::Carry && program.auto_authorise
    }

    /// What came back of what was ordered; of a period that is open and was paid nothing more may still be sold.
    fn above(&self) -> Micros {
        match self.phase == Phase::Open && self.orders.is_empty() && self.kept.is_empty() {
            true => Micros::ZERO,
            false => (self.ordered() - self.accrued).max(Micros::ZERO),
        }
    }
}
