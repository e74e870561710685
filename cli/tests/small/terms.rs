//! Programs change by new versions: other terms under the number of an old one are refused.

use std::process::Output;

use crate::tenant::{AS_OF, TENTH, Tenant, assert_well, paidonce, told};

fn check(tenant: &Tenant) -> Output {
    let (config, data) = (tenant.path("config"), tenant.path("data"));
    paidonce().arg("check").arg("--config").arg(config).arg("--data").arg(data).output().unwrap()
}

/// Both `check` and `run` refuse, saying this, and nothing changes.
fn assert_refused(tenant: &Tenant, problem: &str) {
    let accruals = tenant.export("accruals");
    for output in [check(tenant), tenant.run(&["--as-of", "2013-03-20"])] {
        assert_eq!(output.status.code(), Some(78), "{}", told(&output));
        assert!(told(&output).contains(problem), "{}", told(&output));
    }
    assert_eq!(tenant.export("accruals"), accruals);
    tenant.verify();
}

#[test]
fn other_terms_under_the_same_version_are_refused() {
    let tenant = Tenant::settled();
    tenant.write("config/programs/tenth.yaml", TENTH.replace("10%", "20%"));
    assert_refused(
        &tenant,
        "programs/tenth.yaml:3:5: version 1 of program `TENTH` was in force with other terms: earn\n     \
         3 |   - from: 2013-01-01\n       |     ^\n       \
         = put them back, end this version by its `to`, and add a version with the new terms",
    );
    tenant.write("config/programs/tenth.yaml", TENTH.replace("2013-01-01", "2013-01-06") + "    caps: { budget: 5 }\n");
    assert_refused(&tenant, "in force with other terms: from, caps");
    std::fs::remove_file(tenant.path("config/programs/tenth.yaml")).unwrap();
    assert_refused(&tenant, "programs: version 1 of program `TENTH` was in force and is gone");
}

#[test]
fn books_keep_their_currency_and_their_partitions() {
    let tenant = Tenant::settled();
    tenant.write("config/tenant.yaml", "name: Small\nfunctional-currency: CHF\n");
    let books = "tenant.yaml: `functional-currency` is CHF, and these books are kept in USD\n       = put USD back";
    assert_refused(&tenant, books);
    tenant.write("config/tenant.yaml", "name: Small\nfunctional-currency: USD\npartitions: 3\n");
    let told = told(&check(&tenant));
    assert!(told.contains("not 3; the number is fixed when a directory is made"), "{told}");
}

#[test]
fn a_new_version_behind_an_old_one_is_how_terms_change() {
    let tenant = Tenant::settled();
    let ended = TENTH.replace("2013-12-31", "2013-01-31");
    let later = |from: &str, rate: &str| {
        let version = TENTH.split_once("versions:\n").unwrap().1;
        format!("{ended}{}", version.replace("2013-01-01", from).replace("10%", rate))
    };
    tenant.write("config/programs/tenth.yaml", later("2013-02-01", "20%"));
    assert_well(&check(&tenant));
    assert_well(&tenant.run(&["--as-of", AS_OF]));
    // One that has not begun may still become another.
    tenant.write("config/programs/tenth.yaml", later("2013-06-01", "30%"));
    assert_refused(&tenant, "version 2 of program `TENTH` was in force with other terms: from, earn");
}

#[test]
fn a_version_that_has_not_begun_may_change_and_so_may_a_name() {
    let tenant = Tenant::new();
    tenant.write("config/programs/summer.yaml", TENTH.replace("TENTH", "SUMMER").replace("2013-01-01", "2013-06-01"));
    assert_well(&tenant.run(&["--as-of", AS_OF]));
    tenant.write("config/programs/summer.yaml", TENTH.replace("TENTH", "SUMMER").replace("2013-01-01", "2013-07-01"));
    tenant.write("config/programs/tenth.yaml", TENTH.replace("versions", "name: A tenth of all\nversions"));
    assert_well(&check(&tenant));
    assert_well(&tenant.run(&["--as-of", AS_OF]));
}
