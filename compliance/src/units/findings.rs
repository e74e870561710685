//! From the verdict on a sale to the findings that stand published about it.

use std::sync::Arc;

use contract::{Code, Finding, Id, Micros, Money, Program, RecordRef, Sale, Text};

use super::conditions::Breached;
use super::facts::{
    Back, Behind, Circle, Exceeds, Given, Grant, Heard, Pair, Record, SaleKey, Supplied, Unit, Verdict,
};
use super::grants::{based, counted, pays};
use super::market::{at_risk, risk_of};
use super::told::Told;
use crate::references::Known;
use crate::rules::dated_ahead::AHEAD_DAYS;
use crate::rules::{Check, RULES, Unfit, stack_over_cap};

/// The programs around a sale.
pub struct Around<'a> {
    /// Those that it may earn under.
    pub earning: &'a [&'a Program],
    /// Those of them that do not pay while another partner claims a unit of it.
    pub contested: &'a [&'a Program],
    /// Those that it may earn under once its customer has paid.
    pub waiting: &'a [&'a Program],
    /// Those that select it.
    pub selecting: &'a [&'a Program],
    /// Conditions of those that it does not meet.
    pub breached: &'a [Breached<'a>],
}

/// Everything that is found about a sale, in order of precedence.
pub fn findings(record: &Record, around: &Around<'_>, told: &Told<'_>) -> Vec<Finding> {
    let known = told.known;
    let Around { earning: programs, contested, waiting, selecting, breached } = *around;
    let (sale, verdict) = (&*record.sale, &record.verdict);
    let mut found = Vec::new();
    found.extend(no_sale(sale, &verdict.heard).map(|(code, message)| whole_line(sale, code, None, message, programs)));
    for double in verdict.double.iter().chain(&verdict.passed) {
        let message = double_message(double.code, sale, &double.document);
        found.push(whole_line(sale, double.code, Some(double.at.clone()), message, programs));
    }
    found.extend(verdict.pair.as_ref().filter(|p| p.lower).map(|pair| two_tiers(record, pair, programs, known)));
    let all = programs;
    for unit in &verdict.resold {
        let same_partner = unit.at.partner == sale.at.partner;
        let code = if same_partner { Code::SerialTwiceSamePartner } else { Code::SerialTwoPartners };
        let explained_by = explained_by_pair(sale, verdict, unit);
        let (message, programs) = match unit.contends.is_some() {
            true if contested.is_empty() => {
                ("sold before by another partner, read after this was authorised", contested)
            }
            true => ("sold before", contested),
            false => ("sold before", programs),
        };
        add_unit(&mut found, sale, code, unit, message, explained_by, programs);
        if let Some(Behind { other, at, facts, own }) = &unit.behind {
            let code = if *own { Code::SerialTwiceSamePartner } else { Code::SerialTwoPartners };
            let (serial, at) = (unit.serial.clone(), at.clone());
            let behind = Unit { serial, other: *other, at, contends: None, facts: *facts, behind: None };
            let explained_by = explained_by_pair(sale, verdict, &behind);
            let unpaid: Vec<&Program> = if *own { all.to_vec() } else { unpaid_of_two(sale, false, all, known) };
            add_unit(&mut found, sale, code, &behind, "sold before", explained_by, &unpaid);
        }
    }
    for unit in &verdict.contested {
        let message = match contested.is_empty() {
            true => "sold by another partner too, read after this was authorised",
            false => "sold by another partner too",
        };
        add_unit(&mut found, sale, Code::SerialTwoPartners, unit, message, None, contested);
    }
    for Given { unit, mine, by, .. } in &verdict.given {
        let message = match mine {
            false => "given to the other sale",
            true if unit.other < SaleKey::of(sale) => "sold before",
            true => "sold by another partner too",
        };
        let id = Finding::id_of(Code::SerialTwoPartners, &sale.at, Some(&unit.at));
        let explained_by = Some(*by).filter(|by| *by != id);
        add_unit(&mut found, sale, Code::SerialTwoPartners, unit, message, explained_by, programs);
    }
    for unit in &verdict.undone {
        let message = "came back through another partner and was sold again";
        let unpaid = unit.behind.as_ref().map(|_| unpaid_of_two(sale, false, programs, known));
        let programs = unpaid.as_deref().unwrap_or(programs);
        let explained_by = explained_by_pair(sale, verdict, unit);
        add_unit(&mut found, sale, Code::ReturnAndResell, unit, message, explained_by, programs);
    }
    // Under which terms a return of a known sale stands was said there; what its own row lacks was not.
    let lacks = |back: &Back, found: &Finding| found.code == Code::AmountMissing && !back.of_nothing;
    let is_asked = |found: &Finding| verdict.back.as_ref().is_none_or(|back| lacks(back, found));
    found.extend(selecting.iter().flat_map(|program| unfit(sale, program, told.under(program))).filter(is_asked));
    if !sale.is_return() {
        found.extend(stacked(record, programs, told));
    }
    found.extend(verdict.circle.as_ref().map(|circle| circular(sale, circle, programs)));
    found.extend(outside(record, programs, told));
    if no_sale(sale, &verdict.heard).is_none() {
        found.extend(breached.iter().map(|breached| condition(sale, breached)));
        found.extend(unpaid(record, waiting));
    }
    found.extend(rebased(sale, programs, known));
    found.extend(verdict.exceeds.as_ref().map(|exceeds| exceeded(sale, exceeds, programs)));
    found.extend(above_sold(record, programs));
    found.extend(document_unknown(record));
    found
}

/// Whether what a row says of itself makes it no sale, whatever tables say: such a row is kept in no index.
pub fn is_never_sale(sale: &Sale) -> bool {
    no_sale(sale, &Heard::default()).is_some()
}

/// Why a row is no sale at all.
pub fn no_sale(sale: &Sale, heard: &Heard) -> Option<(Code, String)> {
    RULES.iter().find_map(|rule| match rule.check {
        Check::NoSale(check) => check(sale, heard).map(|message| (rule.codes[0], message)),
        _ => None,
    })
}

fn about(sale: &Sale, code: Code, related: Option<RecordRef>, message: String) -> Finding {
    Finding { sale: Some(sale.id), ..Finding::about(code, sale.at.clone(), related, message) }
}

fn whole_line(sale: &Sale, code: Code, related: Option<RecordRef>, message: String, programs: &[&Program]) -> Finding {
    Finding { at_risk: at_risk(programs.iter().copied(), sale), ..about(sale, code, related, message) }
}

fn double_message(code: Code, sale: &Sale, document: &str) -> String {
    match code {
        Code::OverlappingFeeds => format!("document {document} stands in the feed of another partner of the family"),
        Code::SaleInTwoPeriods => format!("document {document} reports the same sale in another period"),
        Code::PackAndPieces => format!("another line of document {document} has the pieces of these packs"),
        _ => format!("document {} repeats the sale of document {document}", sale.document),
    }
}

fn two_tiers(record: &Record, pair: &Pair, programs: &[&Program], known: &Arc<Known>) -> Finding {
    let sale = &*record.sale;
    let loses = loses(sale, pair.first, programs, known);
    let both = match (loses, pair.mate_loses) {
        (Some(ours), Some(theirs)) if ours.currency == theirs.currency => {
            Some(Money { amount: ours.amount + theirs.amount, currency: ours.currency })
        }
        (ours, theirs) => ours.or(theirs),
    };
    let message = "a distributor reports the same units sold to this outlet".to_owned();
    Finding { at_risk: both, ..about(sale, Code::TwoTiersReport, Some(pair.at.clone()), message) }
}

/// What a line does not earn because it is one of a pair.
pub fn loses(sale: &Sale, first: bool, programs: &[&Program], known: &Known) -> Option<Money> {
    at_risk(unpaid_of_two(sale, first, programs, known).into_iter(), sale)
}

/// Programs that do not pay a line of two that two tiers report.
fn unpaid_of_two<'a>(sale: &Sale, first: bool, programs: &[&'a Program], known: &Known) -> Vec<&'a Program> {
    let kind = known.market().kind(&sale.at.partner);
    programs.iter().copied().filter(|program| !pays(&Grant::Tier { first }, program, kind)).collect()
}

/// One finding names all units that two sales share.
fn add_unit(
    found: &mut Vec<Finding>,
    sale: &Sale,
    code: Code,
    unit: &Unit,
    message: &str,
    explained_by: Option<Id>,
    programs: &[&Program],
) {
    let id = Finding::id_of(code, &sale.at, Some(&unit.at));
    match found.iter_mut().find(|finding| finding.id == id) {
        Some(same) => {
            same.message.push_str(", ");
            same.message.push_str(&unit.serial);
        }
        None => {
            let message = format!("{message}: {}", unit.serial);
            let finding = whole_line(sale, code, Some(unit.at.clone()), message, programs);
            found.push(Finding { explained_by, ..finding });
        }
    }
}

/// The finding on the pair, where the earlier sale of the serial is the other tier of it.
fn explained_by_pair(sale: &Sale, verdict: &Verdict, unit: &Unit) -> Option<Id> {
    let pair = verdict.pair.as_ref().filter(|pair| pair.mate == unit.other)?;
    let (lower, upper) = if pair.lower { (&sale.at, &pair.at) } else { (&pair.at, &sale.at) };
    Some(Finding::id_of(Code::TwoTiersReport, lower, Some(upper)))
}

/// What in the terms of a program keeps it from paying for the sale.
fn unfit(sale: &Sale, program: &Program, known: &Known) -> impl Iterator<Item = Finding> {
    let found = RULES.iter().filter_map(|rule| match rule.check {
        Check::Terms(check) => check(sale, program, known),
        _ => None,
    });
    found.map(|Unfit { code, reason, message }| {
        let id = Id::of("finding", &[&Finding::id_of(code, &sale.at, None).to_string(), &program.id]);
        let message = format!("{}: {message}", program.id);
        let reason_901 = reason.into();
        Finding { id, reason_901, program: program.id.clone(), ..about(sale, code, None, message) }
    })
}

/// DD-12: what the caps of their stacks take of the programs that pay for a sale.
fn stacked(record: &Record, programs: &[&Program], told: &Told<'_>) -> Vec<Finding> {
    let known = told.known;
    let kind = known.market().kind(&record.sale.at.partner);
    let paying: Vec<&Program> = programs.iter().copied().filter(|p| pays(&record.verdict.grant, p, kind)).collect();
    let sale = &*counted(&record.sale, &known.reference);
    paying.iter().filter_map(|program| over_cap(sale, program, &paying, told)).collect()
}

fn over_cap(sale: &Sale, program: &Program, programs: &[&Program], told: &Told<'_>) -> Option<Finding> {
    let code = Code::StackOverCap;
    let (at_risk, message) = stack_over_cap::check(sale, program, programs, &|program| &told.under(program).reference)?;
    let id = Id::of("finding", &[&Finding::id_of(code, &sale.at, None).to_string(), &program.id]);
    Some(Finding { id, program: program.id.clone(), at_risk: Some(at_risk), ..about(sale, code, None, message) })
}

/// OP-06: of a date that is doubted nobody says which programs hold on it.
fn outside(record: &Record, programs: &[&Program], told: &Told<'_>) -> Vec<Finding> {
    let sale = &*record.sale;
    if !record.verdict.ahead {
        return named(sale, told);
    }
    let message = format!("dated {}, more than {AHEAD_DAYS} days ahead of time", sale.date);
    vec![Finding { reason_901: "18".into(), ..whole_line(sale, Code::OutsidePeriod, None, message, programs) }]
}

fn named(sale: &Sale, told: &Told<'_>) -> Vec<Finding> {
    if sale.promotion.is_empty() || told.known.versions(&sale.promotion).is_empty() {
        return Vec::new();
    }
    let breach = |rule: &crate::rules::Rule| match rule.check {
        Check::Named(check) => check(sale, told).map(|breach| (rule.codes[0], breach)),
        _ => None,
    };
    let finding = |(code, breach): (Code, crate::rules::Breach)| Finding {
        program: breach.program,
        reason_901: breach.reason.into(),
        at_risk: breach.at_risk,
        ..about(sale, code, None, breach.message)
    };
    RULES.iter().filter_map(breach).map(finding).collect()
}

pub fn circular(sale: &Sale, circle: &Circle, programs: &[&Program]) -> Finding {
    let Circle { at, document, date, quantity, by } = circle;
    let days = sale.date.0 - date.0;
    let mut way: Vec<&str> = by.iter().map(Text::as_str).collect();
    way.push(&sale.at.partner);
    let mut message = format!(
        "{} units go back to {}, which sold {quantity} to {} in document {document} {days} days before",
        sale.quantity, at.partner, way[0],
    );
    for (n, hop) in way.windows(2).enumerate() {
        message += &format!("{} {} to {}", if n == 0 { ", and" } else { "," }, hop[0], hop[1]);
    }
    whole_line(sale, Code::CircularSale, Some(at.clone()), message, programs)
}

pub fn condition(sale: &Sale, breached: &Breached<'_>) -> Finding {
    let Breached { code, message, programs } = breached;
    let mut message = message.clone();
    for (n, program) in programs.iter().enumerate() {
        message.push_str(if n == 0 { ": nothing under " } else { ", " });
        message.push_str(&program.id);
    }
    Finding { program: programs[0].id.clone(), ..whole_line(sale, *code, None, message, programs) }
}

/// OP-32: programs that pay for the sale once its customer has paid.
fn unpaid(record: &Record, waiting: &[&Program]) -> Option<Finding> {
    let message = record.verdict.heard.unpaid.filter(|_| !waiting.is_empty())?.of(&record.sale.document);
    Some(condition(&record.sale, &Breached { code: Code::SaleUnpaid, message, programs: waiting.to_vec() }))
}

/// Programs count another amount than the row says; only where that changes what is paid.
fn rebased(sale: &Sale, programs: &[&Program], known: &Known) -> Option<Finding> {
    let based = based(sale, &known.reference).filter(|_| !sale.is_return())?;
    let over = Sale { amount: sale.amount - based.amount, quantity: Micros::ZERO, ..sale.clone() };
    let at_risk = at_risk(programs.iter().copied(), &over)?;
    Some(Finding { at_risk: Some(at_risk), ..about(sale, Code::PriceWithTax, None, based.message) })
}

fn exceeded(sale: &Sale, exceeds: &Exceeds, programs: &[&Program]) -> Finding {
    let message = match exceeds {
        Exceeds::Largest { supplied: Supplied { opening, shipped }, year } => {
            let on_hand = format!("{opening} units on hand before it and the ");
            let opening = if opening.is_zero() { "" } else { &on_hand };
            format!("largest line of {year}, in which more was sold than the {opening}{shipped} units shipped in")
        }
        Exceeds::Latest { year } => {
            format!("one of the latest lines of {year}, in which more was sold than was shipped in")
        }
    };
    whole_line(sale, Code::InventoryExceeded, None, message, programs)
}

/// The units above are worth their share of the line.
fn above_sold(record: &Record, programs: &[&Program]) -> Option<Finding> {
    let sale = &*record.sale;
    let back = record.verdict.back.as_ref().filter(|back| !back.above.is_zero())?;
    let whole = at_risk(programs.iter().copied(), sale);
    let message = format!("{} units returned, {} above the {} sold", sale.quantity.abs(), back.above, back.sold);
    Some(Finding {
        at_risk: whole.and_then(|money| risk_of(money.amount.share(back.above, sale.quantity.abs()), sale)),
        ..about(sale, Code::ReturnAboveSold, back.origin.clone(), message)
    })
}

/// DQ-06 as well: what a return names is not there, at least not yet. It takes back the same as one that names no document.
fn document_unknown(record: &Record) -> Option<Finding> {
    let sale = record.verdict.document_unknown.then_some(&*record.sale)?;
    let instead = match record.verdict.back {
        Some(_) => "its sale is found by serial number or customer",
        None if !record.verdict.of_others.is_empty() => "another partner sold what came back",
        None => "it counts by itself",
    };
    let document = &sale.original_document;
    let message =
        format!("nothing was sold under document {document}, which it names, that it can take back: {instead}");
    Some(about(sale, Code::ReturnAboveSold, None, message))
}

#[cfg(test)]
mod tests {
    use contract::{Base, Mechanism, Reference, SaleEvent, Stack};

    use super::*;
    use crate::ledger::plain_program;
    use crate::units::trial::{Trial, day, line, market};

    /// Ten units sold by `L` under 8 % and 6 %, all together 12 % at most, and what is found.
    #[track_caller]
    fn check(sale: Sale, found: &[&str]) {
        let deal = |id: &str, percent: i64| Program {
            stack: Some(Stack { name: "S".into(), base: Base::Gross, reduces: false, at_most: Some(Micros(120_000)) }),
            ..plain_program(id, Mechanism::Percent { rate: Micros(percent * 10_000) })
        };
        let programs = vec![deal("EIGHT", 8), deal("SIX", 6)];
        let mut trial = Trial::new(&Reference { programs, special_prices: Vec::new(), ..market(Vec::new()) });
        trial.send(&SaleEvent::Assert(Arc::new(sale)));
        let told = |finding: &Finding| {
            let at_risk = finding.at_risk.map_or(String::new(), |money| money.to_string());
            format!("{} {}: {at_risk}", finding.code, finding.program)
        };
        let mut all: Vec<String> = trial.findings.values().map(told).collect();
        all.sort();
        assert_eq!(all, found);
    }

    fn sold(price: i64, amount: i64) -> Sale {
        let sale = line(1, "L", "1", day("2013-03-01"), 10, Micros::units(amount));
        Sale { unit_price: Micros::units(price), ..sale }
    }

    #[test]
    fn a_cap_of_a_stack_is_told_of_the_amount_that_counts() {
        check(sold(100, 1000), &["DD-12 SIX: 20.00 USD"]);
        check(sold(100, 1190), &["DD-12 SIX: 20.00 USD", "OP-28 : 26.60 USD"]);
    }

    #[test]
    fn a_cap_takes_nothing_of_what_earns_nothing() {
        let held = sold(100, 1000);
        let doubt = (Code::AmountMismatch, Finding::id_of(Code::AmountMismatch, &held.at, None));
        check(Sale { holds: vec![doubt], ..held }, &[]);
    }
}
