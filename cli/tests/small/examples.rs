//! The tables beside the example programs: sales that meet each row of them, and what comes of that.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::tenant::{Tenant, assert_well};

const FEED: &str = "partner: hilltop\nfiles: [\"pos_*.csv\"]\nformat: delimited\ncolumns:\n  document: document\n  \
                    date: date\n  code: code\n  quantity: quantity\n  unit_price: price\n  amount: amount\n  \
                    serials: serials\n  rep: rep\ncurrency: USD\n";
const HEADER: &str = "document,date,code,quantity,price,amount,serials,rep\n";
const MARCH: &str = "H1,2013-03-05,SAW,1,600,600,S0005,Ann Lee\n\
                     H2,2013-03-06,SAW,1,600,600,S0007,Ann Lee\n\
                     DS-4711,2013-03-07,SAW,1,600,600,S0008,Ann Lee\n\
                     H3,2013-03-08,SAW,1,600,600,X9,Ann Lee\n\
                     H4,2013-03-09,SAW,1,600,600,S0009,Bo Marsh\n";
const APRIL: &str = "H5,2013-04-02,SAW,1,600,600,S0010,Ann Lee\n";

/// The examples as they are shipped, and what Hilltop sold.
fn shipped() -> Tenant {
    let tenant = Tenant::new();
    fs::remove_dir_all(tenant.path("config")).unwrap();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples"), &tenant.path("config"));
    tenant.write("config/feeds/hilltop-pos.yaml", FEED);
    tenant.write("feeds/hilltop/pos_2013-03.csv", format!("{HEADER}{MARCH}"));
    tenant.write("feeds/hilltop/pos_2013-04.csv", format!("{HEADER}{APRIL}"));
    tenant
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy(&path, &target),
            false => {
                fs::copy(&path, &target).unwrap();
            }
        }
    }
}

/// What is found of the rows that tables decide about: code and record, or code and program.
fn found(tenant: &Tenant, codes: &[&str]) -> BTreeSet<String> {
    let rows = tenant.export("findings").into_iter().filter(|row| codes.contains(&row["code"].as_str()));
    rows.map(|row| format!("{} {} {}", row["code"], row["program"], row["record_no"]).replace("  ", " ")).collect()
}

/// What is accrued, or authorised, under a program.
fn amount(tenant: &Tenant, table: &str, program: &str) -> Vec<String> {
    let rows = tenant.export(table).into_iter().filter(|row| row["program"] == program);
    let mut all: Vec<String> = rows.map(|row| format!("{} {}", row["period"], row["amount"])).collect();
    all.sort();
    all
}

#[test]
fn each_table_of_the_examples_decides_about_sales_that_meet_it() {
    let tenant = shipped();
    assert_well(&tenant.run(&["--as-of", "2013-05-20"]));
    tenant.verify();
    let found = found(&tenant, &["DD-10", "DD-22", "DD-27", "DD-31", "OP-08", "OP-31", "OP-43"]);
    let found: Vec<&str> = found.iter().map(String::as_str).collect();
    let expected = [
        "DD-10 GOLD-PRO 1",      // deductions.csv
        "DD-22 PRO-CLUB 2",      // consumer_rebates.csv
        "DD-27 PRO-CLUB 3",      // drop_shipments.csv
        "DD-31 COUNTER-SPIFF 4", // serial_ranges.csv
        "OP-08 PRO-CLUB 1",      // memberships.csv, of April
        "OP-43 COUNTER-SPIFF 5", // persons.csv
    ];
    assert_eq!(found, expected);
    assert_eq!(amount(&tenant, "accruals", "PRO-CLUB"), ["2013-03 12", "2013-03 12"]);
    assert_eq!(amount(&tenant, "accruals", "GOLD-PRO").last().unwrap(), "2013-04 12");
    assert_eq!(amount(&tenant, "authorizations", "GOLD-PRO"), ["2013-03 14", "2013-04 12"]);
}

/// A version that comes when its period has frozen pays once `amendments.csv` has it.
#[test]
fn a_version_that_comes_late_waits_for_its_row() {
    let tenant = shipped();
    let file = "config/programs/gold-pro.yaml";
    let whole = fs::read_to_string(tenant.path(file)).unwrap();
    let (first, rest) = whole.split_once("  # Where it came").unwrap();
    let amendments = fs::read_to_string(tenant.path("config/amendments.csv")).unwrap();
    tenant.write(file, first);
    fs::remove_file(tenant.path("config/amendments.csv")).unwrap();
    fs::remove_file(tenant.path("feeds/hilltop/pos_2013-04.csv")).unwrap();
    assert_well(&tenant.run(&["--as-of", "2013-05-20"]));
    tenant.write(file, format!("{first}  # Where it came{rest}"));
    tenant.write("feeds/hilltop/pos_2013-04.csv", format!("{HEADER}{APRIL}"));
    assert_well(&tenant.run(&["--as-of", "2013-05-21"]));
    assert_eq!(found(&tenant, &["OP-31"]), BTreeSet::from(["OP-31 GOLD-PRO 1".to_owned()]));
    assert_eq!(amount(&tenant, "authorizations", "GOLD-PRO"), ["2013-03 14"]);
    tenant.write("config/amendments.csv", amendments);
    assert_well(&tenant.run(&["--as-of", "2013-05-22"]));
    assert_eq!(found(&tenant, &["OP-31"]), BTreeSet::new());
    assert_eq!(amount(&tenant, "authorizations", "GOLD-PRO"), ["2013-03 14", "2013-04 12"]);
    tenant.verify();
}
