//! What is paid before a period is over (docs/programs.md, "Paid before the period is over"; domain notes §4.2-a).

use contract::{Currency, Day, Micros};

use super::{Account, Phase, days};
use crate::pricing::Line;

impl Account {
    /// On the day of a tick: the last month's or quarter's end inside the period that is past its grace.
    pub(super) fn pay_between(&mut self, today: Day) {
        let Some(interim) = self.program.interim.filter(|_| self.phase == Phase::Open) else { return };
        let first = self.program.period.range(self.last).0;
        let is_past = |day: &Day| day.plus(days(self.program.grace_days)) < today;
        let mut ends = (first.0..self.last.0).map(Day).filter(|day| interim.range(*day).1 == *day);
        self.paid_until = self.paid_until.max(ends.rfind(is_past));
    }

    /// Its sales have been paid for, or could have been.
    pub(super) fn meets_orders(&self) -> bool {
        self.phase != Phase::Open || self.paid_until.is_some()
    }

    /// What is due as if nothing were sold behind the day up to which it is paid, and no more than is due.
    pub(super) fn due_by_now(&self, currency: Currency) -> Micros {
        let Some(until) = self.paid_until.filter(|_| self.phase == Phase::Open) else { return self.accrued };
        let lines: Vec<Line> = self.lines.iter().filter(|line| line.day <= until).cloned().collect();
        self.due_by(&self.program, currency, &lines).min(self.accrued)
    }
}
