//! Corrections: what was reported before gives way to what is reported now.

use std::sync::Arc;

use contract::{CLAIM_SERIES, Movement, ParsedRow, RecordRef, Sale, SaleEvent};
use stream::{Order, StageError};

use crate::page::{Now, Page};
use crate::rows::company_key;
use crate::tables::{COMPANY, Change, Displaced, LINES, LineKey, PARKED, SERIES, StoredParked, StoredSale};
use crate::{doubles, lines};

/// Takes back what is left of the files that a correction replaces, once all its rows are in.
pub(crate) fn drop_what_was_replaced(page: &mut Page<'_>, correction: u32) -> Result<(), StageError> {
    let series = page.file(correction)?.series.to_string();
    if let Some(claim) = series.strip_prefix(CLAIM_SERIES) {
        return drop_what_was_claimed(page, claim, correction);
    }
    let mut files = SERIES.get(page.state, &(page.partner_id.to_string(), series))?.unwrap_or_default().files;
    files.retain(|no| *no != correction);
    let mut standing = Vec::new();
    for file_no in files {
        let file = page.file(file_no)?;
        if !std::mem::replace(&mut file.replaced, true) {
            standing.push((file_no, file.receipt.records));
        }
    }
    for (file_no, records) in standing {
        for record_no in 1..=records {
            supersede(page, file_no, record_no)?;
        }
    }
    Ok(())
}

/// Takes back every line of a claim that its correction does not hold, those first that wait for one.
fn drop_what_was_claimed(page: &mut Page<'_>, claim: &str, correction: u32) -> Result<(), StageError> {
    let of_claim = (page.partner_id.to_string(), claim.to_owned());
    let entries = LINES.prefix(page.state, &of_claim, Order::Up, usize::MAX)?;
    let (mut waiting, mut holding) = (Vec::new(), Vec::new());
    for (key, entry) in entries.into_iter().filter(|(key, _)| lines::is_of_claim(&key.line)) {
        let behind = lines::waiting(page, &key, &entry)?;
        waiting.extend(behind.into_iter().map(|(at, _)| (at.file_no, at.record_no)));
        holding.extend(entry.live.then_some((entry.file_no, entry.record_no)));
    }
    for (file_no, record_no) in waiting.into_iter().chain(holding).filter(|(file_no, _)| *file_no != correction) {
        supersede(page, file_no, record_no)?;
    }
    Ok(())
}

/// Whether a row is of a claim that a file replaced before the row came in.
pub(crate) fn is_of_replaced_claim(page: &mut Page<'_>, row: &ParsedRow) -> Result<bool, StageError> {
    if row.movement != Movement::Claim {
        return Ok(false);
    }
    let key = (page.partner_id.to_string(), format!("{CLAIM_SERIES}{}", row.document));
    Ok(SERIES.get(page.state, &key)?.is_some_and(|series| series.correction.is_some()))
}

/// Takes a record back for good, if it still stands: its sale, its findings, its claim on the line.
pub(crate) fn supersede(page: &mut Page<'_>, file_no: u32, record_no: u32) -> Result<(), StageError> {
    let at = page.at(file_no, record_no);
    let was_changed = page.is_changed(file_no, record_no)?;
    let mut last = None;
    match page.now(file_no, record_no)? {
        Now::Sale(stored) => {
            page.file(file_no)?.receipt.accepted -= 1;
            take_back(page, &stored.sale)?;
            lines::release(page, &line_of(&stored), &at)?;
            last = Some(stored);
        }
        Now::Parked(parked) => {
            page.file(file_no)?.receipt.parked -= 1;
            forget_parked(page, &at, &parked)?;
            lines::release(page, &parked_line(&at, &parked), &at)?;
        }
        Now::Double(double) => {
            doubles::forget(page, &at, &double.verdict)?;
            let (document, line) = (double.row.document.clone(), double.line_key.clone());
            lines::drop_claim(page, &LineKey { partner: at.partner.clone(), document, line }, &at)?;
        }
        Now::Displaced(displaced) => {
            page.file(file_no)?.receipt.superseded -= 1;
            let key = match &displaced {
                Displaced::Sale(stored) => line_of(stored),
                Displaced::Parked(parked) => parked_line(&at, parked),
            };
            lines::drop_claim(page, &key, &at)?;
            if let Displaced::Sale(stored) = displaced {
                last = Some(stored);
            }
        }
        Now::Gone => return Ok(()),
    }
    page.file(file_no)?.receipt.superseded += 1;
    page.set_change(&at, &Change::Superseded(last.filter(|_| was_changed)))
}

/// Takes a sale back: its findings, its company, itself.
pub(crate) fn take_back(page: &mut Page<'_>, sale: &Arc<Sale>) -> Result<(), StageError> {
    page.withdraw(sale.holds.iter().map(|(_, finding)| *finding));
    if sale.movement != Movement::Claim {
        leave_company(page, sale)?;
    }
    page.outbox.send(&sale.product, SaleEvent::Retract(Arc::clone(sale)));
    Ok(())
}

/// Takes a parked row back: its findings and its place among those that wait for a product.
pub(crate) fn forget_parked(page: &mut Page<'_>, at: &RecordRef, parked: &StoredParked) -> Result<(), StageError> {
    let place = (at.partner.to_string(), at.file_no, at.record_no);
    let finding = PARKED.get(page.state, &place)?;
    PARKED.delete(page.state, &place)?;
    page.withdraw(finding.into_iter().chain(parked.holds.iter().map(|(_, finding)| *finding)));
    Ok(())
}

/// The line that a sale holds or waits for.
pub(crate) fn line_of(stored: &StoredSale) -> LineKey {
    let sale = &stored.sale;
    LineKey { partner: sale.at.partner.clone(), document: sale.document.clone(), line: stored.line_key.clone() }
}

fn parked_line(at: &RecordRef, parked: &StoredParked) -> LineKey {
    LineKey { partner: at.partner.clone(), document: parked.row.document.clone(), line: parked.line_key.clone() }
}

fn leave_company(page: &mut Page<'_>, sale: &Sale) -> Result<(), StageError> {
    let key = company_key(sale);
    let Some(mut company) = COMPANY.get(page.state, &key)? else { return Ok(()) };
    company.lines -= 1;
    match company.lines {
        0 => COMPANY.delete(page.state, &key)?,
        _ => COMPANY.put(page.state, &key, &company)?,
    }
    Ok(())
}
