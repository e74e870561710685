//! The ledger and the oracle come to the same on histories that nobody thought of.

mod history;
mod real;
mod shrink;

use std::collections::BTreeMap;

use contract::Settlement;
use oracle::{Oracle, Verdict};

use crate::history::{Act, History, Told};
use crate::real::Real;

/// Seeds that are tried: 10,000 of 1,000 events each in the long run.
fn seeds() -> (std::ops::Range<u64>, usize) {
    if let Some(seed) = std::env::var("PAIDONCE_SEED").ok().and_then(|seed| seed.parse().ok()) {
        return (seed..seed + 1, events());
    }
    if std::env::var_os("PAIDONCE_LONG").is_some() { (0..10_000, events()) } else { (0..150, events()) }
}

fn events() -> usize {
    std::env::var("PAIDONCE_EVENTS").ok().and_then(|events| events.parse().ok()).unwrap_or(1_000)
}

/// The first control behind which the two say something else, and what.
fn difference(acts: &[Act]) -> Option<String> {
    let (mut oracle, mut real) = (Oracle::default(), Real::new());
    for (number, told) in (1..).zip(History::tell(acts)) {
        match &told {
            Told::Event(event) => {
                oracle.hear(event);
                real.hear(event);
                continue;
            }
            Told::Configure(reference) => {
                oracle.configure(reference);
                real.configure(reference);
            }
            Told::Control(control) => {
                oracle.control(control);
                real.control(control);
            }
        }
        if let Some(difference) = unlike(&oracle.verdicts(), &real.verdicts()) {
            return Some(format!("behind {number}, {told:?}: {difference}"));
        }
    }
    None
}

fn unlike(ours: &BTreeMap<Settlement, Verdict>, theirs: &BTreeMap<Settlement, Verdict>) -> Option<String> {
    let settlements = ours.keys().chain(theirs.keys());
    let told = |verdicts: &BTreeMap<Settlement, Verdict>, settlement: &Settlement| match verdicts.get(settlement) {
        Some(Verdict { accrued, orders }) => format!("{accrued} accrued, orders {orders:?}"),
        None => "nothing".to_owned(),
    };
    let unlike = |settlement: &&Settlement| ours.get(settlement) != theirs.get(settlement);
    let settlement = settlements.into_iter().find(unlike)?;
    Some(format!("{settlement:?}: the oracle says {}, the ledger {}", told(ours, settlement), told(theirs, settlement)))
}

#[test]
fn ledger_and_oracle_agree() {
    let (seeds, events) = seeds();
    let mut reached = history::Reached::default();
    for seed in seeds {
        let acts = history::drawn(seed, events);
        if let Some(first) = difference(&acts) {
            let few = shrink::shrunk(&acts, &|acts| difference(acts).is_some());
            let last = difference(&few).unwrap_or_default();
            panic!("seed {seed}: {first}\nin short:\n{}\n{last}", shrink::shown(&few));
        }
        reached.note(&acts);
    }
    reached.must_be_wide();
}
