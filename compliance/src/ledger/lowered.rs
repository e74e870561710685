//! Costs that price protection has lowered: what a special price gives at most for a unit (DD-14).
//!
//! What a special price gives for a unit is settled with the sale, by the price book as it was when the sale was read. A cut
//! that enters the book behind its day credits a partner for its stock; units of it that were sold meanwhile were given the
//! difference to the old cost, and would be given the drop twice. From the first cut of a stock on a unit is therefore given
//! no more than the book says now for the day of its sale, so that it does not matter which of both was known first. A cut that
//! was credited binds, as its line stays, when partner or product are described in another way later.

use std::collections::{BTreeMap, BTreeSet};

use contract::{Credit, Day, Id, Mechanism, Micros, Program, SpecialPrice, Text};
use serde::{Deserialize, Serialize};
use stream::{State, StorageError};

use super::account::Account;
use super::further::of_sales;
use super::lines::{Beneficiary, each_lines};
use super::protection::{credited_cuts, protecting};
use crate::programs::special_price::of_partner;
use crate::references::{Credited, Known, References};

/// What a special price gives at most for a unit that is sold on some days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Lowered {
    special_price: Id,
    /// The book has one cost from this day up to, but not including, the other.
    from: Day,
    until: Day,
    /// Zero where the book cost is not above the authorised one any more.
    most: Micros,
}

/// What is given for a unit that was sold on a day, of what was given with the sale.
pub(crate) fn given(lowered: &[Lowered], special_price: Id, day: Day, credit: Micros) -> Micros {
    find(lowered, special_price, day).map_or(credit, |lowered| credit.min(lowered.most))
}

/// They come by special price and day.
fn find(lowered: &[Lowered], special_price: Id, day: Day) -> Option<&Lowered> {
    let behind = lowered.partition_point(|l| (l.special_price, l.from) <= (special_price, day));
    lowered[..behind].last().filter(|l| l.special_price == special_price && day < l.until)
}

/// What the special prices of one program give at most where stocks are protected, by partner.
pub(crate) struct Costs<'k> {
    control: u64,
    references: &'k References,
    program: &'k str,
    of_partner: BTreeMap<Text, Vec<Lowered>>,
}

impl<'k> Costs<'k> {
    /// As of a control.
    pub fn new(control: u64, references: &'k References, program: &'k str) -> Costs<'k> {
        Costs { control, references, program, of_partner: BTreeMap::new() }
    }

    /// What binds some line of a settlement: no more is kept than sales need.
    pub fn binding(
        &mut self,
        id: Id,
        account: &Account,
        mechanism: &Mechanism,
        state: &mut dyn State,
    ) -> Result<Vec<Lowered>, StorageError> {
        let (program, partner) = (self.program, &account.partner);
        let of_partner = || lowered(self.control, self.references, program, partner);
        let all: &[Lowered] = self.of_partner.entry(partner.clone()).or_insert_with(of_partner);
        if all.is_empty() {
            return Ok(Vec::new());
        }
        let (mut binding, further) = (BTreeSet::new(), of_sales(id, account, mechanism, state)?);
        each_lines(state, id, account.counted, &mut |lines| {
            for line in lines {
                let Beneficiary::Credited { special_price, credit, .. } = line.beneficiary else { continue };
                binding.extend(find(all, special_price, line.day).filter(|lowered| lowered.most < credit));
                let further = further.get(&line.sale).into_iter().flatten();
                binding.extend(further.filter_map(|further| {
                    find(all, further.special_price, line.day).filter(|lowered| lowered.most < further.credit)
                }));
            }
        })?;
        Ok(binding.into_iter().collect())
    }
}

/// What a partner's special prices give at most from the first cut of its stock on, in order; as of a control.
pub(crate) fn lowered(control: u64, references: &References, program: &str, partner: &str) -> Vec<Lowered> {
    let known = references.as_of(control);
    let protecting = protecting(known);
    if protecting.is_empty() || known.stocks().is_empty() {
        return Vec::new();
    }
    let special_prices = of_partner(&known.reference, program, partner);
    let of_special_price = |special: &SpecialPrice| {
        let credited = credited_before(control, references, special);
        of_special_price(special, first_cut(special, &protecting, known, &credited), known)
    };
    let mut lowered: Vec<Lowered> = special_prices.iter().flat_map(of_special_price).collect();
    lowered.sort_unstable();
    lowered
}

/// The cuts that its product's stock was credited with by what was known before; none where those who are described now as they
/// were then would be credited with them now, too.
fn credited_before(control: u64, references: &References, special: &SpecialPrice) -> Credited {
    let SpecialPrice { partner, product, .. } = special;
    if !references.is_redescribed(partner) && !references.is_redescribed(product) {
        return Credited::new();
    }
    let credits = |credited, known: &Known| credited_cuts(partner, product, &protecting(known), known, &credited).1;
    references.credited_before(control, [partner, product], credits)
}

fn of_special_price(special: &SpecialPrice, first_cut: Option<Day>, known: &Known) -> Vec<Lowered> {
    let (Credit::AboveCost(authorised), Some(first)) = (special.credit, first_cut) else {
        return Vec::new();
    };
    let book = known.book(&special.product, special.currency);
    let book = &book[book.partition_point(|cost| cost.from < first)..];
    let until = book.iter().skip(1).map(|next| next.from).chain([Day(i32::MAX)]);
    let lowered = book.iter().zip(until).map(|(cost, until)| Lowered {
        special_price: special.key(),
        from: cost.from,
        until,
        most: (cost.cost - authorised).max(Micros::ZERO),
    });
    lowered.collect()
}

/// The first day on which the cost of a special price's product is cut while a program protects the partner's stock of it.
fn first_cut(special: &SpecialPrice, protecting: &[&Program], known: &Known, credited: &Credited) -> Option<Day> {
    let SpecialPrice { partner, product, currency, .. } = special;
    let (cuts, _) = credited_cuts(partner, product, protecting, known, credited);
    cuts.iter().filter(|cut| cut.currency == *currency).map(|cut| cut.day).min()
}

#[cfg(test)]
mod tests {
    use contract::{BookCost, Cadence, CostBasis, Currency, Debit, Entitlement, Mechanism, Reference, Resale};

    use super::*;
    use crate::ledger::laws::Dice;
    use crate::ledger::scenario::{Lived, plain_program};
    use crate::programs::price_protection::cuts;
    use crate::programs::special_price::debit;
    use crate::units::trial::{bought, day, line, market};

    const AUTHORISED: i64 = 80;

    fn dollar() -> Currency {
        Currency::parse("USD").unwrap()
    }

    fn programs() -> [Program; 2] {
        let (debit, protect) = (
            Mechanism::ShipAndDebit { resale: Resale::Strict, cost: CostBasis::Book },
            Mechanism::PriceProtection { look_back_days: 60 },
        );
        let monthly = |program| Program { period: Cadence::Month, ..program };
        let protect = Program { currency: Some(dollar()), ..plain_program("PROTECT", protect) };
        [monthly(plain_program("DEBIT", debit)), monthly(protect)]
    }

    fn any_day(dice: &mut Dice) -> Day {
        day("2013-01-01").plus(dice.below(100) as i32)
    }

    /// One authorisation of `L`, a price book, and what `L` bought, if anything.
    fn tables(dice: &mut Dice) -> Reference {
        let special = SpecialPrice {
            program: "DEBIT".into(),
            partner: "L".into(),
            product: "s/p".into(),
            id: "SPA".into(),
            customer: Text::default(),
            from: day("2013-01-01"),
            to: day("2013-12-31"),
            quantity: None,
            credit: Credit::AboveCost(Micros::units(AUTHORISED)),
            resale: None,
            currency: dollar(),
        };
        let costs: BTreeMap<Day, i64> =
            (0..4).map(|_| (any_day(dice), AUTHORISED - 10 + dice.below(40) as i64)).collect();
        let cost =
            |(from, cost)| BookCost { product: "s/p".into(), currency: dollar(), from, cost: Micros::units(cost) };
        let bought = bought(any_day(dice), Micros::units(9));
        Reference {
            programs: programs().to_vec(),
            special_prices: vec![special],
            book_costs: costs.into_iter().map(cost).collect(),
            purchases: (0..dice.below(4).min(1)).map(|_| bought.clone()).collect(),
            ..market(Vec::new())
        }
    }

    /// A sale that is under the authorisation, with what it gives.
    fn sale(dice: &mut Dice, number: u32, stamp: u64, reference: &Reference) -> Option<Entitlement> {
        let quantity = dice.below(9) as i64 - 2;
        let fact = line(number, "L", "1", any_day(dice), quantity, Micros::units(10 * quantity));
        let debit = debit(reference, &reference.programs[0], &fact)?;
        Some(Entitlement {
            ledger_key: "DEBIT".into(),
            sale: Id::of("sale", &[&number.to_string()]),
            at: fact.at.clone(),
            stamp,
            programs: vec!["DEBIT".into()],
            date: fact.date,
            quantity: fact.quantity,
            amount: fact.amount,
            currency: fact.currency,
            rep: Text::default(),
            origin: None,
            debits: vec![debit],
            product: Text::default(),
        })
    }

    /// What all of them are given in the end: a function of what was given with each, and of the tables.
    fn expected(reference: &Reference, sold: &[Entitlement]) -> Micros {
        let book = &reference.book_costs;
        let first = cuts(book).map(|cut| cut.day).next().filter(|_| !reference.purchases.is_empty());
        let of_sale = |sale: &Entitlement| {
            let Debit { credit, .. } = sale.debits[0];
            let cost = book.iter().rfind(|cost| cost.from <= sale.date).map(|cost| cost.cost);
            let now = cost.map_or(credit, |cost| (cost - Micros::units(AUTHORISED)).max(Micros::ZERO));
            let is_protected = first.is_some_and(|first| first <= sale.date);
            sale.quantity.times(if is_protected { credit.min(now) } else { credit })
        };
        sold.iter().map(of_sale).sum()
    }

    #[test]
    fn no_more_is_given_than_the_tables_say_in_the_end() {
        let mut lowered = 0;
        for seed in 0..80 {
            let draw =
                |dice: &mut Dice, number, lived: &Lived| sale(dice, number, lived.bench.control, &lived.reference);
            let Lived { mut bench, reference, standing, .. } = Lived::new(seed, 60, tables, draw);
            let rows = bench.rows();
            lowered += rows.iter().filter(|row| row.bound == "price-protection").count();
            let given: Micros = rows.iter().filter(|row| row.program == "DEBIT").map(|row| row.amount).sum();
            assert_eq!(given, expected(&reference, &standing), "seed {seed}");
        }
        assert!(lowered > 20, "{lowered} sales are given less");
    }
}
