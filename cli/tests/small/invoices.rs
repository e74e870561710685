//! A program that pays for paid invoices only follows what each version of the table says of them.

use crate::tenant::{AS_OF, HEADER, JANUARY, TENTH, Tenant, assert_well};

/// The shop's January under such a program, before anybody says what is paid.
fn unheard() -> Tenant {
    let tenant = Tenant::new();
    tenant.write("config/programs/tenth.yaml", format!("{TENTH}    conditions: {{ paid-invoices-only: yes }}\n"));
    tenant.write("feeds/shop/pos_2013-01.csv", format!("{HEADER}{JANUARY}"));
    assert_well(&tenant.run(&["--as-of", AS_OF]));
    tenant
}

/// What a run with these rows of the table leaves: what each sale brings, and how many wait.
#[track_caller]
fn check(tenant: &Tenant, as_of: &str, rows: &str, brings: &[&str], wait: usize) {
    tenant.write("config/customer_payments.csv", format!("partner,document,date,status\n{rows}"));
    assert_well(&tenant.run(&["--as-of", as_of]));
    let mut amounts: Vec<String> = tenant.export("accruals").iter().map(|row| row["amount"].clone()).collect();
    amounts.sort();
    assert_eq!(amounts, brings);
    let waiting = tenant.export("findings").iter().filter(|row| row["code"] == "OP-32").count();
    assert_eq!(waiting, wait);
    tenant.verify();
}

#[test]
fn sales_earn_once_their_invoices_are_paid_and_no_longer_when_one_is_cancelled() {
    let tenant = unheard();
    check(&tenant, "2013-02-21", "shop,S9,2013-02-20,paid\n", &[], 3);
    check(&tenant, "2013-02-22", "shop,S1,2013-02-20,paid\nshop,S2,2013-02-20,unpaid\n", &["1", "90"], 1);
    let both = "shop,S1,2013-02-20,paid\nshop,S2,2013-02-20,unpaid\nshop,S2,2013-02-23,paid\n";
    check(&tenant, "2013-02-23", both, &["1", "90", "90"], 0);
    check(&tenant, "2013-02-24", &format!("{both}shop,S1,2013-02-24,cancelled\n"), &["90"], 2);
    // What the cancelled one had earned is taken off an authorization that is not paid yet.
    let mut authorised: Vec<String> = tenant.export("authorizations").iter().map(|row| row["amount"].clone()).collect();
    authorised.sort();
    assert_eq!(authorised, ["0", "90"]);
}
