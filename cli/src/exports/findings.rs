//! Everything that was found.

use std::collections::BTreeMap;

use anyhow::Result;
use contract::{Code, Finding, Id, Money, RecordRef, Risk, Topic};

use super::row::{Cells, Rows};
use crate::reader::Reader;

pub(super) const COLUMNS: [&str; 16] = [
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
];

/// Money at risk by finding, where it stands apart from the finding.
pub(crate) fn risks(reader: &Reader) -> Result<BTreeMap<Id, Money>> {
    let mut risks = BTreeMap::new();
    reader.each(Topic::Risks, &mut |risk: Risk| {
        risks.insert(risk.finding, risk.money);
    })?;
    Ok(risks)
}

/// By path, record, code and what they are related to.
pub(super) fn write(reader: &Reader, rows: &mut dyn Rows) -> Result<()> {
    let risks = risks(reader)?;
    let mut findings: Vec<Finding> = reader.all(Topic::Findings)?;
    explain_dates(&mut findings);
    findings.sort_by(|a, b| order(reader, a).cmp(&order(reader, b)));
    let mut cells = Cells::default();
    for f in &findings {
        let record = |record_no: u32| (record_no > 0).then_some(record_no);
        let at_risk = f.at_risk.or_else(|| risks.get(&f.id).copied());
        cells.clear().add(f.id).add(f.code).add(f.code.decision().as_str()).add(f.code.reason_901());
        cells.add(&f.at.partner).add(reader.path(&f.at)).add_some(record(f.at.record_no));
        cells.add(f.related.as_ref().map_or("", |r| reader.path(r)));
        cells.add_some(f.related.as_ref().and_then(|r| record(r.record_no)));
        cells.add_some(f.sale).add(&f.program).add(&f.beneficiary);
        cells.add_some(at_risk.map(|m| m.amount)).add_some(at_risk.map(|m| m.currency));
        rows.row(cells.add(&f.message).add_some(f.explained_by))?;
    }
    Ok(())
}

/// A date that does not fit its file is explained where the record repeats a sale that another report dates alike.
///
/// The doubt about the date is normalization's, the double is found behind it; only here do both meet.
pub(crate) fn explain_dates(findings: &mut [Finding]) {
    let doubles = [Code::TwoTiersReport, Code::NearDuplicateDocument];
    let open = findings.iter().filter(|f| doubles.contains(&f.code) && f.explained_by.is_none());
    let open: BTreeMap<RecordRef, Id> = open.map(|f| (f.at.clone(), f.id)).collect();
    for finding in findings.iter_mut().filter(|f| f.code == Code::DateImplausible) {
        finding.explained_by = finding.explained_by.or_else(|| open.get(&finding.at).copied());
    }
}

fn order<'r>(reader: &'r Reader, f: &'r Finding) -> impl Ord + 'r {
    let related = f.related.as_ref().map(|r| (reader.path(r), r.file_no, r.record_no));
    (reader.path(&f.at), f.at.file_no, f.at.record_no, f.code.as_str(), related, f.id)
}
