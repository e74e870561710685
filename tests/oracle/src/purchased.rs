//! What is earned on purchases, unit by unit (domain notes §3.3, DD-26).

use contract::{Day, Entitlement, Id, Micros, Program, Purchase, Reference, Settlement};

use crate::pricing::Line;
use crate::protection::{OfStock, stock, takes_from};
use crate::whose::Whose;

/// All lines that stand for purchases, by the sales that earn at resale.
pub fn purchased<'a>(reference: &Reference, granted: impl Iterator<Item = &'a Entitlement> + Clone) -> Vec<OfStock> {
    let reference = &by_day(reference);
    let mut all = Vec::new();
    for version in &reference.programs {
        if version.mechanism.sell_in().is_none() {
            continue;
        }
        for bought in &reference.purchases {
            let (Some(settlement), true) = (settlement(version, bought), holds(version, bought.date)) else { continue };
            let units = bought.units - resold(version, bought, reference, granted.clone());
            if units == Micros::ZERO {
                continue;
            }
            let line = Line {
                day: bought.date,
                sale: id(version, bought),
                quantity: units,
                amount: units.times(cost(reference, version, bought)),
                of: None,
                whose: Whose::Partner,
                sold: bought.date,
                came: 0,
            };
            all.push(OfStock { settlement, partner: bought.partner.clone(), program: version.clone(), line });
        }
    }
    all
}

/// The same with one purchase a day for each stock, whatever invoices it came by.
pub fn by_day(reference: &Reference) -> Reference {
    let mut reference = reference.clone();
    let mut all: Vec<Purchase> = Vec::new();
    for bought in reference.purchases {
        let is_of_day = |other: &&mut Purchase| {
            (&other.partner, &other.product, other.date) == (&bought.partner, &bought.product, bought.date)
        };
        match all.iter_mut().find(is_of_day) {
            Some(of_day) => of_day.units += bought.units,
            None => all.push(bought),
        }
    }
    reference.purchases = all;
    reference
}

/// How many units of a purchase earned at resale: each unit that was sold in its period takes the first one that is left of
/// those bought in it, as long as some are left in all.
fn resold<'a>(
    version: &Program,
    of: &Purchase,
    reference: &Reference,
    granted: impl Iterator<Item = &'a Entitlement>,
) -> Micros {
    let is_in = |day: Day| holds(version, day) && version.period.label(day) == version.period.label(of.date);
    let stock = stock(&version.id, &of.partner, &of.product);
    let day_of = |sale: &Entitlement| sale.origin.map_or(sale.date, |(_, sold)| sold);
    let sold = granted.filter(|sale| takes_from(sale, stock) && is_in(day_of(sale)));
    let mut sold: Micros = sold.map(|sale| sale.quantity).sum();
    let of_stock = |bought: &&Purchase| (&bought.partner, &bought.product) == (&of.partner, &of.product);
    let mut pool: Vec<&Purchase> = reference.purchases.iter().filter(of_stock).filter(|b| is_in(b.date)).collect();
    pool.sort_by_key(|bought| bought.date);
    sold = sold.min(pool.iter().map(|bought| bought.units).sum()).max(Micros::ZERO);
    for bought in pool {
        let taken = bought.units.min(sold).max(Micros::ZERO);
        if bought.date == of.date {
            return taken;
        }
        sold = sold - taken;
    }
    unreachable!("a purchase is in its own period")
}

fn holds(version: &Program, day: Day) -> bool {
    version.from <= day && day <= version.to
}

fn settlement(version: &Program, bought: &Purchase) -> Option<Settlement> {
    Some(Settlement {
        program: version.id.clone(),
        version: version.version,
        beneficiary: format!("partner:{}", bought.partner).into(),
        period: version.period.label(bought.date).into(),
        currency: version.currency?,
    })
}

fn id(version: &Program, bought: &Purchase) -> Id {
    let stock = stock(&version.id, &bought.partner, &bought.product);
    Id::of("purchase", &[&stock.to_string(), &bought.date.to_string()])
}

/// By the book on that day; nothing before its first.
fn cost(reference: &Reference, version: &Program, bought: &Purchase) -> Micros {
    let mut book = reference.book_costs.iter().filter(|cost| cost.product == bought.product);
    let in_force = book.by_ref().filter(|cost| Some(cost.currency) == version.currency && cost.from <= bought.date);
    in_force.max_by_key(|cost| cost.from).map_or(Micros::ZERO, |cost| cost.cost)
}
