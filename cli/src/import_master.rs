//! `paidonce import-master`: tables of a manufacturer's master data become a configuration.
//!
//! In: `partners`, `products`, `sku_xref`, `sell_in`, `inventory`, `purchases`, `special_prices`, `price_book`, `outlets`, `memberships`,
//! `persons`, `restricted`, `serial_ranges`, `consumer_rebates`, `drop_shipments`, `customer_payments`, `taxes`, `tax_thresholds`, `deductions`, `payees`,
//! `amendments`, `expectations`, `product_attributes`, `partner_tiers`, `redemptions`, `activities`, `rates` and `programs` as CSV, products and outlets keyed by (source, code). Out: the tables of a configuration
//! with golden keys `source/code`, sorted, and one YAML file for each row of `programs.csv`. Doing it twice changes nothing; nothing is
//! written before all is read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// What was written, for the person who asked.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// File with its number of rows.
    pub tables: Vec<(&'static str, usize)>,
    pub programs: usize,
    /// Program files that were changed since they were imported, or written by hand: they stay as they are.
    pub kept: Vec<String>,
    /// Rows left out because an earlier row has the same key, or because they name a partner nobody knows.
    pub left_out: usize,
}

/// Reads the tables of `from` and writes them into the configuration folder `to`.
///
/// # Errors
/// A table that must be there is missing, or tables lack columns: all of them are named; a file cannot be read or written.
pub fn import_master(from: &Path, to: &Path) -> Result<Imported> {
    let mut imported = Imported::default();
    let partners = Source::open(from, "partners.csv")?;
    let (mut files, mut faults): (Vec<(PathBuf, String)>, Vec<String>) = (Vec::new(), Vec::new());
    // Without its columns the table is told below.
    let sources = partners.map(["partner_id", "source"]).unwrap_or_default();
    let mut write = |name: &'static str, header: &[&str], rows: Result<Rows>| -> Result<()> {
        let rows = match rows {
            Ok(rows) => rows,
            Err(fault) => {
                faults.push(format!("{fault:#}"));
                return Ok(());
            }
        };
        imported.left_out += rows.left_out;
        imported.tables.push((name, rows.rows.len()));
        files.push((to.join(name), rows.csv(header)?));
        Ok(())
    };
    let header = ["partner", "name", "kind", "source", "parent", "country", "region", "currency"];
    write("partners.csv", &header, partners_of(&partners))?;
    let header = ["product", "name", "category", "list_price", "name_2", "name_3", "pack"];
    write("products.csv", &header, Source::open(from, "products.csv").and_then(|table| products_of(&table)))?;
    if let Some(table) = Source::open_optional(from, "outlets.csv")? {
        let columns = ["outlet", "name", "city", "region", "country", "segment", "operated_by"];
        write("outlets.csv", &columns, outlets_of(&table))?;
    }
    if let Some(table) = Source::open_optional(from, "sku_xref.csv")? {
        write("sku_xref.csv", &["partner", "code", "product"], cross_references_of(&table, &sources))?;
    }
    if let Some(table) = Source::open_optional(from, "sell_in.csv")? {
        write("sell_in.csv", &["partner", "product", "year", "units"], shipments_of(&table, &sources))?;
    }
    if let Some(table) = Source::open_optional(from, "inventory.csv")? {
        write("inventory.csv", &["partner", "product", "date", "units"], stocks_of(&table, &sources))?;
    }
    if let Some(table) = Source::open_optional(from, "purchases.csv")? {
        write("purchases.csv", &PURCHASES, purchases_of(&table, &sources))?;
    }
    if let Some(table) = Source::open_optional(from, "special_prices.csv")? {
        write("special_prices.csv", &SPECIAL_PRICES, special_prices_of(&table, &sources))?;
    }
    if let Some(table) = Source::open_optional(from, "price_book.csv")? {
        let rows = table.keyed(4, ["source", "sku", "currency", "from", "cost"], |[source, sku, rest @ ..]| {
            Some([vec![format!("{source}/{sku}")], rest.map(str::to_owned).to_vec()].concat())
        });
        write("price_book.csv", &["product", "currency", "from", "cost"], rows)?;
    }
    if let Some(table) = Source::open_optional(from, "memberships.csv")? {
        let columns = ["program", "partner_id", "from", "?to"];
        let rows = table.keyed(3, columns, |row| Some(row.map(str::to_owned).to_vec()));
        write("memberships.csv", &["program", "partner", "from", "to"], rows)?;
    }
    if let Some(table) = Source::open_optional(from, "persons.csv")? {
        let columns = ["partner_id", "person", "from", "?to", "?payee"];
        let rows = table.keyed(3, columns, |row| Some(row.map(str::to_owned).to_vec()));
        write("persons.csv", &["partner", "person", "from", "to", "payee"], rows)?;
    }
    if let Some(table) = Source::open_optional(from, "restricted.csv")? {
        let rows = table.keyed(2, ["name", "list"], |row| Some(row.map(str::to_owned).to_vec()));
        write("restricted.csv", &["name", "list"], rows)?;
    }
    if let Some(table) = Source::open_optional(from, "serial_ranges.csv")? {
        let columns = ["source", "sku", "first", "last", "?partner_id"];
        let rows = table.keyed(3, columns, |[source, sku, first, last, partner]| {
            Some([vec![format!("{source}/{sku}")], [first, last, partner].map(str::to_owned).to_vec()].concat())
        });
        write("serial_ranges.csv", &["product", "first", "last", "partner"], rows)?;
    }
    if let Some(table) = Source::open_optional(from, "consumer_rebates.csv")? {
        let rows = table.keyed(2, ["source", "sku", "serial", "date"], |[source, sku, serial, date]| {
            Some([vec![format!("{source}/{sku}")], [serial, date].map(str::to_owned).to_vec()].concat())
        });
        write("consumer_rebates.csv", &["product", "serial", "date"], rows)?;
    }
    if let Some(table) = Source::open_optional(from, "drop_shipments.csv")? {
        let rows = table.keyed(3, ["partner_id", "sku", "order"], |[partner, sku, order]| {
            let source = sources.get(partner)?;
            Some(vec![partner.to_owned(), format!("{source}/{sku}"), order.to_owned()])
        });
        write("drop_shipments.csv", &["partner", "product", "order"], rows)?;
    }
    if let Some(table) = Source::open_optional(from, "customer_payments.csv")? {
        let columns = ["partner_id", "document", "date", "status"];
        let rows = table.keyed(3, columns, |row| Some(row.map(str::to_owned).to_vec()));
        write("customer_payments.csv", &["partner", "document", "date", "status"], rows)?;
    }
    if let Some(table) = Source::open_optional(from, "taxes.csv")? {
        let rows = table.keyed(2, ["country", "from", "rate"], |row| Some(row.map(str::to_owned).to_vec()));
        write("taxes.csv", &["country", "from", "rate"], rows)?;
    }
    if let Some(table) = Source::open_optional(from, "tax_thresholds.csv")? {
        let columns = ["country", "currency", "from", "amount"];
        let rows = table.keyed(3, columns, |row| Some(row.map(str::to_owned).to_vec()));
        write("tax_thresholds.csv", &columns, rows)?;
    }
    if let Some(table) = Source::open_optional(from, "deductions.csv")? {
        let columns = ["deduction", "program", "partner_id", "period", "invoice", "amount", "currency", "?accepted_by"];
        let rows = table.keyed(3, columns, |row| Some(row.map(str::to_owned).to_vec()));
        let header = ["deduction", "program", "partner", "period", "invoice", "amount", "currency", "accepted_by"];
        write("deductions.csv", &header, rows)?;
    }
    if let Some(table) = Source::open_optional(from, "payees.csv")? {
        let columns = ["partner_id", "from", "account", "?holder"];
        let rows = table.keyed(2, columns, |row| Some(row.map(str::to_owned).to_vec()));
        write("payees.csv", &["partner", "from", "account", "holder"], rows)?;
    }
    if let Some(table) = Source::open_optional(from, "amendments.csv")? {
        let columns = ["program", "version", "approved_by", "?to"];
        let rows = table.keyed(2, columns, |row| Some(row.map(str::to_owned).to_vec()));
        write("amendments.csv", &["program", "version", "approved_by", "to"], rows)?;
    }
    if let Some(table) = Source::open_optional(from, "expectations.csv")? {
        let columns = ["program", "partner_id", "period", "from", "measure"];
        let rows = table.keyed(4, columns, |row| Some(row.map(str::to_owned).to_vec()));
        write("expectations.csv", &["program", "partner", "period", "from", "measure"], rows)?;
    }
    if let Some(table) = Source::open_optional(from, "product_attributes.csv")? {
        let rows = table.keyed(2, ["source", "sku", "attribute", "value"], |[source, sku, attribute, value]| {
            Some([vec![format!("{source}/{sku}")], [attribute, value].map(str::to_owned).to_vec()].concat())
        });
        write("product_attributes.csv", &["product", "attribute", "value"], rows)?;
    }
    if let Some(table) = Source::open_optional(from, "partner_tiers.csv")? {
        let columns = ["partner_id", "tier", "from", "?to"];
        let rows = table.keyed(3, columns, |row| Some(row.map(str::to_owned).to_vec()));
        write("partner_tiers.csv", &["partner", "tier", "from", "to"], rows)?;
    }
    if let Some(table) = Source::open_optional(from, "redemptions.csv")? {
        let columns = ["order", "program", "partner_id", "date", "points"];
        let rows = table.keyed(3, columns, |row| Some(row.map(str::to_owned).to_vec()));
        write("redemptions.csv", &["order", "program", "partner", "date", "points"], rows)?;
    }
    if let Some(table) = Source::open_optional(from, "activities.csv")? {
        let columns = ["activity", "program", "partner_id", "date", "approved", "spent", "?proof"];
        let rows = table.keyed(3, columns, |row| Some(row.map(str::to_owned).to_vec()));
        let header = ["activity", "program", "partner", "date", "approved", "spent", "proof"];
        write("activities.csv", &header, rows)?;
    }
    if let Some(table) = Source::open_optional(from, "rates.csv")? {
        let columns = ["currency", "date", "rate"];
        let rows = table.keyed(2, columns, |row| Some(row.map(str::to_owned).to_vec()));
        write("rates.csv", &columns, rows)?;
    }
    if let Some(table) = Source::open_optional(from, "programs.csv")? {
        let programs = programs_of(&table, to).unwrap_or_else(|fault| {
            faults.push(format!("{fault:#}"));
            BTreeMap::new()
        });
        imported.programs = programs.len();
        for (path, program) in programs {
            if is_ours(&path)? {
                files.push((path, program));
            } else {
                imported.kept.push(format!("programs/{}", path.file_name().unwrap_or_default().to_string_lossy()));
            }
        }
    }
    if !faults.is_empty() {
        bail!("{}", faults.join("\n"));
    }
    let tenant = to.join("tenant.yaml");
    if !tenant.exists() {
        files.push((tenant, tenant_yaml(from, &partners)?));
    }
    files.iter().try_for_each(|(path, content)| write_if_changed(path, content))?;
    Ok(imported)
}

fn partners_of(table: &Source) -> Result<Rows> {
    let columns =
        ["partner_id", "name", "kind", "source", "parent_partner_id", "country", "?region", "default_currency"];
    table.rows(columns, |row| {
        let [id, name, kind, source, parent, country, region, currency] = row;
        Some([id, name, kind, source, parent, country, region, currency].map(str::to_owned).to_vec())
    })
}

fn products_of(table: &Source) -> Result<Rows> {
    let columns = ["source", "sku", "name", "category", "list_price", "?name_2", "?name_3", "?pack"];
    table.rows(columns, |[source, sku, name, category, price, name_2, name_3, pack]| {
        let rest = [name, category, price, name_2, name_3, pack].map(str::to_owned);
        Some([vec![format!("{source}/{sku}")], rest.to_vec()].concat())
    })
}

fn outlets_of(table: &Source) -> Result<Rows> {
    let columns = ["source", "outlet_id", "name", "?city", "?region", "?country", "?segment", "?operated_by"];
    table.rows(columns, |[source, id, rest @ ..]: [&str; 8]| {
        Some([vec![format!("{source}/{id}")], rest.map(str::to_owned).to_vec()].concat())
    })
}

fn cross_references_of(table: &Source, sources: &BTreeMap<String, String>) -> Result<Rows> {
    table.keyed(2, ["partner_id", "partner_sku", "sku"], |[partner, code, sku]| {
        let source = sources.get(partner)?;
        Some(vec![partner.to_owned(), code.to_owned(), format!("{source}/{sku}")])
    })
}

fn shipments_of(table: &Source, sources: &BTreeMap<String, String>) -> Result<Rows> {
    table.keyed(3, ["partner_id", "sku", "year", "units_shipped"], |[partner, sku, year, units]| {
        let source = sources.get(partner)?;
        Some(vec![partner.to_owned(), format!("{source}/{sku}"), year.to_owned(), units.to_owned()])
    })
}

fn stocks_of(table: &Source, sources: &BTreeMap<String, String>) -> Result<Rows> {
    table.keyed(3, ["partner_id", "sku", "date", "units"], |[partner, sku, date, units]| {
        let source = sources.get(partner)?;
        Some(vec![partner.to_owned(), format!("{source}/{sku}"), date.to_owned(), units.to_owned()])
    })
}

const PURCHASES: [&str; 7] = ["partner", "product", "date", "document", "units", "unit_cost", "currency"];

fn purchases_of(table: &Source, sources: &BTreeMap<String, String>) -> Result<Rows> {
    let columns = ["partner_id", "sku", "date", "?document", "units", "?unit_cost", "?currency"];
    table.keyed(4, columns, |[partner, sku, rest @ ..]: [&str; 7]| {
        let source = sources.get(partner)?;
        Some([vec![partner.to_owned(), format!("{source}/{sku}")], rest.map(str::to_owned).to_vec()].concat())
    })
}

const SPECIAL_PRICES: [&str; 12] = [
    "program",
    "partner",
    "product",
    "authorisation",
    "customer",
    "from",
    "to",
    "quantity",
    "cost",
    "amount",
    "resale",
    "currency",
];

/// A customer stands as it is written: an outlet's golden key, or a name.
fn special_prices_of(table: &Source, sources: &BTreeMap<String, String>) -> Result<Rows> {
    let columns = [
        "program",
        "partner_id",
        "sku",
        "authorisation",
        "?customer",
        "from",
        "to",
        "?quantity",
        "?cost",
        "?amount",
        "?resale",
        "currency",
    ];
    table.keyed(4, columns, |[program, partner, sku, rest @ ..]: [&str; 12]| {
        let source = sources.get(partner)?;
        let key = vec![program.to_owned(), partner.to_owned(), format!("{source}/{sku}")];
        Some([key, rest.map(str::to_owned).to_vec()].concat())
    })
}

/// Each program's file with its text.
fn programs_of(table: &Source, to: &Path) -> Result<BTreeMap<PathBuf, String>> {
    let columns = [
        "program",
        "kind",
        "source",
        "category",
        "partner_kind",
        "from",
        "to",
        "period",
        "basis",
        "rate",
        "tiers",
        "cap",
        "group",
        "priority",
        "pay_tier",
        "currency",
    ];
    let mut programs = BTreeMap::new();
    for row in table.cells(columns)? {
        let file = format!("{}.yaml", file_name(row[0]));
        if programs.insert(to.join("programs").join(&file), marked(&program_yaml(&row)?)).is_some() {
            bail!("{}: two programs would be written to programs/{file}", table.name);
        }
    }
    Ok(programs)
}

const MARK: &str = "# import-master made this file. It leaves it alone once what follows is changed: ";

/// A text behind a line by which [`is_ours`] sees whether it is still the same.
fn marked(text: &str) -> String {
    format!("{MARK}{}\n{text}", &blake3::hash(text.as_bytes()).to_hex()[..16])
}

/// Whether an import may write this file: it is not there, or is as an import left it.
fn is_ours(path: &Path) -> Result<bool> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(error).with_context(|| format!("{} is not readable", path.display())),
    };
    Ok(text.split_once('\n').is_some_and(|(_, rest)| marked(rest) == text))
}

/// One program with one version.
fn program_yaml(row: &[&str; 16]) -> Result<String> {
    let [
        program,
        kind,
        source,
        category,
        partner_kind,
        from,
        to,
        period,
        basis,
        rate,
        tiers,
        cap,
        group,
        priority,
        pay_tier,
        currency,
    ] = *row;
    let mut yaml = format!("program: {}\nversions:\n  - from: {from}\n    to: {to}\n", quoted(program));
    let mut select = Vec::new();
    for (key, value) in [("sources", source), ("categories", category), ("partner-kinds", partner_kind)] {
        if !value.is_empty() {
            select.push(format!("{key}: [{}]", quoted(value)));
        }
    }
    if !select.is_empty() {
        yaml += &format!("    select: {{ {} }}\n", select.join(", "));
    }
    yaml += &earn_yaml(kind, basis, rate, tiers).with_context(|| format!("program {program}"))?;
    yaml += &format!("    period: {period}\n");
    let scoped_group = if group.is_empty() { String::new() } else { quoted(&format!("{source}/{group}")) };
    let caps = if cap.is_empty() { String::new() } else { format!("{{ partner-period: {cap} }}") };
    let optional = [
        ("caps", caps.as_str()),
        ("group", &scoped_group),
        ("priority", priority),
        ("pay-tier", pay_tier),
        ("currency", currency),
    ];
    for (key, value) in optional.iter().filter(|(_, value)| !value.is_empty()) {
        yaml += &format!("    {key}: {value}\n");
    }
    Ok(yaml)
}

/// A tier is a share of the amount where the measure is the amount, else money per unit.
fn earn_yaml(kind: &str, basis: &str, rate: &str, tiers: &str) -> Result<String> {
    let benefit = if basis == "amount" { "percent" } else { "per-unit" };
    match kind {
        "per-unit" | "percent" => Ok(format!("    earn: {{ type: {kind}, rate: {rate} }}\n")),
        "spiff" => Ok(format!("    earn: {{ type: spiff, benefit: {benefit}, rate: {rate} }}\n")),
        "volume-marginal" | "volume-retroactive" | "volume-rolling" | "volume-total" => {
            let mut yaml = format!(
                "    earn:\n      type: {kind}\n      measure: {basis}\n      benefit: {benefit}\n      tiers:\n"
            );
            for tier in tiers.split(';') {
                let (from, rate) = tier.split_once(':').with_context(|| format!("tier {tier:?} is not `from:rate`"))?;
                yaml += &format!("        - {{ from: {}, rate: {} }}\n", from.trim(), rate.trim());
            }
            Ok(yaml)
        }
        _ => bail!("unknown kind of program {kind:?}"),
    }
}

/// The books are kept in the currency of most partners.
fn tenant_yaml(from: &Path, partners: &Source) -> Result<String> {
    let mut count: BTreeMap<&str, i64> = BTreeMap::new();
    for [currency] in partners.cells(["default_currency"])? {
        *count.entry(currency).or_default() -= 1;
    }
    count.remove("");
    let most = count.iter().min_by_key(|(currency, n)| (**n, **currency));
    let currency = most.map_or("USD", |(currency, _)| currency);
    let folder = from.canonicalize().ok().and_then(|p| Some(p.parent()?.file_name()?.to_string_lossy().into_owned()));
    Ok(format!("name: {}\nfunctional-currency: {currency}\n", quoted(&folder.unwrap_or_else(|| "imported".to_owned()))))
}

/// A CSV table of the master data.
struct Source {
    name: String,
    header: csv::StringRecord,
    records: Vec<csv::StringRecord>,
}

/// Rows of a table to write, without a key twice.
struct Rows {
    rows: Vec<Vec<String>>,
    left_out: usize,
}

impl Source {
    fn open(folder: &Path, file: &str) -> Result<Source> {
        let path = folder.join(file);
        let bytes = std::fs::read(&path).with_context(|| format!("{} is not readable", path.display()))?;
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        let mut reader = csv::ReaderBuilder::new().from_reader(bytes);
        let context = || format!("{} is not a CSV table", path.display());
        let header = reader.headers().with_context(context)?.clone();
        let records = reader.records().collect::<Result<_, _>>().with_context(context)?;
        Ok(Source { name: path.display().to_string(), header, records })
    }

    fn open_optional(folder: &Path, file: &str) -> Result<Option<Source>> {
        folder.join(file).exists().then(|| Source::open(folder, file)).transpose()
    }

    /// Cells of the columns, in the order asked for. A column with a `?` in front may be missing.
    fn cells<const N: usize>(&self, columns: [&str; N]) -> Result<Vec<[&str; N]>> {
        let place = |column: &str| self.header.iter().position(|h| h.trim() == column.trim_start_matches('?'));
        let positions = columns.map(place);
        let is_missing = |(column, place): &(&&str, &Option<usize>)| place.is_none() && !column.starts_with('?');
        let missing = columns.iter().zip(&positions).filter(is_missing).map(|(column, _)| *column);
        let missing: Vec<&str> = missing.collect();
        if !missing.is_empty() {
            let header: Vec<&str> = self.header.iter().collect();
            bail!("{}: lacks {}; its header is {}", self.name, missing.join(", "), header.join(", "));
        }
        Ok(self.records.iter().map(|r| positions.map(|p| p.and_then(|n| r.get(n)).unwrap_or("").trim())).collect())
    }

    fn map(&self, [key, value]: [&str; 2]) -> Result<BTreeMap<String, String>> {
        Ok(self.cells([key, value])?.into_iter().map(|[k, v]| (k.to_owned(), v.to_owned())).collect())
    }

    fn rows<const N: usize>(&self, columns: [&str; N], row: fn([&str; N]) -> Option<Vec<String>>) -> Result<Rows> {
        self.keyed(1, columns, row)
    }

    /// Rows sorted by their first `key` cells; the first of equal keys stands.
    fn keyed<const N: usize>(
        &self,
        key: usize,
        columns: [&str; N],
        row: impl Fn([&str; N]) -> Option<Vec<String>>,
    ) -> Result<Rows> {
        let mut rows = BTreeMap::new();
        let cells = self.cells(columns)?;
        let all = cells.len();
        for cells in cells {
            if let Some(cells) = row(cells) {
                rows.entry(cells[..key].to_vec()).or_insert(cells);
            }
        }
        let rows: Vec<_> = rows.into_values().collect();
        Ok(Rows { left_out: all - rows.len(), rows })
    }
}

impl Rows {
    fn csv(&self, header: &[&str]) -> Result<String> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(header)?;
        for row in &self.rows {
            writer.write_record(row)?;
        }
        Ok(String::from_utf8(writer.into_inner()?)?)
    }
}

fn write_if_changed(path: &Path, content: &str) -> Result<()> {
    if std::fs::read(path).is_ok_and(|old| old == content.as_bytes()) {
        return Ok(());
    }
    let folder = path.parent().context("a file stands in a folder")?;
    std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    std::fs::write(path, content).with_context(|| format!("{} cannot be written", path.display()))
}

/// A double-quoted YAML scalar.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn file_name(id: &str) -> String {
    let plain =
        |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c.to_ascii_lowercase() } else { '-' };
    id.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration;

    const MASTER: &[(&str, &str)] = &[
        (
            "partners.csv",
            "partner_id,name,kind,source,parent_partner_id,country,default_currency\n\
             P2,Shop,reseller,aw,P1,DE,EUR\nP1,Wholesale,distributor,aw,,US,USD\nP3,Store,reseller,aw,,US,USD\n",
        ),
        (
            "products.csv",
            "source,sku,name,category,list_price\naw,B-1,\"Bike, red\",Bikes,900.00\naw,A-1,Axle,Parts,\n",
        ),
        ("sku_xref.csv", "partner_id,partner_sku,sku\nP2,77,A-1\nP2,77,B-1\nP9,78,A-1\n"),
        ("memberships.csv", "program,partner_id,from,to\nAW-STEP,P2,2013-02-01,\nAW-STEP,P1,2013-01-01,2013-03-31\n"),
        ("persons.csv", "partner_id,person,from\nP2,Ann Lee,2013-01-01\n"),
        ("restricted.csv", "name,list\nEvil Ltd,EU 2013-01\n"),
        ("inventory.csv", "partner_id,sku,date,units\nP2,A-1,2012-12-31,40\n"),
        ("consumer_rebates.csv", "source,sku,serial,date\naw,A-1,s-1,2013-02-03\naw,A-1,s-1,2013-02-04\n"),
        ("drop_shipments.csv", "partner_id,sku,order\nP2,A-1,4711\n"),
        ("customer_payments.csv", "partner_id,document,date,status\nP2,R-1,2013-02-03,paid\n"),
        ("taxes.csv", "country,from,rate\nDE,2007-01-01,19%\n"),
        ("tax_thresholds.csv", "country,currency,from,amount\nUS,USD,2007-01-01,600\n"),
        (
            "deductions.csv",
            "deduction,program,partner_id,period,invoice,amount,currency\nD-1,AW-STEP,P2,2013,88,150.00,USD\n",
        ),
        ("payees.csv", "partner_id,from,account\nP2,2013-01-01,a1\n"),
        ("amendments.csv", "program,version,approved_by,to\nAW-STEP,1,Ann Lee,2013-03-31\n"),
        ("product_attributes.csv", "source,sku,attribute,value\naw,B-1,colour,red\n"),
        ("partner_tiers.csv", "partner_id,tier,from\nP2,gold,2013-01-01\n"),
        (
            "programs.csv",
            "program,kind,source,category,partner_kind,from,to,period,basis,rate,tiers,cap,group,priority,pay_tier,\
             currency\n\
             AW-STEP,volume-marginal,aw,,,2013-01-01,2013-12-31,year,amount,,0:0.01;5000:0.02,,,4,,USD\n\
             AW-DIST,percent,aw,Bikes,distributor,2013-01-01,2013-12-31,quarter,amount,0.05,,500.00,front,1,distributor,USD\n\
             AW-SPIFF,spiff,aw,,,2013-01-01,2013-12-31,month,quantity,0.10,,,,6,,USD\n",
        ),
    ];

    fn imported() -> (tempfile::TempDir, Imported) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in MASTER {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let imported = import_master(folder.path(), &folder.path().join("config")).unwrap();
        (folder, imported)
    }

    /// Programs that are made of a table do not accrue by it: that is said in their files.
    #[test]
    fn what_is_expected_is_imported_for_programs_that_say_so() {
        let folder = tempfile::tempdir().unwrap();
        let (name, text) =
            ("expectations.csv", "program,partner_id,period,from,measure\nSTEP,P2,2013,2013-02-01,700\n");
        for (name, text) in MASTER.iter().copied().chain([(name, text)]) {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        import_master(folder.path(), &folder.path().join("config")).unwrap();
        let written = std::fs::read_to_string(folder.path().join("config").join(name)).unwrap();
        assert_eq!(written, "program,partner,period,from,measure\nSTEP,P2,2013,2013-02-01,700\n");
    }

    #[test]
    fn tables_become_a_configuration_without_problems() {
        let (folder, imported) = imported();
        assert_eq!((imported.programs, imported.left_out), (3, 3));
        let configuration = configuration::load(&folder.path().join("config")).unwrap();
        assert_eq!(configuration.tenant.functional_currency.as_str(), "USD");
        let reference = configuration.reference;
        assert_eq!(reference.cross_references[0].product, "aw/A-1");
        assert_eq!(reference.products[1].name, "Bike, red");
        assert_eq!(reference.memberships[0].to.unwrap().to_string(), "2013-03-31");
        assert_eq!((reference.memberships.len(), reference.persons.len(), reference.restricted.len()), (2, 1, 1));
        assert_eq!((&*reference.consumer_rebates[0].serial, &*reference.drop_shipments[0].product), ("S1", "aw/A-1"));
        assert_eq!(reference.customer_payments[0].status, contract::InvoiceStatus::Paid);
        assert_eq!(reference.taxes[0].rate.to_string(), "0.19");
        assert_eq!(reference.tax_thresholds[0].amount.to_string(), "600");
        assert_eq!(
            (&*reference.inventory[0].product, reference.inventory[0].units.to_string()),
            ("aw/A-1", "40".into())
        );
        assert_eq!((&*reference.deductions[0].invoice, &*reference.payees[0].account), ("88", "a1"));
        let amendment = &reference.amendments[0];
        assert_eq!(
            (&*amendment.program, amendment.version, amendment.to),
            ("AW-STEP", 1, contract::Day::parse("2013-03-31"))
        );
        assert_eq!(reference.product_attributes[0].product, "aw/B-1");
        assert_eq!(reference.partner_tiers[0].tier, "gold");
        let [dist, spiff, step] = reference.programs.as_slice() else { panic!("{:?}", reference.programs) };
        assert_eq!(dist.group.as_deref(), Some("aw/front"));
        assert_eq!(dist.caps.partner_period.unwrap().to_string(), "500");
        assert_eq!(dist.pay_tier, Some(contract::PartnerKind::Distributor));
        assert_eq!(spiff.class, contract::AccountingClass::SpiffExpense);
        let contract::Mechanism::VolumeMarginal { tiers, .. } = &step.mechanism else { panic!("{step:?}") };
        assert_eq!(tiers[1].from.to_string(), "5000");
    }

    #[test]
    fn prices_and_purchases_stand_beside_programs_that_were_written_by_hand() {
        let (folder, _) = imported();
        let config = folder.path().join("config");
        let program = |name: &str, earn: &str| {
            let text = format!(
                "program: {name}\nversions:\n  - from: 2013-01-01\n    to: 2013-12-31\n    earn: {earn}\n    \
                 period: month\n    currency: USD\n    close-days: 90\n"
            );
            std::fs::write(config.join(format!("programs/{name}.yaml")), text).unwrap();
        };
        program("DEBIT", "{ type: ship-and-debit, resale: strict }");
        program("PROTECT", "{ type: price-protection, look-back-days: 90 }");
        program("POINTS", "{ type: points, measure: quantity, every: 1, points: 1, value: 0.01, breakage: 0% }");
        program("FUND", "{ type: coop-fund, rate: 2%, share: 50% }");
        for (name, text) in [
            (
                "purchases.csv",
                "partner_id,sku,date,document,units,unit_cost,currency\nP2,A-1,2013-02-01,R-1,-4,,\n\
                 P2,A-1,2013-01-10,4711,25,9.40,USD\nP2,A-1,2013-01-10,4712,5,,\nP9,A-1,2013-01-10,,7,,\n",
            ),
            (
                "special_prices.csv",
                "authorisation,program,partner_id,sku,from,to,quantity,cost,currency\n\
                 SPA-2,DEBIT,P2,B-1,2013-01-01,2013-06-30,,700,USD\nSPA-1,DEBIT,P2,A-1,2013-01-01,2013-06-30,9,7.40,USD\n",
            ),
            ("price_book.csv", "source,sku,currency,from,cost\naw,A-1,USD,2013-02-15,9.40\naw,A-1,USD,2013-01-01,10\n"),
            ("redemptions.csv", "order,program,partner_id,date,points\nR-2,POINTS,P2,2013-02-01,50\n"),
            ("activities.csv", "activity,program,partner_id,date,approved,spent\nA-1,FUND,P2,2013-02-02,90,200\n"),
            ("rates.csv", "currency,date,rate\nEUR,2013-02-02,1.36\nEUR,2013-02-01,1.35\n"),
        ] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let imported = import_master(folder.path(), &config).unwrap();
        assert_eq!(imported.left_out, 4, "a purchase of a partner that nobody knows");
        let reference = configuration::load(&config).unwrap().reference;
        let bought: Vec<String> = reference
            .purchases
            .iter()
            .map(|b| format!("{} {} {} {}", b.product, b.date, b.document, b.units))
            .collect();
        assert_eq!(bought, ["aw/A-1 2013-01-10 4711 25", "aw/A-1 2013-01-10 4712 5", "aw/A-1 2013-02-01 R-1 -4"]);
        let costs: Vec<Option<String>> =
            reference.purchases.iter().map(|b| Some(format!("{} {}", b.cost?.amount, b.cost?.currency))).collect();
        assert_eq!(costs, [Some("9.4 USD".to_owned()), None, None]);
        let authorised: Vec<&str> = reference.special_prices.iter().map(|special| &*special.id).collect();
        assert_eq!(authorised, ["SPA-1", "SPA-2"]);
        let costs: Vec<String> = reference.book_costs.iter().map(|cost| cost.cost.to_string()).collect();
        assert_eq!(costs, ["10", "9.4"]);
        let drawn: Vec<&str> = reference.draws.iter().map(|draw| &*draw.id).collect();
        assert_eq!(drawn, ["A-1", "R-2"]);
        let rates: Vec<String> = reference.rates.iter().map(|rate| format!("{} {}", rate.day, rate.rate)).collect();
        assert_eq!(rates, ["2013-02-01 1.35", "2013-02-02 1.36"]);
        let text = |name: &str| std::fs::read_to_string(config.join(name)).unwrap();
        let before = text("special_prices.csv");
        import_master(folder.path(), &config).unwrap();
        assert_eq!(text("special_prices.csv"), before);
    }

    #[test]
    fn doing_it_twice_changes_nothing_and_a_tenant_stays() {
        let (folder, _) = imported();
        let config = folder.path().join("config");
        std::fs::write(config.join("tenant.yaml"), "name: Mine\nfunctional-currency: EUR\n").unwrap();
        let before = configuration::load(&config).unwrap();
        import_master(folder.path(), &config).unwrap();
        let after = configuration::load(&config).unwrap();
        assert_eq!((before.tenant, before.digest), (after.tenant, after.digest));
    }

    #[test]
    fn a_program_that_was_changed_stays_and_one_that_was_not_follows_its_row() {
        let (folder, _) = imported();
        let file = |name: &str| folder.path().join("config/programs").join(name);
        let text = |name: &str| std::fs::read_to_string(file(name)).unwrap();
        let edited = text("aw-dist.yaml").replace("rate: 0.05", "rate: 0.06");
        std::fs::write(file("aw-dist.yaml"), &edited).unwrap();
        std::fs::write(file("aw-own.yaml"), "program: OWN\n").unwrap();
        let (_, programs) = MASTER.iter().find(|(name, _)| *name == "programs.csv").unwrap();
        let rows = programs.replace("0.05,,500.00", "0.07,,500.00").replace("5000:0.02", "6000:0.02");
        std::fs::write(folder.path().join("programs.csv"), rows).unwrap();
        let imported = import_master(folder.path(), &folder.path().join("config")).unwrap();
        assert_eq!((imported.programs, imported.kept), (3, vec!["programs/aw-dist.yaml".to_owned()]));
        assert_eq!((text("aw-dist.yaml"), text("aw-own.yaml")), (edited, "program: OWN\n".to_owned()));
        assert!(text("aw-step.yaml").contains("from: 6000"));
    }

    #[test]
    fn a_missing_column_is_named_and_nothing_is_written() {
        let (folder, _) = imported();
        std::fs::write(folder.path().join("products.csv"), "source,sku,name\n").unwrap();
        let fresh = folder.path().join("fresh");
        let error = import_master(folder.path(), &fresh).unwrap_err();
        let told = "products.csv: lacks category, list_price; its header is source, sku, name";
        assert!(error.to_string().ends_with(told), "{error:#}");
        std::fs::write(folder.path().join("rates.csv"), "currency,day\n").unwrap();
        let error = import_master(folder.path(), &fresh).unwrap_err().to_string();
        let told: Vec<&str> =
            error.lines().filter_map(|line| line.split_once(": lacks ")).map(|(_, what)| what).collect();
        assert_eq!(
            told,
            ["category, list_price; its header is source, sku, name", "date, rate; its header is currency, day"]
        );
        assert!(!fresh.exists());
    }
}
