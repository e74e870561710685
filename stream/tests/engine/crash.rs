//! Crashes at every kind of place, by seeds: after restarts the result is that of an undisturbed run.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::toy::{Dice, Step, Steps, input, line};
use stream::store::Column;
use stream::store::memory::{Fault, Restart};
use stream::witness::MemoryWitness;
use stream::{Committed, DataDirectory, Ending, Engine, EngineOptions, MemoryStore, OpenError};

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

#[derive(PartialEq)]
struct Left {
    committed: Committed,
    views: Pairs,
    state: Pairs,
}

/// A data directory in memory that survives the processes that use it.
struct Place {
    store: Arc<MemoryStore>,
    witness: MemoryWitness,
    partitions: u16,
}

impl Place {
    fn new(partitions: u16) -> Place {
        Place { store: Arc::new(MemoryStore::new()), witness: MemoryWitness::default(), partitions }
    }

    fn open(&self) -> Result<DataDirectory, OpenError> {
        DataDirectory::on(self.store.clone(), Box::new(self.witness.reopened()), self.partitions)
    }

    /// One life of a process: `None` when it fails, else how far it came.
    fn live(&self, steps: &[Step], dice: &mut Dice) -> Option<(Ending, Committed)> {
        let directory = self.open().ok()?;
        let options = EngineOptions {
            threads: 1 + dice.roll(3) as usize,
            epoch_cost: 1 + dice.roll(40),
            epochs_in_flight: 1 + dice.roll(4) as usize,
            cache_bytes: dice.roll(3) as usize * 5_000,
        };
        let cuts = (dice.roll(2) == 0).then_some(Dice(dice.0));
        let source = Steps::behind(steps, directory.committed().position, cuts);
        let mut engine = Engine::new(directory, &line(), options).ok()?;
        let stop = AtomicBool::new(false);
        let summary = if dice.roll(4) == 0 {
            engine.run(source, &stop, &mut |_| {})
        } else {
            engine.run_stepwise(source, &stop, &mut |steps| dice.roll(steps as u64) as usize)
        };
        summary.ok().map(|summary| (summary.ending, summary.committed))
    }

    fn left(&self, committed: Committed) -> Left {
        let (views, state) = (self.store.column(Column::Views), self.store.column(Column::State));
        Left { committed: Committed { epoch: 0, ..committed }, views, state }
    }
}

fn undisturbed(steps: &[Step], partitions: u16) -> Left {
    let place = Place::new(partitions);
    let (_, committed) = place.live(steps, &mut Dice(0)).expect("nothing disturbs it");
    place.left(committed)
}

fn fault(dice: &mut Dice, (reads, writes): (u64, u64)) -> Fault {
    match dice.roll(4) {
        0 => Fault::Read(1 + dice.roll(reads)),
        1 => Fault::Write(1 + dice.roll(writes)),
        2 => Fault::Sync(1 + dice.roll(writes)),
        _ => Fault::AfterSync(1 + dice.roll(writes)),
    }
}

#[test]
fn crashes_do_not_show() {
    let inputs: Vec<Vec<Step>> = (0..4).map(|seed| input(seed, 120)).collect();
    let expected: Vec<Left> = inputs.iter().map(|steps| undisturbed(steps, 3)).collect();
    let mut crashes = 0;
    for seed in 0..400 {
        let mut dice = Dice(seed);
        let which = dice.roll(4) as usize;
        let place = Place::new(3);
        let committed = loop {
            place.store.plan((dice.roll(8) > 0).then(|| fault(&mut dice, (300, 30))));
            if let Some((Ending::Exhausted, committed)) = place.live(&inputs[which], &mut dice) {
                break committed;
            }
            crashes += 1;
            place.store.restart(if dice.roll(2) == 0 { Restart::Killed } else { Restart::PowerCut });
        };
        assert!(place.left(committed) == expected[which], "seed {seed}");
    }
    assert!(crashes > 400, "only {crashes} crashes");
}

#[test]
fn a_store_that_goes_backwards_is_refused() {
    for seed in 0..60 {
        let mut dice = Dice(seed);
        let steps = input(seed, 100);
        let place = Place::new(2);
        place.live(&steps[..40], &mut dice).unwrap();
        let older = place.store.backup();
        place.live(&steps, &mut dice).unwrap();
        let restored = Place { store: Arc::new(older), ..place };
        assert!(matches!(restored.open(), Err(OpenError::WentBackwards { .. })), "seed {seed}");
    }
}

#[test]
fn a_store_ahead_of_its_witness_goes_on() {
    let steps = input(5, 100);
    let expected = undisturbed(&steps, 2);
    let place = Place::new(2);
    place.live(&steps[..30], &mut Dice(1)).unwrap();
    // The witness remembers this, the store one run more.
    let old_witness = *stream::witness::Witness::read(&place.witness).as_ref().unwrap();
    place.live(&steps[..60], &mut Dice(2)).unwrap();
    stream::witness::Witness::write(&place.witness, &old_witness.unwrap()).unwrap();
    let (_, committed) = place.live(&steps, &mut Dice(3)).unwrap();
    assert!(place.left(committed) == expected);
}

#[test]
fn a_flipped_bit_stops_the_run_or_was_never_looked_at() {
    let steps = input(6, 160);
    let expected = undisturbed(&steps, 2);
    let mut stopped = 0;
    for seed in 0..200 {
        let mut dice = Dice(seed);
        let place = Place::new(2);
        place.live(&steps[..80], &mut dice).unwrap();
        let column = [Column::State, Column::Meta][dice.roll(4) as usize / 3];
        place.store.flip(column, dice.roll(1000) as usize, dice.roll(1000) as usize);
        match place.live(&steps, &mut dice) {
            None => stopped += 1,
            // Whoever scans the whole state meets the damage, unless a later write replaced it.
            Some((_, committed)) => {
                assert!(committed == Committed { epoch: committed.epoch, ..expected.committed }, "seed {seed}");
            }
        }
    }
    assert!(stopped > 20, "only {stopped} runs met the damage");
}
