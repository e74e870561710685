//! What is protected of stocks when their price is cut (domain notes §4.2, g), and what special prices give for such units
//! (§3.3, DD-14).

use std::collections::{BTreeMap, BTreeSet};

use contract::{
    BookCost, Credit, Currency, Day, Entitlement, Id, Micros, Program, Purchase, Reference, Settlement, SpecialPrice,
    Text,
};

use crate::pricing::Line;
use crate::purchased::by_day;
use crate::whose::{Special, Whose};

/// A line that stands for a stock, and a cut or a purchase.
#[derive(Clone, Debug)]
pub struct OfStock {
    pub settlement: Settlement,
    pub partner: Text,
    pub program: Program,
    pub line: Line,
}

/// What a partner has of a product under a program.
pub fn stock(program: &str, partner: &str, product: &str) -> Id {
    Id::of("stock", &[program, partner, product])
}

/// The cuts in the book of a product: the day, and by how much.
pub fn cuts(reference: &Reference, product: &str, currency: Option<Currency>) -> Vec<(Day, Micros)> {
    let mut book: Vec<&BookCost> = reference.book_costs.iter().collect();
    book.retain(|cost| cost.product == product && Some(cost.currency) == currency);
    book.sort_by_key(|cost| cost.from);
    let falls = book.windows(2).map(|pair| (pair[1].from, pair[0].cost - pair[1].cost));
    falls.filter(|(_, drop)| *drop > Micros::ZERO).collect()
}

pub fn holds(version: &Program, day: Day) -> bool {
    version.from <= day && day <= version.to
}

/// Both what is bought and what is sold are counted from where a program has been protecting without a gap.
pub fn since(reference: &Reference, version: &Program) -> Day {
    let versions = || reference.programs.iter().filter(|program| program.mechanism.protects_stock());
    let mut since = version.from;
    while let Some(before) = versions().find(|v| v.id == version.id && v.from < since && v.to.plus(1) >= since) {
        since = before.from;
    }
    since
}

/// All lines that stand for protected units, by the sales that are granted.
pub fn protected<'a>(reference: &Reference, granted: impl Iterator<Item = &'a Entitlement> + Clone) -> Vec<OfStock> {
    let stocks: BTreeSet<(&Text, &Text)> = reference.purchases.iter().map(|b| (&b.partner, &b.product)).collect();
    let versions = || reference.programs.iter().filter(|program| program.mechanism.protects_stock());
    let mut all = Vec::new();
    for (partner, product) in stocks {
        for version in versions() {
            let Some(currency) = version.currency else { continue };
            let of_stock = |bought: &&Purchase| (&bought.partner, &bought.product) == (partner, product);
            let since = since(reference, version);
            let is_counted = |bought: &&Purchase| since <= bought.date;
            let bought: Vec<&Purchase> = reference.purchases.iter().filter(of_stock).filter(is_counted).collect();
            let stock = stock(&version.id, partner, product);
            for (cut, drop) in cuts(reference, product, version.currency) {
                if !holds(version, cut) {
                    continue;
                }
                let sold =
                    granted.clone().filter(|sale| takes_from(sale, stock) && since <= sale.date && sale.date < cut);
                let sold: i64 = sold.map(|sale| sale.quantity.0).sum();
                let before = bought.iter().filter(|bought| bought.date < cut);
                let on_hand = before.clone().map(|bought| bought.units.0).sum::<i64>() - sold;
                let days = version.mechanism.look_back_days().unwrap_or_default();
                let in_time = before.filter(|bought| i64::from(bought.date.0) >= i64::from(cut.0) - i64::from(days));
                let units = Micros(on_hand.min(in_time.map(|bought| bought.units.0).sum()));
                if units <= Micros::ZERO {
                    continue;
                }
                let settlement = Settlement {
                    program: version.id.clone(),
                    version: version.version,
                    beneficiary: format!("partner:{partner}").into(),
                    period: version.period.label(cut).into(),
                    currency,
                };
                let line = Line {
                    day: cut,
                    sale: Id::of("protection", &[&stock.to_string(), &cut.to_string()]),
                    quantity: units,
                    amount: units.times(drop),
                    of: None,
                    whose: Whose::Credited { special: stock, credit: drop, short: Micros::ZERO, further: Vec::new() },
                    sold: cut,
                    came: 0,
                };
                all.push(OfStock { settlement, partner: partner.clone(), program: version.clone(), line });
            }
        }
    }
    all
}

/// Units that a partner bought within the look-back of the cuts of some days, for each cut by itself, whether they were still
/// there or not: what goes back to the vendor is none of them.
pub fn bought_in_time(reference: &Reference, program: &str, partner: &str, (first, last): (Day, Day)) -> Micros {
    let reference = &by_day(reference);
    let mut units = Micros::ZERO;
    let bought =
        || reference.purchases.iter().filter(|bought| bought.partner == partner && bought.units > Micros::ZERO);
    let products: BTreeSet<&Text> = bought().map(|bought| &bought.product).collect();
    for version in reference.programs.iter().filter(|version| version.id == program) {
        let Some(days) = version.mechanism.look_back_days() else { continue };
        let since = since(reference, version);
        for product in &products {
            let cuts = cuts(reference, product, version.currency);
            for (cut, _) in cuts.into_iter().filter(|(cut, _)| holds(version, *cut) && first <= *cut && *cut <= last) {
                let earliest = since.max(cut.plus(-i32::try_from(days).expect("days are few")));
                let is_in_time =
                    |bought: &&Purchase| bought.product == **product && earliest <= bought.date && bought.date < cut;
                units += bought().filter(is_in_time).map(|bought| bought.units).sum::<Micros>();
            }
        }
    }
    units
}

/// Whether the units of a sale leave the stock, or come back to it.
pub fn takes_from(sale: &Entitlement, stock: Id) -> bool {
    sale.debits.iter().any(|debit| debit.special_price == stock)
}

/// Special prices by the ids that sales name them by.
pub type Prices<'a> = BTreeMap<Id, &'a SpecialPrice>;

pub fn prices(reference: &Reference) -> Prices<'_> {
    reference.special_prices.iter().map(|price| (price.key(), price)).collect()
}

/// What is given at a special price for a sale of that day: from the first protected cut on no more than the book says now.
pub fn lowered(reference: &Reference, prices: &Prices<'_>, whose: Whose, day: Day) -> Whose {
    let Whose::Credited { special, credit, short, further } = whose else { return whose };
    let lowered = |Special { id, credit, short }: Special| {
        let most = prices.get(&id).and_then(|price| most(reference, price, day));
        let credit = credit.min(most.unwrap_or(credit));
        Special { id, credit, short: short.min(credit) }
    };
    let Special { credit, short, .. } = lowered(Special { id: special, credit, short });
    Whose::Credited { special, credit, short, further: further.into_iter().map(lowered).collect() }
}

fn most(reference: &Reference, special: &SpecialPrice, day: Day) -> Option<Micros> {
    let Credit::AboveCost(authorised) = special.credit else { return None };
    let has_stock = reference.purchases.iter().any(|b| b.partner == special.partner && b.product == special.product);
    let protects = |cut: Day| {
        let mut versions = reference.programs.iter().filter(|program| program.mechanism.protects_stock());
        versions.any(|version| version.currency == Some(special.currency) && holds(version, cut))
    };
    let cuts = cuts(reference, &special.product, Some(special.currency));
    let first = cuts.into_iter().map(|(cut, _)| cut).find(|cut| protects(*cut)).filter(|_| has_stock)?;
    let is_of = |cost: &&BookCost| cost.product == special.product && cost.currency == special.currency;
    let in_force = reference.book_costs.iter().filter(is_of).filter(|cost| cost.from <= day);
    let cost = in_force.max_by_key(|cost| cost.from).map(|cost| cost.cost)?;
    (first <= day).then_some((cost - authorised).max(Micros::ZERO))
}
