//! Returns that claim the lines of one document: what each takes back.

use std::sync::Arc;

use contract::{Entitlement, Micros, Sale};

use super::facts::{Back, Grant, Record, SaleKey};
use crate::rules::{Check, RULES};

/// A line of the document, and what is left of it.
pub struct SoldLine {
    pub sale: Arc<Sale>,
    pub grant: Grant,
    pub granted: Vec<Entitlement>,
    left: Micros,
}

impl SoldLine {
    pub fn new(record: &Record) -> SoldLine {
        let (sale, grant) = (record.sale.clone(), record.verdict.grant.clone());
        SoldLine { left: sale.quantity, sale, grant, granted: Vec::new() }
    }
}

/// A part of a return, taken from one line.
struct Taken {
    line: usize,
    units: Micros,
}

/// What one return comes to.
pub struct Settled {
    pub sale: SaleKey,
    pub back: Back,
    /// `None` where the document has no lines: the return counts in its own period.
    pub gives: Option<Vec<Entitlement>>,
}

/// Takes the returns in (event time, sale id) order from the lines in the same order, rather from one that holds enough.
/// Each partner's returns take from its own lines.
pub fn settle(document: u64, lines: &mut [SoldLine], returns: &[(SaleKey, Arc<Sale>)]) -> Vec<Settled> {
    let mut partners: Vec<&str> = returns.iter().map(|(_, sale)| sale.at.partner.as_str()).collect();
    partners.sort_unstable();
    partners.dedup();
    let settled = |partner: &&str| {
        let mine: Vec<&(SaleKey, Arc<Sale>)> = returns.iter().filter(|(_, s)| s.at.partner == *partner).collect();
        settle_partner(document, partner, lines, &mine)
    };
    partners.iter().flat_map(settled).collect()
}

fn settle_partner(
    document: u64,
    partner: &str,
    lines: &mut [SoldLine],
    returns: &[&(SaleKey, Arc<Sale>)],
) -> Vec<Settled> {
    let mine = |line: &&SoldLine| line.sale.at.partner == partner;
    let sold: Micros = lines.iter().filter(mine).map(|line| line.sale.quantity).sum();
    let Some(first) = lines.iter().find(mine).map(|line| line.sale.at.clone()) else {
        let back = Back { document, ..Back::default() };
        return returns.iter().map(|(sale, _)| Settled { sale: *sale, back: back.clone(), gives: None }).collect();
    };
    let mut settled = Vec::new();
    for ((key, sale), above) in returns.iter().zip(above_sold(sold, returns)) {
        let taken = take(partner, lines, sale.quantity.abs() - above);
        let origin = taken.first().map_or(&first, |part| &lines[part.line].sale.at).clone();
        let back = Back { document, origin: Some(origin), above, sold };
        settled.push(Settled { sale: *key, back, gives: Some(give_back(sale, lines, &taken)) });
    }
    settled
}

fn above_sold(sold: Micros, returns: &[&(SaleKey, Arc<Sale>)]) -> Vec<Micros> {
    let units: Vec<Micros> = returns.iter().map(|(_, sale)| sale.quantity.abs()).collect();
    let above = RULES.iter().find_map(|rule| match rule.check {
        Check::Returns(check) => Some(check(sold, &units)),
        _ => None,
    });
    above.expect("a rule judges returns")
}

fn take(partner: &str, lines: &mut [SoldLine], units: Micros) -> Vec<Taken> {
    let open = |line: &SoldLine| line.sale.at.partner == partner && line.left > Micros::ZERO;
    if let Some(at) = lines.iter().position(|line| open(line) && line.left >= units) {
        lines[at].left = lines[at].left - units;
        return vec![Taken { line: at, units }];
    }
    let mut wanted = units;
    let mut taken = Vec::new();
    for at in 0..lines.len() {
        let part = if open(&lines[at]) { lines[at].left.min(wanted) } else { Micros::ZERO };
        if !part.is_zero() {
            lines[at].left = lines[at].left - part;
            wanted = wanted - part;
            taken.push(Taken { line: at, units: part });
        }
    }
    taken
}

/// Entitlements that take back what the lines were granted, under each key booked to the first of its lines: the lines
/// of one document share their date. No more than a line's own price is taken back for its units.
fn give_back(back: &Sale, lines: &[SoldLine], taken: &[Taken]) -> Vec<Entitlement> {
    let mut gives: Vec<Entitlement> = Vec::new();
    for part in taken.iter().filter(|part| !part.units.is_zero()) {
        let line = &lines[part.line];
        let amount = amount_back(back, &line.sale, part.units);
        for granted in &line.granted {
            match gives.iter_mut().find(|give| give.ledger_key == granted.ledger_key) {
                Some(give) => {
                    give.quantity += -part.units;
                    give.amount += -amount;
                }
                None => gives.push(negative(back, &line.sale, granted, part.units, amount)),
            }
        }
    }
    gives
}

fn amount_back(back: &Sale, sold: &Sale, units: Micros) -> Micros {
    let most = sold.amount.share(units, sold.quantity).abs();
    let reported = back.amount.share(units, back.quantity).abs();
    if back.currency == sold.currency { reported.min(most) } else { most }
}

fn negative(back: &Sale, sold: &Sale, granted: &Entitlement, units: Micros, amount: Micros) -> Entitlement {
    Entitlement {
        sale: back.id,
        at: back.at.clone(),
        stamp: back.stamp,
        date: back.date,
        quantity: -units,
        amount: -amount,
        origin: Some((sold.id, sold.date)),
        ..granted.clone()
    }
}
