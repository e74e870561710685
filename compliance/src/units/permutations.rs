//! Random small histories, partners interleaved in several ways: one result. And the law of units holds in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use contract::{Code, Id, Micros, Reference, RulingAction, RulingState, Sale, SaleEvent, Shipment, Text};

use super::facts::Record;
use super::trial::{Trial, day, line, market};
use crate::rules::skeleton;

const HISTORIES: u64 = 300;

/// Numbers that repeat on every run.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    pub fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn place(&mut self, sides: u64) -> usize {
        usize::try_from(self.below(sides)).unwrap()
    }

    pub fn one_of<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[usize::try_from(self.below(list.len() as u64)).unwrap()]
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

const PARTNERS: [&str; 3] = ["A", "D", "L"];

/// Now and then it is a sale that several partners tell.
fn any_sale(dice: &mut Dice, record: u32, partner: &str) -> Sale {
    let mut aside = Dice(dice.0 ^ 0x0d04);
    let sale = one_sale(dice, record, partner);
    match aside.below(8) {
        0 if !sale.is_return() => Sale {
            document: "88".into(),
            date: day("2013-03-25"),
            quantity: Micros::units(2),
            amount: Micros::units(20),
            ..sale
        },
        0 | 1 if sale.is_return() => Sale { original_document: "88".into(), ..sale },
        _ => sale,
    }
}

fn one_sale(dice: &mut Dice, record: u32, partner: &str) -> Sale {
    let returned = dice.chance(25);
    let units = 1 + i64::try_from(dice.below(3)).unwrap();
    let quantity = if returned { -units } else { units };
    let document = dice.one_of(&["1001", "01001", "1002", "IOO1", "88", "C7"]);
    let date = day("2013-03-20").plus(i32::try_from(dice.below(30)).unwrap());
    let mut sale = line(record, partner, document, date, quantity, Micros::units(10 * quantity));
    sale.document_line = (record % 3).to_string().into();
    sale.alone = dice.chance(60);
    if partner == "D" || dice.chance(50) {
        sale.customer = dice.one_of(&["s/1", "s/1", "c", "?A", "?D"]).into();
    }
    sale.outlet = dice.one_of(&["", "s/1", "s/1"]).into();
    if dice.chance(30) {
        sale.serials = (0..units).map(|_| dice.one_of(&["S1", "S2", "S3", "S4"]).into()).collect();
        sale.serials.dedup();
    }
    if returned && dice.chance(50) {
        sale.original_document = dice.one_of(&["1001", "1002", "88", "1001#1", "99"]).into();
    }
    if dice.chance(8) {
        let code = Code::AmountMismatch;
        sale.holds = vec![(code, contract::Finding::id_of(code, &sale.at, None))];
    }
    sale
}

/// What one partner sends: sales, some of them restated, withdrawn or given company later.
fn any_story(dice: &mut Dice, record: &mut u32, partner: &str) -> Vec<SaleEvent> {
    let mut events = Vec::new();
    let mut standing: Vec<Arc<Sale>> = Vec::new();
    for _ in 0..4 + dice.below(6) {
        *record += 1;
        let sale = Arc::new(any_sale(dice, *record, partner));
        events.push(SaleEvent::Assert(sale.clone()));
        standing.push(sale);
        let chosen = usize::try_from(dice.below(standing.len() as u64)).unwrap();
        if dice.chance(20) {
            let old = standing.swap_remove(chosen);
            events.push(SaleEvent::Retract(old.clone()));
            if dice.chance(70) {
                *record += 1;
                let new = Sale { id: old.id, version: 2, ..any_sale(dice, *record, partner) };
                standing.push(Arc::new(new));
                events.push(SaleEvent::Assert(standing[standing.len() - 1].clone()));
            }
        } else if standing[chosen].alone && dice.chance(20) {
            let sale = standing[chosen].clone();
            events.push(SaleEvent::Company(sale));
        }
    }
    events
}

/// Merges the stories, each in its own order, as the dice fall.
fn merged(stories: &[Vec<SaleEvent>], dice: &mut Dice) -> Vec<SaleEvent> {
    let mut next = vec![0; stories.len()];
    let mut all = Vec::new();
    while all.len() < stories.iter().map(Vec::len).sum() {
        let at = usize::try_from(dice.below(stories.len() as u64)).unwrap();
        if let Some(event) = stories[at].get(next[at]) {
            all.push(event.clone());
            next[at] += 1;
        }
    }
    all
}

#[test]
fn the_result_is_a_function_of_the_facts() {
    let mut found = BTreeMap::new();
    for seed in 0..HISTORIES {
        let mut dice = Dice(seed);
        let mut record = 0;
        let stories: Vec<Vec<SaleEvent>> =
            PARTNERS.iter().map(|partner| any_story(&mut dice, &mut record, partner)).collect();
        let shipped = |partner: &str| Shipment {
            partner: partner.into(),
            product: "s/p".into(),
            year: 2013,
            units: Micros::units(6),
        };
        let reference = market(PARTNERS.iter().map(|p| shipped(p)).collect());
        let one_by_one: Vec<SaleEvent> = stories.concat();
        let mut first = run(&reference, &one_by_one);
        for finding in first.findings.values() {
            *found.entry(finding.code).or_insert(0) += 1;
        }
        for _ in 0..4 {
            let events = merged(&stories, &mut dice);
            let mut other = run(&reference, &events);
            assert_eq!(first.findings, other.findings, "history {seed}: {events:#?}");
            assert_eq!(first.grants(), other.grants(), "history {seed}: {events:#?}");
            assert_eq!(first.records(), other.records(), "history {seed}: {events:#?}");
            assert!(first.state() == other.state(), "history {seed}: indexes differ after {events:#?}");
        }
        law_of_units(&first, &one_by_one, seed);
    }
    assert!(found.len() >= 8, "the histories try too little: {found:?}");
}

/// Ticks behind which parts of the stories come: some of what was sold is authorised by then.
const TICKS: [&str; 3] = ["2013-04-02", "2013-04-20", "2013-05-02"];

/// A story of each partner, told in as many parts.
fn any_stories(dice: &mut Dice) -> [Vec<Vec<SaleEvent>>; TICKS.len()] {
    let mut record = 0;
    let mut parts: [Vec<Vec<SaleEvent>>; TICKS.len()] = Default::default();
    for partner in PARTNERS {
        let mut story = any_story(dice, &mut record, partner).into_iter();
        let each = story.len().div_ceil(parts.len());
        parts.iter_mut().for_each(|part| part.push(story.by_ref().take(each).collect()));
    }
    parts
}

#[test]
fn between_two_ticks_the_order_of_partners_does_not_matter() {
    let (mut contested, mut late) = (0, 0);
    for seed in 0..HISTORIES {
        let mut dice = Dice(seed);
        let parts = any_stories(&mut dice);
        let reference = market(Vec::new());
        let mut first = run_in_parts(&reference, &parts.each_ref().map(|part| part.concat()));
        contested += first.findings.values().filter(|found| found.code == Code::SerialTwoPartners).count();
        late += first.findings.values().filter(|found| found.message.contains("read after")).count();
        for _ in 0..4 {
            let events = parts.each_ref().map(|part| merged(part, &mut dice));
            let mut other = run_in_parts(&reference, &events);
            assert_eq!(first.findings, other.findings, "history {seed}: {events:#?}");
            assert_eq!(first.grants(), other.grants(), "history {seed}: {events:#?}");
            assert_eq!(first.records(), other.records(), "history {seed}: {events:#?}");
            assert!(first.state() == other.state(), "history {seed}: indexes differ after {events:#?}");
        }
    }
    assert!(contested > 20 && late > 0, "the histories try too little: {contested} and {late}");
}

/// What persons say behind each part is drawn from what is found then, which is the same however partners were merged.
#[test]
fn what_persons_decide_does_not_hang_on_the_order_of_partners() {
    let (mut released, mut rejected, mut lost) = (0, 0, 0);
    for seed in 0..HISTORIES {
        let mut dice = Dice(seed);
        let parts = any_stories(&mut dice);
        let shipped = |partner: &str| Shipment {
            partner: partner.into(),
            product: "s/p".into(),
            year: 2013,
            units: Micros::units(6),
        };
        let reference = market(PARTNERS.iter().map(|partner| shipped(partner)).collect());
        let mut first = run_ruled(&reference, &parts.each_ref().map(|part| part.concat()), seed);
        for _ in 0..4 {
            let events = parts.each_ref().map(|part| merged(part, &mut dice));
            let mut other = run_ruled(&reference, &events, seed);
            assert_eq!(first.findings, other.findings, "history {seed}: {events:#?}");
            assert_eq!(first.rulings, other.rulings, "history {seed}: {events:#?}");
            assert_eq!(first.audit, other.audit, "history {seed}: {events:#?}");
            assert_eq!(first.grants(), other.grants(), "history {seed}: {events:#?}");
            assert_eq!(first.records(), other.records(), "history {seed}: {events:#?}");
            assert!(first.state() == other.state(), "history {seed}: indexes differ after {events:#?}");
        }
        let said = |state| first.rulings.values().filter(|ruling| ruling.state == state).count();
        released += said(RulingState::Released);
        rejected += said(RulingState::Rejected);
        lost += law_of_serials(&mut first, seed);
    }
    assert!(released > 100 && rejected > 50 && lost > 20, "{released}, {rejected} and {lost} try too little");
}

/// Behind each part of the events persons speak about some of what is found.
fn run_ruled(reference: &Reference, parts: &[Vec<SaleEvent>; TICKS.len()], seed: u64) -> Trial {
    let mut dice = Dice(seed);
    run_parts(reference, parts, |trial| {
        let mut waiting: Vec<Id> =
            trial.findings.values().filter(|found| found.code.waits_for_persons()).map(|found| found.id).collect();
        for record in trial.records() {
            waiting.extend(record.sale.holds.iter().map(|(_, finding)| *finding));
        }
        waiting.sort_unstable();
        for finding in waiting {
            let action = [RulingAction::Release, RulingAction::Reject, RulingAction::Reopen][dice.place(3)];
            let persons = [&["ann", "bo"][..], &["ann"], &["bo", "bo"], &["partner/A", "cy"], &[]][dice.place(5)];
            persons.iter().for_each(|person| drop(trial.rule(person, action, finding, "seen")));
        }
    })
}

/// Two sales of a unit earn under one program only where it came back in between, whatever persons decide; returns how many
/// sales persons took a unit from.
fn law_of_serials(trial: &mut Trial, seed: u64) -> usize {
    let records = trial.records();
    let counts = |record: &Record| record.verdict.double.is_none();
    let earns = |record: &Record| counts(record) && trial.units("UNIT", record.sale.at.record_no) > Micros::ZERO;
    let shares = |one: &Sale, other: &Sale| one.serials.iter().any(|serial| other.serials.contains(serial));
    let earning: Vec<&Record> = records.iter().filter(|record| !record.sale.is_return() && earns(record)).collect();
    for (at, first) in earning.iter().enumerate() {
        for second in earning[at + 1..].iter().filter(|second| shares(&first.sale, &second.sale)) {
            let opens = |back: &Sale| back.serials.is_empty() || shares(back, &first.sale);
            let between = |back: &Sale| first.sale.date <= back.date && back.date <= second.sale.date;
            let is_back = |record: &Record| {
                record.sale.is_return() && counts(record) && opens(&record.sale) && between(&record.sale)
            };
            assert!(records.iter().any(is_back), "history {seed}: {:#?} and {:#?} are paid", first.sale, second.sale);
        }
    }
    let lost = records.iter().filter(|record| record.verdict.given.iter().any(|given| !given.mine));
    assert!(!lost.clone().any(earns), "history {seed}: a unit that persons gave away earns");
    lost.count()
}

/// What is asserted is stamped with the control in force.
fn run_in_parts(reference: &Reference, parts: &[Vec<SaleEvent>; TICKS.len()]) -> Trial {
    run_parts(reference, parts, |_| ())
}

fn run_parts(
    reference: &Reference,
    parts: &[Vec<SaleEvent>; TICKS.len()],
    mut behind: impl FnMut(&mut Trial),
) -> Trial {
    let mut trial = Trial::new(reference);
    for (part, tick) in parts.iter().zip(TICKS) {
        for event in part {
            match event {
                SaleEvent::Assert(sale) => {
                    let stamped = Sale { stamp: trial.control, ..Sale::clone(sale) };
                    trial.send(&SaleEvent::Assert(Arc::new(stamped)));
                }
                other => trial.send(other),
            }
        }
        behind(&mut trial);
        trial.tick(tick);
    }
    trial
}

fn run(reference: &contract::Reference, events: &[SaleEvent]) -> Trial {
    let mut trial = Trial::new(reference);
    events.iter().for_each(|event| trial.send(event));
    trial
}

/// For every line and program no more is granted than was sold; for every document, what its returns leave of it.
fn law_of_units(trial: &Trial, events: &[SaleEvent], seed: u64) {
    let mut standing: BTreeMap<Id, &Sale> = BTreeMap::new();
    for event in events {
        match event {
            SaleEvent::Assert(sale) => drop(standing.insert(sale.id, sale)),
            SaleEvent::Retract(sale) => drop(standing.remove(&sale.id)),
            _ => {}
        }
    }
    let document = |sale: &Sale, number: &str| -> (Text, Text) { (sale.at.partner.clone(), skeleton(number)) };
    let doubles = [Code::OverlappingFeeds, Code::NearDuplicateDocument, Code::SaleInTwoPeriods];
    let is_double = |sale: &Sale| trial.findings.values().any(|f| f.sale == Some(sale.id) && doubles.contains(&f.code));
    let mut sold: BTreeMap<(Text, Text), Micros> = BTreeMap::new();
    let mut returned: BTreeMap<(Text, Text), Micros> = BTreeMap::new();
    for sale in standing.values().filter(|sale| !is_double(sale)) {
        if !sale.is_return() {
            *sold.entry(document(sale, &sale.document)).or_default() += sale.quantity;
        } else if !sale.original_document.is_empty() {
            let number = sale.original_document.split('#').next().unwrap();
            *returned.entry(document(sale, number)).or_default() += sale.quantity.abs();
        }
    }
    let mut granted: BTreeMap<(Text, (Text, Text)), Micros> = BTreeMap::new();
    for grant in &trial.granted {
        let sale = standing[&grant.origin.map_or(grant.sale, |(origin, _)| origin)];
        assert!(grant.quantity <= sale.quantity.abs(), "history {seed}: {grant:?}");
        if !sale.is_return() {
            *granted.entry((grant.ledger_key.clone(), document(sale, &sale.document))).or_default() += grant.quantity;
        }
    }
    // What one partner returns of a sale that two tell may be taken from the other's line: that is the oracle's to say.
    let told_twice = |number: &str| {
        let is_of_two = |found: &contract::Finding| found.code == Code::OverlappingFeeds;
        let mut sales = trial.findings.values().filter(|found| is_of_two(found)).filter_map(|found| found.sale);
        sales.any(|sale| standing.get(&sale).is_some_and(|sale| skeleton(&sale.document) == number))
    };
    for ((program, document), units) in granted {
        if told_twice(&document.1) {
            continue;
        }
        let back = returned.get(&document).copied().unwrap_or_default();
        let kept = (sold[&document] - back).max(Micros::ZERO);
        assert!(
            Micros::ZERO <= units && units <= kept,
            "history {seed}: {program} grants {units} on {document:?}, {kept} kept"
        );
    }
}

/// Forty lines of one year, some withdrawn again: what is named is the largest of those that stand.
#[test]
fn the_largest_line_is_known_whatever_was_withdrawn() {
    let shipped = Shipment { partner: "L".into(), product: "s/p".into(), year: 2013, units: Micros::units(1) };
    let reference = market(vec![shipped]);
    for seed in 0..20 {
        let mut dice = Dice(seed);
        let mut trial = Trial::new(&reference);
        let mut standing: Vec<Arc<Sale>> = Vec::new();
        for record in 1..=40 {
            let units = 1 + i64::try_from(dice.below(90)).unwrap();
            let date = day("2013-03-20").plus(i32::try_from(record).unwrap());
            let number = format!("{record}{record}{record}");
            standing.push(Arc::new(line(record, "L", &number, date, units, Micros::units(10 * units))));
            trial.send(&SaleEvent::Assert(standing[standing.len() - 1].clone()));
        }
        standing.sort_by_key(|sale| (std::cmp::Reverse(sale.quantity), sale.date, sale.id));
        for _ in 0..30 {
            let gone = standing.remove(usize::try_from(dice.below(6)).unwrap());
            trial.send(&SaleEvent::Retract(gone));
            let named = |sale: &Sale| {
                trial.findings.values().any(|f| f.sale == Some(sale.id) && f.message.starts_with("largest line"))
            };
            let named: Vec<bool> = standing.iter().map(|sale| named(sale)).collect();
            assert_eq!(named.iter().filter(|named| **named).count(), 4, "seed {seed}");
            assert!(named[..4].iter().all(|named| *named), "seed {seed}: the largest four are too much: {named:?}");
        }
    }
}

/// Forty lines of one year, some withdrawn again: the largest are held, and the latest others make up what these leave.
#[test]
fn what_is_too_much_is_held_whatever_was_withdrawn() {
    const SHIPPED: i64 = 400;
    let shipped = Shipment { partner: "L".into(), product: "s/p".into(), year: 2013, units: Micros::units(SHIPPED) };
    let reference = market(vec![shipped]);
    for seed in 0..20 {
        let mut dice = Dice(seed);
        let mut trial = Trial::new(&reference);
        let mut standing: Vec<Arc<Sale>> = Vec::new();
        for record in 1..=40_u32 {
            let units = 1 + i64::try_from(dice.below(90)).unwrap();
            let date = day("2013-03-20").plus(i32::try_from(record * 7 % 41).unwrap());
            let number = format!("{record}{record}{record}");
            standing.push(Arc::new(line(record, "L", &number, date, units, Micros::units(10 * units))));
            trial.send(&SaleEvent::Assert(standing[standing.len() - 1].clone()));
        }
        while standing.len() > 5 {
            let gone = standing.swap_remove(dice.place(standing.len() as u64));
            trial.send(&SaleEvent::Retract(gone));
            trial.tick("2013-06-01");
            let found = trial.findings.values().filter(|found| found.code == Code::InventoryExceeded);
            let mut held: Vec<Id> = found.filter_map(|found| found.sale).collect();
            held.sort();
            assert_eq!(held, too_much(&standing, Micros::units(SHIPPED)), "seed {seed}, {} lines", standing.len());
        }
    }
}

/// Four of the largest lines at most, then the latest of the others, until as much is held as was sold above.
fn too_much(standing: &[Arc<Sale>], shipped: Micros) -> Vec<Id> {
    let mut above = standing.iter().map(|sale| sale.quantity).sum::<Micros>() - shipped;
    let mut lines = standing.to_vec();
    lines.sort_by_key(|sale| (std::cmp::Reverse(sale.quantity), sale.date, sale.id));
    let mut others = lines.split_off(lines.len().min(4));
    others.sort_by_key(|sale| std::cmp::Reverse((sale.date, sale.id)));
    let mut held = Vec::new();
    for sale in lines.into_iter().chain(others) {
        if above > Micros::ZERO {
            held.push(sale.id);
            above = above - sale.quantity;
        }
    }
    held.sort();
    held
}
