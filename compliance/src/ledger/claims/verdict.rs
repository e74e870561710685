//! What becomes of one claim line before what is due is shared: a function of the line, the terms and what stands.

use std::collections::BTreeSet;

use contract::{
    ClaimEvent, ClaimLine, ClaimQueue, ClaimState, Code, Currency, Day, Id, MUTUALLY_DEFINED_901, Micros,
    PENDING_REVIEW_901, Program, Reason, Text,
};

use super::rules::{BOUNDS, Bound, accrual_claimed, claim_late, claim_orphan};
use super::{Note, Word};
use crate::ledger::holds::is_hold;
use crate::programs::Exact;

/// What stands for the group that a line claims, or for the sale that it names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// What is due, all lines together.
    pub due: Micros,
    /// What may be paid without a claim.
    pub authorised: Micros,
    /// What of it went to deductions that were accepted.
    pub kept: Micros,
    /// Units sold, net of returns, or protected, in millionths.
    pub quantity: i128,
    /// The most that a special price gives for one of them; zero where none is known.
    pub credit: Micros,
    /// Units bought within the look-back before the cuts of the period, whether they were still there or not, in millionths;
    /// of programs that protect stocks.
    pub bought: i128,
    /// No sale of the period counts in place any more.
    pub frozen: bool,
    /// Day of the last tick before the line came; `None` before the first.
    pub received: Option<Day>,
    /// What all lines for the same ask for together, where less is due because that is on the gross amount.
    pub on_gross: Option<Micros>,
    /// Why less is due, or nothing.
    pub why: Why,
    /// Another line that has some of it, by its claim and line.
    pub rival: Option<String>,
    /// Some of it is kept for another line that a person decides about.
    pub is_kept: bool,
}

/// What keeps sales from earning what is claimed for them: findings on them, and limits of the program. They are told there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Why {
    pub reasons: BTreeSet<Reason>,
    /// Sales that persons may still let go.
    pub held: BTreeSet<Id>,
    /// Programs of the same exclusivity group that were given sales in place of this one (DD-11).
    pub taken_by: BTreeSet<Text>,
}

impl Why {
    /// What nobody looks at any more is pending no more.
    pub(super) fn told(&self) -> impl Iterator<Item = Told> {
        let reviewed = |reason: &Text| match !self.held.is_empty() || reason != PENDING_REVIEW_901 {
            true => reason.clone(),
            false => MUTUALLY_DEFINED_901.into(),
        };
        let found = self.reasons.iter().map(move |Reason { code, reason_901 }| Told {
            code: *code,
            reason_901: reviewed(reason_901),
            message: code.meaning().to_owned(),
            is_elsewhere: true,
        });
        let passed_over = (!self.taken_by.is_empty()).then(|| {
            let winners: Vec<&str> = self.taken_by.iter().map(Text::as_str).collect();
            let message = format!("given to {} of the same group", winners.join(" and "));
            Told { is_elsewhere: true, ..Told::new(Code::ExclusivePrograms, message) }
        });
        found.chain(passed_over)
    }
}

impl Standing {
    /// Nothing more comes of it: neither of sales, nor of what is kept for others.
    pub(super) fn is_final(&self) -> bool {
        self.frozen && !self.is_kept
    }

    /// Units that a line may claim.
    pub(super) fn units(&self) -> Micros {
        Micros(i64::try_from(self.quantity.max(0)).unwrap_or(i64::MAX))
    }
}

/// What takes from a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub code: Code,
    /// X12 element 901.
    pub reason_901: Text,
    pub message: String,
    /// The finding stands for a sale or a settlement, and is none on the line.
    pub is_elsewhere: bool,
}

impl Told {
    /// For the usual reason.
    pub(super) fn new(code: Code, message: String) -> Told {
        Told::because(code, code.reason_901(), message)
    }

    pub(super) fn because(code: Code, reason_901: &str, message: String) -> Told {
        Told { code, reason_901: reason_901.into(), message, is_elsewhere: false }
    }
}

/// What may become of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub state: ClaimState,
    /// At most that is paid of it.
    pub most: Micros,
    /// What it could be where a person lets it go.
    pub if_released: Micros,
    /// Why.
    pub told: Vec<Told>,
    /// What else bounds it, without a code.
    pub remarks: Vec<String>,
    /// Why a person must decide about it, and by when.
    pub queue: Option<ClaimQueue>,
    pub decide_by: Option<Day>,
}

impl Verdict {
    pub(super) fn bare(state: ClaimState, most: Micros) -> Verdict {
        Verdict {
            state,
            most,
            if_released: Micros::ZERO,
            told: Vec::new(),
            remarks: Vec::new(),
            queue: None,
            decide_by: None,
        }
    }

    /// Names what keeps its money from being ordered.
    pub(super) fn wait_for(&mut self, reasons: Vec<(Code, String)>) {
        for (code, reason) in reasons {
            if !self.told.iter().any(|told| told.code == code) {
                self.told.push(Told { is_elsewhere: is_hold(code), ..Told::new(code, reason) });
            }
        }
    }

    /// That of a line that a person must decide about.
    pub(super) fn on_hold(queue: ClaimQueue, why: String) -> Verdict {
        Verdict { remarks: vec![why], queue: Some(queue), ..outcome(ClaimEvent::Doubted, Micros::ZERO) }
    }

    /// Nobody decides about it any more.
    pub(super) fn end_hold(&mut self, why: String) {
        self.state = follow(self.state, ClaimEvent::Expired);
        self.queue = None;
        self.remarks.push(why);
        let pending = self.told.iter_mut().filter(|told| told.reason_901 == PENDING_REVIEW_901);
        pending.for_each(|told| told.reason_901 = MUTUALLY_DEFINED_901.into());
    }

    /// That of a line that nobody has looked at.
    pub(super) fn none() -> Verdict {
        Verdict::bare(ClaimState::Received, Micros::ZERO)
    }
}

/// The amount that the line stands for, in place of its own where it was claimed anew.
pub(super) fn claimed(line: &ClaimLine, note: &Note) -> Micros {
    note.resubmitted.unwrap_or(line.amount)
}

/// Judges a line. Persons' words stand over what the checks say, but for what is due.
/// `programs` are the terms, of the newest settlement last: where they differ, the line gets the most that any of them gives.
pub(super) fn judge(line: &ClaimLine, note: &Note, programs: &[&Program], standing: &Standing) -> Verdict {
    match note.word {
        Some(Word::Withdrawn) => return said(ClaimState::Withdrawn, note),
        Some(Word::Rejected) => return said(ClaimState::Rejected, note),
        Some(Word::Disputed) => return said(ClaimState::InDispute, note),
        _ => {}
    }
    let newest = programs.last().expect("each line has terms");
    if programs.iter().all(|program| program.paid.claims().is_none()) {
        return match programs.iter().any(|program| program.auto_authorise) {
            true => accrual_claimed::judge(line, note, newest, standing),
            false => takes_no_claims(),
        };
    }
    if let Some(late) = claim_late::judge(line, note, programs, standing) {
        return late;
    }
    if standing.due <= Micros::ZERO {
        return claim_orphan::judge(line, newest, standing);
    }
    let terms = programs.iter().filter_map(|program| program.paid.claims());
    let review_above = terms.filter_map(|terms| terms.review_above).min();
    let provable = provable(line, note, programs, standing);
    match wants_person(claimed(line, note), note, review_above) {
        Some((queue, why)) => Verdict { if_released: provable.most, ..Verdict::on_hold(queue, why) },
        None => provable,
    }
}

/// Why a person must look at the line before it is paid.
fn wants_person(claimed: Micros, note: &Note, review_above: Option<Micros>) -> Option<(ClaimQueue, String)> {
    match note.word {
        None => {
            let above = review_above.filter(|above| claimed > *above)?;
            Some((ClaimQueue::AboveReview, format!("a line of more than {above} waits for a person")))
        }
        Some(Word::ClaimedAnew) => {
            let why = "claimed anew after a person rejected it: it waits for a person";
            Some((ClaimQueue::ClaimedAnew, why.to_owned()))
        }
        Some(_) => None,
    }
}

/// Such a program authorises nothing, with a claim or without.
fn takes_no_claims() -> Verdict {
    let remarks = vec!["the program takes no claims: it is not `paid: claim`".to_owned()];
    Verdict { remarks, ..outcome(ClaimEvent::Blocked, Micros::ZERO) }
}

/// What of the line is provable before it is compared with what is due.
fn provable(line: &ClaimLine, note: &Note, programs: &[&Program], standing: &Standing) -> Verdict {
    let asked = claimed(line, note);
    let mut verdict = outcome(ClaimEvent::Passed, asked);
    let bounds = BOUNDS.iter().filter_map(|bound| {
        // Where one of the terms does not bound it, none does; else it is the widest.
        let by_terms: Option<Vec<Bound>> =
            programs.iter().map(|program| bound(line, asked, program, standing)).collect();
        by_terms.and_then(|by_terms| by_terms.into_iter().max_by_key(|bound| bound.most))
    });
    for Bound { code, reason_901, most, reason: message } in bounds.filter(|bound| bound.most < asked) {
        verdict.most = verdict.most.min(most);
        verdict.told.push(Told::because(code, reason_901, message));
    }
    if let Some(Word::Adjusted(most) | Word::Settled(most)) = note.word
        && most < verdict.most
    {
        verdict.most = most;
        verdict.remarks.push(note.said.clone());
    }
    cut(&mut verdict, line.currency);
    verdict
}

/// Nothing below the minor unit is paid.
fn cut(verdict: &mut Verdict, currency: Currency) {
    let whole = verdict.most.floor(currency.minor_digits());
    if whole < verdict.most {
        verdict.remarks.push(format!("{} is {whole} in whole minor units of {currency}", verdict.most));
        verdict.most = whole;
    }
}

pub(super) fn round(amount: Micros, currency: Currency) -> Micros {
    amount.round(currency.minor_digits())
}

/// What is asked for by a line, as far as `units` of its own prove it. Rounded once.
pub(super) fn share_of(asked: Micros, units: Micros, line: &ClaimLine) -> Micros {
    let [one, part, whole] = [Micros::ONE, units, line.quantity].map(|Micros(units)| i128::from(units));
    Exact::product_share(asked, one, part, whole).round(line.currency)
}

/// What a person's word alone says.
fn said(state: ClaimState, note: &Note) -> Verdict {
    Verdict { remarks: vec![note.said.clone()], ..Verdict::bare(state, Micros::ZERO) }
}

pub(super) fn outcome(event: ClaimEvent, most: Micros) -> Verdict {
    let state = walk(&[ClaimEvent::Resolved, ClaimEvent::Checked, event]);
    Verdict::bare(state, most)
}

/// Where a line that has just come in stands after these events.
pub(super) fn walk(events: &[ClaimEvent]) -> ClaimState {
    events.iter().fold(ClaimState::Received, |state, event| follow(state, *event))
}

pub(super) fn follow(state: ClaimState, event: ClaimEvent) -> ClaimState {
    state.after(event).unwrap_or_else(|| panic!("{event:?} cannot happen to a claim line that is {}", state.as_str()))
}
