//! What becomes of claim lines (docs/claims.md; domain notes §2.3): at each tick all that stand are judged anew, for one
//! program, beneficiary, period and currency together.
//!
//! Beside what was sent only what was done is remembered: what was ordered for a line, and what persons have said.

use std::collections::{BTreeMap, BTreeSet};

use contract::{
    BelowDue, ClaimAction, ClaimLine, ClaimQueue, ClaimState, Code, Command, Currency, Day, Denial, Id, Micros,
    Program, Reference, Settlement, Text, Unreviewed,
};

use crate::decisions::{Said, Word};
use crate::exact::exact;
use crate::ledger::{Oracle, Order, version};
use crate::provable::{Case, Pot, Standing, Verdict, Why, judged};
use crate::scope::{Scope, refused};

/// A claim line as readers see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub state: ClaimState,
    pub claimed: Micros,
    /// What of it may be paid.
    pub approved: Micros,
    /// What of it was ordered to be paid.
    pub authorised: Micros,
    /// Why not all of it is paid.
    pub codes: BTreeSet<Code>,
    /// Why a person must decide about it, and until when.
    pub queue: Option<ClaimQueue>,
    pub decide_by: Option<Day>,
}

/// What claims are shared over: the settlements of all versions of a program.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    pub program: Text,
    pub beneficiary: Text,
    pub period: Text,
    pub currency: Currency,
}

impl Group {
    fn of(line: &ClaimLine, program: &Program) -> Group {
        Group {
            program: line.program.clone(),
            beneficiary: line.beneficiary.clone(),
            period: program.period.label(line.date).into(),
            currency: line.currency,
        }
    }

    fn of_denial(denial: &Denial, program: &Program) -> Group {
        Group {
            program: denial.program.clone(),
            beneficiary: denial.beneficiary.clone(),
            period: program.period.label(denial.date).into(),
            currency: denial.currency,
        }
    }

    fn id(&self) -> Id {
        Id::of("claimed", &[&self.program, &self.beneficiary, &self.period, self.currency.as_str()])
    }

    pub fn has(&self, settlement: &Settlement) -> bool {
        let Settlement { program, beneficiary, period, currency, .. } = settlement;
        (&self.program, &self.beneficiary, &self.period, self.currency) == (program, beneficiary, period, *currency)
    }
}

/// The id that readers know a line by: one that claims something of another program or period is another line.
pub fn claim_id(line: &ClaimLine, known: &Reference) -> Option<Id> {
    Some(id_in(line, &Group::of(line, version(known, &line.program, line.date)?)))
}

fn id_in(line: &ClaimLine, group: &Group) -> Id {
    Id::of("claim line", &[&line.id.to_string(), &group.id().to_string()])
}

/// A settlement that lines of a group may be paid from.
pub struct Purse {
    pub settlement: Settlement,
    /// Due and not ordered, and what holds leave of it.
    pub owed: Micros,
    pub free: Micros,
    /// What holds some of it.
    pub holds: BTreeSet<Code>,
    /// Frozen, and paid by claim: without that nothing is ordered here.
    pub pays: bool,
    pub minimum: Option<Micros>,
}

/// Follows the claims of a history.
#[derive(Default)]
pub struct Claims {
    lines: BTreeMap<Id, Line>,
    /// What is said of sales that earn nothing.
    denied: BTreeMap<(Group, Id), Denial>,
}

struct Line {
    group: Group,
    /// By version, with whether it stands.
    versions: BTreeMap<u32, (ClaimLine, bool)>,
    /// The version that a tick judged last.
    judged: Option<ClaimLine>,
    /// By the version that ordered it.
    ordered: BTreeMap<u32, Micros>,
    /// The control of the first order.
    first_order: Option<u64>,
    /// The control that first kept something for it of a frozen period, as long as a person may let it be paid or has done so.
    first_kept: Option<u64>,
    /// What was ordered above what it claims, because that was near enough.
    raised: Micros,
    /// What a person must decide about, found by the ticks in a row up to the last one.
    wait: Option<Wait>,
    /// Whether, before the last tick, somebody could have decided in time about it.
    was_awaited: bool,
    said: Said,
    seen: Option<Seen>,
}

/// That a line is on hold, or would be if that had not taken too long.
#[derive(Clone, Debug)]
struct Wait {
    queue: ClaimQueue,
    /// Those that are held, where it is for that.
    sales: BTreeSet<Id>,
    since: Day,
    until: Option<Day>,
}

impl Line {
    /// The newest that stands, else the newest that stood.
    fn newest(&self) -> (&ClaimLine, bool) {
        let standing = self.versions.values().rfind(|(_, stands)| *stands);
        let (line, stands) = standing.or(self.versions.values().next_back()).expect("a line was sent once at least");
        (line, *stands)
    }

    fn is_gone(&self) -> bool {
        !self.newest().1
    }

    fn ordered(&self) -> Micros {
        self.ordered.values().copied().sum()
    }

    fn claimed(&self) -> Micros {
        self.said.resubmitted.unwrap_or(self.newest().0.amount)
    }

    /// The control in force when as much as now was first claimed.
    fn age(&self) -> u64 {
        let newest = self.newest().0;
        let as_much = self.versions.values().filter(|(line, _)| line.amount >= newest.amount);
        as_much.map(|(line, _)| line.stamp).min().expect("the newest is one of them")
    }

    /// The file and record by which as much as now was first claimed.
    fn sent(&self) -> (u32, u32) {
        let newest = self.newest().0;
        let as_much = self.versions.values().filter(|(line, _)| line.amount >= newest.amount);
        as_much.map(|(line, _)| (line.at.file_no, line.at.record_no)).min().expect("the newest is one of them")
    }

    /// Where it claims something else than at the last tick, not all that persons said of it stands.
    fn take_up(&mut self) {
        let newest = self.newest().0.clone();
        let says = |line: &ClaimLine| {
            let about = [&line.document, &line.product, &line.authorisation].map(Text::clone);
            (line.amount, line.quantity, line.unit, about)
        };
        if self.judged.as_ref().is_some_and(|judged| says(judged) != says(&newest)) {
            self.said = self.said.of_another_claim();
            if self.said.word.is_none_or(|word| word == Word::ClaimedAnew) {
                self.wait = None;
            }
            if self.said.word.is_none() {
                self.raised = Micros::ZERO;
            }
        }
        self.judged = Some(newest);
    }
}

/// A line at a tick.
struct Turn<'a> {
    id: Id,
    line: &'a mut Line,
    /// The terms that it is judged by.
    programs: Vec<Program>,
    frozen: bool,
    /// What it is for.
    scope: Scope,
    /// What of sales it may draw on; one for the period is for all that is due.
    pots: BTreeSet<Pot>,
    /// What keeps that from earning, or sales of the period.
    why: Why,
    /// Another line has some of what is due for the same.
    has_rival: bool,
    /// Some of that is kept for a line that a person decides about.
    is_awaited: bool,
    verdict: Verdict,
    approved: Micros,
    /// Kept for it while a person decides.
    kept: Micros,
    /// What was ordered for it where that is due still.
    had: Micros,
    /// Why what is approved is not ordered.
    waits: BTreeSet<Code>,
}

impl Turn<'_> {
    /// Something may still be ordered for it.
    fn is_open(&self) -> bool {
        self.verdict.state == ClaimState::Valid && !self.line.is_gone()
    }

    /// Nothing more comes of it.
    fn is_final(&self) -> bool {
        self.frozen && !self.is_awaited
    }

    /// What it has, or is to have if a person lets it go.
    fn takes(&self) -> Micros {
        self.approved + self.kept
    }

    /// Of what is due, for whatever.
    fn has_some(&self) -> bool {
        self.takes() > Micros::ZERO || self.had > self.approved
    }

    /// What was ordered for it. Where its sale went from one version to another, what is owed back to the first one counts no more.
    fn counts(&self) -> Micros {
        if self.line.ordered.len() > 1 { self.had } else { self.line.ordered() }
    }

    fn gets_all_it_claims(&self) -> bool {
        self.is_open() && self.approved == self.line.claimed() + self.line.raised
    }

    /// How far a claim may be from so much; with `raising` by those terms alone that pay what is due.
    fn tolerance(&self, around: Micros, raising: bool) -> Option<Micros> {
        let terms = self.programs.iter().filter_map(|program| program.paid.claims());
        let tolerances = terms.map(|terms| terms.tolerance);
        let applying = tolerances.filter(|tolerance| !raising || tolerance.below == BelowDue::Calculated);
        applying.map(|tolerance| tolerance.around(around)).max()
    }
}

/// Lines that something was ordered or kept for come first, the oldest in front; then those that name a sale, as they were sent;
/// then the others, by the days that they name and as they were sent.
fn served(lines: &BTreeMap<Id, Line>, group: &Group) -> Vec<Id> {
    let of_group = lines.iter().filter(|(_, line)| line.group == *group);
    let place = |(id, line): (&Id, &Line)| {
        let newest = line.newest().0;
        let day = if newest.sale.is_some() { None } else { Some(newest.date) };
        let since = [line.first_order, line.first_kept].into_iter().flatten().min();
        (since.unwrap_or(u64::MAX), day, line.sent(), *id)
    };
    let mut order: Vec<_> = of_group.map(place).collect();
    order.sort_unstable();
    order.into_iter().map(|(.., id)| id).collect()
}

impl Claims {
    /// A line comes or goes; `program` says what it claims of.
    pub fn hear(&mut self, line: &ClaimLine, program: &Program, stands: bool) {
        let group = Group::of(line, program);
        let id = id_in(line, &group);
        let new = || Line {
            group,
            versions: BTreeMap::new(),
            judged: None,
            ordered: BTreeMap::new(),
            first_order: None,
            first_kept: None,
            raised: Micros::ZERO,
            wait: None,
            was_awaited: false,
            said: Said::default(),
            seen: None,
        };
        let entry = self.lines.entry(id).or_insert_with(new);
        let before = entry.versions.insert(line.version, (line.clone(), stands));
        let came = before.filter(|(_, stands)| *stands).map(|(line, _)| line);
        assert!(stands || came.as_ref() == Some(line), "only what is claimed is taken back");
    }

    /// A sale earns nothing under a program, or that is over.
    pub fn deny(&mut self, denial: &Denial, program: &Program, stands: bool) {
        let key = (Group::of_denial(denial, program), denial.sale);
        let before = match stands {
            true => self.denied.insert(key, denial.clone()),
            false => self.denied.remove(&key),
        };
        assert_eq!(before.as_ref(), if stands { None } else { Some(denial) }, "only what was said is over");
    }

    /// What is said of the sales that a line is for.
    fn why(&self, group: &Group, scope: &Scope) -> Why {
        let is_of =
            |((of, denied), denial): &(&(Group, Id), &Denial)| of == group && scope.may_have(*denied, &denial.product);
        let of = self.denied.iter().filter(is_of);
        let mut why = Why::default();
        for (_, denial) in of {
            why.codes.extend(denial.reasons.iter().map(|reason| reason.code));
            why.may_be_let_go.extend(denial.held.then_some(denial.sale));
        }
        why
    }

    /// What a person decides about a line that was seen.
    pub fn decide(
        &mut self,
        (claim, action): (Id, ClaimAction),
        command: &Command,
        today: Option<Day>,
        terms: impl Fn(&ClaimLine) -> Program,
    ) {
        let Some(line) = self.lines.get_mut(&claim) else { return };
        let newest = line.newest().0.clone();
        let Some(seen) = &mut line.seen else { return };
        let program = terms(&newest);
        let who = (&*seen, &newest, line.wait.is_some());
        if let Some(state) = line.said.decide((action, command), who, program.paid.claims(), today) {
            (seen.state, seen.queue, seen.decide_by) = (state, None, None);
            if matches!(action, ClaimAction::Resubmit { .. }) {
                line.wait = None;
            }
        }
    }

    /// All that lines claim something of, by ids, in which order they are judged.
    pub fn groups(&self) -> Vec<Group> {
        let groups: BTreeMap<Id, Group> =
            self.lines.values().map(|line| (line.group.id(), line.group.clone())).collect();
        groups.into_values().collect()
    }

    /// Whether, before the last tick, somebody could have decided in time about a line for a settlement: its close waits for that.
    pub fn was_awaited(&self, settlement: &Settlement) -> bool {
        self.lines.values().any(|line| line.group.has(settlement) && line.was_awaited)
    }

    pub fn seen(&self) -> impl Iterator<Item = (&Id, &Seen)> {
        self.lines.iter().filter_map(|(id, line)| Some((id, line.seen.as_ref()?)))
    }

    /// Judges the lines of a group at a tick; returns what is ordered for them.
    pub fn judge(&mut self, group: &Group, oracle: &Oracle, control: u64, today: Day) -> Vec<(Settlement, Order)> {
        let order = served(&self.lines, group);
        let standing = oracle.standing(group, self.lines[&order[0]].newest().0);
        let first = self.lines[&order[0]].newest().0;
        let (known, passed_over) = (oracle.known_to(first), oracle.passed_over(group, first));
        let why = |id: &Id| {
            let line = self.lines[id].newest().0;
            let (scope, programs) = scope(line, oracle, &standing);
            let mut why = self.why(group, &scope);
            if passed_over.iter().any(|(sale, product)| scope.may_have(*sale, product)) {
                why.codes.insert(Code::ExclusivePrograms);
            }
            if standing.lacks_figure(scope.sale) {
                why.codes.insert(Code::BaselineMissing);
            }
            if standing.of(&scope).due <= Micros::ZERO {
                let days = programs.last().expect("each line has terms").period.range(line.date);
                why.codes.extend(refused(line, &programs, &known, days));
            }
            (*id, why)
        };
        let whys: BTreeMap<Id, Why> = order.iter().map(why).collect();
        let mut lines: BTreeMap<Id, &mut Line> =
            self.lines.iter_mut().filter(|(_, line)| line.group == *group).map(|(id, line)| (*id, line)).collect();
        let before = oracle.day_of(control - 1);
        let turn = |id: &Id| {
            let line = lines.remove(id).expect("it is served once");
            let until = line.wait.as_ref().and_then(|wait| wait.until);
            line.was_awaited = until.is_some_and(|until| before.is_none_or(|before| before <= until));
            line.take_up();
            take_turn(*id, line, oracle, &standing, (&whys[id], today))
        };
        let mut turns: Vec<Turn<'_>> = order.iter().map(turn).collect();
        take_along(&mut turns, &standing);
        turns.iter_mut().for_each(|turn| keep_waiting(turn, today));
        let rest = share(&mut turns, &standing);
        turns.iter_mut().for_each(|turn| keep_place(turn, control));
        note_rivals(&mut turns, &standing);
        raise(&mut turns, &standing, rest);
        let orders = order_from(oracle.purses(group, today), &mut turns, &standing, control, today);
        turns.iter_mut().for_each(|turn| close(turn, &standing, today));
        orders
    }
}

/// The terms that a line is judged by, for a sale or for none.
fn terms(line: &ClaimLine, sale: Option<Id>, oracle: &Oracle, standing: &Standing) -> Vec<Program> {
    let judges = standing.judges(sale);
    let programs: Vec<Program> = judges.into_iter().map(|part| part.program.clone()).collect();
    if programs.is_empty() { vec![oracle.claims_of(line, oracle.now())] } else { programs }
}

/// What a line is for, and the terms that it is judged by: no sale has a part in a stock.
fn scope(line: &ClaimLine, oracle: &Oracle, standing: &Standing) -> (Scope, Vec<Program>) {
    let programs = terms(line, line.sale, oracle, standing);
    if programs.iter().all(|program| program.mechanism.keeps_stock()) {
        return (Scope::default(), terms(line, None, oracle, standing));
    }
    (Scope::of(line, &programs, &oracle.known_to(line)), programs)
}

fn take_turn<'a>(
    id: Id,
    line: &'a mut Line,
    oracle: &Oracle,
    standing: &Standing,
    (why, today): (&Why, Day),
) -> Turn<'a> {
    let newest = line.newest().0.clone();
    let (scope, programs) = scope(&newest, oracle, standing);
    let frozen = match standing.parts.is_empty() {
        true => freezes_on(&programs[0], newest.date) <= today,
        false => standing.judges(scope.sale).iter().all(|part| part.frozen),
    };
    let case = Case {
        line: &newest,
        scope: &scope,
        why,
        claimed: line.claimed(),
        word: line.said.word,
        programs: &programs,
        received: oracle.day_of(line.age()),
        frozen,
    };
    let verdict = judged(&case, standing);
    let pots = standing.pots_of(&scope);
    let (approved, kept, had) = (Micros::ZERO, Micros::ZERO, Micros::ZERO);
    let (has_rival, is_awaited) = (false, false);
    let (why, waits) = (why.clone(), BTreeSet::new());
    Turn { id, line, programs, frozen, scope, pots, why, has_rival, is_awaited, verdict, approved, kept, had, waits }
}

/// What of a line is not authorised is on hold as long as nobody decides. The days count from the first tick that finds it waiting for
/// the same person, and for no sale that it did not wait for before. Who takes a line back does not stop them.
fn keep_waiting(turn: &mut Turn<'_>, today: Day) {
    let before = turn.line.wait.take();
    if turn.line.claimed() <= turn.counts() {
        turn.verdict.queue = None;
    }
    let Some(queue) = turn.verdict.queue else { return };
    let sales = if queue == ClaimQueue::HeldSale { turn.why.may_be_let_go.clone() } else { BTreeSet::new() };
    let since = match before {
        Some(before) if before.queue == queue && before.sales.is_superset(&sales) => before.since,
        _ if turn.line.is_gone() => return,
        _ => today,
    };
    let mut until = None;
    if !turn.line.is_gone() {
        let date = turn.line.newest().0.date;
        turn.verdict = undecided(turn.verdict.clone(), &turn.programs, date, since, today);
        until = turn.verdict.decide_by;
    }
    turn.line.wait = Some(Wait { queue, sales, since, until });
}

/// A line on hold is rejected behind its day. Where any of the terms has it roll, the day is so long behind the period that follows that
/// of the claim, or behind the one in which that day lies where that is later.
fn undecided(verdict: Verdict, programs: &[Program], date: Day, since: Day, today: Day) -> Verdict {
    let by_claim = programs.iter().filter_map(|program| program.paid.claims());
    let reviews: Option<Vec<_>> = by_claim.map(|terms| terms.review).collect();
    let reviews = reviews.unwrap_or_default();
    let Some(most) = reviews.iter().map(|review| review.days).max() else { return verdict };
    let days = i32::try_from(most).expect("days are few");
    let (own, period) = (since.plus(days), programs.last().expect("each line has terms").period);
    let next = period.range(own).1.max(period.range(period.range(date).1.plus(1)).1).plus(days);
    let rolls = reviews.iter().any(|review| review.unreviewed == Unreviewed::Roll);
    let decide_by = if rolls && today > own { own.max(next) } else { own };
    match today > decide_by {
        true => Verdict { state: ClaimState::Rejected, queue: None, ..verdict },
        false => Verdict { decide_by: Some(decide_by), ..verdict },
    }
}

fn freezes_on(program: &Program, date: Day) -> Day {
    let last = program.period.range(date).1;
    last.plus(i32::try_from(program.grace_days).expect("a period is not kept open for ever") + 1)
}

/// What is left of what is due, with what lines have of it so far, each with what it may draw on.
struct Rest {
    all: Micros,
    pots: BTreeMap<Pot, Micros>,
    drawing: Vec<(BTreeSet<Pot>, Micros)>,
}

impl Rest {
    /// What a line may have beside all the others, whichever pots these are given theirs of.
    fn left(&self, scope: &Scope, pots: &BTreeSet<Pot>) -> Micros {
        if scope.is_all() {
            return self.all;
        }
        let came_back: Micros = pots.iter().map(|pot| self.pots[pot].min(Micros::ZERO)).sum();
        let mut drawing = self.drawing.clone();
        drawing.push((pots.clone(), self.all - came_back));
        let before: Micros = self.drawing.iter().map(|(_, amount)| *amount).sum();
        (drawn(&self.pots, &drawing) - before + came_back).min(self.all).max(Micros::ZERO)
    }

    fn take(&mut self, wanted: Micros, scope: &Scope, pots: &BTreeSet<Pot>) -> Micros {
        if wanted <= Micros::ZERO {
            return Micros::ZERO;
        }
        let taken = wanted.min(self.left(scope, pots));
        self.all = self.all - taken;
        if !scope.is_all() {
            self.drawing.push((pots.clone(), taken));
        }
        taken
    }
}

/// How much lines can be given together, each of its own pots alone and no more than it asks for.
fn drawn(pots: &BTreeMap<Pot, Micros>, asking: &[(BTreeSet<Pot>, Micros)]) -> Micros {
    let mut drawing = Drawing { left: pots.clone(), asking, given: BTreeMap::new() };
    for (line, (_, wanted)) in asking.iter().enumerate() {
        let mut open = *wanted;
        while open > Micros::ZERO {
            let more = drawing.give(line, open, &mut BTreeSet::new());
            if more.is_zero() {
                break;
            }
            open = open - more;
        }
    }
    drawing.given.into_values().sum()
}

struct Drawing<'a> {
    left: BTreeMap<Pot, Micros>,
    asking: &'a [(BTreeSet<Pot>, Micros)],
    given: BTreeMap<(usize, Pot), Micros>,
}

impl Drawing<'_> {
    /// Gives a line some more, no more than that: of a pot that has something, or of one that another line can be given another pot for.
    fn give(&mut self, line: usize, most: Micros, tried: &mut BTreeSet<Pot>) -> Micros {
        for pot in &self.asking[line].0 {
            if !tried.insert(*pot) {
                continue;
            }
            let left = self.left.get_mut(pot).expect("it is one of all");
            let amount = most.min(*left);
            if amount > Micros::ZERO {
                *left = *left - amount;
                *self.given.entry((line, *pot)).or_default() += amount;
                return amount;
            }
            for other in 0..self.asking.len() {
                let theirs = self.given.get(&(other, *pot)).copied().unwrap_or_default();
                if other == line || theirs.is_zero() {
                    continue;
                }
                let amount = self.give(other, most.min(theirs), tried);
                if amount > Micros::ZERO {
                    *self.given.get_mut(&(other, *pot)).expect("it has some of it") += -amount;
                    *self.given.entry((line, *pot)).or_default() += amount;
                    return amount;
                }
            }
        }
        Micros::ZERO
    }
}

/// What was ordered for a line stays its own as far as what is due reaches; what it has beyond what it is for is gone for all. Then lines
/// that may be paid are served, from narrow to wide, and for those that a person decides about what they could take is kept.
fn share(turns: &mut [Turn<'_>], standing: &Standing) -> Rest {
    let mut rest = Rest { all: standing.left().max(Micros::ZERO), pots: standing.pots(), drawing: Vec::new() };
    for turn in turns.iter_mut() {
        turn.approved = rest.take(turn.line.ordered(), &turn.scope, &turn.pots);
    }
    let beyond: Micros = turns.iter().map(|turn| (turn.had - turn.approved).max(Micros::ZERO)).sum();
    rest.all = (rest.all - beyond).max(Micros::ZERO);
    let mut standing_lines: Vec<&mut Turn<'_>> = turns.iter_mut().filter(|turn| !turn.line.is_gone()).collect();
    standing_lines.sort_by_key(|turn| turn.scope.breadth());
    for turn in standing_lines {
        let wanted = turn.verdict.if_let_go - turn.approved;
        match turn.verdict.state {
            ClaimState::Valid => turn.approved += rest.take(wanted, &turn.scope, &turn.pots),
            ClaimState::OnHold => turn.kept = rest.take(wanted, &turn.scope, &turn.pots),
            _ => {}
        }
    }
    for turn in turns.iter_mut() {
        let above = (turn.line.ordered() - turn.verdict.most).max(Micros::ZERO);
        turn.line.raised = turn.line.raised.min(above);
    }
    rest
}

/// For whom something is kept, that has its place from then on.
fn keep_place(turn: &mut Turn<'_>, control: u64) {
    let may_be_paid = matches!(turn.verdict.state, ClaimState::Valid | ClaimState::OnHold) && !turn.line.is_gone();
    let is_kept = (turn.kept > Micros::ZERO && turn.frozen).then_some(control);
    turn.line.first_kept = turn.line.first_kept.or(is_kept).filter(|_| may_be_paid);
}

/// Who gets less than it asks for, while another line gets something of what it is for, or is to: one for the same; if these have not
/// all of that, one for something of it as well, or one that has more than is due for it.
fn note_rivals(turns: &mut [Turn<'_>], standing: &Standing) {
    for at in 0..turns.len() {
        let scope = &turns[at].scope;
        let of_same: Micros = turns.iter().filter(|turn| turn.scope == *scope).map(Turn::takes).sum();
        let is_short = of_same < standing.due_of(scope);
        let pots = &turns[at].pots;
        let is_rival = |turn: &Turn<'_>| {
            let takes_of_all = || turn.scope.is_all() || turn.had > turn.approved;
            let shares = || takes_of_all() || !turn.pots.is_disjoint(pots);
            scope.is_all() || turn.scope == *scope || (is_short && shares())
        };
        let others = turns.iter().enumerate().filter(|(other, turn)| *other != at && turn.has_some());
        let rivals: Vec<&Turn<'_>> = others.map(|(_, turn)| turn).filter(|turn| is_rival(turn)).collect();
        let has_rival = !rivals.is_empty();
        let is_awaited =
            turns[at].approved < turns[at].verdict.most && rivals.iter().any(|turn| turn.kept > Micros::ZERO);
        (turns[at].has_rival, turns[at].is_awaited) = (has_rival, is_awaited);
    }
}

/// What each version ordered is had as far as it is still due under it; the rest is owed back. What none has any more stays.
fn take_along(turns: &mut [Turn<'_>], standing: &Standing) {
    let mut dues: BTreeMap<u32, Micros> = standing.parts.iter().map(|part| (part.version, part.left())).collect();
    for turn in turns.iter_mut() {
        for (version, ordered) in &turn.line.ordered {
            let due = dues.entry(*version).or_insert(*ordered);
            let had = (*ordered).min(*due).max(Micros::ZERO);
            *due = *due - had;
            turn.had += had;
        }
    }
}

/// Where all lines for the same fall short of what is due for it by no more than the tolerance, and the terms say so, the last one
/// that gets all it claims gets what is due. Those for more come first, then those that are served first.
fn raise(turns: &mut [Turn<'_>], standing: &Standing, mut rest: Rest) {
    let mut scopes: Vec<Scope> = Vec::new();
    for turn in turns.iter().filter(|turn| !turn.scope.is_all()) {
        if !scopes.contains(&turn.scope) {
            scopes.push(turn.scope.clone());
        }
    }
    scopes.sort_by_key(|scope| std::cmp::Reverse(scope.breadth()));
    scopes.insert(0, Scope::default());
    for scope in scopes {
        let pots = standing.pots_of(&scope);
        let left = rest.left(&scope, &pots);
        let before: Micros = turns.iter().filter(|turn| turn.scope == scope).map(|turn| turn.line.raised).sum();
        let is_last = |turn: &&mut Turn<'_>| turn.scope == scope && turn.gets_all_it_claims();
        let Some(last) = turns.iter_mut().rfind(is_last) else { continue };
        let most = last.tolerance(standing.due_of(&scope), true).filter(|_| last.frozen);
        if left > Micros::ZERO && most.is_some_and(|most| before + left <= most) {
            rest.take(left, &scope, &pots);
            last.approved += left;
            last.line.raised += left;
        }
    }
}

/// Orders what lines may have above what was ordered for them. A settlement pays the lines for its own sales first. Then they
/// pay, those of older versions first, the lines for nothing of their own, and those whose own settlements have nothing left
/// and nothing that waits. One that would order too little leaves its lines to the next ones.
fn order_from(
    purses: Vec<Purse>,
    turns: &mut [Turn<'_>],
    standing: &Standing,
    control: u64,
    today: Day,
) -> Vec<(Settlement, Order)> {
    let homes: Vec<Vec<usize>> = turns.iter().map(|turn| standing.homes(&turn.scope)).collect();
    let mut needs: Vec<Micros> = turns.iter().map(|turn| (turn.approved - turn.had).max(Micros::ZERO)).collect();
    let mut free: Vec<Micros> = purses.iter().map(|purse| if purse.pays { purse.free } else { Micros::ZERO }).collect();
    let mut wanted: Vec<Vec<Micros>> = vec![vec![Micros::ZERO; turns.len()]; purses.len()];
    let pay = |need: &mut Micros, free: &mut Micros| {
        let amount = (*need).min(*free);
        (*need, *free) = (*need - amount, *free - amount);
        amount
    };
    for (at, homes) in homes.iter().enumerate() {
        for home in homes {
            wanted[*home][at] = pay(&mut needs[at], &mut free[*home]);
        }
    }
    let mut orders = Vec::new();
    let asking: Vec<bool> = turns.iter().map(|turn| turn.approved > turn.had).collect();
    for (place, purse) in purses.iter().enumerate() {
        let (own, others): (Vec<usize>, Vec<usize>) = (0..turns.len()).partition(|at| homes[*at].contains(&place));
        let in_turn: Vec<usize> = own.into_iter().chain(others).collect();
        for at in in_turn.iter().copied() {
            if asking[at] && purse.free < purse.owed && (homes[at].is_empty() || homes[at].contains(&place)) {
                turns[at].waits.extend(&purse.holds);
            }
            let waits_at_home = |home: &usize| {
                let own = &purses[*home];
                !own.pays || own.free < own.owed || free[*home] > Micros::ZERO
            };
            if homes[at].contains(&place) || !homes[at].iter().any(waits_at_home) {
                wanted[place][at] += pay(&mut needs[at], &mut free[place]);
            }
        }
        let total: Micros = wanted[place].iter().copied().sum();
        let is_too_little = purse.minimum.is_some_and(|minimum| total < minimum);
        for at in in_turn {
            let amount = wanted[place][at];
            if amount.is_zero() {
                continue;
            }
            let turn = &mut turns[at];
            if is_too_little {
                needs[at] += amount;
                turn.waits.insert(Code::BelowMinimumPayout);
                continue;
            }
            *turn.line.ordered.entry(purse.settlement.version).or_default() += amount;
            turn.had += amount;
            turn.line.first_order.get_or_insert(control);
            orders.push((purse.settlement.clone(), Order { day: today, amount, claim: Some(turn.id) }));
        }
    }
    orders
}

/// Says what has become of a line.
fn close(turn: &mut Turn<'_>, standing: &Standing, today: Day) {
    let (claimed, is_gone, approved) = (turn.line.claimed(), turn.line.is_gone(), turn.approved);
    let (ordered, counts) = (turn.line.ordered(), turn.counts());
    let stands = if is_gone { Micros::ZERO } else { claimed + turn.line.raised };
    let Verdict { mut state, most, mut codes, queue, decide_by, .. } = turn.verdict.clone();
    let is_disputed = state == ClaimState::InDispute && !is_gone;
    if is_gone && counts.is_zero() {
        (state, codes) = (ClaimState::Withdrawn, BTreeSet::new());
    } else if counts > stands && !is_disputed {
        // More was authorised than is claimed now.
        (state, codes) = (ClaimState::Valid, BTreeSet::from([Code::ClaimAboveDue]));
    } else if state == ClaimState::Valid
        && approved < most
        && let Some(code) = too_much(turn, standing)
    {
        let is_all_taken = turn.has_rival && turn.is_final() && approved.is_zero() && ordered.is_zero();
        codes.insert(if code == Code::ClaimAboveDue && is_all_taken { Code::AccrualClaimed } else { code });
        codes.extend(&turn.why.codes);
    }
    if state == ClaimState::Valid && approved.is_zero() && ordered.is_zero() && turn.is_final() {
        state = ClaimState::Rejected;
    }
    if ordered > Micros::ZERO && !matches!(state, ClaimState::Withdrawn | ClaimState::InDispute) {
        state = ClaimState::Authorised;
    }
    if ordered > approved {
        codes.insert(Code::ReturnAfterPayment);
    }
    if turn.had < approved {
        codes.extend(&turn.waits);
    }
    let by_person = matches!(turn.line.said.word, Some(Word::Adjusted(_) | Word::Settled(_)));
    let is_refused = match state {
        ClaimState::Rejected | ClaimState::InDispute => true,
        ClaimState::Valid | ClaimState::Authorised => approved < claimed && (turn.is_final() || by_person),
        _ => false,
    };
    turn.line.said.refused = is_refused.then(|| turn.line.said.refused.unwrap_or(today));
    let is_of_that = !is_gone && counts <= stands;
    let (queue, decide_by) = if is_of_that { (queue, decide_by) } else { (None, None) };
    turn.line.seen = Some(Seen { state, claimed, approved, authorised: ordered, codes, queue, decide_by });
}

/// Why a line gets less than it might: nothing is said where it is near enough.
fn too_much(turn: &Turn<'_>, standing: &Standing) -> Option<Code> {
    let is_near = turn.approved > Micros::ZERO
        && exact(turn.verdict.most) - exact(turn.approved)
            <= exact(turn.tolerance(turn.approved, false).unwrap_or_default());
    match standing.kept() {
        Micros::ZERO if is_near => None,
        Micros::ZERO => Some(Code::ClaimAboveDue),
        _ => Some(Code::Deducted),
    }
}
