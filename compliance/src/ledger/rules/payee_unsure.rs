//! OP-38 `payee-unsure`.
//!
//! Evidence: since when the account is another, or whose it is and what the partner is called; the first sale of the
//! settlement.
//!
//! At risk: what is due and not authorised.
//!
//! ## What it finds
//! Money that would go to an account which took the place of another less than thirty days ago, or whose holder is called
//! otherwise than the partner. It is held. The first account of a partner is not new; written down again, an account does
//! not become new either. Of a person's account only the change is looked at, not the holder.
//!
//! ## Why it matters
//! Changed bank details are how payments are stolen.
//!
//! ## Example
//! The account is another since 20 March, the quarter freezes on 1 April: 20.00 waits until 19 April.
//!
//! ## Late, corrected, out of order
//! The day of the tick counts, and what the tables say then, whenever the sale came. A holder that is put right, or thirty
//! days, withdraws the finding, and the next tick authorises, be the period closed by then or not: the close lets nothing go that is
//! held, unless persons refuse it. A change that is entered after the payment holds only what comes later.
//!
//! ## Returns
//! What comes back lowers what waits; nothing is owed back for it, since nothing was paid.

use contract::{Code, Day, Micros, PayeeAccount, Person, Program, Text};
use stream::{State, StorageError};

use crate::ledger::account::Account;
use crate::ledger::findings::Found;
use crate::ledger::now::Now;
use crate::programs::Exact;
use crate::units::names::same_words;

/// Days for which nothing is ordered to an account that is new.
const NEW_ACCOUNT_DAYS: i32 = 30;

/// OP-38: the account to which is paid is new, or it is another's. A person looks at it first.
pub(super) fn check(
    account: &Account,
    _: &Program,
    now: Now<'_>,
    _: &mut dyn State,
) -> Result<Option<Found>, StorageError> {
    let owed = account.accrued - account.authorised;
    let unsure = match account.pays_person() {
        true => person_unsure(account, now),
        false => partner_unsure(account, now),
    };
    let found = |(payee, message): (Text, String)| Found {
        basis: format!("{payee}: {message}"),
        ..Found::new(Code::PayeeUnsure, Exact::from(owed), message)
    };
    Ok(unsure.filter(|_| owed > Micros::ZERO).map(found))
}

/// The account to which is paid, and what is wrong with it.
fn partner_unsure(account: &Account, now: Now<'_>) -> Option<(Text, String)> {
    let (today, known) = (now.today?, now.known());
    let all: Vec<&PayeeAccount> = known.payees(&account.partner).iter().filter(|p| p.from <= today).collect();
    let last = all.last()?;
    if let Some(since) = new_since(all.iter().map(|payee| (payee.from, &payee.account)), today) {
        let message = format!("the payee account is another since {since}: held for {NEW_ACCOUNT_DAYS} days");
        return Some((last.account.clone(), message));
    }
    let name = &known.partner(&account.partner)?.name;
    let is_other = !last.holder.is_empty() && !same_words(&last.holder, name);
    let message = || format!("the payee account is that of {:?}, the partner is called {name:?}", last.holder);
    is_other.then(|| (last.account.clone(), message()))
}

/// The payee, and what is wrong with it.
fn person_unsure(account: &Account, now: Now<'_>) -> Option<(Text, String)> {
    let today = now.today?;
    let name = account.settlement.beneficiary.split_once('/')?.1;
    let of_name = |person: &&Person| person.from <= today && !person.payee.is_empty() && same_words(&person.name, name);
    let mut all: Vec<&Person> = now.known().persons(&account.partner).iter().filter(of_name).collect();
    all.sort_by_key(|person| person.from);
    let since = new_since(all.iter().map(|person| (person.from, &person.payee)), today)?;
    let message = format!("the payee is another since {since}: held for {NEW_ACCOUNT_DAYS} days");
    Some((all.last()?.payee.clone(), message))
}

/// The day since which the last account stands, where it took the place of another less than [`NEW_ACCOUNT_DAYS`] ago.
/// Further rows of one account, as for its holder's name, do not make it older or newer.
fn new_since<'k>(accounts: impl Iterator<Item = (Day, &'k Text)>, today: Day) -> Option<Day> {
    let accounts: Vec<(Day, &Text)> = accounts.collect();
    let (_, last) = *accounts.last()?;
    let before = accounts.iter().rposition(|(_, account)| *account != last)?;
    let (since, _) = accounts[before + 1];
    (today.0 - since.0 < NEW_ACCOUNT_DAYS).then_some(since)
}
