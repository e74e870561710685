//! The open batch: how often a movement is sent again before its tick leaves no trace.

use contract::{AccountingClass, AccrualEvent, AccrualKind, AccrualMovement, Control, Id, Micros};

use crate::books::{Books, day, micros, settlement};
use crate::checked::assert_clean;

use AccrualKind::{Earned, Reversal, TrueUp};

/// A movement of the batch that the next tick closes.
fn moved(batch: u64, month: &str, kind: AccrualKind, amount: Micros, functional: Option<Micros>) -> AccrualEvent {
    let settlement = settlement("VOLUME", "2013-Q1", "EUR");
    AccrualEvent::Moved(Box::new(AccrualMovement {
        id: Id::of("movement", &[&settlement.id().to_string(), month, &batch.to_string()]),
        settlement,
        class: AccountingClass::ContraRevenue,
        kind,
        date: day(month),
        amount,
        functional,
        batch,
    }))
}

fn books_of(events: &[(&str, AccrualKind, &str)]) -> Books {
    let mut books = Books::new(1);
    for (month, kind, amount) in events {
        books.event(&moved(1, month, *kind, micros(amount), Some(micros(amount))));
        books.control(&Control::Settle);
    }
    books
}

#[test]
fn the_latest_amount_takes_the_place_of_the_one_before() {
    let mut books = books_of(&[
        ("2013-01-31", Earned, "100"),
        ("2013-02-28", Earned, "50"),
        ("2013-01-31", Earned, "120"),
        ("2013-02-28", Reversal, "-5"),
    ]);
    assert_eq!(books.journal(), ["GL2 CR-REB/LI-ACC 120", "GL10 LI-ACC/CR-REB 5"]);
    assert_eq!(books.balances(), ["CR-REB 115 (115)", "LI-ACC -115 (-115)"]);
    assert_clean(&mut books);
    let straight = books_of(&[("2013-01-31", Earned, "120"), ("2013-02-28", Reversal, "-5")]);
    assert_eq!(books.views, straight.views);
}

#[test]
fn what_comes_to_nothing_is_withdrawn() {
    let mut books = books_of(&[("2013-01-31", Earned, "100"), ("2013-01-31", Earned, "0")]);
    assert!(books.journal().is_empty() && books.movements().is_empty() && books.balances().is_empty());
    assert_clean(&mut books);
}

#[test]
fn a_later_batch_leaves_a_sealed_entry_alone() {
    let mut books = books_of(&[("2013-01-31", Earned, "100")]);
    books.tick();
    for amount in ["20", "-30"] {
        books.event(&moved(2, "2013-01-31", TrueUp, micros(amount), None));
    }
    assert_eq!(books.journal(), ["GL2 CR-REB/LI-ACC 100", "GL4 LI-ACC/CR-REB 30"]);
    assert_clean(&mut books);
}

#[test]
#[should_panic(expected = "batch 1 after 2")]
fn a_sealed_batch_does_not_move() {
    let mut books = books_of(&[]);
    books.event(&moved(2, "2013-01-31", Earned, micros("1"), None));
    books.event(&moved(1, "2013-01-31", Earned, micros("2"), None));
}

/// Accounts get other names while the batch is open: where it was settled before does not show.
#[test]
fn an_open_batch_follows_its_accounts() {
    let renamed = Control::Configure { reference: Id([1; 16]) };
    let sealed = ("2013-01-31", Earned, "100");
    let open = moved(2, "2013-02-28", Earned, micros("7"), None);
    let (mut before, mut after) = (books_of(&[sealed]), books_of(&[sealed]));
    [&mut before, &mut after].into_iter().for_each(Books::tick);
    before.event(&open);
    before.control(&renamed);
    after.control(&renamed);
    after.event(&open);
    assert_eq!(before.views, after.views);
    let accounts: Vec<String> = before.entries().iter().map(|e| e.postings[1].account.to_string()).collect();
    assert_eq!(accounts, ["2350", "2360"]);
}

/// Rates come and go, months rise and fall: only what a batch ends with counts.
#[test]
fn drafts_leave_no_trace() {
    const MONTHS: [&str; 3] = ["2013-01-31", "2013-02-28", "2013-03-31"];
    for seed in 0..200_u64 {
        let mut state = seed;
        let mut roll = |sides: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % sides
        };
        let (mut drafted, mut straight) = (Books::new(1), Books::new(1));
        let paid = [&mut drafted, &mut straight].map(|books| {
            let earlier = settlement("SPRING", "2012", "EUR");
            books.moved(&earlier, Earned, "60", Some("66"));
            books.authorised(&earlier, "60")
        });
        for batch in 3..6 {
            for _ in 0..roll(6) {
                let draft = draft(batch, MONTHS[roll(3) as usize], &mut roll);
                drafted.event(&draft);
            }
            for (books, paid) in [&mut drafted, &mut straight].into_iter().zip(paid) {
                books.pay(paid, "25", "EUR", &format!("2013-05-0{batch}"));
            }
            for month in MONTHS {
                let last = draft(batch, month, &mut roll);
                drafted.event(&last);
                if roll(3) == 0 {
                    drafted.restart();
                }
                if !matches!(&last, AccrualEvent::Moved(m) if m.amount.is_zero()) {
                    straight.event(&last);
                }
            }
            drafted.tick();
            straight.tick();
        }
        assert_eq!(drafted.views, straight.views, "seed {seed}");
        for books in [&mut drafted, &mut straight] {
            let settlement = settlement("VOLUME", "2013-Q1", "EUR");
            let movements = books.movements().into_iter().filter(|m| m.settlement == settlement);
            let due: Micros = movements.map(|m| m.amount).sum();
            if due > Micros::ZERO {
                books.order(&settlement, due);
            }
            books.closed(&settlement);
            assert_clean(books);
        }
        assert_eq!(drafted.views, straight.views, "seed {seed}, authorised and closed");
    }
}

fn draft(batch: u64, month: &str, roll: &mut impl FnMut(u64) -> u64) -> AccrualEvent {
    let amount = Micros::units(roll(7) as i64 - 3);
    let functional = (roll(3) > 0).then(|| amount.times(micros("1.1")));
    let kind = [Earned, TrueUp, Reversal][roll(3) as usize];
    moved(batch, month, kind, amount, functional)
}
