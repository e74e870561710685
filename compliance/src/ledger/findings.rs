//! What the ledger finds: one finding for a settlement and code, replaced when it changes, withdrawn when it is over.

use contract::{
    Code, Conversion, Day, Finding, Id, Mechanism, Micros, Money, Program, Publication, RecordRef, Rounding,
};
use stream::{Order, Outbox, State, StorageError, View};

use super::account::{Account, Phase, Role};
use super::conversion::has_own_rate;
use super::due::Due;
use super::holds::holds;
use super::lines::{Line, each_lines, list_lines};
use super::now::Now;
use super::outliers;
use super::periods::below_minimum;
use super::scores::{Rescored, rescored};
use super::tables::SUMS;
use super::tally::Tally;
use super::underpaid;
use crate::programs::caps::{CappedLine, cap_period};
use crate::programs::exact::minor_unit;
use crate::programs::volume_retroactive::tier_reached;
use crate::programs::{Exact, Sums, benefit, late, line_benefit, looks_back, needs_lines, tiers};

/// A drift of more than a hundredth is told, and no less than ten minor units.
const DRIFT_SHARE: i128 = 100;
const DRIFT_UNITS: i128 = 10;

/// What is found about one settlement.
pub(crate) struct Found {
    pub code: Code,
    pub at_risk: Exact,
    pub message: String,
}

/// Looks at a settlement after it was booked.
pub(crate) fn look(account: &Account, program: &Program, due: &Due, functional_wanted: bool) -> Vec<Found> {
    if let Role::PassedOver { winner } = &account.role {
        return passed_over(account, program, due, winner).into_iter().collect();
    }
    let checks = [
        figure_missing(account, program),
        threshold_not_met(account, program, due),
        tier_moved(account, program),
        returns_moved_tier(account, program),
        protected_before(account, due),
        sold_above(account, due),
        above_authorised(account, due),
        reported_late(account, program, due),
        cap_bound(account, program, due),
        budget_used_up(account, program, due),
        returned_after_authorisation(account),
        too_little_to_pay(account, program),
        outliers::look(account, program),
        rate_missing(account, program, functional_wanted),
        rate_odd(account, program),
        rounding_drifts(account, program, due),
    ];
    checks.into_iter().flatten().chain(underpaid::look(account, program, due)).collect()
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
    let mut found = holds(account, program, now, state)?;
    let holds_nothing = |rescored: &Rescored| rescored.held.is_zero() || account.accrued <= Micros::ZERO;
    found.extend(rescored(account, now, state)?.filter(holds_nothing).map(|rescored| rescored.found));
    found.extend(came_back_later(id, account, due, state)?);
    found.extend(match program.conversion {
        _ if !account.pays() || has_own_rate(program, account.settlement.currency) => Vec::new(),
        Conversion::PeriodEnd => period_end_rate(account, now),
        Conversion::MonthAverage => means_moved(id, account, now, state)?.into_iter().collect(),
        Conversion::SaleDate | Conversion::Fixed(_) => {
            rates_corrected(id, account, program, now, state)?.into_iter().collect()
        }
    });
    Ok(found)
}

/// OP-26, OP-45: all of the settlement is valued at a rate of the table that cannot be right, or that is another since the
/// period froze.
fn period_end_rate(account: &Account, now: Now<'_>) -> Vec<Found> {
    let (valued, currency) = (now.references.as_of(account.terms), account.settlement.currency);
    let Some((day, rate)) = valued.latest_rate(currency, account.last_day) else { return Vec::new() };
    if account.tally().lines == 0 {
        return Vec::new();
    }
    let mut found = Vec::new();
    if valued.is_odd_rate(currency, day) {
        let message = format!("valued at the rate for {currency} of {day}, far from those around it, or turned over");
        found.push(Found { code: Code::RateOdd, at_risk: Exact::ZERO, message });
    }
    let now = now.known().latest_rate(currency, account.last_day).map(|(_, rate)| rate);
    if let Some(now) = now.filter(|now| *now != rate && account.phase != Phase::Open) {
        let message = format!("valued at {rate}, and the period ends at a rate of {now} now; functional amounts stand");
        found.push(Found { code: Code::RateCorrected, at_risk: Exact::ZERO, message });
    }
    found
}

/// OP-45: some sales were valued at the mean of a month that is another by now. While a period is open that is as it must be.
fn means_moved(id: Id, account: &Account, now: Now<'_>, state: &mut dyn State) -> Result<Option<Found>, StorageError> {
    if account.phase == Phase::Open {
        return Ok(None);
    }
    let (references, currency) = (now.references, account.settlement.currency);
    let mut stale = 0;
    each_lines(state, id, account.counted, &mut |lines| {
        for line in lines {
            let sold = line.origin.map_or(line.day, |(_, sold)| sold);
            let then = references.as_of(line.came).month_average(currency, sold);
            stale +=
                i64::from(then.zip(now.known().month_average(currency, sold)).is_some_and(|(then, now)| then != now));
        }
    })?;
    let message =
        format!("{} valued at means of a month that are others since; functional amounts stand", sales(stale));
    Ok((stale > 0).then_some(Found { code: Code::RateCorrected, at_risk: Exact::ZERO, message }))
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
            let then = references.as_of(line.came).rate(currency, sold);
            stale += i64::from(then.zip(rate(sold)).is_some_and(|(then, now)| then != now));
        }
    }
    let message = format!("{} valued at rates that were corrected since; functional amounts stand", sales(stale));
    Ok((stale > 0).then_some(Found { code: Code::RateCorrected, at_risk: Exact::ZERO, message }))
}

/// OP-25: goods of the period came back after it, some of them since it froze, and what was authorised is still due.
fn came_back_later(id: Id, account: &Account, due: &Due, state: &mut dyn State) -> Result<Option<Found>, StorageError> {
    let Some(since) = account.phase.frozen_since().filter(|_| account.pays()) else { return Ok(None) };
    let inside = account.months.partition_point(|month| month.first <= account.last_day);
    let back = account.months[inside..].iter().fold(Tally::default(), |sum, month| sum + month.tally);
    if back.lines == 0 || account.authorised > account.accrued || !any_since(since, id, account, state)? {
        return Ok(None);
    }
    let of_period = inside.checked_sub(1).map_or(Exact::ZERO, |last| due.by_month[last]);
    let less = (of_period - due.by_month.last().copied().unwrap_or_default()).max(Exact::ZERO);
    let message = format!(
        "{} units for {} came back after the period, some of them since it froze: {} less is due for it",
        shown(-back.net.quantity),
        money(-back.net.amount, account),
        rounded(less, account),
    );
    Ok(Some(Found { code: Code::ReturnInLaterPeriod, at_risk: less, message }))
}

/// Whether a line dated behind the period has come since a control.
fn any_since(since: u64, id: Id, account: &Account, state: &mut dyn State) -> Result<bool, StorageError> {
    let behind = (id.0, account.last_day.0.saturating_add(1));
    for ((_, day), _) in SUMS.range(state, &behind, &(id.0, i32::MAX), Order::Up, usize::MAX)? {
        let standing = list_lines(state, id, Day(day), account.counted)?;
        if standing.lines.iter().any(|line| line.came >= since) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// DD-11: another program of the group was given these sales.
fn passed_over(account: &Account, program: &Program, due: &Due, winner: &str) -> Option<Found> {
    let tally = account.tally();
    if tally.lines == 0 {
        return None;
    }
    if program.mechanism.sell_in().is_some() {
        let units = shown(tally.net.quantity);
        let message = format!("{units} units for {} earn at resale under {winner}", money(tally.net.amount, account));
        return Some(Found { code: Code::SellInAndThrough, at_risk: due.wanted(account, program), message });
    }
    let message = format!(
        "{}, {} units for {}: paid under {winner} of the same group {}",
        sales(tally.lines),
        shown(tally.net.quantity),
        money(tally.net.amount, account),
        program.ledger_key(),
    );
    Some(Found { code: Code::ExclusivePrograms, at_risk: due.wanted(account, program), message })
}

/// OP-15: growth has nothing to be measured against, or there is no score that the rate goes by.
fn figure_missing(account: &Account, program: &Program) -> Option<Found> {
    if account.tally().lines == 0 {
        return None;
    }
    let message = match &program.mechanism {
        Mechanism::Growth(_) => {
            format!("no baseline of {} in {}: no growth is due", account.partner, account.settlement.currency)
        }
        Mechanism::Score(_) => format!("no score of {}: nothing is due", account.partner),
        _ => return None,
    };
    Some(Found { code: Code::BaselineMissing, at_risk: Exact::ZERO, message })
}

/// OP-12: nothing is due until the threshold is reached.
fn threshold_not_met(account: &Account, program: &Program, due: &Due) -> Option<Found> {
    let threshold = program.threshold.filter(|_| !due.threshold_met && account.tally().lines > 0)?;
    let reached = account.tally().net.measure(program.mechanism.measure());
    let message = format!("{} of {threshold} reached: nothing is due below the threshold", shown(reached));
    Some(Found { code: Code::ThresholdNotMet, at_risk: due.whole.after_transaction, message })
}

/// OP-13: amounts accrued at one tier became due at another.
fn tier_moved(account: &Account, program: &Program) -> Option<Found> {
    let (tiers, track) = (tiers(&program.mechanism), account.tier);
    if !looks_back(&program.mechanism) || track.first == track.now || track.moved == Exact::ZERO {
        return None;
    }
    let tier = |number: u32| tiers.get(number.checked_sub(1)? as usize);
    let rate = |number: u32| tier(number).map_or(Micros::ZERO, |tier| tier.rate);
    let message = format!(
        "the tier moved from {} to {} after amounts were accrued: {} trued up",
        rate(track.first),
        rate(track.now),
        rounded(track.moved, account),
    );
    Some(Found { code: Code::TierMiscalculated, at_risk: track.moved.abs(), message })
}

/// OP-14: counted before returns, the measure would reach another tier.
fn returns_moved_tier(account: &Account, program: &Program) -> Option<Found> {
    let (measure, tiers) = (program.mechanism.measure(), tiers(&program.mechanism));
    let tally = account.tally();
    let (gross, net) = ((tally.net - tally.returned).measure(measure), tally.net.measure(measure));
    let (polluted, clean) = (tier_reached(tiers, gross), tier_reached(tiers, net));
    if polluted <= clean {
        return None;
    }
    let (too_high, right) = (tiers[polluted - 1].rate, clean.checked_sub(1).map_or(Micros::ZERO, |i| tiers[i].rate));
    let message =
        format!("{} before returns would reach the tier of {too_high}; {} net reach {right}", shown(gross), shown(net));
    Some(Found { code: Code::BasisPolluted, at_risk: over_tier(program, account), message })
}

/// What the tier alone would have paid too much on the net sums.
fn over_tier(program: &Program, account: &Account) -> Exact {
    let Tally { net, returned, .. } = account.tally();
    let (gross, mechanism) = (net - returned, &program.mechanism);
    if looks_back(mechanism) {
        let net_when = |reached: Sums| line_benefit(mechanism, Sums::default(), net, reached);
        return net_when(gross) - net_when(net);
    }
    if needs_lines(program) { Exact::ZERO } else { benefit(mechanism, gross) - benefit(mechanism, net) }
}

/// DD-14: what was not given, or is taken back, because price protection gives the drop of the cost for the same units.
fn protected_before(account: &Account, due: &Due) -> Option<Found> {
    let lost = due.whole.raw - due.whole.after_protection;
    if lost == Exact::ZERO {
        return None;
    }
    let message = format!(
        "the cost of units on hand was cut and they are protected: {} of {} not given",
        rounded(lost, account),
        rounded(due.whole.raw, account)
    );
    Some(Found { code: Code::DebitAfterProtection, at_risk: lost, message })
}

/// OP-18: what was not given because units were sold above the authorised resale price.
fn sold_above(account: &Account, due: &Due) -> Option<Found> {
    let lost = due.whole.after_protection - due.whole.after_resale;
    if lost == Exact::ZERO {
        return None;
    }
    let message = format!(
        "sold above the authorised resale price: {} of {} not given",
        rounded(lost, account),
        rounded(due.whole.after_protection, account)
    );
    Some(Found { code: Code::ResaleAbove, at_risk: lost, message })
}

/// OP-05: what was not given because special prices were authorised for fewer units.
fn above_authorised(account: &Account, due: &Due) -> Option<Found> {
    let lost = due.whole.after_resale - due.whole.after_quantity;
    if lost == Exact::ZERO {
        return None;
    }
    let message = format!("more units sold than authorised: {} not given", rounded(lost, account));
    Some(Found { code: Code::AuthorisedQuantity, at_risk: lost, message })
}

/// OP-07: what was lost because sales were reported late.
fn reported_late(account: &Account, program: &Program, due: &Due) -> Option<Found> {
    let lost = due.whole.after_quantity - due.whole.after_late;
    if late(&program.mechanism).is_none() || lost == Exact::ZERO {
        return None;
    }
    let message =
        format!("sales were reported late: {} of {} lost", rounded(lost, account), rounded(due.whole.raw, account));
    Some(Found { code: Code::ReportedLate, at_risk: lost, message })
}

/// OP-16: which cap bound, and what it took.
fn cap_bound(account: &Account, program: &Program, due: &Due) -> Option<Found> {
    if !due.threshold_met {
        return None;
    }
    let CappedLine { after_late, after_unit, after_transaction, .. } = due.whole;
    let under_period = cap_period(program.caps.partner_period, after_transaction);
    let over_year = due.claimed(account, program) - due.wanted(account, program);
    let cuts = [
        ("per-unit", after_late - after_unit),
        ("per-transaction", after_unit - after_transaction),
        ("partner-period", after_transaction - under_period),
        ("partner-year", over_year),
    ];
    let bound: Vec<String> = cuts
        .iter()
        .filter(|(_, cut)| *cut != Exact::ZERO)
        .map(|(cap, cut)| format!("the {cap} cap took {}", rounded(*cut, account)))
        .collect();
    let at_risk = after_late - under_period + over_year;
    (!bound.is_empty()).then(|| Found { code: Code::CapExceeded, at_risk, message: bound.join(", ") })
}

/// OP-17: the program's budget is used up by sales that come first.
fn budget_used_up(account: &Account, program: &Program, due: &Due) -> Option<Found> {
    let wanted = due.wanted(account, program);
    let unpaid = wanted - due.limited(account, program);
    if unpaid <= Exact::ZERO {
        return None;
    }
    let message = format!(
        "of {} the program's budget of {} leaves {} unpaid",
        rounded(wanted, account),
        program.caps.budget.unwrap_or_default(),
        rounded(unpaid, account),
    );
    Some(Found { code: Code::BudgetOverrun, at_risk: unpaid, message })
}

/// OP-24: less is due than was authorised.
fn returned_after_authorisation(account: &Account) -> Option<Found> {
    if account.authorised <= account.accrued || account.orders == 0 {
        return None;
    }
    let over = account.authorised - account.accrued;
    let message = format!(
        "{} was authorised and only {} is due: {} too much",
        amount(account.authorised, account),
        amount(account.accrued, account),
        amount(over, account),
    );
    Some(Found { code: Code::ReturnAfterPayment, at_risk: Exact::from(over), message })
}

/// OP-35: what is due is not worth a payment yet.
fn too_little_to_pay(account: &Account, program: &Program) -> Option<Found> {
    let waits = below_minimum(account, program)?;
    let minimum = amount(program.minimum_payout?, account);
    let message = match account.phase {
        Phase::Closed { .. } => {
            format!("{} did not come to the {minimum} from which is paid: let go", amount(waits, account))
        }
        _ => format!("{} is due and waits: {minimum} and more is paid", amount(waits, account)),
    };
    Some(Found { code: Code::BelowMinimumPayout, at_risk: Exact::from(waits), message })
}

/// DQ-08: some sale has no exchange rate, and no rate of the program's own takes its place.
fn rate_missing(account: &Account, program: &Program, functional_wanted: bool) -> Option<Found> {
    let tally = account.tally();
    let (rateless, when) = match program.conversion {
        Conversion::SaleDate | Conversion::Fixed(_) => (tally.rateless, "on its date"),
        Conversion::MonthAverage => (tally.rateless, "in its month"),
        Conversion::PeriodEnd => (tally.lines, "up to the end of the period"),
    };
    if !functional_wanted || account.functional_known || rateless == 0 {
        return None;
    }
    let currency = account.settlement.currency;
    let message = format!("{} without a rate for {currency} {when}: no functional amount", sales(rateless));
    Some(Found { code: Code::RateMissing, at_risk: Exact::ZERO, message })
}

/// OP-26: the date, or the month, of some sale has a rate that those around it give the lie to. A rate of the program's own is
/// none of the table, and that of a period's end is looked at by itself.
fn rate_odd(account: &Account, program: &Program) -> Option<Found> {
    let (odd, currency) = (account.tally().odd, account.settlement.currency);
    if odd == 0 || program.conversion == Conversion::PeriodEnd || has_own_rate(program, currency) {
        return None;
    }
    let message = format!("{} at a rate for {currency} far from those around it, or turned over", sales(odd));
    Some(Found { code: Code::RateOdd, at_risk: Exact::ZERO, message })
}

/// OP-29: what is rounded for each sale adds up to something else than the benefit of all.
fn rounding_drifts(account: &Account, program: &Program, due: &Due) -> Option<Found> {
    let CappedLine { exact, after_transaction, .. } = due.whole;
    let drift = after_transaction - exact;
    let least = DRIFT_UNITS * minor_unit(account.settlement.currency);
    let is_large = drift.abs().0 >= least && drift.abs().0 * DRIFT_SHARE > exact.abs().0;
    if program.rounding != Rounding::Sale || !is_large {
        return None;
    }
    let message = format!(
        "rounded for each sale the benefit is {}, rounded once it is {}",
        rounded(after_transaction, account),
        rounded(exact, account),
    );
    Some(Found { code: Code::RoundingDrifts, at_risk: drift.abs(), message })
}

pub(crate) fn sales(count: i64) -> String {
    if count == 1 { "1 sale".to_owned() } else { format!("{count} sales") }
}

pub(crate) fn shown(millionths: i128) -> String {
    i64::try_from(millionths).map_or_else(|_| format!("{millionths} millionths"), |value| Micros(value).to_string())
}

fn money(millionths: i128, account: &Account) -> String {
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
