//! OP-47 `score-changed`.
//!
//! Evidence: the score at the freeze and the one since, and what would be due by each; the first sale of the settlement.
//!
//! At risk: what the new score would give less, which is held; else what it would give more.
//!
//! ## What it finds
//! A score that became another after the period had frozen. The one that the period froze with goes on counting. What the
//! other one would give less is held, at the close too; what it would give more is told alone.
//!
//! ## Why it matters
//! The score decides the rate of a whole period. Whoever can change it when the sales are known can choose what is paid.
//!
//! ## Example
//! 86 at the freeze pays 2 %, 75 would pay 1.5 %: of 8,000.00 due 2,000.00 is held, where it is not authorised yet.
//!
//! ## Late, corrected, out of order
//! Once `amendments.csv` has the version, somebody answers for it: the new score counts from the next tick on, and what
//! it changes is an adjustment of the prior period. A score is for a whole period: an approval with a last day (`to`) before the
//! period's is none of it. Where the old score is put back nothing is left of the finding.
//! Late sales go at the rate of the frozen score. A settlement that opens after the freeze is held for what its score
//! has become better since.
//!
//! ## Returns
//! They take back what was given by the score that counts. What is at risk is reckoned anew from what is left.

use contract::{Code, Figure, Id, Mechanism, Micros, Program};
use stream::{State, StorageError};

use super::Booked;
use crate::ledger::account::{Account, Phase};
use crate::ledger::due::due;
use crate::ledger::findings::{Found, amount};
use crate::ledger::now::Now;
use crate::ledger::settle::terms_by;
use crate::programs::Exact;
use crate::references::{Known, References};

/// What is told of such a score, and what it holds of the settlement.
pub(crate) struct Rescored {
    pub found: Found,
    pub held: Micros,
}

/// What the new score would give less is held.
pub(super) fn holds(
    account: &Account,
    _: &Program,
    now: Now<'_>,
    state: &mut dyn State,
) -> Result<Option<Found>, StorageError> {
    Ok(rescored(account, now, state)?.filter(|rescored| !rescored.held.is_zero()).map(|rescored| rescored.found))
}

/// What it would give more is told alone, and so is all of it where nothing is due.
pub(super) fn tells(
    _: Id,
    Booked { account, .. }: Booked<'_>,
    now: Now<'_>,
    state: &mut dyn State,
) -> Result<Option<Found>, StorageError> {
    let holds_nothing = |rescored: &Rescored| rescored.held.is_zero() || account.accrued <= Micros::ZERO;
    Ok(rescored(account, now, state)?.filter(holds_nothing).map(|rescored| rescored.found))
}

/// Compares the score that a period froze with to the one that is written there now.
pub(crate) fn rescored(
    account: &Account,
    now: Now<'_>,
    state: &mut dyn State,
) -> Result<Option<Rescored>, StorageError> {
    let Some(since) = account.phase.frozen_since().filter(|_| account.pays() && !account.amended) else {
        return Ok(None);
    };
    // A settlement that opened behind the freeze was never settled under what the others froze with.
    let frozen_at = since.min(account.terms);
    let (frozen, latest) = (now.references.as_of(frozen_at), now.known());
    let (Some(was), Some(is)) = (score(account, frozen), score(account, latest)) else { return Ok(None) };
    if was == is || is_approved(account, latest) {
        return Ok(None);
    }
    let mut due_by = |figures| -> Result<Micros, StorageError> {
        let program = &*terms_by(account, figures, now.references);
        Ok(due(account.id(), account, program, state)?.rounded(account, program))
    };
    let (before, after) = (due_by(frozen_at)?, due_by(now.control)?);
    let held = (account.accrued - before.min(after)).max(Micros::ZERO);
    let message = format!(
        "the score was {} when the period froze and is {} since: {} would be due in place of {}, once it is approved",
        shown(was),
        shown(is),
        amount(after, account),
        amount(before, account),
    );
    let at_risk = if held.is_zero() { (after - before).abs() } else { held };
    Ok(Some(Rescored { found: Found::new(Code::ScoreChanged, Exact::from(at_risk), message), held }))
}

/// Whether a frozen settlement counts by another score from the next tick on, because somebody answers for it.
pub(crate) fn takes_new_score(account: &Account, known: &Known, references: &References) -> bool {
    account.phase != Phase::Open
        && is_approved(account, known)
        && has_other_score(account, references.as_of(account.figures), known)
}

/// Whether somebody answers for the version, up to the last day of the period at least: a score counts for all of it.
fn is_approved(account: &Account, known: &Known) -> bool {
    let amendment = known.amendment(&account.settlement.program, account.settlement.version);
    amendment.is_some_and(|amendment| amendment.to.is_none_or(|to| to >= account.last_day))
}

/// Whether the settlement's score is another in one of two versions of the reference data.
pub(crate) fn has_other_score(account: &Account, before: &Known, now: &Known) -> bool {
    let (was, is) = (score(account, before), score(account, now));
    was.zip(is).is_some_and(|(was, is)| was != is)
}

/// The settlement's score, if it has one; `None` where its program goes by none, or is gone.
fn score(account: &Account, known: &Known) -> Option<Option<Micros>> {
    let settlement = &account.settlement;
    let Program { mechanism: Mechanism::Score(terms), .. } = known.program(&settlement.program, settlement.version)?
    else {
        return None;
    };
    Some(Figure::find(&terms.scores, &account.partner, &settlement.period))
}

fn shown(score: Option<Micros>) -> String {
    score.map_or_else(|| "none".to_owned(), |score| score.to_string())
}
