//! From what is due to movements: `delta = due − already accrued`, month by month.

use contract::{AccrualKind, AccrualMovement, Currency, Day, Id, Micros, Program, Settlement};

use super::account::{Account, Month, Moved, Phase};
use super::conversion::Rates;
use super::due::{Due, at_least_drawn, within};
use super::tally::Tally;
use crate::programs::Exact;

/// Where and when a settlement is booked.
pub(crate) struct Desk<'a> {
    /// The open batch.
    pub batch: u64,
    /// The latest day that a tick has named, this control's included.
    pub today: Option<Day>,
    pub functional_currency: Option<Currency>,
    pub rates: Rates,
    pub program: &'a Program,
}

impl Desk<'_> {
    /// Moves the account to what is due and returns the batch's movements that are new or changed, in order of their
    /// months.
    ///
    /// Invariant: afterwards the account has accrued exactly what is due.
    pub fn book(&self, account: &mut Account, due: &Due) -> Vec<AccrualMovement> {
        let was_unvalued = account.unvalued;
        let movements = match account.phase {
            Phase::Open => self.book_months(account, due),
            Phase::Frozen { .. } | Phase::Closed { .. } => self.book_adjustment(account, due).into_iter().collect(),
        };
        if was_unvalued && !account.unvalued {
            self.value_orders(account);
        }
        let owed = due.rounded(account, self.program);
        account.functional_known = self.functional(&account.tally(), owed).is_some();
        assert!(account.accrued == owed, "{:?} accrued {} while {owed} is due", account.settlement, account.accrued);
        movements
    }

    /// Each month gets what its end has due above the end of the month before, so that a tier jump is booked in the
    /// month in which it happens. In the currency of the books it is what its end is worth above what is booked before it;
    /// where all comes to nothing the last month that moves leaves nothing there, whatever rates others were booked at.
    fn book_months(&self, account: &mut Account, due: &Due) -> Vec<AccrualMovement> {
        let old: (Micros, Micros) = booked(&account.months);
        let (settlement, ends) = (account.settlement.clone(), month_ends(account, due, self.program));
        let mut movements = Vec::new();
        account.seal(self.batch);
        let (last, rest) = self.carried(account, &ends);
        let (mut reached, mut before, mut worth_before) = (Tally::default(), Micros::ZERO, Micros::ZERO);
        for (place, (month, after)) in account.months.iter_mut().zip(ends).enumerate() {
            reached = reached + month.tally;
            let worth = rest.filter(|_| last == Some(place)).or_else(|| self.functional(&reached, after));
            let functional = worth.map(|worth| worth - worth_before);
            if let Some(moved) = self.move_month(month, after - before, functional) {
                movements.push(self.movement(&settlement, month.first.last_of_month(), moved));
            }
            (before, worth_before) = (after, worth_before + month.accrued().1);
        }
        let new = booked(&account.months);
        account.accrued += new.0 - old.0;
        account.functional += new.1 - old.1;
        account.unvalued = account.has_unvalued_months();
        movements
    }

    /// What was ordered without a functional amount is worth its part of what is accrued, once that has one.
    fn value_orders(&self, account: &mut Account) {
        let Some(books) = self.functional_currency.filter(|_| account.accrued > Micros::ZERO) else { return };
        let (whole, part) = (i128::from(account.accrued.0), i128::from(account.authorised.0));
        let worth = Exact::product_share(account.functional, Micros::ONE.0.into(), part, whole);
        account.authorised_functional = worth.round(books);
    }

    /// The last month that the batch moves, and where all comes to nothing what its end is worth: what is booked behind it, taken
    /// back.
    fn carried(&self, account: &Account, ends: &[Micros]) -> (Option<usize>, Option<Micros>) {
        let months = &account.months;
        let before = |place: usize| if place == 0 { Micros::ZERO } else { ends[place - 1] };
        let moves = |at: &usize| ends[*at] - before(*at) != months[*at].sealed.amount || months[*at].sealed.unvalued;
        let last = (0..months.len()).rfind(moves);
        let nothing = ends.last().filter(|due| due.is_zero());
        let all = nothing.and_then(|due| self.functional(&account.tally(), *due));
        let behind = last.map(|last| months[last + 1..].iter().map(|month| month.sealed.functional).sum::<Micros>());
        (last, all.zip(behind).map(|(all, behind)| all - behind))
    }

    /// What the batch moves in a month to reach what is due, where that has changed; no amount where only what was moved before is
    /// worth something now.
    fn move_month(&self, month: &mut Month, due: Micros, functional: Option<Micros>) -> Option<Moved> {
        month.measure = month.tally.net.measure(self.program.mechanism.measure());
        let sealed = month.sealed;
        let amount = due - sealed.amount;
        let carries = |_: &Micros| !amount.is_zero() || sealed.unvalued;
        let functional = functional.filter(carries).map(|functional| functional - sealed.functional);
        // What turns out to be worth no more than is booked has its worth by that: later lines give it no other one.
        month.sealed.unvalued &= !(amount.is_zero() && functional == Some(Micros::ZERO));
        let moved = Moved {
            amount,
            functional,
            kind: kind_of(amount, sealed.booked, month.measure < sealed.measure),
            class: self.program.class,
        };
        let before = std::mem::replace(&mut month.moved, (!moved.is_nothing()).then_some(moved));
        (before != month.moved).then_some(moved)
    }

    /// A change to a frozen period is booked in the current month and never rewrites an old one. So is what it is worth, where that was not
    /// known when it was booked.
    fn book_adjustment(&self, account: &mut Account, due: &Due) -> Option<AccrualMovement> {
        let owed = due.rounded(account, self.program);
        let delta = owed - account.accrued;
        let functional = self.functional(&account.tally(), owed).map(|all| all - account.functional);
        let (kind, class) = (AccrualKind::PriorPeriod, self.program.class);
        let moved = Moved { amount: delta, functional, kind, class };
        if moved.is_nothing() || (delta.is_zero() && !account.unvalued) {
            return None;
        }
        let today = self.today.expect("a period freezes at a tick");
        account.unvalued = functional.is_none();
        account.accrued += delta;
        account.functional += functional.unwrap_or_default();
        Some(self.movement(&account.settlement, today.last_of_month(), moved))
    }

    fn functional(&self, reached: &Tally, amount: Micros) -> Option<Micros> {
        self.rates.functional(reached, amount, self.program, self.functional_currency?)
    }

    fn movement(&self, settlement: &Settlement, date: Day, moved: Moved) -> AccrualMovement {
        let (owner, month, batch) = (settlement.id().to_string(), date.to_string(), self.batch.to_string());
        let Moved { amount, functional, kind, class } = moved;
        AccrualMovement {
            id: Id::of("movement", &[&owner, &month, &batch]),
            settlement: settlement.clone(),
            class,
            kind,
            date,
            amount,
            functional,
            batch: self.batch,
        }
    }
}

/// What is due by the end of each month within all limits, rounded.
pub(crate) fn month_ends(account: &Account, due: &Due, program: &Program) -> Vec<Micros> {
    let limited = |earned: &Exact| within(within(*earned, account.year_left), account.budget_left);
    let mut by_month: Vec<Exact> = due.by_month.iter().map(limited).collect();
    if let Some(whole) = by_month.last_mut() {
        *whole = at_least_drawn(*whole, account, program);
    }
    let rounded = |earned: Exact| earned.round_by(program.rounding_mode, account.settlement.currency);
    by_month.into_iter().map(rounded).collect()
}

/// What all months have accrued.
fn booked(months: &[Month]) -> (Micros, Micros) {
    let all = months.iter().map(Month::accrued);
    all.fold(Default::default(), |sum, month| (sum.0 + month.0, sum.1 + month.1))
}

/// The first amount of a month is earned; less because of less sold is a reversal; all else trues up.
/// Both judged against what ticks have sealed.
fn kind_of(delta: Micros, booked: bool, measure_fell: bool) -> AccrualKind {
    match (delta > Micros::ZERO, booked) {
        _ if delta.is_zero() => AccrualKind::TrueUp,
        (true, false) => AccrualKind::Earned,
        (false, false) => AccrualKind::Reversal,
        (false, true) if measure_fell => AccrualKind::Reversal,
        (_, true) => AccrualKind::TrueUp,
    }
}
