//! What differs between two sides, added up by everything that people ask for.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::AddAssign;

use compliance::ledger::{Cuts, Standing};
use compliance::programs::Sums;
use contract::{Code, Currency, Micros, Settlement, Text};

use super::side::{Found, Side, Taken, Takers};

/// A value of both sides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sides<T> {
    pub before: T,
    pub after: T,
}

impl<T> Sides<T> {
    pub fn map<U>(&self, of: impl Fn(&T) -> U) -> Sides<U> {
        Sides { before: of(&self.before), after: of(&self.after) }
    }
}

impl<T: PartialEq> Sides<T> {
    pub fn differ(&self) -> bool {
        self.before != self.after
    }
}

impl Sides<Micros> {
    pub fn difference(&self) -> Micros {
        self.after - self.before
    }
}

/// Standings added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    pub due: Micros,
    /// Lines that count, returns included.
    pub sales: i64,
    /// In millionths.
    pub sold: Sums,
    pub cuts: Cuts,
}

impl AddAssign<&Standing> for Total {
    fn add_assign(&mut self, standing: &Standing) {
        self.due += standing.due;
        self.sales += standing.lines;
        self.sold += standing.sold;
        self.cuts += standing.cuts;
    }
}

/// A settlement of either side.
pub type Pair = Sides<Option<Standing>>;

impl Pair {
    pub fn total(&self) -> Sides<Total> {
        self.map(|standing| {
            let mut total = Total::default();
            standing.iter().for_each(|standing| total += standing);
            total
        })
    }

    pub fn partner(&self) -> Text {
        let standing = self.before.as_ref().or(self.after.as_ref());
        standing.expect("a pair has a side").partner.clone()
    }
}

/// Findings of one code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    pub count: Sides<u64>,
    /// Stand under the proposal only.
    pub come: u64,
    /// Stand without it only.
    pub gone: u64,
    pub at_risk: BTreeMap<Currency, Sides<Micros>>,
}

/// Sales of a group that other programs pay for now.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Move {
    pub group: Text,
    /// Programs that paid, and that would pay: none, one, or several with ` + ` between them.
    pub from: String,
    pub to: String,
    pub currency: Currency,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    pub sales: u64,
    pub due: Sides<Micros>,
}

/// All that differs, and what it is compared with.
#[derive(Debug)]
pub struct Difference {
    /// Every settlement of either side.
    pub settlements: BTreeMap<Settlement, Pair>,
    /// By the text of the code; codes whose findings are all the same are among them.
    pub findings: BTreeMap<&'static str, (Code, Findings)>,
    pub moves: BTreeMap<Move, Moved>,
}

impl Difference {
    pub fn between(before: &Side, after: &Side) -> Difference {
        Difference {
            settlements: settlements(before, after),
            findings: findings(before, after),
            moves: moves(before, after),
        }
    }

    /// Adds up the settlements that have `key` alike, for each currency by itself.
    pub fn by<K: Ord>(&self, key: impl Fn(&Settlement, &Pair) -> K) -> BTreeMap<(K, Currency), Sides<Total>> {
        let mut totals: BTreeMap<(K, Currency), Sides<Total>> = BTreeMap::new();
        for (settlement, pair) in &self.settlements {
            let total = totals.entry((key(settlement, pair), settlement.currency)).or_default();
            pair.before.iter().for_each(|standing| total.before += standing);
            pair.after.iter().for_each(|standing| total.after += standing);
        }
        totals
    }

    /// Settlements whose due differs, by currency, the largest difference first.
    pub fn largest(&self) -> Vec<(&Settlement, &Pair)> {
        let difference = |pair: &Pair| pair.total().map(|total| total.due).difference();
        let mut largest: Vec<_> = self.settlements.iter().filter(|(_, pair)| !difference(pair).is_zero()).collect();
        largest.sort_by_key(|(settlement, pair)| (settlement.currency, Reverse(difference(pair).abs()), *settlement));
        largest
    }

    /// Whether both sides came to the very same.
    pub fn is_empty(&self) -> bool {
        self.settlements.values().all(|pair| !pair.differ())
            && self.findings.values().all(|(_, findings)| findings.is_same())
            && self.moves.is_empty()
    }
}

impl Findings {
    pub fn is_same(&self) -> bool {
        self.come == 0 && self.gone == 0 && self.at_risk.values().all(|risk| !risk.differ())
    }
}

fn settlements(before: &Side, after: &Side) -> BTreeMap<Settlement, Pair> {
    let mut pairs: BTreeMap<Settlement, Pair> = BTreeMap::new();
    for (settlement, standing) in &before.standings {
        pairs.entry(settlement.clone()).or_default().before = Some(standing.clone());
    }
    for (settlement, standing) in &after.standings {
        pairs.entry(settlement.clone()).or_default().after = Some(standing.clone());
    }
    pairs
}

fn findings(before: &Side, after: &Side) -> BTreeMap<&'static str, (Code, Findings)> {
    let mut by_code: BTreeMap<&'static str, (Code, Findings)> = BTreeMap::new();
    let mut of = |found: &Found, note: &dyn Fn(&mut Findings)| {
        note(&mut by_code.entry(found.code.as_str()).or_insert_with(|| (found.code, Findings::default())).1);
    };
    for (id, found) in &before.findings {
        of(found, &|findings| {
            findings.count.before += 1;
            findings.gone += u64::from(!after.findings.contains_key(id));
            if let Some(money) = found.at_risk {
                findings.at_risk.entry(money.currency).or_default().before += money.amount;
            }
        });
    }
    for (id, found) in &after.findings {
        of(found, &|findings| {
            findings.count.after += 1;
            findings.come += u64::from(!before.findings.contains_key(id));
            if let Some(money) = found.at_risk {
                findings.at_risk.entry(money.currency).or_default().after += money.amount;
            }
        });
    }
    by_code
}

fn moves(before: &Side, after: &Side) -> BTreeMap<Move, Moved> {
    let nobody = Takers::default();
    let mut moves: BTreeMap<Move, Moved> = BTreeMap::new();
    let mut note = |taken: &Taken, from: &Takers, to: &Takers| {
        if from.programs == to.programs {
            return;
        }
        let Taken { group, currency, .. } = taken;
        let (from_programs, to_programs) = (from.programs.join(" + "), to.programs.join(" + "));
        let key = Move { group: group.clone(), from: from_programs, to: to_programs, currency: *currency };
        let moved = moves.entry(key).or_default();
        moved.sales += 1;
        moved.due.before += from.due;
        moved.due.after += to.due;
    };
    for (taken, takers) in &before.takers {
        note(taken, takers, after.takers.get(taken).unwrap_or(&nobody));
    }
    for (taken, takers) in after.takers.iter().filter(|(taken, _)| !before.takers.contains_key(taken)) {
        note(taken, &nobody, takers);
    }
    moves
}
