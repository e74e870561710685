//! Ledger, books and oracle come to the same on histories that nobody thought of.

mod amending;
mod claims;
mod exchange;
mod expecting;
mod history;
mod kept;
mod reached;
mod real;
#[path = "../seeds/mod.rs"]
mod seeds;
mod shrink;
mod ticks;
mod waiting;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use contract::{AccrualEvent, Code, Control, Id, Micros, Settlement};
use oracle::{Books, Converted, Oracle, Place, Said, Seen, Wrong};

use crate::history::{Act, History, Told};
use crate::reached::Reached;
use crate::real::{Booked, Found, Payment, Real, Verdict};
use crate::seeds::{Seeds, is_brief};

/// Seeds that are tried, and how many events each has.
const USUAL: (u64, usize) = (150, 1_000);

/// One history is shrunk at a time.
static SHRINKING: Mutex<()> = Mutex::new(());

/// What tells the two apart.
#[derive(Clone, Debug)]
struct Difference {
    /// What it is about: a history that is shrunk goes on showing the same.
    kind: String,
    said: String,
}

impl Difference {
    fn new(kind: impl Into<String>, said: String) -> Difference {
        Difference { kind: kind.into(), said }
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.said)
    }
}

/// The same where one of the two stops at an assertion of its own.
fn tried(acts: &[Act]) -> Result<Found, Difference> {
    std::panic::catch_unwind(|| compared(acts)).unwrap_or_else(|cause| {
        let said = cause.downcast_ref::<String>().cloned();
        let said = said.or_else(|| cause.downcast_ref::<&str>().map(|&said| said.to_owned())).unwrap_or_default();
        Err(Difference::new(said.lines().next().unwrap_or_default(), said.clone()))
    })
}

/// What the ledger found on the way; or the first control behind which the two say something else, and what.
fn compared(acts: &[Act]) -> Result<Found, Difference> {
    let (mut oracle, mut books, mut real) = (Oracle::default(), Books::default(), Real::new());
    let mut converted = Converted::default();
    let (mut history, mut batch, mut number) = (History::default(), 1, 0);
    for act in acts {
        for told in history.told(act, &|line| real.due(line)) {
            number += 1;
            let events = match &told {
                Told::Event(event) => {
                    oracle.hear(event);
                    real.hear(event);
                    continue;
                }
                // What was paid is compared behind the next control.
                Told::Paid { place, percent, date } => {
                    if let Some(Payment { settlement, amount }) = real.pay(*place, *percent, *date) {
                        books.pay(&settlement, amount, *date, batch);
                    }
                    continue;
                }
                Told::GivenUp { place, percent, date } => {
                    if let Some(Payment { settlement, amount }) = real.give_up(*place, *percent, *date) {
                        books.give_up(&settlement, amount, *date, batch);
                    }
                    continue;
                }
                Told::Configure(reference) => {
                    oracle.configure(reference);
                    real.configure(reference)
                }
                Told::Control(control) => {
                    oracle.control(control);
                    real.control(control)
                }
            };
            for event in &events {
                books.hear(event);
                if let AccrualEvent::Closed { settlement, .. } = event {
                    oracle.let_go(settlement);
                }
            }
            let of_claims = claimed_otherwise(&oracle, real.claims());
            // What a person says of a claim moves nothing before the next tick.
            let difference = match events.is_empty() && matches!(told, Told::Control(Control::Command(_))) {
                true => of_claims,
                false => {
                    let converted_otherwise = converted.hear(&events, batch, &oracle);
                    let booked_otherwise = || booked_otherwise(books.moved(), oracle.estimated(), real.moved());
                    let difference = unlike(&oracle, real.verdicts());
                    let converted_otherwise = converted_otherwise.map(|Wrong { kind, said }| Difference { kind, said });
                    difference.or(of_claims).or_else(booked_otherwise).or(converted_otherwise)
                }
            };
            batch += u64::from(matches!(told, Told::Control(Control::Tick { .. })));
            if let Some(Difference { kind, said }) = difference {
                return Err(Difference::new(kind, format!("behind {number}, {told:?}: {said}")));
            }
        }
    }
    Ok(real.found())
}

/// Settlement, month and account.
type Account<'a> = (Id, &'a str, &'a str);

/// What is due and what is estimated meet on the accounts of what programs cost.
fn booked_otherwise(
    due: &BTreeMap<Place, Micros>,
    estimated: &BTreeMap<Place, Micros>,
    theirs: &BTreeMap<Booked, Micros>,
) -> Option<Difference> {
    if together(due, estimated).eq(theirs.iter().map(named)) {
        return None;
    }
    let ours: BTreeMap<_, _> = together(due, estimated).collect();
    let theirs: BTreeMap<_, _> = theirs.iter().map(named).collect();
    let unlike = |account: &&Account<'_>| ours.get(account) != theirs.get(account);
    let place = ours.keys().chain(theirs.keys()).find(unlike).expect("they are unlike");
    let of = |moved: &BTreeMap<_, Micros>| moved.get(place).copied().unwrap_or_default();
    let said = format!("{place:?}: the oracle books {}, the journal {}", of(&ours), of(&theirs));
    Some(Difference::new(format!("booked on {}", place.2), said))
}

/// Two maps as one, in order: what both name is added up, and what comes to nothing left out.
fn together<'a>(
    one: &'a BTreeMap<Place, Micros>,
    other: &'a BTreeMap<Place, Micros>,
) -> impl Iterator<Item = (Account<'a>, Micros)> {
    let ours = |((id, month, account), amount): (&'a Place, &Micros)| ((*id, month.as_str(), *account), *amount);
    let (mut one, mut other) = (one.iter().map(ours).peekable(), other.iter().map(ours).peekable());
    let next = move || {
        let account = one.peek().into_iter().chain(other.peek()).map(|(account, _)| *account).min()?;
        let amounts = [one.next_if(|(of, _)| *of == account), other.next_if(|(of, _)| *of == account)];
        Some((account, amounts.into_iter().flatten().map(|(_, amount)| amount).sum::<Micros>()))
    };
    std::iter::from_fn(next).filter(|(_, amount)| !amount.is_zero())
}

fn named<'a>(((id, month, account), amount): (&'a Booked, &Micros)) -> (Account<'a>, Micros) {
    ((*id, month, account), *amount)
}

/// Which limit of a program took something of a line is not said here: a claim that names one agrees with one that does not.
const LIMITS: [Code; 7] = [
    Code::AuthorisedQuantity,
    Code::BudgetOverrun,
    Code::CapExceeded,
    Code::CostBasisWrong,
    Code::DebitAfterProtection,
    Code::ResaleAbove,
    Code::ThresholdNotMet,
];

fn without_limits(ours: &Seen, theirs: &Seen) -> Seen {
    let is_told = |code: &Code| !LIMITS.contains(code) || ours.codes.contains(code);
    let mut seen = Seen { codes: theirs.codes.iter().copied().filter(is_told).collect(), ..theirs.clone() };
    let is_explained = seen.codes.len() < theirs.codes.len();
    if is_explained && ours.codes.contains(&Code::ClaimOrphan) {
        seen.codes.insert(Code::ClaimOrphan);
    }
    seen
}

fn claimed_otherwise(oracle: &Oracle, theirs: &BTreeMap<Id, Seen>) -> Option<Difference> {
    if oracle.claims().eq(theirs) {
        return None;
    }
    let ours: BTreeMap<&Id, &Seen> = oracle.claims().collect();
    let agreed =
        |claim: &Id, seen: &Seen| ours.get(claim).map_or_else(|| seen.clone(), |ours| without_limits(ours, seen));
    let theirs: BTreeMap<&Id, Seen> = theirs.iter().map(|(claim, seen)| (claim, agreed(claim, seen))).collect();
    let unlike = |claim: &&&Id| ours.get(**claim).copied() != theirs.get(**claim);
    let claim = *ours.keys().chain(theirs.keys()).find(unlike)?;
    let (ours, theirs) = (ours.get(claim).copied(), theirs.get(claim));
    let same = |of: fn(&Seen) -> String| ours.map(of) == theirs.map(of);
    let same = [
        same(|seen| format!("{:?}", seen.state)),
        same(|seen| seen.approved.to_string()),
        same(|seen| seen.authorised.to_string()),
        same(|seen| format!("{:?}", seen.codes)),
    ];
    let said = format!("claim {claim}: the oracle sees {ours:?}, the ledger {theirs:?}");
    Some(Difference::new(format!("claimed {same:?}"), said))
}

fn unlike(oracle: &Oracle, theirs: &BTreeMap<Settlement, Verdict>) -> Option<Difference> {
    let theirs = || theirs.iter().map(|(settlement, verdict)| (settlement, verdict.said()));
    if oracle.verdicts().eq(theirs()) {
        return None;
    }
    let (ours, theirs): (BTreeMap<_, _>, BTreeMap<_, _>) = (oracle.verdicts().collect(), theirs().collect());
    let unlike = |settlement: &&&Settlement| ours.get(**settlement) != theirs.get(**settlement);
    let settlement = *ours.keys().chain(theirs.keys()).find(unlike)?;
    let [ours, theirs] = [ours, theirs].map(|said| said.get(settlement).copied().unwrap_or_default());
    let told =
        |Said { accrued, orders, kept }: &Said<'_>| format!("{accrued} accrued, orders {orders:?}, kept {kept:?}");
    let same = [ours.accrued == theirs.accrued, ours.orders == theirs.orders, ours.kept == theirs.kept];
    let said = format!("{settlement:?}: the oracle says {}, the ledger {}", told(&ours), told(&theirs));
    Some(Difference::new(format!("{} {same:?}", settlement.program), said))
}

#[test]
fn ledger_and_oracle_agree() {
    let seeds = Seeds::wanted(USUAL);
    let told = |seed: u64, reached: &mut Reached| {
        let acts = history::drawn(seed, seeds.events);
        let found = tried(&acts).map_err(|first| format!("{first}{}", shortest(seed, &acts, &first)))?;
        reached.note(&acts, &found);
        Ok(())
    };
    let mut reached = Reached::default();
    seeds.each(told).into_iter().for_each(|other| reached.join(other));
    print!("{}", reached.table());
    // In short histories little is far above what is usual.
    if seeds.count() >= USUAL.0 && seeds.events >= USUAL.1 {
        reached.must_be_wide();
    }
}

#[test]
fn what_was_kept_is_told_alike() {
    let differs = |(name, acts): (String, Vec<Act>)| Some(format!("{name}: {}", tried(&acts).err()?));
    let different: Vec<String> = kept::all().into_iter().filter_map(differs).collect();
    assert!(different.is_empty(), "some are not told alike:\n{}", different.join("\n"));
}

/// The same difference with as few acts as it takes, which are kept; nothing where only the first one is asked for.
fn shortest(seed: u64, acts: &[Act], first: &Difference) -> String {
    if is_brief() {
        return String::new();
    }
    let _alone = SHRINKING.lock().unwrap_or_else(PoisonError::into_inner);
    // What an assertion says is told once, in the end.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let few = shrink::shrunk(acts, &|acts| tried(acts).is_err_and(|found| found.kind == first.kind));
    let last = tried(&few).err().expect("it still tells them apart").said;
    std::panic::set_hook(hook);
    let kept = kept::keep(seed, &few);
    let count = format!("{} of {} acts", few.len(), acts.len());
    format!("\nin short, {count}:\n{}\n{last}\nkept in {}", shrink::shown(&few), kept.display())
}

/// What is told of all acts, and what stands in the end.
fn ended(acts: &[Act]) -> Real {
    ended_with(acts, &mut |_, _| ())
}

/// The same; `look` hears what was told and what stands then.
fn ended_with(acts: &[Act], look: &mut dyn FnMut(&Real, &Told)) -> Real {
    let (mut history, mut real) = (History::default(), Real::new());
    for act in acts {
        for told in history.told(act, &|line| real.due(line)) {
            match &told {
                Told::Event(event) => real.hear(event),
                Told::Configure(reference) => drop(real.configure(reference)),
                Told::Control(control) => drop(real.control(control)),
                Told::Paid { place, percent, date } => drop(real.pay(*place, *percent, *date)),
                Told::GivenUp { place, percent, date } => drop(real.give_up(*place, *percent, *date)),
            }
            look(&real, &told);
        }
    }
    real
}

/// Domain notes §4.13: once everything is closed, what was due is authorised, paid, owed back or let go, in both currencies.
#[test]
fn nothing_stays_open_behind_the_last_close() {
    for seed in 0..20 {
        let mut open = BTreeMap::<Id, Micros>::new();
        let real = ended(&history::drawn(seed, 300));
        for ((settlement, _, account), amount) in real.moved() {
            if ["LI-ACC", "LI-PTS", "LI-EST"].contains(&account.as_str()) {
                *open.entry(*settlement).or_default() += *amount;
            }
        }
        assert!(!open.is_empty(), "seed {seed} accrues something");
        open.retain(|_, amount| !amount.is_zero());
        assert!(open.is_empty(), "seed {seed}: {open:?}");
        let paid: BTreeSet<Id> = real.payable().into_iter().collect();
        let left = real.left_in_the_books().into_iter().filter(|(settlement, _)| !paid.contains(settlement));
        let left: Vec<(Id, Micros)> = left.filter(|(_, left)| !left.is_zero()).collect();
        assert!(left.is_empty(), "seed {seed}: in the books there is left {left:?}");
    }
}

/// Domain notes §4.13: a line that is reported again as it stands changes nothing.
#[test]
fn the_same_again_is_nothing() {
    for seed in 0..20 {
        let acts = history::drawn(seed, 300);
        let twice =
            |act: &Act| if let Act::Report(..) = act { vec![act.clone(), act.clone()] } else { vec![act.clone()] };
        let (once, again) = (ended(&acts), ended(&acts.iter().flat_map(twice).collect::<Vec<_>>()));
        assert_eq!(once.verdicts(), again.verdicts(), "seed {seed}");
        assert_eq!(once.moved(), again.moved(), "seed {seed}");
    }
}
