//! What keeps an amount that is due from being ordered: a beneficiary on a list of restricted parties (OP-39), a deduction that
//! the partner has taken already (DD-10), a cap that two entries of one partner would use twice (DD-20), a payee that a person
//! must look at (OP-38), terms that came when the period had frozen (OP-31), a score that became less since (OP-47).
//!
//! Each is a function of what is accrued, of the tables in force and of the day. What is held waits from tick to tick, and
//! goes out with the first one that finds nothing in its way.

use contract::{Code, Day, Deduction, Micros, PayeeAccount, Person, Program, Restricted, Text};
use stream::{State, StorageError};

use super::account::{Account, Phase};
use super::findings::{Found, amount};
use super::now::Now;
use super::scores::{has_other_score, rescored};
use super::twins::cap_used_twice;
use crate::programs::Exact;
use crate::references::Known;
use crate::units::names::same_words;

/// Days for which nothing is ordered to an account that is new.
const NEW_ACCOUNT_DAYS: i32 = 30;

/// Everything that holds something of a frozen settlement; at risk is what it holds.
pub(crate) fn holds(
    account: &Account,
    program: &Program,
    now: Now<'_>,
    state: &mut dyn State,
) -> Result<Vec<Found>, StorageError> {
    if account.phase == Phase::Open || !account.pays() || account.accrued <= Micros::ZERO {
        return Ok(Vec::new());
    }
    let found = [
        restricted(account, now),
        deducted(account, now),
        cap_used_twice(account, program, now, state)?,
        payee_unsure(account, now),
        amended(account, now),
        rescored(account, now, state)?.filter(|rescored| !rescored.held.is_zero()).map(|rescored| rescored.found),
    ];
    Ok(found.into_iter().flatten().collect())
}

/// What all holds together leave of an amount that is to be ordered.
pub(crate) fn left(amount: Micros, holds: &[Found], account: &Account) -> Micros {
    let held: Exact = holds.iter().map(|found| found.at_risk).sum();
    (Exact::from(amount) - held).max(Exact::ZERO).round(account.settlement.currency).min(amount)
}

/// Whether a code is that of a hold.
pub(crate) fn is_hold(code: Code) -> bool {
    use Code::{Deducted, OnePartnerTwice, PayeeUnsure, ProgramAmended, RestrictedParty, ScoreChanged};
    matches!(code, Deducted | OnePartnerTwice | PayeeUnsure | ProgramAmended | RestrictedParty | ScoreChanged)
}

/// Whether something of what is due and not ordered is not let go at the close: the beneficiary is restricted, the partner has
/// deducted it, or terms or a score that came behind the freeze are not approved yet.
pub(crate) fn outlasts_close(account: &Account, now: Now<'_>, state: &mut dyn State) -> Result<bool, StorageError> {
    if account.accrued <= account.authorised.max(Micros::ZERO) {
        return Ok(false);
    }
    let is_rescored = rescored(account, now, state)?.is_some_and(|rescored| !rescored.held.is_zero());
    let is_restricted = listed(account, now.known()).is_some();
    Ok(is_rescored || is_restricted || deducted(account, now).is_some() || amended(account, now).is_some())
}

/// Whether a table says something else of a settlement than before this control.
pub(crate) fn has_news(account: &Account, now: Now<'_>) -> bool {
    let (before, known) = (now.known_before(), now.known());
    let (program, version, partner) = (&account.settlement.program, account.settlement.version, &account.partner);
    account.phase != Phase::Open
        && account.pays()
        && (listed(account, before) != listed(account, known)
            || before.deductions(program, partner) != known.deductions(program, partner)
            || before.approves(program, version) != known.approves(program, version)
            || before.payees(partner) != known.payees(partner)
            || before.persons(partner) != known.persons(partner)
            || has_other_score(account, before, known)
            || before.same_as(partner, now.today) != known.same_as(partner, now.today))
}

/// OP-39: the beneficiary, or the partner of a person, stands on a list by now, whenever its sales were read.
fn restricted(account: &Account, now: Now<'_>) -> Option<Found> {
    let Restricted { name, list } = listed(account, now.known())?;
    let mut message = format!("{name:?} stands on the list {list}: nothing is paid");
    if account.authorised > Micros::ZERO {
        message.push_str(&format!("; {} was authorised before", amount(account.authorised, account)));
    }
    let owed = (account.accrued - account.authorised).max(Micros::ZERO);
    Some(Found { code: Code::RestrictedParty, at_risk: Exact::from(owed), message })
}

fn listed<'k>(account: &Account, known: &'k Known) -> Option<&'k Restricted> {
    let beneficiary = &account.settlement.beneficiary;
    let person = beneficiary.split_once('/').filter(|_| account.pays_person()).map(|(_, name)| format!("?{name}"));
    known.market().restricted(&account.partner, &person.unwrap_or_default())
}

/// What the partner has deducted from invoices for the settlement and was not let keep, with each deduction.
fn deductions<'a>(account: &Account, now: Now<'a>) -> Vec<(&'a Deduction, Micros)> {
    let settlement = &account.settlement;
    let is_of = |deduction: &&Deduction| {
        deduction.period == settlement.period && deduction.currency == settlement.currency && !account.pays_person()
    };
    let open = |deduction: &'a Deduction| (deduction, deduction.amount - account.kept_of(&deduction.number));
    let all = now.known().deductions(&settlement.program, &account.partner).iter();
    all.filter(is_of).map(open).filter(|(_, open)| *open > Micros::ZERO).collect()
}

/// Those of a frozen settlement that finance has accepted and nobody settled; none while the beneficiary stands on a list.
pub(crate) fn accepted<'a>(account: &Account, now: Now<'a>) -> Vec<(&'a Deduction, Micros)> {
    if account.phase == Phase::Open || !account.pays() || listed(account, now.known()).is_some() {
        return Vec::new();
    }
    let mut open = deductions(account, now);
    open.retain(|(deduction, _)| !deduction.accepted_by.is_empty());
    open
}

/// DD-10: the partner has deducted it from an invoice, and nobody has accepted that.
fn deducted(account: &Account, now: Now<'_>) -> Option<Found> {
    let taken = deductions(account, now);
    if taken.is_empty() {
        return None;
    }
    let sum: Micros = taken.iter().map(|(_, open)| *open).sum();
    let named: Vec<String> = taken.iter().map(|(d, _)| format!("{} from invoice {}", d.number, d.invoice)).collect();
    let ordered = account.authorised - (account.accrued - sum).max(Micros::ZERO);
    let mut message = format!("{} was deducted already: {}", amount(sum, account), named.join(", "));
    if ordered > Micros::ZERO {
        message.push_str(&format!("; {} of it was authorised before", amount(ordered, account)));
    }
    Some(Found { code: Code::Deducted, at_risk: Exact::from(sum.min(account.accrued)), message })
}

/// OP-38: the account to which is paid is new, or it is another's.
fn payee_unsure(account: &Account, now: Now<'_>) -> Option<Found> {
    let owed = account.accrued - account.authorised;
    let message = match account.pays_person() {
        true => person_unsure(account, now)?,
        false => partner_unsure(account, now)?,
    };
    (owed > Micros::ZERO).then(|| Found { code: Code::PayeeUnsure, at_risk: Exact::from(owed), message })
}

fn partner_unsure(account: &Account, now: Now<'_>) -> Option<String> {
    let (today, known) = (now.today?, now.known());
    let all: Vec<&PayeeAccount> = known.payees(&account.partner).iter().filter(|p| p.from <= today).collect();
    let last = all.last()?;
    if let Some(since) = new_since(all.iter().map(|payee| (payee.from, &payee.account)), today) {
        return Some(format!("the payee account is another since {since}: held for {NEW_ACCOUNT_DAYS} days"));
    }
    let name = &known.partner(&account.partner)?.name;
    let is_other = !last.holder.is_empty() && !same_words(&last.holder, name);
    is_other.then(|| format!("the payee account is that of {:?}, the partner is called {name:?}", last.holder))
}

fn person_unsure(account: &Account, now: Now<'_>) -> Option<String> {
    let today = now.today?;
    let name = account.settlement.beneficiary.split_once('/')?.1;
    let of_name = |person: &&Person| person.from <= today && !person.payee.is_empty() && same_words(&person.name, name);
    let mut all: Vec<&Person> = now.known().persons(&account.partner).iter().filter(of_name).collect();
    all.sort_by_key(|person| person.from);
    let since = new_since(all.iter().map(|person| (person.from, &person.payee)), today)?;
    Some(format!("the payee is another since {since}: held for {NEW_ACCOUNT_DAYS} days"))
}

/// OP-31: the version came when the period had frozen, and nobody has approved that. It pays for rows that are read since.
fn amended(account: &Account, now: Now<'_>) -> Option<Found> {
    let (program, version) = (&account.settlement.program, account.settlement.version);
    let owed = account.accrued - account.authorised;
    if !account.amended || owed <= Micros::ZERO || now.known().approves(program, version) {
        return None;
    }
    let message = format!("version {version} of {program} came when the period had frozen: held until it is approved");
    Some(Found { code: Code::ProgramAmended, at_risk: Exact::from(owed), message })
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
