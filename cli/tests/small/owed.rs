//! What was paid, and is owed back or was paid under another authorization, as exports and sums tell it.

use crate::tenant::{HEADER, Row, Tenant, assert_well, well};

const PAYMENTS: &str = "authorization_id,date,amount,currency\n";

/// The line of `status` or `run` that begins with a word, without it.
fn sum(tenant: &Tenant, word: &str) -> String {
    let status = well(&tenant.ask(&["status"]));
    let line = status.lines().find_map(|line| line.trim().strip_prefix(word)).unwrap_or_default();
    line.trim().to_owned()
}

fn cells(row: &Row, names: [&str; 4]) -> String {
    names.map(|name| row[name].as_str()).join(" ")
}

/// A tenth of January is paid by itself, another to who asked for it, and all goods come back.
#[test]
fn a_claim_that_nobody_sent_is_owed_back_as_one_that_was() {
    let tenant = Tenant::claimed();
    let feed = std::fs::read_to_string(tenant.path("config/feeds/shop.yaml")).unwrap();
    let feed = feed + "  original_document: original\noptional_columns: [original_document]\n";
    tenant.write("config/feeds/shop.yaml", feed);
    let asked = tenant.export("claims").into_iter().find(|row| row["program"] == "ASKED").unwrap();
    let release = format!("claim_id,action,actor\n{},release,ann\n", asked["claim_id"]);
    tenant.write("commands/decisions.csv", release);
    assert_well(&tenant.run(&["--as-of", "2013-02-21"]));
    let pays = |row: &Row| format!("{},2013-02-22,{},USD\n", row["authorization_id"], row["amount"]);
    let payments: String = tenant.export("authorizations").iter().map(pays).collect();
    tenant.write("commands/payments.csv", format!("{PAYMENTS}{payments}"));
    let back = "R1,1,2013-02-25,A-1,-1,10,-10,,S1\nR1,2,2013-02-25,B-1,-1,900,-900,,S1\n\
                R1,3,2013-02-25,B-1,-1,900,-900,,S2\n";
    let header = HEADER.replace('\n', ",original\n");
    tenant.write("feeds/shop/pos_2013-02.csv", format!("{header}{back}"));
    assert_well(&tenant.run(&["--as-of", "2013-02-28"]));
    let claims = tenant.export("claims");
    let told: Vec<String> = claims.iter().map(|row| cells(row, ["program", "state", "approved", "paid"])).collect();
    assert_eq!(told, ["ASKED clawback-open 0 181", "TENTH clawback-open 0 181"]);
    assert!(claims.iter().all(|row| row["codes"].ends_with("OP-24")), "{claims:?}");
    assert_eq!(sum(&tenant, "to be claimed back"), "362.00");
    assert_eq!(sum(&tenant, "overpayment prevented"), "0.00", "a claim that was paid");
    tenant.verify();
}

/// 181 and 50 are authorised, and 200 is paid for the first.
#[test]
fn what_is_paid_above_an_authorization_is_out_of_the_others() {
    let tenant = Tenant::settled();
    tenant.write("feeds/shop/pos_2013-02.csv", format!("{HEADER}S3,1,2013-01-10,A-1,50,10,500,\n"));
    assert_well(&tenant.run(&["--as-of", "2013-02-21"]));
    let mut rows = tenant.export("authorizations");
    rows.sort_by(|a, b| a["date"].cmp(&b["date"]));
    let ids: Vec<&str> = rows.iter().map(|row| row["authorization_id"].as_str()).collect();
    let [first, second] = ids[..] else { panic!("two authorizations, not {ids:?}") };
    tenant.write("commands/payments.csv", format!("{PAYMENTS}{first},2013-02-22,200,USD\n"));
    assert_well(&tenant.run(&["--as-of", "2013-02-23"]));
    let mut told: Vec<String> =
        tenant.export("authorizations").iter().map(|row| cells(row, ["date", "amount", "paid", "status"])).collect();
    told.sort();
    assert_eq!(told, ["2013-02-20 200 200 paid", "2013-02-21 31 0 authorised"]);
    assert_eq!([sum(&tenant, "authorised"), sum(&tenant, "paid")], ["231.00", "200.00"]);
    let explained = |id: &str| well(&tenant.ask(&["explain", id]));
    let out_of = "USD 19.00 of it was paid out of what was authorised with others of the period";
    assert!(explained(first).contains(out_of), "{}", explained(first));
    let less = format!(
        "USD 50.00 was authorised, USD 19.00 less may be paid: more was paid than was authorised with authorization {first}"
    );
    assert!(explained(second).contains(&less), "{}", explained(second));
    tenant.verify();
}
