//! What the ledger finds: one finding for a settlement and code, replaced when it changes, withdrawn when it is over.

use contract::{Code, Day, Finding, Id, Micros, Money, Program, Publication, RecordRef};
use stream::{Order, Outbox, State, StorageError, View};

use super::account::{Account, Role};
use super::due::Due;
use super::holds::holds;
use super::lines::{Line, each_lines, list_lines};
use super::now::Now;
use super::persons::{wait, wait_no_more};
use super::rules::{Booked, CHECKS, Check};
use super::tables::SUMS;
use crate::programs::Exact;

/// What is found about one settlement.
pub(crate) struct Found {
    pub code: Code,
    /// X12 element 901.
    pub reason: &'static str,
    pub at_risk: Exact,
    pub message: String,
    /// What it rests on beside what is due, for those that persons decide about.
    pub basis: String,
}

impl Found {
    /// One that rests on what it says.
    pub fn new(code: Code, at_risk: Exact, message: String) -> Found {
        Found { code, reason: code.reason_901(), at_risk, basis: message.clone(), message }
    }
}

/// Looks at a settlement after it was booked.
pub(crate) fn look(account: &Account, program: &Program, due: &Due, functional_wanted: bool) -> Vec<Found> {
    let booked = Booked { account, program, due, functional_wanted };
    let found = CHECKS.iter().filter_map(|check| match (check, &account.role) {
        (Check::PassedOver(check), Role::PassedOver { winner }) => check(booked, winner),
        (Check::Pays(check), Role::Pays) => check(booked),
        _ => None,
    });
    found.collect()
}

/// The same where tables, other settlements or single lines say more.
pub(crate) fn look_further(
    id: Id,
    account: &Account,
    program: &Program,
    due: &Due,
    now: Now<'_>,
    state: &mut dyn State,
) -> Result<Vec<Found>, StorageError> {
    let functional_wanted = now.references.as_of(account.terms).reference.functional_currency.is_some();
    let booked = Booked { account, program, due, functional_wanted };
    let mut found = holds(account, program, now, state)?;
    for check in CHECKS {
        if let Check::Further(check) = check
            && let Some(more) = check(id, booked, now, state)?
        {
            say_with(&mut found, more);
        }
    }
    Ok(found)
}

/// One finding says all of a code; persons decide about what holds, which comes first.
fn say_with(found: &mut Vec<Found>, more: Found) {
    match found.iter_mut().find(|other| other.code == more.code) {
        Some(same) => {
            same.at_risk += more.at_risk;
            same.message = format!("{}; {}", same.message, more.message);
        }
        None => found.push(more),
    }
}

pub(crate) fn sales(count: i64) -> String {
    if count == 1 { "1 sale".to_owned() } else { format!("{count} sales") }
}

pub(crate) fn shown(millionths: i128) -> String {
    i64::try_from(millionths).map_or_else(|_| format!("{millionths} millionths"), |value| Micros(value).to_string())
}

pub(crate) fn money(millionths: i128, account: &Account) -> String {
    i64::try_from(millionths).map_or_else(|_| shown(millionths), |value| amount(Micros(value), account))
}

pub(crate) fn rounded(value: Exact, account: &Account) -> String {
    amount(value.round(account.settlement.currency), account)
}

pub(crate) fn amount(amount: Micros, account: &Account) -> String {
    Money { amount, currency: account.settlement.currency }.to_string()
}

/// Publishes what is new or says something else, withdraws what is over.
pub(crate) fn publish<T>(
    id: Id,
    account: &mut Account,
    found: Vec<Found>,
    state: &mut dyn State,
    outbox: &mut Outbox<T>,
) -> Result<(), StorageError> {
    if found.is_empty() && account.findings.is_empty() {
        return Ok(());
    }
    let first = first_record(id, account, state)?;
    let mut stand = Vec::with_capacity(found.len());
    for found in found {
        let code = found.code;
        wait(&found, account, state, outbox)?;
        let (at, sale) = match code {
            Code::ReturnAfterPayment => last_return(id, account, state)?.unwrap_or_else(|| first.clone()),
            _ => first.clone(),
        };
        let finding = finding(id, account, at, sale, found);
        let said = digest(&finding);
        if !account.findings.contains(&(code, said)) {
            outbox.publish(view(&Publication::Finding(finding)));
        }
        stand.push((code, said));
    }
    for (code, _) in &account.findings {
        if !stand.iter().any(|(other, _)| other == code) {
            outbox.publish(view(&Publication::Withdrawn(finding_id(id, *code))));
            wait_no_more(finding_id(id, *code), *code, state, outbox)?;
        }
    }
    account.findings = stand;
    Ok(())
}

fn finding(id: Id, account: &Account, at: RecordRef, sale: Option<Id>, found: Found) -> Finding {
    let currency = account.settlement.currency;
    let amount = found.at_risk.round(currency);
    Finding {
        id: finding_id(id, found.code),
        code: found.code,
        reason_901: found.reason.into(),
        at,
        related: None,
        sale,
        program: account.settlement.program.clone(),
        beneficiary: account.settlement.beneficiary.clone(),
        at_risk: (!amount.is_zero()).then_some(Money { amount, currency }),
        message: format!("{}: {}", account.settlement.period, found.message),
        explained_by: None,
    }
}

/// One finding for a settlement and code, whatever its first record is.
pub fn finding_id(id: Id, code: Code) -> Id {
    Id::of("finding", &[code.as_str(), &id.to_string()])
}

pub(crate) fn digest(finding: &Finding) -> Id {
    let bytes = postcard::to_stdvec(finding).expect("a finding is encodable");
    Id(blake3::hash(&bytes).as_bytes()[..16].try_into().expect("a hash has 32 bytes"))
}

pub(crate) fn view(publication: &Publication) -> View {
    let record = publication.record();
    View { topic: record.topic as u8, key: record.key, value: record.value }
}

/// A record that stands for a finding, and the sale that came of it.
type Cause = (RecordRef, Option<Id>);

/// The first sale of the settlement and its record; the partner alone where no sale is left.
fn first_record(id: Id, account: &Account, state: &mut dyn State) -> Result<Cause, StorageError> {
    let none = (RecordRef { partner: account.partner.clone(), file_no: 0, record_no: 0 }, None);
    let first = SUMS.prefix(state, &id.0, Order::Up, 1)?;
    let Some(((_, day), _)) = first.first() else { return Ok(none) };
    let standing = list_lines(state, id, Day(*day), account.counted)?;
    Ok(standing.lines.first().map_or(none, |line| cause(account, line)))
}

/// The last return by date, of those that came since the period froze if there are any.
///
/// Only the tick counts that froze it: settles in between leave no trace.
fn last_return(id: Id, account: &Account, state: &mut dyn State) -> Result<Option<Cause>, StorageError> {
    let frozen = account.phase.frozen_since();
    let mut last: Option<(bool, Line)> = None;
    each_lines(state, id, account.counted, &mut |lines| {
        let returns = lines.iter().filter(|line| line.quantity < Micros::ZERO || line.amount < Micros::ZERO);
        let returns = returns.map(|line| (frozen.is_some_and(|since| line.came >= since), *line));
        last = last.into_iter().chain(returns).max_by_key(|(late, line)| (*late, line.day, line.sale));
    })?;
    Ok(last.map(|(_, line)| cause(account, &line)))
}

/// A line of protected stock is of no sale, and stands in no file.
fn cause(account: &Account, line: &Line) -> Cause {
    let at = RecordRef { partner: account.partner.clone(), file_no: line.file_no, record_no: line.record_no };
    (at, (line.file_no > 0).then_some(line.sale))
}
