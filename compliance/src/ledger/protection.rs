//! What is protected of stocks when their price is cut, written as lines.
//!
//! Sales under such a program are no lines: they are added up by day for each stock, a partner's units of a product. A
//! control looks at the stocks of which something has changed, sales or tables, and has one line for each of their cuts in the
//! settlement that the day of the cut falls in: the units that were on hand, credited with the drop. A line that says
//! something else now is taken back and written anew, as that of a corrected sale is; from there on both are settled, frozen
//! and taken back alike. What is earned on purchases is written in the same way ([`super::purchased`]).

use std::collections::{BTreeMap, BTreeSet};

use contract::{Currency, Day, Entitlement, Id, Micros, Program, Purchase, Text};
use serde::{Deserialize, Serialize};
use stream::{Order, Shard, State, StorageError, outbox::route};

use super::account::{Account, Role};
use super::claims;
use super::lines::{Beneficiary, Line, LineBuffer};
use super::purchased::resold;
use super::slots::{basis, settlement, version_for};
use super::stage::enter_account;
use super::tables::{DIRTY, LINES, OF_STOCKS, SOLD, STOCKS, day_key};
use crate::clock::Clock;
use crate::programs::cost_layers::CreditedCut;
use crate::programs::price_protection::{self, Cut, cuts, look_back, protected};
use crate::programs::selection::{Subject, selects};
use crate::programs::stock::{Stock, by_day, stock_id};
use crate::references::{Credited, Known, References};

/// The line that stands for a stock and a day: a cut of its price, or a purchase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OfStock {
    /// The settlement that it stands in.
    pub account: Id,
    pub units: Micros,
    pub amount: Micros,
    /// What a unit is credited with at a cut; `None` for a purchase, which the program's rate is paid on.
    pub credit: Option<Micros>,
}

impl OfStock {
    /// It is written under a control, which looks at what came before it.
    fn line(&self, stock: Id, day: Day, control: u64) -> Line {
        let (kind, beneficiary) = match self.credit {
            Some(credit) => ("protection", Beneficiary::Credited { special_price: stock, credit, short: Micros::ZERO }),
            None => ("purchase", Beneficiary::Partner),
        };
        Line {
            day,
            sale: Id::of(kind, &[&stock.to_string(), &day.to_string()]),
            quantity: self.units,
            amount: self.amount,
            file_no: 0,
            record_no: 0,
            origin: None,
            beneficiary,
            product: None,
            came: control.saturating_sub(1),
        }
    }
}

/// The stock that an entitlement takes units from, or gives them back to, and the day on which it does. What earned at resale
/// counts on the day of the sale, like the return that takes it back.
pub(crate) fn stock_of(entitlement: &Entitlement, references: &References) -> Option<(Id, Day)> {
    let debit = entitlement.debits.first()?;
    let version = version_for(&debit.program, basis(entitlement), references.as_of(entitlement.stamp))?;
    let day = if version.mechanism.protects_stock() { entitlement.date } else { basis(entitlement) };
    version.mechanism.keeps_stock().then_some((debit.special_price, day))
}

/// Notes that units were sold from a stock; below zero: that they came back.
pub(crate) fn take(stock: Id, day: Day, units: i128, state: &mut dyn State) -> Result<(), StorageError> {
    count_sold(stock, day, units, state)?;
    STOCKS.put(state, &stock.0, &())
}

/// Adds up what is sold from a stock on a day.
pub(crate) fn count_sold(stock: Id, day: Day, units: i128, state: &mut dyn State) -> Result<(), StorageError> {
    let key = (stock.0, day.0);
    match SOLD.get(state, &key)?.unwrap_or_default() + units {
        0 => SOLD.delete(state, &key),
        sold => SOLD.put(state, &key, &sold),
    }
}

/// Notes at a configuration the stocks of this partition, where a table that they follow says something else.
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
        let keeps =
            |stock: &Stock| known.versions(&stock.program).iter().any(|version| version.mechanism.keeps_stock());
        let owned = known.stocks().iter().filter(|(_, stock)| shard.owns(route(&stock.program)) && keeps(stock));
        for (id, _) in owned {
            STOCKS.put(state, &id.0, &())?;
        }
    }
    Ok(())
}

/// Whether some stock waits for the next control.
pub(crate) fn is_waiting(state: &mut dyn State) -> Result<bool, StorageError> {
    Ok(!STOCKS.range(state, &[0; 16], &[0xff; 16], Order::Up, 1)?.is_empty())
}

/// Whether nothing has changed that says which stocks are protected, and at which costs.
pub(crate) fn says_the_same(before: &Known, now: &Known) -> bool {
    let (before, now) = (&before.reference, &now.reference);
    before.purchases == now.purchases
        && before.book_costs == now.book_costs
        && before.programs == now.programs
        && before.partners == now.partners
        && before.products == now.products
        && before.product_attributes == now.product_attributes
}

/// The writing of lines at a control.
pub(crate) struct Protecting<'a> {
    pub control: u64,
    pub references: &'a References,
    pub clock: &'a Clock,
}

/// A stock with all that says what stands for it.
pub(crate) struct Holding<'a> {
    pub id: Id,
    pub stock: &'a Stock,
    pub subject: Subject<'a>,
    pub known: &'a Known,
    /// Units sold by day.
    pub sold: Vec<(Day, i128)>,
    /// Days for which some line stands.
    pub days: BTreeSet<Day>,
}

impl<'a> Holding<'a> {
    pub fn purchases(&self) -> &'a [Purchase] {
        self.known.purchases(&self.stock.partner, &self.stock.product)
    }

    /// Whether a version is for it on a day. A line that stands stays, as what was granted of a sale does, when partner or
    /// product are described in another way.
    pub fn is_for(&self, version: &Program, day: Day) -> bool {
        self.days.contains(&day) || selects(version, self.subject)
    }
}

/// Where a line stands: a stock, or what of it earned at resale, and a day.
type Place = (Id, i32);

/// What is to stand, with the account that it stands in as it starts out.
pub(crate) type Wanted = BTreeMap<Place, (Account, OfStock)>;

impl Protecting<'_> {
    /// Brings the lines of a stock to what is protected or earned of it. A stock that no table knows has nothing.
    pub fn settle(&self, stock: Id, state: &mut dyn State) -> Result<(), StorageError> {
        let mut standing: BTreeMap<Place, OfStock> = BTreeMap::new();
        for id in [stock, resold(stock)] {
            let lines = OF_STOCKS.prefix(state, &id.0, Order::Up, usize::MAX)?;
            standing.extend(lines.into_iter().map(|((_, day), line)| ((id, day), line)));
        }
        let known = self.references.as_of(self.control);
        let mut wanted = match known.stocks().get(&stock) {
            Some(of) => self.wanted(stock, of, known, &standing, state)?,
            None => Wanted::new(),
        };
        let places: BTreeSet<Place> = standing.keys().chain(wanted.keys()).copied().collect();
        for place in places {
            let (before, now) = (standing.get(&place), wanted.remove(&place));
            if before == now.as_ref().map(|(_, line)| line) {
                continue;
            }
            let (of, day) = place;
            if let Some(before) = before {
                self.write(of, Day(day), before, true, state)?;
                OF_STOCKS.delete(state, &(of.0, day))?;
            }
            if let Some((account, now)) = now {
                enter_account(now.account, account, self.clock, self.references, state)?;
                self.write(of, Day(day), &now, false, state)?;
                OF_STOCKS.put(state, &(of.0, day), &now)?;
            }
        }
        Ok(())
    }

    fn wanted(
        &self,
        id: Id,
        stock: &Stock,
        known: &Known,
        standing: &BTreeMap<Place, OfStock>,
        state: &mut dyn State,
    ) -> Result<Wanted, StorageError> {
        let Some(subject) = Subject::of(known, &stock.product, &stock.partner) else { return Ok(Wanted::new()) };
        let sold = SOLD.prefix(state, &id.0, Order::Up, usize::MAX)?;
        let sold = sold.into_iter().map(|((_, day), units)| (Day(day), units)).collect();
        let stands = [id, resold(id)].map(|of| standing.range((of, i32::MIN)..=(of, i32::MAX)));
        let days = stands.into_iter().flatten().map(|((_, day), _)| Day(*day)).collect();
        let holding = Holding { id, stock, subject, known, sold, days };
        let mut wanted = self.protected(&holding, state)?;
        wanted.extend(self.purchased(&holding));
        Ok(wanted)
    }

    fn protected(&self, of: &Holding<'_>, state: &mut dyn State) -> Result<Wanted, StorageError> {
        let versions = protecting_of(&of.stock.program, of.known);
        let mut wanted = Wanted::new();
        for version in &versions {
            let since = first_day_of_run(version, &versions);
            let bought = bought(of.purchases(), since);
            let sold: Vec<(Day, i128)> = of.sold.iter().copied().filter(|(day, _)| since <= *day).collect();
            let cuts = cuts_of(version, &of.stock.product, of.known);
            for cut in cuts.filter(|cut| of.is_for(version, cut.day)) {
                let Some(account) = self.account(of.stock, Role::Pays, version, cut.day) else { continue };
                if version.paid.claims().is_some() {
                    // What was bought in time may be other units, whether or not some are left.
                    claims::touch(&account, state)?;
                }
                if let Some(line) = protect(&account, version, cut, &bought, &sold) {
                    wanted.insert((of.id, cut.day.0), (account, line));
                }
            }
        }
        Ok(wanted)
    }

    /// The one that a day falls into, as it starts out.
    pub fn account(&self, stock: &Stock, role: Role, version: &Program, day: Day) -> Option<Account> {
        let beneficiary = Text::from(format!("partner:{}", stock.partner));
        let settlement = settlement(beneficiary, version.currency?, version, day);
        Some(Account::open(settlement, role, stock.partner.clone(), version, day, self.control))
    }

    fn write(
        &self,
        stock: Id,
        day: Day,
        line: &OfStock,
        revoked: bool,
        state: &mut dyn State,
    ) -> Result<(), StorageError> {
        let mut buffer: LineBuffer = [0; size_of::<LineBuffer>()];
        let bytes = line.line(stock, day, self.control).write(revoked, &mut buffer).to_vec();
        state.append(LINES, &day_key(line.account, day), &bytes)?;
        DIRTY.put(state, &(line.account.0, day.0), &())
    }
}

/// `None` where nothing was on hand.
fn protect(
    account: &Account,
    version: &Program,
    cut: Cut,
    bought: &[(Day, i128)],
    sold: &[(Day, i128)],
) -> Option<OfStock> {
    let units = protected(bought, sold, cut.day, version.mechanism.look_back_days()?);
    if units == 0 {
        return None;
    }
    let units = Micros(i64::try_from(units).expect("no more is protected than was bought"));
    Some(OfStock { account: account.id(), units, amount: units.times(cut.drop), credit: Some(cut.drop) })
}

/// Units bought by day, from the day on from which the program counts sales as well.
fn bought(purchases: &[Purchase], since: Day) -> Vec<(Day, i128)> {
    let counted = by_day(purchases).into_iter().filter(|(day, _)| since <= *day);
    counted.map(|(day, units)| (day, units.0.into())).collect()
}

/// The first day of the versions that follow each other without a gap up to this one: sales are counted from there on.
fn first_day_of_run(version: &Program, versions: &[&Program]) -> Day {
    let mut first = version.from;
    while let Some(before) = versions.iter().find(|before| before.from < first && before.to.plus(1) >= first) {
        first = before.from;
    }
    first
}

/// Units, in millionths, that a partner bought within the look-back of the cuts of some days, for each cut by itself: as many as
/// a program protects where nothing of it is sold or goes back.
pub(crate) fn bought_in_time(program: &str, partner: &str, (first, last): (Day, Day), known: &Known) -> i128 {
    let purchases = known.all_purchases(partner).chunk_by(|a, b| a.product == b.product);
    purchases.map(|of_product| of_product_in_time(program, of_product, (first, last), known)).sum()
}

fn of_product_in_time(program: &str, purchases: &[Purchase], (first, last): (Day, Day), known: &Known) -> i128 {
    let Purchase { partner, product, .. } = &purchases[0];
    let Some(subject) = Subject::of(known, product, partner) else { return 0 };
    let versions = protecting_of(program, known);
    let of_version = |version: &&Program| -> i128 {
        let Some(days) = version.mechanism.look_back_days() else { return 0 };
        let bought = bought(purchases, first_day_of_run(version, &versions));
        let cuts = cuts_of(version, product, known).filter(|cut| first <= cut.day && cut.day <= last);
        cuts.map(|cut| price_protection::bought_in_time(&bought, cut.day, days)).sum()
    };
    versions.iter().filter(|version| selects(version, subject)).map(of_version).sum()
}

/// The versions of a program that protect stocks.
fn protecting_of<'k>(program: &str, known: &'k Known) -> Vec<&'k Program> {
    known.versions(program).iter().filter(|version| version.mechanism.protects_stock()).collect()
}

/// The versions of all programs that protect stocks.
pub(crate) fn protecting(known: &Known) -> Vec<&Program> {
    known.reference.programs.iter().filter(|program| program.mechanism.protects_stock()).collect()
}

/// The cuts of a product with which programs credit a partner's stock of it, by their days, and which programs do. One that was
/// `credited` stays, as its line does, when partner or product are described in another way.
pub(crate) fn credited_cuts(
    partner: &Text,
    product: &Text,
    protecting: &[&Program],
    known: &Known,
    credited: &Credited,
) -> (Vec<CreditedCut>, Credited) {
    let Some(subject) = Subject::of(known, product, partner) else { return Default::default() };
    // Where several programs credit the same drop it is taken off once, of all units that one of them credits.
    let mut cuts: BTreeMap<(Day, Currency), CreditedCut> = BTreeMap::new();
    let mut by = Credited::new();
    for version in protecting.iter().filter(|v| known.stocks().contains_key(&stock_id(&v.id, partner, product))) {
        let (Some(currency), Some(days)) = (version.currency, version.mechanism.look_back_days()) else { continue };
        let of_program: Vec<&Program> = protecting.iter().copied().filter(|other| other.id == version.id).collect();
        let since = first_day_of_run(version, &of_program);
        for Cut { day, drop } in cuts_of(version, product, known) {
            let credits = (version.id.clone(), day);
            if !selects(version, subject) && !credited.contains(&credits) {
                continue;
            }
            let bought_since = since.max(look_back(day, days));
            let cut = CreditedCut { day, bought_since, drop, currency };
            let kept = cuts.entry((day, currency)).or_insert(cut);
            kept.bought_since = kept.bought_since.min(bought_since);
            by.insert(credits);
        }
    }
    (cuts.into_values().collect(), by)
}

/// The cuts of a product while a version is in force, in its currency.
fn cuts_of<'k>(version: &'k Program, product: &'k str, known: &'k Known) -> impl Iterator<Item = Cut> + 'k {
    let book = version.currency.map_or(&[][..], |currency| known.book(product, currency));
    cuts(book).filter(|cut| version.from <= cut.day && cut.day <= version.to)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use contract::{BookCost, Cadence, Mechanism, Reference};
    use stream::{Blobs, MemoryState};

    use super::*;
    use crate::ledger::laws::Dice;
    use crate::ledger::scenario::{Lived, plain_program};
    use crate::programs::price_protection::taken_from;
    use crate::units::trial::{bought as units_bought, day, line, market};

    const LOOK_BACK_DAYS: u32 = 40;

    fn program() -> Program {
        let mechanism = Mechanism::PriceProtection { look_back_days: LOOK_BACK_DAYS };
        let currency = Currency::parse("USD");
        Program { period: Cadence::Month, currency, ..plain_program("PROTECT", mechanism) }
    }

    fn any_day(dice: &mut Dice) -> Day {
        day("2013-01-01").plus(dice.below(120) as i32)
    }

    /// A price book and what `L` bought.
    fn tables(dice: &mut Dice) -> Reference {
        let mut units = |count: u64, low: i64, width: u64| -> BTreeMap<Day, Micros> {
            (0..count).map(|_| (any_day(dice), Micros::units(low + dice.below(width) as i64))).collect()
        };
        let (costs, bought) = (units(5, 100, 50), units(8, -2, 14));
        let currency = Currency::parse("USD").unwrap();
        let cost = |(from, cost)| BookCost { product: "s/p".into(), currency, from, cost };
        Reference {
            programs: vec![program()],
            special_prices: Vec::new(),
            book_costs: costs.into_iter().map(cost).collect(),
            purchases: bought.into_iter().map(|(date, units)| units_bought(date, units)).collect(),
            ..market(Vec::new())
        }
    }

    fn sale(dice: &mut Dice, number: u32, stamp: u64) -> Entitlement {
        let quantity = dice.below(9) as i64 - 3;
        let fact = line(number, "L", "1", any_day(dice), quantity, Micros::units(10 * quantity));
        Entitlement {
            ledger_key: "PROTECT".into(),
            sale: Id::of("sale", &[&number.to_string()]),
            at: fact.at.clone(),
            stamp,
            programs: vec!["PROTECT".into()],
            date: fact.date,
            quantity: fact.quantity,
            amount: fact.amount,
            currency: fact.currency,
            rep: Text::default(),
            origin: None,
            debits: taken_from(&program(), &fact).into_iter().collect(),
            product: Text::default(),
        }
    }

    /// Period, units and amount of each cut that protects something.
    fn expected(reference: &Reference, sold: &[Entitlement]) -> Vec<(Text, Micros, Micros)> {
        let bought: Vec<(Day, i128)> = reference.purchases.iter().map(|b| (b.date, b.units.0.into())).collect();
        let sold: Vec<(Day, i128)> = sold.iter().map(|sale| (sale.date, sale.quantity.0.into())).collect();
        let mut rows = Vec::new();
        for cut in cuts(&reference.book_costs) {
            let units = Micros(protected(&bought, &sold, cut.day, LOOK_BACK_DAYS) as i64);
            rows.push((Cadence::Month.label(cut.day).into(), units, units.times(cut.drop)));
        }
        rows.retain(|(_, units, _)| !units.is_zero());
        rows.sort();
        rows
    }

    #[test]
    fn what_stands_in_the_end_follows_from_sales_and_tables_alone() {
        for seed in 0..60 {
            let draw = |dice: &mut Dice, number, lived: &Lived| Some(sale(dice, number, lived.bench.control));
            let Lived { mut bench, reference, standing, .. } = Lived::new(seed, 80, tables, draw);
            let mut rows: Vec<(Text, Micros, Micros)> =
                bench.rows().into_iter().map(|row| (row.period, row.measure_delta, row.amount)).collect();
            rows.sort();
            assert_eq!(rows, expected(&reference, &standing), "seed {seed}");
        }
    }

    struct OneBlob(Vec<u8>);

    impl Blobs for OneBlob {
        fn load(&self, _hash: &[u8]) -> Result<Arc<[u8]>, StorageError> {
            Ok(self.0.as_slice().into())
        }
    }

    #[test]
    fn a_partition_looks_at_its_own_stocks() {
        let blobs = Arc::new(OneBlob(postcard::to_stdvec(&tables(&mut Dice(1))).unwrap()));
        let looks = |index: u32| {
            let (mut references, mut state) = (References::new(blobs.clone()), MemoryState::default());
            references.configure(1, Id::of("tables of stocks", &[]), &mut state).unwrap();
            mark(1, &references, Shard { index, count: 2 }, &mut state).unwrap();
            is_waiting(&mut state).unwrap()
        };
        assert_eq!(looks(0), !looks(1));
    }
}
