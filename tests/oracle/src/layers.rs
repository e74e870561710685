//! What the units cost that a partner sells, first in, first out (domain notes §4.6, OP-19): each is taken from what was bought, and
//! what comes back is put there again.

use std::collections::BTreeMap;

use contract::{Credit, Currency, Day, Entitlement, Id, Micros, Program, Reference, Text};

use crate::protection::{Prices, cuts, holds, since, stock};
use crate::whose::Whose;

/// What a unit cost the partner, less what was credited for it.
type Cost = Option<(Micros, Currency)>;

/// Units in a row, in millionths, with what each of them cost.
type Pieces<T> = Vec<(i128, T)>;

/// What each sale took, and each return without one brought, by its place among all of a stock. What came back of a sale stands behind
/// the rest of it, as if it had not.
type Taken = BTreeMap<(Day, Id), Pieces<Cost>>;

/// A sale that uses up what its partner has bought of the product, as far as a program goes by that.
pub fn is_used_up(entitlement: &Entitlement) -> bool {
    let Entitlement { at, product, debits, .. } = entitlement;
    let [debit] = &debits[..] else { return false };
    let stock = stock(&debit.program, &at.partner, product);
    debit.special_price == Id::of("cost layers", &[&stock.to_string()])
}

/// What was bought at one cost.
#[derive(Clone)]
struct Layer {
    bought: Day,
    cost: Cost,
    left: i128,
    sold: i128,
}

/// Units of a sale, and of its returns.
type Moved = BTreeMap<(Day, Id), (i128, i128)>;

/// The units of a product that a partner has under a program.
#[derive(Clone)]
struct Shelf {
    layers: Vec<Layer>,
    /// Sold although nothing was left.
    never_bought: i128,
}

impl Shelf {
    /// Hands out units, with the layer of each.
    fn sell(&mut self, units: i128) -> Pieces<Option<usize>> {
        let mut wanted = units;
        let mut pieces = Vec::new();
        let mut hand_out = |from: &mut i128, layer| {
            let units = wanted.min(*from);
            (wanted, *from) = (wanted - units, *from - units);
            pieces.push((units, layer));
            units
        };
        for (at, layer) in self.layers.iter_mut().enumerate() {
            layer.sold += hand_out(&mut layer.left, Some(at));
        }
        self.never_bought += wanted;
        pieces.push((wanted, None));
        pieces
    }

    /// Takes units back, what was handed out last first.
    fn take_back(&mut self, units: i128) -> Pieces<Option<usize>> {
        let mut offered = units;
        let mut pieces = Vec::new();
        let mut put_back = |out: &mut i128, layer| {
            let units = offered.min(*out);
            (offered, *out) = (offered - units, *out - units);
            pieces.push((units, layer));
            units
        };
        put_back(&mut self.never_bought, None);
        for (at, layer) in self.layers.iter_mut().enumerate().rev() {
            layer.left += put_back(&mut layer.sold, Some(at));
        }
        pieces.push((offered, None));
        pieces
    }

    /// Puts units there that were sold before anybody counted, behind what was bought by their day.
    fn find(&mut self, bought: Day, units: i128) {
        let behind = self.layers.iter().filter(|layer| layer.bought <= bought).count();
        self.layers.insert(behind, Layer { bought, cost: None, left: units, sold: 0 });
    }
}

/// What all that a partner sells of a product took, of what it bought from a day on and before another, if there is one.
fn taken(
    reference: &Reference,
    (partner, product): (&Text, &Text),
    (first, next): (Day, Option<Day>),
    moved: &Moved,
) -> Taken {
    let is_within = |day: Day| first <= day && next.is_none_or(|next| day < next);
    let mut shelf = Shelf { layers: Vec::new(), never_bought: 0 };
    let mut bought: Vec<_> = reference.purchases.iter().collect();
    bought.retain(|b| b.partner == *partner && b.product == *product && is_within(b.date));
    // What goes back to the vendor does so behind what comes on its day, from the latest.
    bought.sort_by_key(|b| (b.date, b.units < Micros::ZERO, b.document.clone()));
    for bought in bought {
        if bought.units > Micros::ZERO {
            let cost = bought.cost.map(|cost| (cost.amount, cost.currency));
            shelf.layers.push(Layer { bought: bought.date, cost, left: bought.units.0.into(), sold: 0 });
            continue;
        }
        let mut back = i128::from(-bought.units.0);
        for layer in shelf.layers.iter_mut().rev() {
            let units = back.min(layer.left);
            (back, layer.left) = (back - units, layer.left - units);
        }
    }
    let mut taken = Taken::new();
    for ((day, sale), (sold, back)) in moved.iter().filter(|((day, _), _)| is_within(*day)) {
        let out: i128 = shelf.never_bought + shelf.layers.iter().map(|layer| layer.sold).sum::<i128>();
        let pieces = match sold < back {
            true => shelf.take_back(back - sold),
            false => {
                let as_if = shelf.clone().sell(*sold);
                shelf.sell(sold - back);
                as_if
            }
        };
        let pieces = pieces.into_iter().filter(|(units, _)| *units > 0);
        let cost = |layer: Option<usize>| layer.and_then(|at| net(reference, product, &shelf.layers[at], *day));
        taken.insert((*day, *sale), pieces.map(|(units, layer)| (units, cost(layer))).collect());
        if back - sold > out {
            shelf.find(*day, back - sold - out);
        }
    }
    taken
}

/// What a unit of a layer cost that is sold on a day.
fn net(reference: &Reference, product: &str, layer: &Layer, day: Day) -> Cost {
    let (cost, currency) = layer.cost?;
    let is_credited = |cut: Day| {
        let mut versions = reference.programs.iter().filter(|version| version.currency == Some(currency));
        versions.any(|version| {
            let days = i64::from(version.mechanism.look_back_days().unwrap_or_default());
            version.mechanism.protects_stock()
                && holds(version, cut)
                && since(reference, version) <= layer.bought
                && i64::from(cut.0) - days <= i64::from(layer.bought.0)
        })
    };
    let cuts = cuts(reference, product, Some(currency)).into_iter();
    let credited = cuts.filter(|(cut, _)| layer.bought < *cut && *cut <= day && is_credited(*cut));
    Some((cost - credited.map(|(_, drop)| drop).sum(), currency))
}

/// What units cost under the programs that go by that, as of some tables.
pub struct Costs<'a> {
    prices: &'a Prices<'a>,
    by_stock: BTreeMap<(Text, Text, Text), Taken>,
}

impl<'a> Costs<'a> {
    /// Of all sales that use something up.
    pub fn new<'e>(
        reference: &Reference,
        prices: &'a Prices<'a>,
        used: impl Iterator<Item = &'e Entitlement>,
    ) -> Costs<'a> {
        let mut moved: BTreeMap<(Text, Text, Text), Moved> = BTreeMap::new();
        for used in used {
            let stock = (used.debits[0].program.clone(), used.at.partner.clone(), used.product.clone());
            let place = used.origin.map_or((used.date, used.sale), |(sale, day)| (day, sale));
            let of_sale = moved.entry(stock).or_default().entry(place).or_default();
            let units = i128::from(used.quantity.0);
            *of_sale = (of_sale.0 + units.max(0), of_sale.1 - units.min(0));
        }
        let by_stock = moved.into_iter().map(|(stock, moved)| {
            let (program, partner, product) = &stock;
            let is_bought = reference.purchases.iter().any(|b| b.partner == *partner && b.product == *product);
            let runs = if is_bought { runs(reference, program) } else { Vec::new() };
            let of_runs = runs.into_iter().flat_map(|run| taken(reference, (partner, product), run, &moved));
            let taken = of_runs.collect();
            (stock, taken)
        });
        Costs { prices, by_stock: by_stock.collect() }
    }

    /// What units of a line are given that a program sells at a special price: what they cost above the authorised cost.
    pub fn of(&self, whose: Whose, (day, sale): (Day, Id)) -> Whose {
        let Whose::Credited { special, short, .. } = whose else { return whose };
        let price = self.prices.get(&special).expect("a special price stays");
        let stock = (price.program.clone(), price.partner.clone(), price.product.clone());
        let Credit::AboveCost(authorised) = price.credit else { return whose };
        let given = |cost: Cost| match cost {
            Some((cost, currency)) if currency == price.currency => (cost - authorised).max(Micros::ZERO),
            _ => Micros::ZERO,
        };
        let taken = self.by_stock.get(&stock);
        let pieces = taken.and_then(|taken| taken.get(&(day, sale)).cloned()).or_else(|| {
            // It was never told: as what moved last before it.
            let before = taken?.range(..(day, sale)).next_back()?;
            before.1.last().map(|(_, cost)| vec![(0, *cost)])
        });
        let pieces = pieces.unwrap_or_default().into_iter().map(|(units, cost)| (units, given(cost))).collect();
        Whose::Layered { special, pieces, over: short }
    }
}

/// Where versions that go by cost layers begin to follow each other, each with where the next do.
fn runs(reference: &Reference, program: &str) -> Vec<(Day, Option<Day>)> {
    let versions = reference.programs.iter().filter(|version| version.id == program);
    let mut by_layers: Vec<&Program> = versions.filter(|version| version.mechanism.goes_by_layers()).collect();
    by_layers.sort_by_key(|version| version.from);
    let mut firsts: Vec<Day> = Vec::new();
    for (at, version) in by_layers.iter().enumerate() {
        if at == 0 || by_layers[at - 1].to.plus(1) < version.from {
            firsts.push(version.from);
        }
    }
    let nexts = firsts.iter().skip(1).copied().map(Some).chain([None]);
    firsts.iter().copied().zip(nexts).collect()
}
