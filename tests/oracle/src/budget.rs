//! A limit among settlements that share it, a budget or the cap of a year: who sold first is paid first (domain notes §4.4).

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use contract::{Currency, Day, Id, Micros, RoundingMode, Ties};

use crate::exact::{Exact, exact, floored, rounded, rounded_by, to_millionths, zero};

/// A settlement that wants its share.
pub struct Claim<'a> {
    /// What it wants in the end, unrounded, what it gave up for good left out.
    pub wanted: Exact,
    /// How that is rounded.
    pub mode: RoundingMode,
    /// What it had reached before it gave that up.
    pub reached: Exact,
    /// What was authorised and is due ever since.
    pub reserved: Micros,
    /// What its close let go.
    pub let_go: Micros,
    /// Last day of its period.
    pub last: Day,
    /// By how much each line moves what it has reached, in order.
    pub steps: &'a [(Day, Id, Exact)],
}

/// How far a claim is cut, walking back in time.
#[derive(Clone)]
struct Cut {
    /// What earlier earnings must still make good: later steps down, what was given up, cents lost in rounding.
    debt: Exact,
    /// The same of later steps down alone.
    back: Exact,
    /// What may be cut at most: nothing that was authorised, but for what that may have been rounded up.
    open: Exact,
    cut: Exact,
}

impl Cut {
    fn meet(&mut self, change: Exact, at_most: Exact) -> Exact {
        self.back = (self.back - change).max(zero());
        self.debt -= change;
        if !self.debt.is_negative() {
            return zero();
        }
        let taken = (-self.debt).min(self.open - self.cut).min(at_most).max(zero());
        self.debt = zero();
        self.cut += taken;
        taken
    }
}

/// What the budget leaves for each claim; `None` where it takes nothing away.
///
/// What closed periods have let go is cut first, of the latest one first. What is still too much is cut off the last days. A
/// day's steps count together; only on the day on which the cut ends are they cut one by one, the last in (sale, claim) order
/// first, or pro rata.
pub fn shared(budget: Micros, ties: Ties, currency: Currency, claims: &[Claim<'_>]) -> Vec<Option<Exact>> {
    let asked = |claim: &Claim<'_>| exact(rounded_by(claim.wanted, claim.mode, currency));
    let wanted: Vec<Exact> = claims.iter().map(|claim| asked(claim).max(zero())).collect();
    let reserved: Vec<Exact> = claims.iter().map(|claim| exact(claim.reserved).max(zero())).collect();
    let demand: Exact = wanted.iter().zip(&reserved).map(|(wanted, reserved)| *wanted.max(reserved)).sum();
    let mut excess = demand - floored(exact(budget), currency);
    if !excess.is_positive() {
        return vec![None; claims.len()];
    }
    let open = |at: usize, authorised: Exact| (wanted[at] - authorised).max(zero());
    let cut = |at: usize| {
        let debt = claims[at].reached - asked(&claims[at]);
        Cut { debt, back: zero(), open: open(at, reserved[at]), cut: zero() }
    };
    let mut cuts: Vec<Cut> = (0..claims.len()).map(cut).collect();
    let mut closed: Vec<usize> = (0..claims.len()).collect();
    closed.sort_by_key(|at| (claims[*at].last, *at));
    for at in closed.into_iter().rev() {
        let let_go = exact(claims[at].let_go).min(cuts[at].open).min(excess);
        cuts[at].debt += let_go;
        cuts[at].cut += let_go;
        excess -= let_go;
    }
    // What was authorised of a part that was rounded up is no more than its part, so that the same is shared in the same way again.
    let unit = Exact::new(1, 10_i128.pow(currency.minor_digits()));
    let mut firm = BTreeSet::new();
    loop {
        for (at, cut) in cuts.iter_mut().enumerate() {
            let but_for = if firm.contains(&at) { zero() } else { unit };
            cut.open = open(at, (reserved[at] - but_for).max(zero()));
        }
        let cut: Vec<Exact> =
            last_days_cut(ties, claims, cuts.clone(), excess).into_iter().map(|cut| cut.cut).collect();
        let limits = in_whole_units(&wanted, &cut, &reserved, currency);
        let is_below = |at: &usize| limits[*at].is_some_and(|limit| limit < reserved[*at]) && !firm.contains(at);
        let below: Vec<usize> = (0..claims.len()).filter(is_below).collect();
        if below.is_empty() {
            return limits;
        }
        firm.extend(below);
    }
}

/// Cuts day by day, the last first, until no more is too much.
fn last_days_cut(ties: Ties, claims: &[Claim<'_>], mut cuts: Vec<Cut>, mut excess: Exact) -> Vec<Cut> {
    let days: BTreeSet<Day> = claims.iter().flat_map(|claim| claim.steps.iter().map(|(day, ..)| *day)).collect();
    for day in days.into_iter().rev() {
        if excess.is_zero() {
            break;
        }
        match cut_day(day, ties, claims, &mut cuts, excess) {
            ControlFlow::Continue(taken) => excess -= taken,
            ControlFlow::Break(nets) => {
                cut_pro_rata(&nets, &mut cuts, excess);
                break;
            }
        }
    }
    cuts
}

/// What settlements earned on a day, net.
type Nets = Vec<(usize, Exact)>;

/// Cuts one day and says how much was cut; nothing yet of a day that is shared pro rata, with what each earned on it.
fn cut_day(day: Day, ties: Ties, claims: &[Claim<'_>], cuts: &mut Vec<Cut>, excess: Exact) -> ControlFlow<Nets, Exact> {
    let mut whole = cuts.clone();
    let (mut steps, mut nets) = (Vec::new(), Vec::new());
    for (at, claim) in claims.iter().enumerate() {
        let of_day: Vec<_> = claim.steps.iter().filter(|(of, ..)| *of == day).collect();
        if !of_day.is_empty() {
            let net: Exact = of_day.iter().map(|(_, _, change)| *change).sum();
            nets.push((at, net));
            whole[at].meet(net, claim_all());
            steps.extend(of_day.into_iter().map(|(_, sale, change)| (*sale, at, *change)));
        }
    }
    let taken = |after: &[Cut], before: &[Cut]| -> Exact {
        after.iter().zip(before).map(|(after, before)| after.cut - before.cut).sum()
    };
    let total = taken(&whole, cuts);
    if total <= excess {
        *cuts = whole;
        return ControlFlow::Continue(total);
    }
    if ties == Ties::ProRata {
        return ControlFlow::Break(nets);
    }
    steps.sort_by_key(|(sale, at, _)| (*sale, *at));
    let mut left = excess;
    for (_, at, change) in steps.into_iter().rev() {
        left -= cuts[at].meet(change, left);
    }
    ControlFlow::Continue(excess - left)
}

/// What one has of a day, as a share of what it has earned on it: no less than what was authorised of it, no more than it asks for.
struct Tie {
    at: usize,
    earned: Exact,
    least: Exact,
    most: Exact,
}

impl Tie {
    fn has(&self, share: Exact) -> Exact {
        (share * self.earned).max(self.least).min(self.most)
    }
}

/// Leaves all the same share of what they have earned on a day, within their bounds, so that so much is cut.
///
/// Up to which share the next bound is met is tried one by one; above the last that is not too much what is left goes to those that no
/// bound holds there.
fn cut_pro_rata(nets: &[(usize, Exact)], cuts: &mut [Cut], excess: Exact) {
    let tie = |(at, net): &(usize, Exact)| {
        let cut = &cuts[*at];
        let most = (*net - cut.debt).max(zero());
        let earned = to_millionths((*net - cut.back).max(most));
        let authorised = most - most.min((cut.open - cut.cut).max(zero()));
        Tie { at: *at, earned, least: authorised, most }
    };
    let ties: Vec<Tie> = nets.iter().map(tie).collect();
    let left = ties.iter().map(|tie| tie.most).sum::<Exact>() - excess;
    let all_at = |share: Exact| ties.iter().map(|tie| tie.has(share)).sum::<Exact>();
    let bounds = |tie: &Tie| [tie.least / tie.earned, tie.most / tie.earned];
    let bounds = ties.iter().filter(|tie| tie.earned.is_positive()).flat_map(bounds);
    let share = bounds.filter(|share| all_at(*share) <= left).fold(zero(), std::cmp::Ord::max);
    let is_open = |tie: &&Tie| tie.least <= share * tie.earned && share * tie.earned < tie.most;
    let open: Exact = ties.iter().filter(is_open).map(|tie| tie.earned).sum();
    let rest = left - all_at(share);
    let further = if open.is_positive() { rest / open } else { zero() };
    for tie in &ties {
        let has = if is_open(&tie) { tie.has(share + further) } else { tie.has(share) };
        cuts[tie.at].cut += tie.most - has;
    }
}

/// More than any budget.
fn claim_all() -> Exact {
    Exact::from_integer(i128::from(i64::MAX))
}

/// What is left of the demands that were cut, in whole minor units that add up: rounded up are those that were authorised more than
/// their whole units, then those of the largest remainders.
fn in_whole_units(wanted: &[Exact], cut: &[Exact], reserved: &[Exact], currency: Currency) -> Vec<Option<Exact>> {
    let left: Vec<(usize, Exact)> = (0..cut.len())
        .filter(|claim| cut[*claim].is_positive())
        .map(|claim| (claim, wanted[claim] - cut[claim]))
        .collect();
    let total = exact(rounded(left.iter().map(|(_, left)| *left).sum(), currency));
    let mut whole: Vec<Exact> = left.iter().map(|(_, left)| floored(*left, currency)).collect();
    let unit = Exact::new(1, 10_i128.pow(currency.minor_digits()));
    let mut missing = ((total - whole.iter().sum::<Exact>()) / unit).to_integer();
    let mut order: Vec<usize> = (0..left.len()).collect();
    let rank = |place: usize| {
        let (claim, exactly) = left[place];
        let remainder = exactly - whole[place];
        (remainder.is_positive() && reserved[claim] > whole[place], remainder)
    };
    order.sort_by_key(|place| std::cmp::Reverse(rank(*place)));
    for place in order {
        if missing > 0 {
            whole[place] += unit;
            missing -= 1;
        }
    }
    let mut limits = vec![None; cut.len()];
    left.iter().zip(whole).for_each(|((claim, _), whole)| limits[*claim] = Some(whole));
    limits
}
