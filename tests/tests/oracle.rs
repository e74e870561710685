//! What others reckon, by other means: the exports must agree with it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;
use tests::site::{Site, copy_folder, example_config, example_feeds, root};
use tests::tables::Exports;

/// By then every period of the example has frozen.
const LATER: &str = "2020-01-01";

const KINDS: [&str; 17] = [
    "per-unit",
    "percent",
    "spiff",
    "fixed",
    "volume-marginal",
    "volume-retroactive",
    "volume-rolling",
    "volume-total",
    "volume-excess",
    "growth",
    "score",
    "ship-and-debit",
    "pass-through",
    "free-goods",
    "points",
    "coop-fund",
    "price-protection",
];

/// Programs that select by what stands in tables of their own, or by an expression.
const SELECTING: [&str; 5] = [
    "OPINION-ELIGIBLE",
    "OPINION-SELECT-ATTRIBUTES",
    "OPINION-SELECT-BUYERS",
    "OPINION-SELECT-TIERS",
    "OPINION-SELECT-UNDER",
];

/// The example's configuration with programs of each type that it lacks.
fn config() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy_folder(&example_config(), folder.path());
    copy_folder(&root().join("tests/second-opinion/programs"), &folder.path().join("programs"));
    let tables = root().join("tests/second-opinion/tables");
    for table in ["special_prices.csv", "price_book.csv", "purchases.csv", "redemptions.csv", "activities.csv"] {
        let more = fs::read_to_string(tables.join(table)).unwrap();
        let (_, rows) = more.split_once('\n').expect("a table has a header");
        let path = folder.path().join(table);
        let whole = fs::read_to_string(&path).map_or(more.clone(), |whole| whole + rows);
        fs::write(path, whole).unwrap();
    }
    for table in ["product_attributes.csv", "partner_tiers.csv"] {
        fs::copy(tables.join(table), folder.path().join(table)).unwrap();
    }
    segmented(&folder.path().join("outlets.csv"));
    folder
}

/// Gives every other outlet the segment `education`, the others `retail`.
fn segmented(outlets: &Path) {
    let text = fs::read_to_string(outlets).unwrap();
    let segments = ["segment"].into_iter().chain(["education", "retail"].into_iter().cycle());
    let rows = text.lines().zip(segments).map(|(row, segment)| format!("{row},{segment}\n"));
    fs::write(outlets, rows.collect::<String>()).unwrap();
}

/// The example's feeds, where some sales are made by several persons.
fn feeds() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy_folder(&example_feeds(), folder.path());
    for entry in fs::read_dir(folder.path().join("golden-gate")).unwrap() {
        let path = entry.unwrap().path();
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let several = text.replace("Linda Mitchell,", "Linda Mitchell; Jae Pak; Ann Lee,");
        fs::write(&path, several.replace("Stephen Jiang,", "Stephen Jiang 75%; Ann Lee 25%,")).unwrap();
    }
    folder
}

fn settled(config: &Path) -> Exports {
    let (site, feeds) = (Site::of(config), feeds());
    site.run(feeds.path(), Some(LATER));
    site.exports()
}

/// Asks `second-opinion/opinion.py`, which knows the configuration and the exports and nothing else.
fn opinion(config: &Path, exports: &Exports) -> Output {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in &exports.0 {
        fs::write(folder.path().join(format!("{name}.csv")), text).unwrap();
    }
    let python = std::env::var_os("PAIDONCE_PYTHON").unwrap_or("python3".into());
    let script = root().join("tests/second-opinion/opinion.py");
    Command::new(python).arg(script).arg(config).arg(folder.path()).output().unwrap()
}

/// The exports with the lines of one of them edited.
fn tampered(exports: &Exports, name: &str, edit: impl Fn(&mut Vec<String>)) -> Exports {
    let mut tampered = exports.clone();
    let mut lines: Vec<String> = exports.0[name].lines().map(str::to_owned).collect();
    edit(&mut lines);
    tampered.0.insert(name.to_owned(), lines.join("\n") + "\n");
    tampered
}

/// The first row whose cells satisfy `wanted`, with one cell changed.
fn with_cell(lines: &mut [String], column: &str, wanted: impl Fn(&str) -> bool, value: &str) {
    let header: Vec<&str> = lines[0].split(',').collect();
    let at = header.iter().position(|name| *name == column).expect("the export has the column");
    let row = lines.iter_mut().skip(1).find(|line| line.split(',').nth(at).is_some_and(&wanted)).expect("such a row");
    let mut cells: Vec<&str> = row.split(',').collect();
    cells[at] = value;
    *row = cells.join(",");
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

#[test]
fn a_second_opinion_from_the_exports_alone_agrees() {
    let config = config();
    let exports = settled(config.path());
    let output = opinion(config.path(), &exports);
    assert!(output.status.success(), "{}", text(&output));
    for program in SELECTING {
        assert!(exports.0["accruals"].contains(&format!(",{program},")), "{program} selected nothing");
    }
    for check in
        ["programs that pay", "due of a", "authorised of a", "what a budget pays", "what a year pays", "expense of a"]
    {
        assert!(text(&output).contains(check), "{check} was not looked at: {}", text(&output));
    }
    for kind in KINDS.into_iter().chain(["divided", "drawn"]) {
        assert!(text(&output).contains(&format!(" {kind}")), "no {kind} was reckoned: {}", text(&output));
    }
}

#[test]
fn the_second_opinion_bites() {
    let config = config();
    let exports = settled(config.path());
    let above = |cell: &str| cell.parse::<f64>().is_ok_and(|amount| amount > 100.0);
    let wrong = [
        ("a line earned more", tampered(&exports, "accruals", |rows| with_cell(rows, "amount", above, "99.99"))),
        ("a line is gone", tampered(&exports, "accruals", |rows| drop(rows.remove(1)))),
        (
            "another amount is authorised",
            tampered(&exports, "authorizations", |rows| with_cell(rows, "amount", above, "99.99")),
        ),
        ("an entry is off", tampered(&exports, "journal", |rows| with_cell(rows, "amount", above, "99.99"))),
        ("a sale is larger", tampered(&exports, "sales", |rows| with_cell(rows, "quantity", |q| q == "4", "5"))),
    ];
    for (what, exports) in wrong {
        let output = opinion(config.path(), &exports);
        assert_eq!(output.status.code(), Some(1), "{what}: {}", text(&output));
    }
}
