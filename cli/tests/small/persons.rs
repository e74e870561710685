//! What persons were paid in a year, and whether a country wants to be told.

use crate::tenant::{Row, Tenant, assert_well};

const SPIFF: &str = "program: SPIFF\nversions:\n  - from: 2013-01-01\n    to: 2013-12-31\n    \
                     earn: { type: spiff, benefit: per-unit, rate: 5 }\n    period: month\n    currency: USD\n";
const FEED: &str = "partner: shop\nformat: delimited\ncolumns:\n  document: document\n  date: date\n  code: code\n  \
                    quantity: quantity\n  unit_price: price\n  amount: amount\n  rep: rep\n";
const HEADER: &str = "document,date,code,quantity,price,amount,rep\n";

/// Ann Lee was called Ann Marsh since April; Cy Doe is nobody's payee.
const PERSONS: &str = "partner,person,from,to,payee\nshop,Ann Lee,2013-01-01,2013-03-31,account-17\n\
                       shop,Ann Marsh,2013-04-01,,account-17\n";
const FEBRUARY: &str = "S1,2013-02-05,A-1,60,10,600,Ann Lee\nS2,2013-02-06,A-1,10,10,100,Cy Doe\n";
const MAY: &str = "S3,2013-05-05,A-1,60,10,600,Ann Marsh\n";

fn tenant(threshold: &str) -> Tenant {
    let tenant = Tenant::new();
    tenant.write("config/programs/tenth.yaml", SPIFF);
    tenant.write("config/feeds/shop.yaml", FEED);
    tenant.write("config/persons.csv", PERSONS);
    tenant.write("config/tax_thresholds.csv", format!("country,currency,from,amount\nUS,USD,2007-01-01,{threshold}\n"));
    tenant.write("feeds/shop/pos_2013-02.csv", format!("{HEADER}{FEBRUARY}"));
    tenant.write("feeds/shop/pos_2013-05.csv", format!("{HEADER}{MAY}"));
    assert_well(&tenant.run(&["--as-of", "2013-07-20"]));
    let authorizations = tenant.export("authorizations");
    let mut payments = "authorization_id,date,amount,currency\n".to_owned();
    for (row, date) in authorizations.iter().zip(["2013-08-01", "2013-08-01", "2014-01-02"]) {
        payments += &format!("{},{date},{},USD\n", row["authorization_id"], row["amount"]);
    }
    tenant.write("commands/payments.csv", payments);
    assert_well(&tenant.run(&["--as-of", "2014-01-20"]));
    tenant
}

fn shown(row: &Row) -> String {
    let columns = ["beneficiary", "year", "authorised", "paid", "payee", "payee_paid", "threshold", "reportable"];
    columns.map(|column| row[column].as_str()).join(" ")
}

#[test]
fn payments_count_in_their_year_and_names_of_one_payee_count_together() {
    let rows = tenant("600").export("persons");
    let shown: Vec<String> = rows.iter().map(shown).collect();
    assert_eq!(
        shown,
        [
            "person:shop/Ann Lee 2013 300 300 account-17 600 600 yes",
            "person:shop/Ann Marsh 2013 300 300 account-17 600 600 yes",
            "person:shop/Cy Doe 2013 50 0  0 600 no",
            "person:shop/Cy Doe 2014 0 50  50 600 no",
        ]
    );
}

#[test]
fn who_has_left_is_paid_as_who_it_was() {
    let tenant = tenant("600");
    tenant.write("config/persons.csv", format!("{PERSONS}shop,Cy Doe,2013-01-01,2013-12-15,account-17\n"));
    assert_well(&tenant.run(&["--as-of", "2014-01-21"]));
    let paid: Vec<String> = tenant.export("persons").iter().map(shown).filter(|row| row.contains("Cy")).collect();
    let told =
        ["person:shop/Cy Doe 2013 50 0 account-17 600 600 yes", "person:shop/Cy Doe 2014 0 50 account-17 50 600 no"];
    assert_eq!(paid, told);
}

#[test]
fn a_sum_below_the_threshold_need_not_be_told() {
    let rows = tenant("600.01").export("persons");
    assert_eq!(rows.len(), 4);
    assert!(rows.iter().all(|row| row["reportable"] == "no"), "{rows:?}");
}
