//! What stands of the settlements for those who claim something of them.

use std::collections::BTreeMap;

use contract::{ClaimLine, Day, Id, Micros, Paid, Program, Settlement};

use super::{Account, Oracle, Phase, version};
use crate::brought::{Brought, bring};
use crate::claims::{Group, Purse};
use crate::protection::bought_in_time;
use crate::provable::Standing;
use crate::whose::{Whose, first};

impl Oracle {
    /// `line` is one of the group's.
    pub(crate) fn standing(&self, group: &Group, line: &ClaimLine) -> Standing {
        let mut sales = BTreeMap::new();
        for (_, account) in self.members(group) {
            bring(&account.lines, &account.reached.changes, account.due(), group.currency, &mut sales);
        }
        let by_layers = |settlement: &Settlement| self.accounts[settlement].program.mechanism.goes_by_layers();
        let as_given =
            self.credits.iter().filter(|((settlement, _), _)| group.has(settlement) && !by_layers(settlement));
        let mut credits: Vec<(Id, Micros)> = as_given.map(|((_, sale), credit)| (*sale, *credit)).collect();
        for line in self.members(group).into_iter().flat_map(|(_, account)| &account.lines) {
            if let Whose::Layered { pieces, .. } = &line.whose {
                let units = first(pieces, i128::from(line.quantity.0).abs());
                credits.extend(units.into_iter().map(|(_, given)| (line.of.unwrap_or(line.sale), given)));
            }
        }
        for (sale, credit) in credits {
            if let Some(brought) = sales.get_mut(&sale) {
                brought.credit = brought.credit.max(credit);
            }
        }
        let accounts = || self.members(group).into_iter().map(|(_, account)| account);
        let whole = Brought {
            due: accounts().map(|account| account.accrued).sum(),
            units: accounts().flat_map(|account| &account.lines).map(|line| line.quantity).sum(),
            credit: sales.values().map(|brought| brought.credit).max().unwrap_or_default(),
        };
        let program = self.terms(group, line);
        let reference = self.as_of(self.control).cloned().unwrap_or_default();
        let partner = group.beneficiary.trim_start_matches("partner:");
        let bought = bought_in_time(&reference, &program.id, partner, program.period.range(line.date));
        let kept = accounts().flat_map(|account| &account.kept).map(|kept| kept.ordered).sum();
        Standing { whole, sales, kept, bought }
    }

    /// Those of older versions first.
    pub(crate) fn purses(&self, group: &Group, today: Day) -> Vec<Purse> {
        let purse = |(settlement, account): (&Settlement, &Account)| {
            let holds = self.holds(settlement, today);
            Purse {
                settlement: settlement.clone(),
                owed: self.owed(settlement),
                free: self.free(settlement, &holds),
                holds: holds.into_iter().map(|(code, _)| code).collect(),
                pays: account.phase != Phase::Open && matches!(account.program.paid, Paid::Claim(_)),
                minimum: account.program.minimum_payout,
            }
        };
        self.members(group).into_iter().map(purse).collect()
    }

    /// Of the newest settlement, else those that hold now.
    pub(crate) fn terms(&self, group: &Group, line: &ClaimLine) -> Program {
        let newest = self.members(group).pop().map(|(_, account)| account.program.clone());
        newest.unwrap_or_else(|| self.claims_of(line, self.control))
    }

    /// The program that a line claims of, by what was known at a control; where that is gone, by what was known as it came.
    pub(crate) fn claims_of(&self, line: &ClaimLine, control: u64) -> Program {
        let by = |control: u64| self.as_of(control).and_then(|known| version(known, &line.program, line.date));
        by(control).or_else(|| by(line.stamp)).expect("a claim is of a program that was known").clone()
    }

    /// Whether no sale of the period counts in place any more; nothing where there was none.
    pub(crate) fn is_frozen(&self, group: &Group) -> Option<bool> {
        let members = self.members(group);
        (!members.is_empty()).then(|| members.iter().all(|(_, account)| account.phase != Phase::Open))
    }

    /// The day that time had come to at a control.
    pub(crate) fn day_of(&self, control: u64) -> Option<Day> {
        self.ticks.iter().rfind(|(number, _)| *number <= control).map(|(_, day)| *day)
    }

    fn members(&self, group: &Group) -> Vec<(&Settlement, &Account)> {
        let mut members: Vec<_> = self.accounts.iter().filter(|(settlement, _)| group.has(settlement)).collect();
        members.sort_by_key(|(settlement, _)| settlement.version);
        members
    }
}
