//! Corrections: what was reported before gives way to what is reported now.

use contract::{Publication, Sale, SaleEvent};
use stream::StageError;

use crate::page::Page;
use crate::rows::company_key;
use crate::stage::final_status;
use crate::tables::{COMPANY, Change, LINES, LineKey, PARKED, SERIES, StoredParked, StoredRow, StoredSale};

/// Takes back what is left of the files that a correction replaces, once all its rows are in.
pub(crate) fn drop_what_was_replaced(page: &mut Page<'_>, correction: u32) -> Result<(), StageError> {
    let series = page.file(correction)?.series.to_string();
    let files = SERIES.get(page.state, &(page.partner_id.to_string(), series))?.unwrap_or_default().files;
    for file_no in files.into_iter().filter(|no| *no != correction) {
        let records = page.file(file_no)?.receipt.records;
        for record_no in 1..=records {
            supersede(page, file_no, record_no)?;
        }
        let receipt = &mut page.file(file_no)?.receipt;
        receipt.status = final_status(receipt);
    }
    Ok(())
}

/// Takes a record back, if it still stands: its sale, its findings, its claim on the line.
pub(crate) fn supersede(page: &mut Page<'_>, file_no: u32, record_no: u32) -> Result<(), StageError> {
    if let Some(stored) = live_sale(page, file_no, record_no)? {
        let receipt = &mut page.file(file_no)?.receipt;
        receipt.accepted -= 1;
        receipt.superseded += 1;
        take_back(page, stored)?;
    } else if let Some(parked) = live_parked(page, file_no, record_no)? {
        let receipt = &mut page.file(file_no)?.receipt;
        receipt.parked -= 1;
        receipt.superseded += 1;
        forget_parked(page, file_no, record_no, &parked)?;
    } else {
        return Ok(());
    }
    page.set_change(file_no, record_no, &Change::Superseded)
}

/// The sale that a record stands for at this moment.
pub(crate) fn live_sale(page: &mut Page<'_>, file_no: u32, record_no: u32) -> Result<Option<StoredSale>, StageError> {
    match page.change(file_no, record_no)? {
        Some(Change::Superseded) => Ok(None),
        Some(Change::Accepted(stored)) => Ok(Some(*stored)),
        None => Ok(match page.stored(file_no, record_no)? {
            StoredRow::Sale(stored) => Some(*stored),
            _ => None,
        }),
    }
}

fn live_parked(page: &mut Page<'_>, file_no: u32, record_no: u32) -> Result<Option<StoredParked>, StageError> {
    if page.change(file_no, record_no)?.is_some() {
        return Ok(None);
    }
    Ok(match page.stored(file_no, record_no)? {
        StoredRow::Parked(parked) => Some(*parked),
        _ => None,
    })
}

fn take_back(page: &mut Page<'_>, stored: StoredSale) -> Result<(), StageError> {
    let sale = stored.sale;
    for (_, finding) in &sale.holds {
        page.publish(&Publication::Withdrawn(*finding));
    }
    leave_company(page, &sale)?;
    let key =
        LineKey { partner: sale.at.partner.clone(), document: sale.document.clone(), line: stored.line_key.clone() };
    release_line(page, &key, sale.at.file_no, sale.at.record_no)?;
    page.outbox.send(&sale.product.clone(), SaleEvent::Retract(sale));
    Ok(())
}

fn forget_parked(page: &mut Page<'_>, file_no: u32, record_no: u32, parked: &StoredParked) -> Result<(), StageError> {
    let place = (page.partner_id.to_string(), file_no, record_no);
    if let Some(parking) = PARKED.get(page.state, &place)? {
        page.publish(&Publication::Withdrawn(parking.finding));
        PARKED.delete(page.state, &place)?;
    }
    for (_, finding) in &parked.holds {
        page.publish(&Publication::Withdrawn(*finding));
    }
    let (document, line) = (parked.row.document.clone(), parked.line_key.clone());
    release_line(page, &LineKey { partner: page.partner_id.clone(), document, line }, file_no, record_no)
}

/// Frees the line for its next version, if the record still holds it.
fn release_line(page: &mut Page<'_>, key: &LineKey, file_no: u32, record_no: u32) -> Result<(), StageError> {
    if let Some(mut entry) = LINES.get(page.state, key)?
        && (entry.file_no, entry.record_no) == (file_no, record_no)
    {
        entry.live = false;
        LINES.put(page.state, key, &entry)?;
    }
    Ok(())
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
