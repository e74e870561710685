//! OP-36 `outlier`.
//!
//! Evidence: what was sold in the period, and what was usual before; the first sale of the settlement.
//!
//! At risk: what is due for the period.
//!
//! ## What it finds
//! A frozen period far above what is usual for the beneficiary under the program. Usual is the median of the last twelve
//! earlier periods, of at least six, and how much they differ their median distance from it (MAD): a single wild period
//! moves neither. Only periods with enough lines count, so that half-received ones neither hide nor make an outlier. Persons
//! are not looked at.
//!
//! ## Why it matters
//! A period loaded to reach a tier, a wrong unit or a fraud all look like this first. It is told; nothing is held.
//!
//! ## Example
//! Eight months of about 110 units, then one of 900: told, 110 is usual.
//!
//! ## Late, corrected, out of order
//! Periods are judged in the order of their days, not of their arrival. A late row or a correction changes its period and,
//! with it, what is said of the twelve after it; findings come and are withdrawn at the tick that sees the change.
//!
//! ## Returns
//! What comes back counts in the period of its sale: it can take a period below the bound, and the finding is withdrawn.

use contract::{Code, Day, Id, Program};
use serde::{Deserialize, Serialize};
use stream::{Outbox, StageError, State, StorageError};

use super::Booked;
use crate::ledger::account::{Account, Phase};
use crate::ledger::findings::{Found, shown};
use crate::ledger::now::Now;
use crate::ledger::periods::tell;
use crate::ledger::tables::{ACCOUNTS, PERIODS, SUSPECTS};
use crate::programs::Exact;

/// Earlier periods that a period is compared with: no fewer say what is usual, and no more are looked at.
const EARLIER: std::ops::RangeInclusive<usize> = 6..=12;

/// Lines of a period that has come in as a whole. Tests try with few.
const LINES_MIN: i64 = if cfg!(test) { 1 } else { 10 };

/// Robust standard deviations above the median, and their least share of it where periods hardly differ: a tenth. On feeds
/// made of the public data sets 3 of 246 months, by units and by amount, are told: both measures of one order of 80,995 units,
/// and once the growth of a young partner.
const DEVIATIONS: i128 = 8;
const STEADY: i128 = 10;

/// A frozen period in the history of a beneficiary under a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Past {
    pub last_day: Day,
    pub id: Id,
    pub measure: i128,
    /// What would have been usual, where the period is told.
    pub usual: Option<i128>,
}

/// Enters what a settlement has come to into its history, or takes it out.
pub(crate) fn note(
    id: Id,
    account: &mut Account,
    program: &Program,
    state: &mut dyn State,
) -> Result<(), StorageError> {
    if account.phase == Phase::Open || !account.pays() || program.pays_person() {
        return Ok(());
    }
    let key = history_of(account, program).0;
    let mut periods = PERIODS.get(state, &key)?.unwrap_or_default();
    let (tally, last_day) = (account.tally(), account.last_day);
    let place = periods.binary_search_by_key(&(last_day, id), |past| (past.last_day, past.id));
    let measure = tally.net.measure(program.mechanism.measure());
    match (place, tally.lines >= LINES_MIN) {
        (Ok(at), true) if periods[at].measure == measure => return Ok(()),
        (Ok(at), true) => periods[at].measure = measure,
        (Ok(at), false) => {
            periods.remove(at);
            account.unusual = None;
        }
        (Err(at), true) => periods.insert(at, Past { last_day, id, measure, usual: None }),
        (Err(_), false) => return Ok(()),
    }
    SUSPECTS.put(state, &key, &())?;
    match periods.is_empty() {
        true => PERIODS.delete(state, &key),
        false => PERIODS.put(state, &key, &periods),
    }
}

/// Judges a history anew and tells what has changed. Returns how many settlements were told.
pub(crate) fn judge<T>(
    key: [u8; 16],
    now: Now<'_>,
    state: &mut dyn State,
    outbox: &mut Outbox<T>,
) -> Result<usize, StageError> {
    SUSPECTS.delete(state, &key)?;
    let mut periods = PERIODS.get(state, &key)?.unwrap_or_default();
    let mut told = 0;
    for at in 0..periods.len() {
        let usual = unusual(&periods[..at], &periods[at]);
        if usual == periods[at].usual {
            continue;
        }
        periods[at].usual = usual;
        told += 1;
        let id = periods[at].id;
        let mut account = ACCOUNTS.get(state, &id.0)?.expect("a history is of accounts");
        account.unusual = usual;
        tell(id, &mut account, now, state, outbox)?;
        ACCOUNTS.put(state, &id.0, &account)?;
    }
    if told > 0 {
        PERIODS.put(state, &key, &periods)?;
    }
    Ok(told)
}

/// What was usual before a period, where it is far above it.
fn unusual(earlier: &[Past], period: &Past) -> Option<i128> {
    let earlier = earlier.iter().rev().filter(|past| past.last_day < period.last_day);
    let mut measures: Vec<i128> = earlier.take(*EARLIER.end()).map(|past| past.measure).collect();
    if measures.len() < *EARLIER.start() {
        return None;
    }
    let usual = median(&mut measures);
    let mut distances: Vec<i128> = measures.iter().map(|measure| (measure - usual).abs()).collect();
    let deviation = (median(&mut distances) * 14_826).max(usual.abs() * 10_000 / STEADY);
    let far = (period.measure - usual) * 10_000 > DEVIATIONS * deviation;
    far.then_some(usual)
}

/// The one in the middle; of two the mean, rounded down.
fn median(values: &mut [i128]) -> i128 {
    values.sort_unstable();
    let half = values.len() / 2;
    if values.len() % 2 == 1 { values[half] } else { (values[half - 1] + values[half]).div_euclid(2) }
}

/// What is said of a settlement.
pub(super) fn check(Booked { account, program, .. }: Booked<'_>) -> Option<Found> {
    let usual = account.unusual?;
    let measured = account.tally().net.measure(program.mechanism.measure());
    let message = format!("{} sold, where {} is usual for the partner", shown(measured), shown(usual));
    Some(Found { code: Code::Outlier, at_risk: Exact::from(account.accrued), message })
}

/// All versions of a program that count the same thing over periods of one length are one history.
fn history_of(account: &Account, program: &Program) -> Id {
    let settlement = &account.settlement;
    let (measure, period) = (format!("{:?}", program.mechanism.measure()), format!("{:?}", program.period));
    let alike = [&*settlement.program, &*settlement.beneficiary, settlement.currency.as_str(), &measure, &period];
    Id::of("history", &alike)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(earlier: &[i128], measure: i128) -> Option<i128> {
        let past = |(n, measure): (i32, i128)| Past { last_day: Day(n), id: Id([0; 16]), measure, usual: None };
        let periods: Vec<Past> = (0..).zip(earlier.iter().copied()).map(past).collect();
        unusual(&periods, &past((99, measure)))
    }

    #[test]
    fn only_what_is_far_above_the_usual_is_told() {
        let usual = [90, 110, 100, 95, 105, 100];
        assert_eq!(check(&usual, 180), None);
        assert_eq!(check(&usual, 181), Some(100), "eight times a tenth of the median");
        assert_eq!(check(&usual, 0), None, "less is no overpayment");
        assert_eq!(check(&usual[1..], 10_000), None, "five periods say nothing");
        assert_eq!(check(&[100, 300, 50, 400, 200, 250], 1_000), None, "they differ by a hundred");
        assert_eq!(check(&[100, 300, 50, 400, 200, 250], 1_500), Some(225));
        let wild = [&[90_000; 5][..], &[100; 12]].concat();
        assert_eq!(check(&wild, 500), Some(100), "older ones are forgotten");
    }
}
