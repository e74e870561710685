//! Parked rows that come back when the reference data or a steward know more.

use contract::{Code, Id, Movement, Publication, SaleEvent, Text};
use serde::Serialize;
use serde::de::DeserializeOwned;
use stream::{Order, Outbox, StageError, State, Table};

use crate::known::{Known, settled_product};
use crate::matching::MatchOutcome;
use crate::page::{Now, Page};
use crate::rows::{Draft, assert_late, doubt, doubts, stored_sale};
use crate::rules::product_unsure;
use crate::tables::{Change, PARKED, StoredParked};

/// How many records are looked at together.
const PAGE_ROWS: usize = 1000;

/// Tries the parked rows of all partners again.
pub(crate) fn retry(
    known: &Known,
    stamp: u64,
    state: &mut dyn State,
    outbox: &mut Outbox<SaleEvent>,
) -> Result<(), StageError> {
    each_record(&PARKED, known, stamp, state, outbox, &mut |page, file_no, record_no, finding| {
        bring_back(page, file_no, record_no, finding).map(drop)
    })
}

/// What is done with one record of a table of records.
type Visit<'v, V> = &'v mut dyn FnMut(&mut Page<'_>, u32, u32, V) -> Result<(), StageError>;

/// Visits every record of a table, each on a page of its own.
pub(crate) fn each_record<V: Serialize + DeserializeOwned>(
    table: &Table<(String, u32, u32), V>,
    known: &Known,
    stamp: u64,
    state: &mut dyn State,
    outbox: &mut Outbox<SaleEvent>,
    visit: Visit<'_, V>,
) -> Result<(), StageError> {
    let mut from = (String::new(), 0, 0);
    let to = ("\u{10ffff}".to_owned(), 0, 0);
    let mut actor = String::new();
    loop {
        let records = table.range(state, &from, &to, Order::Up, PAGE_ROWS)?;
        let Some(((last, file_no, record_no), _)) = records.last() else { return Ok(()) };
        from = (last.clone(), *file_no, record_no + 1);
        let is_last = records.len() < PAGE_ROWS;
        for ((partner, file_no, record_no), value) in records {
            if actor != partner {
                actor.clone_from(&partner);
                outbox.acting_for(&partner);
            }
            let partner = Text::from(partner.as_str());
            let mut page = Page::new(known, &partner, stamp, state, outbox);
            visit(&mut page, file_no, record_no, value)?;
            page.close()?;
        }
        if is_last {
            return Ok(());
        }
    }
}

/// Lets a parked row in if its product is known now. Says whether it is.
pub(crate) fn bring_back(page: &mut Page<'_>, file_no: u32, record_no: u32, finding: Id) -> Result<bool, StageError> {
    let Now::Parked(parked) = page.now(file_no, record_no)? else {
        return Err(StageError::Unknown { stage: "normalize", what: format!("parked record {record_no}") });
    };
    let StoredParked { row, content, line_key, version, holds, .. } = *parked;
    let resolution = page.resolve_product(file_no, &row)?;
    let at = page.at(file_no, record_no);
    let draft = Draft { at: at.clone(), row: &row, content, line: line_key, version };
    let Some(product) = settled_product(&resolution).cloned() else {
        if row.movement == Movement::Claim {
            // Where its program is known now, it waits for something else.
            doubt(page, &draft, product_unsure::code(resolution.outcome), resolution.message);
        }
        return Ok(false);
    };
    page.withdraw(holds.into_iter().map(|(_, finding)| finding));
    let mut holds = doubts(page, &draft)?;
    if resolution.outcome == MatchOutcome::Typo {
        holds.push((Code::CodeTypo, finding));
    } else {
        page.publish(&Publication::Withdrawn(finding));
    }
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
