//! What persons decide about findings that hold (domain notes §2.5): who may, and what comes of it.
//!
//! The finding stays whatever is decided. [`rule`] is pure.

use serde::{Deserialize, Serialize};

use crate::{Actor, Code, Decision, Id, Text};

/// What a person does about a finding that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RulingAction {
    /// The sale may earn although the finding stands.
    Release,
    /// It does not earn, until that is taken back.
    Reject,
    /// Takes back what was decided or proposed: it is held as before.
    Reopen,
}

impl RulingAction {
    pub fn as_str(self) -> &'static str {
        match self {
            RulingAction::Release => "release",
            RulingAction::Reject => "reject",
            RulingAction::Reopen => "reopen",
        }
    }
}

/// What stands said about a finding that holds. Where nobody said anything there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RulingState {
    /// One person wants it released; a second one decides.
    ReleaseProposed,
    Released,
    /// One person wants it rejected, which would let another sale earn; a second one decides.
    RejectProposed,
    Rejected,
}

impl RulingState {
    pub const ALL: [RulingState; 4] =
        [RulingState::ReleaseProposed, RulingState::Released, RulingState::RejectProposed, RulingState::Rejected];

    pub fn as_str(self) -> &'static str {
        match self {
            RulingState::ReleaseProposed => "release-proposed",
            RulingState::Released => "released",
            RulingState::RejectProposed => "reject-proposed",
            RulingState::Rejected => "rejected",
        }
    }

    /// Whether no second person is waited for.
    pub fn is_decided(self) -> bool {
        matches!(self, RulingState::Released | RulingState::Rejected)
    }
}

/// What stands said about a finding, as readers outside see it, latest state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruling {
    pub finding: Id,
    /// What the row of the finding was read as; empty where it is about no row.
    pub product: Text,
    pub state: RulingState,
    /// Who said so, whoever proposed it first.
    pub by: Vec<Text>,
    /// The last one's.
    pub reason: String,
}

/// What the guards of [`rule`] must know of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RulingCase<'a> {
    /// `None` where it no longer stands.
    pub code: Option<Code>,
    /// What stands said about the very facts that it rests on now.
    pub state: Option<RulingState>,
    /// Who said that, whoever proposed it first.
    pub by: &'a [Text],
    /// The person is paid for what a partner sells that it is about.
    pub own: bool,
    /// Another finding explains it, so that it holds nothing.
    pub explained: bool,
    /// More is at risk than the person may let go of.
    pub above_limit: bool,
}

/// Whether a person may do this about the finding, and what stands then, `None` for nothing; else why not.
pub fn rule(
    action: RulingAction,
    case: &RulingCase<'_>,
    actor: &Actor<'_>,
) -> Result<Option<RulingState>, &'static str> {
    use RulingState as S;
    if actor.name.is_empty() {
        return Err("nobody is named who decides");
    }
    if actor.name.to_lowercase().starts_with("partner/") {
        return Err("a partner does not decide about what is held");
    }
    if case.own {
        return Err("who is paid for a partner's sales does not decide about them");
    }
    let code = case.code.ok_or("the finding no longer stands")?;
    if let Some(way) = code.settled_otherwise() {
        return Err(way);
    }
    let is_said = !actor.reason.trim().is_empty();
    match action {
        RulingAction::Reopen if case.state.is_none() => Err("there is nothing to take back"),
        RulingAction::Reopen if !is_said => Err("taking back needs a reason"),
        RulingAction::Reopen => Ok(None),
        _ if case.explained => Err("it holds nothing: the finding that explains it does"),
        _ if case.state.is_some_and(S::is_decided) => Err("it is decided; whoever wants it otherwise reopens it first"),
        RulingAction::Release => by_two(case, actor, S::ReleaseProposed, S::Released),
        RulingAction::Reject if !is_said => Err("a rejection needs a reason"),
        RulingAction::Reject if code.frees_another() => by_two(case, actor, S::RejectProposed, S::Rejected),
        RulingAction::Reject => Ok(Some(S::Rejected)),
    }
}

/// What lets a sale earn is said by two persons, each of them within its limit.
fn by_two(
    case: &RulingCase<'_>,
    actor: &Actor<'_>,
    proposed: RulingState,
    decided: RulingState,
) -> Result<Option<RulingState>, &'static str> {
    if case.above_limit {
        return Err("more is at risk than the person may release: approvers.csv says how much");
    }
    if case.state != Some(proposed) {
        return Ok(Some(proposed));
    }
    match case.by.iter().any(|proposer| actor.is_called(proposer)) {
        true => Err("whoever proposed it does not decide it: a second person says the same"),
        false => Ok(Some(decided)),
    }
}

impl Code {
    /// Whether persons are asked about its findings: those that hold, and those of which law says that nobody releases them.
    pub fn waits_for_persons(self) -> bool {
        self.decision() == Decision::Hold || self == Code::RestrictedParty
    }

    /// Whether a rejection takes the unit from one sale and so lets another earn.
    pub fn frees_another(self) -> bool {
        self == Code::SerialTwoPartners
    }

    /// Why nobody decides about single findings of it: law forbids it, or what settles it stands elsewhere.
    pub fn settled_otherwise(self) -> Option<&'static str> {
        match self {
            Code::RestrictedParty => Some("nobody releases a restricted party: its list says when it is none"),
            Code::CorrectionUnmarked => Some("it is decided by file and record: take or reject"),
            Code::SplitUnclear => Some("a release does not say who gets what: the row is restated"),
            Code::CustomerSplit => Some("the special price is given for the other site, and the row restated"),
            Code::SignWrong => Some("a release does not say whether it is a sale or a return: the row is restated"),
            Code::CurrencyMissing => Some("a release does not say which currency it is: the feed or the row names it"),
            Code::CodeUnknown | Code::FeedUndefined | Code::CorrectionEmpty | Code::ControlTotalWrong => {
                Some("nothing was read that could earn")
            }
            Code::ReturnAboveSold => Some("what comes back takes back, whatever is held"),
            Code::BudgetOverrun => Some("a budget is raised in the program"),
            Code::Deducted => Some("it goes with the deduction"),
            Code::ProofReused => Some("it goes with the proof of the activity"),
            Code::ProgramAmended | Code::FigureChanged => {
                Some("terms, baselines and scores are approved in amendments.csv")
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: Actor<'static> = Actor { name: "ann", reason: "seen the papers", comment: "" };
    const BO: Actor<'static> = Actor { name: "bo", ..ANN };

    fn case(code: Code, state: Option<RulingState>) -> RulingCase<'static> {
        RulingCase { code: Some(code), state, by: &[], own: false, explained: false, above_limit: false }
    }

    /// What stands behind each action of `ann`, from nothing and from each state that `bo` brought about.
    fn table(code: Code) -> Vec<String> {
        let by = [Text::from("bo")];
        let states = [None].into_iter().chain(RulingState::ALL.map(Some));
        let shown = |state: Option<RulingState>| state.map_or("open", RulingState::as_str);
        let mut table = Vec::new();
        for state in states {
            for action in [RulingAction::Release, RulingAction::Reject, RulingAction::Reopen] {
                if let Ok(to) = rule(action, &RulingCase { by: &by, ..case(code, state) }, &ANN) {
                    table.push(format!("{} {} {}", shown(state), action.as_str(), shown(to)));
                }
            }
        }
        table
    }

    #[test]
    fn two_release_and_one_rejects() {
        let expected = [
            "open release release-proposed",
            "open reject rejected",
            "release-proposed release released",
            "release-proposed reject rejected",
            "release-proposed reopen open",
            "released reopen open",
            "reject-proposed release release-proposed",
            "reject-proposed reject rejected",
            "reject-proposed reopen open",
            "rejected reopen open",
        ];
        assert_eq!(table(Code::NearDuplicateDocument), expected);
        assert_eq!(table(Code::PayeeUnsure), expected);
    }

    #[test]
    fn two_take_a_unit_from_one_sale_for_another() {
        let expected = [
            "open release release-proposed",
            "open reject reject-proposed",
            "release-proposed release released",
            "release-proposed reject reject-proposed",
            "release-proposed reopen open",
            "released reopen open",
            "reject-proposed release release-proposed",
            "reject-proposed reject rejected",
            "reject-proposed reopen open",
            "rejected reopen open",
        ];
        assert_eq!(table(Code::SerialTwoPartners), expected);
    }

    #[track_caller]
    fn refused(action: RulingAction, case: &RulingCase<'_>, actor: &Actor<'_>, why: &str) {
        assert_eq!(rule(action, case, actor), Err(why));
    }

    #[test]
    fn nobody_decides_for_himself_or_alone() {
        use RulingAction::{Reject, Release, Reopen};
        let open = case(Code::NearDuplicateDocument, None);
        let partner = Actor { name: "partner/P1", ..ANN };
        for action in [Release, Reject, Reopen] {
            refused(action, &open, &partner, "a partner does not decide about what is held");
            let partner = Actor { name: "Partner/P1", ..ANN };
            refused(action, &open, &partner, "a partner does not decide about what is held");
            refused(action, &open, &Actor { name: "", ..ANN }, "nobody is named who decides");
            let own = RulingCase { own: true, ..open };
            refused(action, &own, &ANN, "who is paid for a partner's sales does not decide about them");
        }
        let (ann, alone) =
            ([Text::from("ann")], "whoever proposed it does not decide it: a second person says the same");
        let proposed = RulingCase { by: &ann, ..case(Code::DateImplausible, Some(RulingState::ReleaseProposed)) };
        refused(Release, &proposed, &ANN, alone);
        assert_eq!(rule(Release, &proposed, &BO), Ok(Some(RulingState::Released)));
        for name in ["Ann", " ANN "] {
            refused(Release, &proposed, &Actor { name, ..ANN }, alone);
        }
        let rival = RulingCase { by: &ann, ..case(Code::SerialTwoPartners, Some(RulingState::RejectProposed)) };
        refused(Reject, &rival, &ANN, alone);
        assert_eq!(rule(Reject, &rival, &BO), Ok(Some(RulingState::Rejected)));
    }

    #[test]
    fn reasons_are_said_and_one_thing_is_decided_once() {
        use RulingAction::{Reject, Release, Reopen};
        let (silent, open) = (Actor { reason: " ", ..ANN }, case(Code::InventoryExceeded, None));
        refused(Reject, &open, &silent, "a rejection needs a reason");
        assert_eq!(rule(Release, &open, &silent), Ok(Some(RulingState::ReleaseProposed)));
        let released = RulingCase { state: Some(RulingState::Released), ..open };
        refused(Reopen, &released, &silent, "taking back needs a reason");
        refused(Reopen, &open, &ANN, "there is nothing to take back");
        for action in [Release, Reject] {
            refused(action, &released, &ANN, "it is decided; whoever wants it otherwise reopens it first");
        }
    }

    #[test]
    fn nobody_lets_go_of_more_than_the_limit() {
        use RulingAction::{Reject, Release};
        let why = "more is at risk than the person may release: approvers.csv says how much";
        let above = |code, state| RulingCase { above_limit: true, ..case(code, state) };
        refused(Release, &above(Code::InventoryExceeded, None), &ANN, why);
        refused(Release, &above(Code::InventoryExceeded, Some(RulingState::ReleaseProposed)), &BO, why);
        refused(Reject, &above(Code::SerialTwoPartners, None), &ANN, why);
        let rejected = rule(Reject, &above(Code::InventoryExceeded, None), &ANN);
        assert_eq!(rejected, Ok(Some(RulingState::Rejected)), "it lets nothing go");
    }

    #[test]
    fn what_is_explained_or_gone_is_not_decided() {
        use RulingAction::{Reject, Release};
        let explained = RulingCase { explained: true, ..case(Code::SerialTwoPartners, None) };
        for action in [Release, Reject] {
            refused(action, &explained, &ANN, "it holds nothing: the finding that explains it does");
            refused(action, &RulingCase { code: None, ..explained }, &ANN, "the finding no longer stands");
        }
    }

    /// Every finding that holds is either for persons, or says where else it is settled; a restricted party is released by nobody.
    #[test]
    fn what_persons_decide_about() {
        let asked = |code: &&Code| code.waits_for_persons() && code.settled_otherwise().is_none();
        let mut codes: Vec<&str> = Code::ALL.iter().filter(asked).map(|code| code.as_str()).collect();
        codes.sort_unstable();
        let expected = [
            "DD-05", "DD-07", "DD-19", "DD-20", "DD-21", "DD-30", "DQ-03", "DQ-04", "DQ-05", "OP-10", "OP-20", "OP-27",
            "OP-38", "OP-45", "OP-52",
        ];
        assert_eq!(codes, expected);
        let restricted = case(Code::RestrictedParty, None);
        refused(
            RulingAction::Release,
            &restricted,
            &ANN,
            "nobody releases a restricted party: its list says when it is none",
        );
        let settled = Code::ALL.iter().filter(|code| code.settled_otherwise().is_some());
        assert!(settled.clone().all(|code| code.waits_for_persons()));
    }
}
