//! `pos.feeds` and `pos.rows`: a file's verdict, then its rows.

use serde::{Deserialize, Serialize};

use crate::{Code, Currency, Day, Id, Micros, Text};

/// In front of a claim's number in the series of a file that replaces that claim, whatever files its lines came in.
pub const CLAIM_SERIES: &str = "claim/";

/// Rows travel in slices of this many records, the last of a file may be shorter.
///
/// Invariant: slice `n` of a file holds the records `n * SLICE_ROWS + 1 ..`.
pub const SLICE_ROWS: usize = 256;

/// What the edge learned of a file before its first row enters the log.
///
/// Written once by the edge (parsers, limits and folders are no pure functions); the stages only read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileVerdict {
    /// The folder or the credential that sent it.
    pub partner: Text,
    /// Path below the feeds folder, with `/`.
    pub file: String,
    #[serde(with = "crate::wire::hash")]
    pub sha256: [u8; 32],
    #[serde(with = "crate::wire::count")]
    pub bytes: u64,
    pub status: FileStatus,
    /// Name of the feed definition that read it; empty where none did.
    pub feed: Text,
    /// Data records, readable or not.
    pub records: u32,
    /// Header, preamble, trailer and blank lines, control segments.
    pub structural: u32,
    /// Order-independent hash over the readable records' (document, date as written, code, quantity, amount).
    pub content: Id,
    /// What the file says it reports on, or the month of most rows.
    pub period: Option<(Day, Day)>,
    /// The slot that files of one report share: name without its correction mark, or BPT02; of a file that replaces one
    /// claim, [`CLAIM_SERIES`] and the claim's number.
    pub series: Text,
    /// The file replaces the other files of its series.
    pub replaces: bool,
    /// Control totals that disagree and other remarks on the whole file: code, field, value, message.
    pub problems: Vec<FieldProblem>,
}

/// Whether a file's rows go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileStatus {
    /// Its rows follow.
    Readable,
    /// Nobody may send here or nothing can read it; no rows follow.
    Refused,
    /// No feed definition, or a control total disagrees; tried again when the configuration changes; no rows follow.
    Parked,
}

/// A value that a row carries but that could not be read as what its column means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldProblem {
    pub code: Code,
    pub field: Text,
    pub value: String,
    /// What is wrong and what to do.
    pub message: String,
}

/// One data record of a feed file, read but not yet judged.
///
/// Invariant: `record_no` counts data records from 1; `quantity` and `amount` are negative for a return.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParsedRow {
    pub record_no: u32,
    /// Physical line, segment or sheet row, from 1.
    pub line_no: u32,
    pub document: Text,
    /// The feed's own line number; empty where it sends none.
    pub document_line: Text,
    pub date: Option<Day>,
    /// The date as written, for messages and content hashes.
    pub date_text: Text,
    /// Product code as written.
    pub code: Text,
    pub description: Text,
    pub quantity: Option<Micros>,
    pub unit_price: Option<Micros>,
    pub amount: Option<Micros>,
    /// `None` where the feed names none: the partner's default holds.
    pub currency: Option<Currency>,
    pub outlet_id: Text,
    pub outlet: Text,
    pub city: Text,
    pub customer: Text,
    pub rep: Text,
    /// A program, promotion or authorisation that the row names.
    pub promotion: Text,
    /// Of a claim: the product code that the line is for, as written, whose program is the `code`; else empty.
    pub product: Text,
    /// Of a claim: the number of the special price that the line is for, as written; else empty.
    pub authorisation: Text,
    pub serials: Vec<Text>,
    /// The document that a return reverses, where the feed says so.
    pub original_document: Text,
    /// Partner name inside the row: data, never identity.
    pub reported_partner: Text,
    /// Raw transfer or row type (`RETURN`, `IB`, …); empty where the feed has none.
    pub type_code: Text,
    /// What the type code means under the feed's rules.
    pub movement: Movement,
    pub problems: Vec<FieldProblem>,
}

/// What kind of movement a row reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Movement {
    #[default]
    Sale,
    Return,
    /// Interbranch, adjustment, sample and the like: no sale (DD-28).
    Internal,
    /// A sale whose row states that nothing is paid for it (OP-33). No feed rule says so: it follows from the numbers.
    Free,
    /// A line of a claim: what a partner asks to be paid. Nothing moves.
    Claim,
}

/// Some rows of one file, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowSlice {
    pub partner: Text,
    /// Number of the slice in its file, from 0.
    pub slice: u32,
    pub rows: Vec<ParsedRow>,
}

/// `pos.feeds`, keyed by partner. A file's verdict comes first, then its slices, then its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FeedEvent {
    File(Box<FileVerdict>),
    Rows(std::sync::Arc<RowSlice>),
    End { partner: Text },
}

/// A file with its number among the files of its partner.
///
/// Invariant: `file_no` counts the partner's files from 1 in the order in which they were taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenFile {
    pub file_no: u32,
    pub verdict: FileVerdict,
    /// The file whose content this one repeats (DD-01).
    pub repeats: Option<u32>,
}

/// `pos.rows`, keyed by reporting partner. Rows of refused, parked and repeated files are left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RowEvent {
    File(Box<OpenFile>),
    Rows { file_no: u32, slice: std::sync::Arc<RowSlice> },
    End { partner: Text, file_no: u32 },
}

/// The place of a record, which every amount can be traced back to. The path stands in the receipt.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecordRef {
    pub partner: Text,
    pub file_no: u32,
    /// 0 for the whole file.
    pub record_no: u32,
}

/// Where a record of a file went. Exactly one holds at any time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Outcome {
    Accepted,
    Rejected,
    Duplicate,
    Superseded,
    Parked,
}

impl Outcome {
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Accepted => "accepted",
            Outcome::Rejected => "rejected",
            Outcome::Duplicate => "duplicate",
            Outcome::Superseded => "superseded",
            Outcome::Parked => "parked",
        }
    }
}
