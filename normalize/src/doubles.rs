//! Rows whose line another record holds: duplicates (DD-02), and conflicts that only a correction or a steward settles
//! (DD-03).

use std::sync::Arc;

use contract::{Code, Finding, Movement, RecordRef, SaleEvent};
use stream::StageError;

use crate::known::settled_product;
use crate::page::{Now, Page};
use crate::rows::{self, Draft};
use crate::rules::{correction_unmarked, line_resubmitted};
use crate::tables::{Change, Displaced, DoubleVerdict, StoredDouble, StoredRow, StoredSale};

/// Says what the row is beside the holder of its line, and counts it.
pub(crate) fn judge(
    page: &mut Page<'_>,
    draft: &Draft<'_>,
    holder: &RecordRef,
    code: Code,
) -> Result<DoubleVerdict, StageError> {
    let message = match code {
        Code::LineResubmitted => line_resubmitted::message(draft),
        _ => correction_unmarked::message(draft),
    };
    let mut finding = Finding::about(code, draft.at.clone(), Some(holder.clone()), message);
    finding.sale = Some(draft.sale_id());
    let id = finding.id;
    page.find(finding);
    let resolution = page.resolve_product(draft.at.file_no, draft.row)?;
    let product = settled_product(&resolution).filter(|_| draft.row.movement != Movement::Claim).cloned();
    if let Some(product) = product.clone() {
        let sale = page.sale(draft, product, Vec::new())?;
        page.send_later(SaleEvent::Appraise { sale: Arc::new(sale), finding: id });
    }
    *count(page, &draft.at, code)? += 1;
    let holds = if code == Code::LineResubmitted { Vec::new() } else { rows::doubts(page, draft)? };
    Ok(DoubleVerdict { code, finding: id, product, holds })
}

/// Judges a row that waits against another holder than before.
pub(crate) fn judge_again(
    page: &mut Page<'_>,
    at: &RecordRef,
    holder: &RecordRef,
    version: u32,
    code: Code,
) -> Result<(), StageError> {
    let Now::Double(double) = page.now(at.file_no, at.record_no)? else { return Ok(()) };
    forget(page, at, &double.verdict)?;
    let verdict = judge(page, &draft_of(at, &double, version), holder, code)?;
    page.set_change(at, &Change::Judged(verdict))
}

/// Takes the verdict on a double back.
pub(crate) fn forget(page: &mut Page<'_>, at: &RecordRef, verdict: &DoubleVerdict) -> Result<(), StageError> {
    *count(page, at, verdict.code)? -= 1;
    page.withdraw(std::iter::once(verdict.finding).chain(verdict.holds.iter().map(|(_, finding)| *finding)));
    if let Some(product) = verdict.product.clone() {
        page.send_later(SaleEvent::Dismiss { product, finding: verdict.finding });
    }
    Ok(())
}

/// A record that waited gets its line.
pub(crate) fn revive(page: &mut Page<'_>, at: &RecordRef, version: u32) -> Result<(), StageError> {
    match page.now(at.file_no, at.record_no)? {
        Now::Double(double) => {
            forget(page, at, &double.verdict)?;
            come_in(page, &draft_of(at, &double, version))
        }
        Now::Displaced(Displaced::Parked(parked)) => {
            page.file(at.file_no)?.receipt.superseded -= 1;
            let (content, line) = (parked.content, parked.line_key.clone());
            come_in(page, &Draft { at: at.clone(), row: &parked.row, content, line, version })
        }
        Now::Displaced(Displaced::Sale(stored)) => come_back(page, at, *stored, version),
        Now::Sale(_) | Now::Parked(_) | Now::Gone => Err(StageError::Unknown {
            stage: "normalize",
            what: format!("record {} of file {}, which waits for its line and does not", at.record_no, at.file_no),
        }),
    }
}

/// A row comes in long after its file.
fn come_in(page: &mut Page<'_>, draft: &Draft<'_>) -> Result<(), StageError> {
    match rows::accept_or_park(page, draft)? {
        StoredRow::Sale(mut stored) => {
            rows::assert_late(page, &mut stored)?;
            page.set_change(&draft.at, &Change::Accepted(stored))
        }
        StoredRow::Parked(parked) => page.set_change(&draft.at, &Change::Parked(parked)),
        StoredRow::Rejected | StoredRow::Double(_) | StoredRow::Superseded => unreachable!("it is accepted or parked"),
    }
}

/// A sale that had to give way stands again.
fn come_back(page: &mut Page<'_>, at: &RecordRef, stored: StoredSale, version: u32) -> Result<(), StageError> {
    let mut stored = stored;
    let currency = page.currency_or_partners(stored.sale.currency);
    Arc::make_mut(&mut stored.sale).currency = currency;
    let holds = rows::doubts_of_sale(page, &stored)?;
    let sale = Arc::make_mut(&mut stored.sale);
    (sale.version, sale.stamp, sale.holds) = (version, page.stamp, holds);
    let receipt = &mut page.file(at.file_no)?.receipt;
    receipt.superseded -= 1;
    receipt.accepted += 1;
    rows::assert_late(page, &mut stored)?;
    page.set_change(at, &Change::Accepted(Box::new(stored)))
}

fn draft_of<'d>(at: &RecordRef, double: &'d StoredDouble, version: u32) -> Draft<'d> {
    let (content, line) = (double.content, double.line_key.clone());
    Draft { at: at.clone(), row: &double.row, content, line, version }
}

/// The receipt's count that rows of this code are in.
fn count<'p>(page: &'p mut Page<'_>, at: &RecordRef, code: Code) -> Result<&'p mut u32, StageError> {
    let receipt = &mut page.file(at.file_no)?.receipt;
    Ok(if code == Code::LineResubmitted { &mut receipt.duplicate } else { &mut receipt.parked })
}
