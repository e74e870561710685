//! From a sale and what is granted of it to the entitlements that the ledger gets.

use std::borrow::Cow;

use contract::{Entitlement, PartnerKind, Program, Reference, Sale, Text};

use super::facts::Grant;
use crate::clock::Clock;
use crate::ledger::account::freeze_day;
use crate::programs::price_protection::taken_from;
use crate::programs::sell_in::is_resold;
use crate::programs::special_price::debit;
use crate::programs::stacking::part;
use crate::rules::sale_unpaid::Unpaid;
use crate::rules::{Based, Check, RULES};

/// Whether a program pays under the grant to a partner of this kind. One that protects stocks counts whatever was sold; one
/// for purchases counts what others pay for, see [`is_resold`].
pub fn pays(grant: &Grant, program: &Program, kind: Option<PartnerKind>) -> bool {
    match grant {
        Grant::Nothing | Grant::Back(_) => false,
        Grant::Full => true,
        Grant::Tier { .. } | Grant::Held if program.mechanism.protects_stock() => true,
        Grant::Tier { .. } if program.mechanism.sell_in().is_some() => true,
        Grant::Held => false,
        Grant::Tier { first } => program.pay_tier.map_or(*first, |tier| Some(tier) == kind),
    }
}

/// Whether a program pays nothing until the customer does. What was sold is gone from a stock, paid or not.
pub fn waits(program: &Program, unpaid: Option<Unpaid>) -> bool {
    unpaid.is_some() && program.conditions.paid_invoices && !program.mechanism.keeps_stock()
}

/// Whether a program does not pay a sale since another partner claims a unit of it, by a row read as of control `since`. What was
/// sold is gone from a stock; what a period was authorised for at a tick before that stands.
pub fn is_contested(program: &Program, sale: &Sale, since: Option<u64>, clock: &Clock) -> bool {
    since.is_some_and(|since| !program.mechanism.protects_stock() && !is_authorised(program, sale, since, clock))
}

/// Whether what a sale earned under a program was authorised, as far as terms say, when rows with stamp `by` were read.
fn is_authorised(program: &Program, sale: &Sale, by: u64, clock: &Clock) -> bool {
    let (_, last) = program.period.range(sale.date);
    program.auto_authorise
        && program.paid.claims().is_none()
        && clock.reached_behind(sale.stamp, freeze_day(program, last)).is_some_and(|tick| tick <= by)
}

/// One entitlement for each ledger key; `programs` come by ledger key, in the order in which they are tried.
pub fn entitlements<'a>(
    sale: &Sale,
    programs: impl Iterator<Item = &'a Program>,
    reference: &Reference,
) -> Vec<Entitlement> {
    let sale = &*counted(sale, reference);
    let mut all: Vec<Entitlement> = Vec::new();
    let programs: Vec<&Program> = programs.collect();
    let counts = |program: &&&Program| program.mechanism.sell_in().is_none() || is_resold(program, &programs);
    for program in programs.iter().filter(counts) {
        if all.last().is_none_or(|e| e.ledger_key != *program.ledger_key()) {
            let amount = part(reference, program, &programs, sale).base;
            all.push(Entitlement { amount, ..entitlement(sale, program) });
        }
        let of_key = all.last_mut().expect("one was put in");
        of_key.programs.push(program.id.clone());
        of_key.debits.extend(debit(reference, program, sale).or_else(|| taken_from(program, sale)));
        if program.estimate.is_some() {
            of_key.product = sale.product.clone();
        }
    }
    all
}

/// What rules say about the amount of a sale that programs count with.
pub fn based(sale: &Sale, reference: &Reference) -> Option<Based> {
    RULES.iter().find_map(|rule| match rule.check {
        Check::Base(check) => check(sale, reference),
        _ => None,
    })
}

/// The sale with the amount and the price that programs count it with.
pub fn counted<'a>(sale: &'a Sale, reference: &Reference) -> Cow<'a, Sale> {
    match based(sale, reference) {
        Some(Based { amount, unit_price, .. }) => Cow::Owned(Sale { amount, unit_price, ..sale.clone() }),
        None => Cow::Borrowed(sale),
    }
}

fn entitlement(sale: &Sale, program: &Program) -> Entitlement {
    Entitlement {
        ledger_key: program.ledger_key().clone(),
        sale: sale.id,
        at: sale.at.clone(),
        stamp: sale.stamp,
        programs: Vec::new(),
        date: sale.date,
        quantity: sale.quantity,
        amount: sale.amount,
        currency: sale.currency,
        rep: sale.rep.clone(),
        origin: None,
        debits: Vec::new(),
        product: Text::default(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use contract::{Benefit, Code, Finding, Mechanism, Micros, PartnerKind, SaleEvent, SellIn};

    use super::*;
    use crate::ledger::plain_program;
    use crate::units::trial::{Trial, day, line, market};

    /// The units that each of two lines takes from its stock, and is paid for per unit at its tier. Those earn at resale.
    #[track_caller]
    fn check(first: Sale, second: Sale, taken: [i64; 2], paid: [i64; 2]) {
        let protect = plain_program("PROTECT", Mechanism::PriceProtection { look_back_days: 90 });
        let tier = Program {
            pay_tier: Some(PartnerKind::Distributor),
            ..plain_program("TIER", Mechanism::PerUnit { rate: Micros::ONE })
        };
        let (benefit, rate, not_with) = (Benefit::PerUnit, Micros::ONE, vec!["TIER".into()]);
        let bought = plain_program("BOUGHT", Mechanism::SellIn(SellIn { benefit, rate, not_with }));
        let programs = vec![bought, protect, tier];
        let mut trial = Trial::new(&Reference { programs, special_prices: Vec::new(), ..market(Vec::new()) });
        let events = [first, second].map(|sale| SaleEvent::Assert(Arc::new(sale)));
        events.iter().for_each(|event| trial.send(event));
        let of = |program: &str| [1, 2].map(|record_no| trial.units(program, record_no));
        assert_eq!(of("PROTECT"), taken.map(Micros::units));
        assert_eq!(of("TIER"), paid.map(Micros::units));
        assert_eq!(of("BOUGHT"), paid.map(Micros::units));
    }

    fn sold(record_no: u32, partner: &str, document: &str, quantity: i64) -> Sale {
        line(record_no, partner, document, day("2013-03-01"), quantity, Micros::units(quantity * 10))
    }

    /// What `UNIT` pays for two lines with one serial number, and what is found, after events in their order: a line that is
    /// read (its partner and day), or the day of a tick.
    #[track_caller]
    fn contested(events: &[(&str, &str)], paid: [i64; 2], found: &[&str]) {
        let mut trial = Trial::new(&market(Vec::new()));
        let mut record_no = 0;
        for (partner, date) in events {
            if *partner == "tick" {
                trial.tick(date);
                continue;
            }
            record_no += 1;
            let sale = line(record_no, partner, "1", day(date), 1, Micros::units(10));
            let sale = Sale { stamp: trial.control, serials: vec!["S1".into()], ..sale };
            trial.send(&SaleEvent::Assert(Arc::new(sale)));
        }
        let told = |finding: &Finding| format!("{}: {}", finding.at.partner, finding.message);
        let mut all: Vec<String> = trial.findings.values().map(told).collect();
        all.sort();
        assert_eq!(all, found);
        assert_eq!([1, 2].map(|record_no| trial.units("UNIT", record_no)), paid.map(Micros::units));
    }

    #[test]
    fn what_was_authorised_before_another_partner_claims_the_unit_stands() {
        let (first, second) = (("L", "2013-03-03"), ("A", "2013-03-09"));
        let both = ["A: sold before: S1", "L: sold by another partner too: S1"];
        contested(&[first, second, ("tick", "2013-04-01")], [0, 0], &both);
        contested(&[("tick", "2013-04-01"), first, second, ("tick", "2013-04-02")], [0, 0], &both);
        contested(&[first, ("tick", "2013-03-31"), second], [0, 0], &both);
        // A third one between two that are held frees neither of them.
        let [before, too] = ["sold before: S1", "sold by another partner too: S1"];
        let between = [format!("A: {before}"), format!("A: {too}"), format!("L: {too}"), format!("M: {before}")];
        let between: Vec<&str> = between.iter().map(String::as_str).collect();
        contested(&[first, ("M", "2013-03-12"), ("tick", "2013-04-01"), second], [0, 0], &between);
        let late = ["A: sold before: S1", "L: sold by another partner too, read after this was authorised: S1"];
        contested(&[first, ("tick", "2013-04-01"), second, ("tick", "2013-05-01")], [1, 0], &late);
        let early = [
            "A: sold before by another partner, read after this was authorised: S1",
            "L: sold by another partner too: S1",
        ];
        contested(&[second, ("tick", "2013-04-01"), first], [1, 0], &early);
    }

    #[test]
    fn whatever_was_sold_is_gone_from_its_stock() {
        let held = sold(2, "D", "2", 7);
        let doubt = (Code::AmountMismatch, Finding::id_of(Code::AmountMismatch, &held.at, None));
        check(sold(1, "D", "1", 5), Sale { holds: vec![doubt], ..held }, [5, 7], [5, 0]);
    }

    #[test]
    fn what_comes_back_is_there_again() {
        let back = Sale { original_document: "1".into(), ..sold(2, "D", "R-1", -2) };
        check(sold(1, "D", "1", 5), back, [5, -2], [5, -2]);
    }
}
