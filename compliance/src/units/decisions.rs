//! What persons decide, where the case files do not reach: rows that are read as another product, pairs that turn round, ticks.

use std::collections::BTreeMap;
use std::sync::Arc;

use contract::{Code, Finding, Id, Micros, RulingAction, Sale, SaleEvent};

use super::facts::{Grant, Record, SALES, SaleKey};
use super::trial::{Trial, day, line, market};
use super::verify::verify;

/// A market on one partition, or with one for each product.
struct Market {
    partitions: BTreeMap<String, Trial>,
    by_product: bool,
}

impl Market {
    fn new(by_product: bool) -> Market {
        let reference = market(Vec::new());
        let products: &[&str] = if by_product { &["s/p", "s/q"] } else { &[""] };
        let partitions = products.iter().map(|product| ((*product).to_owned(), Trial::new(&reference))).collect();
        Market { partitions, by_product }
    }

    fn send(&mut self, event: &SaleEvent, sale: &Sale) {
        let partition = if self.by_product { sale.product.as_str() } else { "" };
        self.partitions.get_mut(partition).unwrap().send(event);
    }

    fn comes(&mut self, sale: &Sale) {
        self.send(&SaleEvent::Assert(Arc::new(sale.clone())), sale);
    }

    fn goes(&mut self, sale: &Sale) {
        self.send(&SaleEvent::Retract(Arc::new(sale.clone())), sale);
    }

    fn rule(&mut self, actor: &str, action: RulingAction, finding: Id) {
        self.partitions.values_mut().for_each(|trial| drop(trial.rule(actor, action, finding, "seen")));
    }

    /// What stands said and what each chain says, by chain.
    fn said(&self) -> Vec<String> {
        let trials = self.partitions.values();
        let stands = trials.clone().flat_map(|trial| trial.rulings.values());
        let stands =
            stands.map(|ruling| format!("{} as {}: {}", ruling.finding, ruling.product, ruling.state.as_str()));
        let links = trials.flat_map(|trial| &trial.audit);
        let links = links.map(|link| format!("{} {} {} {}", link.chain, link.seq, link.actor, link.object));
        let mut said: Vec<String> = stands.chain(links).collect();
        said.sort();
        said
    }

    fn units(&self) -> Micros {
        self.partitions.values().map(|trial| trial.units("UNIT", 1)).sum()
    }
}

/// A row in doubt is read as another product and then as before: each time it is another case, on any number of partitions.
#[test]
fn what_is_decided_about_a_row_goes_with_the_product_that_it_is_read_as() {
    use RulingAction::{Reject, Release};
    let mut said = Vec::new();
    for by_product in [false, true] {
        let mut market = Market::new(by_product);
        let doubted = line(1, "L", "1", day("2013-03-03"), 1, Micros::units(10));
        let finding = Finding::id_of(Code::AmountMismatch, &doubted.at, None);
        let first = Sale { holds: vec![(Code::AmountMismatch, finding)], ..doubted };
        let other = Sale { product: "s/q".into(), ..first.clone() };
        market.comes(&first);
        ["ann", "di"].iter().for_each(|person| market.rule(person, Release, finding));
        assert_eq!(market.units(), Micros::ONE);
        market.goes(&first);
        market.comes(&other);
        assert_eq!(market.units(), Micros::ZERO);
        market.rule("cy", Reject, finding);
        assert_eq!(market.units(), Micros::ZERO);
        market.goes(&other);
        market.comes(&first);
        assert_eq!(market.units(), Micros::ONE, "by product: {by_product}");
        said.push(market.said());
    }
    assert_eq!(said[0], said[1]);
    let refused = |line: &&String| line.contains("/s/p 3 cy reject of") && line.ends_with("no longer stands");
    assert!(said[0].iter().any(|line| line.ends_with("as s/p: released")), "{:#?}", said[0]);
    assert!(said[0].iter().any(|line| line.contains("/s/q 1 cy reject of DQ-04")), "{:#?}", said[0]);
    assert_eq!(said[0].iter().filter(refused).count(), 1, "{:#?}", said[0]);
}

/// Of two sales that are alike, the one whose document turns out to have other lines is no longer the copy. Who said that they
/// are two said it of both, and can take it back.
#[test]
fn a_release_stands_when_the_other_one_turns_out_to_be_the_copy() {
    use RulingAction::{Release, Reopen};
    let one = line(1, "L", "INV-00123", day("2013-03-03"), 4, Micros::units(40));
    let two = line(2, "L", "INV123", day("2013-03-04"), 4, Micros::units(40));
    let finding = |of: &Sale, about: &Sale| Finding::id_of(Code::NearDuplicateDocument, &of.at, Some(&about.at));
    let mut trial = Trial::new(&market(Vec::new()));
    [&one, &two].iter().for_each(|sale| trial.send(&SaleEvent::Assert(Arc::new((*sale).clone()))));
    ["ann", "di"].iter().for_each(|person| drop(trial.rule(person, Release, finding(&two, &one), "")));
    let paid = |trial: &Trial| [1, 2].map(|record| trial.units("UNIT", record));
    let stands = |trial: &Trial| {
        let said = trial.rulings.values().map(|ruling| (ruling.finding, ruling.state.as_str(), ruling.by.join(" ")));
        said.collect::<Vec<_>>()
    };
    assert_eq!(paid(&trial), [Micros::units(4); 2]);
    trial.send(&SaleEvent::Company(Arc::new(two.clone())));
    assert_eq!(trial.findings.keys().copied().collect::<Vec<_>>(), [finding(&one, &two)]);
    assert_eq!(paid(&trial), [Micros::units(4); 2]);
    assert_eq!(stands(&trial), [(finding(&one, &two), "released", "ann di".to_owned())]);
    let again = trial.rule("cy", Release, finding(&one, &two), "").unwrap();
    assert!(again.ends_with("it is decided; whoever wants it otherwise reopens it first"), "{again}");
    assert_eq!(stands(&trial), [(finding(&one, &two), "released", "ann di".to_owned())]);
    trial.rule("cy", Reopen, finding(&one, &two), "a letter came");
    assert_eq!((paid(&trial), stands(&trial)), ([Micros::ZERO, Micros::units(4)], Vec::new()));
}

/// What `UNIT` pays for a sale that is held when its period freezes, by a doubt or as a copy of another one, and for a rival of the
/// same unit that comes later, when two persons release it before that tick or only after the rival came.
#[track_caller]
fn released(is_copy: bool, before: bool, paid: i64) {
    let mut trial = Trial::new(&market(Vec::new()));
    let serials = || vec!["S1".into()];
    let mut held = Sale { serials: serials(), ..line(1, "L", "INV123", day("2013-03-04"), 1, Micros::units(10)) };
    let alike = line(2, "L", "INV-00123", day("2013-03-03"), 1, Micros::units(10));
    let finding = match is_copy {
        true => Finding::id_of(Code::NearDuplicateDocument, &held.at, Some(&alike.at)),
        false => Finding::id_of(Code::AmountMismatch, &held.at, None),
    };
    match is_copy {
        true => trial.send(&SaleEvent::Assert(Arc::new(alike))),
        false => held.holds = vec![(Code::AmountMismatch, finding)],
    }
    let release = |trial: &mut Trial| {
        ["ann", "di"].iter().for_each(|person| drop(trial.rule(person, RulingAction::Release, finding, "")));
    };
    trial.send(&SaleEvent::Assert(Arc::new(held)));
    if before {
        release(&mut trial);
    }
    trial.tick("2013-04-01");
    let rival = line(3, "A", "1", day("2013-03-09"), 1, Micros::units(10));
    trial.send(&SaleEvent::Assert(Arc::new(Sale { stamp: trial.control, serials: serials(), ..rival })));
    if !before {
        release(&mut trial);
    }
    assert_eq!([1, 3].map(|record| trial.units("UNIT", record)), [paid, 0].map(Micros::units), "copy: {is_copy}");
}

#[test]
fn what_was_held_at_a_tick_was_not_authorised_by_it() {
    for is_copy in [false, true] {
        released(is_copy, true, 1);
        released(is_copy, false, 0);
    }
}

/// The law of units is seen from outside, also where it is broken.
#[test]
fn a_unit_that_earns_twice_is_seen() {
    let mut trial = Trial::new(&market(Vec::new()));
    let sold = |record, partner: &str, date: &str| {
        let sale = line(record, partner, "1", day(date), 1, Micros::units(10));
        Sale { serials: vec!["S1".into()], ..sale }
    };
    let (first, second) = (sold(1, "L", "2013-03-03"), sold(2, "A", "2013-03-09"));
    [&first, &second].iter().for_each(|sale| trial.send(&SaleEvent::Assert(Arc::new((*sale).clone()))));
    let finding = Finding::id_of(Code::SerialTwoPartners, &second.at, Some(&first.at));
    let violations = |trial: &mut Trial| {
        let blobs = trial.blobs();
        let verified = verify(trial.state_mut(), &blobs).unwrap();
        assert_eq!(verified.units, 1);
        verified.violations
    };
    assert_eq!(violations(&mut trial), [""; 0]);
    ["ann", "di"].iter().for_each(|person| drop(trial.rule(person, RulingAction::Release, finding, "")));
    assert_eq!(violations(&mut trial), [""; 0]);
    let records: Vec<Record> = trial.records();
    let mut put = |sale: &Sale, change: &dyn Fn(&mut Record)| {
        let mut record = records.iter().find(|record| record.sale.id == sale.id).unwrap().clone();
        change(&mut record);
        SALES.put(trial.state_mut(), &SaleKey::of(sale), &record).unwrap();
        let seen = violations(&mut trial);
        let was = records.iter().find(|record| record.sale.id == sale.id).unwrap();
        SALES.put(trial.state_mut(), &SaleKey::of(sale), was).unwrap();
        seen
    };
    let earns = put(&first, &|record| record.verdict.grant = Grant::Full);
    assert_eq!(earns, [format!("unit S1: sale {} earns, which persons gave away", first.id)]);
    let claims = put(&second, &|record| record.verdict.contested = vec![record.verdict.given[0].unit.clone()]);
    assert_eq!(claims, [format!("unit S1: sale {} is held for one that persons took it from", second.id)]);
    trial.rule("cy", RulingAction::Reopen, finding, "again");
    let records = trial.records();
    for record in &records {
        let mut paid = record.clone();
        paid.verdict.heard.note(None, trial.control);
        SALES.put(trial.state_mut(), &SaleKey::of(&record.sale), &paid).unwrap();
    }
    assert_eq!(violations(&mut trial), [format!("unit S1: sale {} earns, and another sale of it does", second.id)]);
}
