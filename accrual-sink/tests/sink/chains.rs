//! The ways in which a payment can go wrong, and what becomes of the books then. Chains in which nothing does are told as text
//! ([`crate::texts`]).

use crate::books::{Books, micros, settlement};
use crate::checked::assert_clean;
use contract::{AccountingClass, AccrualKind, Code, Control, EstimateKind, Id, Settlement};

use AccrualKind::{Earned, PriorPeriod, Reversal, TrueUp};

/// GL5': what was accrued is taken back and the actual booked; accounts end as they do under GL5. Ship and debit alike (GL17).
#[test]
fn an_authorization_may_reverse_the_accrual_and_book_the_actual() {
    for (class, code, cost) in
        [(AccountingClass::ContraRevenue, "GL5'", "CR-REB"), (AccountingClass::ShipAndDebit, "GL17", "CR-SND")]
    {
        let chain = |style: u8| {
            let mut books = Books::new(1);
            books.class = class;
            books.control(&Control::Configure { reference: Id([style; 16]) });
            let volume = settlement("VOLUME", "2013-Q1", "USD");
            books.moved(&volume, Earned, "3,150.00", Some("3150"));
            let authorization = books.authorised(&volume, "3,150.00");
            let authorised = books.balances();
            books.pay(authorization, "3150", "USD", "2013-05-20");
            books.moved(&volume, PriorPeriod, "-1000", Some("-1000"));
            (authorised, books)
        };
        let ((authorised, reclassed), (same, mut reversed)) = (chain(0), chain(2));
        assert_eq!(authorised, same);
        assert_eq!(reclassed.balances(), reversed.balances());
        let entry = &reversed.entries()[1];
        let postings: Vec<String> = entry
            .postings
            .iter()
            .map(|posting| format!("{} {} {}", posting.side.as_str(), posting.symbol, posting.amount))
            .collect();
        let of_cost = ["credit", "debit"].map(|side| format!("{side} {cost} 3150"));
        let expected = ["debit LI-ACC 3150", &of_cost[0], &of_cost[1], "credit LI-PAY 3150"];
        assert_eq!((entry.template.as_str(), postings), (code, expected.map(str::to_owned).to_vec()));
        assert_eq!(reclassed.entries().len(), reversed.entries().len());
        assert_clean(&mut reversed);
    }
}

/// What was bought at 1.30 was bought at 1.10 after all, and one unit more.
#[test]
fn an_estimate_may_rise_and_be_worth_less_in_the_books() {
    let mut books = Books::new(1);
    let rebate = settlement("REBATE", "2013-Q1", "EUR");
    books.estimated(&rebate, EstimateKind::Estimated, "100", Some("130"), "");
    books.estimated(&rebate, EstimateKind::Estimated, "1", Some("-18.90"), "");
    assert_eq!(books.balances(), ["CR-REB 101 (111.1)", "LI-EST -101 (-111.1)"]);
    books.estimated(&rebate, EstimateKind::Lapsed, "101", Some("111.10"), "");
    assert_eq!(books.balances(), [""; 0]);
    assert_clean(&mut books);
}

/// DD-10 and GL9: the partner deducted 15 of 20 and finance accepts that; 5 are paid. It is told once.
#[test]
fn a_deduction_that_is_accepted_closes_what_is_due() {
    let mut books = Books::new(1);
    let volume = settlement("VOLUME", "2013-Q1", "USD");
    books.moved(&volume, Earned, "20", Some("20"));
    let rest = books.authorised(&volume, "5");
    books.kept(&volume, "15", "15");
    books.pay(rest, "5", "USD", "2013-05-20");
    assert_eq!(
        books.journal(),
        [
            "GL2 CR-REB/LI-ACC 20",
            "GL5 LI-ACC/LI-PAY 5",
            "GL5 LI-ACC/LI-PAY 15",
            "GL9 LI-PAY/AR 15",
            "GL7 LI-PAY/CASH 5",
        ]
    );
    assert_eq!(books.balances(), ["AR -15 (-15)", "CASH -5 (-5)", "CR-REB 20 (20)"]);
    assert_eq!(books.authorizations_shown(), ["5 paid 5 0", "15 paid 15 0"]);
    assert!(books.findings().is_empty());
    assert_clean(&mut books);
}

/// What was authorised and not paid yet lowers with what is kept; what was paid is owed back, and set off against the next payout.
#[test]
fn a_deduction_of_what_was_authorised_or_paid_is_paid_once() {
    let mut books = Books::new(1);
    let (first, second) = (settlement("VOLUME", "2013-Q1", "USD"), settlement("VOLUME", "2013-Q2", "USD"));
    books.moved(&first, Earned, "20", Some("20"));
    let authorization = books.authorised(&first, "20");
    books.kept(&first, "4", "0");
    assert_eq!(books.journal()[2..], ["GL9 LI-PAY/AR 4"]);
    assert_eq!(books.authorizations_shown(), ["16 authorised 0 0", "4 paid 4 0"]);
    books.pay(authorization, "16", "USD", "2013-05-20");
    books.kept(&first, "6", "0");
    assert_eq!(books.journal()[3..], ["GL7 LI-PAY/CASH 16", "GL9 RC-CLAW/AR 6"]);
    let told: Vec<String> = books.findings().iter().map(|f| format!("{} {:?}", f.code, f.at_risk)).collect();
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("OP-49") && told[0].contains("6000000"), "{told:?}");
    books.moved(&second, Earned, "10", Some("10"));
    books.authorised(&second, "10");
    assert_eq!(books.journal()[6..], ["GL5 LI-ACC/LI-PAY 10", "GL12 LI-PAY/RC-CLAW 6"]);
    assert_eq!(books.balances(), ["AR -10 (-10)", "CASH -16 (-16)", "CR-REB 30 (30)", "LI-PAY -4 (-4)"]);
    assert_clean(&mut books);
}

/// 1,500 is due: 1,000 is kept, 500 is authorised, and 700 more is kept. 500 of that was authorised, 200 is owed back.
#[test]
fn a_deduction_takes_over_what_it_settles_of_another_grant() {
    let mut books = Books::new(1);
    let volume = settlement("VOLUME", "2013-Q1", "USD");
    books.moved(&volume, Earned, "1500", Some("1500"));
    books.kept(&volume, "1000", "1000");
    books.authorised(&volume, "500");
    books.kept(&volume, "700", "0");
    assert_eq!(books.authorizations_shown(), ["1000 paid 1000 0", "0 void 0 0", "500 paid 700 0"]);
    assert_eq!(books.balances(), ["AR -1700 (-1700)", "CR-REB 1500 (1500)", "RC-CLAW 200 (200)"]);
    assert_clean(&mut books);
}

/// CL22 and GL13: 60 of 100 that are owed back are given up; what is due again later makes that good first.
#[test]
fn what_is_given_up_is_owed_back_no_more() {
    let mut books = Books::new(1);
    let (first, second) = (settlement("VOLUME", "2013-Q1", "USD"), settlement("VOLUME", "2013-Q2", "USD"));
    books.moved(&first, Earned, "200", Some("200"));
    let paid = books.authorised(&first, "200");
    books.pay(paid, "200", "USD", "2013-05-20");
    books.moved(&first, PriorPeriod, "-100", Some("-100"));
    books.write_off(paid, "120", "USD");
    let told: Vec<String> = books.findings().iter().map(|f| f.message.clone()).collect();
    assert!(told.len() == 1 && told[0].ends_with("only 100 is owed back, nothing is written off"), "{told:?}");
    books.write_off(paid, "60", "USD");
    books.write_off(paid, "60", "USD");
    assert_eq!(books.journal()[3..], ["GL11 RC-CLAW/CR-REB 100", "GL13 EX-BAD/RC-CLAW 60"], "told twice it is one");
    books.moved(&second, Earned, "50", Some("50"));
    books.authorised(&second, "50");
    assert_eq!(books.journal()[6..], ["GL5 LI-ACC/LI-PAY 50", "GL12 LI-PAY/RC-CLAW 40"]);
    assert_clean(&mut books);

    books.moved(&first, PriorPeriod, "70", Some("70"));
    assert_eq!(
        books.journal()[8..],
        ["GL13 RC-CLAW/EX-BAD 60", "GL11 CR-REB/RC-CLAW 60", "GL25 CR-REB/LI-ACC 10", "GL5 LI-ACC/LI-PAY 10"],
        "of 200 and 160 kept, 10 is due again"
    );
    assert_eq!(books.audits().iter().filter(|audit| audit.action == "clawback.written-off").count(), 1);
    books.moved(&first, PriorPeriod, "-70", Some("-70"));
    assert_eq!(books.journal()[12..], ["GL10 LI-PAY/CR-REB 10", "GL11 RC-CLAW/CR-REB 60", "GL13 EX-BAD/RC-CLAW 60"]);
    assert_clean(&mut books);
}

/// Persons gave up 60 of 100 that were owed back; then 70 are due again, and 30 of the 60 are made good. What is paid above that
/// later nobody has given up.
#[test]
fn what_is_overpaid_later_is_not_given_up() {
    let mut books = Books::new(1);
    let volume = settlement("VOLUME", "2013-Q1", "USD");
    books.moved(&volume, Earned, "200", Some("200"));
    let paid = books.authorised(&volume, "200");
    books.pay(paid, "200", "USD", "2013-05-20");
    books.moved(&volume, PriorPeriod, "-100", Some("-100"));
    books.write_off(paid, "60", "USD");
    books.moved(&volume, PriorPeriod, "70", Some("70"));
    let before = books.journal().len();
    books.pay(paid, "50", "USD", "2013-07-20");
    assert_eq!(books.journal()[before..], ["GL7 RC-CLAW/CASH 50"]);
    books.moved(&volume, PriorPeriod, "-20", Some("-20"));
    assert_eq!(books.journal()[before + 1..], ["GL11 RC-CLAW/CR-REB 20"]);
    assert_eq!(
        books.balances(),
        ["CASH -250 (-250)", "CR-REB 150 (150)", "EX-BAD 30 (30)", "RC-CLAW 70 (70)"],
        "30 stay written off"
    );
    assert_clean(&mut books);
}

/// A write-off waits for its authorization, as payments do, and comes behind all of them, whatever its day.
#[test]
fn a_write_off_that_comes_before_its_authorization_waits_for_it() {
    for partitions in [1, 3] {
        let volume = settlement("VOLUME", "2013-Q1", "USD");
        let mut rehearsal = Books::new(partitions);
        rehearsal.moved(&volume, Earned, "100", Some("100"));
        let authorization = rehearsal.authorised(&volume, "100");
        rehearsal.pay(authorization, "150", "USD", "2013-07-20");
        rehearsal.write_off(authorization, "50", "USD");

        let mut books = Books::new(partitions);
        books.moved(&volume, Earned, "100", Some("100"));
        books.write_off(authorization, "50", "USD");
        books.write_off(authorization, "50", "USD");
        books.pay(authorization, "150", "USD", "2013-07-20");
        let mut waits: Vec<_> = books.findings().iter().map(|f| (f.code, f.at_risk.unwrap().amount)).collect();
        waits.sort();
        assert_eq!(waits, ["50", "150"].map(|amount| (Code::PaidUnauthorised, micros(amount))));
        assert!(books.journal().iter().all(|entry| !entry.starts_with("GL13")));
        books.restart();
        // The order's id counts the controls so far.
        books.control -= 3;
        books.authorised(&volume, "100");
        assert_eq!(books.journal(), rehearsal.journal());
        assert_eq!(books.journal().last().unwrap(), "GL13 EX-BAD/RC-CLAW 50");
        assert_eq!(books.findings(), rehearsal.findings());
        books.write_off(authorization, "50", "USD");
        assert_eq!(books.journal(), rehearsal.journal(), "told again it is the same");
        assert_clean(&mut books);
    }
}

/// UP-04: authorised on the first of May and to be paid within 45 days; a part is paid late, the rest later.
#[test]
fn what_is_not_paid_in_time_is_told_until_it_is() {
    let mut books = Books::new(2);
    let volume = settlement("VOLUME", "2013-Q1", "USD");
    books.moved(&volume, Earned, "20", Some("20"));
    let authorization = books.authorised(&volume, "20");
    let told = |books: &Books| books.findings().iter().map(|f| f.message.clone()).collect::<Vec<_>>();
    let said = |rest| {
        format!("2013-Q1: {rest} USD of authorization {authorization} was authorised on 2013-05-01 and is not paid")
    };
    books.tick_on("2013-06-15");
    assert!(told(&books).is_empty(), "{:?}", told(&books));
    books.tick_on("2013-06-16");
    assert_eq!(told(&books), [said("20.00")]);
    books.pay(authorization, "5", "USD", "2013-06-17");
    assert_eq!(told(&books), [said("15.00")]);
    assert_clean(&mut books);
    books.restart();
    books.pay(authorization, "15", "USD", "2013-06-18");
    assert!(told(&books).is_empty(), "{:?}", told(&books));
    assert_clean(&mut books);
}

/// UP-04: more than one slice of a tick takes, and other days to pay in, which take all of it back.
#[test]
fn many_that_are_not_paid_in_time_are_told_in_slices() {
    const MANY: usize = 1_500;
    let mut books = Books::new(2);
    for number in 0..MANY {
        let mut volume = settlement("VOLUME", "2013-Q1", "USD");
        volume.beneficiary = format!("partner:P-{number}").into();
        books.moved(&volume, Earned, "20", Some("20"));
        books.order(&volume, micros("20"));
    }
    books.tick_on("2013-06-15");
    assert_eq!(books.findings().len(), 0);
    books.tick_on("2013-06-16");
    assert_eq!(books.findings().len(), MANY);
    books.control(&Control::Configure { reference: Id([1; 16]) });
    assert_eq!(books.findings().len(), 0);
    books.tick_on("2013-06-30");
    assert_eq!(books.findings().len(), 0);
    books.tick_on("2013-07-01");
    assert_eq!(books.findings().len(), MANY);
    assert_clean(&mut books);
}

#[test]
fn entries_carry_accounts_numbers_and_month() {
    let mut books = Books::new(1);
    let volume = settlement("VOLUME", "2013-Q1", "USD");
    books.moved(&volume, Earned, "10", Some("10"));
    let authorization = books.authorised(&volume, "10");
    books.pay(authorization, "10", "USD", "2013-05-20");
    let mut entries = books.entries();
    let rows: Vec<[String; 16]> = accrual_sink::exports::journal_rows(&mut entries).collect();
    let shown: Vec<String> = rows.iter().map(|row| row[1..9].join(" ")).collect();
    assert_eq!(
        shown,
        [
            "1 2013-03-31 2013-03 CR-REB debit 10 USD 10",
            "2 2013-03-31 2013-03 2350 credit 10 USD 10",
            "3 2013-05-01 2013-05 2350 debit 10 USD 10",
            "4 2013-05-01 2013-05 LI-PAY credit 10 USD 10",
            "5 2013-05-20 2013-05 LI-PAY debit 10 USD 10",
            "6 2013-05-20 2013-05 1000 credit 10 USD 10",
        ]
    );
}

/// CL20: 100.00 of January are authorised and not paid when February closes 100.00 below zero.
#[test]
fn what_is_payable_lowers_with_what_another_period_owes_back() {
    let mut books = Books::new(1);
    let (january, february) = (settlement("VOLUME", "2013-01", "USD"), settlement("VOLUME", "2013-02", "USD"));
    books.moved(&january, Earned, "100", Some("100"));
    let authorization = books.authorised(&january, "100");
    books.moved(&february, Reversal, "-100", Some("-100"));
    assert_eq!(books.authorizations_shown(), ["100 authorised 0 0"], "an open period owes nothing back yet");
    books.closed(&february);
    assert_eq!(books.journal()[3..], ["GL11 RC-CLAW/LI-ACC 100", "GL12 LI-PAY/RC-CLAW 100"]);
    assert_eq!(books.authorizations_shown(), ["0 paid 0 100"]);
    assert_eq!(books.balances(), [""; 0]);
    // Who pays it all the same has paid what was not payable.
    books.pay(authorization, "100", "USD", "2013-05-20");
    assert_eq!(books.journal()[5..], ["GL7 RC-CLAW/CASH 100"]);
    assert_clean(&mut books);
}

/// What became payable last is taken first, by whatever program; the rest stays owed back, and other currencies alone.
#[test]
fn a_clawback_meets_what_is_payable_of_all_programs() {
    let mut books = Books::new(1);
    let paid = settlement("VOLUME", "2013-Q1", "USD");
    books.moved(&paid, Earned, "100", Some("100"));
    let authorization = books.authorised(&paid, "100");
    books.pay(authorization, "100", "USD", "2013-05-20");
    let (first, second) = (settlement("BONUS", "2013-Q1", "USD"), settlement("SERVICE", "2013-Q1", "USD"));
    let (euros, other) = (settlement("EUROS", "2013-Q1", "EUR"), settlement("BONUS", "2013-Q2", "USD"));
    let of_other = Settlement { beneficiary: "partner:P-2".into(), ..other };
    for settlement in [&first, &second, &euros, &of_other] {
        books.moved(settlement, Earned, "40", Some("40"));
        books.authorised(settlement, "40");
    }
    books.moved(&paid, PriorPeriod, "-50", Some("-50"));
    let shown = ["100 paid 100 0", "30 authorised 0 10", "0 paid 0 40", "40 authorised 0 0", "40 authorised 0 0"];
    assert_eq!(books.authorizations_shown(), shown);
    books.moved(&paid, PriorPeriod, "-50", Some("-50"));
    let shown = ["100 paid 100 0", "0 paid 0 40", "0 paid 0 40", "40 authorised 0 0", "40 authorised 0 0"];
    assert_eq!(books.authorizations_shown(), shown);
    let owed = books.balances().into_iter().find(|line| line.starts_with("RC-CLAW"));
    assert_eq!(owed.as_deref(), Some("RC-CLAW 20 (20)"));
    assert_clean(&mut books);
}

#[test]
fn a_payout_smaller_than_the_clawback_is_used_up_by_it() {
    let mut books = Books::new(1);
    let (first, second) = (settlement("VOLUME", "2013-Q1", "USD"), settlement("VOLUME", "2013-Q2", "USD"));
    books.moved(&first, Earned, "200", Some("200"));
    let paid = books.authorised(&first, "200");
    books.pay(paid, "200", "USD", "2013-05-20");
    books.moved(&first, PriorPeriod, "-90", Some("-90"));
    books.moved(&second, Earned, "50", Some("50"));
    books.authorised(&second, "50");
    assert_eq!(books.authorizations_shown()[1], "0 paid 0 50");
    assert_eq!(books.balances()[2], "RC-CLAW 40 (40)");
}

#[test]
fn the_same_payment_twice_is_booked_once() {
    let mut books = Books::new(1);
    let volume = settlement("VOLUME", "2013-Q1", "USD");
    books.moved(&volume, Earned, "100", Some("100"));
    let authorization = books.authorised(&volume, "100");
    books.pay(authorization, "100", "USD", "2013-05-20");
    let (views, entries) = (books.views.clone(), books.journal().len());
    books.pay(authorization, "100", "USD", "2013-05-20");
    assert_eq!((books.views.clone(), books.journal().len()), (views, entries));
}

#[test]
fn equal_instalments_of_one_file_are_two_and_told_again_nothing() {
    let mut books = Books::new(1);
    let volume = settlement("VOLUME", "2013-Q1", "USD");
    books.moved(&volume, Earned, "100", Some("100"));
    let authorization = books.authorised(&volume, "100");
    for occurrence in [1, 2] {
        books.pay_again(authorization, "50", "USD", "2013-05-20", occurrence);
    }
    assert_eq!(books.authorizations_shown(), ["100 paid 100 0"]);
    let views = books.views.clone();
    for occurrence in [1, 2] {
        books.pay_again(authorization, "50", "USD", "2013-05-20", occurrence);
    }
    assert_eq!(books.views, views);
    assert!(books.findings().is_empty());
}

#[test]
fn a_payment_that_comes_before_its_authorization_waits_for_it() {
    for partitions in [1, 3] {
        let mut rehearsal = Books::new(partitions);
        let volume = settlement("VOLUME", "2013-Q1", "USD");
        rehearsal.moved(&volume, Earned, "100", Some("100"));
        let authorization = rehearsal.authorised(&volume, "100");
        rehearsal.pay(authorization, "60", "USD", "2013-05-20");
        rehearsal.pay(authorization, "60", "USD", "2013-05-21");

        let mut books = Books::new(partitions);
        books.moved(&volume, Earned, "100", Some("100"));
        // The order's id counts the controls so far.
        books.control -= 2;
        books.pay(authorization, "60", "USD", "2013-05-21");
        books.pay(authorization, "60", "USD", "2013-05-20");
        let waits: Vec<_> = books.findings().iter().map(|f| (f.code, f.at_risk.unwrap().amount)).collect();
        assert_eq!(waits, [(Code::PaidUnauthorised, micros("60")); 2]);
        assert!(books.payments().is_empty());
        books.restart();
        books.authorised(&volume, "100");
        assert_eq!(books.authorizations_shown(), rehearsal.authorizations_shown());
        assert_eq!(books.journal(), rehearsal.journal());
        assert_eq!(books.payments(), rehearsal.payments());
        assert_eq!(books.findings(), rehearsal.findings());
        books.pay(authorization, "60", "USD", "2013-05-20");
        assert_eq!(books.payments(), rehearsal.payments());
    }
}

#[test]
fn a_payment_that_waited_and_does_not_fit_its_authorization_is_refused() {
    let mut books = Books::new(1);
    let volume = settlement("VOLUME", "2013-Q1", "USD");
    books.moved(&volume, Earned, "100", Some("100"));
    let authorization = {
        let mut rehearsal = Books::new(1);
        rehearsal.moved(&volume, Earned, "100", Some("100"));
        rehearsal.authorised(&volume, "100")
    };
    books.control -= 1;
    books.pay(authorization, "100", "EUR", "2013-05-20");
    books.authorised(&volume, "100");
    let codes: Vec<Code> = books.findings().iter().map(|f| f.code).collect();
    assert_eq!(codes, [Code::PaymentRefused]);
    assert_eq!(books.authorizations_shown(), ["100 authorised 0 0"]);
}

#[test]
fn paid_again_on_another_day_is_owed_back() {
    let mut books = Books::new(1);
    let volume = settlement("VOLUME", "2013-Q1", "USD");
    books.moved(&volume, Earned, "100", Some("100"));
    let authorization = books.authorised(&volume, "100");
    books.pay(authorization, "100", "USD", "2013-05-20");
    books.pay(authorization, "100", "USD", "2013-05-21");
    assert_eq!(books.journal()[3], "GL7 RC-CLAW/CASH 100");
    let [finding] = &books.findings()[..] else { panic!("one finding") };
    assert_eq!((finding.code, finding.at_risk.unwrap().amount), (Code::PaidTwice, micros("100")));
    assert_eq!(books.balances(), ["CASH -200 (-200)", "CR-REB 100 (100)", "RC-CLAW 100 (100)"]);
}

#[test]
fn partial_payments_complete_an_authorization_and_the_excess_is_owed_back() {
    let mut books = Books::new(1);
    let volume = settlement("VOLUME", "2013-Q1", "USD");
    books.moved(&volume, Earned, "100", Some("100"));
    let authorization = books.authorised(&volume, "100");
    books.pay(authorization, "30", "USD", "2013-05-20");
    assert_eq!(books.authorizations_shown(), ["100 authorised 30 0"]);
    books.pay(authorization, "90", "USD", "2013-05-21");
    assert_eq!(books.authorizations_shown(), ["100 paid 120 0"]);
    assert_eq!(books.journal()[2..], ["GL7 LI-PAY/CASH 30", "GL7 LI-PAY/CASH 70", "GL7 RC-CLAW/CASH 20"]);
    let [finding] = &books.findings()[..] else { panic!("one finding") };
    assert_eq!((finding.code, finding.at_risk.unwrap().amount), (Code::PaidAbovePayable, micros("20")));
    let over: Vec<String> = books.payments().iter().map(|p| p.over.to_string()).collect();
    assert!(over.contains(&"20".to_owned()) && over.contains(&"0".to_owned()), "{over:?}");
}

#[test]
fn a_final_payment_that_pays_the_interim_again_is_told() {
    for (paid, code, at_risk) in [
        // Domain notes OP-30: 1,080 in all, 940 paid in between.
        ("1080", Code::InterimPaidAgain, "940"),
        ("1000", Code::PaidAbovePayable, "860"),
    ] {
        let mut books = Books::new(1);
        let volume = settlement("VOLUME", "2013-Q1", "USD");
        books.moved(&volume, Earned, "940", Some("940"));
        let interim = books.authorised(&volume, "940");
        books.pay(interim, "940", "USD", "2013-05-20");
        books.moved(&volume, PriorPeriod, "140", Some("140"));
        let last = books.authorised(&volume, "140");
        books.pay(last, paid, "USD", "2013-06-20");
        let [finding] = &books.findings()[..] else { panic!("one finding") };
        assert_eq!((finding.code, finding.at_risk.unwrap().amount), (code, micros(at_risk)));
        assert!(
            books.authorizations_shown().contains(&"940 paid 940 0".to_owned()),
            "{:?}",
            books.authorizations_shown()
        );
    }
}

#[test]
fn an_excess_goes_to_what_the_settlement_still_owes() {
    let mut books = Books::new(1);
    let volume = settlement("VOLUME", "2013-Q1", "USD");
    books.moved(&volume, Earned, "150", Some("150"));
    let first = books.authorised(&volume, "150");
    books.moved(&volume, PriorPeriod, "30", Some("30"));
    books.authorised(&volume, "30");
    books.pay(first, "170", "USD", "2013-05-20");
    assert_eq!(books.authorizations_shown(), ["170 paid 170 0", "10 authorised 0 0"]);
    assert_eq!(books.findings()[0].code, Code::PaidAbovePayable);
    assert_eq!(books.payments()[0].over, micros("0"));
}

#[test]
fn a_payment_in_another_currency_or_of_nothing_is_refused() {
    let mut books = Books::new(1);
    let volume = settlement("VOLUME", "2013-Q1", "USD");
    books.moved(&volume, Earned, "100", Some("100"));
    let authorization = books.authorised(&volume, "100");
    books.pay(authorization, "100", "EUR", "2013-05-20");
    books.pay(authorization, "-5", "USD", "2013-05-20");
    assert_eq!(books.journal().len(), 2);
    assert!(books.findings().iter().all(|f| f.code == Code::PaymentRefused));
    assert_eq!(books.findings().len(), 2);
    assert!(books.payments().is_empty());
}

#[test]
fn an_unknown_authorization_is_reported_once_by_any_number_of_partitions() {
    let reports = [1, 2, 3, 8].map(|partitions| {
        let mut books = Books::new(partitions);
        books.pay(Id::of("nobody", &["issued this"]), "100", "USD", "2013-05-20");
        let found = books.findings();
        assert_eq!(found.len(), 1, "{partitions} partitions");
        assert_eq!(found[0].code, Code::PaidUnauthorised);
        books.views
    });
    assert!(reports.iter().all(|views| *views == reports[0]));
}

#[test]
fn a_late_row_after_the_freeze_needs_an_order_of_its_own() {
    let mut books = Books::new(1);
    let volume = settlement("VOLUME", "2013-Q1", "USD");
    books.moved(&volume, Earned, "100", Some("100"));
    books.authorised(&volume, "100");
    books.moved(&volume, PriorPeriod, "25", Some("25"));
    assert_eq!(books.journal()[2], "GL25 CR-REB/LI-ACC 25");
    assert_eq!(books.authorizations_shown(), ["100 authorised 0 0"]);
    let late = books.authorised(&volume, "25");
    books.pay(late, "25", "USD", "2013-07-20");
    assert_eq!(books.authorizations_shown(), ["100 authorised 0 0", "25 paid 25 0"]);
    assert_eq!(books.balances()[2], "LI-PAY -100 (-100)");
}

#[test]
fn what_is_no_longer_due_before_payment_voids_the_authorization() {
    let mut books = Books::new(1);
    let volume = settlement("VOLUME", "2013-Q1", "USD");
    books.moved(&volume, Earned, "100", Some("100"));
    books.authorised(&volume, "100");
    books.moved(&volume, Reversal, "-40", Some("-40"));
    assert_eq!(books.authorizations_shown(), ["60 authorised 0 0"]);
    books.moved(&volume, Reversal, "-60", Some("-60"));
    assert_eq!(books.authorizations_shown(), ["0 void 0 0"]);
    assert_eq!(books.journal()[2..], ["GL10 LI-PAY/CR-REB 40", "GL10 LI-PAY/CR-REB 60"]);
    assert!(books.balances().is_empty());
}

#[test]
fn a_return_before_anything_is_authorised_mirrors_the_accrual() {
    let mut books = Books::new(1);
    let volume = settlement("VOLUME", "2013-Q1", "USD");
    books.moved(&volume, Earned, "100", Some("100"));
    books.moved(&volume, Reversal, "-100", Some("-100"));
    assert_eq!(books.journal(), ["GL2 CR-REB/LI-ACC 100", "GL10 LI-ACC/CR-REB 100"]);
    assert!(books.balances().is_empty());
}

#[test]
fn what_falls_meets_open_then_payable_then_paid() {
    let mut books = Books::new(1);
    let volume = settlement("VOLUME", "2013-Q1", "USD");
    books.moved(&volume, Earned, "100", Some("100"));
    let authorization = books.authorised(&volume, "100");
    books.pay(authorization, "60", "USD", "2013-05-20");
    books.moved(&volume, PriorPeriod, "10", Some("10"));
    books.moved(&volume, PriorPeriod, "-75", Some("-75"));
    assert_eq!(books.journal()[4..], ["GL25 LI-ACC/CR-REB 10", "GL10 LI-PAY/CR-REB 40", "GL11 RC-CLAW/CR-REB 25"]);
    assert_eq!(books.balances(), ["CASH -60 (-60)", "CR-REB 35 (35)", "RC-CLAW 25 (25)"]);
}

#[test]
fn what_becomes_due_again_first_ends_the_clawback() {
    let mut books = Books::new(1);
    let volume = settlement("VOLUME", "2013-Q1", "USD");
    books.moved(&volume, Earned, "100", Some("100"));
    let authorization = books.authorised(&volume, "100");
    books.pay(authorization, "100", "USD", "2013-05-20");
    books.moved(&volume, PriorPeriod, "-50", Some("-50"));
    books.moved(&volume, PriorPeriod, "70", Some("70"));
    assert_eq!(books.journal()[4..], ["GL11 CR-REB/RC-CLAW 50", "GL25 CR-REB/LI-ACC 20"]);
}

#[test]
fn what_was_taken_back_and_is_due_again_gets_an_authorization_of_its_own() {
    let mut books = Books::new(1);
    let (first, second) = (settlement("VOLUME", "2013-Q1", "USD"), settlement("VOLUME", "2013-Q2", "USD"));
    books.moved(&first, Earned, "100", Some("100"));
    let authorization = books.authorised(&first, "100");
    books.pay(authorization, "100", "USD", "2013-05-20");
    books.moved(&first, PriorPeriod, "-30", Some("-30"));
    books.moved(&second, Earned, "50", Some("50"));
    books.authorised(&second, "50");
    books.moved(&first, PriorPeriod, "30", Some("30"));
    assert_eq!(books.authorizations_shown(), ["100 paid 100 0", "20 authorised 0 30", "30 authorised 0 0"]);
}

#[test]
fn a_closed_period_lets_go_what_was_never_authorised() {
    let mut books = Books::new(1);
    let volume = settlement("VOLUME", "2013-Q1", "USD");
    books.moved(&volume, Earned, "100", Some("100"));
    books.authorised(&volume, "60");
    books.closed(&volume);
    assert_eq!(books.journal()[2], "GL6 LI-ACC/CR-REB 40");
    books.moved(&volume, PriorPeriod, "-30", Some("-30"));
    assert_eq!(books.journal()[3..], ["GL6 CR-REB/LI-ACC 30", "GL25 LI-ACC/CR-REB 30"]);
    assert_eq!(books.balances(), ["CR-REB 60 (60)", "LI-PAY -60 (-60)"]);
}

#[test]
fn a_negative_due_is_owed_back_when_its_period_closes() {
    let mut books = Books::new(1);
    let (first, second) = (settlement("VOLUME", "2013-Q1", "USD"), settlement("VOLUME", "2013-Q2", "USD"));
    books.moved(&first, Earned, "-20", Some("-20"));
    books.closed(&first);
    assert_eq!(books.journal(), ["GL10 LI-ACC/CR-REB 20", "GL11 RC-CLAW/LI-ACC 20"]);
    books.moved(&second, Earned, "150", Some("150"));
    books.authorised(&second, "150");
    assert_eq!(books.authorizations_shown(), ["130 authorised 0 20"]);
}

/// Month by month the sum may pass below zero; nothing is owed back for that, and nobody's payout is cut.
#[test]
fn an_open_period_below_zero_cuts_no_payout() {
    let mut books = Books::new(1);
    let (first, second) = (settlement("VOLUME", "2013-Q2", "USD"), settlement("SPRING", "2013-Q1", "USD"));
    books.moved(&first, Reversal, "-20", Some("-20"));
    books.moved(&second, Earned, "150", Some("150"));
    books.authorised(&second, "150");
    assert_eq!(books.authorizations_shown(), ["150 authorised 0 0"]);
    books.moved(&first, Earned, "50", Some("50"));
    books.authorised(&first, "30");
    assert_eq!(books.authorizations_shown()[1], "30 authorised 0 0");
    assert_eq!(books.balances(), ["CR-REB 180 (180)", "LI-PAY -180 (-180)"]);
}

#[test]
fn functional_amounts_travel_with_the_money_and_end_at_zero() {
    let mut books = Books::new(1);
    let volume = settlement("VOLUME", "2013-Q1", "EUR");
    books.moved(&volume, Earned, "10000", Some("10800"));
    books.moved(&volume, TrueUp, "100.01", Some("109.02"));
    let authorization = books.authorised(&volume, "10100.01");
    for amount in ["3333.33", "3333.34", "3433.34"] {
        books.pay(authorization, amount, "EUR", "2013-05-20");
    }
    assert_eq!(books.balances(), ["CASH -10100.01 (-10909.02)", "CR-REB 10100.01 (10909.02)"]);
}

#[test]
fn an_offset_between_two_rates_shows_its_exchange_difference() {
    let mut books = Books::new(1);
    let (first, second) = (settlement("VOLUME", "2013-Q1", "EUR"), settlement("VOLUME", "2013-Q2", "EUR"));
    books.moved(&first, Earned, "100", Some("108"));
    let paid = books.authorised(&first, "100");
    books.pay(paid, "100", "EUR", "2013-05-20");
    books.moved(&first, PriorPeriod, "-50", Some("-54"));
    books.moved(&second, Earned, "80", Some("88"));
    let rest = books.authorised(&second, "80");
    books.pay(rest, "30", "EUR", "2013-08-20");
    assert_eq!(books.balances(), ["CASH -130 (-141)", "CR-REB 130 (142)", "FX-PL 0 (-1)"]);
}

/// 10.00 at 1.30 and 10.01 at 1.20 are authorised, and of the first half comes back, then all.
#[test]
fn what_comes_back_behind_the_freeze_goes_at_the_rate_of_its_sale() {
    let mut books = Books::new(1);
    let volume = settlement("VOLUME", "2013-01", "EUR");
    books.moved(&volume, Earned, "20.01", Some("25.01"));
    let authorization = books.authorised(&volume, "20.01");
    books.moved(&volume, PriorPeriod, "-5", Some("-6.50"));
    assert_eq!(books.balances(), ["CR-REB 15.01 (18.51)", "LI-PAY -15.01 (-18.51)"]);
    books.moved(&volume, PriorPeriod, "-5", Some("-6.50"));
    assert_eq!(books.balances(), ["CR-REB 10.01 (12.01)", "LI-PAY -10.01 (-12.01)"]);
    books.pay(authorization, "10.01", "EUR", "2013-05-20");
    assert_eq!(books.balances(), ["CASH -10.01 (-12.01)", "CR-REB 10.01 (12.01)"]);
}

/// What was paid was paid at the rate of all that it was paid for.
#[test]
fn what_comes_back_of_what_was_paid_shows_its_exchange_difference() {
    let mut books = Books::new(1);
    let volume = settlement("VOLUME", "2013-01", "EUR");
    books.moved(&volume, Earned, "20.01", Some("25.01"));
    let authorization = books.authorised(&volume, "20.01");
    books.pay(authorization, "20.01", "EUR", "2013-05-20");
    books.moved(&volume, PriorPeriod, "-5", Some("-6.50"));
    let owed = ["CASH -20.01 (-25.01)", "CR-REB 15.01 (18.51)", "FX-PL 0 (0.25)", "RC-CLAW 5 (6.25)"];
    assert_eq!(books.balances(), owed);
    books.moved(&volume, PriorPeriod, "5", Some("6.50"));
    assert_eq!(books.balances(), ["CASH -20.01 (-25.01)", "CR-REB 20.01 (25.01)"]);
}

#[test]
fn without_a_rate_nothing_is_invented() {
    let mut books = Books::new(1);
    let volume = settlement("VOLUME", "2013-Q1", "EUR");
    books.moved(&volume, Earned, "100", None);
    let authorization = books.authorised(&volume, "100");
    books.pay(authorization, "100", "EUR", "2013-05-20");
    let functional: Vec<_> =
        books.entries().iter().flat_map(|e| e.postings.clone()).filter_map(|p| p.functional).collect();
    assert!(functional.is_empty());
}

/// 60.00 are accrued and authorised and 40.00 of them paid before the table has a rate, which is 1.10.
#[test]
fn what_is_valued_later_is_valued_on_each_account_that_it_has_reached() {
    let mut books = Books::new(1);
    let volume = settlement("VOLUME", "2013-01", "EUR");
    books.moved(&volume, Earned, "60", None);
    let authorization = books.authorised(&volume, "60");
    books.pay(authorization, "40", "EUR", "2013-05-20");
    assert_eq!(books.worth(), [""; 0]);
    let before = books.journal().len();
    books.moved(&volume, PriorPeriod, "0", Some("66"));
    assert_eq!(books.worth(), ["CASH -44", "CR-REB 66", "LI-PAY -22"]);
    let valued = ["GL25 CR-REB/LI-ACC 0", "GL5 LI-ACC/LI-PAY 0", "GL7 LI-PAY/CASH 0"];
    assert_eq!(books.journal()[before..], valued);
    books.pay(authorization, "20", "EUR", "2013-06-20");
    assert_eq!(books.worth(), ["CASH -66", "CR-REB 66"]);
    books.moved(&volume, PriorPeriod, "-10", Some("-11"));
    assert_eq!(books.worth(), ["CASH -66", "CR-REB 55", "RC-CLAW 11"]);
}

/// 20.00 at 1.10, then 10.00 without a rate, which is 1.20.
#[test]
fn what_is_valued_later_joins_what_was_valued_before() {
    let mut books = Books::new(1);
    let volume = settlement("VOLUME", "2013-01", "EUR");
    books.moved(&volume, Earned, "20", Some("22"));
    books.authorised(&volume, "20");
    books.moved(&volume, PriorPeriod, "10", None);
    books.authorised(&volume, "10");
    assert_eq!(books.worth(), ["CR-REB 22", "LI-PAY -22"]);
    books.moved(&volume, PriorPeriod, "0", Some("12"));
    assert_eq!(books.worth(), ["CR-REB 34", "LI-PAY -34"]);
}

/// Two months paid while their period is open, without a rate until both are paid: 20.00 and 40.00, at 1.10 for both, by one tick and
/// by two.
#[test]
fn what_is_valued_later_month_by_month_is_worth_all_of_it() {
    for ticks_between in 0..2 {
        let mut books = Books::new(1);
        let volume = settlement("VOLUME", "2013", "EUR");
        books.moved_in("2013-01-31", &volume, Earned, "20", None);
        books.authorised(&volume, "20");
        books.tick();
        books.moved_in("2013-02-28", &volume, Earned, "40", None);
        books.authorised(&volume, "40");
        books.tick();
        assert_eq!(books.worth(), [""; 0]);
        books.moved_in("2013-01-31", &volume, TrueUp, "0", Some("22"));
        (0..ticks_between).for_each(|_| books.tick());
        books.moved_in("2013-02-28", &volume, TrueUp, "0", Some("44"));
        assert_eq!(books.worth(), ["CR-REB 66", "LI-PAY -66"], "{ticks_between} ticks between");
        books.moved(&volume, PriorPeriod, "-10", Some("-11"));
        assert_eq!(books.worth(), ["CR-REB 55", "LI-PAY -55"]);
        assert_clean(&mut books);
    }
}
