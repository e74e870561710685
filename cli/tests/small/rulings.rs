//! What persons decide about findings that hold, through the binary.

use crate::tenant::{HEADER, Row, Tenant, assert_well, told, well};

const DECISIONS: &str = "finding_id,action,actor,role,reason\n";

/// Two documents of the shop that are nearly alike, and a unit that the kiosk claims as well.
const SHOP: &str =
    "S-10,1,2013-01-05,B-1,1,900,900,\nS10,1,2013-01-06,B-1,1,900,900,\nS2,1,2013-01-07,B-1,1,800,800,U-1\n";
const KIOSK: &str = "K1,1,2013-01-08,B-1,1,700,700,U-1\n";

fn tenant() -> Tenant {
    let tenant = Tenant::new();
    let partners = "partner,name,kind,source,parent,country,region,currency\n\
                    depot,Depot,distributor,aw,,US,West,USD\nkiosk,Kiosk,reseller,aw,depot,US,West,USD\n\
                    shop,Shop,reseller,aw,depot,US,West,USD\n";
    tenant.write("config/partners.csv", partners);
    let feed = std::fs::read_to_string(tenant.path("config/feeds/shop.yaml")).unwrap();
    tenant.write("config/feeds/kiosk.yaml", feed.replace("partner: shop", "partner: kiosk"));
    tenant.write("feeds/shop/pos_2013-01.csv", format!("{HEADER}{SHOP}"));
    tenant.write("feeds/kiosk/pos_2013-01.csv", format!("{HEADER}{KIOSK}"));
    tenant
}

/// The finding of a code on a partner's row.
fn found(tenant: &Tenant, code: &str, partner: &str) -> Row {
    let is_it = |row: &Row| row["code"] == code && row["partner"] == partner;
    tenant.export("findings").into_iter().find(is_it).unwrap_or_else(|| panic!("no {code} of {partner}"))
}

/// Partner and amount of what is due.
fn due(tenant: &Tenant) -> Vec<String> {
    let mut due: Vec<String> =
        tenant.export("accruals").iter().map(|row| format!("{} {}", row["beneficiary"], row["amount"])).collect();
    due.sort();
    due
}

/// Writes a file of decisions on one finding, and runs; how many of them are told as refused.
fn decide(tenant: &Tenant, file: &str, finding: &Row, lines: &[&str], more: &[&str]) -> usize {
    let lines: String = lines.iter().map(|line| format!("{},{line}\n", finding["finding_id"])).collect();
    tenant.write(&format!("commands/{file}.csv"), format!("{DECISIONS}{lines}"));
    let output = tenant.run(more);
    let refused = told(&output).matches("nothing was decided: ").count();
    assert_eq!(output.status.code(), Some(i32::from(refused > 0)), "{}", told(&output));
    tenant.verify();
    refused
}

#[test]
fn two_persons_let_a_sale_earn_and_one_takes_it_back() {
    let tenant = tenant();
    assert_well(&tenant.run(&["--as-of", "2013-02-20"]));
    let copy = || found(&tenant, "DD-05", "shop");
    assert_eq!((copy()["state"].as_str(), copy()["decided_by"].as_str()), ("", ""));
    assert_eq!(due(&tenant), ["partner:shop 90"]);

    let proposed = ["release,partner/shop,,mine", "release,ann,analyst,", "release,ann,analyst,"];
    assert_eq!(decide(&tenant, "1", &copy(), &proposed, &[]), 2);
    assert_eq!((copy()["state"].as_str(), copy()["decided_by"].as_str()), ("release-proposed", "ann"));
    let status = well(&tenant.ask(&["status"]));
    assert!(status.contains("1  finding waits for a second person to decide: compliance"), "{status}");

    decide(&tenant, "2", &copy(), &["release,bo,approver,two deliveries"], &["--as-of", "2013-02-21"]);
    assert_eq!((copy()["state"].as_str(), copy()["decided_by"].as_str()), ("released", "ann; bo"));
    assert_eq!(due(&tenant), ["partner:shop 90", "partner:shop 90"]);
    let authorised: Vec<Row> = tenant.export("authorizations");
    assert_eq!(authorised.iter().map(|row| row["amount"].as_str()).collect::<Vec<_>>(), ["90", "90"]);

    let (finding, sale) = (copy()["finding_id"].clone(), copy()["sale_id"].clone());
    let life = well(&tenant.ask(&["explain", &finding]));
    assert!(life.contains("released by ann and bo: two deliveries"), "{life}");
    assert!(life.contains("finding.refused 1 by partner/shop"), "{life}");
    assert!(life.contains("finding.decided 4 by bo"), "{life}");
    assert!(well(&tenant.ask(&["explain", &sale])).contains("released by ann and bo"));

    decide(&tenant, "3", &copy(), &["reopen,cy,controller,one delivery after all"], &["--as-of", "2013-02-22"]);
    assert_eq!(copy()["state"], "");
    assert_eq!(due(&tenant), ["partner:shop 90"]);
}

#[test]
fn a_unit_that_two_partners_claim_is_paid_once() {
    let tenant = tenant();
    assert_well(&tenant.run(&["--as-of", "2013-02-20"]));
    let of = |partner| found(&tenant, "DD-07", partner);
    decide(
        &tenant,
        "1",
        &of("kiosk"),
        &["release,ann,,", "release,bo,,photo of the receipt"],
        &["--as-of", "2013-02-21"],
    );
    assert_eq!(due(&tenant), ["partner:kiosk 70", "partner:shop 90"]);
    assert_eq!((of("shop")["state"].as_str(), &of("shop")["explained_by"]), ("", &of("kiosk")["finding_id"]));
    assert!(of("shop")["message"].contains("given to the other sale"), "{:?}", of("shop"));
    let status = well(&tenant.ask(&["status"]));
    assert!(status.contains("1  finding holds a benefit: compliance"), "{status}");
    let refused = decide(&tenant, "2", &of("shop"), &["release,ann,,", "release,bo,,"], &["--as-of", "2013-02-22"]);
    assert_eq!(refused, 2);
    assert_eq!(due(&tenant), ["partner:kiosk 70", "partner:shop 90"]);
    let refused = tenant.export("audit").into_iter().filter(|row| row["action"] == "finding.refused").count();
    assert_eq!(refused, 2);

    // The shop's row is restated: it is another case, and so is the kiosk's.
    tenant.write("feeds/shop/pos_2013-01_CORR.csv", format!("{HEADER}{}", SHOP.replace("800,800", "810,810")));
    assert_well(&tenant.run(&["--as-of", "2013-02-23"]));
    assert_eq!((of("kiosk")["state"].as_str(), of("shop")["state"].as_str()), ("", ""));
    assert_eq!(due(&tenant), ["partner:shop 90"]);
    tenant.verify();
}

/// A date out of its period is explained by the copy that the row is, and is in doubt again when persons say that it is none.
#[test]
fn what_is_released_explains_nothing() {
    let tenant = tenant();
    tenant.write("feeds/shop/pos_2013-02.csv", format!("{HEADER}S-20,1,2013-02-28,B-1,1,600,600,\n"));
    tenant.write("feeds/shop/pos_2013-01.csv", format!("{HEADER}{SHOP}S20,1,2013-03-01,B-1,1,600,600,\n"));
    assert_well(&tenant.run(&["--as-of", "2013-03-20"]));
    let date = || found(&tenant, "DQ-03", "shop");
    let copies = tenant.export("findings").into_iter().filter(|row| row["code"] == "DD-05");
    let copy = copies.into_iter().find(|row| row["record_no"] == date()["record_no"]).unwrap();
    assert_eq!(date()["explained_by"], copy["finding_id"]);
    decide(&tenant, "1", &copy, &["release,ann,,", "release,bo,,"], &[]);
    assert_eq!(date()["explained_by"], "");
}

#[test]
fn a_decision_about_a_finding_that_nobody_knows_is_told_once() {
    let tenant = tenant();
    assert_well(&tenant.run(&["--as-of", "2013-02-20"]));
    let (known, nobody) = (found(&tenant, "DD-05", "shop")["finding_id"].clone(), "9".repeat(32));
    let lines = format!("{DECISIONS}{nobody},release,ann,,\n{known},release,ann,,\n");
    tenant.write("commands/decisions.csv", lines);
    let output = tenant.run(&[]);
    assert_eq!(output.status.code(), Some(1));
    let warning = format!("warning: decisions.csv:2: finding_id \"{nobody}\": names no finding that held anything");
    let count = told(&output).matches("warning: ").count();
    assert!(told(&output).contains(&warning) && count == 1, "{}", told(&output));
    let status = well(&tenant.ask(&["status"]));
    let waiting = "1  decision is about a claim or a finding that nobody knows, first decisions.csv:2: who decided";
    assert!(status.contains(waiting), "{status}");
}
