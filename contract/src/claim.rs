//! Claims: what a partner asks to be paid, and the way of one line of it (domain notes §2.3).
//!
//! A line is the unit of decision; a claim as a whole is open while one of its lines is. Systems move lines by
//! [`ClaimEvent`]s, persons by [`ClaimAction`]s, which [`permit`] judges. Both are pure.

use serde::{Deserialize, Serialize};

use crate::{Code, Currency, Day, Id, Micros, RecordRef, Text};

/// How a program pays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Paid {
    /// What is due is authorised when the period freezes (domain notes §2.4).
    #[default]
    Auto,
    /// What is due is authorised as far as it is claimed.
    Claim(ClaimTerms),
}

impl Paid {
    /// The terms of claims; `None` where none are wanted.
    pub fn claims(&self) -> Option<&ClaimTerms> {
        match self {
            Paid::Auto => None,
            Paid::Claim(terms) => Some(terms),
        }
    }
}

/// When and up to how much a claim is decided without a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimTerms {
    /// Days after the period's end within which a claim may come in.
    pub days: u32,
    /// What becomes of one that comes in later.
    pub late: LateClaim,
    /// A line of more than that waits for a person.
    pub review_above: Option<Micros>,
    /// More than that is overridden by two persons.
    pub override_limit: Option<Micros>,
    /// Days after a decision within which it may be appealed.
    pub appeal_days: u32,
    pub tolerance: Tolerance,
    /// How long a line may be on hold; `None`: until somebody decides.
    pub review: Option<Review>,
}

/// How long a line may be on hold, and what becomes of it where nobody has decided by then (CL8, CL24).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// Days from the first tick that shows it on hold.
    pub days: u32,
    pub unreviewed: Unreviewed,
}

/// What becomes of a line on hold that nobody has decided about in time (CL24).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unreviewed {
    /// It is rejected.
    #[default]
    Reject,
    /// It counts with the next period, until as many days after the end of that, and is rejected then.
    Roll,
}

/// How far what is claimed may be from what is due for it before that is told (OP-44). The larger of both bounds holds; without
/// any, nothing is let pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tolerance {
    pub amount: Option<Micros>,
    /// Of what is due: 0.01 is one percent.
    pub share: Option<Micros>,
    pub below: BelowDue,
}

impl Tolerance {
    /// The largest difference from an amount that is let pass.
    pub fn around(&self, due: Micros) -> Micros {
        let share = self.share.map_or(Micros::ZERO, |share| due.times(share));
        self.amount.unwrap_or_default().max(share)
    }
}

/// What is paid where less is claimed than is due, by no more than is let pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BelowDue {
    /// What is claimed.
    #[default]
    Claimed,
    /// What is due.
    Calculated,
}

/// What becomes of a claim that comes in after its window (CL24).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LateClaim {
    /// It is rejected with OP-07.
    Reject,
    /// It counts as if it had come with the next period, until that one's window ends.
    Roll,
}

/// One line of a claim as it was sent, bound to its program and beneficiary.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ClaimLine {
    /// Derived from partner, claim and line: the same for every version.
    pub id: Id,
    /// From 1; a restatement counts up.
    pub version: u32,
    pub ledger_key: Text,
    pub at: RecordRef,
    /// The control in force when the record came in.
    #[serde(with = "crate::wire::count")]
    pub stamp: u64,
    /// Number of the claim as sent.
    pub claim: Text,
    pub line: Text,
    pub program: Text,
    /// `partner:ID`.
    pub beneficiary: Text,
    /// A day of the period that is claimed.
    pub date: Day,
    /// Units; zero where the line states none.
    pub quantity: Micros,
    /// Claimed for a unit; zero where the line states nothing.
    pub unit: Micros,
    pub amount: Micros,
    pub currency: Currency,
    /// The document that the claim is for as sent, `document` or `document#line`; empty for the whole period.
    pub document: Text,
    /// The sale line that it is for, where `document` names one.
    pub sale: Option<Id>,
    /// Golden product that it is for; empty where it names none.
    pub product: Text,
    /// Number of the special price that it is for as sent; empty where it names none.
    pub authorisation: Text,
}

/// Where a claim line stands (domain notes §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ClaimState {
    Received,
    /// Program and partner are known.
    Identified,
    /// They are not: a doubt about data, no rejection.
    Quarantined,
    /// What the line says by itself holds.
    Checked,
    /// It may be paid, all of it or what is provable.
    Valid,
    /// Evidence may still come.
    Deferred,
    /// A person decides.
    OnHold,
    Rejected,
    /// An appeal is open.
    InDispute,
    Authorised,
    /// In a payout that finance has.
    Submitted,
    Scheduled,
    Paid,
    /// Paid, and less is due than was paid.
    ClawbackOpen,
    ClawbackSettled,
    WrittenOff,
    Withdrawn,
}

impl ClaimState {
    pub const ALL: [ClaimState; 17] = [
        ClaimState::Received,
        ClaimState::Identified,
        ClaimState::Quarantined,
        ClaimState::Checked,
        ClaimState::Valid,
        ClaimState::Deferred,
        ClaimState::OnHold,
        ClaimState::Rejected,
        ClaimState::InDispute,
        ClaimState::Authorised,
        ClaimState::Submitted,
        ClaimState::Scheduled,
        ClaimState::Paid,
        ClaimState::ClawbackOpen,
        ClaimState::ClawbackSettled,
        ClaimState::WrittenOff,
        ClaimState::Withdrawn,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            ClaimState::Received => "received",
            ClaimState::Identified => "identified",
            ClaimState::Quarantined => "quarantined",
            ClaimState::Checked => "checked",
            ClaimState::Valid => "valid",
            ClaimState::Deferred => "deferred",
            ClaimState::OnHold => "on-hold",
            ClaimState::Rejected => "rejected",
            ClaimState::InDispute => "in-dispute",
            ClaimState::Authorised => "authorised",
            ClaimState::Submitted => "submitted",
            ClaimState::Scheduled => "scheduled",
            ClaimState::Paid => "paid",
            ClaimState::ClawbackOpen => "clawback-open",
            ClaimState::ClawbackSettled => "clawback-settled",
            ClaimState::WrittenOff => "written-off",
            ClaimState::Withdrawn => "withdrawn",
        }
    }

    /// Where the line stands after an event; `None` where the event cannot happen to it.
    pub fn after(self, event: ClaimEvent) -> Option<ClaimState> {
        use ClaimState as S;
        let next = match (self, event) {
            (S::Received | S::Quarantined, ClaimEvent::Resolved) => S::Identified,
            (S::Received, ClaimEvent::Unresolved) => S::Quarantined,
            (S::Identified, ClaimEvent::Checked) => S::Checked,
            (S::Checked | S::Deferred | S::Valid | S::Authorised, ClaimEvent::Passed) => S::Valid,
            (S::Checked | S::Deferred | S::Valid, ClaimEvent::EvidenceMissing) => S::Deferred,
            (S::Checked | S::Deferred | S::Valid, ClaimEvent::Doubted) => S::OnHold,
            (S::Identified | S::Checked | S::Deferred | S::OnHold | S::Valid, ClaimEvent::Blocked) => S::Rejected,
            (S::Deferred | S::OnHold, ClaimEvent::Expired) => S::Rejected,
            (S::Deferred | S::OnHold, ClaimEvent::Rolled) => S::Received,
            (S::Valid, ClaimEvent::Reserved) => S::Authorised,
            (S::Authorised, ClaimEvent::Submitted) => S::Submitted,
            (S::Submitted, ClaimEvent::Accepted) => S::Scheduled,
            (S::Submitted, ClaimEvent::Refused) => S::Valid,
            (S::Scheduled, ClaimEvent::Settled) => S::Paid,
            (S::Scheduled, ClaimEvent::PaymentFailed) => S::Authorised,
            (S::Paid | S::ClawbackSettled, ClaimEvent::ClawedBack) => S::ClawbackOpen,
            (S::ClawbackOpen, ClaimEvent::SetOff) => S::ClawbackSettled,
            (S::ClawbackOpen, ClaimEvent::WrittenOff) => S::WrittenOff,
            _ => return None,
        };
        Some(next)
    }

    /// Whether nothing happens to it any more unless a person or a sale moves it.
    pub fn is_final(self) -> bool {
        use ClaimState as S;
        matches!(self, S::Rejected | S::Paid | S::ClawbackSettled | S::WrittenOff | S::Withdrawn)
    }
}

/// Why a line is on hold, and so who decides about it (CL8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ClaimQueue {
    /// The sale that it is for, or one of its period, is held: who decides about findings.
    HeldSale,
    /// It asks for more than is paid without a person: who reviews claims.
    AboveReview,
    /// It is claimed anew after a person rejected it: who reviews claims.
    ClaimedAnew,
}

impl ClaimQueue {
    pub const ALL: [ClaimQueue; 3] = [ClaimQueue::HeldSale, ClaimQueue::AboveReview, ClaimQueue::ClaimedAnew];

    pub fn as_str(self) -> &'static str {
        match self {
            ClaimQueue::HeldSale => "held-sale",
            ClaimQueue::AboveReview => "above-review",
            ClaimQueue::ClaimedAnew => "claimed-anew",
        }
    }
}

/// What happens to a claim line without a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimEvent {
    /// Program and partner are known (CL2).
    Resolved,
    /// They are not (CL3).
    Unresolved,
    /// What the line says by itself holds (CL4).
    Checked,
    /// All checks pass, or the provable part stands (CL5, CL7, CL20).
    Passed,
    /// Nothing is due yet and may still be (CL6).
    EvidenceMissing,
    /// CL8.
    Doubted,
    /// CL9.
    Blocked,
    /// The time for evidence or a decision is over (CL24).
    Expired,
    /// It counts with the next period (CL24).
    Rolled,
    /// What is due is reserved for it, at once with the authorization (CL15).
    Reserved,
    /// CL16.
    Submitted,
    /// CL17.
    Accepted,
    /// CL17.
    Refused,
    /// CL18.
    Settled,
    /// CL19.
    PaymentFailed,
    /// Less is due than was paid (CL21).
    ClawedBack,
    /// CL22.
    SetOff,
    /// CL22.
    WrittenOff,
}

impl ClaimEvent {
    pub const ALL: [ClaimEvent; 18] = [
        ClaimEvent::Resolved,
        ClaimEvent::Unresolved,
        ClaimEvent::Checked,
        ClaimEvent::Passed,
        ClaimEvent::EvidenceMissing,
        ClaimEvent::Doubted,
        ClaimEvent::Blocked,
        ClaimEvent::Expired,
        ClaimEvent::Rolled,
        ClaimEvent::Reserved,
        ClaimEvent::Submitted,
        ClaimEvent::Accepted,
        ClaimEvent::Refused,
        ClaimEvent::Settled,
        ClaimEvent::PaymentFailed,
        ClaimEvent::ClawedBack,
        ClaimEvent::SetOff,
        ClaimEvent::WrittenOff,
    ];
}

/// What a person does to a claim line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClaimAction {
    /// Lets a held line go (CL10).
    Release,
    /// Lets a held line go for no more than an amount (CL10).
    Adjust { amount: Micros },
    /// Refuses a held line (CL10).
    Reject,
    /// Lets a rejected line go (CL11).
    Override,
    /// Claims another amount in place of the one that was rejected (CL12).
    Resubmit { amount: Micros },
    /// Disputes a decision (CL13).
    Appeal,
    /// Decides a dispute: the decision stands (CL14).
    Uphold,
    /// Decides a dispute for the partner (CL14).
    Overturn,
    /// Decides a dispute for no more than an amount (CL14).
    Settle { amount: Micros },
    /// Takes the line back (CL23).
    Withdraw,
}

impl ClaimAction {
    pub fn as_str(self) -> &'static str {
        match self {
            ClaimAction::Release => "release",
            ClaimAction::Adjust { .. } => "adjust",
            ClaimAction::Reject => "reject",
            ClaimAction::Override => "override",
            ClaimAction::Resubmit { .. } => "resubmit",
            ClaimAction::Appeal => "appeal",
            ClaimAction::Uphold => "uphold",
            ClaimAction::Overturn => "overturn",
            ClaimAction::Settle { .. } => "settle",
            ClaimAction::Withdraw => "withdraw",
        }
    }
}

/// What the guards of [`permit`] must know of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimCase<'a> {
    pub state: ClaimState,
    /// A person must decide about it: all of it is on hold, or what of it was not authorised.
    pub waits: bool,
    /// Less is payable than is claimed.
    pub adjusted: bool,
    /// Something of it was paid.
    pub paid: bool,
    /// The partner that sent it.
    pub submitter: &'a str,
    /// Who decided it so far.
    pub deciders: &'a [Text],
    /// Who proposed what waits for a second person.
    pub proposed: Option<(&'a str, ClaimAction)>,
    /// What the line asks for.
    pub amount: Micros,
    pub currency: Currency,
    /// Up to which amount one person may override a rejection or decide a dispute for the partner; `None` for any.
    pub limit: Option<Micros>,
    /// The days for an appeal are not over.
    pub appealable: bool,
    /// No rule that nobody may override rejected it.
    pub overridable: bool,
}

/// A person at the desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actor<'a> {
    /// A partner acts as `partner/ID`.
    pub name: &'a str,
    pub reason: &'a str,
    pub comment: &'a str,
}

impl Actor<'_> {
    /// Whether a name is that of the person.
    pub fn is_called(&self, name: &str) -> bool {
        same_person(self.name, name)
    }
}

/// Whether two names are one person's: the same words, in whatever order, case and punctuation.
pub fn same_person(one: &str, other: &str) -> bool {
    person_words(one) == person_words(other)
}

/// What a person is known by: the words of the name, sorted.
pub fn person_words(name: &str) -> Vec<String> {
    let words = name.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    let mut words: Vec<String> = words.map(str::to_uppercase).collect();
    words.sort_unstable();
    words
}

/// What comes of an action that is permitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permitted {
    /// The line moves.
    To(ClaimState),
    /// It moves once a second person does the same.
    Proposed,
}

/// Whether a person may do this to the line, and where it stands then; else why not.
pub fn permit(action: ClaimAction, case: &ClaimCase<'_>, actor: &Actor<'_>) -> Result<Permitted, &'static str> {
    use ClaimState as S;
    if actor.name.is_empty() {
        return Err("nobody is named who decides");
    }
    let to = match action {
        ClaimAction::Release | ClaimAction::Adjust { .. } | ClaimAction::Reject => decide_hold(action, case, actor)?,
        ClaimAction::Override => return overrule(case, actor),
        ClaimAction::Resubmit { amount } => {
            owner_only(case, actor)?;
            in_state(case.state == S::Rejected, "only a rejected line is resubmitted")?;
            in_state(case.appealable, "the days for it are over")?;
            within(case, amount, None)?;
            S::Received
        }
        ClaimAction::Appeal => {
            owner_only(case, actor)?;
            let decided = case.state == S::Rejected || (case.adjusted && is_decided(case.state));
            in_state(decided, "only a rejected or adjusted line is appealed")?;
            in_state(case.appealable, "the days for it are over")?;
            S::InDispute
        }
        ClaimAction::Uphold | ClaimAction::Overturn | ClaimAction::Settle { .. } => {
            return decide_dispute(action, case, actor);
        }
        ClaimAction::Withdraw => {
            owner_only(case, actor)?;
            let open = !matches!(case.state, S::Withdrawn | S::WrittenOff | S::ClawbackOpen | S::ClawbackSettled);
            in_state(open && case.state != S::Paid && !case.paid, "what is paid or gone is not withdrawn")?;
            S::Withdrawn
        }
    };
    Ok(Permitted::To(to))
}

fn decide_hold(action: ClaimAction, case: &ClaimCase<'_>, actor: &Actor<'_>) -> Result<ClaimState, &'static str> {
    not_the_partner(case, actor)?;
    in_state(case.waits, "only a held line is released, adjusted or rejected")?;
    let to = match action {
        ClaimAction::Reject => {
            said(actor.reason, "a rejection needs a reason")?;
            ClaimState::Rejected
        }
        ClaimAction::Adjust { amount } => {
            within(case, amount, Some(case.amount))?;
            said(actor.reason, "an adjustment needs a reason")?;
            ClaimState::Valid
        }
        _ => ClaimState::Valid,
    };
    // What was authorised stays so: the decision is about the rest.
    Ok(if case.state == ClaimState::OnHold { to } else { case.state })
}

fn overrule(case: &ClaimCase<'_>, actor: &Actor<'_>) -> Result<Permitted, &'static str> {
    not_the_partner(case, actor)?;
    in_state(case.state == ClaimState::Rejected, "only a rejected line is overridden")?;
    in_state(case.overridable, "nobody overrides the rule that rejected it")?;
    in_state(!has_decided(case, actor), "whoever rejected it does not override it")?;
    said(actor.reason, "an override needs a reason")?;
    said(actor.comment, "an override needs a comment")?;
    let_go(ClaimAction::Override, case.amount, case, actor)
}

/// Above the limit a line is let go once two persons say the same.
fn let_go(
    action: ClaimAction,
    amount: Micros,
    case: &ClaimCase<'_>,
    actor: &Actor<'_>,
) -> Result<Permitted, &'static str> {
    if case.limit.is_some_and(|limit| amount > limit) {
        let Some((proposer, _)) = case.proposed.filter(|(_, proposed)| *proposed == action) else {
            return Ok(Permitted::Proposed);
        };
        in_state(!actor.is_called(proposer), "an amount above the limit needs a second person")?;
    }
    Ok(Permitted::To(ClaimState::Valid))
}

fn decide_dispute(action: ClaimAction, case: &ClaimCase<'_>, actor: &Actor<'_>) -> Result<Permitted, &'static str> {
    not_the_partner(case, actor)?;
    in_state(case.state == ClaimState::InDispute, "only a line in dispute is decided")?;
    in_state(!has_decided(case, actor), "whoever decided first does not decide the dispute")?;
    said(actor.reason, "a decision on a dispute needs a reason")?;
    match action {
        ClaimAction::Uphold => Ok(Permitted::To(ClaimState::Rejected)),
        ClaimAction::Settle { amount } => {
            within(case, amount, Some(case.amount))?;
            let_go(action, amount, case, actor)
        }
        _ => let_go(action, case.amount, case, actor),
    }
}

fn has_decided(case: &ClaimCase<'_>, actor: &Actor<'_>) -> bool {
    case.deciders.iter().any(|decider| actor.is_called(decider))
}

fn is_decided(state: ClaimState) -> bool {
    use ClaimState as S;
    matches!(state, S::Valid | S::Authorised | S::Submitted | S::Scheduled | S::Paid)
}

fn in_state(holds: bool, why: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(why) }
}

fn said(text: &str, why: &'static str) -> Result<(), &'static str> {
    in_state(!text.trim().is_empty(), why)
}

/// Nobody decides for himself (domain notes §2.5).
fn not_the_partner(case: &ClaimCase<'_>, actor: &Actor<'_>) -> Result<(), &'static str> {
    let is_partner = same_person(actor.name, &format!("partner/{}", case.submitter));
    in_state(!is_partner, "whoever sent a claim does not decide it")
}

fn owner_only(case: &ClaimCase<'_>, actor: &Actor<'_>) -> Result<(), &'static str> {
    in_state(is_partner(case, actor), "only the partner that sent the claim does that")
}

fn is_partner(case: &ClaimCase<'_>, actor: &Actor<'_>) -> bool {
    actor.name.strip_prefix("partner/") == Some(case.submitter)
}

fn within(case: &ClaimCase<'_>, amount: Micros, most: Option<Micros>) -> Result<(), &'static str> {
    in_state(amount > Micros::ZERO, "the amount is not above zero")?;
    let is_money = amount.round(case.currency.minor_digits()) == amount;
    in_state(is_money, "the amount is finer than the currency's smallest unit")?;
    in_state(most.is_none_or(|most| amount <= most), "the amount is above what is claimed")
}

/// A claim line as readers outside see it, latest state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    pub id: Id,
    /// Number of the claim as sent; `auto` where nobody sent one.
    pub claim: Text,
    pub line: Text,
    pub program: Text,
    pub beneficiary: Text,
    /// The program's period, `2013-Q1`.
    pub period: Text,
    /// Where it was sent; `record_no` is 0 where nobody sent it.
    pub at: RecordRef,
    /// The sale line that it is for.
    pub sale: Option<Id>,
    /// Golden product, and number of the special price, that it is for; empty where it names none.
    pub product: Text,
    pub authorisation: Text,
    /// As sent; an adjustment leaves it as it is.
    #[serde(with = "crate::wire::decimal")]
    pub claimed: Micros,
    /// What of it may be paid as of the last tick.
    #[serde(with = "crate::wire::decimal")]
    pub payable: Micros,
    /// What of it was ordered to be paid.
    #[serde(with = "crate::wire::decimal")]
    pub authorised: Micros,
    pub currency: Currency,
    pub state: ClaimState,
    /// Why not all of it is paid.
    pub codes: Vec<Code>,
    /// The same as X12 element 901 says it, one reason for each code; empty for one that only alerts.
    pub reasons_901: Vec<Text>,
    /// The same for people; empty where all is paid.
    pub message: String,
    /// `auto` or who decided.
    pub decided_by: Text,
    /// Why a person must decide about it; only while it, or what of it is not authorised, is on hold.
    pub queue: Option<ClaimQueue>,
    /// The last day for that decision; `None` where the terms name none.
    pub decide_by: Option<Day>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every pair of state and event that is a transition of domain notes §2.3; all others are none.
    const TRANSITIONS: &str = "
        CL2   received         Resolved        identified
        CL2   quarantined      Resolved        identified
        CL3   received         Unresolved      quarantined
        CL4   identified       Checked         checked
        CL5   checked          Passed          valid
        CL5   deferred         Passed          valid
        CL7   valid            Passed          valid
        CL20  authorised       Passed          valid
        CL6   checked          EvidenceMissing deferred
        CL6   deferred         EvidenceMissing deferred
        CL20  valid            EvidenceMissing deferred
        CL8   checked          Doubted         on-hold
        CL8   deferred         Doubted         on-hold
        CL8   valid            Doubted         on-hold
        CL9   identified       Blocked         rejected
        CL9   checked          Blocked         rejected
        CL9   deferred         Blocked         rejected
        CL9   on-hold          Blocked         rejected
        CL20  valid            Blocked         rejected
        CL24  deferred         Expired         rejected
        CL24  on-hold          Expired         rejected
        CL24  deferred         Rolled          received
        CL24  on-hold          Rolled          received
        CL15  valid            Reserved        authorised
        CL16  authorised       Submitted       submitted
        CL17  submitted        Accepted        scheduled
        CL17  submitted        Refused         valid
        CL18  scheduled        Settled         paid
        CL19  scheduled        PaymentFailed   authorised
        CL21  paid             ClawedBack      clawback-open
        CL21  clawback-settled ClawedBack      clawback-open
        CL22  clawback-open    SetOff          clawback-settled
        CL22  clawback-open    WrittenOff      written-off";

    #[test]
    fn only_the_transitions_of_the_table_happen() {
        let mut seen = 0;
        for state in ClaimState::ALL {
            for event in ClaimEvent::ALL {
                let written = TRANSITIONS.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
                let row = written
                    .filter(|row| row.len() == 4)
                    .find(|row| row[1] == state.as_str() && row[2] == format!("{event:?}"));
                let expected = row.map(|row| row[3].to_owned());
                seen += usize::from(expected.is_some());
                let after = state.after(event).map(|state| state.as_str().to_owned());
                assert_eq!(after, expected, "{state:?} {event:?}");
            }
        }
        assert_eq!(seen, TRANSITIONS.lines().filter(|line| !line.trim().is_empty()).count());
    }

    fn case(state: ClaimState) -> ClaimCase<'static> {
        let amount = Micros::units(100);
        ClaimCase {
            state,
            waits: state == ClaimState::OnHold,
            adjusted: false,
            paid: false,
            submitter: "P1",
            deciders: &[],
            proposed: None,
            amount,
            limit: None,
            appealable: true,
            overridable: true,
            currency: Currency::parse("USD").unwrap(),
        }
    }

    const ANN: Actor<'static> = Actor { name: "ann", reason: "goodwill", comment: "seen the papers" };
    const PARTNER: Actor<'static> = Actor { name: "partner/P1", reason: "", comment: "" };

    fn moves(action: ClaimAction, actor: &Actor<'_>) -> Vec<(&'static str, &'static str)> {
        let to = |state: ClaimState| match permit(action, &case(state), actor) {
            Ok(Permitted::To(to)) => Some((state.as_str(), to.as_str())),
            Ok(Permitted::Proposed) | Err(_) => None,
        };
        ClaimState::ALL.into_iter().filter_map(to).collect()
    }

    #[test]
    fn persons_move_a_line_from_the_states_of_the_table_alone() {
        let amount = Micros::units(60);
        assert_eq!(moves(ClaimAction::Release, &ANN), [("on-hold", "valid")]);
        assert_eq!(moves(ClaimAction::Adjust { amount }, &ANN), [("on-hold", "valid")]);
        assert_eq!(moves(ClaimAction::Reject, &ANN), [("on-hold", "rejected")]);
        assert_eq!(moves(ClaimAction::Override, &ANN), [("rejected", "valid")]);
        assert_eq!(moves(ClaimAction::Resubmit { amount }, &PARTNER), [("rejected", "received")]);
        assert_eq!(moves(ClaimAction::Appeal, &PARTNER), [("rejected", "in-dispute")]);
        assert_eq!(moves(ClaimAction::Uphold, &ANN), [("in-dispute", "rejected")]);
        assert_eq!(moves(ClaimAction::Overturn, &ANN), [("in-dispute", "valid")]);
        assert_eq!(moves(ClaimAction::Settle { amount }, &ANN), [("in-dispute", "valid")]);
        let kept = ["withdrawn", "written-off", "clawback-open", "clawback-settled", "paid"];
        let open = ClaimState::ALL.into_iter().map(ClaimState::as_str).filter(|state| !kept.contains(state));
        let withdrawn: Vec<_> = open.map(|state| (state, "withdrawn")).collect();
        assert_eq!(moves(ClaimAction::Withdraw, &PARTNER), withdrawn);
    }

    #[test]
    fn what_was_authorised_of_a_line_stays_so_whatever_is_decided_about_the_rest() {
        let amount = Micros::units(60);
        let rest = ClaimCase { waits: true, paid: true, ..case(ClaimState::Authorised) };
        for action in [ClaimAction::Release, ClaimAction::Adjust { amount }, ClaimAction::Reject] {
            assert_eq!(permit(action, &rest, &ANN), Ok(Permitted::To(ClaimState::Authorised)));
            let decided = ClaimCase { waits: false, ..rest };
            refused(action, &decided, &ANN, "only a held line is released, adjusted or rejected");
        }
    }

    #[test]
    fn an_amount_is_money_of_the_claim() {
        let (held, finer) = (case(ClaimState::OnHold), Micros::parse("70.001").unwrap());
        refused(
            ClaimAction::Adjust { amount: finer },
            &held,
            &ANN,
            "the amount is finer than the currency's smallest unit",
        );
        let yen = ClaimCase { currency: Currency::parse("JPY").unwrap(), ..held };
        let half = Micros::parse("70.50").unwrap();
        refused(
            ClaimAction::Adjust { amount: half },
            &yen,
            &ANN,
            "the amount is finer than the currency's smallest unit",
        );
        assert_eq!(permit(ClaimAction::Adjust { amount: half }, &held, &ANN), Ok(Permitted::To(ClaimState::Valid)));
    }

    #[track_caller]
    fn refused(action: ClaimAction, case: &ClaimCase<'_>, actor: &Actor<'_>, why: &str) {
        assert_eq!(permit(action, case, actor), Err(why));
    }

    #[test]
    fn nobody_decides_for_himself() {
        let (held, own) = (case(ClaimState::OnHold), Actor { name: "partner/P1", ..ANN });
        refused(ClaimAction::Release, &held, &own, "whoever sent a claim does not decide it");
        refused(ClaimAction::Override, &case(ClaimState::Rejected), &own, "whoever sent a claim does not decide it");
        refused(
            ClaimAction::Appeal,
            &case(ClaimState::Rejected),
            &ANN,
            "only the partner that sent the claim does that",
        );
        let other = Actor { name: "partner/P2", ..ANN };
        refused(ClaimAction::Withdraw, &held, &other, "only the partner that sent the claim does that");
        let nobody = Actor { name: "", ..ANN };
        refused(ClaimAction::Release, &held, &nobody, "nobody is named who decides");
        let both = [Text::from("ann"), Text::from("bo")];
        let decided = ClaimCase { deciders: &both, ..case(ClaimState::InDispute) };
        refused(ClaimAction::Overturn, &decided, &ANN, "whoever decided first does not decide the dispute");
        let rejected = ClaimCase { deciders: &both, ..case(ClaimState::Rejected) };
        refused(ClaimAction::Override, &rejected, &ANN, "whoever rejected it does not override it");
    }

    #[test]
    fn an_override_says_why_and_keeps_the_limit() {
        let rejected = case(ClaimState::Rejected);
        refused(ClaimAction::Override, &rejected, &Actor { comment: " ", ..ANN }, "an override needs a comment");
        refused(ClaimAction::Override, &rejected, &Actor { reason: "", ..ANN }, "an override needs a reason");
        let never = ClaimCase { overridable: false, ..rejected };
        refused(ClaimAction::Override, &never, &ANN, "nobody overrides the rule that rejected it");
        let at_limit = ClaimCase { limit: Some(rejected.amount), ..rejected };
        assert_eq!(permit(ClaimAction::Override, &at_limit, &ANN), Ok(Permitted::To(ClaimState::Valid)));
        let above = ClaimCase { limit: Some(Micros::units(99)), ..rejected };
        assert_eq!(permit(ClaimAction::Override, &above, &ANN), Ok(Permitted::Proposed));
        let proposed = ClaimCase { proposed: Some(("ann", ClaimAction::Override)), ..above };
        refused(ClaimAction::Override, &proposed, &ANN, "an amount above the limit needs a second person");
        let same = Actor { name: "Ann ", ..ANN };
        refused(ClaimAction::Override, &proposed, &same, "an amount above the limit needs a second person");
        let second = Actor { name: "bo", ..ANN };
        assert_eq!(permit(ClaimAction::Override, &proposed, &second), Ok(Permitted::To(ClaimState::Valid)));
    }

    #[test]
    fn a_dispute_keeps_the_limit_too() {
        let (limit, bo) = (Some(Micros::units(60)), Actor { name: "bo", ..ANN });
        let disputed = ClaimCase { limit, ..case(ClaimState::InDispute) };
        let settle = |units| ClaimAction::Settle { amount: Micros::units(units) };
        assert_eq!(permit(settle(60), &disputed, &ANN), Ok(Permitted::To(ClaimState::Valid)));
        assert_eq!(permit(settle(61), &disputed, &ANN), Ok(Permitted::Proposed));
        assert_eq!(permit(ClaimAction::Overturn, &disputed, &ANN), Ok(Permitted::Proposed));
        assert_eq!(permit(ClaimAction::Uphold, &disputed, &ANN), Ok(Permitted::To(ClaimState::Rejected)));
        let proposed = ClaimCase { proposed: Some(("ann", settle(61))), ..disputed };
        refused(settle(61), &proposed, &ANN, "an amount above the limit needs a second person");
        assert_eq!(permit(settle(70), &proposed, &bo), Ok(Permitted::Proposed), "that is another proposal");
        assert_eq!(permit(settle(61), &proposed, &bo), Ok(Permitted::To(ClaimState::Valid)));
    }

    #[test]
    fn amounts_and_windows_have_bounds() {
        let held = case(ClaimState::OnHold);
        let adjust = |units| ClaimAction::Adjust { amount: Micros::units(units) };
        refused(adjust(0), &held, &ANN, "the amount is not above zero");
        refused(adjust(101), &held, &ANN, "the amount is above what is claimed");
        assert_eq!(permit(adjust(100), &held, &ANN), Ok(Permitted::To(ClaimState::Valid)));
        refused(ClaimAction::Reject, &held, &Actor { reason: "", ..ANN }, "a rejection needs a reason");
        let over = ClaimCase { appealable: false, ..case(ClaimState::Rejected) };
        refused(ClaimAction::Appeal, &over, &PARTNER, "the days for it are over");
        refused(ClaimAction::Resubmit { amount: held.amount }, &over, &PARTNER, "the days for it are over");
        let adjusted = ClaimCase { adjusted: true, ..case(ClaimState::Paid) };
        assert_eq!(permit(ClaimAction::Appeal, &adjusted, &PARTNER), Ok(Permitted::To(ClaimState::InDispute)));
        let paid = ClaimCase { paid: true, ..case(ClaimState::Authorised) };
        refused(ClaimAction::Withdraw, &paid, &PARTNER, "what is paid or gone is not withdrawn");
    }
}
