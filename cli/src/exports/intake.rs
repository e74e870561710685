//! What was taken in: receipts, rejects, the audit trail.

use anyhow::Result;
use contract::{AuditRecord, Reject, Topic};

use super::row::{Cells, Rows};
use crate::reader::Reader;

pub(super) const RECEIPT_COLUMNS: [&str; 14] = [
    "file",
    "partner",
    "sha256",
    "status",
    "records",
    "accepted",
    "rejected",
    "duplicate",
    "superseded",
    "parked",
    "structural",
    "bytes",
    "remark",
    "file_no",
];

pub(super) const REJECT_COLUMNS: [&str; 7] = ["file", "record_no", "line_no", "code", "field", "value", "message"];

pub(super) const AUDIT_COLUMNS: [&str; 11] =
    ["seq", "time", "actor", "role", "action", "object", "reason", "comment", "previous_hash", "hash", "chain"];

/// By path, then in the order in which files of one path came.
pub(super) fn receipts(reader: &Reader, rows: &mut dyn Rows) -> Result<()> {
    let mut receipts = reader.receipts()?;
    receipts.sort_by(|a, b| (&a.file, &a.at).cmp(&(&b.file, &b.at)));
    let mut cells = Cells::default();
    for r in &receipts {
        cells.clear().add(&r.file).add(&r.at.partner).add(Hex(&r.sha256)).add(&r.status);
        cells.add(r.records).add(r.accepted).add(r.rejected).add(r.duplicate).add(r.superseded).add(r.parked);
        rows.row(cells.add(r.structural).add(r.bytes).add(&r.remark).add(r.at.file_no))?;
    }
    Ok(())
}

/// By path, record, code and field.
pub(super) fn rejects(reader: &Reader, rows: &mut dyn Rows) -> Result<()> {
    let mut rejects: Vec<Reject> = reader.all(Topic::Rejects)?;
    rejects.sort_by(|a, b| reject_order(reader, a).cmp(&reject_order(reader, b)));
    let mut cells = Cells::default();
    for r in &rejects {
        let record_no = (r.at.record_no > 0).then_some(r.at.record_no);
        cells.clear().add(reader.path(&r.at)).add_some(record_no).add_some((r.line_no > 0).then_some(r.line_no));
        rows.row(cells.add(r.code).add(&r.field).add(&r.value).add(&r.message))?;
    }
    Ok(())
}

fn reject_order<'r>(reader: &'r Reader, r: &'r Reject) -> impl Ord + 'r {
    (reader.path(&r.at), r.at.file_no, r.at.record_no, r.code.as_str(), &r.field, r.ordinal)
}

/// Chain by chain; each counts from 1.
pub(super) fn audit(reader: &Reader, rows: &mut dyn Rows) -> Result<()> {
    let mut records: Vec<AuditRecord> = reader.all(Topic::Audit)?;
    records.sort_by(|a, b| (&a.chain, a.seq).cmp(&(&b.chain, b.seq)));
    let mut cells = Cells::default();
    for r in &records {
        cells.clear().add(r.seq).add_some(r.time).add(&r.actor).add(&r.role).add(&r.action).add(&r.object);
        rows.row(cells.add(&r.reason).add(&r.comment).add(Hex(&r.previous_hash)).add(Hex(&r.hash)).add(&r.chain))?;
    }
    Ok(())
}

/// Bytes as lower-case hexadecimal digits.
struct Hex<'b>(&'b [u8]);

impl std::fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
