//! How much is due: a function of the lines that stand, under the terms of the program.

use contract::{Headroom, Id, Micros, Per, Program};
use stream::{State, StorageError};

use super::account::{Account, Phase, Taken};
use super::lines::{Line, each_lines};
use super::prices::{Extent, Picked, each_price};
use super::tally::Tally;
use crate::programs::caps::{CappedLine, cap_period};
use crate::programs::volume_retroactive::tier_reached;
use crate::programs::{
    Exact, Sums, benefit, benefit_of, bonus, counts_multiples, drawn, fills_up, looks_back, measured, needs_lines,
    threshold_met, tiers,
};

/// What the lines of a settlement earn, not yet rounded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Due {
    /// What all lines up to the end of each month earn together, under threshold, line caps and the period's cap.
    pub by_month: Vec<Exact>,
    /// All lines, before and under the caps on units and transactions.
    pub whole: CappedLine,
    /// The share that a bonus adds to each line's part; `by_month` and `whole` have it in them.
    pub bonus: Micros,
    pub threshold_met: bool,
}

impl Due {
    /// Benefit under threshold and line caps.
    pub fn earned(&self) -> Exact {
        if self.threshold_met { self.whole.after_transaction } else { Exact::ZERO }
    }

    /// The same less what was forgone for good.
    fn standing(&self, account: &Account) -> Exact {
        let earned = self.earned();
        (earned - account.forgone.all()).max(earned.min(Exact::ZERO))
    }

    /// The same under the period's cap.
    pub fn claimed(&self, account: &Account, program: &Program) -> Exact {
        cap_period(program.caps.partner_period, self.standing(account))
    }

    /// The same within what the beneficiary's year leaves.
    pub fn wanted(&self, account: &Account, program: &Program) -> Exact {
        within(self.claimed(account, program), account.year_left)
    }

    /// The same within what the budget leaves.
    pub fn limited(&self, account: &Account, program: &Program) -> Exact {
        within(self.wanted(account, program), account.budget_left)
    }

    /// What the limits on the whole take of what is earned, with what they took for good as far as it is still earned.
    pub fn taken(&self, account: &Account, program: &Program) -> Taken {
        let (standing, claimed) = (self.standing(account), self.claimed(account, program));
        let (wanted, limited) = (self.wanted(account, program), self.limited(account, program));
        let forgone = self.earned() - standing;
        let period = forgone.min(account.forgone.period);
        let year = (forgone - period).min(account.forgone.year);
        Taken {
            period: period + standing - claimed,
            year: year + claimed - wanted,
            budget: forgone - period - year + wanted - limited,
        }
    }

    /// What limits take of a period that freezes is forgone for good; where headroom is given back, only what its own cap does.
    pub fn forgo_at_freeze(&self, account: &mut Account, program: &Program) {
        let taken = self.taken(account, program);
        account.forgone = match program.headroom {
            Headroom::Kept => taken,
            Headroom::GivenBack => Taken { period: taken.period, ..Taken::default() },
        };
    }

    /// Where headroom is given back, what shared limits take of a closed period is forgone for good. What its close let go they take
    /// first, and once.
    pub fn forgo_at_close(&self, account: &mut Account, program: &Program) {
        let is_closed = matches!(account.phase, Phase::Closed { .. });
        let gives_back = program.headroom == Headroom::GivenBack;
        let (claimed, limited) = (self.claimed(account, program), self.limited(account, program));
        if is_closed && gives_back && limited < claimed {
            let whole = |benefit: Exact| benefit.round_by(program.rounding_mode, account.settlement.currency);
            account.keep_let_go(account.let_go() + whole(limited) - whole(claimed));
            account.forgone = self.taken(account, program);
        }
    }

    /// What is left within all limits, and no less than what was drawn on it.
    pub fn unrounded(&self, account: &Account, program: &Program) -> Exact {
        at_least_drawn(self.limited(account, program), account, program)
    }

    /// What is due in the end, rounded once, last.
    pub fn rounded(&self, account: &Account, program: &Program) -> Micros {
        self.unrounded(account, program).round_by(program.rounding_mode, account.settlement.currency)
    }
}

/// A benefit within what a shared limit leaves.
pub(crate) fn within(benefit: Exact, left: Option<Exact>) -> Exact {
    left.map_or(benefit, |left| benefit.min(left))
}

/// What is due of a benefit that draws have taken more from than was expected.
pub(crate) fn at_least_drawn(benefit: Exact, account: &Account, program: &Program) -> Exact {
    match account.drawn.is_zero() {
        true => benefit,
        false => benefit.max(drawn::worth(&program.mechanism, account.drawn)),
    }
}

/// Settles what stands in the account's months; reads lines only where the program needs their order.
pub(crate) fn due(id: Id, account: &Account, program: &Program, state: &mut dyn State) -> Result<Due, StorageError> {
    of_months(id, account, program, None, state)
}

/// What would be due in the end without some of the lines, within the same shared limits, whatever was drawn on it.
pub(crate) fn due_without(
    id: Id,
    account: &Account,
    program: &Program,
    state: &mut dyn State,
    picked: Picked<'_>,
) -> Result<Micros, StorageError> {
    let mut rest = Account { drawn: Micros::ZERO, ..account.clone() };
    each_lines(state, id, account.counted, &mut |lines| {
        for line in lines.iter().filter(|line| picked(line)) {
            let month = month_of(&rest, line);
            rest.months[month].tally = rest.months[month].tally - Tally::counted(line);
        }
    })?;
    Ok(of_months(id, &rest, program, Some(picked), state)?.rounded(&rest, program))
}

fn of_months(
    id: Id,
    account: &Account,
    program: &Program,
    without: Option<Picked<'_>>,
    state: &mut dyn State,
) -> Result<Due, StorageError> {
    let reached = reached_by_month(account);
    let all = reached.last().copied().unwrap_or_default();
    let plain = if needs_lines(program) {
        earned_by_lines(id, account, program, &reached, without, state)?
    } else {
        reached.iter().map(|sums| of_sums(program, *sums)).collect()
    };
    let rates: Vec<Micros> = plain.iter().map(|earned| bonus::rate(&program.bonus, earned.after_transaction)).collect();
    let earned: Vec<CappedLine> =
        plain.into_iter().zip(&rates).map(|(earned, rate)| bonus::added(*rate, earned)).collect();
    let by_month = earned.iter().zip(&reached).map(|(earned, sums)| under_terms(program, earned, *sums)).collect();
    Ok(Due {
        by_month,
        whole: earned.last().copied().unwrap_or_default(),
        bonus: rates.last().copied().unwrap_or_default(),
        threshold_met: threshold_met(program, all),
    })
}

/// Place of the month that a line counts in.
fn month_of(account: &Account, line: &Line) -> usize {
    account.months.partition_point(|month| month.first <= line.day) - 1
}

fn of_sums(program: &Program, sums: Sums) -> CappedLine {
    CappedLine { raw: benefit_of(&program.mechanism, sums), ..CappedLine::plain(benefit(program, sums)) }
}

fn reached_by_month(account: &Account) -> Vec<Sums> {
    let mut sums = Sums::default();
    let months = account.months.iter();
    months
        .map(|month| {
            sums += month.tally.net;
            sums
        })
        .collect()
}

fn under_terms(program: &Program, earned: &CappedLine, reached: Sums) -> Exact {
    if !threshold_met(program, reached) {
        return Exact::ZERO;
    }
    cap_period(program.caps.partner_period, earned.after_transaction)
}

/// Line benefits up to the end of each month.
///
/// Where the band reached says what earlier lines are paid, each month has its own rates: the lines are read once for each
/// tier that some month's end had reached. Where bands, multiples or a capped measure fill up or balances are used up in order, a return
/// empties its sale's place from its own month on: the lines are read once for each month if there are linked returns.
/// Where both is so, always once for each month. Else once is enough.
fn earned_by_lines(
    id: Id,
    account: &Account,
    program: &Program,
    reached: &[Sums],
    without: Option<Picked<'_>>,
    state: &mut dyn State,
) -> Result<Vec<CappedLine>, StorageError> {
    let all = Extent { without, ..Extent::whole(account) };
    let mechanism = &program.mechanism;
    let fills = fills_up(program) || mechanism.resale().is_some() || counts_multiples(mechanism) == Some(Per::Period);
    match (looks_back(mechanism), fills) {
        (true, false) => by_tier(id, account, program, reached, all, state),
        (looks_back, true) if looks_back || account.tally().linked > 0 => {
            by_month(id, account, program, reached, all, state)
        }
        _ => running_totals(id, account, program, all, state),
    }
}

fn by_month(
    id: Id,
    account: &Account,
    program: &Program,
    reached: &[Sums],
    whole: Extent<'_>,
    state: &mut dyn State,
) -> Result<Vec<CappedLine>, StorageError> {
    let mut earned = Vec::with_capacity(reached.len());
    for (month, all) in account.months.iter().zip(reached) {
        let extent = Extent { all: *all, until: month.first.last_of_month(), ..whole };
        earned.extend(running_totals(id, account, program, extent, state)?.pop());
    }
    Ok(earned)
}

fn by_tier(
    id: Id,
    account: &Account,
    program: &Program,
    reached: &[Sums],
    whole: Extent<'_>,
    state: &mut dyn State,
) -> Result<Vec<CappedLine>, StorageError> {
    let tiers = tiers(&program.mechanism);
    let tier_of: Vec<usize> = reached.iter().map(|sums| tier_reached(tiers, measured(program, *sums))).collect();
    let mut earned = vec![CappedLine::default(); reached.len()];
    for (i, tier) in tier_of.iter().enumerate() {
        if tier_of[..i].contains(tier) {
            continue;
        }
        let extent = Extent { all: reached[i], ..whole };
        let totals = running_totals(id, account, program, extent, state)?;
        for (month, _) in tier_of.iter().enumerate().filter(|(_, other)| *other == tier) {
            earned[month] = totals[month];
        }
    }
    Ok(earned)
}

/// What all lines up to the end of each month earn together.
fn running_totals(
    id: Id,
    account: &Account,
    program: &Program,
    extent: Extent<'_>,
    state: &mut dyn State,
) -> Result<Vec<CappedLine>, StorageError> {
    let mut totals = vec![CappedLine::default(); account.months.len()];
    each_price(id, account, program, extent, state, &mut |line, price| {
        let month = month_of(account, line);
        totals[month] = totals[month].plus(price);
    })?;
    for i in 1..totals.len() {
        totals[i] = totals[i].plus(totals[i - 1]);
    }
    Ok(totals)
}
