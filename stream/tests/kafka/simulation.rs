//! Whole clusters by seeds: whatever happens, everything drains to the settled result of the embedded engine.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::dice::Dice;
use crate::faults::{Fate, Struck};
use crate::intake::Intake;
use crate::memory::TOUCHED;
use crate::toy::input;
use crate::verify;
use crate::world::{LIE, LOST, World};

/// One cluster from beginning to end, without some of the mishaps that it would have.
fn live(seed: u64, spared: &BTreeSet<u64>) -> (Result<(), String>, Fate) {
    let fate = Fate::new(seed, spared.clone());
    let lived = catch_unwind(AssertUnwindSafe(|| {
        let mut dice = Dice(seed);
        let partitions = 1 + dice.roll(4) as u16;
        let size = 10 + dice.roll(40);
        let steps = input(&mut dice, size);
        let newer = (dice.roll(3) == 0).then(|| Dice(dice.roll(1000)));
        let intake = Intake::new(&steps, partitions, newer);
        let mut world = World::new(partitions, intake, fate.clone(), dice);
        world.play(100 + 60 * u64::from(partitions))?;
        world.drain()?;
        verify::all(&world, &steps)
    }));
    let result = lived.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        Err(format!("panic: {}", text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("?")))
    });
    (result, fate)
}

/// Spares one mishap after the other as long as the seed still fails, and tells what is left.
fn shrunk(seed: u64) -> String {
    let mut spared = BTreeSet::new();
    let (mut result, fate) = live(seed, &spared);
    let (mut struck, mut from): (Vec<Struck>, usize) = (fate.struck(), 0);
    while let Some((chance, _)) = struck.get(from).copied() {
        spared.insert(chance);
        match live(seed, &spared) {
            (Err(why), fate) => (result, struck) = (Err(why), fate.struck()),
            (Ok(()), _) => {
                spared.remove(&chance);
                from += 1;
            }
        }
    }
    let mishaps: Vec<String> = struck.iter().map(|(chance, what)| format!("  {chance}: {what}")).collect();
    let why = result.err().unwrap_or_else(|| "does not fail again".into());
    format!("seed {seed}: {why}\nmishaps that it takes:\n{}", mishaps.join("\n"))
}

#[test]
fn whatever_happens_the_result_is_the_same() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let long = std::env::var_os("PAIDONCE_LONG").is_some();
    let seeds = match number("PAIDONCE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("PAIDONCE_SEEDS").unwrap_or(if long { 100_000 } else { 2_000 }),
    };
    let count = seeds.end - seeds.start;
    let next = AtomicU64::new(seeds.start);
    let work = || {
        let mut seen: BTreeMap<&'static str, u64> = BTreeMap::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return seen;
            }
            let (result, fate) = live(seed, &BTreeSet::new());
            assert!(result.is_ok(), "{}", shrunk(seed));
            fate.seen().into_iter().for_each(|(what, times)| *seen.entry(what).or_default() += times);
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut seen: BTreeMap<&'static str, u64> = BTreeMap::new();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let all = threads.into_iter().flat_map(|thread| thread.join().expect("no seed fails"));
        all.for_each(|(what, times)| *seen.entry(what).or_default() += times);
    });
    if count >= 1_000 {
        let seldom: Vec<_> =
            SITUATIONS.iter().filter(|what| seen.get(**what).is_none_or(|times| *times < count / 50)).collect();
        assert!(seldom.is_empty(), "these hardly come up: {seldom:?}, of {seen:?}");
    }
}

/// What has to come up in many seeds.
const SITUATIONS: [&str; 30] = [
    "a stranger writes",
    "an old end hits the open transaction",
    "build cannot read a record",
    "commit held in some partitions, its answer is lost",
    "commit held, its answer is lost",
    "commit is lost",
    LIE,
    LOST,
    TOUCHED,
    "checkpoint cannot be read",
    "crashes",
    "disk is lost",
    "disk is set back",
    "disk will fail",
    "gives its partition back",
    "is replaced while it works",
    "marks are compacted",
    "moves to the other host",
    "old owner is fenced",
    "old transaction held",
    "reading fails",
    "record arrives twice",
    "record arrives, and the writer is lost",
    "request for repair is overheard",
    "sending fails",
    "task goes on within a control",
    "task starts from a checkpoint",
    "task starts from nothing",
    "writer repairs",
    "writer was made and lost",
];
