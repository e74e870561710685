//! OP-31: a version that was extended when a period had frozen.
//!
//! Its lines behind the day that was its last one at the freeze, or the day up to which it is approved, are rows that came since:
//! what would not be due without them waits until somebody answers for it. That is what they bring, and what they change about
//! other lines, such as by a tier that they lift. What comes back of them goes with them.

use contract::{Day, Id, Micros, Program};
use rustc_hash::FxHashMap;
use stream::{State, StorageError};

use super::account::Account;
use super::due::due_without;
use super::lines::{Line, each_lines};
use super::now::Now;

/// The last day that needs no further word, and what would be due without later lines that were read under a later one, where there
/// are some. What comes back goes with its sale, where that is a line too. An extension that was taken back counts as well: what
/// was read under it has its entitlement.
pub(crate) fn extended(
    account: &Account,
    program: &Program,
    approved: Option<Day>,
    now: Now<'_>,
    state: &mut dyn State,
) -> Result<Option<(Day, Micros)>, StorageError> {
    let Some(since) = account.phase.frozen_since() else { return Ok(None) };
    let Some(last) = last_at(since, account, now).max(approved).filter(|last| account.last_day > *last) else {
        return Ok(None);
    };
    let (program_id, version) = (&account.settlement.program, account.settlement.version);
    let reaches =
        |control| now.references.as_of(control).program(program_id, version).is_some_and(|then| then.to > last);
    let is_late = |line: &Line, sold: Day| sold > last && line.came >= since && reaches(line.came);
    let id = account.settlement.id();
    let mut sales = FxHashMap::<Id, bool>::default();
    each_lines(state, id, account.counted, &mut |lines| {
        let behind = lines.iter().filter(|line| line.origin.is_none() && line.day > last);
        sales.extend(behind.map(|line| (line.sale, is_late(line, line.day))));
    })?;
    let goes = |line: &Line| match line.origin {
        Some((sale, sold)) => sales.get(&sale).copied().unwrap_or_else(|| is_late(line, sold)),
        None => sales.get(&line.sale).is_some_and(|is_late| *is_late),
    };
    let mut some = false;
    each_lines(state, id, account.counted, &mut |lines| some |= lines.iter().any(goes))?;
    if !some {
        return Ok(None);
    }
    let without = due_without(id, account, program, state, &goes)?;
    Ok(Some((last, without)))
}

/// The version's last day as of the freeze; `None` where it came later, or is gone.
fn last_at(since: u64, account: &Account, now: Now<'_>) -> Option<Day> {
    let (program, version) = (&account.settlement.program, account.settlement.version);
    let known = now.references.as_of(since).program(program, version).filter(|_| !account.amended);
    known.map(|then| then.to)
}
