//! What an open period accrues by the tier that it is expected to reach, month by month (docs/programs.md, "Accrued by what is
//! expected"; domain notes §4.2-j, §4.2-k). In each month one rate holds for everything sold by its end.

use std::collections::BTreeMap;

use contract::{
    Accrue, Benefit, Currency, Day, Expectation, Measure, Mechanism, Micros, Program, Reference, Rounding, Settlement,
    Tier,
};

use super::{Account, Oracle, Phase, least, under};
use crate::exact::{Exact, exact, rounded_by, zero};
use crate::pricing::{Line, changes, together};

impl Oracle {
    /// At a tick, before it moves time: how much what is expected changes in each month, of all that are open until now.
    pub(super) fn expected(&self, today: Day) -> BTreeMap<Settlement, BTreeMap<Day, Micros>> {
        let reference = self.in_force();
        let open = self.accounts.iter().filter(|(_, account)| account.phase == Phase::Open);
        open.map(|(settlement, account)| (settlement.clone(), account.expected(settlement, today, &reference)))
            .collect()
    }
}

impl Account {
    fn expected(&self, settlement: &Settlement, today: Day, reference: &Reference) -> BTreeMap<Day, Micros> {
        let mut changes = BTreeMap::new();
        let days = self.lines.iter().map(|line| line.day);
        let (Some(first), Some(last), Accrue::Expected) = (days.clone().min(), days.max(), self.program.accrue) else {
            return changes;
        };
        let ends = (first.0..=last.max(today.min(self.last)).last_of_month().0).map(Day);
        let mut before = Micros::ZERO;
        for end in ends.filter(|day| day.last_of_month() == *day) {
            let is_over = self.freezes_on() <= today && end >= self.last;
            let measure = self.known(settlement, end.min(today), reference).filter(|_| !is_over);
            let by = |measure| self.month_end(end, measure, settlement.currency);
            let now = measure.map_or(Micros::ZERO, |measure| (by(Some(measure)) - by(None)).max(Micros::ZERO));
            changes.insert(end.first_of_month(), now - before);
            before = now;
        }
        changes
    }

    /// What was expected of the whole period on a day.
    fn known(&self, settlement: &Settlement, day: Day, reference: &Reference) -> Option<Micros> {
        let is_its = |row: &&Expectation| {
            (&row.program, &row.partner, &row.period) == (&settlement.program, &self.partner, &settlement.period)
                && row.from <= day
        };
        reference.expectations.iter().filter(is_its).max_by_key(|row| row.from).map(|row| row.measure)
    }

    /// What the lines up to a day make due, where more may be expected of the period than they measure.
    fn month_end(&self, end: Day, expected: Option<Micros>, currency: Currency) -> Micros {
        let program = &self.program;
        let sold = together(&self.lines.iter().filter(|line| line.day <= end).cloned().collect::<Vec<Line>>());
        let own = sold.measured(program.mechanism.measure());
        let measured = expected.map_or(own, |expected| own.max(exact(expected)));
        let Some((measure, benefit, rate)) = rate(&program.mechanism, measured) else { return Micros::ZERO };
        let by_lines =
            program.rounding == Rounding::Sale || program.caps.per_unit.or(program.caps.per_transaction).is_some();
        let plain: Exact = if by_lines {
            let tiers = vec![Tier { from: Micros::ZERO, rate }];
            let mechanism = Mechanism::VolumeRetroactive { measure, benefit, tiers };
            let flat = Program { mechanism, ..program.clone() };
            let changes = changes(&flat, currency, &self.covered, &self.lines);
            let until = self.lines.iter().zip(changes).filter(|(line, _)| line.day <= end);
            until.map(|(_, change)| change).sum()
        } else {
            let base = if benefit == Benefit::PerUnit { sold.quantity } else { sold.amount };
            base * exact(rate)
        };
        let band = program.bonus.iter().rfind(|band| exact(band.from) <= plain);
        let whole = plain + plain * band.map_or(zero(), |band| exact(band.rate));
        let met = program.threshold.is_none_or(|threshold| measured >= exact(threshold));
        let earned = if met { under(program.caps.partner_period, whole) } else { zero() };
        rounded_by(least(least(earned, self.year_left), self.budget_left), program.rounding_mode, currency)
    }
}

/// Measure, benefit and the rate on everything where this much is measured.
fn rate(mechanism: &Mechanism, measured: Exact) -> Option<(Measure, Benefit, Micros)> {
    let is_reached = |tier: &&Tier| exact(tier.from) <= measured.max(zero());
    match mechanism {
        Mechanism::VolumeRetroactive { measure, benefit, tiers } => {
            let top = tiers.iter().rfind(is_reached).map_or(Micros::ZERO, |tier| tier.rate);
            Some((*measure, *benefit, top))
        }
        Mechanism::VolumeTotal { measure, benefit, tiers } => {
            Some((*measure, *benefit, tiers.iter().filter(is_reached).map(|tier| tier.rate).sum()))
        }
        _ => None,
    }
}
