//! What is due, may be paid, was booked and was paid.

use anyhow::Result;
use compliance::ledger::{self, AccrualRow, EstimateRow, Holding, accrual_rows, estimate_rows};
use contract::{Authorization, JournalEntry, Payment, Topic};
use stream::State;

use super::row::{Cells, Rows};
use crate::reader::Reader;
use crate::run::stages;

pub(super) const ACCRUAL_COLUMNS: [&str; 14] = [
    "accrual_id",
    "program",
    "version",
    "beneficiary",
    "period",
    "sale_id",
    "kind",
    "measure_delta",
    "amount",
    "currency",
    "bound",
    "cause",
    "file",
    "record_no",
];

pub(super) const HOLDING_COLUMNS: [&str; 13] = [
    "program",
    "version",
    "beneficiary",
    "period",
    "opens",
    "expires",
    "earned",
    "drawn",
    "expired",
    "left",
    "due",
    "authorised",
    "currency",
];

pub(super) const ESTIMATE_COLUMNS: [&str; 13] = [
    "estimate_id",
    "program",
    "version",
    "beneficiary",
    "period",
    "product",
    "bought",
    "kind",
    "date",
    "units",
    "amount",
    "currency",
    "functional_amount",
];

/// Hands over the accrual rows of all settlements, in their order.
///
/// # Errors
/// The data directory cannot be read.
pub fn each_accrual(reader: &Reader, visit: &mut dyn FnMut(AccrualRow)) -> Result<()> {
    let mut states = reader.states(stages::LEDGER);
    let mut states: Vec<&mut dyn State> = states.iter_mut().map(|s| s as &mut dyn State).collect();
    Ok(accrual_rows(&mut states, &reader.stage_blobs(), visit)?)
}

/// By program, version, beneficiary, period, currency, date and sale.
pub(super) fn accruals(reader: &Reader, rows: &mut dyn Rows) -> Result<()> {
    let mut cells = Cells::default();
    let mut failed = Ok(());
    each_accrual(reader, &mut |row| {
        if failed.is_ok() {
            failed = rows.row(accrual(reader, &row, &mut cells));
        }
    })?;
    failed
}

fn accrual<'c>(reader: &Reader, row: &AccrualRow, cells: &'c mut Cells) -> &'c Cells {
    cells.clear().add(row.accrual_id).add(&row.program).add(row.version).add(&row.beneficiary).add(&row.period);
    cells.add(row.sale_id).add(row.kind).add(row.measure_delta).add(row.amount).add(row.currency).add(row.bound);
    cells.add(reader.place(&row.cause)).add(reader.path(&row.cause)).add(row.cause.record_no)
}

/// By program, version, beneficiary, period and currency.
pub(super) fn holdings(reader: &Reader, rows: &mut dyn Rows) -> Result<()> {
    let mut states = reader.states(stages::LEDGER);
    let mut states: Vec<&mut dyn State> = states.iter_mut().map(|s| s as &mut dyn State).collect();
    let mut cells = Cells::default();
    let mut failed = Ok(());
    ledger::holdings(&mut states, &reader.stage_blobs(), &mut |holding| {
        if failed.is_ok() {
            failed = rows.row(held(&holding, &mut cells));
        }
    })?;
    failed
}

fn held<'c>(holding: &Holding, cells: &'c mut Cells) -> &'c Cells {
    let of = &holding.settlement;
    cells.clear().add(&of.program).add(of.version).add(&of.beneficiary).add(&of.period);
    cells.add(holding.opens).add(holding.expires).add(holding.earned).add(holding.drawn).add(holding.expired);
    cells.add(holding.left).add(holding.due).add(holding.authorised).add(of.currency)
}

/// Hands over what happened to each lot, and how what is expected changed, in each month, in order of settlement, product, day of
/// purchase, month and kind.
///
/// # Errors
/// The data directory cannot be read.
pub fn each_estimate(reader: &Reader, visit: &mut dyn FnMut(EstimateRow)) -> Result<()> {
    let mut states = reader.states(stages::LEDGER);
    let mut states: Vec<&mut dyn State> = states.iter_mut().map(|s| s as &mut dyn State).collect();
    Ok(estimate_rows(&mut states, visit)?)
}

/// By program, version, beneficiary, period, currency, product, day of purchase, month and kind.
pub(super) fn estimates(reader: &Reader, rows: &mut dyn Rows) -> Result<()> {
    let mut cells = Cells::default();
    let mut failed = Ok(());
    each_estimate(reader, &mut |row| {
        if failed.is_ok() {
            failed = rows.row(estimate(&row, &mut cells));
        }
    })?;
    failed
}

fn estimate<'c>(row: &EstimateRow, cells: &'c mut Cells) -> &'c Cells {
    let of = &row.settlement;
    cells.clear().add(row.estimate_id).add(&of.program).add(of.version).add(&of.beneficiary).add(&of.period);
    cells.add(&row.product).add_some(row.bought).add(row.kind.as_str()).add(row.date).add_some(row.units);
    cells.add(row.amount).add(of.currency).add_some(row.functional)
}

pub(super) fn authorizations(reader: &Reader, rows: &mut dyn Rows) -> Result<()> {
    let mut all: Vec<Authorization> = reader.all(Topic::Authorizations)?;
    write(accrual_sink::exports::authorization_rows(&mut all), rows)
}

pub(super) fn journal(reader: &Reader, rows: &mut dyn Rows) -> Result<()> {
    let mut all: Vec<JournalEntry> = reader.all(Topic::Journal)?;
    write(accrual_sink::exports::journal_rows(&mut all), rows)
}

pub(super) fn payments(reader: &Reader, rows: &mut dyn Rows) -> Result<()> {
    let mut all: Vec<Payment> = reader.all(Topic::Payments)?;
    write(accrual_sink::exports::payment_rows(&mut all), rows)
}

fn write<const N: usize>(all: impl Iterator<Item = [String; N]>, rows: &mut dyn Rows) -> Result<()> {
    let mut cells = Cells::default();
    for row in all {
        cells.clear();
        row.iter().for_each(|cell| {
            cells.add(cell);
        });
        rows.row(&cells)?;
    }
    Ok(())
}
