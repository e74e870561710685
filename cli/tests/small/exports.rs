use std::fs::File;

use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::tenant::{HEADER, JANUARY, Tenant, assert_well, paidonce, well};

/// The depot sells a bike in February that the shop's January file dates into March: a date out of its period and a
/// double in one.
fn doubted_double() -> Tenant {
    let tenant = Tenant::new();
    let bike = "B-1,1,900,900,SN9";
    tenant.write("feeds/depot/pos_2013-02.csv", format!("{HEADER}D1,1,2013-02-10,{bike}\n"));
    tenant.write("feeds/shop/pos_2013-01.csv", format!("{HEADER}{JANUARY}S3,1,2013-03-02,{bike}\n"));
    assert_well(&tenant.run(&[]));
    tenant
}

#[test]
fn what_explains_a_finding_is_the_same_for_all_readers() {
    let tenant = doubted_double();
    let findings = tenant.export("findings");
    let of =
        |code: &str| findings.iter().find(|row| row["code"] == code).unwrap_or_else(|| panic!("{code}: {findings:#?}"));
    let (date, double) = (of("DQ-03"), of("DD-08"));
    assert_eq!(date["explained_by"], double["finding_id"]);
    let told = well(&tenant.ask(&["explain", &date["finding_id"]]));
    assert!(told.contains(&format!("explained by finding {}", double["finding_id"])), "{told}");
    let status = well(&tenant.ask(&["status"]));
    let line = status.lines().find(|line| line.contains("DQ-03")).unwrap();
    assert!(line.ends_with("(1 explained by another)"), "{status}");
    assert!(!status.contains("a benefit: compliance"), "{status}");
    let verified = well(&tenant.ask(&["verify"]));
    let line = verified.lines().find(|line| line.ends_with("a finding is explained by one that stands")).unwrap();
    let explained = findings.iter().filter(|row| !row["explained_by"].is_empty()).count();
    assert_eq!(line.split_whitespace().take(2).collect::<Vec<_>>(), ["holds", &explained.to_string()]);
}

#[test]
fn parquet_holds_what_the_table_holds() {
    let tenant = Tenant::settled();
    for what in ["sales", "journal", "authorizations", "receipts", "audit", "claims"] {
        let path = tenant.path("out.parquet");
        let export = || {
            let mut command = paidonce();
            command.args(["export", what, "--format", "parquet", "--data", &tenant.argument("data")]);
            command.stdout(File::create(&path).unwrap()).status().unwrap()
        };
        assert!(export().success());
        let bytes = std::fs::read(&path).unwrap();
        let file = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
        let columns: Vec<String> =
            file.metadata().file_metadata().schema().get_fields().iter().map(|f| f.name().to_owned()).collect();
        let rows = tenant.export(what);
        let csv = well(&tenant.ask(&["export", what]));
        assert_eq!(columns.join(","), csv.lines().next().unwrap());
        let read: Vec<_> = file.get_row_iter(None).unwrap().map(|row| row.unwrap()).collect();
        assert_eq!(read.len(), rows.len(), "{what}");
        for (read, row) in read.iter().zip(&rows) {
            for (column, field) in read.get_column_iter() {
                let (cell, shown) = (&row[column], field.to_string());
                let shown = shown.trim_matches('"');
                let same = match cell.contains('.') && shown.ends_with('0') {
                    true => shown.trim_end_matches('0').trim_end_matches('.') == cell,
                    false => shown == cell || shown == format!("{cell}.000000") || (cell.is_empty() && shown == "null"),
                };
                assert!(same, "{what}: {column}: {cell} against {shown}");
            }
        }
        export();
        assert!(bytes == std::fs::read(&path).unwrap(), "{what}: the same data, other bytes");
    }
}
