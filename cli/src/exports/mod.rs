//! `paidonce export`: what a data directory holds, as tables.
//!
//! Columns are those of the project's contract with outside scripts, more may follow behind them. Rows are sorted by
//! business keys, never by arrival, so that the bytes are the same whatever threads or interleaving a run had.

mod answer_set;
mod answers;
mod claims;
mod columns;
mod findings;
mod intake;
mod ledger;
mod parquet;
mod persons;
mod row;
mod sales;
mod segments;
mod stock;

use std::io::Write;

use anyhow::Result;
use contract::Micros;

use crate::reader::Reader;
pub(crate) use answers::write as write_answers;
pub(crate) use claims::settled;
pub use ledger::{each_accrual, each_estimate};
pub use row::Format;
pub(crate) use row::{Cells, RowWriter, Rows};

/// What can be exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum What {
    Sales,
    Rejects,
    Receipts,
    Findings,
    Accruals,
    Authorizations,
    Journal,
    Payments,
    Claims,
    Audit,
    Identities,
    Holdings,
    Estimates,
    Persons,
    Stock,
}

/// An export: its columns and what writes its rows.
struct Export {
    columns: &'static [&'static str],
    write: fn(&Reader, &mut dyn Rows) -> Result<()>,
}

impl What {
    fn export(self) -> Export {
        match self {
            What::Sales => Export { columns: &sales::COLUMNS, write: sales::write },
            What::Rejects => Export { columns: &intake::REJECT_COLUMNS, write: intake::rejects },
            What::Receipts => Export { columns: &intake::RECEIPT_COLUMNS, write: intake::receipts },
            What::Findings => Export { columns: &findings::COLUMNS, write: findings::write },
            What::Accruals => Export { columns: &ledger::ACCRUAL_COLUMNS, write: ledger::accruals },
            What::Authorizations => {
                Export { columns: &accrual_sink::exports::AUTHORIZATION_COLUMNS, write: ledger::authorizations }
            }
            What::Journal => Export { columns: &accrual_sink::exports::JOURNAL_COLUMNS, write: ledger::journal },
            What::Payments => Export { columns: &accrual_sink::exports::PAYMENT_COLUMNS, write: ledger::payments },
            What::Claims => Export { columns: &claims::COLUMNS, write: claims::write },
            What::Audit => Export { columns: &intake::AUDIT_COLUMNS, write: intake::audit },
            What::Holdings => Export { columns: &ledger::HOLDING_COLUMNS, write: ledger::holdings },
            What::Estimates => Export { columns: &ledger::ESTIMATE_COLUMNS, write: ledger::estimates },
            What::Stock => Export { columns: &stock::COLUMNS, write: stock::write },
            What::Persons => Export { columns: &persons::COLUMNS, write: persons::write },
            What::Identities => Export { columns: &sales::IDENTITY_COLUMNS, write: sales::identities },
        }
    }
}

/// Writes the stocks between two counts, with the gap that is told as a share of what was computed.
///
/// # Errors
/// As [`write`].
pub fn write_stock(reader: &Reader, tolerance: Micros, format: Format, out: &mut (dyn Write + Send)) -> Result<()> {
    let mut rows = RowWriter::new(format, &stock::COLUMNS, out)?;
    stock::write_within(reader, tolerance, &mut rows)?;
    rows.finish()
}

/// Writes one export to `out`.
///
/// # Errors
/// The data directory is damaged, `out` takes nothing, or the format is none of this export.
pub fn write(reader: &Reader, what: What, format: Format, out: &mut (dyn Write + Send)) -> Result<()> {
    if (what, format) == (What::Claims, Format::X12) {
        return write_answers(reader, None, out);
    }
    let export = what.export();
    let mut rows = RowWriter::new(format, export.columns, out)?;
    (export.write)(reader, &mut rows)?;
    rows.finish()
}
