//! OP-31 `program-amended`.
//!
//! Evidence: the program's version, and that it waits for approval; the first sale of the settlement.
//!
//! At risk: what is due under the version, or for the days that were added to it, and not authorised.
//!
//! ## What it finds
//! Something that is due under a version of a program which came when the period had frozen, or for days by which it was
//! extended then, as long as `amendments.csv` does not say who approves it. It is held, at the close too. Where sales of the
//! added days lift what others earn (a tier for all, a threshold, a bonus), all that is not authorised is held. An approval is
//! for the version, with whatever of it comes later.
//!
//! ## Why it matters
//! Terms that appear when a period is over may have been written for what was sold in it.
//!
//! ## Example
//! Version 2 with 3 % comes in May for a quarter that froze in April; a late sale of 2,000.00 earns 60.00 under it: held
//! until version 2 is approved.
//!
//! ## Late, corrected, out of order
//! The version pays for rows that are read after it came; what was read before stays under the terms that it was read under.
//! For periods that are still open then it pays at once. With the approval the finding is withdrawn and the next tick
//! authorises, be the period closed by then or not.
//!
//! ## Returns
//! What comes back is not held: it lowers what waits, and is told as OP-25 where it came after the period.

use contract::{Code, Micros, Program};
use stream::{State, StorageError};

use crate::ledger::account::Account;
use crate::ledger::extended::extended;
use crate::ledger::findings::Found;
use crate::ledger::now::Now;
use crate::programs::Exact;

/// The version came, or was extended, when the period had frozen, and nobody has approved that. It pays for rows that are read
/// since.
pub(in crate::ledger) fn check(
    account: &Account,
    terms: &Program,
    now: Now<'_>,
    state: &mut dyn State,
) -> Result<Option<Found>, StorageError> {
    let (program, version) = (&account.settlement.program, account.settlement.version);
    let owed = account.accrued - account.authorised;
    if owed <= Micros::ZERO || now.known().approves(program, version) {
        return Ok(None);
    }
    let (what, held) = match account.amended {
        true => ("came".to_owned(), owed),
        false => match extended(account, terms, now, state)? {
            Some((last, brought)) => (format!("was extended beyond {last}"), brought.min(owed)),
            None => return Ok(None),
        },
    };
    let message =
        format!("version {version} of {program} {what} when the period had frozen: held until it is approved");
    Ok(Some(Found { code: Code::ProgramAmended, at_risk: Exact::from(held), message }))
}
