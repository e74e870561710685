//! What the histories have come upon, and whether that is all that they should.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use contract::{
    ClaimQueue, ClaimState, Code, Conversion, EstimateKind, Headroom, LateClaim, Mechanism, OnUnusual, Program,
    Rounding, RoundingMode, Tolerance,
};

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

/// Ways of earning.
const WAYS: [&str; 17] = [
    "excess",
    "fixed",
    "free goods",
    "fund",
    "growth",
    "marginal",
    "per-unit",
    "percent",
    "points",
    "price protection",
    "retroactive",
    "rolling",
    "score",
    "sell-in",
    "special prices",
    "spiff",
    "total",
];
/// What else a program may say: limits and roundings; when and how it is paid; what it is worth in the books; the rest.
const TERMS: [&str; 28] = [
    "bonus",
    "budget",
    "cap of a period",
    "cap of a transaction",
    "cap of a unit",
    "cap of a year",
    "cap of the measure",
    "half to even",
    "headroom given back",
    "rounding of each sale",
    "threshold",
    "claims appealed",
    "claims overridden by two",
    "claims reviewed",
    "claims roll",
    "interim",
    "minimum payout",
    "no authorization by itself",
    "paid by claim",
    "tolerance",
    "unusual held",
    "fx at the period's end",
    "fx fixed",
    "fx of the month",
    "estimate",
    "group",
    "reported late",
    "second version",
];
const OF_CLAIMS: &[&str] =
    &["claims appealed", "claims overridden by two", "claims reviewed", "claims roll", "paid by claim", "tolerance"];
const OF_FX: &[&str] = &["fx at the period's end", "fx fixed", "fx of the month"];
const MONEY: &[&str] = &[
    "bonus",
    "budget",
    "cap of a period",
    "cap of a transaction",
    "cap of a unit",
    "cap of a year",
    "cap of the measure",
    "half to even",
    "rounding of each sale",
];
/// Features that one program never has together: some of these with some of those.
const APART: [(&[&str], &[&str]); 14] = [
    (&WAYS, &WAYS),
    (OF_FX, OF_FX),
    // Points are under no cap, and are neither claimed nor paid as they are earned; so are funds.
    (&["points"], MONEY),
    (&["points", "fund"], &["minimum payout", "no authorization by itself", "interim", "estimate"]),
    // Persons send no claims, and are not known by what is usual.
    (&["points", "fund", "spiff"], OF_CLAIMS),
    (&["spiff"], &["unusual held"]),
    // What goes by purchases competes with nothing. It is not estimated, nor is what does not grow with units.
    (&["price protection", "sell-in"], &["group"]),
    (&["price protection", "sell-in", "fixed", "spiff"], &["estimate"]),
    (&["fixed", "special prices", "price protection"], &["cap of the measure"]),
    // What is paid between is paid by itself, and not held as unusual. Balances are shared until the freeze.
    (&["interim"], OF_CLAIMS),
    (&["interim"], &["special prices", "no authorization by itself", "unusual held"]),
    // Persons alone lose something by reporting late.
    (&["reported late"], &WAYS),
    (&["reported late"], OF_CLAIMS),
    (&["reported late"], &["unusual held", "estimate"]),
];

fn are_apart(one: &str, other: &str) -> bool {
    let among = |(some, those): &(&[&str], &[&str])| {
        (some.contains(&one) && those.contains(&other)) || (some.contains(&other) && those.contains(&one))
    };
    let of_persons = ["reported late", "spiff"];
    APART.iter().any(among) && !(of_persons.contains(&one) && of_persons.contains(&other))
}

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
        let all: BTreeSet<&'static str> = WAYS.into_iter().chain(TERMS).collect();
        let missing = |reached: &BTreeMap<Pair, u64>| -> Vec<Pair> {
            pairs_of(&all).into_iter().filter(|pair| !reached.contains_key(pair)).collect()
        };
        let mut in_program = missing(&self.in_program);
        in_program.retain(|(one, other)| !are_apart(one, other));
        assert_eq!(in_program, [], "pairs that were in no program");
        assert_eq!(missing(&self.in_history), [], "pairs that were in no history");
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
    let (caps, claims) = (&program.caps, program.paid.claims());
    let is_late = |mechanism: &Mechanism| matches!(mechanism, Mechanism::Spiff { late: Some(_), .. });
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
        (claims.is_some(), "paid by claim"),
        (claims.is_some_and(|terms| terms.appeal_days > 0), "claims appealed"),
        (claims.is_some_and(|terms| terms.override_limit.is_some()), "claims overridden by two"),
        (claims.is_some_and(|terms| terms.review_above.is_some()), "claims reviewed"),
        (claims.is_some_and(|terms| terms.late == LateClaim::Roll), "claims roll"),
        (claims.is_some_and(|terms| terms.tolerance != Tolerance::default()), "tolerance"),
        (program.headroom == Headroom::GivenBack, "headroom given back"),
        (program.rounding_mode == RoundingMode::HalfEven, "half to even"),
        (program.unusual == OnUnusual::Hold, "unusual held"),
        (program.conversion == Conversion::MonthAverage, "fx of the month"),
        (program.conversion == Conversion::PeriodEnd, "fx at the period's end"),
        (matches!(program.conversion, Conversion::Fixed(_)), "fx fixed"),
        (program.estimate.is_some(), "estimate"),
        (is_late(&program.mechanism), "reported late"),
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
