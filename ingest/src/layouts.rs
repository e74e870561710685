//! Feed definitions for generated feed sets: the known layouts by hand, any other from its description.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use serde::Deserialize;

use crate::definition::{self, Problem};

/// Layouts that were described once, by hand.
const KNOWN: [(&str, &str); 9] = [
    ("csv-iso", include_str!("../../config/layouts/csv-iso.yaml")),
    ("csv-de", include_str!("../../config/layouts/csv-de.yaml")),
    ("tsv-us", include_str!("../../config/layouts/tsv-us.yaml")),
    ("jsonl", include_str!("../../config/layouts/jsonl.yaml")),
    ("x12-867", include_str!("../../config/layouts/x12-867.yaml")),
    ("pipe-cents", include_str!("../../config/layouts/pipe-cents.yaml")),
    ("report-csv", include_str!("../../config/layouts/report-csv.yaml")),
    ("csv-fr", include_str!("../../config/layouts/csv-fr.yaml")),
    ("tsv-mon", include_str!("../../config/layouts/tsv-mon.yaml")),
];

/// Writes `config_dir/feeds/<partner>.yaml` for every partner of a generated feed set, as its
/// `truth/layouts.json` and `master/partners.csv` say. Gives the partners written.
///
/// # Errors
/// `InvalidData` for a description that cannot be understood, with the partner's name.
pub fn configure(feeds_dir: &Path, config_dir: &Path) -> io::Result<Vec<String>> {
    let layouts = fs::read_to_string(feeds_dir.join("truth/layouts.json"))?;
    let layouts: BTreeMap<String, Layout> = serde_json::from_str(&layouts).map_err(invalid)?;
    let partners = read_partners(&fs::read_to_string(feeds_dir.join("master/partners.csv"))?)?;
    let folder = config_dir.join("feeds");
    fs::create_dir_all(&folder)?;
    for (id, layout) in &layouts {
        let partner = partners.get(id).ok_or_else(|| invalid(format!("partner {id} is not in master/partners.csv")))?;
        let text = definition_of(id, layout, partner, &feeds_dir.join("feeds").join(id))?;
        definition::parse(&format!("{id}.yaml"), id, &text).map_err(|problems| invalid(shown(&problems)))?;
        fs::write(folder.join(format!("{id}.yaml")), text)?;
    }
    Ok(layouts.into_keys().collect())
}

/// What a feed set tells of a partner beside its layout.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Partner {
    source: String,
    kind: String,
    currency: String,
}

/// A layout as the feed set describes it.
#[derive(Clone, Debug, Deserialize)]
struct Layout {
    name: String,
    format: String,
    #[serde(default)]
    delimiter: Option<String>,
    #[serde(default)]
    encoding: String,
    #[serde(default)]
    date: String,
    #[serde(default)]
    money: String,
    #[serde(default)]
    qty: String,
    #[serde(default)]
    returns: String,
    #[serde(default)]
    type_codes: Option<(String, String)>,
    #[serde(default)]
    sku: String,
    #[serde(default = "yes")]
    header: bool,
    #[serde(default)]
    preamble: Vec<String>,
    #[serde(default)]
    trailer: Vec<String>,
    #[serde(default = "added_currency")]
    currency_header: String,
    columns: Vec<(String, String)>,
}

fn yes() -> bool {
    true
}

fn added_currency() -> String {
    "CUR".into()
}

/// The definition of one partner: the known layout where it is one, else a translation.
fn definition_of(id: &str, layout: &Layout, partner: &Partner, folder: &Path) -> io::Result<String> {
    let mut text =
        format!("# Layout {} of a generated feed set.\nname: {}\npartner: {}\n", layout.name, quoted(id), quoted(id));
    if !partner.currency.is_empty() {
        let _ = writeln!(text, "currency: {}", quoted(&partner.currency));
    }
    let known = KNOWN.iter().find(|(name, _)| *name == layout.name && layout.is_known());
    match known {
        Some((_, known)) => {
            text.push_str(known);
            if layout.sku == "prefix" {
                text.push_str(&codes(layout, partner));
            }
        }
        None => text.push_str(&translate(layout, partner, folder)?),
    }
    Ok(text)
}

impl Layout {
    /// Whether it is word for word the layout that was described by hand: a feed set may change one and keep its name.
    fn is_known(&self) -> bool {
        let Some((_, known)) = KNOWN.iter().find(|(name, _)| *name == self.name) else { return false };
        let without_folder = Path::new("");
        let translated = translate(self, &Partner::default(), without_folder).unwrap_or_default();
        let parse = |text: &str| definition::parse("", "layout", text).ok();
        match (parse(known), parse(&translated)) {
            (Some(known), Some(translated)) => known.reads_alike(&translated),
            _ => false,
        }
    }
}

/// The description as a definition.
fn translate(layout: &Layout, partner: &Partner, folder: &Path) -> io::Result<String> {
    let mut text = String::new();
    let format = match layout.format.as_str() {
        "csv" => "delimited",
        "jsonl" => "json-lines",
        "x12" => "x12-867",
        other => return Err(invalid(format!("format {other:?} of layout {} is unknown", layout.name))),
    };
    let _ = writeln!(text, "format: {format}");
    if format != "x12-867" {
        let _ = writeln!(text, "encoding: {}", quoted(encoding(&layout.encoding)));
    }
    if format == "delimited" {
        let _ = writeln!(text, "delimiter: {}", quoted(layout.delimiter.as_deref().unwrap_or(",")));
    }
    if !layout.header {
        let _ = writeln!(text, "header: false\nskip_lines: {}", layout.preamble.len());
    }
    if format != "x12-867" {
        text.push_str(&columns(layout, partner, folder));
    }
    let _ = writeln!(text, "dates: {}", quoted(date_style(&layout.date)));
    if format != "x12-867" {
        text.push_str(&number_styles(layout)?);
    }
    let has_types = layout.columns.iter().any(|(field, _)| field == "type");
    if layout.returns == "typed" && has_types && format != "x12-867" {
        let (sale, back) = layout.type_codes.clone().unwrap_or(("SALE".into(), "RETURN".into()));
        let _ = writeln!(text, "types: {{ {}: sale, {}: return }}", quoted(&sale), quoted(&back));
    }
    text.push_str(&codes(layout, partner));
    text.push_str(&head_and_trailer(layout));
    Ok(text)
}

fn encoding(name: &str) -> &str {
    match name {
        "" | "utf-8-sig" | "utf8" | "ascii" => "utf-8",
        "cp1252" => "windows-1252",
        "latin-1" | "latin1" | "iso-8859-1" => "latin-1",
        "utf-16" => "utf-16le",
        other => other,
    }
}

fn date_style(name: &str) -> &str {
    match name {
        "" | "iso_t" => "iso",
        "epoch_ms" => "epoch-ms",
        other => other,
    }
}

fn number_styles(layout: &Layout) -> io::Result<String> {
    if layout.format == "jsonl" {
        return Ok(String::new());
    }
    let numbers = number_style(&layout.money)?;
    let quantities = number_style(&layout.qty)?;
    Ok(format!("numbers: {numbers}\nquantities: {quantities}\n"))
}

fn number_style(name: &str) -> io::Result<&'static str> {
    Ok(match name {
        "" | "dot" | "int" | "dec" => r#"{ decimal: "." }"#,
        "eu" => r#"{ decimal: ",", grouping: "." }"#,
        "us" => r#"{ decimal: ".", grouping: "," }"#,
        "usd" => r#"{ decimal: ".", grouping: ",", signs: ["$"] }"#,
        "fr" => r#"{ decimal: ",", grouping: " " }"#,
        "comma" | "comma3" => r#"{ decimal: "," }"#,
        "cents" => "{ implied_decimals: 2 }",
        other => return Err(invalid(format!("number style {other:?} is unknown"))),
    })
}

fn codes(layout: &Layout, partner: &Partner) -> String {
    let scheme = match layout.sku.as_str() {
        "own" => "own",
        "gtin" => "gtin",
        _ => "maker",
    };
    match layout.sku.as_str() {
        "prefix" => {
            let source: String = partner.source.chars().take(3).collect();
            let prefix = if source.is_empty() { String::new() } else { format!("{}/", source.to_uppercase()) };
            format!("codes: {{ scheme: {scheme}, prefix: {} }}\n", quoted(&prefix))
        }
        _ => format!("codes: {{ scheme: {scheme} }}\n"),
    }
}

/// Labels, replacement words and totals, found by the places that the description fills in.
fn head_and_trailer(layout: &Layout) -> String {
    let delimiter = layout.delimiter.as_deref().unwrap_or(",");
    let mut text = String::new();
    if let Some(line) = layout.preamble.iter().find(|line| line.contains("{first}")) {
        let label = line.split(delimiter).next().unwrap_or_default().trim();
        let _ = writeln!(text, "period: {{ label: {} }}", quoted(label));
    }
    if let Some(line) = layout.trailer.iter().find(|line| line.contains("{count}") || line.contains("{sum}")) {
        let cells: Vec<&str> = line.split(delimiter).collect();
        let place = |what: &str| cells.iter().position(|cell| cell.contains(what)).map(|n| n + 1);
        let word: String = cells[0].chars().take_while(|c| c.is_alphabetic() || *c == ' ').collect();
        let _ = write!(text, "trailer: {{ words: [{}]", quoted(word.trim()));
        if let Some(place) = place("{count}") {
            let _ = write!(text, ", count_cell: {place}");
        }
        if let Some(place) = place("{sum}") {
            let _ = write!(text, ", sum_cell: {place}");
        }
        text.push_str(" }\n");
    }
    text
}

fn columns(layout: &Layout, partner: &Partner, folder: &Path) -> String {
    let mut written: Vec<(&str, String)> = Vec::new();
    if layout.header || layout.format == "jsonl" {
        let named = layout.columns.iter().filter_map(|(field, header)| Some((field_name(field)?, quoted(header))));
        written.extend(named);
        if !written.iter().any(|(field, _)| *field == "currency") {
            written.push(("currency", quoted(&layout.currency_header)));
        }
    } else {
        let there = present(layout, partner, folder);
        let places = there.iter().enumerate().filter_map(|(n, field)| Some((field_name(field)?, (n + 1).to_string())));
        written.extend(places);
    }
    let mut text = String::from("columns:\n");
    for (field, column) in written {
        let _ = writeln!(text, "  {field}: {column}");
    }
    text
}

/// Our name of a described field.
fn field_name(field: &str) -> Option<&'static str> {
    Some(match field {
        "invoice" => "document",
        "line" => "document_line",
        "date" => "date",
        "sku" => "code",
        "desc" => "description",
        "qty" => "quantity",
        "price" => "unit_price",
        "amount" => "amount",
        "currency" => "currency",
        "outlet" => "outlet",
        "outlet_id" => "outlet_id",
        "city" => "city",
        "customer" => "customer",
        "rep" => "rep",
        "promo" => "promotion",
        "serial" => "serials",
        "orig_invoice" => "original_document",
        "type" => "type",
        "partner" => "partner",
        "period" => "period",
        _ => return None,
    })
}

/// Fields that a partner may lack; a layout without a header leaves their columns out.
const OPTIONAL: [&str; 5] = ["city", "rep", "promo", "customer", "serial"];

/// The fields that a partner's files without a header have, in order.
///
/// Without a header only the number of cells tells which optional ones are left out; of several choices the first holds
/// that leaves out city, rep, promotion and serials together, as sources without an outlet list do.
fn present<'l>(layout: &'l Layout, partner: &Partner, folder: &Path) -> Vec<&'l str> {
    let all: Vec<&str> = layout.columns.iter().map(|(field, _)| field.as_str()).collect();
    let width = first_width(layout, folder).unwrap_or(all.len());
    let without =
        |left_out: &[&str]| -> Vec<&'l str> { all.iter().copied().filter(|f| !left_out.contains(f)).collect() };
    let poor = ["city", "rep", "promo", "serial"];
    let guesses: [&[&str]; 4] = if partner.kind == "distributor" {
        [&[], &poor, &["city"], &["customer"]]
    } else {
        [&["customer"], &poor, &[], &["city"]]
    };
    for added in [0, 1] {
        if added == 1 && all.contains(&"currency") {
            break;
        }
        let subsets = (0..1_usize << OPTIONAL.len())
            .map(|bits| OPTIONAL.iter().enumerate().filter(|(n, _)| bits & (1 << n) != 0).map(|(_, f)| *f).collect());
        let tried = guesses.iter().map(|g| g.to_vec()).chain(subsets);
        for left_out in tried.collect::<Vec<Vec<&str>>>() {
            let mut there = without(&left_out);
            if there.len() + added == width {
                there.extend((added == 1).then_some("currency"));
                return there;
            }
        }
    }
    all
}

/// Number of cells in the first row of the partner's first file.
fn first_width(layout: &Layout, folder: &Path) -> Option<usize> {
    let mut files: Vec<_> = fs::read_dir(folder).ok()?.filter_map(|e| e.ok().map(|e| e.path())).collect();
    files.sort();
    let bytes = fs::read(files.first()?).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let line = text.lines().nth(layout.preamble.len())?;
    let delimiter = *layout.delimiter.as_deref().unwrap_or(",").as_bytes().first()?;
    let mut reader = crate::cells::Cells::new(delimiter, Some(b'"'));
    let end = crate::lines::first_line(line.as_bytes(), line.len())?;
    reader.split(line.as_bytes(), end, line.len(), 1);
    Some(reader.count())
}

fn read_partners(text: &str) -> io::Result<BTreeMap<String, Partner>> {
    let mut rows = text.lines().filter(|line| !line.trim().is_empty()).map(split_row);
    let header = rows.next().ok_or_else(|| invalid("master/partners.csv is empty"))?;
    let place = |name: &str| header.iter().position(|h| h == name).ok_or_else(|| invalid(format!("no column {name}")));
    let (id, kind, source) = (place("partner_id")?, place("kind")?, place("source")?);
    let currency = place("default_currency")?;
    Ok(rows
        .map(|row| {
            let cell = |n: usize| row.get(n).cloned().unwrap_or_default();
            (cell(id), Partner { source: cell(source), kind: cell(kind), currency: cell(currency) })
        })
        .collect())
}

fn split_row(line: &str) -> Vec<String> {
    let mut cells = crate::cells::Cells::new(b',', Some(b'"'));
    let Some(end) = crate::lines::first_line(line.as_bytes(), line.len()) else { return Vec::new() };
    cells.split(line.as_bytes(), end, line.len(), 1);
    (0..cells.count()).filter_map(|n| cells.get(n, line).map(str::to_owned)).collect()
}

/// A YAML text in double quotes.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(quoted, "\\x{:02x}", c as u32);
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

fn invalid(error: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

fn shown(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The nine layouts as the feed set's own description has them.
    const DESCRIBED: &str = include_str!("../cases/layouts.json");

    #[test]
    fn translations_read_as_the_layouts_by_hand() {
        let described: Vec<Layout> = serde_json::from_str(DESCRIBED).unwrap();
        assert_eq!(described.len(), KNOWN.len());
        for layout in described {
            let (_, known) = KNOWN.iter().find(|(name, _)| *name == layout.name).unwrap();
            let known = definition::parse("known", "x", known).unwrap();
            let text = translate(&layout, &Partner::default(), Path::new("")).unwrap();
            let translated =
                definition::parse("translated", "x", &text).unwrap_or_else(|p| panic!("{}\n{text}", shown(&p)));
            assert!(known.reads_alike(&translated), "{}:\n{known:?}\n{translated:?}", layout.name);
            assert!(layout.is_known(), "{}", layout.name);
        }
    }

    #[test]
    fn other_layouts_are_translated() {
        let text = r#"{"name": "other", "format": "csv", "delimiter": "^", "encoding": "utf-16", "date": "mon dd, yyyy",
            "money": "comma", "qty": "comma3", "returns": "typed", "type_codes": ["+", "-"], "sku": "spaced", "header": false,
            "preamble": ["Report", "Zeitraum^{first}^{last}"], "trailer": ["Summe^{sum}"],
            "columns": [["date", "D"], ["invoice", "I"], ["city", "C"], ["sku", "S"], ["qty", "Q"], ["type", "T"]]}"#;
        let layout: Layout = serde_json::from_str(text).unwrap();
        let partner = Partner { source: "s".into(), kind: "reseller".into(), currency: "EUR".into() };
        let text = definition_of("P9", &layout, &partner, Path::new("")).unwrap();
        let definition = definition::parse("x", "x", &text).unwrap_or_else(|p| panic!("{}\n{text}", shown(&p)));
        assert!(!definition.header);
        assert_eq!(definition.skip_lines, 2);
        assert_eq!(definition.quantities.parse("-1,000").unwrap().to_string(), "-1");
        assert_eq!(definition.dates.parse("Feb 3, 2013").unwrap().to_string(), "2013-02-03");
        assert_eq!(definition.trailer.sum_cell, Some(2));
        assert_eq!(definition.period.label, "Zeitraum");
    }
}
