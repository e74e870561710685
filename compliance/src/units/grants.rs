//! From a sale and what is granted of it to the entitlements that the ledger gets.

use std::borrow::Cow;
use std::sync::Arc;

use contract::{Day, Debit, Entitlement, Id, Micros, PartnerKind, Program, Reference, Sale, Text};

use super::conditions::{self, meets};
use super::facts::{Grant, Heard};
use super::told::{Tables, Told};
use crate::clock::Clock;
use crate::ledger::account::freeze_day;
use crate::programs::correction::correction;
use crate::programs::estimate::estimate;
use crate::programs::price_protection::taken_from;
use crate::programs::sell_in::is_resold;
use crate::programs::special_price::debits;
use crate::programs::stacking::part;
use crate::programs::stock::of_layers;
use crate::references::{Known, References};
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

/// Whether a program does not pay a sale because another partner claims a unit of it. What was sold is gone from a stock; what a
/// period was authorised for before that stands.
pub fn is_contested(program: &Program, sale: &Sale, heard: &Heard, clock: &Clock, references: &References) -> bool {
    heard.is_contested()
        && !program.mechanism.protects_stock()
        && !was_authorised(program, sale, heard, clock, references)
}

/// The tick behind the coming of a sale of a day at which its period was frozen under a program.
pub fn frozen_at(program: &Program, (date, stamp): (Day, u64), clock: &Clock, references: &References) -> Option<u64> {
    let (_, last) = program.period.range(date);
    let mut frozen = false;
    let mut ticks = clock.behind(last);
    let freezes = ticks.find(|(tick, day)| {
        frozen = frozen || *day >= freeze_day(terms_at(*tick, program, references), last);
        frozen && stamp < *tick
    });
    freezes.map(|(tick, _)| tick)
}

/// The terms of a program as they held at a tick.
fn terms_at<'a>(tick: u64, program: &'a Program, references: &'a References) -> &'a Program {
    references.as_of(tick).program(&program.id, program.version).unwrap_or(program)
}

/// Whether what a sale earned under a program was authorised, as far as terms and tables said at the time: at a tick behind its
/// coming at which its period was frozen, nothing held it that persons let go later, and nobody else claimed a unit of it.
fn was_authorised(program: &Program, sale: &Sale, heard: &Heard, clock: &Clock, references: &References) -> bool {
    let (_, last) = program.period.range(sale.date);
    let known = references.as_of(sale.stamp);
    let mut frozen = false;
    clock.behind(last).any(|(tick, day)| {
        let was_free = sale.stamp < tick && heard.was_free(tick);
        if frozen && !was_free {
            return false;
        }
        let (then, terms) = (references.as_of(tick), terms_at(tick, program, references));
        frozen |= day >= freeze_day(terms, last);
        frozen
            && was_free
            && terms.auto_authorise
            && terms.paid.claims().is_none()
            && meets(sale, program, conditions::Tables { known, told: then, under: then }, &heard.let_go_before(tick))
            && !waits(program, unpaid(sale, then))
    })
}

/// What the customer has not paid, as a table says.
pub fn unpaid(sale: &Sale, told: &Known) -> Option<Unpaid> {
    RULES.iter().find_map(|rule| match rule.check {
        Check::Payment(check) => check(sale, told),
        _ => None,
    })
}

/// One entitlement for each ledger key; `programs` come by ledger key, in the order in which they are tried.
pub fn entitlements<'a>(sale: &Sale, programs: impl Iterator<Item = &'a Program>, told: Told<'a>) -> Vec<Entitlement> {
    let sale = &*counted(sale, &told.known.reference);
    let tables: Tables<'a, '_> = &|program| &told.under(program).reference;
    let mut all: Vec<Entitlement> = Vec::new();
    let programs: Vec<&Program> = programs.collect();
    let counts = |program: &&&Program| program.mechanism.sell_in().is_none() || is_resold(program, &programs);
    for program in programs.iter().filter(counts) {
        if all.last().is_none_or(|e| e.ledger_key != *program.ledger_key()) {
            let amount = part(tables, program, &programs, sale).base;
            all.push(Entitlement { amount, ..entitlement(sale, program) });
        }
        let of_key = all.last_mut().expect("one was put in");
        of_key.programs.push(program.id.clone());
        of_key.debits.extend(debits(tables(program), program, sale));
        of_key.debits.extend(taken_from(program, sale));
        if program.estimate.is_some() || program.paid.claims().is_some() {
            of_key.product = sale.product.clone();
        }
    }
    all
}

/// What programs whose period was frozen would give for a sale by the tables as they are now, above what they give (OP-45).
pub fn corrections(was: &[Entitlement], now: &[Entitlement], told: Told<'_>, date: Day) -> Vec<Entitlement> {
    let mut all = Vec::new();
    for entitlement in was.iter().chain(now) {
        let Some(program) = entitlement.programs.first() else { continue };
        let is_told = |correction: &Entitlement| correction.programs.first() == Some(program);
        let Some(program) = told.known.program_on(program, date).filter(|_| !all.iter().any(is_told)) else { continue };
        if program.mechanism.keeps_stock() || Arc::ptr_eq(told.under(program), told.now) {
            continue;
        }
        let of_it = |all: &[Entitlement]| all.iter().find(|e| e.programs.first() == Some(&program.id)).cloned();
        let (was, now) = (of_it(was), of_it(now));
        if program.mechanism.goes_by_layers() && special_price(was.as_ref()) == special_price(now.as_ref()) {
            continue;
        }
        let worth = |e: &Option<Entitlement>| e.as_ref().map_or(Micros::ZERO, |e| worth(e, program));
        let more = worth(&now) - worth(&was);
        if !more.is_zero() {
            all.push(correction(entitlement, program, more));
        }
    }
    all
}

fn special_price(entitlement: Option<&Entitlement>) -> Option<Id> {
    entitlement?.debits.first().map(|debit| debit.special_price)
}

/// What an entitlement brings by the rate of its program, or at its special price.
fn worth(entitlement: &Entitlement, program: &Program) -> Micros {
    let Entitlement { quantity, amount, rep, debits, .. } = entitlement;
    match debits.iter().find(|debit| debit.program == program.id) {
        Some(Debit { credit, short, .. }) => quantity.times((*credit - *short).max(Micros::ZERO)),
        None => estimate(program, *quantity, *amount, rep),
    }
}

/// The units of a sale as they use the cost layers of a program up: whatever is doubted about its money, they are gone.
pub fn using_layers(sale: &Sale, program: &Program) -> Entitlement {
    Entitlement {
        programs: vec![program.id.clone()],
        debits: vec![of_layers(program, sale)],
        product: sale.product.clone(),
        ..entitlement(sale, program)
    }
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

    use contract::{
        Benefit, Code, CostBasis, Finding, Id, InvoiceStatus, Mechanism, Micros, PartnerKind, Resale, SaleEvent, SellIn,
    };

    use super::*;
    use crate::ledger::plain_program;
    use crate::programs::stock::used_up;
    use crate::units::trial::{Trial, day, line, market, paid};

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

    /// What `UNIT` pays for the first two lines with one serial number, and what is found, after events in their order: a line
    /// that is read (its partner and day), one that is corrected in something else (`again`) or goes (`gone`), or the day of a tick.
    #[track_caller]
    fn contested(events: &[(&str, &str)], paid: [i64; 2], found: &[&str]) {
        let mut trial = Trial::new(&market(Vec::new()));
        happen(&mut trial, &mut Vec::new(), "s/p", events);
        let told = |finding: &Finding| format!("{}: {}", finding.at.partner, finding.message);
        let mut all: Vec<String> = trial.findings.values().map(told).collect();
        all.sort();
        assert_eq!(all, found);
        assert_eq!([1, 2].map(|record_no| trial.units("UNIT", record_no)), paid.map(Micros::units));
    }

    fn happen(trial: &mut Trial, sold: &mut Vec<Sale>, product: &str, events: &[(&str, &str)]) {
        for (what, of) in events {
            if *what == "tick" {
                trial.tick(of);
                continue;
            }
            let stands = sold.iter().position(|sale| matches!(*what, "again" | "gone") && sale.at.partner == *of);
            if let Some(at) = stands {
                trial.send(&SaleEvent::Retract(Arc::new(sold[at].clone())));
                if *what == "again" {
                    (sold[at].version, sold[at].stamp, sold[at].document_line) = (2, trial.control, "2".into());
                    trial.send(&SaleEvent::Assert(Arc::new(sold[at].clone())));
                }
                continue;
            }
            let sale = line(sold.len() as u32 + 1, what, "1", day(of), 1, Micros::units(10));
            let (stamp, serials) = (trial.control, vec!["S1".into()]);
            sold.push(Sale { stamp, serials, product: product.into(), ..sale });
            trial.send(&SaleEvent::Assert(Arc::new(sold[sold.len() - 1].clone())));
        }
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
    fn a_claim_that_is_corrected_is_no_new_one() {
        let (first, second, tick) = (("L", "2013-03-03"), ("A", "2013-03-09"), ("tick", "2013-04-01"));
        let both = ["A: sold before: S1", "L: sold by another partner too: S1"];
        let late = ["A: sold before: S1", "L: sold by another partner too, read after this was authorised: S1"];
        contested(&[first, second, tick, ("again", "A")], [0, 0], &both);
        contested(&[first, tick, second, ("again", "A"), ("tick", "2013-04-02"), ("again", "A")], [1, 0], &late);
        // One's own correction is a new row, which nobody has authorised.
        contested(&[first, tick, second, ("again", "L")], [0, 0], &both);
        // A claim that is away at a tick leaves what is authorised there; one that is away between two does not.
        let away = [first, second, tick, ("gone", "A"), ("tick", "2013-04-02"), ("A", "2013-03-09")];
        contested(&away, [1, 0], &late);
        let back = [first, second, tick, ("gone", "A"), ("A", "2013-03-09")];
        contested(&back, [0, 0], &both);
    }

    /// What `UNIT` pays `L` for a unit that it sold and took back and that `A` sold then, authorised at a tick, when after that the
    /// return `goes`, the sale of `A` is `corrected`, goes for good (`left`), `M` sells the unit (`claimed`), or time passes
    /// (`tick`).
    #[track_caller]
    fn explained(what: &[&str], paid: i64) {
        let mut trial = Trial::new(&market(Vec::new()));
        let at = |control, (record_no, partner, document, date, quantity)| {
            let moved = line(record_no, partner, document, day(date), quantity, Micros::units(10 * quantity));
            Sale { stamp: control, serials: vec!["S1".into()], ..moved }
        };
        let sold = at(trial.control, (1, "L", "1", "2013-03-03", 1));
        let back = at(trial.control, (2, "L", "R-1", "2013-03-05", -1));
        let mut other = at(trial.control, (3, "A", "1", "2013-03-09", 1));
        for moved in [&sold, &back, &other] {
            trial.send(&SaleEvent::Assert(Arc::new(moved.clone())));
        }
        trial.tick("2013-04-01");
        assert_eq!([1, 3].map(|record_no| trial.units("UNIT", record_no)), [Micros::units(1); 2]);
        for (what, day) in what.iter().zip(2..) {
            match *what {
                "tick" => trial.tick(&format!("2013-04-0{day}")),
                "goes" => trial.send(&SaleEvent::Retract(Arc::new(back.clone()))),
                "left" => trial.send(&SaleEvent::Retract(Arc::new(other.clone()))),
                "claimed" => {
                    let third = at(trial.control, (4, "M", "1", "2013-03-10", 1));
                    trial.send(&SaleEvent::Assert(Arc::new(third)));
                }
                _ => {
                    trial.send(&SaleEvent::Retract(Arc::new(other.clone())));
                    (other.version, other.stamp) = (other.version + 1, trial.control);
                    trial.send(&SaleEvent::Assert(Arc::new(other.clone())));
                }
            }
        }
        assert_eq!(trial.units("UNIT", 1), Micros::units(paid), "{what:?}");
    }

    #[test]
    fn a_claim_that_a_return_explained_stood_all_along_when_the_return_is_gone() {
        explained(&["goes"], 0);
        // A correction of the other one is no new claim, whenever it comes.
        explained(&["goes", "tick", "corrected"], 0);
        explained(&["goes", "corrected"], 0);
        explained(&["goes", "corrected", "corrected", "tick", "corrected"], 0);
        explained(&["corrected", "goes"], 0);
        explained(&["corrected", "tick", "corrected", "goes"], 0);
        explained(&["left", "goes"], 1);
        // Of several who claim it now the first one counts; a new one alone is too late.
        explained(&["goes", "claimed"], 0);
        explained(&["claimed", "goes", "corrected"], 0);
        let new = ["goes", "left", "claimed"];
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            explained(&order.map(|at| new[at]), 1);
        }
    }

    /// What `UNIT` pays `L` for a unit that it sold on 7 March and that was authorised, when `M` claims it later for the day before.
    /// What `others` sold of it, or got back without its serial number, was read before that.
    #[track_caller]
    fn claimed_late(others: &[(&str, &str, i64)], paid: i64) {
        let mut trial = Trial::new(&market(Vec::new()));
        let moved = |control, record_no, (partner, date, quantity): (&str, &str, i64)| {
            let moved = line(record_no, partner, "1", day(date), quantity, Micros::units(10 * quantity));
            match quantity < 0 {
                true => Sale { stamp: control, document: "R-1".into(), original_document: "1".into(), ..moved },
                false => Sale { stamp: control, serials: vec!["S1".into()], ..moved },
            }
        };
        let early: Vec<_> = others.iter().copied().chain([("L", "2013-03-07", 1)]).collect();
        for (record_no, early) in (1..).zip(&early) {
            trial.send(&SaleEvent::Assert(Arc::new(moved(trial.control, record_no, *early))));
        }
        trial.tick("2013-04-01");
        trial.send(&SaleEvent::Assert(Arc::new(moved(trial.control, 9, ("M", "2013-03-06", 1)))));
        assert_eq!(trial.units("UNIT", early.len() as u32), Micros::units(paid), "{others:?}");
        assert_eq!(trial.units("UNIT", 9), Micros::ZERO, "{others:?}");
    }

    #[test]
    fn who_got_the_unit_back_without_its_number_had_no_claim_on_it() {
        let (sold, back) = (("A", "2013-03-03", 1), ("A", "2013-03-05", -1));
        claimed_late(&[], 1);
        claimed_late(&[sold], 0);
        claimed_late(&[sold, back], 1);
        // Nor had who sold it before that.
        claimed_late(&[("B", "2013-03-02", 1), sold, back], 1);
        claimed_late(&[sold, back, ("B", "2013-03-06", 1)], 0);
    }

    /// What `program` pays for lines with one serial number, in order; all but the last are told behind a tick at which the last,
    /// from 9 March, was authorised.
    #[track_caller]
    fn behind_a_rival(program: &str, late: &[(&str, &str)], paid: &[i64], found: &[&str]) {
        let mut reference = market(Vec::new());
        let of_tier =
            |id: &str, kind| Program { pay_tier: kind, ..plain_program(id, Mechanism::PerUnit { rate: Micros::ONE }) };
        reference.programs.push(of_tier("FIRST", None));
        reference.programs.push(of_tier("LOW", Some(PartnerKind::Reseller)));
        let mut trial = Trial::new(&reference);
        let sold = |control, record_no, (partner, date): (&str, &str)| {
            let sold = line(record_no, partner, &format!("{partner}-{date}"), day(date), 1, Micros::units(10));
            Sale { stamp: control, serials: vec!["S1".into()], ..sold }
        };
        let last = ("A", "2013-03-09");
        trial.send(&SaleEvent::Assert(Arc::new(sold(trial.control, 9, last))));
        trial.tick("2013-04-01");
        for (record_no, late) in (1..).zip(late) {
            trial.send(&SaleEvent::Assert(Arc::new(sold(trial.control, record_no, *late))));
        }
        let records = (1..=late.len() as u32).chain([9]);
        let units: Vec<Micros> = records.map(|record_no| trial.units(program, record_no)).collect();
        assert_eq!(units, paid.iter().map(|units| Micros::units(*units)).collect::<Vec<_>>(), "{program} {late:?}");
        let of_last = trial.findings.values().filter(|finding| finding.at.record_no == 9);
        let mut told: Vec<String> = of_last.map(|finding| format!("{}: {}", finding.code, finding.message)).collect();
        told.sort();
        assert_eq!(told, found, "{program} {late:?}");
    }

    #[test]
    fn what_goes_before_a_sale_does_so_behind_a_rival_too() {
        let (distributor, rival, own) = (("D", "2013-03-01"), ("L", "2013-03-05"), ("A", "2013-03-02"));
        let tiers = "DD-08: a distributor reports the same units sold to this outlet";
        let late = "DD-07: sold before by another partner, read after this was authorised: S1";
        let before = "DD-07: sold before: S1";
        behind_a_rival("FIRST", &[rival], &[0, 1], &[late]);
        behind_a_rival("FIRST", &[distributor], &[1, 0], &[before, tiers]);
        behind_a_rival("LOW", &[distributor], &[0, 1], &[before, tiers]);
        behind_a_rival("FIRST", &[distributor, rival], &[1, 0, 0], &[late, before]);
        behind_a_rival("FIRST", &[rival, distributor], &[0, 1, 0], &[late, before]);
        behind_a_rival("LOW", &[distributor, rival], &[0, 0, 1], &[late, before]);
        behind_a_rival("FIRST", &[own, rival], &[0, 0, 0], &["DD-06: sold before: S1", late]);
    }

    /// What a program pays `L` for a unit that `A` claims too, after these events with other reference data in between.
    #[track_caller]
    fn under(program: &str, product: &str, steps: &[(&Reference, &[(&str, &str)])], paid: i64) {
        let (mut trial, mut sold) = (Trial::new(steps[0].0), Vec::new());
        for (at, (reference, events)) in steps.iter().enumerate() {
            if at > 0 {
                trial.configure(reference);
            }
            happen(&mut trial, &mut sold, product, events);
        }
        assert_eq!(trial.units(program, 1), Micros::units(paid));
    }

    #[test]
    fn what_the_customer_had_not_paid_at_the_tick_was_not_authorised_there() {
        let open = market(Vec::new());
        let settled =
            Reference { customer_payments: vec![paid("1", "2013-04-12", InvoiceStatus::Paid)], ..market(Vec::new()) };
        let (sold, claimed) = (("L", "2013-03-03"), ("A", "2013-03-09"));
        let (tick, later) = (("tick", "2013-04-01"), ("tick", "2013-05-01"));
        let steps: [(&Reference, &[_]); 2] = [(&open, &[sold, tick, claimed]), (&settled, &[later])];
        under("INVOICED", "s/invoiced", &steps, 0);
        under("UNIT", "s/invoiced", &steps, 1);
        under("INVOICED", "s/invoiced", &[(&open, &[sold, tick]), (&settled, &[claimed, later])], 0);
        under("INVOICED", "s/invoiced", &[(&open, &[sold, tick]), (&settled, &[later, claimed])], 1);
        under("INVOICED", "s/invoiced", &[(&settled, &[sold, tick, claimed])], 1);
    }

    #[test]
    fn a_period_freezes_by_the_grace_that_holds_at_the_tick() {
        let with_grace = |grace_days| {
            let mut reference = market(Vec::new());
            let unit = reference.programs.iter_mut().find(|program| program.id == "UNIT");
            unit.expect("it is in the market").grace_days = grace_days;
            reference
        };
        let (short, long) = (with_grace(0), with_grace(30));
        let (sold, claimed, tick) = (("L", "2013-03-03"), ("A", "2013-03-09"), ("tick", "2013-04-05"));
        under("UNIT", "s/p", &[(&short, &[sold]), (&long, &[tick, claimed])], 0);
        under("UNIT", "s/p", &[(&long, &[sold]), (&short, &[tick, claimed])], 1);
        // Once it is frozen a longer grace opens nothing.
        under(
            "UNIT",
            "s/p",
            &[(&short, &[("tick", "2013-04-05"), sold]), (&long, &[("tick", "2013-04-06"), claimed])],
            1,
        );
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

    #[test]
    fn whatever_was_sold_uses_cost_layers_up() {
        let by_layers = Mechanism::ShipAndDebit { resale: Resale::Partial, cost: CostBasis::Layers };
        let programs = vec![plain_program("DEBIT", by_layers)];
        let mut trial = Trial::new(&Reference { programs, ..market(Vec::new()) });
        let sold = |record_no, document: &str, customer: &str, quantity| {
            let sale = line(record_no, "L", document, day("2013-02-01"), quantity, Micros::units(quantity * 8));
            Sale { customer: customer.into(), unit_price: Micros::units(8), ..sale }
        };
        let held = sold(3, "3", "?zenith", 2);
        let doubt = (Code::AmountMismatch, Finding::id_of(Code::AmountMismatch, &held.at, None));
        let sales = [
            sold(1, "1", "?zenith", 5),
            sold(2, "2", "?other", 7),
            Sale { holds: vec![doubt], ..held },
            Sale { original_document: "1".into(), ..sold(4, "R-1", "?zenith", -1) },
            // The same as the second one.
            sold(5, "O2", "?other", 7),
        ];
        sales.into_iter().for_each(|sale| trial.send(&SaleEvent::Assert(Arc::new(sale))));
        let units = |record_no, is_used: bool| -> Micros {
            let mine = trial.granted.iter().filter(|g| g.at.record_no == record_no && used_up(g).is_some() == is_used);
            mine.map(|g| g.quantity).sum()
        };
        let used = [1, 2, 3, 4].map(|record_no| units(record_no, true));
        assert_eq!(used, [5, 7, 2, -1].map(Micros::units));
        let paid = [1, 2, 3, 4].map(|record_no| units(record_no, false));
        assert_eq!(paid, [5, 0, 0, -1].map(Micros::units));
        let back: Vec<_> = trial.granted.iter().filter(|g| g.at.record_no == 4).map(|g| g.origin).collect();
        assert_eq!(back, [Some((Id(1_u128.to_be_bytes()), day("2013-02-01"))); 2]);
        assert_eq!(units(5, true), Micros::ZERO, "a double was never sold");
    }

    /// The programs that a sale of `L` at a special price goes to, in a group of that and one per unit, or alone. Book cost 10,
    /// authorised 7, to be sold at 8.
    #[track_caller]
    fn goes_to(resale: Resale, cost: CostBasis, price: i64, is_alone: bool, expected: &[&str]) {
        let in_group = |program: Program, priority| Program { group: Some("G".into()), priority, ..program };
        let mut programs = vec![
            in_group(plain_program("DEBIT", Mechanism::ShipAndDebit { resale, cost }), 1),
            in_group(plain_program("UNIT", Mechanism::PerUnit { rate: Micros::ONE }), 2),
        ];
        programs.truncate(if is_alone { 1 } else { 2 });
        let mut reference = Reference { programs, ..market(Vec::new()) };
        reference.special_prices.iter_mut().for_each(|special| special.resale = Some(Micros::units(8)));
        let mut trial = Trial::new(&reference);
        let sale = line(1, "L", "1", day("2013-02-01"), 10, Micros::units(10 * price));
        let sale = Sale { customer: "?zenith".into(), unit_price: Micros::units(price), ..sale };
        trial.send(&SaleEvent::Assert(Arc::new(sale)));
        let granted = trial.granted.iter().find(|granted| used_up(granted).is_none()).expect("it earns");
        assert_eq!(granted.programs, expected, "{resale:?} {cost:?} {price}");
    }

    #[test]
    fn what_a_special_price_gives_nothing_for_is_left_to_the_next_of_the_group() {
        use {CostBasis::Book, CostBasis::Layers, Resale::Partial, Resale::Strict};
        let both = ["DEBIT", "UNIT"];
        for (resale, cost, price, expected) in [
            (Strict, Book, 8, &both[..]),
            (Strict, Book, 9, &["UNIT"]),
            (Partial, Book, 10, &both),
            (Partial, Book, 11, &["UNIT"]),
            (Strict, Layers, 9, &["UNIT"]),
            (Partial, Layers, 11, &both),
        ] {
            goes_to(resale, cost, price, false, expected);
        }
        goes_to(Strict, Book, 9, true, &["DEBIT"]);
    }

    /// Of two lines of a document, five units each, some `held`, eight come back: the units that the return gives back at each, to the
    /// layers and of what was paid.
    #[track_caller]
    fn layers_given_back(held: [bool; 2], used: [i64; 2], paid: [i64; 2]) {
        let by_layers = Mechanism::ShipAndDebit { resale: Resale::Partial, cost: CostBasis::Layers };
        let programs = vec![plain_program("DEBIT", by_layers)];
        let mut trial = Trial::new(&Reference { programs, ..market(Vec::new()) });
        let sold = |record_no, quantity| {
            let sale = line(record_no, "L", "D", day("2013-02-01"), quantity, Micros::units(quantity * 8));
            let doubt = (Code::AmountMismatch, Finding::id_of(Code::AmountMismatch, &sale.at, None));
            let is_held = held.get(record_no as usize - 1).is_some_and(|held| *held);
            let (document_line, holds) = (record_no.to_string().into(), if is_held { vec![doubt] } else { Vec::new() });
            Sale { customer: "?zenith".into(), unit_price: Micros::units(8), document_line, holds, ..sale }
        };
        let back = Sale { document: "R-1".into(), original_document: "D".into(), ..sold(3, -8) };
        let sales = [sold(1, 5), sold(2, 5), back];
        sales.into_iter().for_each(|sale| trial.send(&SaleEvent::Assert(Arc::new(sale))));
        let at = |origin: u128, is_used: bool| -> Micros {
            let origin = Some((Id(origin.to_be_bytes()), day("2013-02-01")));
            let mine = trial.granted.iter().filter(|g| g.at.record_no == 3 && g.origin == origin);
            mine.filter(|g| used_up(g).is_some() == is_used).map(|g| g.quantity).sum()
        };
        assert_eq!([1, 2].map(|origin| at(origin, true)), used.map(|units| Micros::units(-units)));
        assert_eq!([1, 2].map(|origin| at(origin, false)), paid.map(|units| Micros::units(-units)));
    }

    #[test]
    fn layers_are_given_back_where_the_money_is() {
        layers_given_back([false, false], [8, 0], [8, 0]);
        layers_given_back([true, false], [5, 3], [0, 3]);
        layers_given_back([false, true], [5, 3], [5, 0]);
        layers_given_back([true, true], [5, 3], [0, 0]);
    }
}
