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
use stream::{Outbox, State, StorageError, Table, View};

/// Finding → what was said about it; kept for good.
pub(crate) const RULINGS: Table<[u8; 16], Note> = Table::new(248, "rulings");

/// What was said about a finding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note {
    said: Option<Said>,
    /// As readers saw it last.
    shown: Option<Ruling>,
    /// The audit chain of the finding, and its end.
    chain: Text,
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
}

/// A finding that a person speaks about.
pub(crate) struct Case {
    pub finding: Id,
    /// Its code, and a hash of what it rests on; `None` where it no longer stands.
    pub stands: Option<(Code, Id)>,
    /// The person is paid for what the partner sells.
    pub own: bool,
    /// Another finding explains it, so that it holds nothing.
    pub explained: bool,
    /// The unit in question is given to another sale.
    pub given_away: bool,
}

impl Case {
    /// One that no longer stands.
    pub fn gone(finding: Id) -> Case {
        Case { finding, stands: None, own: false, explained: false, given_away: false }
    }
}

impl Note {
    /// Where the audit chain is called so, unless it was called otherwise before.
    pub fn under(self, chain: String) -> Note {
        if self.end.seq > 0 { self } else { Note { chain: chain.into(), ..self } }
    }

    /// What stands said about a finding that rests on these facts.
    pub fn state(&self, basis: Id) -> Option<RulingState> {
        self.about(basis).map(|said| said.state)
    }

    fn about(&self, basis: Id) -> Option<&Said> {
        self.said.as_ref().filter(|said| said.basis == basis)
    }

    /// Takes in what a person says, with its link in the audit chain, refused or not. Whether something else is in force now.
    pub fn hear<T>(
        &mut self,
        action: RulingAction,
        case: &Case,
        command: &Command,
        today: Option<Day>,
        outbox: &mut Outbox<T>,
    ) -> bool {
        let code = case.stands.map(|(code, _)| code);
        let standing = case.stands.and_then(|(_, basis)| self.about(basis));
        let (state, by) = (standing.map(|said| said.state), standing.map_or(&[][..], |said| &said.by));
        let actor = Actor { name: &command.actor, reason: &command.reason, comment: &command.comment };
        let Case { own, explained, given_away, .. } = *case;
        let said = rule(action, &RulingCase { code, state, by, own, explained, given_away }, &actor);
        let about = match code {
            Some(code) => format!("{} of {code} {}", action.as_str(), case.finding),
            None => format!("{} of {}", action.as_str(), case.finding),
        };
        let (what, object, has_changed) = match said {
            Ok(Some(to)) if to.is_decided() => {
                ("finding.decided", format!("{about}: {}", to.as_str()), self.say(to, state, case, command))
            }
            Ok(Some(to)) => {
                self.say(to, state, case, command);
                ("finding.proposed", format!("{about} waits for a second person"), false)
            }
            Ok(None) => {
                self.said = None;
                ("finding.decided", format!("{about}: open"), state.is_some_and(RulingState::is_decided))
            }
            Err(why) => ("finding.refused", format!("{about}: {why}"), false),
        };
        self.audit(what, object, command, today, outbox);
        has_changed
    }

    fn say(&mut self, to: RulingState, from: Option<RulingState>, case: &Case, command: &Command) -> bool {
        let (_, basis) = case.stands.expect("nothing is said about a finding that is gone");
        let is_second = matches!(
            (from, to),
            (Some(RulingState::ReleaseProposed), RulingState::Released)
                | (Some(RulingState::RejectProposed), RulingState::Rejected)
        );
        let mut by = self.said.take().filter(|_| is_second).map_or_else(Vec::new, |said| said.by);
        by.push(command.actor.clone());
        self.said = Some(Said { state: to, by, reason: command.reason.clone(), basis });
        to.is_decided()
    }

    fn audit<T>(
        &mut self,
        action: &str,
        object: String,
        command: &Command,
        today: Option<Day>,
        outbox: &mut Outbox<T>,
    ) {
        let record = self.end.link(AuditRecord {
            chain: self.chain.clone(),
            time: today,
            actor: command.actor.clone(),
            role: command.role.clone(),
            action: action.into(),
            object,
            reason: command.reason.clone(),
            comment: command.comment.clone(),
            ..AuditRecord::default()
        });
        publish(&Publication::Audit(record), outbox);
    }

    /// Tells readers what stands said about a finding that rests on these facts, or that nothing does. Whether that is news.
    fn show<T>(&mut self, finding: Id, basis: Option<Id>, outbox: &mut Outbox<T>) -> bool {
        let ruling = basis.and_then(|basis| self.about(basis)).map(|said| {
            let Said { state, by, reason, .. } = said.clone();
            Ruling { finding, state, by, reason }
        });
        if ruling == self.shown {
            return false;
        }
        publish(&ruling.clone().map_or(Publication::RulingWithdrawn(finding), Publication::Ruling), outbox);
        self.shown = ruling;
        true
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

/// What stands said about a finding that rests on these facts.
pub(crate) fn state_of(finding: Id, basis: Id, state: &mut dyn State) -> Result<Option<RulingState>, StorageError> {
    Ok(RULINGS.get(state, &finding.0)?.and_then(|note| note.state(basis)))
}

/// Tells readers what stands said about a finding that rests on other facts now, or that is gone: `None`.
pub(crate) fn show<T>(
    finding: Id,
    basis: Option<Id>,
    state: &mut dyn State,
    outbox: &mut Outbox<T>,
) -> Result<(), StorageError> {
    let Some(mut note) = RULINGS.get(state, &finding.0)? else { return Ok(()) };
    match note.show(finding, basis, outbox) {
        true => RULINGS.put(state, &finding.0, &note),
        false => Ok(()),
    }
}

/// Takes in what a person says about a finding, and tells readers. Whether something else is in force now.
pub(crate) fn hear<T>(
    note: Note,
    case: &Case,
    command: &Command,
    today: Option<Day>,
    state: &mut dyn State,
    outbox: &mut Outbox<T>,
) -> Result<bool, StorageError> {
    let mut note = note;
    let Some((finding, action)) = of(command) else { return Ok(false) };
    let has_changed = note.hear(action, case, command, today, outbox);
    note.show(finding, case.stands.map(|(_, basis)| basis), outbox);
    RULINGS.put(state, &finding.0, &note)?;
    Ok(has_changed)
}

/// A hash of what a finding rests on.
pub(crate) fn basis(parts: &[&str]) -> Id {
    Id::of("basis", parts)
}

fn publish<T>(publication: &Publication, outbox: &mut Outbox<T>) {
    let record = publication.record();
    outbox.publish(View { topic: record.topic as u8, key: record.key, value: record.value });
}
