//! What exports and explanations read from normalization's state.

use std::collections::BTreeMap;
use std::sync::Arc;

use contract::{Id, Identity, Movement, ParsedRow, RecordRef, Sale, Text};
use stream::{Order, State, StorageError};

use crate::tables::{CHANGES, Change, Displaced, READINGS, ROWS, StoredRow, StoredSale};

/// A sale with its fate.
pub struct SaleRow {
    pub sale: Arc<Sale>,
    /// `accepted` or `superseded`.
    pub status: &'static str,
    /// Product code as written.
    pub code: Text,
    pub method: Text,
    /// Thousandths.
    pub score: u16,
}

/// Calls `emit` for every sale of the partition, in (partner, file number, record number) order.
pub fn sales(state: &mut dyn State, emit: &mut dyn FnMut(SaleRow)) -> Result<(), StorageError> {
    each_row(state, &mut |stored, status| {
        if stored.sale.movement != Movement::Claim {
            emit(sale_row(stored, status));
        }
    })
}

/// Calls `emit` for every record of the partition that was accepted: a sale, a return or a line of a claim.
pub fn accepted(state: &mut dyn State, emit: &mut dyn FnMut(&RecordRef)) -> Result<(), StorageError> {
    each_row(state, &mut |stored, status| {
        if status == ACCEPTED {
            emit(&stored.sale.at);
        }
    })
}

/// A line of a claim that waits until its program, or that program's period, is known (domain notes §2.3, CL3).
pub struct Quarantined {
    /// The same for every version of the line.
    pub id: Id,
    pub at: RecordRef,
    pub row: ParsedRow,
}

/// Calls `emit` for every such line of the partition, in (partner, file number, record number) order.
pub fn quarantined(state: &mut dyn State, emit: &mut dyn FnMut(Quarantined)) -> Result<(), StorageError> {
    each_record(state, &mut |at, row, change| {
        let ((_, Some(Change::Parked(parked))) | (StoredRow::Parked(parked), None)) = (row, change) else { return };
        if parked.row.movement == Movement::Claim {
            let id = Id::of("sale", &[&at.partner, &parked.row.document, &parked.line_key]);
            emit(Quarantined { id, at, row: parked.row });
        }
    })
}

/// Whether a record of the partner has the code, so that it goes by what a steward decides it means.
pub fn has_reading(state: &mut dyn State, partner: &str, code: &str) -> Result<bool, StorageError> {
    Ok(!READINGS.prefix(state, &(partner.to_owned(), code.to_owned()), Order::Up, 1)?.is_empty())
}

const ACCEPTED: &str = "accepted";

/// Every record that stands or stood, with its status.
fn each_row(state: &mut dyn State, emit: &mut dyn FnMut(&StoredSale, &'static str)) -> Result<(), StorageError> {
    each_record(state, &mut |_, row, change| match (&row, &change) {
        (_, Some(Change::Accepted(stored))) | (StoredRow::Sale(stored), None) => emit(stored, ACCEPTED),
        (_, Some(Change::Superseded(Some(stored)) | Change::Displaced(Displaced::Sale(stored))))
        | (StoredRow::Sale(stored), Some(Change::Superseded(None))) => emit(stored, "superseded"),
        _ => {}
    })
}

fn sale_row(stored: &StoredSale, status: &'static str) -> SaleRow {
    SaleRow {
        sale: stored.sale.clone(),
        status,
        code: stored.code.clone(),
        method: stored.method.clone(),
        score: stored.score,
    }
}

/// How each product code of each partner was read last, in (partner, code) order.
pub fn identities(state: &mut dyn State) -> Result<Vec<Identity>, StorageError> {
    let mut found: BTreeMap<(Text, Text), Identity> = BTreeMap::new();
    each_record(state, &mut |at, row, change| {
        let identity = match (row, change) {
            (_, Some(Change::Accepted(stored) | Change::Displaced(Displaced::Sale(stored))))
            | (StoredRow::Sale(stored), _)
                if stored.sale.movement != Movement::Claim =>
            {
                matched(&at.partner, &stored)
            }
            (_, Some(Change::Parked(parked))) | (StoredRow::Parked(parked), None)
                if parked.row.movement != Movement::Claim =>
            {
                unmatched(&at.partner, &parked)
            }
            _ => return,
        };
        found.insert((identity.partner.clone(), identity.text.as_str().into()), identity);
    })?;
    Ok(found.into_values().collect())
}

fn matched(partner: &Text, stored: &StoredSale) -> Identity {
    let (runner_up, runner_up_score) = stored.runner_up.clone().unwrap_or_default();
    Identity {
        kind: "product".into(),
        partner: partner.clone(),
        text: stored.code.to_string(),
        identity: stored.sale.product.clone(),
        method: stored.method.clone(),
        score: stored.score,
        runner_up,
        runner_up_score,
        outcome: "matched".into(),
    }
}

fn unmatched(partner: &Text, parked: &crate::tables::StoredParked) -> Identity {
    let (guess, score) = parked.guess.clone().unwrap_or_default();
    let (runner_up, runner_up_score) = parked.runner_up.clone().unwrap_or_default();
    let outcome = if guess.is_empty() { "unmatched" } else { "review" };
    Identity {
        kind: "product".into(),
        partner: partner.clone(),
        text: parked.row.code.to_string(),
        identity: guess,
        method: "none".into(),
        score,
        runner_up,
        runner_up_score,
        outcome: outcome.into(),
    }
}

/// Every stored record of the partition with what became of it, slice by slice.
fn each_record(
    state: &mut dyn State,
    emit: &mut dyn FnMut(RecordRef, StoredRow, Option<Change>),
) -> Result<(), StorageError> {
    let mut from = (String::new(), 0, 0);
    let end = ("\u{10ffff}".to_owned(), 0, 0);
    loop {
        let slices = ROWS.range(state, &from, &end, Order::Up, 16)?;
        let Some(((partner, file_no, slice), _)) = slices.last() else { return Ok(()) };
        from = (partner.clone(), *file_no, slice + 1);
        for ((partner, file_no, slice), rows) in slices {
            let first = slice * contract::SLICE_ROWS as u32 + 1;
            let last = first + rows.len() as u32;
            let range = ((partner.clone(), file_no, first), (partner.clone(), file_no, last));
            let changes = CHANGES.range(state, &range.0, &range.1, Order::Up, rows.len())?;
            let mut changes: BTreeMap<u32, Change> =
                changes.into_iter().map(|((_, _, record_no), change)| (record_no, change)).collect();
            for (record_no, row) in (first..).zip(rows) {
                let at = RecordRef { partner: partner.as_str().into(), file_no, record_no };
                emit(at, row, changes.remove(&record_no));
            }
        }
    }
}
