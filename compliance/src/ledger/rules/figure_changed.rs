//! OP-47 `figure-changed`.
//!
//! Evidence: the baseline or score at the freeze and the one since, and what would be due by each; the first sale of the
//! settlement.
//!
//! At risk: what the new figure would give less, which is held; else what it would give more.
//!
//! ## What it finds
//! A baseline of growth, or a score, that became another after the period had frozen. The one that the period froze with goes on
//! counting. What the other one would give less is held, at the close too; what it would give more is told alone.
//!
//! ## Why it matters
//! The score decides the rate of a whole period, and the baseline what of it is growth. Whoever can change them when the sales are
//! known can choose what is paid.
//!
//! ## Example
//! 86 at the freeze pays 2 %, 75 would pay 1.5 %: of 8,000.00 due 2,000.00 is held, where it is not authorised yet. 5 % on what lies
//! above a baseline of 200,000 are 3,000.00 of 260,000; above 230,000, with what a bought company had sold, 1,500.00: 1,500.00 is held.
//!
//! ## Late, corrected, out of order
//! Once `amendments.csv` has the version, somebody answers for it: the new figure counts from the next tick on, and what
//! it changes is an adjustment of the prior period. A figure is for a whole period: an approval with a last day (`to`) before the
//! period's is none of it. Where the old figure is put back nothing is left of the finding.
//! Late sales go by the frozen figure. A settlement that opens after the freeze is held for what its figure
//! has become better since. As long as the period is open another figure trues up what was accrued, and `run` says that it came.
//!
//! ## Returns
//! They take back what was given by the figure that counts. What is at risk is reckoned anew from what is left.

use contract::{Code, Id, Micros, Program};
use stream::{State, StorageError};

use super::Booked;
use crate::ledger::account::{Account, Phase};
use crate::ledger::due::due;
use crate::ledger::findings::{Found, amount};
use crate::ledger::now::Now;
use crate::ledger::settle::terms_by;
use crate::programs::{Exact, terms};
use crate::references::{Known, References};

/// What is told of such a figure, and what it holds of the settlement.
pub(crate) struct Refigured {
    pub found: Found,
    pub held: Micros,
}

/// What the new figure would give less is held.
pub(super) fn holds(
    account: &Account,
    _: &Program,
    now: Now<'_>,
    state: &mut dyn State,
) -> Result<Option<Found>, StorageError> {
    Ok(refigured(account, now, state)?.filter(|refigured| !refigured.held.is_zero()).map(|refigured| refigured.found))
}

/// What it would give more is told alone, and so is all of it where nothing is due.
pub(super) fn tells(
    _: Id,
    Booked { account, .. }: Booked<'_>,
    now: Now<'_>,
    state: &mut dyn State,
) -> Result<Option<Found>, StorageError> {
    let holds_nothing = |refigured: &Refigured| refigured.held.is_zero() || account.accrued <= Micros::ZERO;
    Ok(refigured(account, now, state)?.filter(holds_nothing).map(|refigured| refigured.found))
}

/// Compares the baseline or score that a period froze with to the one that is written there now.
pub(crate) fn refigured(
    account: &Account,
    now: Now<'_>,
    state: &mut dyn State,
) -> Result<Option<Refigured>, StorageError> {
    let Some(since) = account.phase.frozen_since().filter(|_| account.pays() && !account.amended) else {
        return Ok(None);
    };
    // A settlement that opened behind the freeze was never settled under what the others froze with.
    let frozen_at = since.min(account.terms);
    let (frozen, latest) = (now.references.as_of(frozen_at), now.known());
    let (Some(was), Some(is)) = (figure(account, frozen), figure(account, latest)) else { return Ok(None) };
    if was == is || was.called != is.called || is_approved(account, latest) {
        return Ok(None);
    }
    let mut due_by = |figures| -> Result<Micros, StorageError> {
        let program = &*terms_by(account, figures, now.references);
        Ok(due(account.id(), account, program, state)?.rounded(account, program))
    };
    let (before, after) = (due_by(frozen_at)?, due_by(now.control)?);
    let held = (account.accrued - before.min(after)).max(Micros::ZERO);
    let message = format!(
        "the {} was {} when the period froze and is {} since: {} would be due in place of {}, once it is approved",
        was.called,
        was.shown(),
        is.shown(),
        amount(after, account),
        amount(before, account),
    );
    let at_risk = if held.is_zero() { (after - before).abs() } else { held };
    Ok(Some(Refigured { found: Found::new(Code::FigureChanged, Exact::from(at_risk), message), held }))
}

/// Whether a frozen settlement counts by another figure from the next tick on, because somebody answers for it.
pub(crate) fn takes_new_figure(account: &Account, known: &Known, references: &References) -> bool {
    account.phase != Phase::Open
        && is_approved(account, known)
        && has_other_figure(account, references.as_of(account.figures), known)
}

/// Whether somebody answers for the version, up to the last day of the period at least: a figure counts for all of it.
fn is_approved(account: &Account, known: &Known) -> bool {
    let amendment = known.amendment(&account.settlement.program, account.settlement.version);
    amendment.is_some_and(|amendment| amendment.to.is_none_or(|to| to >= account.last_day))
}

/// Whether the settlement's baseline or score is another in one of two versions of the reference data.
pub(crate) fn has_other_figure(account: &Account, before: &Known, now: &Known) -> bool {
    let (was, is) = (figure(account, before), figure(account, now));
    was.zip(is).is_some_and(|(was, is)| was.called == is.called && was != is)
}

/// A settlement's baseline or score.
#[derive(PartialEq, Eq)]
struct Figured {
    /// What the terms call it.
    called: &'static str,
    /// `None` where the partner has none.
    value: Option<Micros>,
}

impl Figured {
    fn shown(&self) -> String {
        self.value.map_or_else(|| "none".to_owned(), |value| value.to_string())
    }
}

/// That of a settlement; `None` where its program goes by none, or is gone.
fn figure(account: &Account, known: &Known) -> Option<Figured> {
    let settlement = &account.settlement;
    let program = known.program(&settlement.program, settlement.version)?;
    let (called, _) = program.mechanism.figures()?;
    Some(Figured { called, value: terms::figure(program, settlement, &account.partner) })
}
