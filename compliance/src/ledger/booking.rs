//! From what is due to movements: `delta = due − already accrued`, month by month.

use contract::{AccrualKind, AccrualMovement, Currency, Day, Id, Micros, Program};

use super::account::{Account, Phase};
use super::due::{Due, within};
use super::tally::Tally;
use crate::programs::rate_base;

/// Where and when a settlement is booked.
pub(crate) struct Desk<'a> {
    pub control: u64,
    /// The latest day that a tick has named, this control's included.
    pub today: Option<Day>,
    pub functional_currency: Option<Currency>,
    pub program: &'a Program,
}

impl Desk<'_> {
    /// Moves the account to what is due and returns the movements in order of their months.
    ///
    /// Invariant: afterwards the account has accrued exactly what is due.
    pub fn book(&self, account: &mut Account, due: &Due) -> Vec<AccrualMovement> {
        let movements = match account.phase {
            Phase::Open => self.book_months(account, due),
            Phase::Frozen { .. } | Phase::Closed { .. } => self.book_adjustment(account, due).into_iter().collect(),
        };
        for movement in &movements {
            account.accrued += movement.amount;
            account.functional += movement.functional.unwrap_or_default();
        }
        let owed = due.rounded(account, self.program);
        account.functional_known = self.functional(&account.tally(), owed).is_some();
        assert!(account.accrued == owed, "{:?} accrued {} while {owed} is due", account.settlement, account.accrued);
        movements
    }

    /// Each month gets what its end has due above the end of the month before, so that a tier jump is booked in the
    /// month in which it happens.
    fn book_months(&self, account: &mut Account, due: &Due) -> Vec<AccrualMovement> {
        let (settlement, budget_left) = (account.settlement.clone(), account.budget_left);
        let mut movements = Vec::new();
        let mut reached = Tally::default();
        let (mut before, mut functional_before) = (Micros::ZERO, Some(Micros::ZERO));
        for (month, earned) in account.months.iter_mut().zip(&due.by_month) {
            reached = reached + month.tally;
            let after = within(*earned, budget_left).round(settlement.currency);
            let functional_after = self.functional(&reached, after);
            let delta = after - before - month.accrued;
            let measure = month.tally.net.measure(self.program.mechanism.measure());
            if !delta.is_zero() {
                let functional =
                    functional_before.zip(functional_after).map(|(before, after)| after - before - month.functional);
                let kind = kind_of(delta, month.booked, measure < month.settled);
                let date = month.first.last_of_month();
                movements.push(self.movement(&settlement, kind, date, delta, functional));
                month.accrued += delta;
                month.functional += functional.unwrap_or_default();
                month.booked = true;
            }
            month.settled = measure;
            (before, functional_before) = (after, functional_after);
        }
        movements
    }

    /// A change to a frozen period is booked in the current month and never rewrites an old one.
    fn book_adjustment(&self, account: &Account, due: &Due) -> Option<AccrualMovement> {
        let owed = due.rounded(account, self.program);
        let delta = owed - account.accrued;
        if delta.is_zero() {
            return None;
        }
        let today = self.today.expect("a period freezes at a tick");
        let functional = self.functional(&account.tally(), owed).map(|all| all - account.functional);
        let kind = AccrualKind::PriorPeriod;
        Some(self.movement(&account.settlement, kind, today.last_of_month(), delta, functional))
    }

    fn functional(&self, reached: &Tally, amount: Micros) -> Option<Micros> {
        let digits = self.functional_currency?.minor_digits();
        reached.functional(amount, rate_base(&self.program.mechanism), digits)
    }

    fn movement(
        &self,
        settlement: &contract::Settlement,
        kind: AccrualKind,
        date: Day,
        amount: Micros,
        functional: Option<Micros>,
    ) -> AccrualMovement {
        let (owner, month, control) = (settlement.id().to_string(), date.to_string(), self.control.to_string());
        AccrualMovement {
            id: Id::of("movement", &[&owner, &month, &control]),
            settlement: settlement.clone(),
            class: self.program.class,
            kind,
            date,
            amount,
            functional,
            control: self.control,
        }
    }
}

/// The first amount of a month is earned; less because of less sold is a reversal; all else trues up.
fn kind_of(delta: Micros, booked: bool, measure_fell: bool) -> AccrualKind {
    match (delta > Micros::ZERO, booked) {
        (true, false) => AccrualKind::Earned,
        (false, false) => AccrualKind::Reversal,
        (false, true) if measure_fell => AccrualKind::Reversal,
        (_, true) => AccrualKind::TrueUp,
    }
}
