//! Tables that come late or say something of days gone by: memberships, registers of persons, serial numbers issued, rebates to
//! end customers, direct deliveries, customers' payments, lists of restricted parties, whose own sites outlets are, shipments and
//! counts of stock. And days that come into reach.
//!
//! Each sale is entered under whatever such a table may say of it ([`concerns`](Desk::concerns)). A new version of the reference
//! data is compared with the one before; the sales of what differs are gathered, then judged anew, in slices. They are walked
//! through in the order in which outputs at a control are put, so that slices do not show. A year of which a table says how much
//! came in is judged anew with its largest line; so is, at any control, one that a record left unsettled.

use std::collections::BTreeSet;
use std::sync::Arc;

use contract::{Day, EntitlementEvent, Id, Person, Reference, Sale, Shipment, SpecialPrice, StockCount, Text};
use serde::{Deserialize, Serialize};
use stream::outbox::route;
use stream::{Order, Outbox, Progress, State, StorageError};

use super::conditions::hears;
use super::desk::Desk;
use super::facts::{CONCERNED, REVIEW, REVIEWED, SALES, SaleKey, UNSETTLED, YEARS, YearKey, hash};
use super::filing::{lives, year_key};
use super::findings::is_never_sale;
use super::grants::unpaid;
use super::judge::Touched;
use super::names::{party_words, words};
use super::told::Told;
use crate::clock::Clock;
use crate::programs::special_price::shape;
use crate::programs::spiff::named;
use crate::references::{Known, References, changed, classified_otherwise, party_name};
use crate::rules::dated_ahead::AHEAD_DAYS;
use crate::rules::movement_as_sale::own_site;
use crate::rules::skeleton;

/// Keys that one slice looks at.
const SLICE: usize = if cfg!(test) { 2 } else { 1024 };

/// The first and the last place in the order of sales.
pub const FIRST: SaleKey = SaleKey(Day(i32::MIN), Id([0; 16]));
pub const LAST: SaleKey = SaleKey(Day(i32::MAX), Id([0xff; 16]));

/// What is left of a review.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    control: u64,
    step: Step,
}

/// What is walked through now, and the key with which it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Step {
    /// The sales entered under what is told anew.
    Gather(u64, SaleKey),
    Judge(u64, SaleKey),
    /// The years of which the largest lines are to be judged, from the one at this place.
    Years(usize),
    /// The sales from this one on of which a tick says anew whether they are dated too far ahead.
    Ahead(SaleKey),
}

/// A review under way.
pub struct Reviewing {
    review: Review,
    anew: Anew,
}

/// What is judged anew at a control, in order.
struct Anew {
    /// Of what something else is told.
    told: Vec<u64>,
    years: Vec<YearKey>,
    /// The day of the tick before and of this one, where it is another.
    days: Option<(Option<Day>, Day)>,
}

impl Anew {
    fn at(control: u64, references: &References, clock: &Clock, state: &mut dyn State) -> Result<Anew, StorageError> {
        let [was, is] = [control.saturating_sub(1), control].map(|control| clock.as_of(control));
        let days = is.filter(|_| was != is).map(|is| (was, is));
        let unsettled = UNSETTLED.first(state, usize::MAX)?.into_iter().map(|(key, ())| key);
        let (before, now) = (references.as_of(control.saturating_sub(1)), references.as_of(control));
        if Arc::ptr_eq(before, now) {
            return Ok(Anew { told: Vec::new(), years: unsettled.collect(), days });
        }
        let years: BTreeSet<YearKey> = supplied_anew(before, now).chain(unsettled).collect();
        Ok(Anew { told: told_anew(before, now), years: years.into_iter().collect(), days })
    }
}

impl Anew {
    /// The sales, from one on, that are dated too far ahead as of the tick before and no more as of this one; at the first tick, those
    /// that are so now.
    fn reached(&self, from: SaleKey, count: usize, state: &mut dyn State) -> Result<Vec<SaleKey>, StorageError> {
        let Some((was, is)) = self.days else { return Ok(Vec::new()) };
        let [first, last] = match was {
            Some(was) => [was.plus(AHEAD_DAYS + 1), is.plus(AHEAD_DAYS)],
            None => [is.plus(AHEAD_DAYS + 1), Day(i32::MAX)],
        };
        let (from, to) = (from.max(SaleKey(first, FIRST.1)), SaleKey(last, LAST.1));
        if to < from {
            return Ok(Vec::new());
        }
        Ok(SALES.range(state, &from, &to, Order::Up, count)?.into_iter().map(|(key, _)| key).collect())
    }
}

impl Reviewing {
    /// Writes down what a control has to do; `None` where that is nothing.
    pub fn begin(
        control: u64,
        references: &References,
        clock: &Clock,
        state: &mut dyn State,
    ) -> Result<Option<Reviewing>, StorageError> {
        if SALES.first(state, 1)?.is_empty() {
            return Ok(None);
        }
        let anew = Anew::at(control, references, clock, state)?;
        let is_reached = !anew.reached(FIRST, 1, state)?.is_empty();
        if anew.told.is_empty() && anew.years.is_empty() && !is_reached {
            return Ok(None);
        }
        let review = Review { control, step: Step::Gather(0, FIRST) };
        REVIEW.put(state, &0, &review)?;
        Ok(Some(Reviewing { review, anew }))
    }

    pub fn resume(
        references: &References,
        clock: &Clock,
        state: &mut dyn State,
    ) -> Result<Option<Reviewing>, StorageError> {
        let Some(review) = REVIEW.get(state, &0)? else { return Ok(None) };
        Ok(Some(Reviewing { anew: Anew::at(review.control, references, clock, state)?, review }))
    }

    /// One slice.
    pub fn advance(
        &mut self,
        desk: &mut Desk<'_>,
        outbox: &mut Outbox<EntitlementEvent>,
    ) -> Result<Progress, StorageError> {
        let next = match self.review.step {
            Step::Gather(key, sale) => Some(self.gather((key, sale), desk.state)?),
            Step::Years(from) => Some(self.gather_years(from, desk.state)?),
            Step::Ahead(from) => Some(self.gather_ahead(from, desk.state)?),
            Step::Judge(route, sale) => self.judge((route, sale), desk, outbox)?,
        };
        match next {
            Some(step) => {
                self.review.step = step;
                REVIEW.put(desk.state, &0, &self.review)?;
                Ok(Progress::More)
            }
            None => {
                REVIEW.delete(desk.state, &0)?;
                Ok(Progress::Done)
            }
        }
    }

    fn gather(&self, from: (u64, SaleKey), state: &mut dyn State) -> Result<Step, StorageError> {
        let mut left = SLICE;
        let told = &self.anew.told;
        for key in &told[told.partition_point(|key| *key < from.0)..] {
            let first = if *key == from.0 { from.1 } else { FIRST };
            if left == 0 {
                return Ok(Step::Gather(*key, first));
            }
            let page = CONCERNED.range(state, &(*key, first), &(*key, LAST), Order::Up, left)?;
            for ((_, sale), ()) in &page {
                REVIEWED.put(state, &(route(&sale.1.to_string()), *sale), &())?;
            }
            if let Some(((_, last), ())) = page.last().filter(|_| page.len() == left) {
                return Ok(Step::Gather(*key, behind(*last)));
            }
            left -= page.len().max(1);
        }
        Ok(Step::Years(0))
    }

    /// A year without a line holds none.
    fn gather_years(&self, from: usize, state: &mut dyn State) -> Result<Step, StorageError> {
        let until = self.anew.years.len().min(from + SLICE);
        for key in &self.anew.years[from..until] {
            let largest = YEARS.get(state, key)?.and_then(|year| year.largest.first().copied());
            if let Some(line) = largest {
                REVIEWED.put(state, &(route(&line.sale.1.to_string()), line.sale), &())?;
            }
        }
        Ok(if until < self.anew.years.len() { Step::Years(until) } else { Step::Ahead(FIRST) })
    }

    fn gather_ahead(&self, from: SaleKey, state: &mut dyn State) -> Result<Step, StorageError> {
        let page = self.anew.reached(from, SLICE, state)?;
        for sale in &page {
            REVIEWED.put(state, &(route(&sale.1.to_string()), *sale), &())?;
        }
        let last = page.last().filter(|_| page.len() == SLICE);
        Ok(last.map_or(Step::Judge(0, FIRST), |last| Step::Ahead(behind(*last))))
    }

    /// Judges sales of the queue anew; returns where it goes on.
    fn judge(
        &self,
        from: (u64, SaleKey),
        desk: &mut Desk<'_>,
        outbox: &mut Outbox<EntitlementEvent>,
    ) -> Result<Option<Step>, StorageError> {
        let page = REVIEWED.range(desk.state, &from, &(u64::MAX, LAST), Order::Up, SLICE)?;
        for ((place, sale), ()) in &page {
            REVIEWED.delete(desk.state, &(*place, *sale))?;
            outbox.acting_for(&sale.1.to_string());
            self.judge_one(*sale, desk, outbox)?;
        }
        let last = page.last().filter(|_| page.len() == SLICE);
        Ok(last.map(|((place, sale), ())| Step::Judge(*place, behind(*sale))))
    }

    fn judge_one(
        &self,
        key: SaleKey,
        desk: &mut Desk<'_>,
        outbox: &mut Outbox<EntitlementEvent>,
    ) -> Result<(), StorageError> {
        let sale = desk.record(key)?.map(|record| record.sale.clone()).filter(|sale| !is_never_sale(sale));
        let Some(sale) = sale else { return Ok(()) };
        if desk.concerns(&sale).iter().any(|concern| self.anew.told.binary_search(concern).is_ok()) {
            let moved = desk.verdict(key)?.heard.own_site.clone();
            desk.hear(key)?;
            if desk.verdict(key)?.heard.own_site != moved {
                desk.settle_doubles(key, Vec::new())?;
            }
        }
        let year = year_key(&sale);
        let returns = if sale.is_return() { vec![key] } else { Vec::new() };
        let mut touched = Touched { returns, years: vec![year.clone()], ..Touched::default() };
        loop {
            desk.settle(touched)?;
            desk.close(outbox)?;
            if !YEARS.get(desk.state, &year)?.is_some_and(|year| year.unsettled) {
                return Ok(());
            }
            touched = Touched { years: vec![year.clone()], ..Touched::default() };
        }
    }
}

/// The next place in the order of sales.
pub fn behind(SaleKey(day, id): SaleKey) -> SaleKey {
    match u128::from_be_bytes(id.0).checked_add(1) {
        Some(next) => SaleKey(day, Id(next.to_be_bytes())),
        None => SaleKey(day.plus(1), Id([0; 16])),
    }
}

impl Desk<'_> {
    /// Enters a sale under whatever a table that comes late may say of it, or takes it out.
    pub fn file_with_tables(&mut self, sale: &Sale, enters: bool) -> Result<(), StorageError> {
        let (concerns, key) = (self.concerns(sale), SaleKey::of(sale));
        for concern in &concerns {
            match enters {
                true => CONCERNED.put(self.state, &(*concern, key), &())?,
                false => CONCERNED.delete(self.state, &(*concern, key))?,
            }
        }
        if enters && !concerns.is_empty() {
            self.hear(key)?;
        }
        Ok(())
    }

    /// Looks the tables up anew of which one says something else of a sale.
    fn hear(&mut self, key: SaleKey) -> Result<(), StorageError> {
        let Some(sale) = self.record(key)?.map(|record| record.sale.clone()) else { return Ok(()) };
        let as_of = self.stamp;
        let unpaid = match self.awaits_payment(&sale) {
            true => unpaid(&sale, self.references.as_of(self.stamp)),
            false => None,
        };
        let own_site = own_site(&sale, self.references.as_of(self.stamp));
        let heard = &mut self.verdict(key)?.heard;
        (heard.as_of, heard.unpaid, heard.own_site) = (as_of, unpaid, own_site);
        Ok(())
    }

    /// Whether a program that selects the sale pays for paid documents only.
    fn awaits_payment(&mut self, sale: &Sale) -> bool {
        let known = self.known(sale);
        !sale.is_return()
            && known.market().hears()
            && self.offers.asking(Told::as_read(known), sale).iter().any(|program| program.conditions.paid_invoices)
    }

    /// What tables that come late may say something of, so that the sale is judged anew; by what was known when it was read.
    fn concerns(&mut self, sale: &Sale) -> BTreeSet<u64> {
        let mut concerns = BTreeSet::new();
        if !sale.customer.is_empty() {
            concerns.insert(party(&sale.customer));
        }
        if !sale.serials.is_empty() && !sale.is_return() {
            concerns.insert(issued(&sale.product));
        }
        let (known, partner) = (self.known(sale), &sale.at.partner);
        if known.market().classifies() {
            concerns.insert(classified(&sale.product));
        }
        if self.offers.may_debit(known, sale) {
            concerns.insert(debited(partner, &sale.product));
            if !sale.promotion.is_empty() {
                concerns.insert(authorised(&sale.promotion));
            }
        }
        if !known.market().hears() {
            return concerns;
        }
        for program in self.offers.asking(Told::as_read(known), sale).into_iter().filter(|program| hears(program)) {
            let asked = &program.conditions;
            if asked.members_only {
                concerns.insert(member(partner));
            }
            if asked.direct_purchase {
                concerns.extend([shipped(partner, &sale.product), shipped(partner, "")]);
            }
            concerns.extend(named(program, &sale.rep).iter().map(|name| person(partner, name)));
            if sale.is_return() {
                continue;
            }
            if asked.no_consumer_rebate {
                concerns.extend(lives(sale).iter().map(|(_, serial)| rebate(&sale.product, serial)));
            }
            if asked.stock_sales || asked.paid_invoices {
                concerns.insert(document(partner, &sale.document));
            }
        }
        concerns
    }
}

fn key(table: &str, parts: [&str; 2]) -> u64 {
    hash(&[table.as_bytes(), parts[0].as_bytes(), parts[1].as_bytes()])
}

fn party(party: &str) -> u64 {
    key("party", [&party_words(party), ""])
}

fn issued(product: &str) -> u64 {
    key("issued", [product, ""])
}

fn member(partner: &str) -> u64 {
    key("member", [partner, ""])
}

fn rebate(product: &str, serial: &str) -> u64 {
    key("rebate", [product, serial])
}

/// What was shipped in of a product, or, for none, that anything was.
fn shipped(partner: &str, product: &str) -> u64 {
    key("shipped", [partner, product])
}

/// Category and attributes of a product.
fn classified(product: &str) -> u64 {
    key("classified", [product, ""])
}

/// The special prices of a partner for a product, and what the book says that it costs.
fn debited(partner: &str, product: &str) -> u64 {
    key("debited", [partner, product])
}

/// Authorisations of a number like this one.
fn authorised(number: &str) -> u64 {
    key("authorised", [&shape(number), ""])
}

fn document(partner: &str, document: &str) -> u64 {
    key("document", [partner, &skeleton(document)])
}

fn person(partner: &str, name: &str) -> u64 {
    key("person", [partner, &words(name)])
}

/// The years of which one version of the reference data says something else than the other: what was shipped in, or on hand when
/// the year began.
fn supplied_anew<'k>(before: &'k Known, now: &'k Known) -> impl Iterator<Item = YearKey> + 'k {
    let (was, is) = (&before.reference, &now.reference);
    let shipped = changed(&was.shipments, &is.shipments).map(|Shipment { partner, product, year, .. }| YearKey {
        product: product.clone(),
        partner: partner.clone(),
        year: *year,
    });
    let counted = changed(&was.inventory, &is.inventory).filter(|count| count.day.plus(1).year() != count.day.year());
    let counted = counted.map(|StockCount { partner, product, day, .. }| YearKey {
        product: product.clone(),
        partner: partner.clone(),
        year: day.plus(1).year(),
    });
    shipped.chain(counted)
}

/// What one version of the reference data says something else of than the one before.
fn told_anew(before: &Known, now: &Known) -> Vec<u64> {
    let (was, is) = (&before.reference, &now.reference);
    let mut told = BTreeSet::new();
    told.extend(changed(&was.memberships, &is.memberships).map(|row| member(&row.partner)));
    told.extend(changed(&was.serial_ranges, &is.serial_ranges).map(|row| issued(&row.product)));
    told.extend(changed(&was.consumer_rebates, &is.consumer_rebates).map(|row| rebate(&row.product, &row.serial)));
    for row in changed(&was.shipments, &is.shipments) {
        told.insert(shipped(&row.partner, &row.product));
        if before.shipments(&row.partner).is_empty() != now.shipments(&row.partner).is_empty() {
            told.insert(shipped(&row.partner, ""));
        }
    }
    told.extend(changed(&was.drop_shipments, &is.drop_shipments).map(|row| document(&row.partner, &row.order)));
    told.extend(
        changed(&was.customer_payments, &is.customer_payments).map(|row| document(&row.partner, &row.document)),
    );
    // Whoever is paid as a person of whom something else is said may be one and the same (DD-19).
    let paid_as = |row: &Person| [before, now].map(|known| known.market().paid_as(&row.payee).to_vec()).concat();
    let persons = changed(&was.persons, &is.persons).flat_map(|row| [paid_as(row), vec![row.clone()]].concat());
    told.extend(persons.map(|row| person(&row.partner, &row.name)));
    told.extend(now.market().restricted_otherwise(before.market()).iter().map(|called| party(called)));
    told.extend(operated_otherwise(was, is).iter().map(|outlet| party(outlet)));
    told.extend(classified_otherwise(before, now).into_iter().map(|product| classified(product)));
    let (specials_before, specials) = (terms(was), terms(is));
    for special in changed(&specials_before, &specials) {
        told.extend([debited(&special.partner, &special.product), authorised(&special.id)]);
    }
    let costs: BTreeSet<&Text> = changed(&was.book_costs, &is.book_costs).map(|cost| &cost.product).collect();
    let costed = was.special_prices.iter().chain(&is.special_prices).filter(|of| costs.contains(&of.product));
    told.extend(costed.map(|special| debited(&special.partner, &special.product)));
    // Whether a special price is for a customer who is called so (OP-10): of the buyer, and of those whom special prices name.
    let renamed = renamed(was, is);
    told.extend(renamed.iter().map(|outlet| party(outlet)));
    let named = was.special_prices.iter().chain(&is.special_prices).filter(|of| renamed.contains(&of.customer));
    told.extend(named.map(|special| debited(&special.partner, &special.product)));
    told.into_iter().collect()
}

/// Outlets that are called otherwise in one version of the reference data than in the other.
fn renamed<'r>(was: &'r Reference, is: &'r Reference) -> BTreeSet<&'r Text> {
    if was.outlets == is.outlets {
        return BTreeSet::new();
    }
    let outlets = was.outlets.iter().chain(&is.outlets).map(|outlet| &outlet.id);
    outlets.filter(|outlet| party_name(was, outlet) != party_name(is, outlet)).collect()
}

/// Outlets that came to be, or are no more, the own site of a partner; all own sites where a partner has another parent.
fn operated_otherwise(was: &Reference, is: &Reference) -> BTreeSet<Text> {
    let sites = |reference: &Reference| -> BTreeSet<(Text, Text)> {
        let owned = reference.outlets.iter().filter(|outlet| !outlet.operated_by.is_empty());
        owned.map(|outlet| (outlet.id.clone(), outlet.operated_by.clone())).collect()
    };
    let parents = |reference: &Reference| -> BTreeSet<(Text, Text)> {
        reference.partners.iter().map(|partner| (partner.id.clone(), partner.parent.clone())).collect()
    };
    let (before, now) = (sites(was), sites(is));
    let other: BTreeSet<&(Text, Text)> = match parents(was) == parents(is) {
        true => before.symmetric_difference(&now).collect(),
        false => before.union(&now).collect(),
    };
    other.into_iter().map(|(outlet, _)| outlet.clone()).collect()
}

/// The special prices without their balances, of which the ledger knows.
fn terms(reference: &Reference) -> Vec<SpecialPrice> {
    let mut terms: Vec<SpecialPrice> =
        reference.special_prices.iter().map(|special| SpecialPrice { quantity: None, ..special.clone() }).collect();
    terms.sort_unstable();
    terms
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use contract::{CustomerPayment, InvoiceStatus, Micros, Reference, SaleEvent};

    use super::*;
    use crate::units::trial::{Trial, day, line, market, paid};

    enum Event {
        Sale(Arc<Sale>),
        Gone(Arc<Sale>),
        Table(Vec<CustomerPayment>),
    }

    /// What `INVOICED` pays for, and what is found, after events in their order.
    fn after(events: &[&Event]) -> Trial {
        let table = |rows: &[CustomerPayment]| {
            let mut customer_payments = rows.to_vec();
            customer_payments.sort();
            Reference { customer_payments, ..market(Vec::new()) }
        };
        let mut trial = Trial::new(&table(&[]));
        for event in events {
            match event {
                Event::Sale(sale) => trial.send(&SaleEvent::Assert(sale.clone())),
                Event::Gone(sale) => trial.send(&SaleEvent::Retract(sale.clone())),
                Event::Table(rows) => trial.configure(&table(rows)),
            }
        }
        trial
    }

    fn messages(trial: &Trial) -> Vec<&str> {
        trial.findings.values().map(|finding| finding.message.as_str()).collect()
    }

    fn sold(record_no: u32, document: &str, quantity: i64) -> Arc<Sale> {
        let sale = line(record_no, "L", document, day("2013-03-01"), quantity, Micros::units(quantity * 10));
        Arc::new(Sale { product: "s/invoiced".into(), ..sale })
    }

    #[test]
    fn a_later_table_releases_and_takes_back() {
        use InvoiceStatus::{Cancelled, Paid, Unpaid};
        let sale = Event::Sale(sold(1, "R-1", 5));
        let open = paid("R-1", "2013-03-31", Unpaid);
        let settled = paid("R-1", "2013-04-12", Paid);
        let tables = [vec![open.clone()], vec![open.clone(), settled.clone()], vec![open, settled]];
        let [unpaid, released, mut again] = tables;
        again.push(paid("R-1", "2013-05-02", Cancelled));
        let [unpaid, released, again] = [unpaid, released, again].map(Event::Table);
        let steps = [&sale, &unpaid, &released, &again, &released];
        let told = [
            (0, vec!["nobody says that document R-1 is paid: nothing under INVOICED"]),
            (0, vec!["document R-1 was unpaid on 2013-03-31: nothing under INVOICED"]),
            (5, vec![]),
            (0, vec!["document R-1 was cancelled on 2013-05-02: nothing under INVOICED"]),
            (5, vec![]),
        ];
        for (step, (units, said)) in told.iter().enumerate() {
            let trial = after(&steps[..=step]);
            assert_eq!((trial.units("INVOICED", 1), messages(&trial)), (Micros::units(*units), said.clone()), "{step}");
            assert_eq!(trial.units("UNIT", 1), Micros::units(5));
        }
    }

    #[test]
    fn what_stands_does_not_hang_on_what_came_first() {
        let back = Sale { original_document: "R1".into(), ..(*sold(2, "C-1", -2)).clone() };
        let table = vec![paid("R-1", "2013-04-12", InvoiceStatus::Paid)];
        let events = [Event::Sale(sold(1, "R-1", 5)), Event::Sale(Arc::new(back)), Event::Table(table)];
        let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        let trials = orders.map(|order| after(&order.map(|at| &events[at])));
        for trial in &trials {
            assert_eq!([1, 2].map(|record| trial.units("INVOICED", record)), [5, -2].map(Micros::units));
            assert_eq!(messages(trial), [""; 0]);
            assert!(trial.grants() == trials[0].grants() && trial.findings == trials[0].findings);
        }
    }

    #[test]
    fn only_the_document_that_is_told_of_is_judged_again_and_nothing_is_left_behind() {
        let lines: Vec<Arc<Sale>> = (1..=5).map(|n| sold(n, if n < 5 { "R-1" } else { "R-2" }, i64::from(n))).collect();
        let table = Event::Table(vec![paid("R-1", "2013-04-12", InvoiceStatus::Paid)]);
        let come: Vec<Event> = lines.iter().cloned().map(Event::Sale).collect();
        let gone: Vec<Event> = lines.into_iter().map(Event::Gone).collect();
        let mut events: Vec<&Event> = come.iter().chain([&table]).collect();
        let trial = after(&events);
        assert_eq!([1, 2, 3, 4, 5].map(|n| trial.units("INVOICED", n)), [1, 2, 3, 4, 0].map(Micros::units));
        events.extend(&gone);
        let trial = after(&events);
        assert!(trial.granted.is_empty() && trial.findings.is_empty() && trial.state() == after(&[&table]).state());
    }
}
