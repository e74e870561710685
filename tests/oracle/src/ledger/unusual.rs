//! What is far above the usual for a beneficiary, and waits where the program says so (docs/rules/outlier.md, OP-52).

use contract::{Measure, Micros, OnUnusual, Program, Settlement};

use super::{Account, Line, Oracle, Phase};
use crate::exact::{Exact, exact, rounded, zero};

/// Lines with which a period has come in as a whole, and how many earlier ones say what is usual.
const LINES: usize = 10;
const FEWEST: usize = 6;
const MOST: usize = 12;

impl Oracle {
    /// What of a frozen settlement is above what is usual, by the earlier periods that have frozen by now.
    pub(super) fn unusual(&self, settlement: &Settlement) -> Micros {
        let account = &self.accounts[settlement];
        if account.program.unusual != OnUnusual::Hold || !account.is_whole() {
            return Micros::ZERO;
        }
        let is_earlier = |(other, its): &(&Settlement, &Account)| {
            (&other.program, &other.beneficiary, other.currency)
                == (&settlement.program, &settlement.beneficiary, settlement.currency)
                && its.phase != Phase::Open
                && !self.freezing.contains(*other)
                && counts_alike(&its.program, &account.program)
                && its.is_whole()
                && its.last < account.last
        };
        let mut earlier: Vec<(&Settlement, &Account)> = self.accounts.iter().filter(is_earlier).collect();
        earlier.sort_by_key(|(settlement, its)| (its.last, settlement.id()));
        let earlier = &earlier[earlier.len().saturating_sub(MOST)..];
        if earlier.len() < FEWEST {
            return Micros::ZERO;
        }
        let sold: Vec<i128> = earlier.iter().map(|(_, its)| its.sold()).collect();
        let (usual, spread) = usual(sold);
        if far_above(account.sold(), usual, spread.max(of(usual.abs()) / of(10))) {
            return account.accrued;
        }
        let shares: Vec<i128> = earlier.iter().map(|(_, its)| its.share_of_the_end()).collect();
        let (usual, spread) = self::usual(shares);
        let share = account.share_of_the_end();
        if far_above(share, usual, spread.max(of(MILLION) / of(20))) {
            return rounded(exact(account.accrued) * of(share - usual) / of(MILLION), settlement.currency);
        }
        Micros::ZERO
    }
}

const MILLION: i128 = 1_000_000;

/// Versions that count the same thing over periods of one length are one history.
fn counts_alike(one: &Program, other: &Program) -> bool {
    (one.mechanism.measure(), one.period) == (other.mechanism.measure(), other.period)
}

impl Account {
    fn is_whole(&self) -> bool {
        self.lines.len() >= LINES
    }

    fn sold(&self) -> i128 {
        self.lines.iter().map(|line| self.measured(line)).sum()
    }

    fn measured(&self, line: &Line) -> i128 {
        i128::from(match self.program.mechanism.measure() {
            Measure::Quantity => line.quantity.0,
            Measure::Amount => line.amount.0,
        })
    }

    /// What the last tenth of the days has of what was sold, whatever came back of it, in whole millionths.
    fn share_of_the_end(&self) -> i128 {
        let days = self.last.0 - self.program.period.range(self.last).0.0 + 1;
        let from = self.last.plus(1 - (days / 10).max(1));
        let comes_back = |line: &&Line| {
            line.quantity < Micros::ZERO || (line.quantity == Micros::ZERO && line.amount < Micros::ZERO)
        };
        let of = |lines: Vec<&Line>| lines.iter().map(|line| self.measured(line)).sum::<i128>();
        let all: Vec<&Line> = self.lines.iter().filter(|line| !comes_back(line)).collect();
        let at_the_end = all.iter().copied().filter(|line| line.day >= from).collect();
        (of(at_the_end).max(0) * MILLION / of(all).max(1)).min(MILLION)
    }
}

/// The one in the middle, of two the whole number below their mean, and how far the others are from it: as a deviation.
fn usual(values: Vec<i128>) -> (i128, Exact) {
    let middle = middle(values.clone());
    let spread = self::middle(values.iter().map(|value| (value - middle).abs()).collect());
    (middle, of(spread) * of(14_826) / of(10_000))
}

fn middle(mut values: Vec<i128>) -> i128 {
    values.sort_unstable();
    let (upper, lower) = (values[values.len() / 2], values[(values.len() - 1) / 2]);
    (upper + lower).div_euclid(2)
}

fn far_above(value: i128, usual: i128, deviation: Exact) -> bool {
    of(value - usual) > of(8) * deviation.max(zero())
}

fn of(whole: i128) -> Exact {
    Exact::from_integer(whole)
}
