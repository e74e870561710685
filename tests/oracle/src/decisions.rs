//! What persons decide about claim lines (docs/claims.md, "Persons"; domain notes §2.3, CL10–CL14 and CL23).

use std::collections::BTreeSet;

use contract::{ClaimAction, ClaimLine, ClaimState, ClaimTerms, Code, Command, Day, Micros, Text};

use crate::claims::Seen;

/// What holds of a line because a person said so last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    Released,
    /// No more than that.
    Adjusted(Micros),
    Rejected,
    /// Let go, however late it came.
    Overridden,
    /// The same for no more than that.
    Settled(Micros),
    Disputed,
    Withdrawn,
    /// Rejected, and something else is claimed in its place.
    ClaimedAnew,
}

/// All that persons have said about a line.
#[derive(Clone, Debug, Default)]
pub struct Said {
    pub word: Option<Word>,
    /// Claimed in place of the line's own amount.
    pub resubmitted: Option<Micros>,
    deciders: BTreeSet<Text>,
    /// Who was the first to say what two must say.
    proposed: Option<(Text, ClaimAction)>,
    /// Since when some of it is refused: the days for an appeal run from there.
    pub refused: Option<Day>,
}

impl Said {
    /// What stands of it where something else is claimed: a dispute, a withdrawal, and that a person rejected it.
    pub fn of_another_claim(&self) -> Said {
        let word = match self.word {
            Some(Word::Rejected | Word::ClaimedAnew) => Word::ClaimedAnew,
            Some(word @ (Word::Disputed | Word::Withdrawn)) => word,
            _ => return Said::default(),
        };
        Said { word: Some(word), resubmitted: None, proposed: None, ..self.clone() }
    }

    /// Does what a command says about a line that a partner sent, as it was seen last, and whether it is or was on hold since.
    /// Returns where the line stands then; `None` where nothing comes of it.
    pub fn decide(
        &mut self,
        (action, command): (ClaimAction, &Command),
        (seen, of, is_undecided): (&Seen, &ClaimLine, bool),
        terms: Option<&ClaimTerms>,
        today: Option<Day>,
    ) -> Option<ClaimState> {
        let days = terms.map_or(0, |terms| terms.appeal_days);
        let until = self.refused.map(|day| day.plus(i32::try_from(days).expect("days are few")));
        let is_partner = command.actor.strip_prefix("partner/") == Some(&*of.at.partner);
        let asked = Asked {
            is_partner,
            has_decided: self.deciders.contains(&command.actor),
            in_time: until.zip(today).is_some_and(|(until, today)| today <= until),
            by_person: self.word == Some(Word::Rejected),
            is_undecided,
            has_reason: !command.reason.trim().is_empty(),
            has_comment: !command.comment.trim().is_empty(),
            digits: of.currency.minor_digits(),
        };
        if command.actor.is_empty() || !asked.may(action, seen) {
            return None;
        }
        let let_go = match action {
            ClaimAction::Override | ClaimAction::Overturn => seen.claimed,
            ClaimAction::Settle { amount } => amount,
            _ => Micros::ZERO,
        };
        let wants_two = terms.and_then(|terms| terms.override_limit).is_some_and(|limit| let_go > limit);
        let first = self.proposed.as_ref().filter(|(_, proposed)| *proposed == action).map(|(first, _)| first.clone());
        if wants_two && first.is_none() {
            self.proposed = Some((command.actor.clone(), action));
        }
        if wants_two && first.as_ref().is_none_or(|first| *first == command.actor) {
            return None;
        }
        if !is_partner {
            self.deciders.extend(first.into_iter().chain([command.actor.clone()]));
        }
        self.proposed = None;
        let state = self.note(action, today);
        // About what is not authorised: the rest stays so.
        let is_about_that = matches!(action, ClaimAction::Release | ClaimAction::Adjust { .. } | ClaimAction::Reject);
        Some(if is_about_that && seen.state == ClaimState::Authorised { seen.state } else { state })
    }

    fn note(&mut self, action: ClaimAction, today: Option<Day>) -> ClaimState {
        let (word, refused, state) = match action {
            ClaimAction::Release => (Word::Released, self.refused, ClaimState::Valid),
            ClaimAction::Adjust { amount } => (Word::Adjusted(amount), today, ClaimState::Valid),
            ClaimAction::Reject | ClaimAction::Uphold => (Word::Rejected, today, ClaimState::Rejected),
            ClaimAction::Override | ClaimAction::Overturn => (Word::Overridden, None, ClaimState::Valid),
            ClaimAction::Settle { amount } => (Word::Settled(amount), today, ClaimState::Valid),
            ClaimAction::Appeal => (Word::Disputed, self.refused, ClaimState::InDispute),
            ClaimAction::Withdraw => (Word::Withdrawn, self.refused, ClaimState::Withdrawn),
            ClaimAction::Resubmit { amount } => {
                let word = self.of_another_claim().word;
                (self.word, self.resubmitted, self.refused) = (word, Some(amount), None);
                return ClaimState::Received;
            }
        };
        (self.word, self.refused) = (Some(word), refused);
        state
    }
}

/// Who asks for something, and when.
struct Asked {
    is_partner: bool,
    has_decided: bool,
    in_time: bool,
    /// A person has rejected it.
    by_person: bool,
    /// Nobody has decided about it.
    is_undecided: bool,
    has_reason: bool,
    has_comment: bool,
    /// Decimals of the currency.
    digits: u32,
}

impl Asked {
    /// The table of the guards.
    fn may(&self, action: ClaimAction, seen: &Seen) -> bool {
        use ClaimState::{Authorised, InDispute, Rejected, Valid, Withdrawn};
        let (is, waits) = (|state| seen.state == state, seen.queue.is_some());
        let is_money = |amount: Micros| Micros::ZERO < amount && amount.round(self.digits) == amount;
        let fits = |amount| is_money(amount) && amount <= seen.claimed;
        let may_be_overridden = match seen.codes.is_empty() {
            true => self.by_person || self.is_undecided,
            false => seen.codes.iter().all(|code| *code == Code::ReportedLate),
        };
        let is_decided_anew = is(InDispute) && !self.is_partner && !self.has_decided && self.has_reason;
        match action {
            ClaimAction::Release => waits && !self.is_partner,
            ClaimAction::Adjust { amount } => waits && !self.is_partner && self.has_reason && fits(amount),
            ClaimAction::Reject => waits && !self.is_partner && self.has_reason,
            ClaimAction::Override => {
                let is_explained = self.has_reason && self.has_comment;
                is(Rejected) && may_be_overridden && !self.is_partner && !self.has_decided && is_explained
            }
            ClaimAction::Resubmit { amount } => is(Rejected) && self.is_partner && self.in_time && is_money(amount),
            ClaimAction::Appeal => {
                let is_less = (is(Valid) || is(Authorised)) && seen.approved < seen.claimed;
                (is(Rejected) || is_less) && self.is_partner && self.in_time
            }
            ClaimAction::Uphold | ClaimAction::Overturn => is_decided_anew,
            ClaimAction::Settle { amount } => is_decided_anew && fits(amount),
            ClaimAction::Withdraw => self.is_partner && !is(Withdrawn) && seen.authorised.is_zero(),
        }
    }
}
