//! Runs the case files of the rules: each file below `cases/rules` is a test by being there.
//!
//! A case is a title line `# …`, then lines:
//!
//! ```text
//! sale PARTNER DOCUMENT DATE QUANTITY AMOUNT [key=value …]     a record, numbered from 1; negative for a return
//! shipped PARTNER YEAR UNITS                                   units of the product shipped in
//! counted PARTNER DATE UNITS                                   units of the product on hand at the end of a day
//! later TABLE CELL …                                           a row that only a later version of a table has
//! later no TABLE                                               from that version on the table is empty
//! release|reject|reopen NUMBER CODE [about NUMBER] by ACTOR [for REASON] [refused]
//!                                                              what persons say about findings, behind all of that
//! gone NUMBER, again NUMBER, tick DATE, then TABLE CELL …      a record goes or comes back, time passes, a table has a row
//!                                                              more, in between
//! said NUMBER CODE [about NUMBER] STATE ACTOR …                exactly this stands said
//! finds NUMBER CODE [about NUMBER] [explained]                 exactly these findings
//! risks NUMBER CODE AMOUNT …                                   the money at risk of such findings, the least first
//! reason NUMBER CODE REASON                                    what X12 element 901 says of such findings
//! pays PROGRAM UNITS …                                         units granted to each record
//! counts PROGRAM AMOUNT …                                      amounts that it counts for each record
//! denies NUMBER PROGRAM CODE,… [held]                          were programs paid by claim, exactly this were said of claims on
//!                                                              these programs
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use contract::{
    Approver, BookCost, ClaimTerms, Code, ConsumerRebate, Currency, Denial, DropShipment, Finding, Id, InvoiceStatus,
    LateClaim, Membership, Micros, Movement, Paid, Person, Reference, Restricted, Ruling, RulingAction, Sale,
    SaleEvent, SerialRange, Shipment, StockCount, Text, Tolerance,
};

use super::trial::{Trial, code, day, line, market, paid, written};
use crate::rules::RULES;

#[derive(Default)]
struct Case {
    title: String,
    sales: Vec<Sale>,
    shipments: Vec<Shipment>,
    inventory: Vec<StockCount>,
    /// What a later version of the reference data changes.
    later: Vec<Vec<String>>,
    /// What persons say, and what happens in between.
    acts: Vec<Vec<String>>,
    said: Vec<Vec<String>>,
    finds: BTreeSet<String>,
    risks: Vec<(u32, Code, Vec<Micros>)>,
    reasons: Vec<(u32, Code, String)>,
    pays: Vec<(String, Vec<Micros>)>,
    counts: Vec<(String, Vec<Micros>)>,
    denies: Vec<Vec<String>>,
}

#[test]
fn every_rule_has_cases_and_every_case_holds_in_any_order() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/cases/rules");
    let mut names: BTreeSet<String> = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let cases = read(&std::fs::read_to_string(&path).unwrap());
        let rule = RULES.iter().find(|rule| rule.name == name).unwrap_or_else(|| panic!("{name} is no rule"));
        rule.codes.iter().for_each(|code| is_covered(&name, *code, &cases));
        cases.iter().for_each(|case| check(&name, case));
        names.insert(name);
    }
    assert_eq!(names, RULES.iter().map(|rule| rule.name.to_owned()).collect());
}

/// Of each code there are hits, near misses, a case in which something comes back, and one that says what is at risk, where
/// anything is.
fn is_covered(name: &str, code: Code, cases: &[Case]) {
    let hits = cases.iter().filter(|case| finds(case, code)).count();
    assert!(hits > 0 && hits < cases.len(), "{name} needs hits and near misses of {code}");
    let returns = |case: &Case| case.sales.iter().any(|sale| sale.quantity < Micros::ZERO);
    assert!(cases.iter().any(returns), "{name} needs a case with a return");
    let has_amount = |case: &Case| !at_risk(&sent(case), code, None).is_empty();
    let says = |case: &Case| case.risks.iter().any(|(_, other, _)| *other == code);
    assert!(cases.iter().any(says) || !cases.iter().any(has_amount), "{name} needs what is at risk by {code}");
}

fn finds(case: &Case, code: Code) -> bool {
    case.finds.iter().any(|found| found.split(' ').nth(1) == Some(code.as_str()))
}

fn stocked(case: &Case) -> Reference {
    Reference { inventory: case.inventory.clone(), ..market(case.shipments.clone()) }
}

fn sent(case: &Case) -> Trial {
    let mut trial = Trial::new(&stocked(case));
    case.sales.iter().for_each(|sale| trial.send(&SaleEvent::Assert(Arc::new(sale.clone()))));
    trial
}

fn check(name: &str, case: &Case) {
    let count = case.sales.len();
    let forward: Vec<usize> = (0..count).collect();
    let backward: Vec<usize> = (0..count).rev().collect();
    let forward_again = forward.clone();
    let turned: Vec<usize> = (0..count).map(|i| (i + count / 2) % count).collect();
    let before = stocked(case);
    let mut now = stocked(case);
    case.later.iter().for_each(|words| change(&mut now, words));
    // The later version comes behind all sales, among them, and before any.
    for (order, told) in [(forward, count), (backward, count), (turned, count / 2), (forward_again, 0)] {
        let (mut trial, mut now) = (Trial::new(&before), now.clone());
        for (place, at) in order.iter().enumerate() {
            if place == told && !case.later.is_empty() {
                trial.configure(&now);
            }
            trial.send(&SaleEvent::Assert(Arc::new(case.sales[*at].clone())));
        }
        if told == count && !case.later.is_empty() {
            trial.configure(&now);
        }
        case.acts.iter().for_each(|words| act(&mut trial, &mut now, case, words));
        let found: BTreeSet<String> = trial.findings.values().map(written).collect();
        let messages: Vec<&String> = trial.findings.values().map(|f: &Finding| &f.message).collect();
        assert_eq!(found, case.finds, "{name}, {}, order {order:?}: {messages:?}", case.title);
        for (number, code, amounts) in &case.risks {
            let at_risk = at_risk(&trial, *code, Some(*number));
            assert_eq!(&at_risk, amounts, "{name}, {}, order {order:?}: {number} {code}", case.title);
        }
        for (number, code, reason) in &case.reasons {
            let of = |finding: &&Finding| finding.code == *code && finding.at.record_no == *number;
            let said: Vec<&str> = trial.findings.values().filter(of).map(|f| f.reason_901.as_str()).collect();
            assert!(
                !said.is_empty() && said.iter().all(|said| said == reason),
                "{name}, {}: {code} {said:?}",
                case.title
            );
        }
        for (program, units) in &case.pays {
            let paid: Vec<Micros> = (1..=count).map(|n| trial.units(program, u32::try_from(n).unwrap())).collect();
            assert_eq!(&paid, units, "{name}, {}, order {order:?}: {program}", case.title);
        }
        for (program, amounts) in &case.counts {
            let paid: Vec<Micros> = (1..=count).map(|n| trial.counted(program, u32::try_from(n).unwrap())).collect();
            assert_eq!(&paid, amounts, "{name}, {}, order {order:?}: {program}", case.title);
        }
        let expected = case.said.iter().map(|words| {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let (finding, said) = named(case, &words);
            (finding, said.join(" "))
        });
        assert_eq!(said(&trial), expected.collect(), "{name}, {}, order {order:?}", case.title);
        if !case.acts.is_empty() {
            comes_back(&mut trial, name, case);
            continue;
        }
        for sale in &case.sales {
            trial.send(&SaleEvent::Retract(Arc::new(sale.clone())));
        }
        assert!(trial.findings.is_empty() && trial.granted.is_empty(), "{name}, {}: all gone", case.title);
        let mut empty = Trial::new(&before);
        if !case.later.is_empty() {
            empty.configure(&now);
        }
        // Until the next control a unit remembers who took a sale of it back, so that a correction goes on.
        [&mut trial, &mut empty].into_iter().for_each(|trial| trial.tick("2020-01-01"));
        for sale in &case.sales {
            let again = Arc::new(Sale { stamp: trial.control, ..sale.clone() });
            trial.send(&SaleEvent::Assert(again.clone()));
            trial.send(&SaleEvent::Retract(again));
        }
        assert_eq!(trial.state(), empty.state(), "{name}, {}: nothing left behind", case.title);
    }
}

/// What is said of claims does not hang on the order, and is said of no sale that earns; nothing of it is left when all is gone.
#[test]
fn claims_are_told_the_same_in_any_order() {
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/cases/rules")).unwrap() {
        let path = entry.unwrap().path();
        for case in read(&std::fs::read_to_string(&path).unwrap()) {
            let orders = [(0..case.sales.len()).collect::<Vec<_>>(), (0..case.sales.len()).rev().collect()];
            let [forward, backward] = orders.map(|order| claimed(&case, &order));
            assert_eq!(forward, backward, "{}, {}", path.display(), case.title);
            let programs: BTreeSet<&str> = case.denies.iter().map(|words| words[1].as_str()).collect();
            let of_them = forward.iter().filter(|said| programs.contains(said.split(' ').nth(1).unwrap()));
            let expected: Vec<String> = case.denies.iter().map(|words| words.join(" ")).collect();
            assert_eq!(of_them.cloned().collect::<Vec<_>>(), expected, "{}, {}", path.display(), case.title);
        }
    }
}

/// What is said of the sales of a case, sent in an order, where all programs are paid by claim.
fn claimed(case: &Case, order: &[usize]) -> Vec<String> {
    let by_claim = |reference: &mut Reference| {
        let terms = ClaimTerms {
            days: 60,
            late: LateClaim::Reject,
            review_above: None,
            override_limit: None,
            appeal_days: 30,
            tolerance: Tolerance::default(),
            review: None,
        };
        reference.programs.iter_mut().for_each(|program| program.paid = Paid::Claim(terms));
    };
    let (mut before, mut now) = (stocked(case), stocked(case));
    case.later.iter().for_each(|words| change(&mut now, words));
    [&mut before, &mut now].into_iter().for_each(by_claim);
    let mut trial = Trial::new(&before);
    for at in order {
        trial.send(&SaleEvent::Assert(Arc::new(case.sales[*at].clone())));
    }
    if !case.later.is_empty() {
        trial.configure(&now);
    }
    case.acts.iter().for_each(|words| act(&mut trial, &mut now, case, words));
    let mut said = Vec::new();
    for Denial { program, sale, reasons, held, .. } in &trial.denied {
        let number = u32::try_from(u128::from_be_bytes(sale.0)).unwrap();
        let earns = trial.granted.iter().any(|e| e.sale == *sale && e.programs.contains(program));
        assert!(!earns, "{}: sale {number} is denied and earns under {program}", case.title);
        let codes: Vec<&str> = reasons.iter().map(|reason| reason.code.as_str()).collect();
        said.push(format!("{number} {program} {}{}", codes.join(","), if *held { " held" } else { "" }));
    }
    said.sort();
    for record in trial.records() {
        trial.send(&SaleEvent::Retract(record.sale));
    }
    assert!(trial.denied.is_empty(), "{}: all gone", case.title);
    said
}

/// What was decided stands for sales that go and come back as they were, whichever comes first.
fn comes_back(trial: &mut Trial, name: &str, case: &Case) {
    let (findings, grants, said) = (trial.findings.clone(), trial.grants(), trial.rulings.clone());
    let standing: Vec<Arc<Sale>> = trial.records().into_iter().map(|record| record.sale).collect();
    standing.iter().for_each(|sale| trial.send(&SaleEvent::Retract(sale.clone())));
    let gone = trial.findings.is_empty() && trial.granted.is_empty() && trial.rulings.is_empty();
    assert!(gone, "{name}, {}: all gone", case.title);
    standing.iter().rev().for_each(|sale| trial.send(&SaleEvent::Assert(sale.clone())));
    assert_eq!(trial.findings, findings, "{name}, {}: found again", case.title);
    assert_eq!(trial.grants(), grants, "{name}, {}: granted again", case.title);
    assert_eq!(trial.rulings, said, "{name}, {}: said again", case.title);
}

/// Does what a line of a case says that happens behind the records.
fn act(trial: &mut Trial, now: &mut Reference, case: &Case, words: &[String]) {
    let row = &words[1..];
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let record = |number: &str| &case.sales[number.parse::<usize>().unwrap() - 1];
    let action = match words.as_slice() {
        ["gone", number] => return trial.send(&SaleEvent::Retract(Arc::new(record(number).clone()))),
        ["again", number] => return trial.send(&SaleEvent::Assert(Arc::new(record(number).clone()))),
        ["tick", date] => return trial.tick(date),
        ["then", ..] => {
            change(now, row);
            return trial.configure(now);
        }
        ["release", ..] => RulingAction::Release,
        ["reject", ..] => RulingAction::Reject,
        ["reopen", ..] => RulingAction::Reopen,
        other => panic!("nothing happens by {other:?}"),
    };
    let (finding, rest) = named(case, &words[1..]);
    let ["by", actor, rest @ ..] = rest else { panic!("by whom? {words:?}") };
    let refused = rest.last() == Some(&"refused");
    let reason = rest.iter().skip(1).filter(|word| **word != "refused").copied().collect::<Vec<_>>().join(" ");
    let said = trial.rule(actor, action, finding, &reason);
    let was_refused = said.as_ref().is_none_or(|said| said.starts_with("finding.refused"));
    assert_eq!(was_refused, refused, "{}: {words:?}: {said:?}", case.title);
}

/// The finding that `NUMBER CODE [about NUMBER]` names, and the words behind that.
fn named<'w>(case: &Case, words: &'w [&'w str]) -> (Id, &'w [&'w str]) {
    let at = |number: &str| &case.sales[number.parse::<usize>().unwrap() - 1].at;
    match words {
        [number, of, "about", other, rest @ ..] => (Finding::id_of(code(of), at(number), Some(at(other))), rest),
        [number, of, rest @ ..] => (Finding::id_of(code(of), at(number), None), rest),
        other => panic!("{other:?} names no finding"),
    }
}

/// What stands said about findings, as `STATE ACTOR …`.
fn said(trial: &Trial) -> BTreeMap<Id, String> {
    let said = |ruling: &Ruling| format!("{} {}", ruling.state.as_str(), ruling.by.join(" "));
    trial.rulings.iter().map(|(finding, ruling)| (*finding, said(ruling))).collect()
}

/// What is at risk by findings of a code, the least first; about one record, or any.
fn at_risk(trial: &Trial, code: Code, number: Option<u32>) -> Vec<Micros> {
    let of = |finding: &&Finding| finding.code == code && number.is_none_or(|number| finding.at.record_no == number);
    let mut amounts: Vec<Micros> =
        trial.findings.values().filter(of).filter_map(|finding| Some(finding.at_risk?.amount)).collect();
    amounts.sort_unstable();
    amounts
}

fn read(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        if let Some(title) = line.strip_prefix("# ") {
            cases.push(Case { title: title.to_owned(), ..Case::default() });
            continue;
        }
        let case = cases.last_mut().expect("a case begins with its title");
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[0] {
            "sale" => case.sales.push(sale(case.sales.len(), &words[1..])),
            "shipped" => case.shipments.push(shipment(&words[1..])),
            "counted" => case.inventory.push(counted(&words[1..])),
            "later" => case.later.push(owned(&words[1..])),
            "release" | "reject" | "reopen" | "gone" | "again" | "tick" | "then" => case.acts.push(owned(&words)),
            "said" => case.said.push(owned(&words[1..])),
            "finds" => drop(case.finds.insert(words[1..].join(" "))),
            "risks" => {
                let amounts = words[3..].iter().map(|word| number(word)).collect();
                case.risks.push((words[1].parse().unwrap(), code(words[2]), amounts));
            }
            "reason" => case.reasons.push((words[1].parse().unwrap(), code(words[2]), words[3].to_owned())),
            "pays" => case.pays.push(of_each(&words)),
            "counts" => case.counts.push(of_each(&words)),
            "denies" => case.denies.push(owned(&words[1..])),
            other => panic!("{other} is no word of a case"),
        }
    }
    cases
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Changes one table of the reference data. Names are one word, with `-` between its parts; a payee of `-` is none.
fn change(reference: &mut Reference, words: &[String]) {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let to = |last: &[&str]| last.first().map(|last| day(last));
    match words.as_slice() {
        ["no", "consumer_rebates"] => reference.consumer_rebates.clear(),
        ["no", "drop_shipments"] => reference.drop_shipments.clear(),
        ["no", "memberships"] => reference.memberships.clear(),
        ["no", "persons"] => reference.persons.clear(),
        ["no", "restricted"] => reference.restricted.clear(),
        ["no", "serial_ranges"] => reference.serial_ranges.clear(),
        ["memberships", program, partner, from, last @ ..] => {
            let [program, partner] = [program, partner].map(|text| Text::from(*text));
            reference.memberships.push(Membership { program, partner, from: day(from), to: to(last) });
        }
        ["persons", partner, name, payee, from, last @ ..] => {
            let [partner, name, payee] = [partner, name, payee].map(|text| Text::from(text.replace('-', " ").trim()));
            reference.persons.push(Person { partner, name, from: day(from), to: to(last), payee });
        }
        ["no", "sites"] => reference.outlets.iter_mut().for_each(|outlet| outlet.operated_by = Text::default()),
        ["sites", outlet, partner] => {
            let outlet = reference.outlets.iter_mut().find(|row| row.id == *outlet);
            outlet.expect("an outlet of the market").operated_by = (*partner).into();
        }
        ["approvers", person, limit] => {
            let currency = Currency::parse("USD").expect("a currency");
            let approver = Approver { person: (*person).into(), currency, limit: number(limit) };
            reference.approvers.push(approver);
        }
        ["restricted", name, list] => {
            reference.restricted.push(Restricted { name: (*name).into(), list: (*list).into() });
        }
        ["shipments", partner, year, units] => {
            let shipped = shipment(&[*partner, *year, *units]);
            reference.shipments.retain(|row| (&row.partner, row.year) != (&shipped.partner, shipped.year));
            reference.shipments.push(shipped);
        }
        ["book_costs", from, cost] => {
            let (from, cost) = (day(from), number(cost));
            reference.book_costs.push(BookCost { from, cost, ..reference.book_costs[0].clone() });
        }
        ["inventory", row @ ..] => reference.inventory.push(counted(row)),
        ["serial_ranges", product, first, last] => {
            let [product, first, last] = [product, first, last].map(|text| Text::from(*text));
            reference.serial_ranges.push(SerialRange { product, first, last, partner: Text::default() });
        }
        ["consumer_rebates", product, serial, paid] => {
            let (product, serial) = (Text::from(*product), Text::from(*serial));
            reference.consumer_rebates.push(ConsumerRebate { product, serial, paid: day(paid) });
        }
        ["outlets", id, name] => {
            let outlet = reference.outlets.iter_mut().find(|outlet| outlet.id == *id).expect("an outlet");
            outlet.name = name.replace('-', " ");
        }
        ["drop_shipments", partner, product, order] => {
            let [partner, product, order] = [partner, product, order].map(|text| Text::from(*text));
            reference.drop_shipments.push(DropShipment { partner, product, order });
        }
        ["customer_payments", document, date, status] => {
            let status = match *status {
                "paid" => InvoiceStatus::Paid,
                "unpaid" => InvoiceStatus::Unpaid,
                "cancelled" => InvoiceStatus::Cancelled,
                other => panic!("{other} is no status"),
            };
            reference.customer_payments.push(paid(document, date, status));
        }
        other => panic!("no table has a row {other:?}"),
    }
    reference.memberships.sort();
    reference.persons.sort();
    reference.serial_ranges.sort();
    reference.consumer_rebates.sort();
    reference.drop_shipments.sort();
    reference.customer_payments.sort();
    reference.shipments.sort();
    reference.book_costs.sort();
    reference.inventory.sort();
}

/// A program with a number for each record.
fn of_each(words: &[&str]) -> (String, Vec<Micros>) {
    (words[1].to_owned(), words[2..].iter().map(|w| number(w)).collect())
}

fn number(text: &str) -> Micros {
    Micros::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn counted(words: &[&str]) -> StockCount {
    StockCount { partner: words[0].into(), product: "s/p".into(), day: day(words[1]), units: number(words[2]) }
}

fn shipment(words: &[&str]) -> Shipment {
    Shipment {
        partner: words[0].into(),
        product: "s/p".into(),
        year: words[1].parse().unwrap(),
        units: number(words[2]),
    }
}

fn sale(before: usize, words: &[&str]) -> Sale {
    let record = u32::try_from(before + 1).unwrap();
    let mut sale = line(record, words[0], words[1], day(words[2]), words[3].parse().unwrap(), number(words[4]));
    for word in &words[5..] {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        match key {
            "customer" => sale.customer = value.into(),
            "outlet" => sale.outlet = value.into(),
            "product" => sale.product = value.into(),
            "line" => sale.document_line = value.into(),
            "price" => sale.unit_price = number(value),
            "rep" => sale.rep = value.into(),
            "promotion" => sale.promotion = value.into(),
            "currency" => sale.currency = Currency::parse(value).unwrap(),
            "original" => sale.original_document = value.into(),
            "serials" => sale.serials = value.split(',').map(Into::into).collect(),
            "company" => sale.alone = false,
            "type" if value == "free" => sale.movement = Movement::Free,
            "type" if value == "internal" => sale.movement = Movement::Internal,
            "type" if value == "return" => sale.movement = Movement::Return,
            "type" if value == "sale" => sale.movement = Movement::Sale,
            "holds" => sale.holds = vec![(code(value), Finding::id_of(code(value), &sale.at, None))],
            other => panic!("{other} is no key of a sale"),
        }
    }
    sale
}
