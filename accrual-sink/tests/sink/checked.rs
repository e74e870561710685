//! `verify` finds nothing where nothing is wrong, and each tampering where it is.

use accrual_sink::verify::{Check, Verification};
use contract::{
    AccrualKind, AuditRecord, Authorization, EstimateKind, EstimateMovement, JournalEntry, Micros, Payment,
};

use crate::books::{Books, settlement};

/// The views as they were published, to be tampered with.
struct Views {
    entries: Vec<JournalEntry>,
    authorizations: Vec<Authorization>,
    payments: Vec<Payment>,
    audits: Vec<AuditRecord>,
    estimates: Vec<EstimateMovement>,
}

fn checks(books: &mut Books, tamper: impl Fn(&mut Views)) -> Vec<Check> {
    let mut views = Views {
        entries: books.entries(),
        authorizations: books.authorizations(),
        payments: books.payments(),
        audits: books.audits(),
        estimates: books.estimates(),
    };
    tamper(&mut views);
    let mut verification = Verification::new();
    views.entries.iter().for_each(|entry| verification.entry(entry));
    views.authorizations.iter().for_each(|authorization| verification.authorization(authorization));
    views.payments.iter().for_each(|payment| verification.payment(payment));
    views.audits.iter().for_each(|record| verification.audit(record));
    views.estimates.iter().for_each(|movement| verification.estimate(movement));
    books.movements().iter().for_each(|movement| verification.movement(movement));
    for state in books.states() {
        verification.state(state).unwrap();
    }
    verification.finish()
}

pub fn assert_clean(books: &mut Books) {
    let broken: Vec<Check> = checks(books, |_| {}).into_iter().filter(|check| check.violations > 0).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

fn chain() -> Books {
    let mut books = Books::new(2);
    for (beneficiary, currency) in [("partner:P-1", "USD"), ("person:P-2/Ann", "EUR")] {
        let of = |period: &str| {
            let mut settlement = settlement("VOLUME", period, currency);
            settlement.beneficiary = beneficiary.into();
            settlement
        };
        let (first, second) = (of("2013-Q1"), of("2013-Q2"));
        books.moved(&first, AccrualKind::Earned, "100", Some("110"));
        let paid = books.authorised(&first, "100");
        books.pay(paid, "90", currency, "2013-05-20");
        books.moved(&first, AccrualKind::PriorPeriod, "-30", Some("-33"));
        books.estimated(&first, EstimateKind::Estimated, "20", Some("22"), "");
        books.estimated(&first, EstimateKind::Relieved, "15", Some("16.50"), "");
        books.moved(&second, AccrualKind::Earned, "50", Some("56"));
        books.authorised(&second, "40");
        books.closed(&second);
    }
    books
}

#[test]
fn honest_books_pass_every_check_and_every_check_is_evaluated() {
    let all = checks(&mut chain(), |_| {});
    assert!(all.iter().all(|check| check.violations == 0 && check.evaluations > 0), "{all:#?}");
}

#[test]
fn each_tampering_is_found() {
    let found = |tamper: fn(&mut Views)| -> Vec<&'static str> {
        let broken = checks(&mut chain(), tamper).into_iter().filter(|check| check.violations > 0);
        broken.map(|check| check.name.split(' ').next().unwrap()).collect()
    };
    assert_eq!(found(|v| v.entries[0].postings[0].amount += Micros::ONE), ["every", "movements"]);
    assert_eq!(
        found(|v| v.entries[0].postings.iter_mut().for_each(|p| p.amount += Micros::ONE)),
        ["movements", "LI-ACC", "liabilities"]
    );
    assert_eq!(found(|v| drop(v.entries.pop())), ["movements", "LI-ACC", "liabilities"]);
    assert_eq!(found(|v| drop(v.payments.pop())), ["RC-CLAW", "authorizations"]);
    assert_eq!(found(|v| v.authorizations[0].paid += Micros::ONE), ["authorizations"]);
    assert_eq!(found(|v| drop(v.estimates.pop())), ["LI-EST"]);
    assert_eq!(found(|v| v.entries.retain(|entry| entry.template != "GL3")), ["LI-EST"]);
    assert_eq!(found(|v| v.estimates[0].amount += Micros::ONE), ["LI-EST"]);
    assert_eq!(found(|v| drop(v.audits.remove(0))), ["audit"]);
    assert_eq!(found(|v| drop(v.audits.pop())), ["chains"]);
    assert_eq!(found(|v| v.audits[1].object.push('x')), ["audit"]);
    assert_eq!(found(|v| v.audits.swap(0, 1)), ["audit"]);
}
