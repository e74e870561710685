//! Everything that is known of one settlement but its lines.

use contract::{Code, Day, Id, Micros, Program, Settlement, Text};
use serde::{Deserialize, Serialize};

use super::tally::Tally;
use crate::programs::Exact;

/// The books of one settlement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Account {
    pub settlement: Settlement,
    /// Whose files its records stand in.
    pub partner: Text,
    pub role: Role,
    /// Last day of the program's period.
    pub last_day: Day,
    /// First day on which the period is no longer in its present phase.
    pub deadline: Day,
    pub phase: Phase,
    /// Control as of which the program's terms hold; stays where it is once the period is frozen.
    pub terms: u64,
    /// In order of their first days.
    pub months: Vec<Month>,
    /// What caps took away when the period froze; not given back by later returns.
    pub forgone: Exact,
    /// What the program's budget leaves; `None` where it does not bind.
    pub budget_left: Option<Exact>,
    /// Sum of all movements, and of those with a functional amount.
    pub accrued: Micros,
    pub functional: Micros,
    /// Every sale date has a rate.
    pub functional_known: bool,
    pub authorised: Micros,
    pub authorised_functional: Micros,
    pub orders: u32,
    pub tier: TierTrack,
    /// Findings that stand, each with a hash of what it says.
    pub findings: Vec<(Code, Id)>,
}

/// Whether the settlement pays, or only counts what another program of its group was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Role {
    Pays,
    PassedOver { winner: Text },
}

/// Where a period stands. Only a tick moves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Phase {
    /// Open or in grace: settled in place.
    Open,
    /// Since the tick with this number: changes are prior-period adjustments.
    Frozen {
        since: u64,
    },
    Closed {
        since: u64,
    },
}

impl Phase {
    pub fn frozen_since(self) -> Option<u64> {
        match self {
            Phase::Open => None,
            Phase::Frozen { since } | Phase::Closed { since } => Some(since),
        }
    }
}

/// An accounting month of a settlement: its own lines and what was booked into it while the period was open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Month {
    pub first: Day,
    pub tally: Tally,
    pub accrued: Micros,
    pub functional: Micros,
    pub booked: bool,
    /// The measure when it was last booked.
    pub settled: i128,
}

/// What became of the tier that was first accrued (OP-13).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TierTrack {
    /// Tier at the first accrual and now, from 1; 0 for none yet.
    pub first: u32,
    pub now: u32,
    /// The base that was settled last.
    pub base: i128,
    /// What tier moves alone added to amounts accrued before them.
    pub moved: Exact,
}

impl Account {
    pub fn open(
        settlement: Settlement,
        role: Role,
        partner: Text,
        program: &Program,
        date: Day,
        terms: u64,
    ) -> Account {
        let last_day = program.period.range(date).1;
        Account {
            settlement,
            partner,
            role,
            last_day,
            deadline: freeze_day(program, last_day),
            phase: Phase::Open,
            terms,
            months: Vec::new(),
            forgone: Exact::ZERO,
            budget_left: None,
            accrued: Micros::ZERO,
            functional: Micros::ZERO,
            functional_known: false,
            authorised: Micros::ZERO,
            authorised_functional: Micros::ZERO,
            orders: 0,
            tier: TierTrack::default(),
            findings: Vec::new(),
        }
    }

    /// Under which key the account lies.
    pub fn id(&self) -> Id {
        match &self.role {
            Role::Pays => self.settlement.id(),
            Role::PassedOver { winner } => Id::of("passed-over", &[&self.settlement.id().to_string(), winner]),
        }
    }

    pub fn pays(&self) -> bool {
        self.role == Role::Pays
    }

    /// The month that starts on `first`, made when it is new.
    pub fn month(&mut self, first: Day) -> &mut Month {
        let at = self.months.partition_point(|month| month.first < first);
        if self.months.get(at).is_none_or(|month| month.first != first) {
            let (tally, accrued, functional) = (Tally::default(), Micros::ZERO, Micros::ZERO);
            self.months.insert(at, Month { first, tally, accrued, functional, booked: false, settled: 0 });
        }
        &mut self.months[at]
    }

    pub fn tally(&self) -> Tally {
        self.months.iter().fold(Tally::default(), |sum, month| sum + month.tally)
    }
}

/// The first day on which a period is past its grace.
pub(crate) fn freeze_day(program: &Program, last_day: Day) -> Day {
    last_day.plus(days(program.grace_days) + 1)
}

/// The first day on which a frozen period closes.
pub(crate) fn close_day(program: &Program, last_day: Day) -> Day {
    freeze_day(program, last_day).plus(days(program.close_days))
}

/// Grace and close are bounded to a century, so that a day stays a day.
fn days(count: u32) -> i32 {
    i32::try_from(count.min(36_525)).expect("a bounded count fits")
}
