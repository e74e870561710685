//! What a claim line may get by itself, before lines share what is due (docs/claims.md, "What becomes of a line").

use std::collections::{BTreeMap, BTreeSet};

use contract::{
    Benefit, ClaimLine, ClaimState, ClaimTerms, Code, Currency, Day, Id, LateClaim, Mechanism, Micros, Paid, Program,
};

use crate::brought::Brought;
use crate::decisions::Word;
use crate::exact::{Exact, exact, floored, rounded};

/// What stands for the program, beneficiary, period and currency that lines claim.
#[derive(Debug, Default)]
pub struct Standing {
    /// All lines together, and what single sales bring.
    pub whole: Brought,
    pub sales: BTreeMap<Id, Brought>,
    /// What of it went to deductions that were accepted.
    pub kept: Micros,
    /// Units that were bought in time before a cut of the period, whether they were still there or not.
    pub bought: Micros,
}

impl Standing {
    /// What stands for a sale, else for all of it.
    pub fn of(&self, sale: Option<Id>) -> Brought {
        let Some(sale) = sale else { return self.whole };
        let own = self.sales.get(&sale).copied().unwrap_or_default();
        Brought { due: own.due.min(self.whole.due), ..own }
    }
}

/// A line in front of the checks.
pub struct Case<'a> {
    pub line: &'a ClaimLine,
    /// The sale that it is for, where that has a part in what is due.
    pub sale: Option<Id>,
    /// What it asks for: its own amount, or the one that was claimed in its place.
    pub claimed: Micros,
    pub word: Option<Word>,
    /// The terms that it is judged by.
    pub program: &'a Program,
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
    pub codes: BTreeSet<Code>,
}

fn nothing(state: ClaimState, code: Option<Code>) -> Verdict {
    Verdict { state, most: Micros::ZERO, codes: code.into_iter().collect() }
}

/// In the order of the table: what persons said stands over the checks, but for what is due.
pub fn judged(case: &Case<'_>, standing: &Standing) -> Verdict {
    match case.word {
        Some(Word::Withdrawn) => return nothing(ClaimState::Withdrawn, None),
        Some(Word::Rejected) => return nothing(ClaimState::Rejected, None),
        Some(Word::Disputed) => return nothing(ClaimState::InDispute, None),
        _ => {}
    }
    let is_due = standing.of(case.sale).due > Micros::ZERO;
    match &case.program.paid {
        Paid::Auto if !case.program.auto_authorise => return nothing(ClaimState::Rejected, None),
        Paid::Auto if is_due => return nothing(ClaimState::Rejected, Some(Code::AccrualClaimed)),
        Paid::Claim(terms) if is_late(case, terms) => return nothing(ClaimState::Rejected, Some(Code::ReportedLate)),
        _ if !is_due && !case.frozen => return nothing(ClaimState::Deferred, None),
        _ if !is_due => return nothing(ClaimState::Rejected, Some(orphan(case, standing))),
        Paid::Claim(terms) if wants_person(case, terms) => return nothing(ClaimState::OnHold, None),
        _ => {}
    }
    let bounds: Vec<(Code, Micros)> =
        bounds(case, standing).into_iter().filter(|(_, most)| *most < case.claimed).collect();
    let said = match case.word {
        Some(Word::Adjusted(most) | Word::Settled(most)) => most,
        _ => case.claimed,
    };
    let most = bounds.iter().map(|(_, most)| *most).fold(said.min(case.claimed), Micros::min);
    let codes = bounds.into_iter().map(|(code, _)| code).collect();
    Verdict { state: ClaimState::Valid, most: in_whole_units(most, case.line.currency), codes }
}

/// Behind the days after its period, or after the next one; before the first tick nobody knows the day.
fn is_late(case: &Case<'_>, terms: &ClaimTerms) -> bool {
    let period = case.program.period;
    let end = period.range(case.line.date).1;
    let end = if terms.late == LateClaim::Roll { period.range(end.plus(1)).1 } else { end };
    let last = end.plus(i32::try_from(terms.days).expect("days are few"));
    let is_let_in = matches!(case.word, Some(Word::Overridden | Word::Settled(_)));
    case.received.is_some_and(|received| received > last) && !is_let_in
}

fn wants_person(case: &Case<'_>, terms: &ClaimTerms) -> bool {
    match case.word {
        None => terms.review_above.is_some_and(|above| case.claimed > above),
        word => word == Some(Word::ClaimedAnew),
    }
}

/// Nothing is due, for good.
fn orphan(case: &Case<'_>, standing: &Standing) -> Code {
    let is_of_stock = case.program.mechanism.protects_stock() && case.line.quantity > Micros::ZERO;
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
    let own = standing.of(case.sale);
    let mut bounds = Vec::new();
    if !quantity.is_zero() && !unit.is_zero() && case.claimed == amount {
        bounds.push((Code::ClaimExtensionWrong, money(exact(quantity) * exact(unit))));
    }
    if let Some(rate) = rate(case.program, own).filter(|rate| unit > *rate && !quantity.is_zero()) {
        let code = match case.program.mechanism.goes_by_layers() {
            true => Code::CostBasisWrong,
            false => Code::ClaimRateWrong,
        };
        bounds.push((code, money(exact(quantity) * exact(rate))));
    }
    let units = own.units.max(Micros::ZERO);
    if quantity > units {
        let code = match case.program.mechanism.protects_stock() {
            true => unprotected(quantity, standing.bought),
            false => Code::ClaimQuantityAbove,
        };
        bounds.push((code, money(exact(case.claimed) * exact(units) / exact(quantity))));
    }
    bounds
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
