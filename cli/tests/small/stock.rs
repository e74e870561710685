//! Stocks rolled forward from one count to the next.

use crate::tenant::{Tenant, assert_well, well};

const FEED: &str = "partner: shop\nformat: delimited\ncolumns:\n  document: document\n  date: date\n  code: code\n  \
                    quantity: quantity\n  unit_price: price\n  amount: amount\n  type: type\n\
                    types: { SALE: sale, RETURN: return, TRANSFER: internal, ADJUST: internal }\n";

/// Domain notes §4.12: 400 on hand, 1,000 shipped in, 30 returned; 750 sold, 20 came back, 40 transferred, 5 adjusted: 595. 640 are
/// counted.
#[test]
fn a_count_is_compared_with_what_moved_since_the_one_before() {
    let tenant = Tenant::new();
    tenant.write("config/feeds/shop.yaml", FEED);
    tenant.write(
        "config/inventory.csv",
        "partner,product,date,units\nshop,aw/A-1,2012-12-31,400\nshop,aw/A-1,2013-03-31,640\n",
    );
    tenant.write(
        "config/purchases.csv",
        "partner,product,date,units\nshop,aw/A-1,2013-01-10,1000\nshop,aw/A-1,2013-02-03,-30\n",
    );
    tenant.write(
        "feeds/shop/pos_2013-02.csv",
        "document,date,code,quantity,price,amount,type\nS1,2013-02-05,A-1,500,10,5000,SALE\n\
         S2,2013-02-06,A-1,250,10,2500,SALE\nS3,2013-02-07,A-1,20,10,200,RETURN\n\
         T1,2013-02-08,A-1,40,10,400,TRANSFER\nT2,2013-02-09,A-1,5,10,50,ADJUST\n",
    );
    assert_well(&tenant.run(&["--as-of", "2013-04-20"]));
    let rows = tenant.export("stock");
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    let shown = |columns: &[&str]| columns.iter().map(|column| row[*column].as_str()).collect::<Vec<_>>().join(" ");
    assert_eq!(
        shown(&["opening", "shipped_in", "returned_to_vendor", "supply", "sold", "returned", "moved_out", "moved_in"]),
        "400 1000 30 purchases.csv 750 20 45 0"
    );
    assert_eq!(shown(&["sold_rows", "returned_rows", "moved_out_rows", "moved_in_rows"]), "2 1 2 0");
    assert_eq!(
        shown(&["computed", "reported", "gap", "share", "ceiling", "above_tolerance"]),
        "595 640 45 0.07563 1420 yes"
    );
    let told = well(&tenant.ask(&["export", "stock", "--tolerance", "8%"]));
    assert!(told.ends_with(",no\n"), "{told}");
    let refused = tenant.ask(&["export", "sales", "--tolerance", "8%"]);
    assert_eq!(refused.status.code(), Some(2));
}
