//! Goods that come back before and after payments that were wrong (DD-29, OP-30, OP-49, OP-51).

use contract::{AccrualKind, Code, Micros};

use crate::books::{Books, micros, settlement};
use crate::checked::assert_clean;

use AccrualKind::{Earned, PriorPeriod};

fn told(books: &Books) -> Vec<(Code, Micros)> {
    books.findings().iter().map(|finding| (finding.code, finding.at_risk.unwrap().amount)).collect()
}

/// All of it came back in front of the payment: nothing was payable. A part did: the payment is above the rest.
#[test]
fn what_came_back_before_the_payment_was_not_payable() {
    for (back, code, over) in [("-100", Code::PaidTwice, "100"), ("-60", Code::PaidAbovePayable, "60")] {
        let mut books = Books::new(1);
        let volume = settlement("VOLUME", "2013-Q1", "USD");
        books.moved(&volume, Earned, "100", Some("100"));
        let authorization = books.authorised(&volume, "100");
        books.moved(&volume, PriorPeriod, back, Some(back));
        books.pay(authorization, "100", "USD", "2013-05-20");
        assert_eq!(told(&books), [(code, micros(over))], "{back}");
        assert!(books.balances().contains(&format!("RC-CLAW {over} ({over})")), "{:?}", books.balances());
        // Due again, it makes good what is owed back, and the finding on the payment stays.
        books.moved(&volume, PriorPeriod, "60", Some("60"));
        let owed = books.balances().into_iter().find(|balance| balance.starts_with("RC-CLAW"));
        assert_eq!(owed.as_deref(), (over == "100").then_some("RC-CLAW 40 (40)"));
        assert_eq!(told(&books), [(code, micros(over))], "{back}");
        assert_clean(&mut books);
    }
}

/// Behind a second payment of all, a return is owed back as well, by itself: the finding says what was paid twice and no more. The
/// next payout is set off against both.
#[test]
fn what_comes_back_behind_a_second_payment_is_owed_back_too() {
    let mut books = Books::new(1);
    let (first, second) = (settlement("VOLUME", "2013-Q1", "USD"), settlement("VOLUME", "2013-Q2", "USD"));
    books.moved(&first, Earned, "100", Some("100"));
    let authorization = books.authorised(&first, "100");
    books.pay(authorization, "100", "USD", "2013-05-20");
    books.pay(authorization, "100", "USD", "2013-05-21");
    books.moved(&first, PriorPeriod, "-30", Some("-30"));
    assert_eq!(told(&books), [(Code::PaidTwice, micros("100"))]);
    assert!(books.balances().contains(&"RC-CLAW 130 (130)".to_owned()), "{:?}", books.balances());
    books.moved(&second, Earned, "200", Some("200"));
    books.authorised(&second, "200");
    assert_eq!(books.journal().last().unwrap(), "GL12 LI-PAY/RC-CLAW 130");
    assert_clean(&mut books);
}

/// Domain notes OP-30: 940 paid in between, 1,080 paid in the end. The 140 that come back are owed back beside the 940.
#[test]
fn what_comes_back_behind_an_interim_that_was_paid_again_is_owed_back_too() {
    let mut books = Books::new(1);
    let volume = settlement("VOLUME", "2013-Q1", "USD");
    books.moved(&volume, Earned, "940", Some("940"));
    let interim = books.authorised(&volume, "940");
    books.pay(interim, "940", "USD", "2013-05-20");
    books.moved(&volume, PriorPeriod, "140", Some("140"));
    let last = books.authorised(&volume, "140");
    books.pay(last, "1080", "USD", "2013-06-20");
    assert_eq!(told(&books), [(Code::InterimPaidAgain, micros("940"))]);
    books.moved(&volume, PriorPeriod, "-140", Some("-140"));
    assert_eq!(told(&books), [(Code::InterimPaidAgain, micros("940"))]);
    assert!(books.balances().contains(&"RC-CLAW 1080 (1080)".to_owned()), "{:?}", books.balances());
    assert_clean(&mut books);
}

/// All of it came back and was set off in part; due again, that part is paid under an authorization of the day of the first,
/// whatever day the movement is booked on.
#[test]
fn what_is_due_again_behind_a_set_off_is_of_the_day_of_its_authorization() {
    let mut books = Books::new(1);
    let (first, second) = (settlement("VOLUME", "2013-Q1", "USD"), settlement("VOLUME", "2013-Q2", "USD"));
    books.moved(&first, Earned, "900", Some("900"));
    let paid = books.authorised(&first, "900");
    books.pay(paid, "900", "USD", "2013-05-20");
    books.moved(&first, PriorPeriod, "-900", Some("-900"));
    books.moved(&second, Earned, "500", Some("500"));
    books.authorised(&second, "500");
    books.moved(&first, PriorPeriod, "900", Some("900"));
    let (old, new): (Vec<_>, Vec<_>) =
        books.authorizations().into_iter().filter(|a| a.period == "2013-Q1").partition(|a| a.id == paid);
    assert_eq!(new.iter().map(|a| a.amount).collect::<Vec<_>>(), [micros("500")]);
    assert_eq!(new[0].date, old[0].date);
    assert_clean(&mut books);
}

/// Nothing is owed back, so that nothing can be given up; what comes back makes it possible. A payment that was refused is not owed
/// back with it.
#[test]
fn what_comes_back_makes_a_write_off_possible() {
    let mut books = Books::new(1);
    let volume = settlement("VOLUME", "2013-Q1", "USD");
    books.moved(&volume, Earned, "100", Some("100"));
    let authorization = books.authorised(&volume, "100");
    books.pay(authorization, "100", "USD", "2013-05-20");
    books.pay(authorization, "100", "EUR", "2013-05-21");
    books.write_off(authorization, "50", "USD");
    let refused: Vec<Code> = books.findings().iter().map(|finding| finding.code).collect();
    assert_eq!(refused, [Code::PaymentRefused; 2]);
    books.moved(&volume, PriorPeriod, "-40", Some("-40"));
    assert!(books.balances().contains(&"RC-CLAW 40 (40)".to_owned()), "{:?}", books.balances());
    books.write_off(authorization, "40", "USD");
    assert_eq!(books.journal().last().unwrap(), "GL13 EX-BAD/RC-CLAW 40");
    assert_eq!(books.findings().len(), 2, "what was refused stays told");
    assert_clean(&mut books);
}
