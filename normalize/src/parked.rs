//! Parked rows that come back when the reference data or a steward know more.

use contract::{Code, Id, Publication, SaleEvent, Text};
use stream::{Order, Outbox, StageError, State};

use crate::known::{Known, settled_product};
use crate::matching::MatchOutcome;
use crate::page::{Now, Page};
use crate::rows::{Draft, assert_late, stored_sale};
use crate::tables::{Change, PARKED, StoredParked};

/// How many parked rows are looked at together.
const PAGE_ROWS: usize = 1000;

/// Tries the parked rows of all partners again.
pub(crate) fn retry(
    known: &Known,
    stamp: u64,
    state: &mut dyn State,
    outbox: &mut Outbox<SaleEvent>,
) -> Result<(), StageError> {
    let mut from = (String::new(), 0, 0);
    let to = ("\u{10ffff}".to_owned(), 0, 0);
    let mut actor = String::new();
    loop {
        let parked = PARKED.range(state, &from, &to, Order::Up, PAGE_ROWS)?;
        let Some(((last, file_no, record_no), _)) = parked.last() else { return Ok(()) };
        from = (last.clone(), *file_no, record_no + 1);
        for ((partner, file_no, record_no), finding) in &parked {
            if actor != *partner {
                actor.clone_from(partner);
                outbox.acting_for(partner);
            }
            let partner = Text::from(partner.as_str());
            let mut page = Page::new(known, &partner, stamp, state, outbox);
            bring_back(&mut page, *file_no, *record_no, *finding)?;
            page.close()?;
        }
        if parked.len() < PAGE_ROWS {
            return Ok(());
        }
    }
}

/// Lets a parked row in if its product is known now. Says whether it is.
pub(crate) fn bring_back(page: &mut Page<'_>, file_no: u32, record_no: u32, finding: Id) -> Result<bool, StageError> {
    let Now::Parked(parked) = page.now(file_no, record_no)? else {
        return Err(StageError::Unknown { stage: "normalize", what: format!("parked record {record_no}") });
    };
    let StoredParked { row, content, line_key, version, mut holds, .. } = *parked;
    let resolution = page.resolve_product(file_no, &row)?;
    let Some(product) = settled_product(&resolution).cloned() else { return Ok(false) };
    if resolution.outcome == MatchOutcome::Typo {
        holds.push((Code::CodeTypo, finding));
    } else {
        page.publish(&Publication::Withdrawn(finding));
    }
    let at = page.at(file_no, record_no);
    let draft = Draft { at: at.clone(), row: &row, content, line: line_key, version };
    let sale = page.sale(&draft, product, holds)?;
    let mut stored = stored_sale(sale, &draft, &resolution);
    assert_late(page, &mut stored)?;
    page.set_change(&at, &Change::Accepted(Box::new(stored)))?;
    PARKED.delete(page.state, &(page.partner_id.to_string(), file_no, record_no))?;
    let receipt = &mut page.file(file_no)?.receipt;
    receipt.parked -= 1;
    receipt.accepted += 1;
    Ok(true)
}
