//! The reference data in force, by control number: what both stages look programs and rates up in.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock, Mutex, OnceLock, Weak};

use contract::{
    Amendment, Approver, BookCost, ConsumerRebate, Currency, Day, Deduction, Expectation, Id, Membership, Micros,
    Money, Outlet, Partner, PartnerTier, PayeeAccount, Person, Product, ProductAttribute, Program, Purchase, Rate,
    Reference, SerialRange, Shipment, Text, same_person, unknown_party,
};
use stream::{Blobs, StageError, State, StorageError, Table};

use crate::programs::exact::divide_half_away;
use crate::programs::stock::Stock;
use crate::units::market::Market;
use crate::units::names::ALIKE_MAX;

/// Control number → hash of the reference data that hold from there on. The same number in every stage.
const VERSIONS: Table<u64, Id> = Table::new(250, "reference versions");

/// How many versions a stage may ever have seen; more is read in slices.
const PAGE: usize = 1024;

/// One version of the reference data with what is derived from it. Shared by all stages and partitions of a process.
#[derive(Debug, Default)]
pub struct Known {
    pub reference: Reference,
    market: OnceLock<Market>,
    odd_rates: OnceLock<Vec<(Currency, Day)>>,
    stocks: OnceLock<BTreeMap<Id, Stock>>,
}

impl Known {
    pub fn new(reference: Reference) -> Known {
        Known { reference, ..Known::default() }
    }

    /// Partners and programs arranged for sales; made when first asked for.
    pub fn market(&self) -> &Market {
        self.market.get_or_init(|| Market::new(&self.reference))
    }

    /// All versions of a program, oldest first.
    pub fn versions(&self, program: &str) -> &[Program] {
        alike(&self.reference.programs, |p| p.id.as_str().cmp(program))
    }

    /// The version of a program that holds on a sale date.
    pub fn program_on(&self, program: &str, date: Day) -> Option<&Program> {
        self.versions(program).iter().find(|p| p.from <= date && date <= p.to)
    }

    pub fn program(&self, program: &str, version: u32) -> Option<&Program> {
        self.versions(program).iter().find(|p| p.version == version)
    }

    /// When a partner takes part in a program for members, in order.
    pub fn memberships(&self, program: &str, partner: &str) -> &[Membership] {
        alike(&self.reference.memberships, |m: &Membership| {
            (m.program.as_str(), m.partner.as_str()).cmp(&(program, partner))
        })
    }

    /// Persons that are registered with a partner, by name and first day.
    pub fn persons(&self, partner: &str) -> &[Person] {
        alike(&self.reference.persons, |person| person.partner.as_str().cmp(partner))
    }

    /// Units shipped in to a partner, by product and year.
    pub fn shipments(&self, partner: &str) -> &[Shipment] {
        alike(&self.reference.shipments, |shipment| shipment.partner.as_str().cmp(partner))
    }

    /// What a partner bought of a product, by day and document.
    pub fn purchases(&self, partner: &str, product: &str) -> &[Purchase] {
        alike(&self.reference.purchases, |bought: &Purchase| {
            (bought.partner.as_str(), bought.product.as_str()).cmp(&(partner, product))
        })
    }

    /// What a partner bought, by product, day and document.
    pub fn all_purchases(&self, partner: &str) -> &[Purchase] {
        alike(&self.reference.purchases, |bought: &Purchase| bought.partner.as_str().cmp(partner))
    }

    /// What a product costs by the price book of a currency, by first day.
    pub fn book(&self, product: &str, currency: Currency) -> &[BookCost] {
        alike(&self.reference.book_costs, |cost: &BookCost| {
            (cost.product.as_str(), cost.currency).cmp(&(product, currency))
        })
    }

    /// Everything that partners have bought, once for each program that goes by purchases, by cost layers or estimates at
    /// sell-in; made when first asked for.
    pub fn stocks(&self) -> &BTreeMap<Id, Stock> {
        self.stocks.get_or_init(|| stocks(&self.reference))
    }

    /// What the product master says of a product, by name.
    pub fn attributes(&self, product: &str) -> &[ProductAttribute] {
        alike(&self.reference.product_attributes, |attribute| attribute.product.as_str().cmp(product))
    }

    /// Tiers that a partner has stood in, on whatever days.
    pub fn tiers(&self, partner: &str) -> &[PartnerTier] {
        alike(&self.reference.partner_tiers, |tier| tier.partner.as_str().cmp(partner))
    }

    /// The golden product of this id.
    pub fn product(&self, id: &str) -> Option<&Product> {
        let products = &self.reference.products;
        products.binary_search_by(|product| product.id.as_str().cmp(id)).ok().map(|at| &products[at])
    }

    /// Serial numbers issued for a product; none where nobody says.
    pub fn serial_ranges(&self, product: &str) -> &[SerialRange] {
        alike(&self.reference.serial_ranges, |range| range.product.as_str().cmp(product))
    }

    /// Whether the end customer was paid a rebate for a unit, and when; the serial number in its normal form.
    pub fn consumer_rebate(&self, product: &str, serial: &str) -> Option<&ConsumerRebate> {
        let all = &self.reference.consumer_rebates;
        let key = |rebate: &ConsumerRebate| (rebate.product.as_str(), rebate.serial.as_str()).cmp(&(product, serial));
        all.binary_search_by(key).ok().map(|at| &all[at])
    }

    /// Open deductions of a partner for a program, by number.
    pub fn deductions(&self, program: &str, partner: &str) -> &[Deduction] {
        alike(&self.reference.deductions, |taken: &Deduction| {
            (taken.program.as_str(), taken.partner.as_str()).cmp(&(program, partner))
        })
    }

    /// The approval of a program version, by which it may pay for periods that had frozen when it came.
    pub fn amendment(&self, program: &Text, version: u32) -> Option<&Amendment> {
        let amendments = &self.reference.amendments;
        let of = |entry: &Amendment| (&entry.program, entry.version).cmp(&(program, version));
        amendments.binary_search_by(of).ok().map(|at| &amendments[at])
    }

    /// Whether anything is said of what a partner is expected to sell in a period under a program.
    pub fn expects(&self, program: &str, partner: &str, period: &str) -> bool {
        !self.expectations(program, partner, period).is_empty()
    }

    fn expectations(&self, program: &str, partner: &str, period: &str) -> &[Expectation] {
        let key = (program, partner, period);
        let of = |row: &Expectation| (row.program.as_str(), row.partner.as_str(), row.period.as_str()).cmp(&key);
        alike(&self.reference.expectations, of)
    }

    /// What a partner is expected to sell in all of a period under a program, as it was known on a day; `None` where nobody says.
    pub fn expected(&self, program: &str, partner: &str, period: &str, day: Day) -> Option<Micros> {
        let known = self.expectations(program, partner, period).iter().rfind(|row| row.from <= day);
        known.map(|row| row.measure)
    }

    /// Accounts that a partner is paid to, by first day.
    pub fn payees(&self, partner: &str) -> &[PayeeAccount] {
        alike(&self.reference.payees, |payee| payee.partner.as_str().cmp(partner))
    }

    /// The account that a partner is paid to on a day.
    fn account_on(&self, partner: &str, day: Day) -> Option<&Text> {
        self.payees(partner).iter().rfind(|payee| payee.from <= day).map(|payee| &payee.account)
    }

    /// The first day behind another from which some partner is paid to an account.
    pub fn next_account(&self, behind: Day) -> Option<Day> {
        self.reference.payees.iter().map(|payee| payee.from).filter(|from| *from > behind).min()
    }

    /// Other entries of the same partner outside its family, by id: of one name and country, or paid to one account on a
    /// day. What more than [`ALIKE_MAX`] share says nothing.
    pub fn same_as(&self, partner: &str, day: Option<Day>) -> Vec<&Text> {
        let market = self.market();
        let mut same: Vec<&Text> = market.namesakes(partner).iter().collect();
        if let Some((day, account)) = day.and_then(|day| Some((day, self.account_on(partner, day)?))) {
            let is_paid = |other: &&Text| self.account_on(other, day) == Some(account);
            let paid = market.paid_to(account).iter().filter(is_paid).take(ALIKE_MAX + 1);
            same.extend(Some(paid.collect::<Vec<_>>()).filter(|paid| paid.len() <= ALIKE_MAX).unwrap_or_default());
        }
        same.retain(|other| *other != partner && market.family(other) != market.family(partner));
        same.sort_unstable();
        same.dedup();
        same
    }

    /// The reporting partner of this id.
    pub fn partner(&self, id: &str) -> Option<&Partner> {
        let partners = &self.reference.partners;
        partners.binary_search_by(|partner| partner.id.as_str().cmp(id)).ok().map(|at| &partners[at])
    }

    /// Whether a person may not let go of so much (OP-40): limits are written, and none of the person's is as high in that currency.
    /// Whoever has none lets go of nothing then.
    pub fn is_above_limit(&self, person: &str, at_risk: Option<Money>) -> bool {
        let approvers = &self.reference.approvers;
        let reaches = |row: &Approver| {
            at_risk.is_none_or(|risk| row.currency == risk.currency && risk.amount <= row.limit)
                && same_person(person, &row.person)
        };
        !approvers.is_empty() && !approvers.iter().any(reaches)
    }

    /// The golden outlet of this id.
    pub fn outlet(&self, id: &str) -> Option<&Outlet> {
        outlet(&self.reference, id)
    }

    /// What a party on a sale is called: a golden outlet by its name, else as the row says.
    pub fn party_name<'a>(&'a self, party: &'a str) -> &'a str {
        party_name(&self.reference, party)
    }

    /// Whether the rate of a day cannot be right (OP-26); found out when first asked for.
    pub fn is_odd_rate(&self, currency: Currency, day: Day) -> bool {
        let odd = self.odd_rates.get_or_init(|| odd_rates(&self.reference.rates));
        odd.binary_search(&(currency, day)).is_ok()
    }

    /// Functional units for one unit of `currency` on that very day; `None` where the table has none (DQ-08).
    pub fn rate(&self, currency: Currency, day: Day) -> Option<Micros> {
        if Some(currency) == self.reference.functional_currency {
            return Some(Micros::ONE);
        }
        self.listed_rate(currency, day)
    }

    /// All rates of a currency from one day to another, in order.
    pub fn rates(&self, currency: Currency, (first, last): (Day, Day)) -> &[Rate] {
        let of_currency = alike(&self.reference.rates, |rate| rate.currency.cmp(&currency));
        let start = of_currency.partition_point(|rate| rate.day < first);
        let count = of_currency[start..].partition_point(|rate| rate.day <= last);
        &of_currency[start..start + count]
    }

    /// The plain mean of the rates in the calendar month of a day; `None` where the table has none of them.
    pub fn month_average(&self, currency: Currency, day: Day) -> Option<MeanRate> {
        if Some(currency) == self.reference.functional_currency {
            return Some(MeanRate::from(Micros::ONE));
        }
        let rates = self.rates(currency, (day.first_of_month(), day.last_of_month()));
        let sum = rates.iter().map(|rate| i128::from(rate.rate.0)).sum();
        (!rates.is_empty()).then_some(MeanRate { sum, days: rates.len() as i128 })
    }

    /// The rate of a day, or the latest before it, with its day; `None` where the table has none.
    pub fn latest_rate(&self, currency: Currency, until: Day) -> Option<(Day, Micros)> {
        if Some(currency) == self.reference.functional_currency {
            return Some((until, Micros::ONE));
        }
        self.rates(currency, (Day(i32::MIN), until)).last().map(|rate| (rate.day, rate.rate))
    }

    /// Whether a rate of the calendar month of a day cannot be right (OP-26).
    pub fn has_odd_month(&self, currency: Currency, day: Day) -> bool {
        let rates = self.rates(currency, (day.first_of_month(), day.last_of_month()));
        rates.iter().any(|rate| self.is_odd_rate(currency, rate.day))
    }

    fn listed_rate(&self, currency: Currency, day: Day) -> Option<Micros> {
        let rates = &self.reference.rates;
        let at = rates.binary_search_by(|r| (r.currency, r.day).cmp(&(currency, day))).ok()?;
        Some(rates[at].rate)
    }
}

/// A rate, or the mean of several, as a fraction: nothing is rounded before it is used.
#[derive(Clone, Copy, Debug)]
pub struct MeanRate {
    /// In millionths.
    sum: i128,
    days: i128,
}

impl MeanRate {
    /// What a value comes to, rounded half away from zero.
    pub fn of(self, value: i128) -> i128 {
        divide_half_away(value * self.sum, self.days * i128::from(Micros::ONE.0))
    }
}

impl From<Micros> for MeanRate {
    fn from(rate: Micros) -> MeanRate {
        MeanRate { sum: rate.0.into(), days: 1 }
    }
}

/// The same value, of however many days.
impl PartialEq for MeanRate {
    fn eq(&self, other: &MeanRate) -> bool {
        self.sum * other.days == other.sum * self.days
    }
}

/// The run of rows that compare as equal; the table is in that order.
fn alike<T>(all: &[T], compared: impl Fn(&T) -> Ordering) -> &[T] {
    let start = all.partition_point(|row| compared(row).is_lt());
    let count = all[start..].partition_point(|row| compared(row).is_eq());
    &all[start..start + count]
}

fn stocks(reference: &Reference) -> BTreeMap<Id, Stock> {
    let follows = |program: &&Program| {
        let mechanism = &program.mechanism;
        mechanism.keeps_stock() || mechanism.goes_by_layers() || program.estimate.is_some()
    };
    let mut programs: Vec<&Program> = reference.programs.iter().filter(follows).collect();
    programs.dedup_by(|a, b| a.id == b.id);
    let of = |bought: &Purchase, program: &Program| {
        let (program, partner, product) = (program.id.clone(), bought.partner.clone(), bought.product.clone());
        let stock = Stock { program, partner, product };
        (stock.id(), stock)
    };
    let bought = reference.purchases.chunk_by(|a, b| (&a.partner, &a.product) == (&b.partner, &b.product));
    bought.flat_map(|rows| programs.iter().map(move |program| of(&rows[0], program))).collect()
}

/// How many rates on either side a rate is measured against.
const RATES_AROUND: usize = 15;

/// Rates that are about the reciprocal of the median of those around them, and single ones a quarter away from the one
/// before and the one behind, which agree with each other.
fn odd_rates(rates: &[Rate]) -> Vec<(Currency, Day)> {
    let mut odd = Vec::new();
    for of_currency in rates.chunk_by(|a, b| a.currency == b.currency) {
        for (at, rate) in of_currency.iter().enumerate() {
            let median = median_around(of_currency, at);
            let turned = is_far(rate.rate, median) && !is_far(rate.rate.times(median), Micros::ONE);
            let around = at.checked_sub(1).and_then(|before| of_currency.get(before)).zip(of_currency.get(at + 1));
            let alone = around.is_some_and(|(before, behind)| {
                is_far(rate.rate, before.rate) && is_far(rate.rate, behind.rate) && !is_far(before.rate, behind.rate)
            });
            if turned || alone {
                odd.push((rate.currency, rate.day));
            }
        }
    }
    odd
}

/// A currency that moves over the years is measured against its own time.
fn median_around(rates: &[Rate], at: usize) -> Micros {
    let near = &rates[at.saturating_sub(RATES_AROUND)..rates.len().min(at + RATES_AROUND + 1)];
    let mut near: Vec<Micros> = near.iter().map(|rate| rate.rate).collect();
    let middle = near.len() / 2;
    *near.select_nth_unstable(middle).1
}

/// Whether a rate lies more than a quarter away from another.
fn is_far(rate: Micros, other: Micros) -> bool {
    let (rate, other) = (i128::from(rate.0), i128::from(other.0));
    (rate - other).abs() * 4 > other
}

/// What a party on a sale is called.
pub(crate) fn party_name<'a>(reference: &'a Reference, party: &'a str) -> &'a str {
    outlet(reference, party).map_or_else(|| party.trim_start_matches('?'), |outlet| &outlet.name)
}

/// Whether a party that terms name is the one on a sale: the same outlet or the same text, or an outlet that is called as the
/// text says.
pub(crate) fn is_party(reference: &Reference, named: &str, party: &str) -> bool {
    named == party
        || named.starts_with('?') && outlet(reference, party).is_some_and(|outlet| unknown_party(&outlet.name) == named)
}

pub(crate) fn outlet<'a>(reference: &'a Reference, id: &str) -> Option<&'a Outlet> {
    let outlets = &reference.outlets;
    outlets.binary_search_by(|outlet| outlet.id.as_str().cmp(id)).ok().map(|at| &outlets[at])
}

/// Every version that a stage has been told of, by control number.
pub struct References {
    blobs: Arc<dyn Blobs>,
    versions: BTreeMap<u64, Arc<Known>>,
    /// Days whose rate says something else than it once did, each with the last control that changed it.
    corrected: BTreeMap<(Currency, Day), u64>,
    /// Products of which the master says something else than it once did, each with the controls that changed it.
    reclassified: BTreeMap<Text, Vec<u64>>,
    /// Products and partners that some version described in another way than the one before, since stocks are protected.
    redescribed: BTreeSet<Text>,
    /// Some version has a program that protects stocks.
    protects_stocks: bool,
    /// Some version said something else of products, book costs or special prices than the one before.
    corrects: bool,
    /// What [`References::credited_before`] came to before the latest versions that it was asked for, by partner and product.
    credited: Mutex<BTreeMap<[Text; 2], BTreeMap<u64, Credited>>>,
    nothing: Arc<Known>,
}

/// Cuts that programs have credited a partner's stock of a product with: the program, and the day of the cut.
pub(crate) type Credited = BTreeSet<(Text, Day)>;

/// For how many versions what was credited before them is kept: changes are told between two.
const CREDITED_KEPT: usize = 2;

impl References {
    pub fn new(blobs: Arc<dyn Blobs>) -> References {
        let (versions, corrected, reclassified, redescribed) = Default::default();
        let (protects_stocks, corrects, credited, nothing) = Default::default();
        References {
            blobs,
            versions,
            corrected,
            reclassified,
            redescribed,
            protects_stocks,
            corrects,
            credited,
            nothing,
        }
    }

    /// Takes in that from control `number` on `reference` holds.
    pub fn configure(&mut self, number: u64, reference: Id, state: &mut dyn State) -> Result<(), StageError> {
        VERSIONS.put(state, &number, &reference)?;
        self.take_in(number, reference)?;
        Ok(())
    }

    fn take_in(&mut self, number: u64, reference: Id) -> Result<(), StorageError> {
        let known = load(self.blobs.as_ref(), reference)?;
        let before = self.as_of(number.saturating_sub(1)).clone();
        let listed = |known: &Known, rate: &Rate| known.listed_rate(rate.currency, rate.day);
        let changed = before.reference.rates.iter().filter(|rate| listed(&known, rate) != Some(rate.rate));
        let is_back =
            |rate: &&Rate| listed(&before, rate).is_none() && self.corrected.contains_key(&(rate.currency, rate.day));
        let back = known.reference.rates.iter().filter(is_back);
        let days: Vec<(Currency, Day)> = changed.chain(back).map(|rate| (rate.currency, rate.day)).collect();
        self.corrected.extend(days.into_iter().map(|day| (day, number)));
        for product in classified_otherwise(&before, &known) {
            self.reclassified.entry(product.clone()).or_default().push(number);
        }
        if self.protects_stocks {
            self.redescribed.extend(described_otherwise(&before, &known).cloned());
        }
        self.protects_stocks |= known.reference.programs.iter().any(|program| program.mechanism.protects_stock());
        let (was, is) = (&before.reference, &known.reference);
        let priced_otherwise = was.book_costs != is.book_costs || was.special_prices != is.special_prices;
        self.corrects |= !self.versions.is_empty() && (priced_otherwise || !self.reclassified.is_empty());
        self.versions.insert(number, known);
        Ok(())
    }

    /// The days from `first` to `last` whose rate for a currency was changed, in order, each with the last control that did.
    pub fn corrected(&self, currency: Currency, (first, last): (Day, Day)) -> impl Iterator<Item = (Day, u64)> {
        self.corrected.range((currency, first)..=(currency, last)).map(|((_, day), control)| (*day, *control))
    }

    /// Whether tables that say what sales earn were ever changed.
    pub fn corrects(&self) -> bool {
        self.corrects
    }

    /// The controls behind one, up to another, at which the master came to say something else of a product, in order.
    pub fn reclassified(&self, product: &str, behind: u64, until: u64) -> impl Iterator<Item = u64> {
        let controls = self.reclassified.get(product).into_iter().flatten().copied();
        controls.filter(move |control| behind < *control && *control <= until)
    }

    /// Whether a product or partner may have been described in another way before, while or after a program protected stocks.
    pub fn is_redescribed(&self, id: &Text) -> bool {
        self.redescribed.contains(id)
    }

    /// The cuts that a partner's stock of a product was credited with by what was known, in order, before what is at a control: `credits`
    /// says it of one version, and of those before it. Each version counts under which another control came than a configuration, and is
    /// asked once as long as controls go on.
    pub(crate) fn credited_before(
        &self,
        control: u64,
        [partner, product]: [&Text; 2],
        credits: impl Fn(Credited, &Known) -> Credited,
    ) -> Credited {
        let last = self.versions.range(..=control).next_back().map_or(0, |(number, _)| *number);
        let mut kept = self.credited.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let kept = kept.entry([partner.clone(), product.clone()]).or_default();
        let (from, before) =
            kept.range(..=last).next_back().map(|(from, so_far)| (*from, so_far.clone())).unwrap_or_default();
        let versions = self.versions.range(from..last).filter(|(number, _)| !self.has_come(*number + 1));
        let credited = versions.fold(before, |credited, (_, known)| credits(credited, known));
        kept.insert(last, credited.clone());
        while kept.len() > CREDITED_KEPT {
            kept.pop_first();
        }
        credited
    }

    /// The control that a program version came with.
    pub fn came(&self, program: &str, version: u32) -> Option<u64> {
        self.versions.iter().find(|(_, known)| known.program(program, version).is_some()).map(|(number, _)| *number)
    }

    /// Reads back what the state knows; part of a stage's `resume`.
    pub fn resume(&mut self, state: &mut dyn State) -> Result<(), StageError> {
        self.versions.clear();
        self.corrected.clear();
        self.reclassified.clear();
        self.redescribed.clear();
        self.credited = Mutex::default();
        (self.protects_stocks, self.corrects) = (false, false);
        let mut from = 0;
        loop {
            let page = VERSIONS.range(state, &from, &u64::MAX, stream::Order::Up, PAGE)?;
            for (number, reference) in &page {
                self.take_in(*number, *reference)?;
            }
            match page.last() {
                Some((last, _)) if page.len() == PAGE => from = last + 1,
                _ => return Ok(()),
            }
        }
    }

    /// The first version that knows something, of the one that held at a control and those that came since, up to another
    /// control; with what it knows.
    pub fn first_to_know<T>(
        &self,
        from: u64,
        until: u64,
        find: impl Fn(&Known) -> Option<T>,
    ) -> Option<(&Arc<Known>, T)> {
        let later = (from < until).then(|| self.versions.range(from + 1..=until));
        let later = later.into_iter().flatten().map(|(_, known)| known);
        std::iter::once(self.as_of(from)).chain(later).find_map(|known| Some((known, find(known)?)))
    }

    /// Whether a configuration came behind one control, up to another.
    pub fn has_come_behind(&self, control: u64, until: u64) -> bool {
        control < until && self.versions.range(control + 1..=until).next().is_some()
    }

    /// Whether a configuration came with a control.
    pub fn has_come(&self, control: u64) -> bool {
        self.versions.contains_key(&control)
    }

    /// What holds for a record with this stamp; nothing is known before the first configuration.
    pub fn as_of(&self, stamp: u64) -> &Arc<Known> {
        self.versions.range(..=stamp).next_back().map_or(&self.nothing, |(_, known)| known)
    }
}

/// Products of another category, or with other attributes, in one version of the reference data than in the other.
pub(crate) fn classified_otherwise<'k>(before: &'k Known, now: &'k Known) -> BTreeSet<&'k Text> {
    let (was, is) = (&before.reference, &now.reference);
    let mut otherwise = BTreeSet::new();
    if was.products != is.products {
        let category = |known: &'k Known, id: &str| known.product(id).map_or("", |product| product.category.as_str());
        let products = was.products.iter().chain(&is.products).map(|product| &product.id);
        otherwise.extend(products.filter(|id| category(before, id) != category(now, id)));
    }
    let attributes = changed(&was.product_attributes, &is.product_attributes);
    otherwise.extend(attributes.map(|attribute| &attribute.product));
    otherwise
}

/// Products and partners of one version of the reference data of which the other says something else.
fn described_otherwise<'k>(before: &'k Known, now: &'k Known) -> impl Iterator<Item = &'k Text> {
    let (was, is) = (&before.reference, &now.reference);
    let products = classified_otherwise(before, now).into_iter().filter(|id| before.product(id).is_some());
    // Who a partner buys through is a matter of other rows, too.
    let above = |known: &'k Known, id: &str| known.market().member(id).map(|member| &member.above);
    let is_other = move |partner: &&Partner| {
        now.partner(&partner.id) != Some(*partner) || above(before, &partner.id) != above(now, &partner.id)
    };
    let partners = Some(&was.partners).filter(|partners| **partners != is.partners).into_iter().flatten();
    products.chain(partners.filter(is_other).map(|partner| &partner.id))
}

/// Rows that stand in one version of a table and not in the other; both are in order.
pub(crate) fn changed<'a, T: Ord>(before: &'a [T], now: &'a [T]) -> impl Iterator<Item = &'a T> {
    let gone = before.iter().filter(|row| now.binary_search(row).is_err());
    gone.chain(now.iter().filter(|row| before.binary_search(row).is_err()))
}

/// Parses a version once in a process, however many stages and partitions ask for it.
fn load(blobs: &dyn Blobs, hash: Id) -> Result<Arc<Known>, StorageError> {
    static PARSED: LazyLock<Mutex<BTreeMap<Id, Weak<Known>>>> = LazyLock::new(Mutex::default);
    let mut parsed = PARSED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(known) = parsed.get(&hash).and_then(Weak::upgrade) {
        return Ok(known);
    }
    let bytes = blobs.load(&hash.0)?;
    let reference = postcard::from_bytes(&bytes)
        .map_err(|error| StorageError::new(format!("reference data {hash} are damaged: {error}")))?;
    let known = Arc::new(Known::new(reference));
    parsed.insert(hash, Arc::downgrade(&known));
    Ok(known)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use contract::{Currency, Day, Id, Micros, PayeeAccount, Rate, Reference, Text};
    use stream::{Blobs, MemoryState, StorageError};

    use super::{ALIKE_MAX, Known, References};

    struct OneBlob(Vec<u8>);

    impl Blobs for OneBlob {
        fn load(&self, _hash: &[u8]) -> Result<Arc<[u8]>, StorageError> {
            Ok(self.0.as_slice().into())
        }
    }

    #[test]
    fn a_rate_is_odd_where_it_is_turned_over_or_alone_far_off() {
        let euro = Currency::parse("EUR").unwrap();
        let rates = [1_080_000, 1_090_000, 925_926, 1_100_000, 1_400_000, 1_090_000, 1_100_000];
        let rates = (0..).zip(rates).map(|(day, rate)| Rate { currency: euro, day: Day(day), rate: Micros(rate) });
        assert_eq!(super::odd_rates(&rates.collect::<Vec<_>>()), [(euro, Day(4))], "1.08 and 0.93 are too near");
        let yen = |(day, rate)| Rate { currency: euro, day: Day(day), rate: Micros(rate) };
        let rates = [9_500, 9_600, 80_000_000, 81_000_000, 9_700, 9_400, 12_500, 12_600];
        let rates: Vec<Rate> = (0..).zip(rates).map(yen).collect();
        assert_eq!(super::odd_rates(&rates), [(euro, Day(2)), (euro, Day(3))], "a step that stays is none");
        // The last ones are about the reciprocal of the median of all.
        let falling = (0..468).map(|day| yen((day, 10_000_000 - 21_000 * i64::from(day))));
        assert_eq!(super::odd_rates(&falling.collect::<Vec<_>>()), [], "each fits its own time");
    }

    #[test]
    fn a_mean_is_of_the_rates_that_a_month_has() {
        let (dollar, euro) = (Currency::parse("USD").unwrap(), Currency::parse("EUR").unwrap());
        let day = |text| Day::parse(text).unwrap();
        let rate = |(date, rate)| Rate { currency: euro, day: day(date), rate: Micros(rate) };
        let rates = [
            ("2013-01-31", 9_000_000),
            ("2013-02-01", 1_000_000),
            ("2013-02-15", 1_000_000),
            ("2013-02-28", 2_000_000),
            ("2013-03-01", 9_000_000),
        ];
        let rates = rates.map(rate).to_vec();
        let known = Known::new(Reference { functional_currency: Some(dollar), rates, ..Reference::default() });
        let mean = known.month_average(euro, day("2013-02-10")).unwrap();
        // Four thirds, and not 1.333333.
        assert_eq!((mean.of(3_000_000), mean.of(1_000_000), mean.of(-1)), (4_000_000, 1_333_333, -1));
        assert_eq!(known.month_average(euro, day("2013-04-01")), None);
        assert_eq!(known.month_average(dollar, day("2013-04-01")), Some(Micros::ONE.into()));
        let latest = |date| known.latest_rate(euro, day(date)).map(|(day, rate)| format!("{day} {rate}"));
        assert_eq!(latest("2013-02-28").as_deref(), Some("2013-02-28 2"));
        assert_eq!(latest("2013-02-27").as_deref(), Some("2013-02-15 1"));
        assert_eq!(latest("2013-01-30"), None);
    }

    #[test]
    fn partners_are_one_while_they_are_paid_to_one_account() {
        let payee = |partner: &str, from, account: &str| PayeeAccount {
            partner: partner.into(),
            from: Day(from),
            account: account.into(),
            holder: Text::default(),
        };
        let same = |payees: Vec<PayeeAccount>, day| {
            let known = Known::new(Reference { payees, ..Reference::default() });
            known.same_as("p1", day).into_iter().map(Text::to_string).collect::<Vec<_>>()
        };
        let moves = vec![payee("p1", 0, "a"), payee("p1", 20, "b"), payee("p2", 10, "a"), payee("p3", 15, "b")];
        let on = |day| same(moves.clone(), Some(Day(day)));
        assert_eq!([on(-1), on(9), on(10), on(19)], [vec![], vec![], vec!["p2"], vec!["p2"]] as [Vec<&str>; 4]);
        assert_eq!(on(20), ["p3"]);
        assert_eq!(same(moves.clone(), None), [""; 0]);
        // A second row of one partner makes it no second partner; an account of many says nothing of who they are.
        let shared = |count: usize| {
            let many = (0..count).flat_map(|n| [0, 1].map(|from| payee(&format!("p{n}"), from, "a")));
            same(many.collect(), Some(Day(1))).len()
        };
        assert_eq!([shared(2), shared(ALIKE_MAX), shared(ALIKE_MAX + 1)], [1, 7, 0]);
    }

    #[test]
    fn a_version_holds_from_its_control_on_and_survives_a_restart() {
        let (dollar, euro) = (Currency::parse("USD").unwrap(), Currency::parse("EUR").unwrap());
        let rate = Rate { currency: euro, day: Day(10), rate: Micros(1_080_000) };
        let reference = Reference { functional_currency: Some(dollar), rates: vec![rate], ..Reference::default() };
        let blobs = Arc::new(OneBlob(postcard::to_stdvec(&reference).unwrap()));
        let mut state = MemoryState::default();
        let mut references = References::new(blobs.clone());
        references.configure(3, Id([7; 16]), &mut state).unwrap();

        let mut again = References::new(blobs);
        again.resume(&mut state).unwrap();
        for references in [references, again] {
            assert_eq!(references.as_of(2).rate(dollar, Day(10)), None);
            assert_eq!(references.as_of(3).rate(dollar, Day(10)), Some(Micros::ONE));
            assert_eq!(references.as_of(9).rate(euro, Day(10)), Some(Micros(1_080_000)));
            assert_eq!(references.as_of(9).rate(euro, Day(11)), None);
        }
    }

    #[test]
    fn each_version_is_asked_once_what_it_credited() {
        let blobs = Arc::new(OneBlob(postcard::to_stdvec(&Reference::default()).unwrap()));
        let (mut state, mut references) = (MemoryState::default(), References::new(blobs));
        let [partner, product] = ["p", "s/p"].map(Text::from);
        let asked = |references: &References, control| {
            let count = std::cell::Cell::new(0);
            let credits = |mut credited: super::Credited, _: &Known| {
                credited.insert(("P".into(), Day(credited.len().try_into().unwrap())));
                count.set(count.get() + 1);
                credited
            };
            (references.credited_before(control, [&partner, &product], credits).len(), count.get())
        };
        // With 6 and 7 two came at once: the first of them was never in force.
        for control in [1, 4, 6, 7] {
            references.configure(control, Id([7; 16]), &mut state).unwrap();
        }
        assert_eq!(asked(&references, 5), (1, 1));
        assert_eq!([asked(&references, 6), asked(&references, 8), asked(&references, 9)], [(2, 1), (2, 0), (2, 0)]);
        references.configure(10, Id([7; 16]), &mut state).unwrap();
        assert_eq!([asked(&references, 10), asked(&references, 9), asked(&references, 12)], [(3, 1), (2, 0), (3, 0)]);
        // What is asked for again later on is found anew.
        assert_eq!(asked(&references, 5), (1, 1));
    }
}
