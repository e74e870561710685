//! Everything that was found.

use anyhow::Result;
use contract::Finding;

use super::row::{Cells, Rows};
use crate::reader::Reader;

pub(super) const COLUMNS: [&str; 18] = [
    "finding_id",
    "code",
    "decision",
    "reason_901",
    "partner",
    "file",
    "record_no",
    "related_file",
    "related_record_no",
    "sale_id",
    "program",
    "beneficiary",
    "amount_at_risk",
    "currency",
    "message",
    "explained_by",
    "state",
    "decided_by",
];

/// By path, record, code and what they are related to.
pub(super) fn write(reader: &Reader, rows: &mut dyn Rows) -> Result<()> {
    let mut findings = reader.findings(|_| true)?;
    findings.sort_by(|a, b| order(reader, a).cmp(&order(reader, b)));
    let rulings = reader.rulings()?;
    let mut cells = Cells::default();
    for f in &findings {
        let record = |record_no: u32| (record_no > 0).then_some(record_no);
        cells.clear().add(f.id).add(f.code).add(f.code.decision().as_str()).add(&f.reason_901);
        cells.add(&f.at.partner).add(reader.path(&f.at)).add_some(record(f.at.record_no));
        cells.add(f.related.as_ref().map_or("", |r| reader.path(r)));
        cells.add_some(f.related.as_ref().and_then(|r| record(r.record_no)));
        cells.add_some(f.sale).add(&f.program).add(&f.beneficiary);
        cells.add_some(f.at_risk.map(|m| m.amount)).add_some(f.at_risk.map(|m| m.currency));
        cells.add(&f.message).add_some(f.explained_by);
        let ruling = rulings.get(&f.id);
        cells.add(ruling.map_or("", |ruling| ruling.state.as_str()));
        rows.row(cells.add(ruling.map_or_else(String::new, |ruling| ruling.by.join("; "))))?;
    }
    Ok(())
}

fn order<'r>(reader: &'r Reader, f: &'r Finding) -> impl Ord + 'r {
    let related = f.related.as_ref().map(|r| (reader.path(r), r.file_no, r.record_no));
    (reader.path(&f.at), f.at.file_no, f.at.record_no, f.code.as_str(), related, f.id)
}
