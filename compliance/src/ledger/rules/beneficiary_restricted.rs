//! `beneficiary-restricted`, with OP-39 for whoever is to be paid.
//!
//! Evidence: the entry and its list, and what was authorised before; the first sale of the settlement.
//!
//! At risk: what is due and not authorised.
//!
//! ## What it finds
//! A beneficiary that is called as an entry of a list of restricted parties when a frozen settlement is to be
//! authorised: the same words in any order, case and punctuation aside. A person is held where the partner that it
//! sells for is on the list, too. Nothing is authorised, and the close lets nothing go. Sales by or to whoever stands
//! on the list are [restricted-party](restricted_party.md).
//!
//! ## Why it matters
//! What was earned before stays earned, and must not be paid out.
//!
//! ## Example
//! EVIL Trading, Ltd. comes on the list in April: what was authorised on the first of the month is told, what a late sale
//! earns is held.
//!
//! ## Late, corrected, out of order
//! The list of the tick counts, whenever the sales were read. What was authorised before is told with the finding. Off
//! the list again, or another name, the finding is withdrawn and the next tick authorises what waited, also after the
//! close.
//!
//! ## Returns
//! What comes back lowers what is held. What was authorised above what is due then is OP-24.

use contract::{Code, Micros, Program, Restricted};
use stream::{State, StorageError};

use crate::ledger::account::Account;
use crate::ledger::findings::{Found, amount};
use crate::ledger::now::Now;
use crate::programs::Exact;
use crate::references::Known;

/// OP-39: the beneficiary, or the partner of a person, stands on a list by now, whenever its sales were read. Nothing goes to it.
pub(super) fn check(
    account: &Account,
    _: &Program,
    now: Now<'_>,
    _: &mut dyn State,
) -> Result<Option<Found>, StorageError> {
    let Some(Restricted { name, list }) = listed(account, now.known()) else { return Ok(None) };
    let mut message = format!("{name:?} stands on the list {list}: nothing is paid");
    if account.authorised > Micros::ZERO {
        message.push_str(&format!("; {} was authorised before", amount(account.authorised, account)));
    }
    let owed = (account.accrued - account.authorised).max(Micros::ZERO);
    Ok(Some(Found::new(Code::RestrictedParty, Exact::from(owed), message)))
}

/// The entry of a list that the beneficiary, or the partner of a person, is called by.
pub(in crate::ledger) fn listed<'k>(account: &Account, known: &'k Known) -> Option<&'k Restricted> {
    let beneficiary = &account.settlement.beneficiary;
    let person = beneficiary.split_once('/').filter(|_| account.pays_person()).map(|(_, name)| format!("?{name}"));
    known.market().restricted(&account.partner, &person.unwrap_or_default())
}
