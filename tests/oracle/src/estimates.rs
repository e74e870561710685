//! What is estimated: at sell-in, unit by unit and day by day (domain notes §5.1, §5.3: GL1, GL3, GL6).
//!
//! Every unit that was bought is one of a list, and something becomes of it: it is sold, it comes back, it goes back to the
//! vendor, it is not seen again in time. What the units of a purchase that are left are worth is rounded; an event is worth
//! what it changes of that.

use std::collections::{BTreeMap, BTreeSet};

use contract::{Benefit, Cadence, Day, Entitlement, EstimateKind, Micros, Program, Reference, Settlement, Text};

use crate::books::{Place, cost_account};
use crate::exact::{Exact, exact, rounded};
use crate::purchased::by_day;

const ONE: i64 = 1_000_000;

/// Settlement of the purchase, first day of the month, what happened.
type Key = (Settlement, Day, EstimateKind);

/// Follows ticks.
#[derive(Default)]
pub(crate) struct Estimates {
    /// What ticks have booked.
    booked: BTreeMap<Key, Micros>,
    /// Debits less credits.
    pub moved: BTreeMap<Place, Micros>,
}

/// Program, partner and product, with units sold by day.
type Sold = BTreeMap<(Text, Text, Text), BTreeMap<Day, i64>>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Open,
    Sold,
    Lapsed,
    /// Nothing was open when it was sold.
    SoldBehindItsTime,
    GoneBack,
}

/// Units that were bought on a day.
struct Purchase {
    settlement: Settlement,
    last_day: Day,
    worth: Exact,
    units: Vec<Fate>,
    /// How many of them are left, and what that is worth, as of the last event.
    open: i128,
    left: Micros,
}

impl Purchase {
    fn settle(&mut self, kind: EstimateKind, day: Day, happened: &mut BTreeMap<Key, Micros>) {
        let open = self.units.iter().filter(|fate| **fate == Fate::Open).count() as i128;
        if std::mem::replace(&mut self.open, open) == open {
            return;
        }
        let whole = exact(rounded(self.worth, self.settlement.currency));
        let left = rounded(whole * Exact::new(open, self.units.len() as i128), self.settlement.currency);
        let change = left - std::mem::replace(&mut self.left, left);
        let amount = if kind == EstimateKind::Estimated { change } else { -change };
        *happened.entry((self.settlement.clone(), day.first_of_month(), kind)).or_default() += amount;
    }
}

impl Estimates {
    /// A tick that names `day`; `before` is the latest day of those before it.
    pub fn tick<'a>(
        &mut self,
        day: Day,
        before: Option<Day>,
        now: &Reference,
        granted: impl Iterator<Item = (&'a Entitlement, &'a Reference)>,
    ) {
        let now = &by_day(now);
        let sold = sold(granted);
        let mut is = BTreeMap::new();
        let stocks: BTreeSet<(&Text, &Text)> = now.purchases.iter().map(|b| (&b.partner, &b.product)).collect();
        let programs: BTreeSet<&Text> =
            now.programs.iter().filter(|program| program.estimate.is_some()).map(|program| &program.id).collect();
        for program in programs {
            for (partner, product) in &stocks {
                let key = (program.clone(), (*partner).clone(), (*product).clone());
                live(now, &key, sold.get(&key).unwrap_or(&BTreeMap::new()), day, &mut is);
            }
        }
        let of_units = |key: &&Key| key.2 != EstimateKind::Expected;
        let keys: BTreeSet<Key> = is.keys().chain(self.booked.keys()).filter(of_units).cloned().collect();
        for key in keys {
            let amount = is.get(&key).copied().unwrap_or_default();
            let more = amount - self.booked.insert(key.clone(), amount).unwrap_or_default();
            self.book(&key, more, day, before, now);
        }
    }

    /// The same for what periods that are open until now are expected to reach, month by month.
    pub fn expect(
        &mut self,
        day: Day,
        before: Option<Day>,
        now: &Reference,
        expected: BTreeMap<Settlement, BTreeMap<Day, Micros>>,
    ) {
        for (settlement, changes) in expected {
            let is_its = |key: &&Key| key.0 == settlement && key.2 == EstimateKind::Expected;
            let booked = self.booked.keys().filter(is_its).map(|(_, month, _)| *month);
            let months: BTreeSet<Day> = booked.chain(changes.keys().copied()).collect();
            for month in months {
                let key = (settlement.clone(), month, EstimateKind::Expected);
                let amount = changes.get(&month).copied().unwrap_or_default();
                let more = amount - self.booked.insert(key.clone(), amount).unwrap_or_default();
                self.book(&key, more, day, before, now);
            }
        }
    }

    /// Months of a period that an earlier tick has frozen are adjusted in the current one.
    fn book(&mut self, (settlement, month, kind): &Key, more: Micros, day: Day, before: Option<Day>, now: &Reference) {
        let is_its = |program: &&Program| program.id == settlement.program && program.version == settlement.version;
        let program = now.programs.iter().find(is_its).expect("no version is taken away");
        let grace = i32::try_from(program.grace_days).expect("a grace is short");
        let freezes = program.period.range(*month).1.plus(grace + 1);
        let posted = if before.is_some_and(|before| before >= freezes) { day } else { *month };
        let adds = matches!(kind, EstimateKind::Estimated | EstimateKind::Expected);
        let liability = if adds { -more } else { more };
        for (account, amount) in [("LI-EST", liability), (cost_account(program.class), -liability)] {
            let place = (settlement.id(), Cadence::Month.label(posted), account);
            *self.moved.entry(place).or_default() += amount;
        }
    }
}

/// Of each program that estimates on the day that counts, whichever of its group pays.
fn sold<'a>(granted: impl Iterator<Item = (&'a Entitlement, &'a Reference)>) -> Sold {
    let mut sold = Sold::new();
    for (sale, known) in granted {
        let day = sale.origin.map_or(sale.date, |(_, sold)| sold);
        for program in &sale.programs {
            let estimates =
                crate::ledger::version(known, program, day).is_some_and(|version| version.estimate.is_some());
            if estimates && !sale.product.is_empty() {
                let key = (program.clone(), sale.at.partner.clone(), sale.product.clone());
                *sold.entry(key).or_default().entry(sale.date).or_default() += sale.quantity.0 / ONE;
            }
        }
    }
    sold
}

/// What happens to the units of a stock up to a day.
fn live(
    now: &Reference,
    (program, partner, product): &(Text, Text, Text),
    sold: &BTreeMap<Day, i64>,
    today: Day,
    happened: &mut BTreeMap<Key, Micros>,
) {
    let bought = || now.purchases.iter().filter(|b| (&b.partner, &b.product) == (partner, product));
    let days = bought().map(|b| b.date).chain(sold.keys().copied()).chain([today]);
    let (first, last) = (days.clone().min().expect("today is one"), days.max().expect("today is one"));
    let mut all: Vec<Purchase> = Vec::new();
    // Sold before they were bought; below zero: came back, and nobody had sold them.
    let mut ahead = 0_i64;
    for day in (first.0..=last.0).map(Day) {
        let moved: i64 = bought().filter(|b| b.date == day).map(|b| b.units.0 / ONE).sum();
        let net = sold.get(&day).copied().unwrap_or_default();
        // Nothing comes of a day on which nothing moves and no time is up.
        if moved == 0 && net == 0 && all.iter().all(|purchase| purchase.last_day.plus(1) != day) {
            continue;
        }
        lapse(&mut all, day, today, happened);
        if let Some(purchase) = purchase(now, program, partner, product, day, moved) {
            if moved > 0 {
                all.push(purchase);
                all.last_mut().expect("just put there").settle(EstimateKind::Estimated, day, happened);
                while ahead > 0 && sell(&mut all, Fate::Open, Fate::Sold) {
                    ahead -= 1;
                }
                settle(&mut all, EstimateKind::Relieved, day, happened);
            }
            for _ in moved..0 {
                let latest = all.iter_mut().rev().flat_map(|purchase| purchase.units.iter_mut());
                match latest.into_iter().find(|fate| **fate == Fate::Open) {
                    Some(fate) => *fate = Fate::GoneBack,
                    None => ahead += i64::from(!sell(&mut all, Fate::Lapsed, Fate::GoneBack)),
                }
            }
            settle(&mut all, EstimateKind::Estimated, day, happened);
        }
        for _ in 0..net {
            let is_there = |all: &mut Vec<Purchase>| {
                sell(all, Fate::Open, Fate::Sold) || sell(all, Fate::Lapsed, Fate::SoldBehindItsTime)
            };
            ahead += i64::from(ahead < 0 || !is_there(&mut all));
        }
        for _ in net..0 {
            if ahead > 0 || (!sell(&mut all, Fate::SoldBehindItsTime, Fate::Lapsed) && !come_back(&mut all)) {
                ahead -= 1;
            }
        }
        settle(&mut all, EstimateKind::Relieved, day, happened);
        lapse(&mut all, day, today, happened);
    }
}

/// What a purchase under a version that estimates is worth.
fn purchase(now: &Reference, program: &str, partner: &str, product: &str, day: Day, units: i64) -> Option<Purchase> {
    let holds = |version: &&Program| version.id == program && version.from <= day && day <= version.to;
    let version = now.programs.iter().find(holds)?;
    let (estimate, currency) = (version.estimate?, version.currency?);
    let rate = match estimate.benefit {
        Benefit::PerUnit => estimate.rate,
        Benefit::Percent => {
            let is_its =
                |cost: &&contract::BookCost| cost.product == product && cost.currency == currency && cost.from <= day;
            let cost = now.book_costs.iter().filter(is_its).max_by_key(|cost| cost.from);
            cost.map_or(Micros::ZERO, |cost| cost.cost.times(estimate.rate))
        }
    };
    let settlement = Settlement {
        program: version.id.clone(),
        version: version.version,
        beneficiary: format!("partner:{partner}").into(),
        period: version.period.label(day).into(),
        currency,
    };
    let last_day = day.plus(i32::try_from(estimate.lapses_after_days).expect("days are few"));
    let worth = exact(rate) * Exact::from_integer(units.into());
    let units = vec![Fate::Open; units.max(0) as usize];
    Some(Purchase { settlement, last_day, worth, units, open: 0, left: Micros::ZERO })
}

/// The first unit of one fate gets another; says whether there is one.
fn sell(all: &mut [Purchase], from: Fate, to: Fate) -> bool {
    let unit = all.iter_mut().flat_map(|purchase| purchase.units.iter_mut()).find(|fate| **fate == from);
    unit.map(|fate| *fate = to).is_some()
}

/// A unit of the latest purchase that one was sold of is there again.
fn come_back(all: &mut [Purchase]) -> bool {
    let mut latest = all.iter_mut().rev().flat_map(|purchase| purchase.units.iter_mut());
    latest.find(|fate| **fate == Fate::Sold).map(|fate| *fate = Fate::Open).is_some()
}

fn settle(all: &mut [Purchase], kind: EstimateKind, day: Day, happened: &mut BTreeMap<Key, Micros>) {
    all.iter_mut().for_each(|purchase| purchase.settle(kind, day, happened));
}

fn lapse(all: &mut [Purchase], day: Day, today: Day, happened: &mut BTreeMap<Key, Micros>) {
    for purchase in all.iter_mut().filter(|purchase| purchase.last_day < day.min(today)) {
        purchase.units.iter_mut().filter(|fate| **fate == Fate::Open).for_each(|fate| *fate = Fate::Lapsed);
        purchase.settle(EstimateKind::Lapsed, day, happened);
    }
}
