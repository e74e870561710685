//! What is earned on purchases, written as lines.
//!
//! Each day on which a partner bought of a product has one line for the units that earn at purchase, in the settlement of that
//! day, and one for those that earned at resale under a program that excludes this one: among the lines that were passed over,
//! which say what they would have been paid (DD-26). Which units were sold is a matter of the period, see
//! [`crate::programs::sell_in::divided`]: what is sold, bought, corrected or comes back late moves lines from one to the other.

use contract::{Day, Id, Micros, Program, SellIn};

use super::account::Role;
use super::protection::{Holding, OfStock, Protecting, Wanted};
use crate::programs::sell_in::{Bought, cost_on, divided};
use crate::programs::stock::by_day;

/// What of a stock earned at resale has its lines under another id.
pub(crate) fn resold(stock: Id) -> Id {
    Id::of("resold", &[&stock.to_string()])
}

impl Protecting<'_> {
    /// What is earned on the purchases of a stock, for each version of its program that pays for purchases.
    pub fn purchased(&self, of: &Holding<'_>) -> Wanted {
        let mut wanted = Wanted::new();
        for version in of.known.versions(&of.stock.program) {
            let Some(terms) = version.mechanism.sell_in() else { continue };
            let is_counted =
                |(day, _): &(Day, Micros)| version.from <= *day && *day <= version.to && of.is_for(version, *day);
            let bought: Vec<(Day, Micros)> = by_day(of.purchases()).into_iter().filter(is_counted).collect();
            let period = |(day, _): &(Day, Micros)| version.period.range(*day);
            for of_period in bought.chunk_by(|a, b| period(a) == period(b)) {
                self.of_period(of, version, terms, of_period, &mut wanted);
            }
        }
        wanted
    }

    fn of_period(
        &self,
        of: &Holding<'_>,
        version: &Program,
        terms: &SellIn,
        bought: &[(Day, Micros)],
        wanted: &mut Wanted,
    ) {
        let (first, last) = version.period.range(bought[0].0);
        let (first, last) = (first.max(version.from), last.min(version.to));
        let is_in = |day: Day| first <= day && day <= last && !terms.not_with.is_empty();
        let sold = of.sold.iter().filter(|(day, _)| is_in(*day)).map(|(_, units)| units).sum();
        let bought: Vec<(Day, i128)> = bought.iter().map(|(day, units)| (*day, units.0.into())).collect();
        for Bought { day, earning, resold: sold } in divided(&bought, sold) {
            let winner = terms.not_with.join(", ").into();
            for (id, role, units) in [(of.id, Role::Pays, earning), (resold(of.id), Role::PassedOver { winner }, sold)]
            {
                let Some(account) = self.account(of.stock, role, version, day).filter(|_| units != 0) else { continue };
                let units = Micros(i64::try_from(units).expect("no more earns than was bought"));
                let cost = cost_on(of.known.book(&of.stock.product, account.settlement.currency), day);
                let amount = units.times(cost.unwrap_or_default());
                let line = OfStock { account: account.id(), units, amount, credit: None };
                wanted.insert((id, day.0), (account, line));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use contract::{Benefit, Cadence, Code, Currency, Entitlement, Finding, Mechanism, Program, Reference, Text};

    use super::*;
    use crate::ledger::laws::Dice;
    use crate::ledger::scenario::{Bench, Lived, plain_program};
    use crate::programs::price_protection::taken_from;
    use crate::units::trial::{bought as units_bought, day, line, market};

    fn program() -> Program {
        let terms = SellIn { benefit: Benefit::PerUnit, rate: Micros::units(2), not_with: vec!["RESALE".into()] };
        let currency = Currency::parse("USD");
        Program { period: Cadence::Month, currency, ..plain_program("SELLIN", Mechanism::SellIn(terms)) }
    }

    fn any_day(dice: &mut Dice) -> Day {
        day("2013-01-01").plus(dice.below(120) as i32)
    }

    /// What `L` bought.
    fn tables(dice: &mut Dice) -> Reference {
        let bought: BTreeMap<Day, Micros> =
            (0..9).map(|_| (any_day(dice), Micros::units(dice.below(24) as i64 - 4))).collect();
        Reference {
            programs: vec![program()],
            special_prices: Vec::new(),
            purchases: bought.into_iter().map(|(date, units)| units_bought(date, units)).collect(),
            ..market(Vec::new())
        }
    }

    /// A sale, or a return of one of those that stand or of none.
    fn sale(dice: &mut Dice, number: u32, stamp: u64, standing: &[Entitlement]) -> Entitlement {
        let quantity = dice.below(12) as i64 - 4;
        let fact = line(number, "L", "1", any_day(dice), quantity, Micros::units(10 * quantity));
        let sold = standing.get(dice.below(standing.len() as u64 + 3) as usize).filter(|_| quantity < 0);
        Entitlement {
            ledger_key: "SELLIN".into(),
            sale: Id::of("sale", &[&number.to_string()]),
            at: fact.at.clone(),
            stamp,
            programs: vec!["SELLIN".into()],
            date: fact.date,
            quantity: fact.quantity,
            amount: fact.amount,
            currency: fact.currency,
            rep: Text::default(),
            origin: sold.map(|sold| (sold.sale, sold.date)),
            debits: taken_from(&program(), &fact).into_iter().collect(),
            product: Text::default(),
        }
    }

    fn by_month(units: impl Iterator<Item = (Day, Micros)>) -> BTreeMap<String, i64> {
        let mut all = BTreeMap::new();
        units.for_each(|(day, units)| *all.entry(Cadence::Month.label(day)).or_default() += units.0);
        all
    }

    /// What is paid for each month, and what was not because units earned at resale.
    fn expected(reference: &Reference, sold: &[Entitlement]) -> BTreeMap<String, (i64, i64)> {
        let bought = by_month(reference.purchases.iter().map(|bought| (bought.date, bought.units)));
        let day_of = |sale: &Entitlement| sale.origin.map_or(sale.date, |(_, sold)| sold);
        let sold = by_month(sold.iter().map(|sale| (day_of(sale), sale.quantity)));
        let of_month = |(month, bought): (String, i64)| {
            let resold = sold.get(&month).copied().unwrap_or_default().clamp(0, bought.max(0));
            (month, (2 * (bought - resold), 2 * resold))
        };
        bought.into_iter().map(of_month).filter(|(_, paid)| *paid != (0, 0)).collect()
    }

    fn paid(bench: &mut Bench) -> BTreeMap<String, (i64, i64)> {
        let mut paid: BTreeMap<String, (i64, i64)> = BTreeMap::new();
        bench.rows().iter().for_each(|row| paid.entry(row.period.to_string()).or_default().0 += row.amount.0);
        for value in bench.findings().values() {
            let Finding { code, at_risk, message, .. } = postcard::from_bytes(value).unwrap();
            if code == Code::SellInAndThrough {
                let (month, _) = message.split_once(':').unwrap();
                paid.entry(month.to_owned()).or_default().1 += at_risk.map_or(0, |money| money.amount.0);
            }
        }
        paid.retain(|_, paid| *paid != (0, 0));
        paid
    }

    #[test]
    fn what_is_paid_in_the_end_follows_from_purchases_and_sales_alone() {
        let mut resold = 0;
        for seed in 0..80 {
            let draw =
                |dice: &mut Dice, number, lived: &Lived| Some(sale(dice, number, lived.bench.control, &lived.standing));
            let Lived { mut bench, reference, standing, .. } = Lived::new(seed, 80, tables, draw);
            let expected = expected(&reference, &standing);
            resold += expected.values().filter(|(_, resold)| *resold > 0).count();
            assert_eq!(paid(&mut bench), expected, "seed {seed}");
        }
        assert!(resold > 40, "{resold} months have units that earned at resale");
    }
}
