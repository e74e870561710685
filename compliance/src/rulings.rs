//! What persons said about findings that hold, as both stages keep it.
//!
//! A decision is about the facts that the person was shown, named by their hash. Where a finding rests on others it is held
//! anew; where it rests on the same again the decision stands again. So what is in force follows from the facts and from
//! what was said, whenever either came.

use contract::{
    Action, Actor, AuditRecord, ChainEnd, Code, Command, Day, Id, Publication, Ruling, RulingAction, RulingCase,
    RulingState, Text, rule,
};
use serde::{Deserialize, Serialize};
use stream::{Order, Outbox, State, StorageError, Table, View};

/// Finding and product → what was said about it; kept for good.
const RULINGS: Table<([u8; 16], String), Note> = Table::new(248, "rulings");

/// A finding as persons decide about it. A row may be read as another product later, by another partition: that is a case of its
/// own, with its own words and its own audit chain.
#[derive(Clone, Copy)]
pub(crate) struct About<'a> {
    pub finding: Id,
    /// What its row was read as; empty where it is about no row.
    pub product: &'a str,
}

impl About<'_> {
    /// The audit chain of the case.
    fn chain(self) -> String {
        match self.product {
            "" => format!("finding/{}", self.finding),
            product => format!("finding/{}/{product}", self.finding),
        }
    }

    fn key(self) -> ([u8; 16], String) {
        (self.finding.0, self.product.to_owned())
    }

    fn note(self, state: &mut dyn State) -> Result<Option<Note>, StorageError> {
        RULINGS.get(state, &self.key())
    }
}

/// What was said about a finding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    said: Option<Said>,
    /// The end of its audit chain.
    end: ChainEnd,
}

/// What stands said, about which facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Said {
    state: RulingState,
    /// Whoever proposed it first.
    by: Vec<Text>,
    reason: String,
    basis: Id,
    /// The control of the command.
    since: u64,
}

/// A finding that a person speaks about.
#[derive(Clone, Copy, Default)]
pub(crate) struct Case {
    /// Its code, and a hash of what it rests on; `None` where it no longer stands.
    pub stands: Option<(Code, Id)>,
    /// The person is paid for what one of its partners sells.
    pub own: bool,
    /// Another finding explains it, so that it holds nothing.
    pub explained: bool,
    /// More is at risk than the person may let go of (OP-40).
    pub above_limit: bool,
}

/// What a person says, and when.
#[derive(Clone, Copy)]
pub(crate) struct Spoken<'a> {
    pub command: &'a Command,
    pub control: u64,
    pub today: Option<Day>,
}

impl Note {
    fn about(&self, basis: Id) -> Option<&Said> {
        self.said.as_ref().filter(|said| said.basis == basis)
    }

    /// What stands said about a finding that rests on these facts, as readers see it.
    fn ruling(&self, about: About<'_>, basis: Id) -> Option<Ruling> {
        let Said { state, by, reason, .. } = self.about(basis)?.clone();
        Some(Ruling { finding: about.finding, product: about.product.into(), state, by, reason })
    }

    /// Takes in what a person says, with its link in the audit chain, refused or not. Whether something else is in force now.
    fn hear<T>(&mut self, about: About<'_>, case: Case, spoken: Spoken<'_>, outbox: &mut Outbox<T>) -> bool {
        let command = spoken.command;
        let Some((finding, action)) = of(command) else { return false };
        let code = case.stands.map(|(code, _)| code);
        let standing = case.stands.and_then(|(_, basis)| self.about(basis));
        let (state, by) = (standing.map(|said| said.state), standing.map_or(&[][..], |said| &said.by));
        let actor = Actor { name: &command.actor, reason: &command.reason, comment: &command.comment };
        let Case { own, explained, above_limit, .. } = case;
        let said = rule(action, &RulingCase { code, state, by, own, explained, above_limit }, &actor);
        let what = match code {
            Some(code) => format!("{} of {code} {finding}", action.as_str()),
            None => format!("{} of {finding}", action.as_str()),
        };
        let (done, object, has_changed) = match said {
            Ok(Some(to)) if to.is_decided() => {
                self.say(to, state, case, spoken);
                ("finding.decided", format!("{what}: {}", to.as_str()), true)
            }
            Ok(Some(to)) => {
                self.say(to, state, case, spoken);
                ("finding.proposed", format!("{what} waits for a second person"), false)
            }
            Ok(None) => {
                self.said = None;
                ("finding.decided", format!("{what}: open"), state.is_some_and(RulingState::is_decided))
            }
            Err(why) => ("finding.refused", format!("{what}: {why}"), false),
        };
        let record = self.end.link(AuditRecord {
            chain: about.chain().into(),
            time: spoken.today,
            actor: command.actor.clone(),
            role: command.role.clone(),
            action: done.into(),
            object,
            reason: command.reason.clone(),
            comment: command.comment.clone(),
            ..AuditRecord::default()
        });
        publish(&Publication::Audit(record), outbox);
        has_changed
    }

    fn say(&mut self, to: RulingState, from: Option<RulingState>, case: Case, spoken: Spoken<'_>) {
        let (_, basis) = case.stands.expect("nothing is said about a finding that is gone");
        let is_second = matches!(
            (from, to),
            (Some(RulingState::ReleaseProposed), RulingState::Released)
                | (Some(RulingState::RejectProposed), RulingState::Rejected)
        );
        let mut by = self.said.take().filter(|_| is_second).map_or_else(Vec::new, |said| said.by);
        by.push(spoken.command.actor.clone());
        self.said = Some(Said { state: to, by, reason: spoken.command.reason.clone(), basis, since: spoken.control });
    }
}

/// Whether anybody said anything about a finding so far.
pub(crate) fn any(state: &mut dyn State) -> Result<bool, StorageError> {
    Ok(!RULINGS.first(state, 1)?.is_empty())
}

/// The finding that a command decides about, and how; `None` for one about something else.
pub(crate) fn of(command: &Command) -> Option<(Id, RulingAction)> {
    match command.action {
        Action::Finding { finding, action } => Some((finding, action)),
        _ => None,
    }
}

/// The products under which something was said about a finding, in order.
pub(crate) fn products(finding: Id, state: &mut dyn State) -> Result<Vec<Text>, StorageError> {
    let notes = RULINGS.prefix(state, &finding.0, Order::Up, usize::MAX)?;
    Ok(notes.into_iter().map(|((_, product), _)| product.into()).collect())
}

/// What stands said about a finding that rests on these facts.
pub(crate) fn ruling(about: About<'_>, basis: Id, state: &mut dyn State) -> Result<Option<Ruling>, StorageError> {
    Ok(about.note(state)?.and_then(|note| note.ruling(about, basis)))
}

/// What is decided about a finding that rests on these facts, and the control at which it was.
pub(crate) fn decided(
    about: About<'_>,
    basis: Id,
    state: &mut dyn State,
) -> Result<Option<(RulingState, u64)>, StorageError> {
    let note = about.note(state)?;
    let said = note.as_ref().and_then(|note| note.about(basis)).filter(|said| said.state.is_decided());
    Ok(said.map(|said| (said.state, said.since)))
}

/// The control at which a finding was released that rests on these facts; `None` where it is not.
pub(crate) fn released(about: About<'_>, basis: Id, state: &mut dyn State) -> Result<Option<u64>, StorageError> {
    let decided = decided(about, basis, state)?;
    Ok(decided.filter(|(said, _)| *said == RulingState::Released).map(|(_, since)| since))
}

/// Goes on with a release under the finding that has taken the place of another. Each comes with what it rests on.
pub(crate) fn go_on(
    (from, was): (About<'_>, Id),
    (to, is): (About<'_>, Id),
    state: &mut dyn State,
) -> Result<(), StorageError> {
    if released(from, was, state)?.is_none() {
        return Ok(());
    }
    let (mut old, mut new) = (from.note(state)?.unwrap_or_default(), to.note(state)?.unwrap_or_default());
    new.said = old.said.take().map(|said| Said { basis: is, ..said });
    RULINGS.put(state, &from.key(), &old)?;
    RULINGS.put(state, &to.key(), &new)
}

/// Takes in what a person says about a finding, and tells readers. Whether something else is in force now.
pub(crate) fn hear<T>(
    about: About<'_>,
    case: Case,
    spoken: Spoken<'_>,
    state: &mut dyn State,
    outbox: &mut Outbox<T>,
) -> Result<bool, StorageError> {
    outbox.acting_for(&about.chain());
    let mut note = about.note(state)?.unwrap_or_default();
    let stands = |note: &Note| case.stands.and_then(|(_, basis)| note.ruling(about, basis));
    let was = stands(&note);
    let has_changed = note.hear(about, case, spoken, outbox);
    show(was, stands(&note), outbox);
    RULINGS.put(state, &about.key(), &note)?;
    Ok(has_changed)
}

/// Tells readers what stands said about a finding, as far as that is news.
pub(crate) fn show<T>(was: Option<Ruling>, is: Option<Ruling>, outbox: &mut Outbox<T>) {
    if was == is {
        return;
    }
    match (was, is) {
        (_, Some(is)) => publish(&Publication::Ruling(is), outbox),
        (Some(was), None) => publish(&Publication::RulingWithdrawn(was.finding, was.product), outbox),
        (None, None) => {}
    }
}

/// A hash of what a finding rests on.
pub(crate) fn basis(parts: &[&str]) -> Id {
    Id::of("basis", parts)
}

fn publish<T>(publication: &Publication, outbox: &mut Outbox<T>) {
    let record = publication.record();
    outbox.publish(View { topic: record.topic as u8, key: record.key, value: record.value });
}
