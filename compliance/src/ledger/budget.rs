//! A limit that several settlements share: the budget of a program version, the cap of a beneficiary's year.
//!
//! Whoever sold first, in (date, sale) order, is paid first: what is too much is cut off the last earnings; or the settlements of the
//! day on which that ends share what it leaves in proportion, where the program says so ([`Ties`]). A step down (a return) takes
//! back the settlement's latest earnings, so that the total paid is always the lower of limit and demand. What was authorised at an
//! earlier control is never cut. Where the program gives headroom back (domain notes §4.4), that is so only for what is due ever
//! since, and what was let go at a close is cut before anything else.

use contract::{Day, Headroom, Id, Micros, Program, Ties};
use stream::{State, StorageError};

use super::account::Account;
use super::due::{Due, at_least_drawn};
use super::prices::{Extent, each_price};
use super::tables::SUMS;
use super::{lines::each_list, tally::Tally};
use crate::programs::allocation::{Bounded, by_largest_remainder_behind, in_proportion_within};
use crate::programs::caps::cap_period;
use crate::programs::exact::minor_unit;
use crate::programs::{Exact, Sums, line_benefit, needs_lines};

/// A settlement that wants its share of the limit.
pub(crate) struct Claimant<'a> {
    pub id: Id,
    pub account: &'a Account,
    /// The terms that hold for this settlement.
    pub program: &'a Program,
    pub due: &'a Due,
    /// What it wants of the limit: what the other limits leave of what it earns.
    pub wanted: Exact,
}

impl Claimant<'_> {
    /// What it wants in whole minor units; below zero where more came back than was sold.
    fn asked(&self) -> Exact {
        self.in_whole_units(self.wanted)
    }

    fn in_whole_units(&self, benefit: Exact) -> Exact {
        Exact::from(benefit.round_by(self.program.rounding_mode, self.account.settlement.currency))
    }

    fn demand(&self) -> Exact {
        self.asked().max(Exact::ZERO)
    }

    /// What was authorised; where headroom is given back, only as far as it was due when the settlement was looked at last and
    /// still is.
    fn reserved(&self) -> Exact {
        let authorised = Exact::from(self.account.authorised).max(Exact::ZERO);
        if self.program.headroom == Headroom::Kept {
            return authorised;
        }
        let still = self.in_whole_units(at_least_drawn(self.demand(), self.account, self.program));
        authorised.min(Exact::from(self.account.accrued)).min(still).max(Exact::ZERO)
    }

    /// What the close let go for others, but for what other limits have taken: they take it first, too.
    fn let_go(&self) -> Exact {
        let claimed = self.in_whole_units(self.due.claimed(self.account, self.program));
        let taken = claimed.max(Exact::ZERO) - self.demand();
        (Exact::from(self.account.let_go()) - taken).max(Exact::ZERO)
    }
}

/// What the limit leaves for each claimant; `None` where it takes nothing away.
///
/// What was authorised may lie above its part by what that was rounded up. It binds only where less would be left in whole units, so
/// that an order alone never moves a cent between others.
pub(crate) fn share_limit(
    (limit, ties): (Micros, Ties),
    claimants: &[Claimant<'_>],
    state: &mut dyn State,
) -> Result<Vec<Option<Exact>>, StorageError> {
    let mut cutting = Cutting::new((limit, ties), claimants);
    if cutting.excess == Exact::ZERO {
        return Ok(vec![None; claimants.len()]);
    }
    cutting.cut_what_was_let_go(claimants);
    let steps = daily_steps(claimants, state)?;
    loop {
        let mut tried = cutting.clone();
        tried.cut_days(&steps, claimants, state)?;
        let limits = tried.limits(claimants);
        let below: Vec<usize> = (0..claimants.len()).filter(|at| tried.shares[*at].is_bound_by(limits[*at])).collect();
        if below.is_empty() {
            return Ok(limits);
        }
        below.into_iter().for_each(|at| cutting.shares[at].binds = true);
    }
}

/// By how much a settlement's benefit moved on one day, or with one line.
struct Step {
    day: Day,
    sale: Id,
    claimant: usize,
    change: Exact,
}

#[derive(Clone)]
struct Share {
    wanted: Exact,
    reserved: Exact,
    /// Later steps down, and cents lost in rounding, that earlier earnings must still make good.
    debt: Exact,
    /// The same of later steps down alone.
    back: Exact,
    cut: Exact,
    /// Whether what was authorised binds to the last of it, and not but for less than a minor unit.
    binds: bool,
    /// The minor unit.
    unit: Exact,
}

/// What is left of a step, walking backwards in time.
struct Part {
    /// Of what it earned.
    earned: Exact,
    /// Of what it is asked for.
    asked: Exact,
    /// What of that may be cut.
    cuttable: Exact,
}

impl Share {
    fn part(&mut self, change: Exact) -> Part {
        let asked = made_good(&mut self.debt, change);
        let earned = made_good(&mut self.back, change).max(asked);
        let cuttable = asked.min((self.wanted - self.least() - self.cut).max(Exact::ZERO));
        Part { earned, asked, cuttable }
    }

    /// What it is left at least, before that is rounded.
    fn least(&self) -> Exact {
        let rounded_up = if self.binds { Exact::ZERO } else { self.unit };
        (self.reserved - rounded_up).max(Exact::ZERO)
    }

    fn left(&self) -> Exact {
        self.wanted - self.cut
    }

    fn is_cut(&self) -> bool {
        self.cut > Exact::ZERO
    }

    /// Whether less would be left in whole units than was authorised, though more may be.
    fn is_bound_by(&self, limit: Option<Exact>) -> bool {
        !self.binds && limit.is_some_and(|limit| limit < self.reserved)
    }

    fn cuttable(&mut self, change: Exact) -> Exact {
        self.part(change).cuttable
    }
}

/// What a step leaves once it has made good what it must.
fn made_good(debt: &mut Exact, change: Exact) -> Exact {
    let rest = *debt - change;
    *debt = rest.max(Exact::ZERO);
    (-rest).max(Exact::ZERO)
}

#[derive(Clone)]
struct Cutting {
    ties: Ties,
    excess: Exact,
    shares: Vec<Share>,
}

impl Cutting {
    fn new((limit, ties): (Micros, Ties), claimants: &[Claimant<'_>]) -> Cutting {
        let share = |claimant: &Claimant<'_>| {
            let asked = claimant.asked();
            let reached = cap_period(claimant.program.caps.partner_period, claimant.due.earned());
            let (wanted, reserved) = (claimant.demand(), claimant.reserved());
            let unit = Exact(minor_unit(claimant.account.settlement.currency));
            Share { wanted, reserved, debt: reached - asked, back: Exact::ZERO, cut: Exact::ZERO, binds: false, unit }
        };
        let shares: Vec<Share> = claimants.iter().map(share).collect();
        let demand: Exact = shares.iter().map(|share| share.wanted.max(share.reserved)).sum();
        let excess = (demand - in_whole_units(limit, claimants)).max(Exact::ZERO);
        Cutting { ties, excess, shares }
    }

    /// Cuts what closed periods have let go, of the latest one first.
    fn cut_what_was_let_go(&mut self, claimants: &[Claimant<'_>]) {
        let mut latest_first: Vec<usize> = (0..claimants.len()).collect();
        latest_first.sort_by_key(|at| std::cmp::Reverse((claimants[*at].account.last_day, *at)));
        for at in latest_first {
            let share = &mut self.shares[at];
            let let_go = claimants[at].let_go();
            let cut = let_go.min(share.wanted - share.reserved).min(self.excess).max(Exact::ZERO);
            share.cut += cut;
            share.debt += cut;
            self.excess -= cut;
        }
    }

    /// What is left of each demand that was cut, in whole minor units: they add up to the limit. Rounded up are first those of which as
    /// much was authorised.
    fn limits(&self, claimants: &[Claimant<'_>]) -> Vec<Option<Exact>> {
        let Some(currency) = claimants.first().map(|claimant| claimant.account.settlement.currency) else {
            return Vec::new();
        };
        let cut: Vec<&Share> = self.shares.iter().filter(|share| share.is_cut()).collect();
        let left: Vec<Exact> = cut.iter().map(|share| share.left()).collect();
        let total = left.iter().copied().sum::<Exact>().round(currency);
        let is_authorised = |at: usize| cut[at].reserved > left[at];
        let mut rounded = by_largest_remainder_behind(is_authorised, &left, total, currency).into_iter();
        let limit = |share: &Share| share.is_cut().then(|| Exact::from(rounded.next().expect("as many as are cut")));
        self.shares.iter().map(limit).collect()
    }

    /// Cuts the last days, until nothing is too much.
    fn cut_days(
        &mut self,
        steps: &[Step],
        claimants: &[Claimant<'_>],
        state: &mut dyn State,
    ) -> Result<(), StorageError> {
        for day in steps.chunk_by(|a, b| a.day == b.day) {
            if self.excess == Exact::ZERO {
                break;
            }
            self.cut_day(day, claimants, state)?;
        }
        Ok(())
    }

    /// Cuts a whole day where that is not too much, else its last lines, or of each settlement its part.
    fn cut_day(&mut self, day: &[Step], claimants: &[Claimant<'_>], state: &mut dyn State) -> Result<(), StorageError> {
        let before = self.shares.clone();
        let cuts: Vec<Exact> = day.iter().map(|step| self.shares[step.claimant].cuttable(step.change)).collect();
        let total: Exact = cuts.iter().copied().sum();
        if total <= self.excess {
            for (step, cut) in day.iter().zip(cuts) {
                self.shares[step.claimant].cut += cut;
            }
            self.excess -= total;
            return Ok(());
        }
        self.shares = before;
        if self.ties == Ties::ProRata {
            self.share_day(day);
            return Ok(());
        }
        for step in line_steps(day, claimants, state)? {
            let share = &mut self.shares[step.claimant];
            let cut = share.cuttable(step.change).min(self.excess);
            share.cut += cut;
            self.excess -= cut;
        }
        Ok(())
    }

    /// Leaves each settlement of the day in proportion to what it earned on it, and no less than what was authorised of that; what is
    /// left in all.
    fn share_day(&mut self, day: &[Step]) {
        let parts: Vec<Part> = day.iter().map(|step| self.shares[step.claimant].part(step.change)).collect();
        let left = parts.iter().map(|part| part.asked).sum::<Exact>() - std::mem::take(&mut self.excess);
        let bounded = |part: &Part| Bounded {
            weight: part.earned.to_micros(),
            least: part.asked - part.cuttable,
            most: part.asked,
        };
        let bounded: Vec<Bounded> = parts.iter().map(bounded).collect();
        for ((step, part), left) in day.iter().zip(&parts).zip(in_proportion_within(left, &bounded)) {
            self.shares[step.claimant].cut += part.asked - left;
        }
    }
}

/// The limit without what is smaller than a minor unit.
fn in_whole_units(limit: Micros, claimants: &[Claimant<'_>]) -> Exact {
    let digits = claimants.first().map_or(6, |claimant| claimant.account.settlement.currency.minor_digits());
    let unit = 10_i64.pow(6 - digits);
    Exact::from(Micros(limit.0 - limit.0.rem_euclid(unit)))
}

/// Steps of all claimants by day, the last day first.
fn daily_steps(claimants: &[Claimant<'_>], state: &mut dyn State) -> Result<Vec<Step>, StorageError> {
    let mut steps = Vec::new();
    for (claimant, Claimant { id, account, program, due, .. }) in claimants.iter().enumerate() {
        let mut path = Path::new(program, due);
        if needs_lines(program) || account.lists_months() || account.tally().linked > 0 {
            each_price(*id, account, program, Extent::whole(account), state, &mut |line, price| {
                let (change, day) = (path.add(price.after_transaction), line.day);
                push_daily(&mut steps, Step { day, sale: line.sale, claimant, change });
            })?;
        } else {
            let (mut before, all) = (Sums::default(), account.tally().net);
            each_list(state, SUMS.id(), *id, &mut |day, bytes| {
                let sums = SUMS.decode(bytes).map(|tally: Tally| tally.net)?;
                let change = path.add(line_benefit(program, before, sums, all));
                before += sums;
                steps.push(Step { day, sale: *id, claimant, change });
                Ok(())
            })?;
        }
    }
    steps.sort_by_key(|step| (std::cmp::Reverse(step.day), step.claimant));
    Ok(steps)
}

/// Keeps one step for each claimant and day.
fn push_daily(steps: &mut Vec<Step>, step: Step) {
    match steps.last_mut() {
        Some(last) if last.day == step.day && last.claimant == step.claimant => last.change += step.change,
        _ => steps.push(step),
    }
}

/// Steps of one day by line, the last line first.
fn line_steps(day: &[Step], claimants: &[Claimant<'_>], state: &mut dyn State) -> Result<Vec<Step>, StorageError> {
    let (mut steps, day_cut) = (Vec::new(), day[0].day);
    for claimant in day.iter().map(|step| step.claimant) {
        let Claimant { id, account, program, due, .. } = &claimants[claimant];
        let mut path = Path::new(program, due);
        each_price(*id, account, program, Extent::whole(account), state, &mut |line, price| {
            let change = path.add(price.after_transaction);
            if line.day == day_cut {
                steps.push(Step { day: line.day, sale: line.sale, claimant, change });
            }
        })?;
    }
    steps.sort_by_key(|step| std::cmp::Reverse((step.sale, step.claimant)));
    Ok(steps)
}

/// A benefit that grows under the period's cap.
struct Path {
    cap: Option<Micros>,
    /// The share that a bonus adds to each step.
    bonus: Micros,
    earned: Exact,
}

impl Path {
    fn new(program: &Program, due: &Due) -> Path {
        Path { cap: program.caps.partner_period, bonus: due.bonus, earned: Exact::ZERO }
    }

    /// By how much the capped benefit changes.
    fn add(&mut self, benefit: Exact) -> Exact {
        let old = cap_period(self.cap, self.earned);
        self.earned += benefit + benefit.share(self.bonus);
        cap_period(self.cap, self.earned) - old
    }
}
