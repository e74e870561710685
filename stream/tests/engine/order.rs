//! What comes out does not depend on threads, partitions, epochs or the order of work.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::toy::{Dice, Step, Steps, input, line};
use stream::store::Column;
use stream::witness::MemoryWitness;
use stream::{Committed, DataDirectory, Engine, EngineOptions, MemoryStore};

/// What a run leaves behind.
#[derive(Debug, PartialEq)]
struct Left {
    committed: Committed,
    views: Vec<(Vec<u8>, Vec<u8>)>,
    state: Vec<(Vec<u8>, Vec<u8>)>,
}

fn left(store: &MemoryStore, committed: Committed) -> Left {
    let mut state = store.column(Column::State);
    // Which partition holds a key is no part of the result.
    for (key, _) in &mut state {
        key[1..3].fill(0);
    }
    state.sort();
    Left { committed: Committed { epoch: 0, ..committed }, views: store.column(Column::Views), state }
}

fn run(steps: &[Step], partitions: u16, options: EngineOptions, cuts: Option<Dice>) -> Left {
    let store = Arc::new(MemoryStore::new());
    let directory = DataDirectory::on(store.clone(), Box::new(MemoryWitness::default()), partitions).unwrap();
    let mut engine = Engine::new(directory, &line(), options).unwrap();
    let source = Steps::behind(steps, Default::default(), cuts);
    let summary = engine.run(source, &AtomicBool::new(false), &mut |_| {}).unwrap();
    left(&store, summary.committed)
}

fn options(threads: usize, epoch_cost: u64) -> EngineOptions {
    EngineOptions { threads, epoch_cost, cache_bytes: 1 << 20, ..EngineOptions::default() }
}

#[test]
fn threads_partitions_and_epochs_do_not_show() {
    let steps = input(1, 600);
    let expected = run(&steps, 1, options(1, 1_000_000), None);
    assert!(expected.views.len() > 80 && expected.state.len() > 200, "the input reaches most keys");
    for partitions in [1, 2, 4, 8] {
        for (threads, epoch_cost) in [(1, 1), (2, 7), (4, 100), (4, 1_000_000)] {
            let found = run(&steps, partitions, options(threads, epoch_cost), Some(Dice(epoch_cost)));
            assert!(found == expected, "{partitions} partitions, {threads} threads, epochs of {epoch_cost}");
        }
    }
}

#[test]
fn a_cache_of_nothing_changes_nothing() {
    let steps = input(2, 300);
    let expected = run(&steps, 4, options(2, 50), None);
    let starved = EngineOptions { cache_bytes: 0, ..options(2, 50) };
    assert!(run(&steps, 4, starved, None) == expected);
}

#[test]
fn any_order_of_work_gives_the_same() {
    let steps = input(3, 200);
    let expected = run(&steps, 3, options(1, 1_000_000), None);
    for seed in 0..60 {
        let mut dice = Dice(seed);
        let store = Arc::new(MemoryStore::new());
        let directory = DataDirectory::on(store.clone(), Box::new(MemoryWitness::default()), 3).unwrap();
        let options = EngineOptions { epochs_in_flight: 1 + dice.roll(5) as usize, ..options(1, 1 + dice.roll(60)) };
        let mut engine = Engine::new(directory, &line(), options).unwrap();
        let source = Steps::behind(&steps, Default::default(), None);
        let choose = &mut |steps: usize| dice.roll(steps as u64) as usize;
        let summary = engine.run_stepwise(source, &AtomicBool::new(false), choose).unwrap();
        assert!(left(&store, summary.committed) == expected, "seed {seed}");
    }
}
