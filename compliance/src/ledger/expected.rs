//! What is accrued by the tier that an open period is expected to reach (domain notes §4.2-j, §4.2-k; ASC 606-10-32-8, -14).
//!
//! Nothing of it is due: it stands where estimates at sell-in do ([`super::estimates`]), beside what sales have earned. At each month's
//! end it is what the lines up to then would make due if the expected measure were reached, above what they do make due. A tick books what
//! that is more than was booked before: another expectation catches up all that was sold before it, a tier that sales have
//! reached takes the estimate of it back, and the tick that freezes the period leaves none.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use contract::{AccrualEvent, Accrue, Day, Id, Micros, Program};
use stream::{Outbox, State, StorageError};

use super::account::{Account, Phase, freeze_day};
use super::booking::month_ends;
use super::conversion::Rates;
use super::due::due;
use super::estimates::{Estimate, Estimating};
use super::settle::terms;
use super::tables::{ACCOUNTS, ESTIMATES, EXPECTED};
use super::tally::Tally;
use crate::programs::expected::reaching;
use crate::references::{Known, References};

/// What is expected of a settlement's period, by the first day of each month; `None` where nothing is.
pub(crate) type Measures = Vec<(Day, Option<Micros>)>;

/// Has ticks look at a settlement that accrues by what is expected of it, as long as it is open. It has moved.
pub(crate) fn mark(id: Id, account: &Account, program: &Program, state: &mut dyn State) -> Result<(), StorageError> {
    match program.accrue == Accrue::Expected && account.phase == Phase::Open {
        true => EXPECTED.put(state, &id.0, &None),
        false => Ok(()),
    }
}

impl Estimating<'_> {
    /// Puts down what is expected of a settlement and books what has changed; nothing has where it was `priced` by the same and has not
    /// moved since. One that freezes with this tick is looked at no more.
    pub fn expect(
        &self,
        id: Id,
        priced: Option<Measures>,
        state: &mut dyn State,
        outbox: &mut Outbox<AccrualEvent>,
    ) -> Result<(), StorageError> {
        let account = ACCOUNTS.get(state, &id.0)?.expect("a listed settlement has an account");
        let known = self.references.as_of(self.control);
        let program = &*terms(&account, self.references);
        let measures = measures(&account, program, self.today, known);
        if program.accrue == Accrue::Earned || is_over(&account, program, self.today) {
            EXPECTED.delete(state, &id.0)?;
        } else if priced.as_ref() == Some(&measures) {
            return Ok(());
        } else {
            EXPECTED.put(state, &id.0, &Some(measures.clone()))?;
        }
        let stands = ESTIMATES.get(state, &id.0)?;
        if stands.is_none() && !known.expects(&program.id, &account.partner, &account.settlement.period) {
            return Ok(());
        }
        let changes = changes(id, &account, &measures, self.references, state)?;
        if stands.is_none() && changes.is_empty() {
            return Ok(());
        }
        let mut estimate = stands.clone().unwrap_or_else(|| Estimate::new(account.settlement.clone(), program.class));
        estimate.expect(&changes, program.class, account.terms);
        if stands.as_ref() == Some(&estimate) {
            return Ok(());
        }
        ESTIMATES.put(state, &id.0, &estimate)?;
        self.book(id, state, outbox)
    }
}

/// Whether the period has frozen, or does on this day.
fn is_over(account: &Account, program: &Program, today: Day) -> bool {
    account.phase != Phase::Open || freeze_day(program, account.last_day) <= today
}

/// How what is expected of a settlement changes in a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    /// Its first day.
    pub month: Day,
    /// What it is more than in the month before.
    pub amount: Micros,
    /// What all of it is worth in the books from then on; `None` where a rate is missing.
    pub worth: Option<Micros>,
}

/// What is expected of a settlement's period in each month up to a day; in a month counts what was known by its end.
pub(crate) fn measures(account: &Account, program: &Program, today: Day, known: &Known) -> Measures {
    let is_over = is_over(account, program, today);
    let measure = |month: Day| {
        let last = month.last_of_month();
        let measure = known.expected(&program.id, &account.partner, &account.settlement.period, last.min(today));
        (month, measure.filter(|_| !is_over || last < account.last_day))
    };
    months(account, today).map(measure).collect()
}

/// How what is expected of a settlement changes in each month, where it does: a function of its lines, its terms, and what is expected of
/// its period.
pub(crate) fn changes(
    id: Id,
    account: &Account,
    measures: &[(Day, Option<Micros>)],
    references: &References,
    state: &mut dyn State,
) -> Result<Vec<Expected>, StorageError> {
    let program = &*terms(account, references);
    if program.accrue == Accrue::Earned {
        return Ok(Vec::new());
    }
    let earned = month_ends(account, &due(id, account, program, state)?, program);
    let mut by_measure: BTreeMap<Micros, Vec<Micros>> = BTreeMap::new();
    let (mut changes, mut before) = (Vec::new(), Micros::ZERO);
    for (month, measure) in measures.iter().copied() {
        let reached = account.months.partition_point(|other| other.first <= month) - 1;
        let amount = match measure {
            Some(measure) => {
                let ends = match by_measure.entry(measure) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(new) => {
                        let reaching = reaching(program, measure);
                        new.insert(month_ends(account, &due(id, account, &reaching, state)?, &reaching))
                    }
                };
                (ends[reached] - earned[reached]).max(Micros::ZERO)
            }
            None => Micros::ZERO,
        };
        if amount != before {
            let worth = functional(amount, reached, account, program, references);
            changes.push(Expected { month, amount: amount - before, worth });
            before = amount;
        }
    }
    Ok(changes)
}

/// The first days of the months from the first with a line to the last, or to that of the day within the period.
fn months(account: &Account, today: Day) -> impl Iterator<Item = Day> + use<> {
    let ends = account.months.first().zip(account.months.last()).map(|(first, last)| (first.first, last.first));
    let until = ends.map(|(_, last)| last.max(today.min(account.last_day).first_of_month()));
    let next = move |month: &Day| Some(month.last_of_month().plus(1)).filter(|next| Some(*next) <= until);
    std::iter::successors(ends.map(|(first, _)| first), next)
}

/// An amount in the books, by the rates of the lines up to a month; `None` where one is missing.
fn functional(
    amount: Micros,
    reached: usize,
    account: &Account,
    program: &Program,
    references: &References,
) -> Option<Micros> {
    let books = references.as_of(account.terms).reference.functional_currency?;
    let lines = account.months[..=reached].iter().fold(Tally::default(), |sum, month| sum + month.tally);
    let rates = Rates::of(program, account, references);
    if amount.is_zero() { Some(amount) } else { rates.functional(&lines, amount, program, books) }
}
