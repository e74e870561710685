//! Sales and how partners' texts were read.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom, Write};

use anyhow::{Context, Result};
use contract::{Id, Identity, Micros, RecordRef, Topic};
use normalize::views::{self, SaleRow};
use stream::reader::StateReader;

use super::row::{Cells, Rows};
use crate::reader::Reader;
use crate::run::stages;

pub(super) const COLUMNS: [&str; 21] = [
    "sale_id",
    "version",
    "partner",
    "outlet",
    "customer",
    "product",
    "product_method",
    "product_score",
    "document",
    "document_line",
    "date",
    "quantity",
    "unit_price",
    "amount",
    "currency",
    "rep",
    "serials",
    "file",
    "record_no",
    "status",
    "origin_sale",
];

pub(super) const IDENTITY_COLUMNS: [&str; 9] =
    ["kind", "partner", "text", "identity", "method", "score", "runner_up", "runner_up_score", "outcome"];

/// By path and record.
///
/// A partition holds its sales by partner and file number. They are spooled file by file to a temporary file and read
/// back in order of path, so that memory does not grow with them.
pub(super) fn write(reader: &Reader, rows: &mut dyn Rows) -> Result<()> {
    let mut spool = Spool::new()?;
    let mut units = reader.states(stages::UNITS);
    for mut state in reader.states(stages::NORMALIZE) {
        let mut failed = Ok(());
        let mut cells = Cells::default();
        views::sales(&mut state, &mut |row| {
            if failed.is_ok() {
                failed = origin(&mut units, &row)
                    .and_then(|origin| spool.add(&row.sale.at, sale(reader, &row, &origin, &mut cells)));
            }
        })?;
        failed?;
    }
    for (_, at) in reader.files() {
        spool.replay(&at, rows)?;
    }
    Ok(())
}

/// The sales that a return takes back, in the order in which it takes units from them.
fn origin(units: &mut [StateReader<'_>], row: &SaleRow) -> Result<String> {
    let of = if row.sale.is_return() { Reader::taken_back(units, &row.sale)? } else { None };
    Ok(of.unwrap_or_default().iter().map(Id::to_string).collect::<Vec<_>>().join(";"))
}

fn sale<'c>(reader: &Reader, row: &SaleRow, origin: &str, cells: &'c mut Cells) -> &'c Cells {
    let s = &row.sale;
    cells.clear().add(s.id).add(s.version).add(&s.at.partner).add(&s.outlet).add(&s.customer).add(&s.product);
    cells.add(&row.method).add(thousandths(row.score)).add(&s.document).add(&s.document_line).add(s.date);
    cells.add(s.quantity).add(s.unit_price).add(s.amount).add(s.currency).add(&s.rep).add(s.serials.join(";"));
    cells.add(reader.path(&s.at)).add(s.at.record_no).add(row.status).add(origin)
}

/// By kind, partner and text.
pub(super) fn identities(reader: &Reader, rows: &mut dyn Rows) -> Result<()> {
    let mut found: Vec<Identity> = reader.all(Topic::Identities)?;
    for mut state in reader.states(stages::NORMALIZE) {
        found.extend(views::identities(&mut state)?);
    }
    found.sort_by(|a, b| (&a.kind, &a.partner, &a.text).cmp(&(&b.kind, &b.partner, &b.text)));
    found.dedup_by(|b, a| (&a.kind, &a.partner, &a.text) == (&b.kind, &b.partner, &b.text));
    let mut cells = Cells::default();
    for i in &found {
        cells.clear().add(&i.kind).add(&i.partner).add(&i.text).add(&i.identity).add(&i.method);
        cells.add(thousandths(i.score)).add(&i.runner_up).add(thousandths(i.runner_up_score));
        rows.row(cells.add(&i.outcome))?;
    }
    Ok(())
}

fn thousandths(score: u16) -> Micros {
    Micros(i64::from(score) * 1000)
}

/// Rows of many files, kept on disk until their turn comes.
struct Spool {
    file: std::io::BufWriter<std::fs::File>,
    length: u64,
    /// Where the rows of each file lie; those of one file lie together.
    ranges: BTreeMap<RecordRef, (u64, u64)>,
}

impl Spool {
    fn new() -> Result<Spool> {
        let file = tempfile::tempfile().context("a temporary file cannot be made")?;
        Ok(Spool { file: std::io::BufWriter::with_capacity(1 << 18, file), length: 0, ranges: BTreeMap::new() })
    }

    fn add(&mut self, at: &RecordRef, cells: &Cells) -> Result<()> {
        let record = postcard::to_stdvec(&cells.iter().collect::<Vec<_>>())?;
        let file = RecordRef { record_no: 0, ..at.clone() };
        let start = self.length;
        self.file.write_all(&(record.len() as u32).to_le_bytes())?;
        self.file.write_all(&record)?;
        self.length += 4 + record.len() as u64;
        self.ranges.entry(file).or_insert((start, start)).1 = self.length;
        Ok(())
    }

    fn replay(&mut self, file: &RecordRef, rows: &mut dyn Rows) -> Result<()> {
        let Some((from, to)) = self.ranges.get(file).copied() else { return Ok(()) };
        self.file.flush()?;
        let inner = self.file.get_mut();
        inner.seek(SeekFrom::Start(from))?;
        let mut reader = std::io::BufReader::with_capacity(1 << 18, inner.take(to - from));
        let (mut record, mut cells) = (Vec::new(), Cells::default());
        loop {
            let mut length = [0; 4];
            match reader.read_exact(&mut length) {
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(()),
                other => other?,
            }
            record.resize(u32::from_le_bytes(length) as usize, 0);
            reader.read_exact(&mut record)?;
            cells.clear();
            for cell in postcard::from_bytes::<Vec<&str>>(&record)? {
                cells.add(cell);
            }
            rows.row(&cells)?;
        }
    }
}
