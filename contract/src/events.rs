//! The facts that cross topics, in the order in which a sold unit meets them.

use serde::{Deserialize, Serialize};

use crate::{Code, Currency, Day, Id, Micros};

/// A value that a row carries but that could not be read as what its column means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldProblem {
    pub code: Code,
    pub field: String,
    pub value: String,
    pub message: String,
}

/// One data record of a feed file, read but not yet judged.
///
/// Invariant: `record_no` counts data records from 1; `quantity` is negative for a return.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParsedRow {
    pub record_no: u32,
    /// Physical line, segment or sheet row, from 1.
    pub line_no: u32,
    pub document: String,
    /// The feed's own line number; empty where it sends none.
    pub document_line: String,
    pub date: Option<Day>,
    /// The date as written, for messages and content hashes.
    pub date_text: String,
    /// Product code as written.
    pub code: String,
    pub description: String,
    pub quantity: Option<Micros>,
    pub unit_price: Option<Micros>,
    pub amount: Option<Micros>,
    /// `None` where the feed names none: the partner's default holds.
    pub currency: Option<Currency>,
    pub outlet_id: String,
    pub outlet: String,
    pub city: String,
    pub customer: String,
    pub rep: String,
    pub promotion: String,
    pub serials: Vec<String>,
    /// The document that a return reverses, where the feed says so.
    pub original_document: String,
    /// Partner name inside the row: data, never identity.
    pub reported_partner: String,
    /// Raw transfer or row type (`RETURN`, `IB`, …); empty where the feed has none.
    pub type_code: String,
    pub problems: Vec<FieldProblem>,
}

/// A currency with an exact amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    pub amount: Micros,
    pub currency: Currency,
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

/// The place of a record, which every amount can be traced back to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecordRef {
    /// Path below the feeds folder.
    pub file: String,
    /// `None` for the whole file.
    pub record_no: Option<u32>,
}

/// An attempt against a conservation law or a doubt about data, with its evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub id: Id,
    pub code: Code,
    pub partner: String,
    pub at: RecordRef,
    pub related: Option<RecordRef>,
    pub sale: Option<Id>,
    pub program: Option<String>,
    pub beneficiary: Option<String>,
    pub at_risk: Option<Money>,
    pub message: String,
    pub explained_by: Option<Id>,
}
