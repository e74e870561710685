//! What stands of the settlements for those who claim something of them.

use std::collections::{BTreeMap, BTreeSet};

use contract::{ClaimLine, Day, Entitlement, Id, Micros, Program, Reference, Settlement, Text};

use super::{Account, Oracle, Phase, version};
use crate::brought::{Brought, bring, divide};
use crate::claims::{Group, Purse};
use crate::exact::{Exact, exact};
use crate::pricing::{Given, given};
use crate::protection::bought_in_time;
use crate::provable::{Part, Pot, Standing};
use crate::scope::Sold;
use crate::whose::{Whose, first};

fn in_millionths(units: Exact) -> Micros {
    Micros(i64::try_from((units * exact(Micros::units(1_000_000))).to_integer()).expect("units fit"))
}

impl Oracle {
    /// What stands of each settlement of the group, those of older versions first. `line` is one of the group's.
    pub(crate) fn standing(&self, group: &Group, line: &ClaimLine) -> Standing {
        let part = |(settlement, account): (&Settlement, &Account)| {
            let mut sales = BTreeMap::new();
            let money = (account.program.rounding_mode, group.currency);
            bring(&account.lines, &account.reached.changes, account.due(), money, &mut sales);
            let mut sold: BTreeMap<Id, Sold> = BTreeMap::new();
            for line in &account.lines {
                let sale = sold.entry(line.of.unwrap_or(line.sale)).or_default();
                sale.product = self.product_of(&account.program, line.sale);
                if account.program.mechanism.is_credited() {
                    sale.special.extend(line.whose.special_prices(line.of.is_none()));
                }
            }
            let mut at_prices: BTreeMap<Pot, Brought> = BTreeMap::new();
            for (sale, sold) in &sold {
                let prices = sold.special.iter().map(|special| ((*sale, Some(*special)), Brought::default()));
                at_prices.extend(prices);
            }
            let mut of_sales: BTreeMap<Id, Vec<Given>> = BTreeMap::new();
            for (sale, given) in given(&account.program, &account.covered, &account.lines) {
                of_sales.entry(sale).or_default().extend(given);
            }
            for (sale, given) in &of_sales {
                for (given, due) in given.iter().zip(divide(sales[sale].due, given, group.currency)) {
                    let at_price = at_prices.entry((*sale, Some(given.special))).or_default();
                    at_price.due += due;
                    at_price.units += in_millionths(given.units);
                }
            }
            let by_layers = account.program.mechanism.goes_by_layers();
            // The most that the special prices of a sale give for a unit, as they were given with the sale.
            for line in self.lines.get(settlement).into_iter().flatten().filter(|_| !by_layers) {
                let sale = line.of.unwrap_or(line.sale);
                if let (Whose::Credited { special, credit, further, .. }, Some(brought)) =
                    (&line.whose, sales.get_mut(&sale))
                {
                    let further = further.iter().filter(|_| line.of.is_none());
                    let further = further.map(|special| (special.id, special.credit));
                    for (special, credit) in further.chain([(*special, *credit)]) {
                        brought.credit = brought.credit.max(credit);
                        if let Some(at_price) = at_prices.get_mut(&(sale, Some(special))) {
                            at_price.credit = at_price.credit.max(credit);
                        }
                    }
                }
            }
            for line in &account.lines {
                let Whose::Layered { special, pieces, .. } = &line.whose else { continue };
                let sale = line.of.unwrap_or(line.sale);
                let given = first(pieces, i128::from(line.quantity.0).abs()).into_iter().map(|(_, given)| given);
                let most = given.max().unwrap_or_default();
                for brought in sales.get_mut(&sale).into_iter().chain(at_prices.get_mut(&(sale, Some(*special)))) {
                    brought.credit = brought.credit.max(most);
                }
            }
            for (sale, brought) in &sales {
                if sold[sale].special.is_empty() {
                    at_prices.insert((*sale, None), *brought);
                }
            }
            let whole = Brought {
                due: account.accrued,
                units: account.lines.iter().map(|line| line.quantity).sum(),
                credit: sales.values().map(|brought| brought.credit).max().unwrap_or_default(),
            };
            Part {
                version: settlement.version,
                program: account.program.clone(),
                frozen: account.phase != Phase::Open,
                whole,
                sales,
                sold,
                at_prices,
                kept: account.kept.iter().map(|kept| kept.ordered).sum(),
            }
        };
        let parts: Vec<Part> = self.members(group).into_iter().map(part).collect();
        let reference = self.in_force();
        let partner = group.beneficiary.trim_start_matches("partner:");
        let period = self.claims_of(line, self.control).period.range(line.date);
        let bought = bought_in_time(&reference, &group.program, partner, period);
        Standing { parts, bought }
    }

    /// What is known now, where a line's program is; else what was as the line came.
    pub(crate) fn known_to(&self, line: &ClaimLine) -> Reference {
        let now = self.in_force();
        match now.programs.iter().any(|program| program.id == line.program) {
            true => Reference::clone(&now),
            false => self.as_of(line.stamp).expect("a claim comes behind a configuration").clone(),
        }
    }

    /// What a sale under a program was.
    fn product_of(&self, program: &Program, sale: Id) -> Text {
        let of_it = |granted: &&Entitlement| granted.sale == sale && granted.programs.contains(&program.id);
        let by_key = self.granted.get(&(program.ledger_key().clone(), sale)).filter(of_it);
        let granted = by_key.or_else(|| self.granted.values().find(of_it));
        granted.map(|granted| granted.product.clone()).unwrap_or_default()
    }

    /// Sales of the group that its program was to pay for as well, and another one of its exclusivity group was given.
    pub(crate) fn passed_over(&self, group: &Group, line: &ClaimLine) -> BTreeSet<(Id, Text)> {
        let now = self.in_force();
        let is_known = now.programs.iter().any(|program| program.id == group.program);
        let known =
            if is_known { &*now } else { self.as_of(line.stamp).expect("a claim comes behind a configuration") };
        let own = || known.programs.iter().filter(|program| program.id == group.program);
        let competes = |other: &Program| {
            own().any(|own| own.ledger_key() == other.ledger_key() && own.mechanism.sell_in().is_none())
        };
        let is_passed_over = |sale: &&Entitlement| {
            let (payer, day) = self.payer(sale);
            let reference = self.as_of(sale.stamp).expect("a sale comes behind a configuration");
            let Some(program) = version(reference, &group.program, day) else { return false };
            let has_won = |other: &Program| other.id == payer.id && competes(other);
            payer.id != group.program
                && sale.programs.contains(&group.program)
                && format!("partner:{}", sale.at.partner) == *group.beneficiary
                && (sale.currency, &*program.period.label(day)) == (group.currency, &*group.period)
                && !program.pays_person()
                && own().any(|own| own.version == program.version)
                && known.programs.iter().any(has_won)
        };
        let sales = self.granted.values().filter(is_passed_over);
        sales.map(|sale| (sale.origin.map_or(sale.sale, |(of, _)| of), sale.product.clone())).collect()
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
                pays: account.phase != Phase::Open && account.program.paid.claims().is_some(),
                minimum: account.program.minimum_payout,
            }
        };
        self.members(group).into_iter().map(purse).collect()
    }

    /// The program that a line claims of, by what was known at a control; where that is gone, by what was known as it came.
    pub(crate) fn claims_of(&self, line: &ClaimLine, control: u64) -> Program {
        let by = |control: u64| self.as_of(control).and_then(|known| version(known, &line.program, line.date));
        by(control).or_else(|| by(line.stamp)).expect("a claim is of a program that was known").clone()
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
