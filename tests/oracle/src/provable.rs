//! What a claim line may get by itself, before lines share what is due (docs/claims.md, "What becomes of a line").

use std::collections::{BTreeMap, BTreeSet};

use contract::{
    Benefit, ClaimLine, ClaimQueue, ClaimState, ClaimTerms, Code, Currency, Day, Id, LateClaim, Mechanism, Micros,
    Program,
};

use crate::brought::Brought;
use crate::decisions::Word;
use crate::exact::{Exact, exact, floored, rounded};
use crate::scope::{Scope, Sold};

/// What stands for the program, beneficiary, period and currency that lines claim.
#[derive(Debug, Default)]
pub struct Standing {
    /// Of each version under which something was sold, the older ones first.
    pub parts: Vec<Part>,
    /// Units that were bought in time before a cut of the period, whether they were still there or not.
    pub bought: Micros,
}

/// What lines draw on: what a sale brings at a special price, or all of it where it is under none.
pub type Pot = (Id, Option<Id>);

/// What stands under one version of the program.
#[derive(Debug)]
pub struct Part {
    pub version: u32,
    pub program: Program,
    /// No sale counts in place any more.
    pub frozen: bool,
    /// All lines together, and what single sales bring.
    pub whole: Brought,
    pub sales: BTreeMap<Id, Brought>,
    /// What each of them was.
    pub sold: BTreeMap<Id, Sold>,
    /// What of it each of its special prices brings.
    pub at_prices: BTreeMap<Pot, Brought>,
    /// What of it went to deductions that were accepted.
    pub kept: Micros,
}

impl Part {
    fn takes_claims(&self) -> bool {
        self.program.paid.claims().is_some()
    }

    /// Due, and not gone to a deduction.
    pub fn left(&self) -> Micros {
        self.whole.due - self.kept
    }
}

impl Standing {
    /// The version that a sale is under, by its place.
    pub fn home(&self, sale: Option<Id>) -> Option<usize> {
        sale.and_then(|sale| self.parts.iter().position(|part| part.sales.contains_key(&sale)))
    }

    /// Those whose terms a line goes by: that of its sale, else each that claims are shared over.
    pub fn judges(&self, sale: Option<Id>) -> Vec<&Part> {
        self.home(sale).map_or_else(|| self.shared(), |home| vec![&self.parts[home]])
    }

    /// Where some versions pay by themselves and others by claim, lines share what is due under the latter.
    fn shared(&self) -> Vec<&Part> {
        let by_claim: Vec<&Part> = self.parts.iter().filter(|part| part.takes_claims()).collect();
        if by_claim.is_empty() { self.parts.iter().collect() } else { by_claim }
    }

    /// Nobody has said what the growth or the score of what was sold is measured by, under the version of a sale or under any.
    pub fn lacks_figure(&self, sale: Option<Id>) -> bool {
        let of = match sale {
            Some(_) => self.home(sale).map(|home| &self.parts[home]).into_iter().collect(),
            None => self.judges(None),
        };
        of.into_iter().any(|part| {
            !part.sales.is_empty() && matches!(part.program.mechanism, Mechanism::Growth(_) | Mechanism::Score(_))
        })
    }

    /// What lines share.
    pub fn left(&self) -> Micros {
        self.shared().into_iter().map(Part::left).sum()
    }

    /// What went to deductions of what lines would share.
    pub fn kept(&self) -> Micros {
        self.shared().into_iter().map(|part| part.kept).sum()
    }

    /// What there is to draw on.
    pub fn pots(&self) -> BTreeMap<Pot, Micros> {
        let mut pots = BTreeMap::new();
        for (pot, brought) in self.parts.iter().flat_map(|part| &part.at_prices) {
            *pots.entry(*pot).or_default() += brought.due;
        }
        pots
    }

    /// What of that a line may draw on.
    pub fn pots_of(&self, scope: &Scope) -> BTreeSet<Pot> {
        let judges = self.judges(scope.sale);
        let is_of = |(sale, special): &Pot| {
            scope.has_price(*special)
                && judges.iter().filter_map(|part| part.sold.get(sale)).any(|sold| scope.has(*sale, sold))
        };
        self.pots().into_keys().filter(is_of).collect()
    }

    /// What a line is for brings under a version.
    fn brought(part: &Part, scope: &Scope) -> Brought {
        let sales = part.sales.iter().filter(|(sale, _)| scope.has(**sale, &part.sold[sale]));
        let of_sale = |(sale, whole): (&Id, &Brought)| {
            let own = part.at_prices.iter().filter(|((of, special), _)| of == sale && scope.has_price(*special));
            let own = own.fold(Brought::default(), |sum, (_, brought)| sum.plus(*brought));
            if scope.has_price(None) { *whole } else { own }
        };
        sales.map(of_sale).fold(Brought::default(), Brought::plus)
    }

    /// What all lines for the same may have.
    pub fn due_of(&self, scope: &Scope) -> Micros {
        if scope.is_all() {
            return self.left();
        }
        self.judges(scope.sale).into_iter().map(|part| Self::brought(part, scope).due).sum()
    }

    /// The versions that pay a line first, by their places: that of its sale, or those under which something is due of what it is for.
    pub fn homes(&self, scope: &Scope) -> Vec<usize> {
        if scope.is_all() || scope.sale.is_some() {
            return self.home(scope.sale).into_iter().collect();
        }
        let shared: Vec<u32> = self.shared().into_iter().map(|part| part.version).collect();
        let is_home = |part: &Part| shared.contains(&part.version) && Self::brought(part, scope).due > Micros::ZERO;
        (0..self.parts.len()).filter(|place| is_home(&self.parts[*place])).collect()
    }

    /// What stands for what a line is for.
    pub fn of(&self, scope: &Scope) -> Brought {
        let judges = self.judges(scope.sale);
        let bounding = if judges.iter().any(|part| part.takes_claims()) { self.shared() } else { judges.clone() };
        let due: Micros = bounding.into_iter().map(|part| part.whole.due).sum();
        if scope.is_all() {
            let units = judges.iter().map(|part| part.whole.units).sum();
            let credit = judges.iter().map(|part| part.whole.credit).max().unwrap_or_default();
            return Brought { due, units, credit };
        }
        let own = judges.into_iter().map(|part| Self::brought(part, scope)).fold(Brought::default(), Brought::plus);
        Brought { due: own.due.min(due), ..own }
    }
}

/// What findings keep from earning.
#[derive(Clone, Debug, Default)]
pub struct Why {
    pub codes: BTreeSet<Code>,
    /// Sales that persons may still let go.
    pub may_be_let_go: BTreeSet<Id>,
}

/// A line in front of the checks.
pub struct Case<'a> {
    pub line: &'a ClaimLine,
    /// What it is for, as far as that has a part in what is due.
    pub scope: &'a Scope,
    /// Why that, or sales of the period, earn nothing.
    pub why: &'a Why,
    /// What it asks for: its own amount, or the one that was claimed in its place.
    pub claimed: Micros,
    pub word: Option<Word>,
    /// The terms that it is judged by, the newest last: where they differ, the line gets the most that any of them gives.
    pub programs: &'a [Program],
    /// The day that time had come to when as much as now was first claimed.
    pub received: Option<Day>,
    /// No sale counts in place any more.
    pub frozen: bool,
}

/// What may become of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub state: ClaimState,
    /// At most that is paid of it.
    pub most: Micros,
    /// The same where a person lets it go.
    pub if_let_go: Micros,
    pub codes: BTreeSet<Code>,
    /// Why a person must decide about it, and until when.
    pub queue: Option<ClaimQueue>,
    pub decide_by: Option<Day>,
}

impl Case<'_> {
    fn newest(&self) -> &Program {
        self.programs.last().expect("each line has terms")
    }
}

fn nothing(state: ClaimState, code: Option<Code>) -> Verdict {
    let codes = code.into_iter().collect();
    Verdict { state, most: Micros::ZERO, if_let_go: Micros::ZERO, codes, queue: None, decide_by: None }
}

fn because(state: ClaimState, why: &Why) -> Verdict {
    Verdict { codes: why.codes.clone(), ..nothing(state, None) }
}

/// In the order of the table: what persons said stands over the checks, but for what is due.
pub fn judged(case: &Case<'_>, standing: &Standing) -> Verdict {
    match case.word {
        Some(Word::Withdrawn) => return nothing(ClaimState::Withdrawn, None),
        Some(Word::Rejected) => return nothing(ClaimState::Rejected, None),
        Some(Word::Disputed) => return nothing(ClaimState::InDispute, None),
        _ => {}
    }
    let is_due = standing.of(case.scope).due > Micros::ZERO;
    let by_claim: Vec<&ClaimTerms> = case.programs.iter().filter_map(|program| program.paid.claims()).collect();
    let is_paid_anyway = by_claim.is_empty();
    if is_paid_anyway && !case.programs.iter().any(|program| program.auto_authorise) {
        return nothing(ClaimState::Rejected, None);
    }
    if is_late(case) {
        return nothing(ClaimState::Rejected, Some(Code::ReportedLate));
    }
    match (is_due, case.frozen) {
        (false, _) if !case.why.may_be_let_go.is_empty() => {
            Verdict { queue: Some(ClaimQueue::HeldSale), ..because(ClaimState::OnHold, case.why) }
        }
        (false, false) => because(ClaimState::Deferred, case.why),
        (false, true) => match orphan(case, standing) {
            Code::ClaimOrphan if !case.why.codes.is_empty() => because(ClaimState::Rejected, case.why),
            code => nothing(ClaimState::Rejected, Some(code)),
        },
        (true, _) if is_paid_anyway => nothing(ClaimState::Rejected, Some(Code::AccrualClaimed)),
        (true, _) if wants_person(case, &by_claim) => {
            let is_anew = case.word == Some(Word::ClaimedAnew);
            let queue = if is_anew { ClaimQueue::ClaimedAnew } else { ClaimQueue::AboveReview };
            let if_let_go = proven(case, standing).most;
            Verdict { queue: Some(queue), if_let_go, ..nothing(ClaimState::OnHold, None) }
        }
        (true, _) => proven(case, standing),
    }
}

/// What checks and persons leave of it.
fn proven(case: &Case<'_>, standing: &Standing) -> Verdict {
    let bounds: Vec<(Code, Micros)> =
        bounds(case, standing).into_iter().filter(|(_, most)| *most < case.claimed).collect();
    let said = match case.word {
        Some(Word::Adjusted(most) | Word::Settled(most)) => most,
        _ => case.claimed,
    };
    let most = bounds.iter().map(|(_, most)| *most).fold(said.min(case.claimed), Micros::min);
    let codes = bounds.into_iter().map(|(code, _)| code).collect();
    let most = in_whole_units(most, case.line.currency);
    Verdict { most, if_let_go: most, codes, ..nothing(ClaimState::Valid, None) }
}

/// Behind the last day that any of the terms names; before the first tick nobody knows the day.
fn is_late(case: &Case<'_>) -> bool {
    let last = case.programs.iter().filter_map(|program| last_day(case.line.date, program)).max();
    let is_let_in = matches!(case.word, Some(Word::Overridden | Word::Settled(_)));
    case.received.zip(last).is_some_and(|(received, last)| received > last) && !is_let_in
}

/// So many days after the period, or after the next one.
pub(crate) fn last_day(date: Day, program: &Program) -> Option<Day> {
    let terms = program.paid.claims()?;
    let end = program.period.range(date).1;
    let end = if terms.late == LateClaim::Roll { program.period.range(end.plus(1)).1 } else { end };
    Some(end.plus(i32::try_from(terms.days).expect("days are few")))
}

/// Where any of the terms says so.
fn wants_person(case: &Case<'_>, terms: &[&ClaimTerms]) -> bool {
    match case.word {
        None => terms.iter().any(|terms| terms.review_above.is_some_and(|above| case.claimed > above)),
        word => word == Some(Word::ClaimedAnew),
    }
}

/// Nothing is due, for good.
fn orphan(case: &Case<'_>, standing: &Standing) -> Code {
    let is_of_stock = case.newest().mechanism.protects_stock() && case.line.quantity > Micros::ZERO;
    match standing.bought {
        Micros::ZERO => Code::ClaimOrphan,
        bought if is_of_stock => unprotected(case.line.quantity, bought),
        _ => Code::ClaimOrphan,
    }
}

fn unprotected(claimed: Micros, bought: Micros) -> Code {
    if claimed > bought { Code::ProtectedQuantityAbove } else { Code::ProtectedUnitsGone }
}

/// What the line proves of what it asks for, by each of its sums that says something.
fn bounds(case: &Case<'_>, standing: &Standing) -> Vec<(Code, Micros)> {
    let ClaimLine { quantity, unit, amount, currency, .. } = *case.line;
    let money = |amount: Exact| rounded(amount, currency);
    let own = standing.of(case.scope);
    let mut bounds = Vec::new();
    if !quantity.is_zero() && !unit.is_zero() && case.claimed == amount {
        bounds.push((Code::ClaimExtensionWrong, money(exact(quantity) * exact(unit))));
    }
    if let Some((rate, by_layers)) = highest_rate(case.programs, own)
        && unit > rate
        && !quantity.is_zero()
    {
        let code = if by_layers { Code::CostBasisWrong } else { Code::ClaimRateWrong };
        bounds.push((code, money(exact(quantity) * exact(rate))));
    }
    let units = own.units.max(Micros::ZERO);
    if quantity > units {
        let code = match case.newest().mechanism.protects_stock() {
            true => unprotected(quantity, standing.bought),
            false => Code::ClaimQuantityAbove,
        };
        bounds.push((code, money(exact(case.claimed) * exact(units) / exact(quantity))));
    }
    bounds
}

/// The most that is given for a unit, and whether that goes by cost layers; nothing where some of the terms give no one amount.
fn highest_rate(programs: &[Program], own: Brought) -> Option<(Micros, bool)> {
    let rates: Option<Vec<(Micros, bool)>> =
        programs.iter().map(|program| Some((rate(program, own)?, program.mechanism.goes_by_layers()))).collect();
    rates?.into_iter().max_by_key(|(rate, _)| *rate)
}

/// What is given for a unit, where that is one amount.
fn rate(program: &Program, own: Brought) -> Option<Micros> {
    match &program.mechanism {
        Mechanism::PerUnit { rate } => Some(*rate),
        Mechanism::SellIn(terms) => (terms.benefit == Benefit::PerUnit).then_some(terms.rate),
        mechanism => mechanism.resale().and(Some(own.credit)).filter(|credit| *credit > Micros::ZERO),
    }
}

fn in_whole_units(amount: Micros, currency: Currency) -> Micros {
    rounded(floored(exact(amount), currency), currency)
}
