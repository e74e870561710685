//! What the ledger keeps, and under which keys.

use contract::{Day, Id, Micros};
use stream::{Key, StorageError, Table, TableId};

use super::account::Account;
use super::draws::Decision;
use super::estimates::{Estimate, Lots};
use super::expected::Measures;
use super::job::Job;
use super::layers::Layers;
use super::protection::OfStock;
use super::rules::outlier::Past;
use super::sharing::SharingKey;
use super::tally::Tally;
use crate::programs::cost_layers::Moved;

/// Settlement → everything about it but its lines.
pub(crate) const ACCOUNTS: Table<[u8; 16], Account> = Table::new(1, "accounts");
/// (settlement, first day of the list) → list of lines, see [`super::lines`].
pub(crate) const LINES: TableId = TableId(2);
/// (settlement, first day of the list) → what its lines add up to, as of the last control that settled it.
pub(crate) const SUMS: Table<([u8; 16], i32), Tally> = Table::new(3, "sums of lists");
/// (settlement, first day) of the lists that have changed and are not settled yet.
pub(crate) const DIRTY: Table<([u8; 16], i32), ()> = Table::new(4, "dirty lists");
/// (first day on which its period moves on, settlement).
pub(crate) const DEADLINES: Table<(i32, [u8; 16]), ()> = Table::new(5, "deadlines");
/// Settlements that may share limits: (program, version, settlement).
pub(crate) const BUDGETS: Table<(String, u32, [u8; 16]), ()> = Table::new(6, "budgets");
/// Settlements that orders are made on and for which more is due by now than authorised; they wait for the next tick.
pub(crate) const WAITING: Table<[u8; 16], ()> = Table::new(7, "waiting");
/// (program, beneficiary, currency, settlement) of those that gather over periods and have changed since the last tick.
pub(crate) const GATHERING: Table<(String, String, String, [u8; 16]), ()> = Table::new(38, "what gathers");
/// Frozen settlements whose budget was shared anew since the last tick; they are booked at the next one.
pub(crate) const REVIEW: Table<[u8; 16], ()> = Table::new(9, "to be reviewed");
/// What is left of the control under way; one row, gone once it is settled.
pub(crate) const JOB: Table<u8, Job> = Table::new(10, "job");
/// Limits that the control under way has to share anew, see [`super::sharing::Sharing`].
pub(crate) const SHARING: Table<SharingKey, ()> = Table::new(11, "limits to be shared");
/// Settlements of one beneficiary, by year: (program, beneficiary, year, settlement).
pub(crate) const BENEFICIARIES: Table<(String, String, i32, [u8; 16]), ()> = Table::new(20, "beneficiaries");
/// One row where lists have changed since the last control, or limits are to be shared once more.
pub(crate) const FRESH: Table<u8, ()> = Table::new(12, "something is fresh");
/// History (program, beneficiary, currency) → its frozen periods, in order.
pub(crate) const PERIODS: Table<[u8; 16], Vec<Past>> = Table::new(13, "periods");
/// Histories that have changed in the tick under way.
pub(crate) const SUSPECTS: Table<[u8; 16], ()> = Table::new(14, "suspects");
/// (program, partner, order or activity) → what was decided about it.
pub(crate) const DRAWS: Table<(String, String, String), Decision> = Table::new(19, "draws");
/// Programs of which more is drawn than was earned in the end.
pub(crate) const OVERDRAWN: Table<String, ()> = Table::new(21, "overdrawn programs");
/// (stock, day) → units sold from it, in millionths; below zero: come back.
pub(crate) const SOLD: Table<([u8; 16], i32), i128> = Table::new(22, "units sold from stocks");
/// Stocks that the next control looks at.
pub(crate) const STOCKS: Table<[u8; 16], ()> = Table::new(23, "stocks");
/// (stock, or what of it earned at resale; day of a cut or purchase) → the line that stands for it.
pub(crate) const OF_STOCKS: Table<([u8; 16], i32), OfStock> = Table::new(24, "lines of stocks");
/// Stocks of which the next tick reckons the estimates anew.
pub(crate) const STALE: Table<[u8; 16], ()> = Table::new(25, "stale stocks");
/// Stock → what happened to its lots, as of the last tick that reckoned them.
pub(crate) const LOTS: Table<[u8; 16], Lots> = Table::new(26, "lots");
/// (first day on which a lot has lapsed, its stock).
pub(crate) const LAPSES: Table<(i32, [u8; 16]), ()> = Table::new(27, "lapses");
/// Settlement → what is estimated for it.
pub(crate) const ESTIMATES: Table<[u8; 16], Estimate> = Table::new(28, "estimates");
/// Settlements whose estimates the tick under way has still to book.
pub(crate) const UNBOOKED: Table<[u8; 16], ()> = Table::new(29, "unbooked estimates");
/// Open settlements that accrue by what is expected of their period; ticks look at them. With what they were priced by; `None` where
/// something else has moved since.
pub(crate) const EXPECTED: Table<[u8; 16], Option<Measures>> =
    Table::new(37, "settlements that accrue by what is expected");
/// (program, partner, number) of a deduction → what of it is settled, all together.
pub(crate) const SETTLED: Table<(String, String, String), Micros> = Table::new(30, "settled deductions");

/// (stock, day) → what is sold of it on the day and what comes back, for stocks whose cost layers are used up.
pub(crate) const MOVED: Table<([u8; 16], i32), Moved> = Table::new(31, "units moved of stocks");
/// (stock, day) → the sales and returns of the day, see [`super::layers`].
pub(crate) const MOVES: TableId = TableId(32);
/// Stocks of which the next control works out anew where their cost layers begin.
pub(crate) const UNLAYERED: Table<[u8; 16], ()> = Table::new(34, "stocks to be layered");
/// Stock → where its cost layers begin among its sales, as of the last control that looked at it.
pub(crate) const LAYERS: Table<[u8; 16], Layers> = Table::new(33, "cost layers");

/// Under which key in [`LINES`] lies what later tables say of the sales of a settlement.
pub(crate) fn told_of(id: Id) -> Id {
    Id::of("told", &[&id.to_string()])
}

/// Key of a settlement's list in [`LINES`], [`SUMS`] and [`DIRTY`].
pub(crate) fn day_key(id: Id, day: Day) -> [u8; 20] {
    let mut key = [0; 20];
    key[..16].copy_from_slice(&id.0);
    key[16..].copy_from_slice(&((day.0 as u32) ^ (1 << 31)).to_be_bytes());
    key
}

pub(crate) fn key_day(key: &[u8]) -> Result<Day, StorageError> {
    let (_, day) = <([u8; 16], i32)>::read(&mut stream::KeyReader(key))?;
    Ok(Day(day))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_key_is_the_tables_key() {
        for day in [i32::MIN, -1, 0, 15_000, i32::MAX] {
            let key = day_key(Id([3; 16]), Day(day));
            assert_eq!(key.to_vec(), ([3_u8; 16], day).bytes());
            assert_eq!(key_day(&key).unwrap(), Day(day));
        }
    }
}
