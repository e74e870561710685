//! Claims: what of the money that is due somebody asks for.
//!
//! A thin layer over the settlements: what is due stays a function of the sales, and a claim line says that it may be
//! authorised. Lines are facts that come and go ([`keep`]); what becomes of them is a function of these facts, of what is
//! due, and of what persons decided, found anew at ticks ([`judging`]). What was authorised for a line at an earlier tick
//! stays its own.
//!
//! A claimed group is one program for one beneficiary, period and currency: the settlements of all its versions.

mod denials;
mod desk;
mod judging;
mod keep;
mod overdue;
mod passed;
mod persons;
mod rules;
mod scope;
mod sharing;
mod verdict;

use std::collections::BTreeMap;

use contract::{ChainEnd, Claim, ClaimAction, ClaimLine, Code, Currency, Day, Denial, Id, Micros, Program, Text};
use serde::{Deserialize, Serialize};
use stream::{Order, State, StorageError, Table};

pub(crate) use denials::{clear, deny};
pub(crate) use judging::{Judging, publish_auto, publish_kept};
pub(crate) use keep::{come, go};
pub(crate) use persons::decide;
pub(crate) use rules::claim_late::last_day;

use self::overdue::Hold;
use super::account::{Account, Phase};
use super::slots::version_for;
use crate::references::Known;

/// (claimed group, claim line, version) → the line, with when it came and went.
const LINES: Table<([u8; 16], [u8; 16], u32), Kept> = Table::new(15, "claim lines");
/// Claim line → what became of it.
const NOTES: Table<[u8; 16], Note> = Table::new(16, "claim notes");
/// Claimed groups that the next tick judges.
pub(crate) const CLAIMED: Table<[u8; 16], ()> = Table::new(17, "claimed groups");
/// (day, claimed group): on that day it is judged again. The first one past the grace, where there was no settlement when it was
/// judged, behind all days where that was past; that of the next account, where less waits than the least that is paid; the first
/// one behind the last day for a decision about a line that is on hold.
pub(crate) const EXPIRIES: Table<(i32, [u8; 16]), ()> = Table::new(18, "expiries of claims");

/// A version of a claim line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    line: ClaimLine,
    /// Controls in force when the ledger learned that it came, and that it went.
    came: u64,
    gone: Option<u64>,
}

impl Kept {
    fn stands(&self, control: u64) -> bool {
        self.came < control && self.gone.is_none_or(|gone| gone >= control)
    }
}

/// What became of a claim line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    group: [u8; 16],
    /// The version that persons decided about.
    version: u32,
    /// Claimed anew in place of the line's own amount.
    resubmitted: Option<Micros>,
    word: Option<Word>,
    /// Who decided, the last one last, and why.
    deciders: Vec<Text>,
    said: String,
    /// Who proposed what waits for a second person.
    proposed: Option<(Text, ClaimAction)>,
    /// Since when some of it is refused.
    refused: Option<Day>,
    hold: Option<Hold>,
    /// Ordered to be paid so far, by the settlement's version, and the control of the first order.
    ordered: BTreeMap<u32, Micros>,
    first_order: Option<u64>,
    /// The control that first kept something for it of a frozen period, while a person decides.
    first_kept: Option<u64>,
    /// What of that is above what the line claims, because it was within the tolerance of what is due.
    raised: Micros,
    /// As readers saw it last.
    published: Option<Claim>,
    findings: Vec<(Code, Id)>,
    /// The audit chain of the line.
    chain: ChainEnd,
}

/// What persons decided last about a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Word {
    Released,
    /// No more than that.
    Adjusted(Micros),
    Rejected,
    Overridden,
    Disputed,
    /// A dispute ended with no more than that.
    Settled(Micros),
    Withdrawn,
    /// It was rejected by a person, and something else is claimed in its place.
    ClaimedAnew,
}

impl Word {
    /// What stands of it where the line claims something else than a person saw: a refusal is not undone by that, nor is
    /// what the partner said itself.
    fn of_another_claim(self) -> Option<Word> {
        match self {
            Word::Rejected | Word::ClaimedAnew => Some(Word::ClaimedAnew),
            Word::Disputed | Word::Withdrawn => Some(self),
            Word::Released | Word::Adjusted(_) | Word::Overridden | Word::Settled(_) => None,
        }
    }
}

impl Note {
    /// Ordered to be paid so far.
    fn ordered(&self) -> Micros {
        self.ordered.values().copied().sum()
    }

    /// Since which control it has a place among those that are served.
    fn place(&self) -> Option<u64> {
        self.first_order.into_iter().chain(self.first_kept).min()
    }

    /// The note once the line is restated. For the same claim all that persons decided stands.
    fn restated(self, group: [u8; 16], before: Option<&ClaimLine>, line: &ClaimLine) -> Note {
        let version = line.version;
        if before.is_some_and(|before| claims_the_same(before, line)) {
            return Note { group, version, ..self };
        }
        let Some(word) = self.word.and_then(Word::of_another_claim) else {
            let Note { ordered, first_order, first_kept, published, findings, chain, .. } = self;
            let had = Note { ordered, first_order, first_kept, ..Note::default() };
            return Note { group, version, published, findings, chain, ..had };
        };
        Note { group, version, word: Some(word), resubmitted: None, proposed: None, hold: None, ..self }
    }
}

fn claims_the_same(before: &ClaimLine, line: &ClaimLine) -> bool {
    let claimed = |line: &ClaimLine| [line.amount, line.quantity, line.unit];
    let about = |line: &ClaimLine| [&line.document, &line.product, &line.authorisation].map(Text::clone);
    claimed(before) == claimed(line) && about(before) == about(line)
}

/// What claims are shared over.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Group<'a> {
    program: &'a Text,
    beneficiary: &'a Text,
    period: Text,
    currency: Currency,
}

impl<'a> Group<'a> {
    /// That of a line, by the terms of the day that it names.
    fn of_line(line: &'a ClaimLine, program: &Program) -> Group<'a> {
        Group::on((&line.program, &line.beneficiary, line.currency), line.date, program)
    }

    /// That of lines for a sale that earns nothing.
    fn of_denial(denial: &'a Denial, program: &Program) -> Group<'a> {
        Group::on((&denial.program, &denial.beneficiary, denial.currency), denial.date, program)
    }

    fn on((program, beneficiary, currency): (&'a Text, &'a Text, Currency), date: Day, terms: &Program) -> Group<'a> {
        Group { program, beneficiary, period: terms.period.label(date).into(), currency }
    }

    fn id(&self) -> Id {
        Id::of("claimed", &[self.program, self.beneficiary, &self.period, self.currency.as_str()])
    }
}

/// The terms under which a line claims; `None` where the program is not known.
fn program_of<'a>(line: &ClaimLine, known: &'a Known) -> Option<&'a Program> {
    version_for(&line.program, line.date, known)
}

/// Has the claims judged for which there is no settlement: no other one hears of new terms and tables. With them those that are to
/// be judged on some day anyway.
pub(crate) fn touch_orphans(state: &mut dyn State) -> Result<(), StorageError> {
    let orphans = EXPIRIES.range(state, &(i32::MIN, [0; 16]), &(i32::MAX, [0xff; 16]), Order::Up, usize::MAX)?;
    orphans.into_iter().try_for_each(|((_, group), ())| CLAIMED.put(state, &group, &()))
}

/// What of a frozen settlement is due and not claimed; `claimed` is what lines have or ask for of it.
fn unclaimed(account: &Account, program: &Program, claimed: Micros) -> Micros {
    let is_claimable = program.paid.claims().is_some() && !program.mechanism.is_drawn_on();
    if !is_claimable || !account.pays() || account.phase == Phase::Open || account.has_closed() {
        return Micros::ZERO;
    }
    (account.accrued - account.ordered_as_kept - claimed).max(Micros::ZERO)
}

/// Notes what nobody claims of a settlement without claims; where there are some, judging them does.
pub(crate) fn note_unclaimed(
    account: &mut Account,
    program: &Program,
    control: u64,
    state: &mut dyn State,
) -> Result<(), StorageError> {
    let group = group_of(account).id().0;
    let lines = LINES.prefix(state, &group, Order::Up, usize::MAX)?;
    if !lines.iter().any(|(_, kept)| kept.came < control) {
        account.unclaimed = unclaimed(account, program, Micros::ZERO);
    }
    Ok(())
}

fn group_of(account: &Account) -> Group<'_> {
    let settlement = &account.settlement;
    Group {
        program: &settlement.program,
        beneficiary: &settlement.beneficiary,
        period: settlement.period.clone(),
        currency: settlement.currency,
    }
}

/// Whether somebody decides about a line on a settlement: one that is on hold, and has a last day for that which was not past at
/// the tick before. What was decided since then is judged first.
pub(crate) fn await_decision(
    account: &Account,
    before: Option<Day>,
    state: &mut dyn State,
) -> Result<bool, StorageError> {
    if account.accrued <= account.authorised.max(Micros::ZERO) {
        return Ok(false);
    }
    let waits = awaited(account, state)?;
    Ok(waits.into_iter().any(|(last, _)| before.is_none_or(|before| before <= last)))
}

/// What lines on a settlement ask for, above what was ordered for them, that somebody decides about, each with the last day for that.
pub(crate) fn awaited(account: &Account, state: &mut dyn State) -> Result<Vec<(Day, Micros)>, StorageError> {
    let kept = LINES.prefix(state, &group_of(account).id().0, Order::Up, usize::MAX)?;
    let mut awaited = Vec::new();
    for versions in kept.chunk_by(|((_, a, _), _), ((_, b, _), _)| a == b) {
        let (_, Kept { line, .. }) = versions.last().expect("a chunk is not empty");
        let Some(note) = NOTES.get(state, &line.id.0)? else { continue };
        let asked = (verdict::claimed(line, &note) - note.ordered()).max(Micros::ZERO);
        awaited.extend(note.hold.and_then(|hold| hold.decide_by).map(|last| (last, asked)));
    }
    Ok(awaited)
}

/// Has the claims on a settlement judged at this tick, if there are any.
pub(crate) fn touch(account: &Account, state: &mut dyn State) -> Result<(), StorageError> {
    let id = group_of(account).id().0;
    match LINES.prefix(state, &id, Order::Up, 1)?.is_empty() {
        true => Ok(()),
        false => CLAIMED.put(state, &id, &()),
    }
}
