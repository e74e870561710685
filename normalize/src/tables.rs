//! What normalization remembers, all of it under the reporting partner.

use std::sync::Arc;

use contract::{ChainEnd, Code, Day, Id, ParsedRow, Receipt, Sale, Text};
use serde::{Deserialize, Serialize};
use stream::{Key, Table};

/// Control number → blob of the reference data that hold from there on.
pub(crate) const REFERENCES: Table<u64, Id> = Table::new(1, "references");
/// (partner, file number) → the file.
pub(crate) const FILES: Table<(String, u32), FileState> = Table::new(2, "files");
/// (partner, series) → files of one report.
pub(crate) const SERIES: Table<(String, String), Series> = Table::new(3, "series");
/// (partner, document, line key) → the record that holds the line.
pub(crate) const LINES: Table<LineKey, LineEntry> = Table::new(4, "lines");
/// (partner, file number, slice) → its rows as first judged.
pub(crate) const ROWS: Table<(String, u32, u32), Vec<StoredRow>> = Table::new(5, "rows");
/// (partner, file number, record number) → what became of the record since.
pub(crate) const CHANGES: Table<(String, u32, u32), Change> = Table::new(6, "changes");
/// (partner, file number, record number) of rows that wait for their product, with the finding that says so.
pub(crate) const PARKED: Table<(String, u32, u32), Id> = Table::new(7, "parked");
/// (partner, document, date, party) → how many lines it has.
pub(crate) const COMPANY: Table<CompanyKey, Company> = Table::new(8, "company");
/// (kind, partner, text) → identity that a steward decided.
pub(crate) const ALIASES: Table<(String, String, String), Text> = Table::new(9, "aliases");
/// (line, file number, record number) → a record that waits behind the one that holds its line.
pub(crate) const CLAIMS: Table<ClaimKey, Claim> = Table::new(10, "claims");
/// (partner, product code, file number, record number) of records whose product no strong key gave.
pub(crate) const READINGS: Table<(String, String, u32, u32), ()> = Table::new(11, "readings");
/// Partner → the end of the chain of decisions on its rows.
pub(crate) const CHAINS: Table<String, ChainEnd> = Table::new(12, "chains");
/// 0 → day of the last tick.
pub(crate) const TODAY: Table<u8, Day> = Table::new(13, "today");
/// (partner, file number, record number) of records that had no currency when they were last doubted.
pub(crate) const CURRENCYLESS: Table<(String, u32, u32), ()> = Table::new(14, "currencyless");

/// Key of a document line.
///
/// Invariant: document numbers that grow give keys that grow, so that new lines land beside each other.
#[derive(Clone)]
pub(crate) struct LineKey {
    pub partner: Text,
    pub document: Text,
    pub line: Text,
}

impl Key for LineKey {
    fn write(&self, bytes: &mut Vec<u8>) {
        for part in [&self.partner, &self.document, &self.line] {
            stream::key::WriteText::write_text(&part.as_str(), bytes);
        }
    }

    fn read(reader: &mut stream::KeyReader<'_>) -> Result<LineKey, stream::StorageError> {
        Ok(LineKey { partner: reader.text()?.into(), document: reader.text()?.into(), line: reader.text()?.into() })
    }
}

/// Key of a record that waits for a line.
pub(crate) struct ClaimKey {
    pub line: LineKey,
    pub file_no: u32,
    pub record_no: u32,
}

impl Key for ClaimKey {
    fn write(&self, bytes: &mut Vec<u8>) {
        self.line.write(bytes);
        self.file_no.write(bytes);
        self.record_no.write(bytes);
    }

    fn read(reader: &mut stream::KeyReader<'_>) -> Result<ClaimKey, stream::StorageError> {
        Ok(ClaimKey { line: LineKey::read(reader)?, file_no: u32::read(reader)?, record_no: u32::read(reader)? })
    }
}

/// Key of a document's lines for one party and date.
pub(crate) struct CompanyKey {
    pub partner: Text,
    pub document: Text,
    pub date: i32,
    pub party: Text,
}

impl Key for CompanyKey {
    fn write(&self, bytes: &mut Vec<u8>) {
        stream::key::WriteText::write_text(&self.partner.as_str(), bytes);
        stream::key::WriteText::write_text(&self.document.as_str(), bytes);
        self.date.write(bytes);
        stream::key::WriteText::write_text(&self.party.as_str(), bytes);
    }

    fn read(reader: &mut stream::KeyReader<'_>) -> Result<CompanyKey, stream::StorageError> {
        Ok(CompanyKey {
            partner: reader.text()?.into(),
            document: reader.text()?.into(),
            date: i32::read(reader)?,
            party: reader.text()?.into(),
        })
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FileState {
    pub receipt: Receipt,
    pub feed: Text,
    pub period: Option<(contract::Day, contract::Day)>,
    pub series: Text,
    pub replaces: bool,
    /// A correction stands in its place. Rows that come after it count as superseded on arrival.
    pub replaced: bool,
    /// How many rejects about the whole file were published.
    pub rejects: u16,
}

/// The files of one report, by number.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Series {
    pub files: Vec<u32>,
    /// The correction that holds.
    pub correction: Option<u32>,
}

/// Who holds a document line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LineEntry {
    pub file_no: u32,
    pub record_no: u32,
    pub version: u32,
    /// Hash of date, code, quantity and amount as written.
    pub content: u64,
    /// The last file in which the line was seen: a file that repeats a line means its next occurrence.
    pub seen_in: u32,
    /// Somebody holds it; else it is free for the next who reports it.
    pub live: bool,
    /// See [`Claim::rank`].
    pub rank: u32,
    /// How many records wait behind the holder.
    pub waiting: u32,
}

/// A record that would hold the line if nobody stood before it.
///
/// Of all claims on a line that of the highest rank holds it, among equals that of the earliest record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claim {
    pub content: u64,
    /// 0 for a row that takes the line only where it is free. A correction or a steward takes it from its holder: then the
    /// version that began with it.
    pub rank: u32,
}

/// A row as it was first judged.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum StoredRow {
    Rejected,
    /// Another record holds its line.
    Double(Box<StoredDouble>),
    /// Its file was replaced before it came.
    Superseded,
    Sale(Box<StoredSale>),
    /// Its product is unknown.
    Parked(Box<StoredParked>),
}

/// A row whose line another record holds, with all that brings it back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StoredDouble {
    pub row: ParsedRow,
    pub content: u64,
    pub line_key: Text,
    pub verdict: DoubleVerdict,
}

/// What the row is beside the record that holds its line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct DoubleVerdict {
    /// DD-02, a duplicate, or DD-03, parked.
    pub code: Code,
    pub finding: Id,
    /// The product that it was appraised with, where it has one.
    pub product: Option<Text>,
    pub holds: Vec<(Code, Id)>,
}

/// A parked row with all that brings it back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StoredParked {
    pub row: ParsedRow,
    pub content: u64,
    pub line_key: Text,
    pub version: u32,
    pub holds: Vec<(contract::Code, Id)>,
    /// The best guess, for a steward: product, thousandths.
    pub guess: Option<(Text, u16)>,
    pub runner_up: Option<(Text, u16)>,
}

/// A sale with how its product was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredSale {
    pub sale: Arc<Sale>,
    /// Product code as written: of what was sold, or of what a claim is for.
    pub code: Text,
    pub line_key: Text,
    pub content: u64,
    pub method: Text,
    /// Thousandths.
    pub score: u16,
    pub runner_up: Option<(Text, u16)>,
}

/// What became of a record after it was first judged.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Change {
    /// For good: a correction replaces its file. With the sale that it was last, where that was not the first one.
    Superseded(Option<Box<StoredSale>>),
    /// A decision or a line that became free brought it in, or its product was decided anew.
    Accepted(Box<StoredSale>),
    /// It got its line, but its product is unknown.
    Parked(Box<StoredParked>),
    /// Another record than before holds its line.
    Judged(DoubleVerdict),
    /// A correction of another report or a steward gave its line to another record; it waits behind that one.
    Displaced(Displaced),
    /// A steward refused it.
    Rejected,
}

/// What a record was before another took its line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Displaced {
    Sale(Box<StoredSale>),
    Parked(Box<StoredParked>),
}

/// Lines of one document for one party and date.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Company {
    pub lines: u32,
    pub first_file: u32,
    pub first_record: u32,
}
