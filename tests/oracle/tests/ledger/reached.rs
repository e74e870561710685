//! What the histories have come upon, and whether that is all that they should.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use contract::{ClaimQueue, ClaimState, Code, EstimateKind, Mechanism, Program, Rounding};

use crate::history::Act;
use crate::real::Found;

/// What the ledger may find of a settlement.
const CHECKS: [Code; 29] = [
    Code::AuthorisedQuantity,
    Code::BaselineMissing,
    Code::BasisPolluted,
    Code::BelowMinimumPayout,
    Code::BudgetOverrun,
    Code::CapExceeded,
    Code::CostBasisWrong,
    Code::DebitAfterProtection,
    Code::Deducted,
    Code::EarnedNothing,
    Code::ExclusivePrograms,
    Code::NeverAuthorised,
    Code::OnePartnerTwice,
    Code::Outlier,
    Code::OutlierHeld,
    Code::PayeeUnsure,
    Code::ProgramAmended,
    Code::TablesCorrected,
    Code::RateMissing,
    Code::RateOdd,
    Code::ReportedLate,
    Code::ResaleAbove,
    Code::RestrictedParty,
    Code::ReturnAfterPayment,
    Code::FigureChanged,
    Code::SellInAndThrough,
    Code::ThresholdNotMet,
    Code::TierMiscalculated,
    Code::TierNearlyReached,
];

/// Where a claim line may stand behind a tick or a decision.
const STATES: [ClaimState; 8] = [
    ClaimState::Authorised,
    ClaimState::Deferred,
    ClaimState::InDispute,
    ClaimState::OnHold,
    ClaimState::Received,
    ClaimState::Rejected,
    ClaimState::Valid,
    ClaimState::Withdrawn,
];

/// Why one may get less than it asks for.
const REFUSALS: [Code; 17] = [
    Code::AccrualClaimed,
    Code::BaselineMissing,
    Code::BelowMinimumPayout,
    Code::ClaimAboveDue,
    Code::ClaimExtensionWrong,
    Code::ClaimOrphan,
    Code::ClaimQuantityAbove,
    Code::ClaimRateWrong,
    Code::Deducted,
    Code::ExclusivePrograms,
    Code::OnePartnerTwice,
    Code::PayeeUnsure,
    Code::ProtectedQuantityAbove,
    Code::ProtectedUnitsGone,
    Code::ReportedLate,
    Code::RestrictedParty,
    Code::ReturnAfterPayment,
];

/// What persons decide about claims, and those of it that two persons must say.
const DECISIONS: usize = 10 + 3;

/// Ways of earning and what else a program may say, by name.
const KINDS: usize = 17;
const TERMS: usize = 15;
/// Terms that points and funds know.
const OF_POINTS: usize = 3;
const OF_FUNDS: usize = 11;
/// What goes by purchases competes with nothing; the measure of what is protected has no cap.
const OF_PURCHASES: usize = 14;
const OF_STOCKS: usize = 13;
/// Ways of earning that know all terms but a cap on the measure: a fixed amount, special prices.
const UNMEASURED: usize = 2;
/// Terms that are never those of one program: what is paid by claim, or not by itself, is not paid before it is due.
const APART: usize = 2;
/// A way of earning that is not paid before its period is over: special prices.
const AT_THE_END: usize = 1;
/// One that is never paid by claim: persons send none.
const UNCLAIMED: usize = 1;

/// Two features of programs.
type Pair = (&'static str, &'static str);

/// In how many histories each situation came up.
#[derive(Default)]
pub struct Reached {
    histories: u64,
    acts: BTreeMap<&'static str, u64>,
    found: BTreeMap<Code, u64>,
    withdrawn: BTreeMap<Code, u64>,
    absent: BTreeMap<Code, u64>,
    /// In one program, and in programs of one history.
    in_program: BTreeMap<Pair, u64>,
    in_history: BTreeMap<Pair, u64>,
    /// What estimates have moved.
    estimated: BTreeMap<(EstimateKind, bool, bool), u64>,
    /// What has become of claims, why they got less, and what persons said of them.
    states: BTreeMap<ClaimState, u64>,
    waits: BTreeMap<&'static str, u64>,
    refusals: BTreeMap<Code, u64>,
    decisions: BTreeMap<String, u64>,
}

impl Reached {
    pub fn note(&mut self, acts: &[Act], found: &Found) {
        self.histories += 1;
        let (mut kinds, mut features, mut pairs) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for act in acts {
            kinds.insert(kind(act));
            if let Act::Configure(reference) = act {
                for program in &reference.programs {
                    let own = features_of(program);
                    pairs.extend(pairs_of(&own));
                    features.extend(own);
                }
            }
        }
        count(&mut self.acts, kinds);
        count(&mut self.in_program, pairs);
        count(&mut self.in_history, pairs_of(&features));
        count(&mut self.estimated, found.estimated.iter().copied());
        count(&mut self.states, found.states.iter().copied());
        count(&mut self.waits, found.waits.iter().copied());
        count(&mut self.refusals, found.refusals.iter().copied());
        count(&mut self.decisions, found.decisions.iter().cloned());
        count(&mut self.found, found.once.iter().copied());
        count(&mut self.withdrawn, found.withdrawn.iter().copied());
        count(&mut self.absent, CHECKS.into_iter().filter(|code| !found.everywhere.contains(code)));
    }

    pub fn join(&mut self, other: Reached) {
        self.histories += other.histories;
        add(&mut self.acts, other.acts);
        add(&mut self.estimated, other.estimated);
        add(&mut self.states, other.states);
        add(&mut self.waits, other.waits);
        add(&mut self.refusals, other.refusals);
        add(&mut self.decisions, other.decisions);
        add(&mut self.found, other.found);
        add(&mut self.withdrawn, other.withdrawn);
        add(&mut self.absent, other.absent);
        add(&mut self.in_program, other.in_program);
        add(&mut self.in_history, other.in_history);
    }

    pub fn table(&self) -> String {
        let mut table = format!("of {} histories\n  check    found  withdrawn  not found somewhere\n", self.histories);
        let of = |counts: &BTreeMap<Code, u64>, code| counts.get(&code).copied().unwrap_or(0);
        for code in CHECKS.into_iter().chain(self.found.keys().copied().filter(|code| !CHECKS.contains(code))) {
            let (found, withdrawn, absent) = (of(&self.found, code), of(&self.withdrawn, code), of(&self.absent, code));
            let _ = writeln!(table, "  {:<8} {found:>5} {withdrawn:>10} {absent:>20}", code.as_str());
        }
        let acts: Vec<String> = self.acts.iter().map(|(act, count)| format!("{act} {count}")).collect();
        let _ = writeln!(table, "  acts: {}", acts.join(", "));
        let estimated: Vec<String> = self.estimated.iter().map(|(what, times)| format!("{what:?} {times}")).collect();
        let _ = writeln!(table, "  estimates: {}", estimated.join(", "));
        let states = self.states.iter().map(|(state, times)| format!("{} {times}", state.as_str()));
        let _ = writeln!(table, "  claims: {}", states.collect::<Vec<_>>().join(", "));
        let waits: Vec<String> = self.waits.iter().map(|(why, times)| format!("{why} {times}")).collect();
        let _ = writeln!(table, "  claims waited: {}", waits.join(", "));
        let refusals = self.refusals.iter().map(|(code, times)| format!("{} {times}", code.as_str()));
        let _ = writeln!(table, "  claims got less: {}", refusals.collect::<Vec<_>>().join(", "));
        let decisions = self.decisions.iter().map(|(what, times)| format!("{what} {times}"));
        let _ = writeln!(table, "  persons: {}", decisions.collect::<Vec<_>>().join(", "));
        for (pairs, place) in [(&self.in_program, "one program"), (&self.in_history, "one history")] {
            let Some(((one, other), times)) = pairs.iter().min_by_key(|(_, times)| **times) else { continue };
            let _ = writeln!(
                table,
                "  {} pairs of features in {place}, the rarest {times} times: {one}, {other}",
                pairs.len()
            );
        }
        table
    }

    /// Every kind of act, every check finding and not finding, every two features of programs in one program (of the
    /// ways of earning no two) and in one history.
    pub fn must_be_wide(&self) {
        assert_eq!(self.acts.len(), 15, "kinds of acts");
        let states = STATES.into_iter().filter(|state| !self.states.contains_key(state));
        assert_eq!(states.collect::<Vec<_>>(), [], "where no claim ever stood");
        assert_eq!(self.waits.len(), ClaimQueue::ALL.len() + 2, "why claims waited, rolled and were decided by nobody");
        let refusals = REFUSALS.into_iter().filter(|code| !self.refusals.contains_key(code));
        assert_eq!(refusals.collect::<Vec<_>>(), [], "why no claim ever got less");
        assert_eq!(self.decisions.len(), DECISIONS, "what persons decide about claims, and two of them");
        let never = |counts: &BTreeMap<Code, u64>| -> Vec<Code> {
            CHECKS.into_iter().filter(|code| !counts.contains_key(code)).collect()
        };
        assert_eq!(never(&self.found), [], "checks that never found anything");
        assert_eq!(never(&self.absent), [], "checks that always found something");
        assert_eq!(
            self.estimated.len(),
            3 * 2 * 2 + 2,
            "estimates: what happened, more or less, of a frozen period or not; expected is nothing of those"
        );
        let with_ways =
            TERMS * (KINDS - 4) - UNMEASURED - AT_THE_END - UNCLAIMED + OF_POINTS + OF_FUNDS + OF_PURCHASES + OF_STOCKS;
        assert_eq!(self.in_program.len(), TERMS * (TERMS - 1) / 2 - APART + with_ways, "pairs in one program");
        let features = TERMS + KINDS;
        assert_eq!(self.in_history.len(), features * (features - 1) / 2, "pairs in one history");
    }
}

fn count<K: Ord>(counts: &mut BTreeMap<K, u64>, seen: impl IntoIterator<Item = K>) {
    seen.into_iter().for_each(|what| *counts.entry(what).or_default() += 1);
}

fn add<K: Ord>(counts: &mut BTreeMap<K, u64>, others: BTreeMap<K, u64>) {
    others.into_iter().for_each(|(what, times)| *counts.entry(what).or_default() += times);
}

fn kind(act: &Act) -> &'static str {
    match act {
        Act::Configure(_) => "terms",
        Act::Report(_, deal) if deal.of.is_some() => "linked return",
        Act::Report(_, deal) if deal.quantity < 0 => "return of unknown origin",
        Act::Report(_, deal) if !deal.further.is_empty() => "sale under several special prices",
        Act::Report(..) => "sale",
        Act::Withdraw(_) => "withdrawal",
        Act::Settle => "settle",
        Act::Tick(_) => "tick",
        Act::Pay(..) => "payment",
        Act::GiveUp(..) => "write-off",
        Act::Claim(..) => "claim",
        Act::Unclaim(_) => "claim taken back",
        Act::Decide(..) => "decision",
        Act::Deny(..) => "denial",
        Act::Clear(_) => "denial that is over",
    }
}

fn pairs_of(features: &BTreeSet<&'static str>) -> BTreeSet<Pair> {
    let with = |one: &&'static str| {
        let one = *one;
        features.iter().filter(move |other| **other > one).map(move |other| (one, *other))
    };
    features.iter().flat_map(with).collect()
}

fn features_of(program: &Program) -> BTreeSet<&'static str> {
    let caps = &program.caps;
    let features = [
        (true, way(&program.mechanism)),
        (caps.measure.is_some(), "cap of the measure"),
        (caps.per_unit.is_some(), "cap of a unit"),
        (caps.per_transaction.is_some(), "cap of a transaction"),
        (caps.partner_period.is_some(), "cap of a period"),
        (caps.partner_year.is_some(), "cap of a year"),
        (caps.budget.is_some(), "budget"),
        (!program.bonus.is_empty(), "bonus"),
        (program.rounding == Rounding::Sale, "rounding of each sale"),
        (program.threshold.is_some(), "threshold"),
        (program.minimum_payout.is_some(), "minimum payout"),
        (program.interim.is_some(), "interim"),
        (program.group.is_some(), "group"),
        (!program.auto_authorise, "no authorization by itself"),
        (program.paid.claims().is_some(), "paid by claim"),
        (program.version > 1, "second version"),
    ];
    features.iter().filter(|(has, _)| *has).map(|(_, name)| *name).collect()
}

fn way(mechanism: &Mechanism) -> &'static str {
    match mechanism {
        Mechanism::PerUnit { .. } => "per-unit",
        Mechanism::Percent { .. } => "percent",
        Mechanism::Spiff { .. } => "spiff",
        Mechanism::Fixed { .. } => "fixed",
        Mechanism::VolumeMarginal { .. } => "marginal",
        Mechanism::VolumeRetroactive { .. } => "retroactive",
        Mechanism::VolumeRolling { .. } => "rolling",
        Mechanism::VolumeTotal { .. } => "total",
        Mechanism::VolumeExcess { .. } => "excess",
        Mechanism::Growth(_) => "growth",
        Mechanism::Score(_) => "score",
        Mechanism::FreeGoods(_) => "free goods",
        Mechanism::ShipAndDebit { .. } | Mechanism::PassThrough { .. } => "special prices",
        Mechanism::Points(_) => "points",
        Mechanism::CoopFund(_) => "fund",
        Mechanism::PriceProtection { .. } => "price protection",
        Mechanism::SellIn(_) => "sell-in",
    }
}
