//! OP-31 `program-amended`.
//!
//! Evidence: the program's version, and that it waits for approval; the first sale of the settlement.
//!
//! At risk: what is due under the version, or for the days that were added to it, and not authorised.
//!
//! ## What it finds
//! Something that is due under a version of a program which came when the period had frozen, or because of sales of days by
//! which it was extended then, as long as `amendments.csv` does not say who approves it. It is held, at the close too. Of an
//! extension that is what would not be due without those sales: what they earn, and what they lift of what others earn, as by a
//! tier; of points and funds it is what is drawn beyond the rest. An approval is for the version, with whatever of it comes
//! later; one with a last day (`to`) is for sales up to that day, and what later ones bring waits again.
//!
//! ## Why it matters
//! Terms that appear when a period is over may have been written for what was sold in it.
//!
//! ## Example
//! Version 2 with 3 % comes in May for a quarter that froze in April; a late sale of 2,000.00 earns 60.00 under it: held
//! until version 2 is approved. Approved up to 28 February, a sale of March that a later extension lets in waits.
//!
//! ## Late, corrected, out of order
//! The version pays for rows that are read after it came; what was read before stays under the terms that it was read under.
//! For periods that are still open then it pays at once. With the approval the finding is withdrawn and the next tick
//! authorises, be the period closed by then or not.
//!
//! ## Returns
//! What comes back is not held: it lowers what waits, and is told as OP-25 where it came after the period. Where a sale came
//! back in full, nothing waits because of it, and nothing does because of what comes back of a sale that was read before. Only
//! what would be paid waits: what nobody approved and what came back of what was authorised are set off first, so that as long as
//! no more is due than was authorised nothing is found.

use contract::{Code, Day, Micros, Program};
use stream::{State, StorageError};

use crate::ledger::account::Account;
use crate::ledger::extended::extended;
use crate::ledger::findings::Found;
use crate::ledger::now::Now;
use crate::programs::Exact;

/// The version came, or was extended, when the period had frozen, and nobody has approved that, or not so far. It pays for rows
/// that are read since.
pub(in crate::ledger) fn check(
    account: &Account,
    terms: &Program,
    now: Now<'_>,
    state: &mut dyn State,
) -> Result<Option<Found>, StorageError> {
    let (program, version) = (&account.settlement.program, account.settlement.version);
    let owed = account.accrued - account.authorised;
    let approved = match now.known().amendment(program, version) {
        Some(amendment) if amendment.to.is_none() => return Ok(None),
        amendment => amendment.and_then(|amendment| amendment.to),
    };
    if owed <= Micros::ZERO {
        return Ok(None);
    }
    let (what, held) = match approved {
        None if account.amended => ("came when the period had frozen: held until it is approved".to_owned(), owed),
        _ => match extended(account, terms, approved, now, state)? {
            // What is drawn takes first what is due anyway.
            Some((last, without)) => {
                (said_of(last, approved), account.orderable(terms) - without.max(account.authorised))
            }
            None => return Ok(None),
        },
    };
    if held <= Micros::ZERO {
        return Ok(None);
    }
    let message = format!("version {version} of {program} {what}");
    Ok(Some(Found::new(Code::ProgramAmended, Exact::from(held), message)))
}

fn said_of(last: Day, approved: Option<Day>) -> String {
    match approved == Some(last) {
        true => format!("is approved up to {last}: what later sales bring is held until they are approved too"),
        false => format!("was extended beyond {last} when the period had frozen: held until it is approved"),
    }
}
