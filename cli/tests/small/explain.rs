//! What is not paid says why: which program comes nearest to a sale, and what money that is due waits for.

use crate::tenant::{AS_OF, HEADER, TENTH, Tenant, assert_well, well};

const SOLD: &str = "shop/pos_2013-01.csv";

/// A program file of one version for 2013, month by month.
fn program(id: &str, more: &str) -> String {
    format!("{}{more}", TENTH.replace("TENTH", id))
}

/// Runs to a day after one sale of an axle for 100 in January, and asks what became of it.
fn told(program: &str, as_of: &str, more: &[(&str, &str)]) -> String {
    let tenant = Tenant::new();
    tenant.write("config/programs/tenth.yaml", program);
    more.iter().for_each(|(name, text)| tenant.write(&format!("config/{name}"), text));
    tenant.write(&format!("feeds/{SOLD}"), format!("{HEADER}S1,1,2013-01-05,A-1,10,10,100,\n"));
    assert_well(&tenant.run(&["--as-of", as_of]));
    tenant.verify();
    well(&tenant.ask(&["explain", &format!("{SOLD}#1")]))
}

#[track_caller]
fn assert_says(told: &str, lines: &[&str]) {
    for line in lines {
        assert!(told.lines().any(|said| said.trim() == *line), "no line {line:?} in\n{told}");
    }
}

#[test]
fn a_sale_that_no_program_selects_names_what_failed() {
    let summer = program("TENTH", "").replace("2013-01-01", "2013-06-01");
    let said =
        told(&summer, AS_OF, &[("programs/bikes.yaml", &program("BIKES", "    select: { categories: [Bikes] }\n"))]);
    assert_says(
        &said,
        &[
            "It earns nothing",
            "no program selects it; the nearest:",
            "BIKES version 1: category is Parts, not Bikes",
            "TENTH version 1: dated 2013-01-05, before its first day 2013-06-01",
        ],
    );
}

#[test]
fn a_sale_that_a_program_selects_names_the_condition() {
    let club = program("TENTH", "    conditions: { members-only: yes }\n");
    let said = told(&club, AS_OF, &[]);
    assert_says(&said, &["TENTH version 1: OP-08: it is for others, and the row does not name it"]);
}

#[test]
fn what_is_due_says_what_it_waits_for() {
    let said = told(&program("TENTH", ""), "2013-01-31", &[]);
    assert_says(
        &said,
        &["10.00 USD of TENTH 2013-01 in all is not authorised: it waits for 2013-02-16, when the period freezes"],
    );
    let said = told(&program("TENTH", ""), AS_OF, &[]);
    assert!(!said.contains("is not authorised"), "{said}");
}

#[test]
fn what_is_frozen_and_not_authorised_says_why() {
    let said = told(&program("TENTH", "    minimum-payout: 50\n"), AS_OF, &[]);
    assert_says(
        &said,
        &["10.00 USD of TENTH 2013-01 in all is not authorised: 50.00 USD and more is paid; let go on 2013-03-18"],
    );
    let said = told(&program("TENTH", "    auto-authorise: no\n"), AS_OF, &[]);
    assert_says(
        &said,
        &[
            "10.00 USD of TENTH 2013-01 in all is not authorised: the program has `auto-authorise: no`; let go on 2013-03-18",
        ],
    );
    let claimed = "    paid: claim\n    claim: { days: 45, late: reject }\n";
    let said = told(&program("TENTH", claimed), AS_OF, &[]);
    let waits = "10.00 USD of TENTH 2013-01 in all is not authorised: it waits for a claim, which may come in until 2013-03-17; let go on 2013-03-18";
    assert_says(&said, &[waits]);
    let deducted = "program,partner,deduction,invoice,period,amount,currency\nTENTH,shop,D-1,88,2013-01,4,USD\n";
    let said = told(&program("TENTH", ""), AS_OF, &[("deductions.csv", deducted)]);
    assert_says(
        &said,
        &[
            "4.00 USD of TENTH 2013-01 in all is not authorised: DD-10: 4.00 USD was deducted already: D-1 from invoice 88",
        ],
    );
    let said = told(&program("TENTH", ""), "2013-07-20", &[("deductions.csv", deducted)]);
    assert_says(
        &said,
        &[
            "4.00 USD of TENTH 2013-01 in all is not authorised: DD-10: 4.00 USD was deducted already: D-1 from invoice 88",
        ],
    );
    assert!(!said.contains("let go"), "a deduction outlasts the close: {said}");
}
