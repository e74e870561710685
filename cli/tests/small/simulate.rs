//! Other programs over the same log: what differs is told, what does not is not, and the directory stays as it is.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Output;

use contract::Micros;

use crate::tenant::{AS_OF, HEADER, Row, TENTH, Tenant, assert_well, paidonce, told, well};

const FEBRUARY: &str =
    "S3,1,2013-02-03,A-1,4,10,40,\nS4,1,2013-02-05,B-1,2,900,1800,\nS3,2,2013-02-09,A-1,-1,10,-10,\n";

/// Bicycles alone, by the piece: the other one of a group.
const BIKES: &str = "program: BIKES\nversions:\n  - from: 2013-01-01\n    to: 2013-12-31\n    \
                     select: { categories: [Bikes] }\n    earn: { type: per-unit, rate: 50 }\n    period: month\n";

const GROUP: &str = "    group: shop\n    priority: ";

/// January is frozen and its tenth paid, in part before February came; February is open.
fn tenant(threads: &str) -> Tenant {
    let tenant = Tenant::settled();
    let id = tenant.export("authorizations")[0]["authorization_id"].clone();
    let payment = format!("authorization_id,date,amount,currency\n{id},2013-02-21,100,USD\n");
    tenant.write("commands/payments.csv", payment);
    tenant.write("feeds/shop/pos_2013-02.csv", format!("{HEADER}{FEBRUARY}"));
    tenant.write("feeds/shop/pos_2013-03.csv", format!("{HEADER}S5,1,2013-01-30,A-1,3,10,30,\n"));
    let [config, data] = ["config", "data"].map(|name| tenant.argument(name));
    let [feeds, commands] = ["feeds", "commands"].map(|name| tenant.argument(name));
    let mut run = paidonce();
    run.args(["run", "--config", &config, "--data", &data, "--feeds", &feeds, "--commands", &commands]);
    run.args(["--until-idle", "--as-of", AS_OF, "--threads", threads]);
    assert_well(&run.output().unwrap());
    copy(&tenant.path("config"), &tenant.path("other"));
    tenant
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}

fn simulate(tenant: &Tenant, more: &[&str]) -> Output {
    tenant.ask(&[&["simulate", "--config", &tenant.argument("other")], more].concat())
}

fn rows(tenant: &Tenant, more: &[&str]) -> Vec<Row> {
    let csv = well(&simulate(tenant, &[&["--format", "csv"], more].concat()));
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    reader.deserialize().map(|row| row.unwrap()).collect()
}

/// The cells of these columns of every row of a kind.
fn cells(rows: &[Row], kind: &str, columns: &[&str]) -> Vec<String> {
    let of_kind = rows.iter().filter(|row| row["row"] == kind);
    of_kind.map(|row| columns.iter().map(|column| row[*column].as_str()).collect::<Vec<_>>().join(" ")).collect()
}

/// Every file of the data directory that holds something.
fn held(tenant: &Tenant) -> BTreeMap<String, Vec<u8>> {
    let mut held = BTreeMap::new();
    let mut folders = vec![tenant.path("data")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => drop(held.insert(path.display().to_string(), fs::read(&path).unwrap())),
            }
        }
    }
    held
}

const DUE: [&str; 3] = ["due_before", "due_after", "difference"];

#[test]
fn the_same_programs_make_no_difference_at_all() {
    let tenant = tenant("1");
    let before = held(&tenant);
    let shown = well(&simulate(&tenant, &[]));
    assert!(shown.starts_with("Programs that differ\n  none\n\nThere is no difference at all.\n"), "{shown}");
    let rows = rows(&tenant, &[]);
    assert_eq!(cells(&rows, "total", &DUE), ["367 367 0"]);
    assert!(rows.iter().all(|row| matches!(row["difference"].as_str(), "0" | "")), "{rows:#?}");
    assert!(rows.iter().all(|row| matches!(row["findings_come"].as_str(), "0" | "")), "{rows:#?}");
    assert!(before == held(&tenant), "the directory is only read");
}

#[test]
fn the_side_before_is_what_the_directory_exports() {
    let tenant = tenant("1");
    tenant.write("other/programs/tenth.yaml", TENTH.replace("10%", "25%"));
    let mut exported: BTreeMap<String, Micros> = BTreeMap::new();
    for row in tenant.export("accruals") {
        let key = ["program", "version", "beneficiary", "period", "currency"].map(|column| row[column].clone());
        *exported.entry(key.join(" ")).or_default() += Micros::parse(&row["amount"]).unwrap();
    }
    let exported: Vec<String> = exported.into_iter().map(|(key, due)| format!("{key} {due}")).collect();
    let columns = ["program", "version", "beneficiary", "period", "currency", "due_before"];
    assert_eq!(cells(&rows(&tenant, &[]), "settlement", &columns), exported);
    tenant.verify();
}

#[test]
fn what_is_authorised_and_not_paid_in_time_makes_no_difference() {
    let tenant = tenant("1");
    assert_well(&tenant.run(&["--as-of", "2013-12-31"]));
    assert!(tenant.export("findings").iter().any(|row| row["code"] == "UP-04"));
    well(&simulate(&tenant, &[]));
}

#[test]
fn another_rate_under_the_same_version_is_told_by_program_partner_and_period() {
    let tenant = tenant("1");
    tenant.write("other/programs/tenth.yaml", TENTH.replace("10%", "20%"));
    let rows = rows(&tenant, &[]);
    assert_eq!(cells(&rows, "total", &DUE), ["367 734 367"]);
    let columns = ["program", "version", "due_before", "due_after", "units_before", "units_after", "amount_after"];
    assert_eq!(cells(&rows, "program", &columns), ["TENTH 1 367 734 11 11 3670"]);
    assert_eq!(cells(&rows, "partner", &[&["partner"], &DUE[..]].concat()), ["shop 367 734 367"]);
    let of_periods = ["2013-01 184 368 184", "2013-02 183 366 183"];
    assert_eq!(cells(&rows, "period", &[&["period"], &DUE[..]].concat()), of_periods);
    let shown = well(&simulate(&tenant, &[]));
    let terms = "  TENTH version 1: other terms: earn\n    earn: percent: 10 % → percent: 20 %\n";
    assert!(shown.contains(terms), "{shown}");
    let (totals, largest) = (shown.find("Totals").unwrap(), shown.find("Largest differences").unwrap());
    assert!(totals < largest, "{shown}");
    let sums = ["USD", "367.00", "734.00", "+367.00"];
    assert!(shown.lines().any(|line| line.split_whitespace().eq(sums)), "{shown}");
}

#[test]
fn only_periods_that_are_asked_for_are_compared() {
    let tenant = tenant("1");
    tenant.write("other/programs/tenth.yaml", TENTH.replace("10%", "20%"));
    for (range, periods) in [
        (&["--from", "2013-01-31"][..], &["2013-01", "2013-02"][..]),
        (&["--from", "2013-02-01"], &["2013-02"]),
        (&["--to", "2013-02-01"], &["2013-01", "2013-02"]),
        (&["--to", "2013-01-31"], &["2013-01"]),
        (&["--from", "2013-03-01", "--to", "2013-03-31"], &[]),
    ] {
        assert_eq!(cells(&rows(&tenant, range), "period", &["period"]), periods, "{range:?}");
    }
    let backwards = simulate(&tenant, &["--from", "2013-02-02", "--to", "2013-02-01"]);
    assert_eq!(backwards.status.code(), Some(2));
    assert_eq!(told(&backwards), "error: --from 2013-02-02 lies after --to 2013-02-01\n");
}

#[test]
fn a_new_program_of_a_group_takes_sales_from_another() {
    let tenant = tenant("1");
    tenant.write("other/programs/tenth.yaml", format!("{TENTH}{GROUP}2\n"));
    tenant.write("other/programs/bikes.yaml", format!("{BIKES}{GROUP}1\n"));
    let rows = rows(&tenant, &[]);
    // Four bicycles earn 50 each instead of 90; the axles stay where they are.
    assert_eq!(cells(&rows, "program", &[&["program"], &DUE[..]].concat()), ["BIKES 0 200 200", "TENTH 367 7 -360"]);
    let moved = ["group", "paid_by_before", "paid_by_after", "sales_before", "sales_after"];
    assert_eq!(cells(&rows, "group", &[&moved[..], &DUE].concat()), ["shop TENTH BIKES 3 3 360 200 -160"]);
    let found = cells(&rows, "finding", &["code", "findings_before", "findings_after", "findings_come"]);
    assert!(found.contains(&"DD-11 0 2 2".to_owned()), "{found:?}");
    let shown = well(&simulate(&tenant, &[]));
    assert!(shown.contains("  BIKES version 1: new\n"), "{shown}");
    assert!(shown.contains("Sales that change hands within an exclusivity group"), "{shown}");
}

#[test]
fn a_cap_and_a_budget_say_what_they_took() {
    let tenant = tenant("1");
    tenant.write(
        "other/programs/tenth.yaml",
        format!("{TENTH}    caps: {{ per-unit: 80, partner-period: 150, budget: 200 }}\n"),
    );
    let rows = rows(&tenant, &[]);
    let columns = ["period", "due_before", "due_after", "bound_before", "bound_after"];
    let took = ["per_unit_took_after", "partner_period_took_after", "budget_took_after"];
    // January: 2 × 80 and 4, capped at 150; February: 2 × 80 and 3, capped at 150, of which the budget leaves 50.
    assert_eq!(
        cells(&rows, "settlement", &[&columns[..], &took].concat()),
        [
            "2013-01 184 150  per-unit, partner-period 20 14 0",
            "2013-02 183 50  per-unit, partner-period, budget 20 13 100",
        ]
    );
    assert_eq!(cells(&rows, "total", &[&DUE[..], &took].concat()), ["367 200 -167 40 27 100"]);
    let shown = well(&simulate(&tenant, &[]));
    assert!(shown.contains("Thresholds, caps and budgets"), "{shown}");
}

#[test]
fn tiers_that_are_reached_are_named() {
    let tenant = tenant("1");
    let tiers = "type: volume-retroactive, measure: amount, tiers: [{ from: 0, rate: 1% }, { from: 1835, rate: 2% }]";
    tenant.write("other/programs/tenth.yaml", TENTH.replace("type: percent, rate: 10%", tiers));
    let rows = rows(&tenant, &[]);
    let columns = ["period", "due_after", "tier_before", "tier_after", "tier_rate_after"];
    assert_eq!(cells(&rows, "settlement", &columns), ["2013-01 36.8  2 0.02", "2013-02 18.3  1 0.01"]);
}

#[test]
fn a_program_that_is_taken_out_pays_nothing() {
    let tenant = tenant("1");
    fs::remove_file(tenant.path("other/programs/tenth.yaml")).unwrap();
    tenant.write("other/programs/bikes.yaml", BIKES);
    let rows = rows(&tenant, &[]);
    let columns = [&["program"], &DUE[..], &["sales_before", "sales_after"]].concat();
    assert_eq!(cells(&rows, "program", &columns), ["BIKES 0 200 200 0 3", "TENTH 367 0 -367 7 0"]);
    assert!(well(&simulate(&tenant, &[])).contains("  TENTH version 1: taken out\n"));
}

#[test]
fn the_same_bytes_come_out_on_every_run_whatever_the_threads_were() {
    let sites = [tenant("1"), tenant("4")];
    let mut outputs: Vec<Vec<String>> = Vec::new();
    for site in sites.iter().chain(&sites) {
        site.write("other/programs/tenth.yaml", format!("{TENTH}{GROUP}2\n"));
        site.write("other/programs/bikes.yaml", format!("{BIKES}{GROUP}1\n"));
        let page = site.argument("page.html");
        let mut output: Vec<String> = ["text", "csv", "jsonl"]
            .map(|format| well(&simulate(site, &["--format", format, "--page", &page])))
            .to_vec();
        output.push(fs::read_to_string(page).unwrap());
        outputs.push(output);
    }
    assert!(outputs.windows(2).all(|pair| pair[0] == pair[1]), "{outputs:#?}");
    let lines = outputs[0][2].lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    assert_eq!(lines.count(), outputs[0][1].lines().count() - 1);
}

#[test]
fn the_page_stands_alone() {
    let tenant = tenant("1");
    tenant.write(
        "other/programs/tenth.yaml",
        TENTH.replace("10%", "20%").replace("versions", "name: <b>Twice</b>\nversions"),
    );
    tenant.write(
        "other/partners.csv",
        fs::read_to_string(tenant.path("config/partners.csv")).unwrap().replace("Depot", "Depots"),
    );
    let file = tenant.argument("page.html");
    let output = simulate(&tenant, &["--page", &file]);
    let note = "note: the configuration differs in partners too; of it only programs are used\n";
    assert_eq!(told(&output), note);
    let page = fs::read_to_string(file).unwrap();
    for outside in ["<script", "http:", "https:", "src=", "href=", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    let tables = page.matches("<table>").count();
    assert!(tables >= 6, "{page}");
    assert_eq!(page.matches("<caption>").count(), tables);
    assert_eq!(page.matches("</table>").count(), tables);
    assert!(page.contains("&lt;b&gt;Twice&lt;/b&gt;") && !page.contains("<b>"), "{page}");
    assert!(page.contains("<td>percent: 10 %</td><td class=\"other\">percent: 20 %</td>"), "{page}");
    assert!(page.contains("<td class=\"number\">+367.00</td>"), "{page}");
    assert!(page.contains("differs in partners too"), "{page}");
}

#[test]
fn what_cannot_be_simulated_is_said_in_a_line() {
    let tenant = Tenant::new();
    copy(&tenant.path("config"), &tenant.path("other"));
    let nothing = simulate(&tenant, &[]);
    assert_eq!(nothing.status.code(), Some(1));
    assert!(told(&nothing).starts_with("error: data directory ") && told(&nothing).contains("is not there"));
    assert_well(&tenant.run(&["--as-of", AS_OF]));
    let empty = simulate(&tenant, &[]);
    assert_eq!(empty.status.code(), Some(1));
    assert_eq!(told(&empty), "error: the data directory holds no sales yet: there is nothing to simulate\n");
    tenant.write("other/programs/tenth.yaml", TENTH.replace("percent,", "per-cent,"));
    let wrong = simulate(&tenant, &[]);
    assert_eq!(wrong.status.code(), Some(78));
    assert!(told(&wrong).contains("programs/tenth.yaml:5:"), "{}", told(&wrong));
    let nowhere = paidonce().args(["simulate", "--config", "nowhere", "--data", "nowhere"]).output().unwrap();
    assert_eq!(nowhere.status.code(), Some(78));
    tenant.write("file", "");
    let (config, file) = (tenant.argument("config"), tenant.argument("file"));
    let file = paidonce().args(["simulate", "--config", &config, "--data", &file]).output().unwrap();
    assert_eq!(told(&file).lines().count(), 1, "{}", told(&file));
}
