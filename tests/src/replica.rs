//! Larger feeds from the example tenant's rows: the same partners, products, outlets and people, over more documents and
//! years, as CSV of one layout. The same plan gives the same bytes.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use cli::configuration::{self, Configuration};
use contract::{Day, FieldProblem, Micros, ParsedRow};
use ingest::{Arrival, FeedDefinition, Limits, fingerprint};

use crate::seeded::Seeded;
use crate::site::{copy_folder, example_config, example_feeds, files_below};

/// How much to write.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub rows: usize,
    /// Years from 2013 on, over which the rows are spread evenly.
    pub years: i16,
}

const FIRST_YEAR: i16 = 2013;
const DOCUMENT_LINES_MAX: usize = 12;
/// One document in so many takes the one before it back.
const RETURNS: u64 = 50;
const HEADER: &str = "Document,Line,Date,Code,Description,Qty,Price,Amount,Currency,Store,Rep,Promo,Original";
const COLUMNS: &str = "format: delimited
columns:
  document: Document
  document_line: Line
  date: Date
  code: Code
  description: Description
  quantity: Qty
  unit_price: Price
  amount: Amount
  currency: Currency
  outlet: Store
  rep: Rep
  promotion: Promo
  original_document: Original
";

impl Plan {
    /// The last day of the months that the rows fill, with the grace of every program behind it.
    pub fn as_of(self) -> String {
        format!("{}-02-20", FIRST_YEAR + self.years)
    }

    /// Writes `feeds/` and `config/` below `folder`.
    pub fn write(self, folder: &Path) -> Result<()> {
        let example = configuration::load(&example_config()).map_err(|problems| anyhow::anyhow!("{}", problems[0]))?;
        write_config(&example, &folder.join("config"))?;
        let partners = partners(&example)?;
        let months = usize::try_from(self.years)? * 12;
        for (number, (partner, rows)) in partners.iter().enumerate() {
            let below = folder.join("feeds").join(partner);
            fs::create_dir_all(&below)?;
            let mut random = Seeded(number as u64);
            let mut carried = Vec::new();
            for month in 0..months {
                let share = self.rows / (partners.len() * months);
                let first = first_of(month);
                let file = below.join(format!("sold-{}.csv", &first.to_string()[..7]));
                let mut out = BufWriter::new(File::create(file)?);
                carried = write_month(&mut out, rows, first, share, carried, &mut random)?;
                out.flush()?;
            }
        }
        Ok(())
    }
}

fn first_of(month: usize) -> Day {
    let year = FIRST_YEAR + i16::try_from(month / 12).expect("a plan spans few years");
    Day::new(year, (month % 12) as i8 + 1, 1).expect("a month has a first day")
}

/// The example's configuration with one layout for all partners and programs that go on.
fn write_config(example: &Configuration, to: &Path) -> Result<()> {
    copy_folder(&example_config(), to);
    fs::remove_dir_all(to.join("example"))?;
    for feed in &example.feeds {
        let kept = |line: &&str| line.starts_with("codes:") || line.starts_with("currency:");
        let kept: Vec<&str> = feed.text.lines().filter(kept).collect();
        let text = format!("partner: {}\n{COLUMNS}{}\n", feed.partner, kept.join("\n"));
        fs::write(to.join("feeds").join(format!("{}.yaml", feed.partner)), text)?;
    }
    for program in files_below(&to.join("programs")) {
        let text = fs::read_to_string(&program)?.replace("to: 2013-12-31", "to: 2039-12-31");
        fs::write(program, text)?;
    }
    Ok(())
}

/// The complete sales of each partner of the example.
fn partners(example: &Configuration) -> Result<Vec<(String, Vec<ParsedRow>)>> {
    let mut partners = Vec::new();
    for feed in &example.feeds {
        let definition = Arc::new(feed.clone());
        let mut rows = Vec::new();
        for file in files_below(&example_feeds().join(feed.partner.as_str())) {
            rows.extend(sales_of(&definition, &file)?);
        }
        partners.push((feed.partner.to_string(), rows));
    }
    Ok(partners)
}

fn sales_of(definition: &Arc<FeedDefinition>, file: &Path) -> Result<Vec<ParsedRow>> {
    let (sha256, bytes) = fingerprint(file)?;
    let name = file.file_name().context("a file has a name")?.to_string_lossy();
    let arrival = Arrival { partner: definition.partner.clone(), file: name.into_owned(), sha256, bytes };
    let read = ingest::read(definition, &arrival, file, &Limits::default())?;
    let mut rows = Vec::new();
    for slice in read.slices(file)? {
        rows.extend(slice?.rows.iter().filter(|row| is_complete_sale(row)).cloned());
    }
    Ok(rows)
}

fn is_complete_sale(row: &ParsedRow) -> bool {
    let clean = |problems: &[FieldProblem]| problems.is_empty() && row.date.is_some() && !row.code.is_empty();
    clean(&row.problems)
        && row.quantity.is_some_and(|quantity| quantity > Micros::ZERO)
        && row.unit_price.is_some()
        && row.amount.is_some()
}

/// Lines of one month: what the month before carried over, then `count` new ones, in order of date. Gives what the next
/// month repeats.
fn write_month(
    out: &mut impl Write,
    rows: &[ParsedRow],
    first: Day,
    count: usize,
    carried: Vec<u8>,
    random: &mut Seeded,
) -> Result<Vec<u8>> {
    writeln!(out, "{HEADER}")?;
    out.write_all(&carried)?;
    let (mut document, mut written, mut last) = (Vec::new(), 0, String::new());
    while written < count {
        let name = format!("{:010}", random.number() % 10_000_000_000);
        let lines = (1 + random.below(DOCUMENT_LINES_MAX)).min(count - written);
        let date = first.plus(i32::try_from(written * 28 / count)?);
        let taken_back = random.number().is_multiple_of(RETURNS) && !last.is_empty();
        let original = if taken_back { last.as_str() } else { "" };
        document.clear();
        for line in 1..=lines {
            write_line(&mut document, &rows[random.below(rows.len())], &name, line, date, original)?;
        }
        out.write_all(&document)?;
        written += lines;
        last = name;
    }
    Ok(document)
}

fn write_line(
    out: &mut Vec<u8>,
    row: &ParsedRow,
    document: &str,
    line: usize,
    date: Day,
    original: &str,
) -> Result<()> {
    let signed = |value: Option<Micros>| value.map(|v| if original.is_empty() { v } else { -v }.to_string());
    let (quantity, amount) = (signed(row.quantity).unwrap_or_default(), signed(row.amount).unwrap_or_default());
    let price = row.unit_price.map(|price| price.to_string()).unwrap_or_default();
    let currency = row.currency.map(|currency| currency.to_string()).unwrap_or_default();
    let (line, date) = (line.to_string(), date.to_string());
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record([
        document,
        &line,
        &date,
        &row.code,
        &row.description,
        &quantity,
        &price,
        &amount,
        &currency,
        &row.outlet,
        &row.rep,
        &row.promotion,
        original,
    ])?;
    csv.flush()?;
    Ok(())
}
