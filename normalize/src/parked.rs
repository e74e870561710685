//! Parked rows that come back when the reference data or a steward know more.

use contract::{Publication, RecordRef, SaleEvent, Text};
use stream::{Order, Outbox, StageError, State};

use crate::known::{Known, settled_product};
use crate::matching::MatchOutcome;
use crate::page::Page;
use crate::rows::{Draft, join_company, stored_sale};
use crate::tables::{Change, PARKED, Parking, StoredParked, StoredRow};

/// How many parked rows are looked at together.
const PAGE_ROWS: usize = 1000;

/// Tries the parked rows of all partners, or of one, again.
pub(crate) fn retry(
    known: &Known,
    stamp: u64,
    partner: Option<&Text>,
    state: &mut dyn State,
    outbox: &mut Outbox<SaleEvent>,
) -> Result<(), StageError> {
    let mut from = partner.map_or((String::new(), 0, 0), |partner| (partner.to_string(), 0, 0));
    let to = partner.map_or(("\u{10ffff}".to_owned(), 0, 0), |partner| (partner.to_string(), u32::MAX, u32::MAX));
    let mut actor = String::new();
    loop {
        let parked = PARKED.range(state, &from, &to, Order::Up, PAGE_ROWS)?;
        let Some(((last, file_no, record_no), _)) = parked.last() else { return Ok(()) };
        from = (last.clone(), *file_no, record_no + 1);
        for ((partner, file_no, record_no), parking) in parked.iter().filter(|(_, parking)| !parking.conflict) {
            if actor != *partner {
                actor.clone_from(partner);
                outbox.acting_for(partner);
            }
            let partner = Text::from(partner.as_str());
            let mut page = Page::new(known, &partner, stamp, state, outbox);
            bring_back(&mut page, *file_no, *record_no, parking)?;
            page.close()?;
        }
        if parked.len() < PAGE_ROWS {
            return Ok(());
        }
    }
}

fn bring_back(page: &mut Page<'_>, file_no: u32, record_no: u32, parking: &Parking) -> Result<(), StageError> {
    let StoredRow::Parked(parked) = page.stored(file_no, record_no)? else {
        return Err(StageError::Unknown { stage: "normalize", what: format!("parked record {record_no}") });
    };
    let StoredParked { row, content, line_key, version, mut holds, .. } = *parked;
    let resolution = page.resolve_product(file_no, &row)?;
    let Some(product) = settled_product(&resolution).cloned() else { return Ok(()) };
    if resolution.outcome == MatchOutcome::Typo {
        holds.push((contract::Code::CodeTypo, parking.finding));
    } else {
        page.publish(&Publication::Withdrawn(parking.finding));
    }
    let at = RecordRef { partner: page.partner_id.clone(), file_no, record_no };
    let draft = Draft { at, row: &row, content, line: line_key, version };
    let mut sale = page.sale(&draft, product, holds)?;
    let joined = join_company(page, &sale, 1)?;
    sale.alone = joined.alone;
    let stored = stored_sale(sale, &draft, &resolution);
    let sale = stored.sale.clone();
    page.outbox.send(&sale.product.clone(), SaleEvent::Assert(sale));
    if let Some(event) = joined.news {
        let key = event.sale().product.clone();
        page.outbox.send(&key, event);
    }
    page.set_change(file_no, record_no, &Change::Accepted(Box::new(stored)))?;
    PARKED.delete(page.state, &(page.partner_id.to_string(), file_no, record_no))?;
    let receipt = &mut page.file(file_no)?.receipt;
    receipt.parked -= 1;
    receipt.accepted += 1;
    Ok(())
}
