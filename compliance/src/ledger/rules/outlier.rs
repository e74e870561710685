//! OP-36 and OP-52 `outlier`.
//!
//! Evidence: what was sold in the period, and what was usual before; the share of its last days, and the usual one; the first
//! sale of the settlement.
//!
//! At risk: what is due for the period; where only its last days are unusual, their part of it above the usual one. Of OP-52
//! what of it is held.
//!
//! ## What it finds
//! A frozen period far above what is usual for the beneficiary under the program, or loaded: far more of it than usual
//! sold in its last days, which are a tenth of it. Usual is the median of the last twelve earlier periods; with fewer
//! than six nothing is judged. How much they differ is their median distance from it (MAD), times 1.4826: a single wild
//! period moves neither. Far above is more than eight times that above the median; where periods hardly differ, a tenth
//! of the median counts instead, and for the share of the last days five percentage points. Only periods with ten lines
//! or more count, so that half-received ones neither hide nor make an outlier. Persons are not looked at.
//!
//! Of 388 months of real sales 11 are told, none of them for its last days (`./dev bench outliers`): a season, the growth of young
//! partners, and one order of 80,995 units that was cancelled.
//!
//! ## Why it matters
//! A period loaded to reach a tier, a wrong unit or a fraud all look like this first. It is told; nothing is held, unless the
//! program says `unusual: hold`: then what is at risk waits from the freeze on until two persons let it go, as OP-52, and what
//! was let go and authorised is told as OP-36.
//!
//! ## Example
//! Eight months of about 110 units, then one of 900: told, 110 is usual. Six months with a tenth in their last three days, then
//! one with nine tenths in them: told, though it sold no more than the others.
//!
//! ## Late, corrected, out of order
//! Periods are judged in the order of their days, not of their arrival. A late row or a correction changes its period and,
//! with it, what is said of the twelve after it; findings come and are withdrawn at the tick that sees the change. What was
//! authorised by then stands; what waited goes out with the first tick that finds it usual. What persons refuse the close lets
//! go, and what nobody decides about stays due.
//!
//! ## Returns
//! What comes back counts in the period of its sale: it can take a period below the bound, and the finding is withdrawn. What
//! was sold in the last days counts without what came back: goods that are sent back when the period is over were loaded
//! nonetheless; less is at risk.

use contract::{Code, Day, Id, Micros, OnUnusual, Program};
use serde::{Deserialize, Serialize};
use stream::{Outbox, StageError, State, StorageError};

use super::Booked;
use crate::ledger::account::{Account, Phase};
use crate::ledger::findings::{Found, shown};
use crate::ledger::now::Now;
use crate::ledger::periods::tell;
use crate::ledger::tables::{ACCOUNTS, PERIODS, SUMS, SUSPECTS};
use crate::ledger::tally::Tally;
use crate::programs::Exact;

/// Earlier periods that a period is compared with: no fewer say what is usual, and no more are looked at.
const EARLIER: std::ops::RangeInclusive<usize> = 6..=12;

/// Lines of a period that has come in as a whole. Tests try with few.
const LINES_MIN: i64 = if cfg!(test) { 1 } else { 10 };

/// Robust standard deviations above the median, and their least share of it where periods hardly differ: a tenth.
const DEVIATIONS: i128 = 8;
const STEADY: i128 = 10;

/// The least robust standard deviation of the share that the last days have: five hundredths, in millionths.
const STEADY_SHARE: i128 = 50_000;

/// A hundredth in millionths.
const PERCENT: i64 = 10_000;

/// The last days are this part of a period, and at least one.
const LAST_DAYS: i32 = 10;

/// A frozen period in the history of a beneficiary under a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Past {
    pub last_day: Day,
    pub id: Id,
    pub measure: i128,
    /// The share that its last days have of all that was sold in it.
    pub loaded: Micros,
    pub told: Unusual,
}

/// What is told of a period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unusual {
    /// What would have been usual, where it is far above that.
    pub measure: Option<i128>,
    pub loaded: Option<Loaded>,
}

/// The share of the last days, and the one that would have been usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Loaded {
    pub share: Micros,
    pub usual: Micros,
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
    let loaded = match tally.lines >= LINES_MIN {
        true => share_of_last_days(id, account, program, state)?,
        false => Micros::ZERO,
    };
    match (place, tally.lines >= LINES_MIN) {
        (Ok(at), true) if (periods[at].measure, periods[at].loaded) == (measure, loaded) => return Ok(()),
        (Ok(at), true) => (periods[at].measure, periods[at].loaded) = (measure, loaded),
        (Ok(at), false) => {
            periods.remove(at);
            account.unusual = Unusual::default();
        }
        (Err(at), true) => periods.insert(at, Past { last_day, id, measure, loaded, told: Unusual::default() }),
        (Err(_), false) => return Ok(()),
    }
    SUSPECTS.put(state, &key, &())?;
    match periods.is_empty() {
        true => PERIODS.delete(state, &key),
        false => PERIODS.put(state, &key, &periods),
    }
}

/// What the last days of a period have of all that was sold in it.
fn share_of_last_days(
    id: Id,
    account: &Account,
    program: &Program,
    state: &mut dyn State,
) -> Result<Micros, StorageError> {
    let measure = |tally: Tally| (tally.net - tally.returned).measure(program.mechanism.measure());
    let mut last = Tally::default();
    for day in first_of_last_days(account, program).0..=account.last_day.0 {
        last = last + SUMS.get(state, &(id.0, day))?.unwrap_or_default();
    }
    let all = measure(account.tally());
    let one = i128::from(Micros::ONE.0);
    let share = (measure(last).max(0) * one / all.max(1)).min(one);
    Ok(Micros(i64::try_from(share).expect("a share is no more than one")))
}

fn first_of_last_days(account: &Account, program: &Program) -> Day {
    let (first, last) = program.period.range(account.last_day);
    last.plus(1 - ((last.0 - first.0 + 1) / LAST_DAYS).max(1))
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
        let unusual = unusual(&periods[..at], &periods[at]);
        if unusual == periods[at].told {
            continue;
        }
        periods[at].told = unusual;
        told += 1;
        let id = periods[at].id;
        let mut account = ACCOUNTS.get(state, &id.0)?.expect("a history is of accounts");
        account.unusual = unusual;
        tell(id, &mut account, now, state, outbox)?;
        ACCOUNTS.put(state, &id.0, &account)?;
    }
    if told > 0 {
        PERIODS.put(state, &key, &periods)?;
    }
    Ok(told)
}

/// What is told of a period behind the earlier ones.
fn unusual(earlier: &[Past], period: &Past) -> Unusual {
    let earlier = earlier.iter().rev().filter(|past| past.last_day < period.last_day).take(*EARLIER.end());
    let (measures, shares): (Vec<i128>, Vec<i128>) =
        earlier.map(|past| (past.measure, i128::from(past.loaded.0))).unzip();
    if measures.len() < *EARLIER.start() {
        return Unusual::default();
    }
    let usual_share = far_above(shares, period.loaded.0.into(), |_| STEADY_SHARE * 10_000);
    Unusual {
        measure: far_above(measures, period.measure, |usual| usual.abs() * 10_000 / STEADY),
        loaded: usual_share
            .map(|usual| Loaded { share: period.loaded, usual: Micros(i64::try_from(usual).expect("a share")) }),
    }
}

/// The median of what was before, where a value is far above it. `steady`: the least robust standard deviation for a median,
/// in ten-thousandths.
fn far_above(mut before: Vec<i128>, value: i128, steady: impl Fn(i128) -> i128) -> Option<i128> {
    let usual = median(&mut before);
    let mut distances: Vec<i128> = before.iter().map(|value| (value - usual).abs()).collect();
    let deviation = (median(&mut distances) * 14_826).max(steady(usual));
    ((value - usual) * 10_000 > DEVIATIONS * deviation).then_some(usual)
}

/// The one in the middle; of two the mean, rounded down.
fn median(values: &mut [i128]) -> i128 {
    values.sort_unstable();
    let half = values.len() / 2;
    if values.len() % 2 == 1 { values[half] } else { (values[half - 1] + values[half]).div_euclid(2) }
}

/// OP-36: what is said of a settlement. At risk is all that is accrued, or a part of it. Where something is held, OP-52 says it.
pub(super) fn tells(Booked { account, program, .. }: Booked<'_>) -> Option<Found> {
    let is_held = program.unusual == OnUnusual::Hold && account.accrued > account.authorised.max(Micros::ZERO);
    let at_risk = suspect(account.unusual, account.accrued, account).filter(|_| !is_held)?;
    Some(Found::new(Code::Outlier, Exact::from(at_risk), said(account.unusual, account, program)))
}

/// OP-52: what of a frozen settlement is unusual, and not ordered yet, waits under a program that says so.
pub(super) fn holds(
    account: &Account,
    program: &Program,
    _: Now<'_>,
    state: &mut dyn State,
) -> Result<Option<Found>, StorageError> {
    let owed = account.accrued - account.authorised;
    if program.unusual != OnUnusual::Hold || owed <= Micros::ZERO {
        return Ok(None);
    }
    let periods = PERIODS.get(state, &history_of(account, program).0)?.unwrap_or_default();
    let (id, last_day) = (account.settlement.id(), account.last_day);
    let Ok(at) = periods.binary_search_by_key(&(last_day, id), |past| (past.last_day, past.id)) else {
        return Ok(None);
    };
    let unusual = unusual(&periods[..at], &periods[at]);
    let Some(part) = suspect(unusual, account.accrued, account) else { return Ok(None) };
    Ok(Some(Found::new(Code::OutlierHeld, Exact::from(part.min(owed)), said(unusual, account, program))))
}

/// The part of an amount that is unusual: all of it; where only the last days are, their part of it above the usual one.
fn suspect(Unusual { measure, loaded }: Unusual, amount: Micros, account: &Account) -> Option<Micros> {
    match (measure, loaded) {
        (None, None) => None,
        (Some(_), _) => Some(amount),
        (None, Some(Loaded { share, usual })) => {
            Some(Exact::from(amount).share(share - usual).round(account.settlement.currency))
        }
    }
}

fn said(Unusual { measure, loaded }: Unusual, account: &Account, program: &Program) -> String {
    let sold = shown(account.tally().net.measure(program.mechanism.measure()));
    let mut said = Vec::new();
    said.extend(measure.map(|usual| format!("{sold} sold, where {} is usual for the partner", shown(usual))));
    said.extend(loaded.map(|Loaded { share, usual }| {
        let days = account.last_day.0 - first_of_last_days(account, program).0 + 1;
        let (share, usual) = (share.0 / PERCENT, usual.0 / PERCENT);
        format!("{share} % sold in the last {days} days, where {usual} % is usual for the partner")
    }));
    said.join(", ")
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

    fn judged(earlier: &[(i128, i64)], measure: i128, percent: i64) -> Unusual {
        let past = |(n, (measure, percent)): (i32, (i128, i64))| {
            let (loaded, told) = (Micros(percent * PERCENT), Unusual::default());
            Past { last_day: Day(n), id: Id([0; 16]), measure, loaded, told }
        };
        let periods: Vec<Past> = (0..).zip(earlier.iter().copied()).map(past).collect();
        unusual(&periods, &past((99, (measure, percent))))
    }

    fn check(earlier: &[i128], measure: i128) -> Option<i128> {
        let earlier: Vec<(i128, i64)> = earlier.iter().map(|measure| (*measure, 10)).collect();
        judged(&earlier, measure, 10).measure
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

    #[test]
    fn a_period_is_loaded_where_its_last_days_have_far_more_than_is_usual_for_them() {
        let loaded = |shares: &[i64], percent: i64| {
            let earlier: Vec<(i128, i64)> = shares.iter().map(|share| (100, *share)).collect();
            judged(&earlier, 100, percent).loaded.map(|loaded| (loaded.share.0 / PERCENT, loaded.usual.0 / PERCENT))
        };
        let usual = [8, 12, 10, 9, 11, 10];
        assert_eq!(loaded(&usual, 50), None);
        assert_eq!(loaded(&usual, 51), Some((51, 10)), "eight times five hundredths above");
        assert_eq!(loaded(&usual, 0), None);
        assert_eq!(loaded(&usual[1..], 100), None, "five periods say nothing");
        assert_eq!(loaded(&[90, 100, 80, 95, 100, 90], 100), None, "who always orders at the end is no outlier");
        assert_eq!(loaded(&[0, 40, 10, 60, 5, 30], 100), None, "they differ by as much");
    }
}
