//! Everything that is known of one settlement but its lines.

use contract::{AccountingClass, AccrualKind, Code, Day, Id, Micros, Program, Settlement, Text};
use serde::{Deserialize, Serialize};

use super::balances::Covered;
use super::claims;
use super::gathering::Gathered;
use super::interim::{self, Interim};
use super::layers::Layered;
use super::lowered::Lowered;
use super::rules::outlier::Unusual;
use super::tally::{SaleRates, Tally};
use crate::programs::{Exact, Sums, drawn};
use crate::references::References;

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
    /// How far the period is paid while it is open; `None` until then.
    pub interim: Option<Interim>,
    /// Control as of which the program's terms hold; stays where it is once the period is frozen.
    pub terms: u64,
    /// The same of its baseline or score, and of how many points are never redeemed: later where another one counts for a frozen period.
    pub figures: u64,
    /// The program's version came when the period had frozen (OP-31).
    pub amended: bool,
    /// Lines that came before this control are added up; later ones wait for theirs.
    pub counted: u64,
    /// In order of their first days.
    pub months: Vec<Month>,
    /// What had come back behind its last day when the period froze.
    pub came_back: Sums,
    /// What limits took for good when the period froze; where headroom is given back, those that are shared when it closed.
    pub forgone: Taken,
    /// Where it was told that it is closed, or owed back.
    pub closing: Option<Closing>,
    /// Units that the balances of special prices cover, as of the last control that shared them.
    pub covered: Covered,
    /// What special prices give at most for a unit, where that is less than what some sale was given (DD-14); as of the same
    /// control.
    pub lowered: Vec<Lowered>,
    /// What the units of its lines cost, where that says what they are given (OP-19); `None`: the price book does. As of the same
    /// control.
    pub layered: Option<Vec<Layered>>,
    /// Points, or money, that was drawn on what is due ([`crate::programs::drawn`]).
    pub drawn: Micros,
    /// What the cap of the beneficiary's year leaves; `None` where it does not bind.
    pub year_left: Option<Exact>,
    /// What the program's budget leaves; `None` where it does not bind.
    pub budget_left: Option<Exact>,
    /// How large the budget is that it shares.
    pub budget: Option<Micros>,
    /// Sum of all movements, and of those with a functional amount.
    pub accrued: Micros,
    pub functional: Micros,
    /// Every sale date has a rate.
    pub functional_known: bool,
    /// Something was moved without a functional amount, and nothing has made up for it since.
    pub unvalued: bool,
    pub authorised: Micros,
    pub authorised_functional: Micros,
    pub orders: u32,
    /// What of it was ordered with deductions that were accepted.
    pub ordered_as_kept: Micros,
    /// What nobody claims, of a frozen period that is paid by claims; as of the last tick (UP-01).
    pub unclaimed: Micros,
    /// As of `tier_batch`, and as the ticks before it sealed it.
    pub tier: TierTrack,
    pub tier_sealed: TierTrack,
    pub tier_batch: u64,
    /// What of it is too little to be paid and gathers with other periods; as of the last tick that looked at it.
    pub gathered: Option<Gathered>,
    /// What of that which came back of what was authorised has been taken off what had gathered.
    pub set_off: Micros,
    /// The last tick has not let go what is not authorised, since something holds it.
    pub held_past_close: bool,
    /// What is unusual about the period (OP-36).
    pub unusual: Unusual,
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
    Frozen { since: u64 },
    /// Frozen since the tick with this number, and closed by a later one.
    Closed { since: u64 },
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
    pub sealed: Sealed,
    /// The batch that was booked last: the open one, or one that a tick has sealed since.
    pub batch: u64,
    /// What that batch moves; `None` for nothing.
    pub moved: Option<Moved>,
    /// The measure when it was last booked.
    pub measure: i128,
}

/// What ticks have sealed of a month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sealed {
    pub amount: Micros,
    pub functional: Micros,
    /// Some movement is sealed.
    pub booked: bool,
    /// One without a functional amount is, and none behind it that made up for it.
    pub unvalued: bool,
    pub measure: i128,
}

/// What a batch moves in a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Moved {
    pub amount: Micros,
    pub functional: Option<Micros>,
    pub kind: AccrualKind,
    pub class: AccountingClass,
}

impl Moved {
    pub fn is_nothing(&self) -> bool {
        self.amount.is_zero() && self.functional.is_none_or(Micros::is_zero)
    }
}

impl Month {
    fn new(first: Day) -> Month {
        let (tally, sealed) = (Tally::default(), Sealed::default());
        Month { first, tally, sealed, batch: 0, moved: None, measure: 0 }
    }

    /// Amount and functional amount that are accrued, the open batch included.
    pub fn accrued(&self) -> (Micros, Micros) {
        let (amount, functional) =
            self.moved.map_or_else(Default::default, |moved| (moved.amount, moved.functional.unwrap_or_default()));
        (self.sealed.amount + amount, self.sealed.functional + functional)
    }

    /// Whether something was moved without a functional amount, and nothing in the month has made up for it.
    fn is_unvalued(&self) -> bool {
        self.moved.map_or(self.sealed.unvalued, |moved| moved.functional.is_none())
    }

    /// Whether the batch has moved it with a functional amount.
    fn is_valued(&self) -> bool {
        self.moved.is_some_and(|moved| moved.functional.is_some())
    }

    /// Seals what earlier batches moved.
    fn turn_to(&mut self, batch: u64) {
        if self.batch == batch {
            return;
        }
        let (amount, functional) = self.accrued();
        let booked = self.sealed.booked || self.moved.is_some();
        let unvalued = self.is_unvalued();
        self.sealed = Sealed { amount, functional, booked, unvalued, measure: self.measure };
        (self.batch, self.moved) = (batch, None);
    }
}

/// What the limits on a settlement as a whole take of what it earns, each of what the one before leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Taken {
    pub period: Exact,
    pub year: Exact,
    pub budget: Exact,
}

impl Taken {
    pub fn all(self) -> Exact {
        self.period + self.year + self.budget
    }
}

/// What was told last, where that was that nothing more of a settlement is authorised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Closing {
    /// What was authorised then; `None` once it has moved since.
    pub authorised: Option<Micros>,
    /// Where headroom is given back, what was due above that, as far as it still is ([`Account::let_go`]) and no limit gave it to others.
    pub let_go: Micros,
}

/// What became of the tier that a tick first sealed (OP-13).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TierTrack {
    /// Tier at the first tick after it was accrued and now, from 1; 0 for none yet.
    pub first: u32,
    pub now: u32,
    /// The net sums that go with it.
    pub net: Sums,
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
        let mut account = Account {
            settlement,
            partner,
            role,
            last_day,
            deadline: freeze_day(program, last_day),
            phase: Phase::Open,
            interim: None,
            terms,
            figures: terms,
            amended: false,
            counted: 0,
            months: Vec::new(),
            came_back: Sums::default(),
            forgone: Taken::default(),
            closing: None,
            covered: Covered::new(),
            lowered: Vec::new(),
            layered: None,
            drawn: Micros::ZERO,
            year_left: None,
            budget_left: None,
            budget: None,
            accrued: Micros::ZERO,
            functional: Micros::ZERO,
            functional_known: false,
            unvalued: false,
            authorised: Micros::ZERO,
            authorised_functional: Micros::ZERO,
            orders: 0,
            ordered_as_kept: Micros::ZERO,
            unclaimed: Micros::ZERO,
            tier: TierTrack::default(),
            tier_sealed: TierTrack::default(),
            tier_batch: 0,
            gathered: None,
            set_off: Micros::ZERO,
            held_past_close: false,
            unusual: Unusual::default(),
            findings: Vec::new(),
        };
        account.deadline = interim::deadline(&account, program);
        account
    }

    /// Under which key the account lies.
    pub fn id(&self) -> Id {
        match &self.role {
            Role::Pays => self.settlement.id(),
            Role::PassedOver { winner } => passed_over_id(&self.settlement, winner),
        }
    }

    /// Whether its lists hold a month each and not a day: those of persons, whatever the program pays by now.
    pub fn lists_months(&self) -> bool {
        self.settlement.beneficiary.starts_with("person:")
    }

    /// Whether its beneficiary is a person.
    pub fn pays_person(&self) -> bool {
        self.lists_months()
    }

    /// Whether orders are made on it: it is frozen, or paid while it is open. It is settled at ticks only, since what it moves
    /// meets what was ordered.
    pub fn meets_orders(&self) -> bool {
        self.phase != Phase::Open || self.interim.is_some()
    }

    /// What is due by now of a period that is paid while it is open, else all that is due.
    pub fn due_by_now(&self) -> Micros {
        match self.interim.filter(|_| self.phase == Phase::Open) {
            Some(interim) => interim.due.min(self.accrued),
            None => self.accrued,
        }
    }

    /// What may be ordered in all: what is due by now, of a program that is drawn on what was drawn.
    pub fn orderable(&self, program: &Program) -> Micros {
        if !program.mechanism.is_drawn_on() {
            return self.due_by_now();
        }
        let worth = drawn::worth(&program.mechanism, self.drawn);
        worth.round_by(program.rounding_mode, self.settlement.currency).min(self.accrued)
    }

    /// What was let go at the close and was neither taken back nor authorised since: whoever shares a limit has it first.
    pub fn let_go(&self) -> Micros {
        let let_go = self.closing.map_or(Micros::ZERO, |closing| closing.let_go);
        let_go.min(self.accrued - self.authorised).max(Micros::ZERO)
    }

    /// Whether its close has come: it waits for nobody who decides, and it was told.
    pub fn has_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed { .. }) && self.closing.is_some()
    }

    /// No more of it is let go than that.
    pub fn keep_let_go(&mut self, most: Micros) {
        if let Some(closing) = &mut self.closing {
            closing.let_go = closing.let_go.min(most).max(Micros::ZERO);
        }
    }

    /// Behind its close it is told anew, once all is authorised that is to be, and what was let go stays so; else what was told is over.
    pub fn note_moved(&mut self) {
        let is_closed = matches!(self.phase, Phase::Closed { .. });
        self.closing = self.closing.filter(|_| is_closed).map(|closing| Closing { authorised: None, ..closing });
    }

    /// What a frozen settlement owes back though nothing of it was ordered: more came back than was sold. What is drawn on is
    /// made good by what is earned later, and owes nothing until it closes.
    pub fn below_zero(&self, program: &Program) -> Option<Micros> {
        let owes = self.pays() && self.orders == 0 && self.accrued < Micros::ZERO;
        let is_made_good = program.mechanism.is_drawn_on() && !matches!(self.phase, Phase::Closed { .. });
        (owes && !is_made_good).then_some(-self.accrued)
    }

    /// How its sales are valued, as of the control up to which its lines are added up.
    pub fn sale_rates<'a>(&self, program: &Program, references: &'a References) -> SaleRates<'a> {
        let (currency, conversion) = (self.settlement.currency, program.conversion);
        SaleRates { currency, conversion, references, until: self.counted }
    }

    pub fn pays(&self) -> bool {
        self.role == Role::Pays
    }

    /// The month that starts on `first`, made when it is new.
    pub fn month(&mut self, first: Day) -> &mut Month {
        let at = self.months.partition_point(|month| month.first < first);
        if self.months.get(at).is_none_or(|month| month.first != first) {
            self.months.insert(at, Month::new(first));
        }
        &mut self.months[at]
    }

    /// Seals what batches before this one moved.
    pub fn seal(&mut self, batch: u64) {
        let valued = self.months.iter().rposition(|month| month.batch != batch && month.is_valued());
        self.months.iter_mut().for_each(|month| month.turn_to(batch));
        self.months[..valued.unwrap_or(0)].iter_mut().for_each(|month| month.sealed.unvalued = false);
    }

    /// Whether something was moved without a functional amount, and nothing has made up for it since: a movement with one leaves
    /// no month up to its own without.
    pub fn has_unvalued_months(&self) -> bool {
        let valued = self.months.iter().rposition(Month::is_valued);
        self.months[valued.unwrap_or(0)..].iter().any(Month::is_unvalued)
    }

    pub fn tally(&self) -> Tally {
        self.months.iter().fold(Tally::default(), |sum, month| sum + month.tally)
    }

    /// What of its months lies behind its last day: returns of what was sold in it.
    pub fn behind(&self) -> Tally {
        let behind = self.months.iter().filter(|month| month.first > self.last_day);
        behind.fold(Tally::default(), |sum, month| sum + month.tally)
    }
}

/// Of what a settlement counts that another program was given.
pub(crate) fn passed_over_id(settlement: &Settlement, winner: &str) -> Id {
    Id::of("passed-over", &[&settlement.id().to_string(), winner])
}

/// The first day on which a period is past its grace.
pub(crate) fn freeze_day(program: &Program, last_day: Day) -> Day {
    last_day.plus(days(program.grace_days) + 1)
}

/// The first day on which a frozen period closes; where claims on it may come in for longer, the one behind the last for them.
pub(crate) fn close_day(program: &Program, last_day: Day) -> Day {
    let close = freeze_day(program, last_day).plus(days(program.close_days));
    claimable_until(program, last_day).map_or(close, |last| close.max(last.plus(1)))
}

/// The last day on which a claim on the period may come in; `None` for a program that is not paid by claim.
pub(crate) fn claimable_until(program: &Program, last_day: Day) -> Option<Day> {
    program.paid.claims().map(|terms| claims::last_day(last_day, program, terms))
}

/// Grace and close are bounded to a century, so that a day stays a day.
fn days(count: u32) -> i32 {
    i32::try_from(count.min(36_525)).expect("a bounded count fits")
}
