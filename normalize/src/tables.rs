//! What normalization remembers, all of it under the reporting partner.

use std::sync::Arc;

use contract::{Id, ParsedRow, Receipt, Sale, Text};
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
/// (partner, file number, record number) of parked rows that a decision may bring back.
pub(crate) const PARKED: Table<(String, u32, u32), Parking> = Table::new(7, "parked");
/// (partner, document, date, party) → how many lines it has.
pub(crate) const COMPANY: Table<CompanyKey, Company> = Table::new(8, "company");
/// (kind, partner, text) → identity that a steward decided.
pub(crate) const ALIASES: Table<(String, String, String), Text> = Table::new(9, "aliases");

/// Key of a document line.
///
/// Invariant: document numbers that grow give keys that grow, so that new lines land beside each other.
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
    /// A correction was there before this file: its rows count as superseded on arrival.
    pub replaced: bool,
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
    /// Not superseded.
    pub live: bool,
}

/// A row as it was first judged.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum StoredRow {
    Rejected,
    Duplicate,
    /// Its file was replaced before it came.
    Superseded,
    Sale(Box<StoredSale>),
    Parked(Box<StoredParked>),
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
    /// Product code as written.
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
    Superseded,
    /// A parked row that a decision brought back.
    Accepted(Box<StoredSale>),
}

/// Why a row is parked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Parking {
    pub code: Text,
    pub finding: Id,
    /// Another record holds the same line with other content: only a steward can say which is right.
    pub conflict: bool,
}

/// Lines of one document for one party and date.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Company {
    pub lines: u32,
    pub first_file: u32,
    pub first_record: u32,
}
