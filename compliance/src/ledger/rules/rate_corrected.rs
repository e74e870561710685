//! `rate-corrected`, with OP-45 for exchange rates.
//!
//! Evidence: how many sales, or the rate that counts and the one that is there now; the first sale of the settlement.
//!
//! At risk: nothing: what is due in the sale's own currency does not change.
//!
//! ## What it finds
//! Sales that were valued in the books' currency at a rate of the table which is another by now: that of their day, the mean
//! of their month, or that of the period's end. Means and the rate of a period's end are told once the period has frozen.
//! Functional amounts stand.
//!
//! ## Why it matters
//! Books that move with each corrected rate could not be closed; books that say nothing could not be trusted.
//!
//! ## Example
//! Valued at 1.60, the rate of the day is put to 1.65 later: one sale is told. A sale that comes now goes by 1.65.
//!
//! ## Late, corrected, out of order
//! A correction of the table is what the rule is about; a new day's rate corrects nothing. Put back to what it was, the rate
//! withdraws the finding. A day's rate that is taken out is told only once another takes its place. A late sale keeps the
//! rate that is known when it comes.
//!
//! ## Returns
//! A return that is linked goes by the rate of its sale and counts among those that are told. One that is not goes by its
//! own day.

use contract::{Code, Conversion, Day, Id, Program};
use stream::{Order, State, StorageError};

use super::Booked;
use super::rate_odd::is_valued_at_period_end;
use crate::ledger::account::{Account, Phase};
use crate::ledger::conversion::{has_own_rate, period_end};
use crate::ledger::findings::{Found, sales};
use crate::ledger::lines::{each_lines, list_lines};
use crate::ledger::now::Now;
use crate::ledger::tables::SUMS;
use crate::programs::Exact;
use crate::references::MeanRate;

/// By the rule with which the program converts.
pub(super) fn check(
    id: Id,
    Booked { account, program, .. }: Booked<'_>,
    now: Now<'_>,
    state: &mut dyn State,
) -> Result<Option<Found>, StorageError> {
    match program.conversion {
        _ if !account.pays() || has_own_rate(program, account.settlement.currency) => Ok(None),
        Conversion::PeriodEnd => Ok(period_end_moved(account, program, now)),
        Conversion::MonthAverage => means_moved(id, account, program, now, state),
        Conversion::SaleDate | Conversion::Fixed(_) => rates_corrected(id, account, program, now, state),
    }
}

/// All of the settlement is valued at a rate that is another since the period froze.
fn period_end_moved(account: &Account, program: &Program, now: Now<'_>) -> Option<Found> {
    if !is_valued_at_period_end(account, program) {
        return None;
    }
    let (_, (_, rate)) = period_end(account, now.references)?;
    let (_, now) = now.known().latest_rate(account.settlement.currency, account.last_day)?;
    if now == rate || account.phase == Phase::Open {
        return None;
    }
    let message = format!("valued at {rate}, and the period ends at a rate of {now} now; functional amounts stand");
    Some(Found::new(Code::TablesCorrected, Exact::ZERO, message))
}

/// OP-45: some sales were valued at the mean of a month that is another by now. While a period is open that is as it must be.
fn means_moved(
    id: Id,
    account: &Account,
    program: &Program,
    now: Now<'_>,
    state: &mut dyn State,
) -> Result<Option<Found>, StorageError> {
    if account.phase == Phase::Open {
        return Ok(None);
    }
    let (rates, currency) = (account.sale_rates(program, now.references), account.settlement.currency);
    let mut stale = 0;
    each_lines(state, id, account.counted, &mut |lines| {
        for line in lines {
            let sold = line.origin.map_or(line.day, |(_, sold)| sold);
            let is = now.known().month_average(currency, sold);
            stale += i64::from(rates.of(line).zip(is).is_some_and(|((then, _), is)| then != is));
        }
    })?;
    let message =
        format!("{} valued at means of a month that are others since; functional amounts stand", sales(stale));
    Ok((stale > 0).then_some(Found::new(Code::TablesCorrected, Exact::ZERO, message)))
}

/// OP-45: some sales were valued at a rate that has been corrected since. Read are the lists of such days, and those with
/// returns of known sales, which go by the rate of the sale.
fn rates_corrected(
    id: Id,
    account: &Account,
    program: &Program,
    now: Now<'_>,
    state: &mut dyn State,
) -> Result<Option<Found>, StorageError> {
    let (references, currency) = (now.references, account.settlement.currency);
    let rate = |day: Day| now.known().rate(currency, day);
    let days = references.corrected(currency, program.period.range(account.last_day)).map(|(day, _)| day);
    let days: Vec<Day> = days.filter(|day| rate(*day).is_some()).collect();
    if days.is_empty() || !account.pays() {
        return Ok(None);
    }
    let rates = account.sale_rates(program, references);
    let mut stale = 0;
    for ((_, list), tally) in SUMS.prefix(state, &id.0, Order::Up, usize::MAX)? {
        let list = Day(list);
        let last = if account.lists_months() { list.last_of_month() } else { list };
        let is_of_day = days[days.partition_point(|day| *day < list)..].first().is_some_and(|day| *day <= last);
        if !is_of_day && tally.linked == 0 {
            continue;
        }
        for line in list_lines(state, id, list, account.counted)?.lines {
            let sold = line.origin.map_or(line.day, |(_, sold)| sold);
            let is = rate(sold).map(MeanRate::from);
            stale += i64::from(rates.of(&line).zip(is).is_some_and(|((then, _), is)| then != is));
        }
    }
    let message = format!("{} valued at rates that were corrected since; functional amounts stand", sales(stale));
    Ok((stale > 0).then_some(Found::new(Code::TablesCorrected, Exact::ZERO, message)))
}
