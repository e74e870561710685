//! DD-10 `deducted`.
//!
//! Evidence: each deduction with its invoice, what they come to, and what of it was authorised before; the first sale of the
//! settlement.
//!
//! At risk: what was deducted, no more than is due.
//!
//! ## What it finds
//! An amount that a partner has taken off an invoice by itself, for a period that has frozen: a row of the table of
//! deductions that names program, partner, period and currency, which is not settled yet. So much of the settlement is not
//! authorised, and not let go at the close. Where several versions of the program have something due for the period, a
//! deduction is held, and settled, once over all of them: the oldest version first, and what is above all falls to the one of
//! which most may be authorised. Of points and funds that is what was drawn on them. A claim for what an accepted deduction
//! has used up is closed with the same code.
//!
//! ## Why it matters
//! Who deducts and is paid as well has the money twice.
//!
//! ## Example
//! 20.00 is due for the quarter and 15.00 of it stands off invoice 88: 5.00 is authorised, 15.00 waits until the deduction
//! is settled. Accepted by finance, it is paid in kind at the next tick: 15.00 is ordered with it, and goes out nowhere
//! else.
//!
//! ## Late, corrected, out of order
//! A deduction that turns up after the payment is told, with what was authorised before; accepted then, it is owed back
//! (OP-49). The order of sale and deduction does not matter: both are looked at together. A row that is gone withdraws the
//! finding, and the next tick authorises what waited. What was once accepted stays so, whatever becomes of its row. A late
//! sale adds to what is due, and only the deducted part of that waits.
//!
//! ## Returns
//! What comes back lowers what is due, and what is held is never more than that; where nothing is left, the finding is
//! withdrawn. What was authorised above it is OP-24.

use contract::{Code, Deduction, Micros, Program};
use stream::{State, StorageError};

use super::beneficiary_restricted::listed;
use crate::ledger::account::Account;
use crate::ledger::deductions::taken;
use crate::ledger::findings::{Found, amount};
use crate::ledger::now::Now;
use crate::programs::Exact;

/// The partner has deducted it from an invoice, and nobody has accepted that: it is not paid as well.
pub(in crate::ledger) fn check(
    account: &Account,
    _: &Program,
    now: Now<'_>,
    state: &mut dyn State,
) -> Result<Option<Found>, StorageError> {
    let taken = taken(account, now, state)?;
    if taken.is_empty() {
        return Ok(None);
    }
    let sum: Micros = taken.iter().map(|(_, open)| *open).sum();
    let named: Vec<String> = taken.iter().map(|(d, _)| format!("{} from invoice {}", d.number, d.invoice)).collect();
    let ordered = account.authorised - (account.accrued - sum).max(Micros::ZERO);
    let mut message = format!("{} was deducted already: {}", amount(sum, account), named.join(", "));
    if ordered > Micros::ZERO {
        message.push_str(&format!("; {} of it was authorised before", amount(ordered, account)));
    }
    Ok(Some(Found::new(Code::Deducted, Exact::from(sum.min(account.accrued)), message)))
}

/// What of deductions that finance has accepted, and nobody settled, falls to a frozen settlement; nothing while the beneficiary
/// stands on a list.
pub(in crate::ledger) fn accepted<'a>(
    account: &Account,
    now: Now<'a>,
    state: &mut dyn State,
) -> Result<Vec<(&'a Deduction, Micros)>, StorageError> {
    if !account.meets_orders() || !account.pays() || listed(account, now.known()).is_some() {
        return Ok(Vec::new());
    }
    let mut open = taken(account, now, state)?;
    open.retain(|(deduction, _)| !deduction.accepted_by.is_empty());
    Ok(open)
}
