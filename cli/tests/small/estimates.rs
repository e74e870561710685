//! What is estimated when goods are bought, in exports, journal and explanations.

use crate::tenant::{HEADER, Tenant, assert_well, well};

const REBATE: &str = "program: REBATE\nversions:\n  - from: 2013-01-01\n    to: 2013-12-31\n    \
                      select: { products: [aw/A-1] }\n    earn: { type: per-unit, rate: 2.10 }\n    \
                      estimate-at-sell-in: { per-unit: 2.00, lapses-after-days: 90 }\n    period: month\n    \
                      currency: USD\n";

/// Kind, units and amount of each row.
fn estimates(tenant: &Tenant) -> Vec<String> {
    let rows = tenant.export("estimates");
    rows.iter().map(|row| format!("{} {} {}", row["kind"], row["units"], row["amount"])).collect()
}

/// Template, symbols and amount of each entry of estimates.
fn booked(tenant: &Tenant) -> Vec<String> {
    let mut rows = tenant.export("journal");
    rows.retain(|row| row["source_kind"] == "estimate");
    let entry = |pair: &[crate::tenant::Row]| {
        format!("{} {}/{} {}", pair[0]["template"], pair[0]["symbol"], pair[1]["symbol"], pair[0]["amount"])
    };
    let mut entries: Vec<String> = rows.chunks(2).map(entry).collect();
    entries.sort();
    entries
}

#[test]
fn what_is_bought_is_estimated_and_relieved_by_what_is_sold() {
    let tenant = Tenant::new();
    tenant.write("config/programs/tenth.yaml", REBATE);
    tenant.write("config/purchases.csv", "partner,product,date,units\nshop,aw/A-1,2013-01-03,100\n");
    tenant.write("feeds/shop/pos_2013-01.csv", format!("{HEADER}S1,1,2013-01-05,A-1,60,10,600,\n"));
    assert_well(&tenant.run(&["--as-of", "2013-01-31"]));
    assert_eq!(estimates(&tenant), ["estimated 100 200", "relieved 60 120"]);
    let accruals = tenant.export("accruals");
    let due: Vec<&str> = accruals.iter().map(|row| row["amount"].as_str()).collect();
    assert_eq!(due, ["126"], "what is estimated is not due");
    assert_eq!(booked(&tenant), ["GL1 CR-REB/LI-EST 200", "GL3 LI-EST/CR-REB 120"]);
    tenant.verify();

    assert_well(&tenant.run(&["--as-of", "2013-04-04"]));
    assert_eq!(estimates(&tenant), ["estimated 100 200", "relieved 60 120", "lapsed 40 80"]);
    assert_eq!(booked(&tenant)[2], "GL6 LI-EST/CR-REB 80");
    let authorised: Vec<String> = tenant.export("authorizations").iter().map(|row| row["amount"].clone()).collect();
    assert_eq!(authorised, ["126"]);
    tenant.verify();

    let lot = &tenant.export("estimates")[0]["estimate_id"];
    let told = well(&tenant.ask(&["explain", lot]));
    assert!(told.contains("Lot of aw/A-1 that partner:shop bought on 2013-01-03"), "{told}");
    assert!(told.contains("40 units by 2013-04-30"), "{told}");
    let entry = tenant.export("journal").into_iter().find(|row| row["template"] == "GL6").unwrap();
    let told = well(&tenant.ask(&["explain", &entry["entry_id"]]));
    assert!(told.contains("It rests on what partners bought"), "{told}");
}

const PRICE: &str = "program: PRICE\nversions:\n  - from: 2013-01-01\n    to: 2013-12-31\n    \
                     select: { products: [aw/A-1] }\n    earn:\n      type: volume-retroactive\n      \
                     measure: quantity\n      benefit: per-unit\n      \
                     tiers: [{ from: 0, rate: 0 }, { from: 601, rate: 48 }]\n    \
                     accrue: expected\n    period: year\n    currency: USD\n";

/// Domain notes §4.2-j: 75 units, then 225 more when 700 are expected.
#[test]
fn a_tier_that_is_expected_is_accrued_and_not_due() {
    let tenant = Tenant::new();
    tenant.write("config/programs/tenth.yaml", PRICE);
    tenant.write(
        "config/expectations.csv",
        "program,partner,period,from,measure\nPRICE,shop,2013,2013-01-01,500\nPRICE,shop,2013,2013-05-02,700\n",
    );
    tenant.write("feeds/shop/pos_2013-02.csv", format!("{HEADER}S1,1,2013-02-10,A-1,75,480,36000,\n"));
    tenant.write("feeds/shop/pos_2013-05.csv", format!("{HEADER}S2,1,2013-05-20,A-1,225,480,108000,\n"));
    assert_well(&tenant.run(&["--as-of", "2013-06-30"]));
    assert_eq!(estimates(&tenant), ["expected  14400"]);
    assert_eq!(booked(&tenant), ["GL4 CR-REB/LI-EST 14400"]);
    let accruals = tenant.export("accruals");
    assert!(accruals.iter().all(|row| row["amount"] == "0"), "{accruals:?}");
    tenant.verify();
    let row = &tenant.export("estimates")[0]["estimate_id"];
    let told = well(&tenant.ask(&["explain", row]));
    assert!(told.contains("What partner:shop is expected to reach in 2013, above what it has reached"), "{told}");

    assert_well(&tenant.run(&["--as-of", "2014-02-20"]));
    assert_eq!(estimates(&tenant), ["expected  14400", "expected  -14400"], "the year brought 300");
    tenant.verify();
}
