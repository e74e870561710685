//! Cost layers of stocks: what the units that are sold at a special price cost their partner (OP-19).
//!
//! All that a partner sells of a product uses its layers up, whether it earns or not. Each sale and return therefore comes as an
//! entitlement of the stock as well, which is noted under its day; a linked return under its sale and that one's day. A control
//! looks at the stocks of which something has changed, sales or tables, and goes through their days ([`Walk`]): past each day
//! by its two sums, and through its single sales only where a layer may begin or end among them. Where that says something
//! else than before, what the partner is due is shared anew, as with a balance that has changed.
//!
//! So a sale costs two writes and an appended entry, a stock at a control its days and its layers, and neither what was sold
//! before. What stands of it is a function of sales and tables, whenever they came.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use contract::{Credit, Currency, Day, Entitlement, Id, Micros, Program, SpecialPrice, Text};
use serde::{Deserialize, Serialize};
use stream::{Order, Shard, State, StorageError, outbox::route};

use super::account::Account;
use super::lines::{Beneficiary, each_lines};
use super::prices::{Extent, returned_by_sale};
use super::protection::{credited_cuts, protecting, says_the_same};
use super::tables::{LAYERS, MOVED, MOVES, UNLAYERED, day_key};
use crate::programs::cost_layers::{Moved, OfLayer, Place, Step, Walk, layers, within};
use crate::programs::special_price::of_partner;
use crate::programs::stock::{Stock, stock_id};
use crate::references::{Credited, Known, References};

/// Where the layers of a stock begin among its sales.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Layers {
    program: Text,
    partner: Text,
    steps: Vec<Step>,
    /// Cuts that the stock was credited with, as of the last control that price protection was reckoned at.
    credited: Credited,
}

/// What units sold under a special price cost from a place on, up to that of the next one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Layered {
    pub special_price: Id,
    /// What a unit may cost the partner by the special price.
    authorised: Micros,
    pub from: Place,
    /// `None`: nobody says, or not in the special price's currency.
    pub unit: Option<OfLayer>,
    /// The other currency that they cost.
    pub foreign: Option<Currency>,
    /// Some units that stand are given less than by the price book, or nobody says what they cost.
    pub lowers: bool,
}

impl Layered {
    /// What a unit is given by its layer, and under what was credited of that.
    pub fn credit(&self) -> (Micros, Micros) {
        let above = |cost: Micros| (cost - self.authorised).max(Micros::ZERO);
        self.unit
            .as_ref()
            .map_or_else(Default::default, |unit| (above(unit.cost.amount), above(unit.cost.amount - unit.credited)))
    }
}

/// In front of all sales.
const FRONT: Place = Place { day: Day(i32::MIN), sale: Id([0; 16]), units: 0 };

/// An entry of [`MOVES`]: the sale, whether it is sold or comes back, and the units that the entry adds or takes away.
const ENTRY_BYTES: usize = 25;

/// A list with more than so many entries for each one that is needed is written anew where it is read.
const UNTIDY: usize = 4;

/// Notes what an entitlement of a stock moves, or no longer does.
pub(crate) fn take(
    stock: Id,
    entitlement: &Entitlement,
    revoked: bool,
    state: &mut dyn State,
) -> Result<(), StorageError> {
    let units = entitlement.quantity.0;
    if units == 0 {
        return Ok(());
    }
    let (day, sale) = place(entitlement);
    let key = (stock.0, day.0);
    let change = if revoked { -units } else { units };
    let moved = moved(MOVED.get(state, &key)?.unwrap_or_default(), units > 0, change);
    if moved.is_nothing() {
        // Each entry adds to one of the sums, so that none is left.
        MOVED.delete(state, &key)?;
        state.delete(MOVES, &day_key(stock, day))?;
    } else {
        MOVED.put(state, &key, &moved)?;
        state.append(MOVES, &day_key(stock, day), &entry(sale, units > 0, change))?;
    }
    UNLAYERED.put(state, &stock.0, &())
}

/// Notes at a configuration the stocks of this partition, where a table that their layers follow says something else.
pub(crate) fn mark(
    control: u64,
    references: &References,
    shard: Shard,
    state: &mut dyn State,
) -> Result<(), StorageError> {
    let (before, now) = (references.as_of(control.saturating_sub(1)), references.as_of(control));
    if says_the_same(before, now) {
        return Ok(());
    }
    for known in [before, now] {
        let by_layers = |version: &&Program| version.mechanism.goes_by_layers();
        let key = |stock: &Stock| known.versions(&stock.program).iter().find(by_layers).map(Program::ledger_key);
        let is_owned = |stock: &Stock| key(stock).is_some_and(|key| shard.owns(route(key)));
        for (id, _) in known.stocks().iter().filter(|(_, stock)| is_owned(stock)) {
            UNLAYERED.put(state, &id.0, &())?;
        }
    }
    Ok(())
}

/// Whether some stock waits for the next control.
pub(crate) fn is_waiting(state: &mut dyn State) -> Result<bool, StorageError> {
    Ok(!UNLAYERED.range(state, &[0; 16], &[0xff; 16], Order::Up, 1)?.is_empty())
}

/// Where a sale stands among all of its stock.
pub(crate) fn place(entitlement: &Entitlement) -> (Day, Id) {
    entitlement.origin.map_or((entitlement.date, entitlement.sale), |(sale, day)| (day, sale))
}

fn entry(sale: Id, is_sold: bool, change: i64) -> [u8; ENTRY_BYTES] {
    let mut bytes = [0; ENTRY_BYTES];
    bytes[..16].copy_from_slice(&sale.0);
    bytes[16] = u8::from(is_sold);
    bytes[17..].copy_from_slice(&change.to_le_bytes());
    bytes
}

/// With units that are sold or come back, or below zero no longer do.
fn moved(moved: Moved, is_sold: bool, change: i64) -> Moved {
    match is_sold {
        true => Moved { sold: moved.sold + i128::from(change), ..moved },
        false => Moved { back: moved.back - i128::from(change), ..moved },
    }
}

/// The sales of a day with what came back of each, and the returns without one, in order.
fn sales(stock: Id, day: Day, state: &mut dyn State) -> Result<BTreeMap<Id, Moved>, StorageError> {
    let key = day_key(stock, day);
    let bytes = state.get(MOVES, &key)?.unwrap_or_default();
    if bytes.len() % ENTRY_BYTES != 0 {
        return Err(StorageError::new("list of moves is damaged"));
    }
    let count = bytes.len() / ENTRY_BYTES;
    let mut sales: BTreeMap<Id, Moved> = BTreeMap::new();
    for entry in bytes.chunks_exact(ENTRY_BYTES) {
        let (sale, rest) = entry.split_at(16);
        let of_sale = sales.entry(Id(sale.try_into().expect("it has sixteen bytes"))).or_default();
        let change = i64::from_le_bytes(rest[1..].try_into().expect("it has eight bytes"));
        *of_sale = moved(*of_sale, rest[0] != 0, change);
    }
    sales.retain(|_, moved| !moved.is_nothing());
    if count > UNTIDY * sales.len() {
        let tidy: Vec<u8> = sales.iter().flat_map(|(sale, moved)| entries(*sale, *moved)).flatten().collect();
        state.put(MOVES, &key, tidy)?;
    }
    Ok(sales)
}

/// One for what is sold, one for what came back.
fn entries(sale: Id, Moved { sold, back }: Moved) -> impl Iterator<Item = [u8; ENTRY_BYTES]> {
    let change = |units: i128| i64::try_from(units).expect("it was added up from entries of a day");
    let entries = [(true, sold), (false, -back)].into_iter().filter(|(_, units)| *units != 0);
    entries.map(move |(is_sold, units)| entry(sale, is_sold, change(units)))
}

/// What all stocks of a control are reckoned with.
pub(crate) struct Layering<'k> {
    known: &'k Known,
    protecting: Vec<&'k Program>,
    /// Whether cuts are credited under the control: what a configuration says is, with the next one.
    credits: bool,
}

impl<'k> Layering<'k> {
    pub fn at(control: u64, references: &'k References) -> Layering<'k> {
        let known = references.as_of(control);
        Layering { known, protecting: protecting(known), credits: !references.has_come(control) }
    }

    /// Brings down where the layers of a stock begin. Says whose settlements are due something else then, program and partner, and
    /// how many days it went through. Behind a configuration a stock waits for the next control as well.
    pub fn reckon(&self, stock: Id, state: &mut dyn State) -> Result<(Option<(Text, Text)>, usize), StorageError> {
        let before = LAYERS.get(state, &stock.0)?;
        let days = MOVED.prefix(state, &stock.0, Order::Up, usize::MAX)?;
        let credited = before.as_ref().map_or_else(Credited::new, |before| before.credited.clone());
        let now = match (self.known.stocks().get(&stock), &before) {
            (Some(of), _) => self.walked(of, &days, credited, state)?,
            (None, Some(before)) if !self.credits => Layers { steps: Vec::new(), ..before.clone() }.kept(),
            (None, _) => None,
        };
        match &now {
            Some(layers) if before != now => LAYERS.put(state, &stock.0, layers)?,
            None if before.is_some() => LAYERS.delete(state, &stock.0)?,
            _ => {}
        }
        if self.credits {
            UNLAYERED.delete(state, &stock.0)?;
        }
        let steps = |layers: &Option<Layers>| layers.as_ref().map_or_else(Vec::new, |layers| layers.steps.clone());
        let is_other = steps(&before) != steps(&now);
        let whose = now.or(before).filter(|_| is_other).map(|Layers { program, partner, .. }| (program, partner));
        Ok((whose, days.len()))
    }

    fn walked(
        &self,
        of: &Stock,
        days: &[(([u8; 16], i32), Moved)],
        credited: Credited,
        state: &mut dyn State,
    ) -> Result<Option<Layers>, StorageError> {
        let (known, Stock { program, partner, product }) = (self.known, of);
        let (cuts, by) = credited_cuts(partner, product, &self.protecting, known, &credited);
        let mut steps = Vec::new();
        for run in runs(known.versions(program)) {
            let layers = layers(known.purchases(partner, product), run.clone());
            let mut walk = Walk::new(layers, &cuts);
            for ((_, day), moved) in days.iter().filter(|((_, day), _)| run.contains(&Day(*day))) {
                let day = Day(*day);
                if !walk.pass(day, *moved) {
                    sales(of.id(), day, state)?.into_iter().for_each(|(sale, moved)| walk.take(day, sale, moved));
                }
            }
            steps.extend(walk.steps());
        }
        let credited = if self.credits { by } else { credited };
        Ok(Layers { program: program.clone(), partner: partner.clone(), steps, credited }.kept())
    }
}

impl Layers {
    /// `None` where there is nothing to keep.
    fn kept(self) -> Option<Layers> {
        (!self.steps.is_empty() || !self.credited.is_empty()).then_some(self)
    }
}

/// The days on which layers are used up: from the first day of versions that go by them and follow each other without a gap, up
/// to that of the next such versions. What was sold under a version stays in its row when that is made to end sooner.
fn runs(versions: &[Program]) -> Vec<Range<Day>> {
    let mut runs: Vec<Range<Day>> = Vec::new();
    let mut last = None;
    for version in versions.iter().filter(|version| version.mechanism.goes_by_layers()) {
        if last.is_none_or(|last: Day| last.plus(1) < version.from) {
            if let Some(run) = runs.last_mut() {
                run.end = version.from;
            }
            runs.push(version.from..Day(i32::MAX));
        }
        last = last.max(Some(version.to));
    }
    runs
}

/// What the units cost that are sold under the special prices of one program.
pub(crate) struct LayerCosts<'k> {
    known: &'k Known,
    program: &'k str,
    of_partner: BTreeMap<Text, BTreeMap<Id, &'k SpecialPrice>>,
}

impl<'k> LayerCosts<'k> {
    pub fn new(known: &'k Known, program: &'k str) -> LayerCosts<'k> {
        LayerCosts { known, program, of_partner: BTreeMap::new() }
    }

    /// What says of some line of a settlement what its units cost: no more is kept than sales need.
    pub fn of(&mut self, id: Id, account: &Account, state: &mut dyn State) -> Result<Vec<Layered>, StorageError> {
        let mut sold: BTreeSet<Id> = BTreeSet::new();
        each_lines(state, id, account.counted, &mut |lines| {
            sold.extend(lines.iter().filter_map(|line| match line.beneficiary {
                Beneficiary::Credited { special_price, .. } => Some(special_price),
                _ => None,
            }));
        })?;
        let mut all: BTreeMap<Id, Vec<Layered>> = BTreeMap::new();
        for special_price in sold {
            let layered = self.of_special_price(special_price, &account.partner, state)?;
            all.insert(special_price, layered);
        }
        let returned = returned_by_sale(id, account, Extent::whole(account), state)?;
        let mut used: BTreeMap<(Id, Place), Layered> = BTreeMap::new();
        each_lines(state, id, account.counted, &mut |lines| {
            for line in lines {
                let Beneficiary::Credited { special_price, credit, .. } = line.beneficiary else { continue };
                let is_counted = line.origin.is_some() && returned.contains_key(&line.transaction());
                let back = returned.get(&line.sale).map_or(0, |sums| sums.quantity);
                let units = if is_counted { 0 } else { i128::from(line.quantity.0) + back };
                for (begins, layered) in stood_on(&all[&special_price], special_price, line.place()) {
                    let lowers = begins < units && (layered.unit.is_none() || layered.credit().0 < credit);
                    used.entry((special_price, layered.from)).or_insert(layered).lowers |= lowers;
                }
            }
        })?;
        Ok(used.into_values().collect())
    }

    /// Nothing for one that nobody knows any more: then nobody says what may be given.
    fn of_special_price(
        &mut self,
        special_price: Id,
        partner: &Text,
        state: &mut dyn State,
    ) -> Result<Vec<Layered>, StorageError> {
        let (known, program) = (self.known, self.program);
        let by_key = self.of_partner.entry(partner.clone()).or_insert_with(|| {
            of_partner(&known.reference, program, partner).iter().map(|special| (special.key(), special)).collect()
        });
        let Some(SpecialPrice { product, credit: Credit::AboveCost(authorised), currency, .. }) =
            by_key.get(&special_price).copied()
        else {
            return Ok(Vec::new());
        };
        let layers = LAYERS.get(state, &stock_id(program, partner, product).0)?;
        let steps = layers.map_or_else(Vec::new, |layers| layers.steps);
        Ok(steps.into_iter().map(|step| layered(special_price, *authorised, *currency, step)).collect())
    }
}

/// What the units of a sale cost, each with the units of the sale that stand before. Of what stands in front of all layers, as when
/// the partner has bought nothing, nobody says it: one entry is enough for all such sales.
fn stood_on(all: &[Layered], special_price: Id, (day, sale): (Day, Id)) -> Vec<(i128, Layered)> {
    let within = within(all, |layered| layered.from, day, sale);
    if within.is_empty() {
        let step = Step { from: FRONT, unit: None };
        return vec![(0, layered(special_price, Micros::ZERO, Currency::NONE, step))];
    }
    let begins = |(at, layered): (usize, &Layered)| (if at == 0 { 0 } else { layered.from.units }, layered.clone());
    all[within].iter().enumerate().map(begins).collect()
}

fn layered(special_price: Id, authorised: Micros, currency: Currency, step: Step) -> Layered {
    let foreign = step.unit.as_ref().map(|unit| unit.cost.currency).filter(|paid| *paid != currency);
    let unit = step.unit.filter(|_| foreign.is_none());
    Layered { special_price, authorised, from: step.from, unit, foreign, lowers: false }
}

#[cfg(test)]
mod tests {
    use contract::{BookCost, CostBasis, Mechanism, Purchase, Reference, Resale, UnitCost};
    use stream::MemoryState;

    use super::*;
    use crate::ledger::plain_program;
    use crate::programs::stock::used_up;
    use crate::units::trial::{bought, day, line, market};
    use crate::units::using_layers;

    fn program() -> Program {
        plain_program("DEBIT", Mechanism::ShipAndDebit { resale: Resale::Strict, cost: CostBasis::Layers })
    }

    fn sold(number: u32, date: &str, units: i64) -> Entitlement {
        using_layers(&line(number, "L", "1", day(date), units, Micros::ZERO), &program())
    }

    fn stock() -> Id {
        used_up(&sold(1, "2013-02-01", 1)).expect("it uses layers up")
    }

    /// Layers of `L`: day, units, cost of one.
    fn known(layers: &[(&str, i64, i64)]) -> Known {
        let currency = Currency::parse("USD").unwrap();
        let purchase = |(date, units, cost): &(&str, i64, i64)| Purchase {
            cost: Some(UnitCost { amount: Micros::units(*cost), currency }),
            ..bought(day(date), Micros::units(*units))
        };
        let purchases = layers.iter().map(purchase).collect();
        let book_costs: Vec<BookCost> = Vec::new();
        Known::new(Reference { programs: vec![program()], purchases, book_costs, ..market(Vec::new()) })
    }

    fn reckon(known: &Known, state: &mut MemoryState) -> Option<(Text, Text)> {
        let layering = Layering { known, protecting: protecting(known), credits: true };
        layering.reckon(stock(), state).unwrap().0
    }

    fn steps(state: &mut MemoryState) -> Vec<String> {
        let layers = LAYERS.get(state, &stock().0).unwrap();
        let shown = |step: &Step| {
            let cost = step.unit.as_ref().map_or("unknown".to_owned(), |unit| unit.cost.amount.to_string());
            let Place { day, sale, units } = step.from;
            format!("{day} {} +{} {cost}", u128::from_be_bytes(sale.0), Micros(i64::try_from(units).unwrap()))
        };
        layers.map_or_else(Vec::new, |layers| layers.steps.iter().map(shown).collect())
    }

    #[test]
    fn what_goes_leaves_nothing_behind() {
        let (mut state, sale) = (MemoryState::default(), sold(1, "2013-02-01", 5));
        let back = Entitlement { origin: Some((sale.sale, sale.date)), ..sold(2, "2013-03-01", -2) };
        for (entitlement, revoked) in [(&sale, false), (&back, false), (&back, true), (&sale, true)] {
            take(stock(), entitlement, revoked, &mut state).unwrap();
        }
        assert_eq!(MOVED.prefix(&mut state, &stock().0, Order::Up, usize::MAX).unwrap(), []);
        assert!(state.get(MOVES, &day_key(stock(), sale.date)).unwrap().is_none());
        let known = known(&[("2013-01-05", 9, 8)]);
        assert_eq!(reckon(&known, &mut state), None);
    }

    #[test]
    fn a_list_says_the_same_when_it_is_tidied() {
        let (mut state, mut plain) = (MemoryState::default(), MemoryState::default());
        let known = known(&[("2013-01-05", 3, 8), ("2013-01-06", 9, 9)]);
        let stands = [sold(1, "2013-02-01", 2), sold(2, "2013-02-01", 5)];
        for number in 3..30 {
            let sale = sold(number, "2013-02-01", 4);
            take(stock(), &sale, false, &mut state).unwrap();
            take(stock(), &sale, true, &mut state).unwrap();
            if number == 9 {
                // It comes to be empty in between, and then not any more.
                take(stock(), &stands[0], false, &mut state).unwrap();
            }
        }
        take(stock(), &stands[1], false, &mut state).unwrap();
        stands.iter().for_each(|sale| take(stock(), sale, false, &mut plain).unwrap());
        for state in [&mut state, &mut plain] {
            let told = Some(("DEBIT".into(), "L".into()));
            assert_eq!(reckon(&known, state), told);
            assert_eq!(steps(state), ["2013-02-01 1 +0 8", "2013-02-01 2 +1 9"]);
            assert_eq!(reckon(&known, state), None, "it is the same");
        }
        let key = day_key(stock(), day("2013-02-01"));
        let list = |state: &mut MemoryState| state.get(MOVES, &key).unwrap().map(<[u8]>::to_vec);
        assert_eq!(list(&mut state), list(&mut plain));
    }

    #[test]
    fn all_sales_in_front_of_the_layers_stand_on_one_entry() {
        let on = |date: &str, sale: u8| stood_on(&[], Id([7; 16]), (day(date), Id([sale; 16])));
        assert_eq!(on("2013-01-05", 1), on("2013-03-09", 2));
        let [(0, entry)] = &on("2013-01-05", 1)[..] else { panic!("one is enough") };
        let within = within(std::slice::from_ref(entry), |layered| layered.from, day("2013-01-01"), Id([0; 16]));
        assert_eq!(within, 0..1, "it is in front of them");
    }

    #[test]
    fn versions_without_a_gap_count_together() {
        let version = |from: &str, to: &str| Program { from: day(from), to: day(to), ..program() };
        let book = Mechanism::ShipAndDebit { resale: Resale::Strict, cost: CostBasis::Book };
        let versions = [
            version("2013-01-01", "2013-01-31"),
            version("2013-02-01", "2013-02-28"),
            Program { mechanism: book, ..version("2013-03-01", "2013-03-31") },
            version("2013-04-01", "2013-04-30"),
        ];
        let firsts: Vec<Day> = runs(&versions).into_iter().map(|run| run.start).collect();
        assert_eq!(firsts, ["2013-01-01", "2013-04-01"].map(day));
        assert_eq!(runs(&versions)[0].end, day("2013-04-01"));
        assert_eq!(runs(&versions)[1].end, Day(i32::MAX));
    }
}
