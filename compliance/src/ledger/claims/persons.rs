//! What persons decide about claim lines: commands, judged against what readers saw last.

use contract::{
    Action, Actor, AuditRecord, Claim, ClaimAction, ClaimCase, ClaimTerms, Code, Command, Day, Micros, Permitted,
    Publication, permit,
};
use stream::{Order, Outbox, StageError, State};

use super::{CLAIMED, LINES, NOTES, Note, Word, program_of};
use crate::ledger::findings::view;
use crate::references::References;

/// Does what a person decided about a line of this partition; a line of another one is left alone.
///
/// What is refused leaves its audit record as well. What a decision is worth shows at the next tick.
pub(crate) fn decide<T>(
    command: &Command,
    (control, today): (u64, Option<Day>),
    references: &References,
    state: &mut dyn State,
    outbox: &mut Outbox<T>,
) -> Result<(), StageError> {
    let Action::Claim { claim, action } = command.action else { return Ok(()) };
    let Some(mut note) = NOTES.get(state, &claim.0)? else { return Ok(()) };
    let Some(seen) = note.published.clone() else { return Ok(()) };
    let Some((_, kept)) = LINES.prefix(state, &(note.group, claim.0), Order::Down, 1)?.into_iter().next() else {
        return Ok(());
    };
    outbox.acting_for(&claim.to_string());
    let terms = program_of(&kept.line, references.as_of(control)).and_then(|program| program.paid.claims());
    let actor = Actor { name: &command.actor, reason: &command.reason, comment: &command.comment };
    let said = permit(action, &case(&note, &seen, terms, today), &actor);
    let about = format!("{} of claim {} line {}", action.as_str(), seen.claim, seen.line);
    let (what, object) = match said {
        Ok(Permitted::To(to)) => {
            note_word(&mut note, action, command, today);
            show(&mut note, Claim { state: to, ..seen }, command, outbox);
            CLAIMED.put(state, &note.group, &())?;
            ("claim.decided", format!("{about}: {}", to.as_str()))
        }
        Ok(Permitted::Proposed) => {
            note.proposed = Some((command.actor.clone(), action));
            ("claim.proposed", format!("{about} waits for a second person"))
        }
        Err(why) => ("claim.refused", format!("{about}: {why}")),
    };
    let record = note.chain.link(AuditRecord {
        chain: format!("claim/{claim}").into(),
        time: today,
        actor: command.actor.clone(),
        role: command.role.clone(),
        action: what.into(),
        object,
        reason: command.reason.clone(),
        comment: command.comment.clone(),
        ..AuditRecord::default()
    });
    outbox.publish(view(&Publication::Audit(record)));
    Ok(NOTES.put(state, &claim.0, &note)?)
}

/// What the guards must know of the line as readers saw it last.
fn case<'a>(note: &'a Note, seen: &'a Claim, terms: Option<&ClaimTerms>, today: Option<Day>) -> ClaimCase<'a> {
    ClaimCase {
        state: seen.state,
        waits: seen.queue.is_some(),
        adjusted: seen.payable < seen.claimed,
        paid: note.ordered() > Micros::ZERO,
        submitter: &seen.at.partner,
        deciders: &note.deciders,
        proposed: note.proposed.as_ref().map(|(who, what)| (who.as_str(), *what)),
        amount: seen.claimed,
        currency: seen.currency,
        limit: terms.and_then(|terms| terms.override_limit),
        appealable: is_appealable(note, terms, today),
        overridable: match seen.codes.is_empty() {
            true => note.word == Some(Word::Rejected) || note.hold.is_some(),
            // What a limit of the program took is no finding on the line.
            false => !note.findings.is_empty() && seen.codes.iter().all(|code| *code == Code::ReportedLate),
        },
    }
}

/// Publishes where the line stands now and who says so.
fn show<T>(note: &mut Note, now: Claim, command: &Command, outbox: &mut Outbox<T>) {
    let (decided_by, message) = (command.actor.clone(), command.reason.clone());
    let claim = Claim { decided_by, message, queue: None, decide_by: None, ..now };
    outbox.publish(view(&Publication::Claim(claim.clone())));
    note.published = Some(claim);
}

fn is_appealable(note: &Note, terms: Option<&ClaimTerms>, today: Option<Day>) -> bool {
    /// Bounded to a century, so that a day stays a day.
    const DAYS_MAX: u32 = 36_525;
    let days = terms.map_or(0, |terms| terms.appeal_days.min(DAYS_MAX));
    let days = i32::try_from(days).expect("a bounded count fits");
    note.refused.zip(today).is_some_and(|(refused, today)| today <= refused.plus(days))
}

fn note_word(note: &mut Note, action: ClaimAction, command: &Command, today: Option<Day>) {
    note.word = match action {
        ClaimAction::Release => Some(Word::Released),
        ClaimAction::Adjust { amount } => Some(Word::Adjusted(amount)),
        ClaimAction::Reject | ClaimAction::Uphold => Some(Word::Rejected),
        ClaimAction::Override | ClaimAction::Overturn => Some(Word::Overridden),
        ClaimAction::Settle { amount } => Some(Word::Settled(amount)),
        ClaimAction::Appeal => Some(Word::Disputed),
        ClaimAction::Withdraw => Some(Word::Withdrawn),
        ClaimAction::Resubmit { amount } => {
            (note.resubmitted, note.hold) = (Some(amount), None);
            note.word.and_then(Word::of_another_claim)
        }
    };
    note.said.clone_from(&command.reason);
    let proposed = note.proposed.take();
    note.refused = match action {
        ClaimAction::Reject | ClaimAction::Adjust { .. } | ClaimAction::Uphold | ClaimAction::Settle { .. } => today,
        // What the next tick leaves of it is another outcome.
        ClaimAction::Override | ClaimAction::Overturn | ClaimAction::Resubmit { .. } => None,
        _ => note.refused,
    };
    if !matches!(action, ClaimAction::Appeal | ClaimAction::Resubmit { .. } | ClaimAction::Withdraw) {
        let seconded = proposed.filter(|(_, proposed)| *proposed == action).map(|(proposer, _)| proposer);
        for decider in seconded.into_iter().chain([command.actor.clone()]) {
            note.deciders.retain(|other| *other != decider);
            note.deciders.push(decider);
        }
    }
}
