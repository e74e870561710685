//! Files whose sender nobody knows, or whose layout: told, and let in once somebody does.

use crate::tenant::{AS_OF, HEADER, Tenant, assert_well};

const SOLD: &str = "K1,1,2013-01-06,B-1,1,900,900,\n";

/// What is refused, after another run.
fn refused(tenant: &Tenant) -> Vec<String> {
    assert_well(&tenant.run(&["--as-of", AS_OF]));
    tenant.verify();
    tenant.export("rejects").into_iter().map(|row| format!("{} {}", row["code"], row["file"])).collect()
}

fn accepted(tenant: &Tenant, partner: &str) -> usize {
    tenant.export("sales").iter().filter(|row| row["partner"] == partner).count()
}

/// A feed definition like that of the shop.
fn feed_of(tenant: &Tenant, partner: &str) {
    let shop = std::fs::read_to_string(tenant.path("config/feeds/shop.yaml")).unwrap();
    tenant
        .write(&format!("config/feeds/{partner}.yaml"), shop.replace("partner: shop", &format!("partner: {partner}")));
}

#[test]
fn a_sender_that_nobody_knows_is_let_in_by_the_master() {
    let tenant = Tenant::settled();
    assert_eq!(refused(&tenant), [""; 0]);
    tenant.write("feeds/kiosk/pos_2013-01.csv", format!("{HEADER}{SOLD}"));
    assert_eq!(refused(&tenant), ["DQ-11 kiosk/pos_2013-01.csv"]);
    assert_eq!(accepted(&tenant, "kiosk"), 0);
    let partners = std::fs::read_to_string(tenant.path("config/partners.csv")).unwrap();
    tenant.write("config/partners.csv", format!("{partners}kiosk,Kiosk,reseller,aw,depot,US,West,USD\n"));
    feed_of(&tenant, "kiosk");
    assert_eq!(refused(&tenant), [""; 0]);
    assert_eq!(accepted(&tenant, "kiosk"), 1);
}

#[test]
fn a_file_that_no_feed_is_for_waits_for_one() {
    let tenant = Tenant::settled();
    std::fs::remove_file(tenant.path("config/feeds/depot.yaml")).unwrap();
    tenant.write("feeds/depot/pos_2013-01.csv", format!("{HEADER}{SOLD}"));
    assert_eq!(refused(&tenant), ["DQ-12 depot/pos_2013-01.csv"]);
    assert_eq!(accepted(&tenant, "depot"), 0);
    feed_of(&tenant, "depot");
    assert_eq!(refused(&tenant), [""; 0]);
    assert_eq!(accepted(&tenant, "depot"), 1);
}
