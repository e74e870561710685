//! What is estimated when partners buy, relieved as they sell, and let go where they do not ([`lots`](crate::programs::lots)). Beside it
//! lies what is accrued by the tier that is expected ([`super::expected`]).
//!
//! Nothing of it is due: estimates stand beside the accounts of settlements, in accounts of their own. Sales of a program that
//! estimates are added up by day for each stock, beside the lines that they are. An estimate is as of a day, which only
//! ticks name: a tick looks at the stocks of which something has changed, sales, tables or the days of their lots, puts down
//! what happened to each lot by month, and books for each settlement what that is more than was booked before.

use std::collections::BTreeMap;
use std::sync::Arc;

use contract::{
    AccountingClass, AccrualEvent, Conversion, Currency, Day, Entitlement, EstimateKind, EstimateMovement, Id, Micros,
    Program, SellInEstimate, Settlement, Text,
};
use serde::{Deserialize, Serialize};
use stream::{Blobs, Order, Outbox, Shard, StageError, State, StorageError, outbox::route};

use super::account::freeze_day;
use super::conversion::converted;
use super::expected::{self, Expected};
use super::protection::{count_sold, says_the_same};
use super::settle::terms;
use super::slots::{basis, settlement, version_for};
use super::tables::{ACCOUNTS, DIRTY, ESTIMATES, EXPECTED, LAPSES, LOTS, SOLD, STALE, UNBOOKED};
use crate::clock::Clock;
use crate::programs::lots::{Lot, moves, worth, worth_of_open};
use crate::programs::selection::{Subject, selects, stands_in};
use crate::programs::stock::{Stock, by_day, stock_id};
use crate::references::{Known, References};

/// What happened to a lot in a month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part {
    /// The settlement of the lot.
    settlement: Id,
    bought: Day,
    kind: EstimateKind,
    /// Its first day.
    month: Day,
    /// In millionths.
    units: i128,
    worth: Worth,
}

/// What happened to the lots of a stock, by day of purchase, month and kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lots {
    product: Text,
    parts: Vec<Part>,
}

/// An amount in the minor unit, with its worth in the books.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Worth {
    pub amount: Micros,
    /// Of what has a rate.
    functional: Micros,
    /// How many parts have none.
    rateless: i64,
}

impl Worth {
    /// `functional` is `None` without a rate.
    pub fn new(amount: Micros, functional: Option<Micros>) -> Worth {
        Worth { amount, functional: functional.unwrap_or_default(), rateless: i64::from(functional.is_none()) }
    }

    pub fn add(&mut self, other: Worth, times: i64) {
        let Worth { amount, functional, rateless } = other;
        self.amount += Micros(times * amount.0);
        self.functional += Micros(times * functional.0);
        self.rateless += times * rateless;
    }
}

/// What is estimated for a settlement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Estimate {
    settlement: Settlement,
    class: AccountingClass,
    /// Control as of which its program was known last.
    terms: u64,
    /// By the first day of the month, and what happened in it.
    months: BTreeMap<(Day, EstimateKind), Standing>,
}

/// What the parts of a month come to, and what of it ticks have booked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Standing {
    is: Worth,
    booked: Micros,
    booked_functional: Micros,
}

impl Estimate {
    pub fn new(settlement: Settlement, class: AccountingClass) -> Estimate {
        Estimate { settlement, class, terms: 0, months: BTreeMap::new() }
    }

    /// Puts down how what is expected changes in each month, in place of what stood; the program is known as of a control.
    ///
    /// A month that changes by what was booked keeps the worth that it was booked with; the last one that does not makes up for it, so
    /// that all that is booked is worth what stands in the end, and nothing where nothing does.
    pub fn expect(&mut self, changes: &[Expected], class: AccountingClass, control: u64) {
        (self.class, self.terms) = (class, control);
        let mut stood = BTreeMap::new();
        for ((month, kind), standing) in &mut self.months {
            if *kind == EstimateKind::Expected {
                stood.insert(*month, *standing);
                standing.is = Worth::default();
            }
        }
        let kept = |change: &Expected| {
            let standing = stood.get(&change.month)?;
            (standing.booked == change.amount && standing.is.amount == change.amount).then_some(standing)
        };
        let last = changes.iter().rposition(|change| kept(change).is_none());
        let behind = &changes[last.map_or(changes.len(), |last| last + 1)..];
        let kept_behind: Micros = behind.iter().filter_map(kept).map(|standing| standing.booked_functional).sum();
        let in_the_end = changes.last().and_then(|change| change.worth);
        let mut worth_so_far = Micros::ZERO;
        for (at, change) in changes.iter().enumerate() {
            let (is, booked) = if let Some(standing) = kept(change) {
                (standing.is, standing.booked_functional)
            } else {
                let worth = if Some(at) == last { in_the_end.map(|worth| worth - kept_behind) } else { change.worth };
                let functional = worth.map(|worth| worth - worth_so_far);
                let before = stood.get(&change.month).map_or(Micros::ZERO, |standing| standing.booked_functional);
                (Worth::new(change.amount, functional), functional.unwrap_or(before))
            };
            worth_so_far += booked;
            self.months.entry((change.month, EstimateKind::Expected)).or_default().is = is;
        }
    }

    /// What is expected to change in each month, where something is.
    pub fn expected(&self) -> impl Iterator<Item = (Day, Micros)> {
        let of = |((month, kind), standing): (&(Day, EstimateKind), &Standing)| {
            (*kind == EstimateKind::Expected && !standing.is.amount.is_zero()).then_some((*month, standing.is.amount))
        };
        self.months.iter().filter_map(of)
    }

    fn open(&self) -> Micros {
        let signed = |((_, kind), standing): (&(Day, EstimateKind), &Standing)| {
            if kind.adds() { standing.is.amount } else { -standing.is.amount }
        };
        self.months.iter().map(signed).sum()
    }
}

/// The stocks that an entitlement takes units from, or gives them back to: of the programs of its key that estimate on the
/// day that counts. Where another one of them pays, the units are gone all the same.
pub(crate) fn stocks_of<'a>(
    entitlement: &'a Entitlement,
    references: &'a References,
) -> impl Iterator<Item = Id> + use<'a> {
    let programs = if entitlement.product.is_empty() { &[][..] } else { &entitlement.programs };
    let estimates = |program: &&Text| {
        let known = references.as_of(entitlement.stamp);
        version_for(program, basis(entitlement), known).is_some_and(|version| version.estimate.is_some())
    };
    let id = |program: &Text| stock_id(program, &entitlement.at.partner, &entitlement.product);
    programs.iter().filter(estimates).map(id)
}

/// Notes that units were sold from a stock; below zero: that they came back.
pub(crate) fn take(stock: Id, day: Day, units: i128, state: &mut dyn State) -> Result<(), StorageError> {
    count_sold(stock, day, units, state)?;
    STALE.put(state, &stock.0, &())
}

/// Where the sales of a stock go: all versions of a program that estimate are in one group, or in none.
fn ledger_key<'k>(stock: &Stock, known: &'k Known) -> Option<&'k Text> {
    let mut versions = known.versions(&stock.program).iter();
    versions.find(|version| version.estimate.is_some()).map(Program::ledger_key)
}

/// The stocks of a partition that programs estimate for.
fn stocks(known: &Known, shard: Shard) -> impl Iterator<Item = (Id, &Stock)> {
    let owns = move |(_, stock): &(&Id, &Stock)| ledger_key(stock, known).is_some_and(|key| shard.owns(route(key)));
    known.stocks().iter().filter(owns).map(|(id, stock)| (*id, stock))
}

/// Notes at a configuration the stocks of this partition, where a table that they follow says something else.
pub(crate) fn mark(
    control: u64,
    references: &References,
    shard: Shard,
    state: &mut dyn State,
) -> Result<(), StorageError> {
    let (before, now) = (references.as_of(control.saturating_sub(1)), references.as_of(control));
    let (old, new) = (&before.reference, &now.reference);
    let takes_part_alike = old.memberships == new.memberships && old.partner_tiers == new.partner_tiers;
    if takes_part_alike && says_the_same(before, now) {
        return Ok(());
    }
    let mut all = stocks(before, shard).chain(stocks(now, shard));
    all.try_for_each(|(id, _)| STALE.put(state, &id.0, &()))
}

/// Notes the stocks of which lots lapse by a day, up to `limit` of them; returns how many it were.
pub(crate) fn mark_lapsed(today: Day, limit: usize, state: &mut dyn State) -> Result<usize, StorageError> {
    let due = LAPSES.range(state, &(i32::MIN, [0; 16]), &(today.0.saturating_add(1), [0; 16]), Order::Up, limit)?;
    for (key, ()) in &due {
        STALE.put(state, &key.1, &())?;
        LAPSES.delete(state, key)?;
    }
    Ok(due.len())
}

/// The reckoning of estimates at a tick.
pub(crate) struct Estimating<'a> {
    pub control: u64,
    /// The batch that the tick closes.
    pub batch: u64,
    /// The latest day, the tick's included.
    pub today: Day,
    pub references: &'a References,
    /// Ticks before this one: what they have frozen is adjusted in the current month.
    pub clock: &'a Clock,
}

/// What is to stand for a stock, with the accounts that it stands in as they start out.
#[derive(Default)]
struct Wanted {
    parts: Vec<Part>,
    accounts: BTreeMap<Id, Estimate>,
    /// When the next open lot lapses.
    lapses: Option<Day>,
}

impl Estimating<'_> {
    /// Puts down what happened to the lots of a stock. A stock that no table knows has none.
    pub fn reckon(&self, stock: Id, state: &mut dyn State) -> Result<(), StorageError> {
        let standing = LOTS.get(state, &stock.0)?.unwrap_or_default();
        let known = self.references.as_of(self.control);
        let (product, mut wanted) = match known.stocks().get(&stock) {
            Some(of) => (of.product.clone(), wanted(of, known, self.today, state)?),
            None => Default::default(),
        };
        keep_rates(&standing.parts, &mut wanted.parts);
        if let Some(day) = wanted.lapses {
            LAPSES.put(state, &(day.0, stock.0), &())?;
        }
        if standing.parts == wanted.parts {
            return Ok(());
        }
        let mut touched: BTreeMap<Id, Vec<(&Part, i64)>> = BTreeMap::new();
        for (parts, times) in [(&standing.parts, -1), (&wanted.parts, 1)] {
            parts.iter().for_each(|part| touched.entry(part.settlement).or_default().push((part, times)));
        }
        for (id, parts) in touched {
            let opened = wanted.accounts.remove(&id);
            let kept = ESTIMATES.get(state, &id.0)?;
            let mut account = kept.or_else(|| opened.clone()).expect("what stands has its account");
            if let Some(Estimate { class, .. }) = opened {
                (account.class, account.terms) = (class, self.control);
            }
            for (part, times) in parts {
                account.months.entry((part.month, part.kind)).or_default().is.add(part.worth, times);
            }
            ESTIMATES.put(state, &id.0, &account)?;
            UNBOOKED.put(state, &id.0, &())?;
        }
        match wanted.parts.is_empty() {
            true => LOTS.delete(state, &stock.0),
            false => LOTS.put(state, &stock.0, &Lots { product, parts: wanted.parts }),
        }
    }

    /// Books what a settlement's estimates are more, or less, than was booked. What adds to them goes first, so that no
    /// more is ever taken than is there.
    pub fn book(&self, id: Id, state: &mut dyn State, outbox: &mut Outbox<AccrualEvent>) -> Result<(), StorageError> {
        let mut account = ESTIMATES.get(state, &id.0)?.expect("a listed settlement has estimates");
        let (settlement, class) = (account.settlement.clone(), account.class);
        let known = [self.control, account.terms].map(|control| self.references.as_of(control));
        let mut versions = known.iter().filter_map(|known| known.program(&settlement.program, settlement.version));
        let program = versions.next().expect("an account's terms are kept");
        let mut movements = Vec::new();
        for ((month, kind), standing) in &mut account.months {
            let amount = standing.is.amount - standing.booked;
            if amount.is_zero() {
                continue;
            }
            let functional = (standing.is.rateless == 0).then_some(standing.is.functional - standing.booked_functional);
            standing.booked += amount;
            standing.booked_functional += functional.unwrap_or_default();
            let (date, origin_period) = self.posted(*month, program);
            let owner = settlement.id().to_string();
            let (first, on, batch) = (month.to_string(), date.to_string(), self.batch.to_string());
            movements.push(EstimateMovement {
                id: Id::of("estimate", &[&owner, kind.as_str(), &first, &on, &batch]),
                settlement: settlement.clone(),
                class,
                kind: *kind,
                date,
                origin_period,
                amount,
                functional,
                batch: self.batch,
            });
        }
        ESTIMATES.put(state, &id.0, &account)?;
        movements.sort_by_key(|movement| !movement.kind.opens(movement.amount));
        outbox.acting_for(&format!("estimates {id}"));
        for movement in movements {
            outbox.send(&settlement.beneficiary, AccrualEvent::Estimated(Box::new(movement)));
        }
        Ok(())
    }

    /// The day that a month is booked on; with its period, where that had frozen before.
    fn posted(&self, month: Day, program: &Program) -> (Day, Text) {
        let last_day = program.period.range(month).1;
        match self.clock.reached(freeze_day(program, last_day)) {
            Some(_) => (self.today.last_of_month(), program.period.label(month).into()),
            None => (month.last_of_month(), Text::default()),
        }
    }
}

/// What stands keeps the worth in the books that it was booked with, whatever became of its rate.
fn keep_rates(standing: &[Part], wanted: &mut [Part]) {
    let key = |part: &Part| (part.settlement, part.bought, part.month, part.kind);
    let stands: BTreeMap<_, &Part> = standing.iter().map(|part| (key(part), part)).collect();
    for part in wanted {
        let stood = stands.get(&key(part)).filter(|stood| stood.units == part.units);
        if let Some(stood) = stood.filter(|stood| stood.worth.amount == part.worth.amount) {
            part.worth = stood.worth;
        }
    }
}

/// What happened to the lots of a stock up to a day: a function of tables, of what was sold, and of the day.
fn wanted(stock: &Stock, known: &Known, today: Day, state: &mut dyn State) -> Result<Wanted, StorageError> {
    let Some(subject) = Subject::of(known, &stock.product, &stock.partner) else { return Ok(Wanted::default()) };
    let (mut lots, mut of_lots, mut back) = (Vec::new(), Vec::new(), Vec::new());
    for (day, units) in by_day(known.purchases(&stock.partner, &stock.product)) {
        let version = known.program_on(&stock.program, day);
        let of_lot = |version| OfLot::new(stock, (day, units), version, subject, known);
        let Some(lot) = version.and_then(of_lot) else { continue };
        let units = i128::from(units.0);
        match units {
            ..0 => back.push((day, -units)),
            0 => {}
            1.. => {
                lots.push(Lot { bought: day, units, lapses: lapse_day(&lot.terms, day) });
                of_lots.push(lot);
            }
        }
    }
    if lots.is_empty() {
        return Ok(Wanted::default());
    }
    let sold = SOLD.prefix(state, &stock.id().0, Order::Up, usize::MAX)?;
    let sold: Vec<(Day, i128)> = sold.into_iter().map(|((_, day), units)| (Day(day), units)).collect();
    let digits = known.reference.functional_currency.map_or(2, Currency::minor_digits);
    let mut open: Vec<i128> = vec![0; lots.len()];
    // Lots that something happens to behind the day on which they lapse, which has not come yet.
    let mut late = vec![false; lots.len()];
    let mut parts: BTreeMap<(usize, Day, EstimateKind), (i128, Worth)> = BTreeMap::new();
    for moved in moves(&lots, &back, &sold, today) {
        let (lot, of_lot, before) = (&lots[moved.lot], &of_lots[moved.lot], open[moved.lot]);
        let sign = if moved.kind == EstimateKind::Estimated { 1 } else { -1 };
        let after = before + i128::from(sign) * moved.units;
        open[moved.lot] = after;
        late[moved.lot] |= lot.lapses <= moved.day;
        let part = parts.entry((moved.lot, moved.day.first_of_month(), moved.kind)).or_default();
        part.0 += moved.units;
        part.1.add(of_lot.worth(lot, after, digits), sign);
        part.1.add(of_lot.worth(lot, before, digits), -sign);
    }
    let lapses = |((lot, open), late): ((&Lot, &i128), &bool)| (*open > 0 || *late).then_some(lot.lapses);
    let lapses = lots.iter().zip(&open).zip(&late).filter_map(lapses).filter(|day| *day > today).min();
    let accounts = of_lots.iter().map(|lot| (lot.settlement.id(), lot.account())).collect();
    let part = |((lot, month, kind), (units, mut worth)): ((usize, Day, EstimateKind), (i128, Worth))| {
        let OfLot { settlement, functional, .. } = &of_lots[lot];
        worth.rateless = i64::from(functional.is_none());
        let (settlement, bought) = (settlement.id(), lots[lot].bought);
        Part { settlement, bought, kind, month, units, worth }
    };
    let parts = parts.into_iter().filter(|(_, happened)| *happened != Default::default()).map(part).collect();
    Ok(Wanted { parts, accounts, lapses })
}

/// The first day on which what is left of a lot has lapsed.
fn lapse_day(terms: &SellInEstimate, bought: Day) -> Day {
    Day(i32::try_from(i64::from(bought.0) + i64::from(terms.lapses_after_days) + 1).unwrap_or(i32::MAX))
}

/// What is known of a lot beside its units.
struct OfLot {
    settlement: Settlement,
    class: AccountingClass,
    terms: SellInEstimate,
    /// Of all its units.
    whole: Micros,
    /// The same in the books; `None` without a rate.
    functional: Option<Micros>,
}

impl OfLot {
    /// `None` where the version does not expect that the partner earns anything with what it bought.
    fn new(
        stock: &Stock,
        (day, units): (Day, Micros),
        version: &Program,
        subject: Subject<'_>,
        known: &Known,
    ) -> Option<OfLot> {
        let (terms, currency) = (version.estimate?, version.currency?);
        if !selects(version, subject) || !takes_part(version, &stock.partner, day, known) {
            return None;
        }
        let beneficiary = Text::from(format!("partner:{}", stock.partner));
        let settlement = settlement(beneficiary, currency, version, day);
        let book = known.book(&stock.product, currency);
        let whole = worth(&terms, day, units.0.into(), book, currency);
        let books = known.reference.functional_currency;
        let rate = match version.conversion {
            Conversion::Fixed(rate) if books != Some(currency) => Some(rate),
            _ => known.latest_rate(currency, day).map(|(_, rate)| rate),
        };
        let functional = books.zip(rate).map(|(books, rate)| converted(whole, rate, books));
        Some(OfLot { settlement, class: version.class, terms, whole, functional })
    }

    fn account(&self) -> Estimate {
        Estimate::new(self.settlement.clone(), self.class)
    }

    /// Of some units of it.
    fn worth(&self, lot: &Lot, open: i128, digits: u32) -> Worth {
        let of = |whole, digits| worth_of_open(whole, open, lot.units, digits);
        let functional = self.functional.map_or(Micros::ZERO, |whole| of(whole, digits));
        Worth { amount: of(self.whole, self.settlement.currency.minor_digits()), functional, rateless: 0 }
    }
}

/// Whether a partner is in the tiers, and a member, that a program is for on a day.
fn takes_part(version: &Program, partner: &str, day: Day, known: &Known) -> bool {
    let tiers = &version.selector.partner_tiers;
    let mut memberships = known.memberships(&version.id, partner).iter();
    (tiers.is_empty() || stands_in(known, partner, day, tiers))
        && (!version.conditions.members_only
            || memberships.any(|member| member.from <= day && member.to.is_none_or(|last| day <= last)))
}

/// What happened to a lot in a month, or how what is expected of a settlement changed in it, for readers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EstimateRow {
    /// H(settlement, product, day of purchase, kind, month).
    pub estimate_id: Id,
    pub settlement: Settlement,
    /// Of a lot; else empty.
    pub product: Text,
    /// Day and units of a lot.
    pub bought: Option<Day>,
    pub kind: EstimateKind,
    /// Last day of the month.
    pub date: Day,
    pub units: Option<Micros>,
    pub amount: Micros,
    /// `None` without a rate.
    pub functional: Option<Micros>,
}

/// Hands over what stood at the last tick, in order of settlement, product, day of purchase, month and kind.
///
/// `states` are the ledger's partitions. Memory is bounded by the lots, and the settlements that accrue by what is expected.
pub fn estimate_rows(states: &mut [&mut dyn State], emit: &mut dyn FnMut(EstimateRow)) -> Result<(), StageError> {
    let mut rows = Vec::new();
    for state in states {
        let accounts = accounts(*state)?;
        rows.extend(accounts.values().flat_map(expected_rows));
        for (_, Lots { product, parts }) in LOTS.range(*state, &[0; 16], &[0xff; 16], Order::Up, usize::MAX)? {
            rows.extend(parts.iter().map(|part| row(part, accounts[&part.settlement].settlement.clone(), &product)));
        }
    }
    rows.sort_by(|a, b| order(a).cmp(&order(b)));
    rows.into_iter().for_each(emit);
    Ok(())
}

fn accounts(state: &mut dyn State) -> Result<BTreeMap<Id, Estimate>, StorageError> {
    let all = ESTIMATES.range(state, &[0; 16], &[0xff; 16], Order::Up, usize::MAX)?;
    Ok(all.into_iter().map(|(id, account)| (Id(id), account)).collect())
}

fn order(row: &EstimateRow) -> impl Ord + '_ {
    (&row.settlement, &row.product, row.bought, row.date, row.kind)
}

fn expected_rows(account: &Estimate) -> impl Iterator<Item = EstimateRow> {
    let row = |(month, _): (Day, Micros)| {
        let kind = EstimateKind::Expected;
        let Worth { amount, functional, rateless } = account.months[&(month, kind)].is;
        let (owner, first) = (account.settlement.id().to_string(), month.to_string());
        EstimateRow {
            estimate_id: Id::of("estimate row", &[&owner, "", "", kind.as_str(), &first]),
            settlement: account.settlement.clone(),
            product: Text::default(),
            bought: None,
            kind,
            date: month.last_of_month(),
            units: None,
            amount,
            functional: (rateless == 0).then_some(functional),
        }
    };
    account.expected().map(row)
}

fn row(part: &Part, settlement: Settlement, product: &Text) -> EstimateRow {
    let Part { bought, kind, month, units, worth, .. } = *part;
    let (owner, day, first) = (settlement.id().to_string(), bought.to_string(), month.to_string());
    EstimateRow {
        estimate_id: Id::of("estimate row", &[&owner, product, &day, kind.as_str(), &first]),
        settlement,
        product: product.clone(),
        bought: Some(bought),
        kind,
        date: month.last_of_month(),
        units: Some(Micros(i64::try_from(units).expect("no more is moved than was bought"))),
        amount: worth.amount,
        functional: (worth.rateless == 0).then_some(worth.functional),
    }
}

/// What was looked at of estimates, and what did not hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EstimatesVerified {
    /// Stocks, and settlements that accrue by what is expected, of which what stands was worked out anew, and months whose sums were
    /// compared.
    pub evaluations: u64,
    /// One line for people for each violation.
    pub violations: Vec<String>,
}

/// Works out every estimate of the ledger's partitions anew from purchases, the price book, sales and what is expected, as of the last
/// tick, but for stocks and settlements that wait for the next one.
pub fn verify_estimates(
    states: &mut [&mut dyn State],
    blobs: &Arc<dyn Blobs>,
) -> Result<EstimatesVerified, StageError> {
    let mut verified = EstimatesVerified::default();
    let count = states.len().try_into().expect("partitions are few");
    for (index, state) in (0..).zip(states) {
        verified.check_lots(Shard { index, count }, blobs, *state)?;
        verified.check_sums(*state)?;
        verified.check_expected(blobs, *state)?;
    }
    Ok(verified)
}

impl EstimatesVerified {
    /// What stands follows from the tables and from what was sold.
    fn check_lots(&mut self, shard: Shard, blobs: &Arc<dyn Blobs>, state: &mut dyn State) -> Result<(), StageError> {
        let Some(today) = Clock::resume(state)?.today() else { return Ok(()) };
        let mut references = References::new(blobs.clone());
        references.resume(state)?;
        let known = references.as_of(u64::MAX);
        for (id, stock) in stocks(known, shard) {
            if STALE.get(state, &id.0)?.is_some() {
                continue;
            }
            let stands = without_rates(&LOTS.get(state, &id.0)?.unwrap_or_default().parts);
            let anew = without_rates(&wanted(stock, known, today, state)?.parts);
            self.expect(stands == anew, || format!("{stock:?}: {stands:?} stand, not {anew:?}"));
        }
        Ok(())
    }

    /// Lots add up to what is booked, and no settlement has less than nothing open.
    fn check_sums(&mut self, state: &mut dyn State) -> Result<(), StageError> {
        let mut sums: BTreeMap<(Id, Day, EstimateKind), Micros> = BTreeMap::new();
        for (_, lots) in LOTS.range(state, &[0; 16], &[0xff; 16], Order::Up, usize::MAX)? {
            for Part { settlement, month, kind, worth, .. } in lots.parts {
                *sums.entry((settlement, month, kind)).or_default() += worth.amount;
            }
        }
        for (id, account) in accounts(state)? {
            let of_lots = |((_, kind), _): &(&(Day, EstimateKind), &Standing)| *kind != EstimateKind::Expected;
            for ((month, kind), Standing { booked, .. }) in account.months.iter().filter(of_lots) {
                let sum = sums.remove(&(id, *month, *kind)).unwrap_or_default();
                self.expect(sum == *booked, || {
                    format!("{:?} in {month}: {booked} {} is booked, not {sum}", account.settlement, kind.as_str())
                });
            }
            let open = account.open();
            self.expect(open >= Micros::ZERO, || format!("{:?}: {open} is open", account.settlement));
        }
        self.expect(sums.is_empty(), || format!("lots that are not booked: {sums:?}"));
        Ok(())
    }

    /// What is expected of a settlement follows from its lines and the tables, and nothing is of one that has frozen.
    fn check_expected(&mut self, blobs: &Arc<dyn Blobs>, state: &mut dyn State) -> Result<(), StageError> {
        let clock = Clock::resume(state)?;
        let Some(today) = clock.today() else { return Ok(()) };
        let mut references = References::new(blobs.clone());
        references.resume(state)?;
        let mut stands = accounts(state)?;
        for (id, _) in EXPECTED.range(state, &[0; 16], &[0xff; 16], Order::Up, usize::MAX)? {
            let estimate = stands.remove(&Id(id));
            let account = ACCOUNTS.get(state, &id)?.expect("a listed settlement has an account");
            if account.counted > clock.last() || !DIRTY.prefix(state, &id, Order::Up, 1)?.is_empty() {
                continue;
            }
            let (program, known) = (terms(&account, &references), references.as_of(clock.last()));
            let measures = expected::measures(&account, &program, today, known);
            let anew = expected::changes(Id(id), &account, &measures, &references, state)?;
            let anew: Vec<_> = anew.iter().map(|change| (change.month, change.amount)).collect();
            let stands: Vec<_> = estimate.iter().flat_map(Estimate::expected).collect();
            self.expect(stands == anew, || format!("{:?}: {stands:?} expected, not {anew:?}", account.settlement));
        }
        for Estimate { settlement, months, .. } in stands.values() {
            let of_kind = || months.iter().filter(|((_, kind), _)| *kind == EstimateKind::Expected);
            let open: Micros = of_kind().map(|(_, standing)| standing.is.amount).sum();
            self.expect(open.is_zero(), || format!("{settlement:?}: {open} expected of a period that is over"));
            let worth: Micros = of_kind().map(|(_, standing)| standing.booked_functional).sum();
            self.expect(worth.is_zero(), || {
                format!("{settlement:?}: what is over is still worth {worth} in the books")
            });
        }
        Ok(())
    }

    fn expect(&mut self, holds: bool, why: impl FnOnce() -> String) {
        self.evaluations += 1;
        if !holds {
            self.violations.push(why());
        }
    }
}

/// Rates that come later move nothing that was booked.
fn without_rates(parts: &[Part]) -> Vec<Part> {
    let without = |part: &Part| Part { worth: Worth { amount: part.worth.amount, ..Worth::default() }, ..part.clone() };
    parts.iter().map(without).collect()
}

#[cfg(test)]
mod tests {
    use contract::{Benefit, BookCost, Cadence, Control, EntitlementEvent, Mechanism, Reference};
    use stream::MemoryState;

    use super::*;
    use crate::ledger::laws::Dice;
    use crate::ledger::scenario::{Bench, Lived, MemoryBlobs, plain_program};
    use crate::units::trial::{bought as units_bought, day, line, market};

    fn dollar() -> Currency {
        Currency::parse("USD").unwrap()
    }

    /// Two versions in one group, of which the second estimates another share.
    fn programs() -> Vec<Program> {
        let version = |version, from, to, rate| Program {
            version,
            from: day(from),
            to: day(to),
            period: Cadence::Month,
            currency: Some(dollar()),
            group: Some("front".into()),
            grace_days: 20,
            estimate: Some(SellInEstimate { benefit: Benefit::Percent, rate: Micros(rate), lapses_after_days: 40 }),
            ..plain_program("REBATE", Mechanism::PerUnit { rate: Micros::ONE })
        };
        vec![version(1, "2013-01-01", "2013-02-28", 33_333), version(2, "2013-03-01", "2013-12-31", 50_000)]
    }

    fn any_day(dice: &mut Dice) -> Day {
        day("2013-01-01").plus(dice.below(120) as i32)
    }

    fn tables(dice: &mut Dice) -> Reference {
        let mut by_day = |count: u64, low: i64, width: u64| -> BTreeMap<Day, Micros> {
            (0..count).map(|_| (any_day(dice), Micros::units(low + dice.below(width) as i64))).collect()
        };
        let (costs, bought) = (by_day(4, 10, 50), by_day(8, -3, 14));
        let cost = |(from, cost)| BookCost { product: "s/p".into(), currency: dollar(), from, cost };
        Reference {
            programs: programs(),
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
            ledger_key: "front".into(),
            sale: Id::of("sale", &[&number.to_string()]),
            at: fact.at.clone(),
            stamp,
            programs: vec!["REBATE".into()],
            date: fact.date,
            quantity: fact.quantity,
            amount: fact.amount,
            currency: fact.currency,
            rep: Text::default(),
            origin: None,
            debits: Vec::new(),
            product: fact.product.clone(),
        }
    }

    /// What has been sent adds up to the rows that stand; what was open was never less than nothing.
    fn check_sent(bench: &Bench, rows: &[EstimateRow], seed: u64) {
        let (mut sent, mut open) = (BTreeMap::new(), BTreeMap::new());
        for event in &bench.sent {
            let AccrualEvent::Estimated(moved) = event else { continue };
            *sent.entry((moved.settlement.clone(), moved.kind)).or_insert(Micros::ZERO) += moved.amount;
            let left = open.entry(moved.settlement.clone()).or_insert(Micros::ZERO);
            *left += if moved.kind == EstimateKind::Estimated { moved.amount } else { -moved.amount };
            assert!(*left >= Micros::ZERO, "seed {seed}: {left} open behind {moved:?}");
        }
        for row in rows {
            *sent.entry((row.settlement.clone(), row.kind)).or_insert(Micros::ZERO) += -row.amount;
        }
        assert!(sent.values().all(|amount| amount.is_zero()), "seed {seed}: {sent:?}");
    }

    #[test]
    fn what_stands_in_the_end_follows_from_purchases_and_sales_alone() {
        let mut opened = 0;
        for seed in 0..60 {
            let draw = |dice: &mut Dice, number, lived: &Lived| Some(sale(dice, number, lived.bench.control));
            let Lived { mut bench, reference, standing, today } = Lived::new(seed, 80, tables, draw);
            let rows = bench.estimates();
            check_sent(&bench, &rows, seed);
            let mut fresh = Bench::new();
            fresh.configure(&reference);
            for sold in standing.into_iter().rev() {
                let sold = Entitlement { stamp: fresh.control, ..sold };
                fresh.take(&EntitlementEvent::Grant(Box::new(sold)));
            }
            fresh.control(&Control::Tick { as_of: today });
            assert_eq!(rows, fresh.estimates(), "seed {seed}");
            opened += rows.len();
        }
        assert!(opened > 600, "{opened} rows in all");
    }

    #[test]
    fn a_partition_looks_at_the_stocks_of_its_ledger_keys() {
        let (blobs, bytes) = (MemoryBlobs::default(), postcard::to_stdvec(&tables(&mut Dice(1))).unwrap());
        let hash = blobs.keep(bytes);
        let blobs: Arc<dyn Blobs> = Arc::new(blobs);
        for index in 0..2 {
            let (mut references, mut state) = (References::new(blobs.clone()), MemoryState::default());
            references.configure(1, hash, &mut state).unwrap();
            let shard = Shard { index, count: 2 };
            mark(1, &references, shard, &mut state).unwrap();
            let marked = STALE.range(&mut state, &[0; 16], &[0xff; 16], Order::Up, 9).unwrap().len();
            assert_eq!(marked > 0, shard.owns(route("front")), "partition {index}");
        }
    }
}
