//! Another build takes a task over: an older one, or a newer one with other rules.

use std::collections::BTreeMap;
use std::time::Duration;

use stream::kafka::{Mark, Place, Stop, TaskError, TaskId, TaskOptions};

use crate::dice::Dice;
use crate::faults::Fate;
use crate::homes::{Checkpoints, Disk};
use crate::intake::Intake;
use crate::toy::input;
use crate::verify::marks;
use crate::world::{Opening, Runner, World};

const ID: TaskId = TaskId { stage: 1, partition: 0 };

/// A stage's input, and one host that its task works on.
struct Bench {
    world: World,
    disk: Disk,
}

impl Bench {
    fn new() -> Bench {
        let steps = input(&mut Dice(4), 60);
        let mut world = World::new(1, Intake::new(&steps, 1, None), Fate::kind(), Dice(1));
        world.intake.send_until(&world.log, 0, None);
        world.work(0);
        Bench { world, disk: Disk::new(Checkpoints::default(), 2, Fate::kind()) }
    }

    /// The task of a build, which says something else at a record of its own life; 0 for never. One step is one record.
    fn open(&self, logic: u32, odd: u64) -> Result<Box<dyn Runner>, TaskError> {
        let options = TaskOptions {
            commit_interval: Duration::ZERO,
            idle_interval: Duration::ZERO,
            batch_records: 1,
            ..TaskOptions::new("nowhere")
        };
        let (log, home, limits) = (&self.world.log, self.disk.start(), &BTreeMap::new());
        Opening { log, task: ID, partitions: 1, options, home, limits, odd, logic }.start(7)
    }

    /// Takes a task up to its mark, then on by some records; returns where it stands.
    fn work(&self, mut task: Box<dyn Runner>, records: usize) -> Result<Place, TaskError> {
        while !task.step()?.caught_up {}
        (0..records).try_for_each(|_| task.step().map(|_| ()))?;
        task.finish()?;
        Ok(task.book().place)
    }

    fn mark(&self) -> Mark {
        marks(&self.world.log, ID).pop().expect("it has written some")
    }

    fn checkpoints(&self) -> Vec<Place> {
        self.disk.books().iter().map(|book| book.place).collect()
    }
}

#[test]
fn a_build_that_does_not_know_the_logic_of_a_mark_stops() {
    let bench = Bench::new();
    let place = bench.work(bench.open(2, 0).unwrap(), 20).unwrap();
    for _ in 0..2 {
        let Some(TaskError::Stop(stop)) = bench.open(1, 0).err() else { panic!("it does not stop") };
        assert_eq!(stop, Stop::Logic { mark: 2, build: 1 });
        assert_eq!(stop.advice(), "a newer build wrote the mark: start that one");
    }
    assert_eq!((bench.mark().place, bench.mark().logic), (place, 2));
    assert!(bench.work(bench.open(2, 0).unwrap(), 20).unwrap() > place);
}

#[test]
fn an_upgrade_goes_on_at_its_mark_and_is_kept_there() {
    let bench = Bench::new();
    let mut old = bench.open(1, 0).unwrap();
    (0..10).for_each(|_| assert!(old.step().unwrap().committed));
    old.checkpoint().unwrap();
    let before = old.book().place;
    let at = bench.work(old, 10).unwrap();
    assert_eq!((bench.mark().place, bench.mark().logic), (at, 1));
    let mut new = bench.open(2, 1).unwrap();
    new.step().unwrap();
    assert_eq!(bench.checkpoints(), [at, before], "before anything is said under other rules");
    let end = bench.work(new, 10).unwrap();
    assert_eq!((bench.mark().place, bench.mark().logic), (end, 2));
    assert!(end > at);
    // Whoever takes it over without its disk starts from there, and comes to the same.
    bench.disk.lose();
    assert!(bench.work(bench.open(2, 1).unwrap(), 10).unwrap() > end);
    assert_eq!(bench.checkpoints(), [at, before], "once");
}

#[test]
fn a_new_build_behind_an_old_mark_stops_unless_it_says_the_same() {
    let bench = Bench::new();
    let mut old = bench.open(1, 0).unwrap();
    (0..10).for_each(|_| assert!(old.step().unwrap().committed));
    old.checkpoint().unwrap();
    let at = bench.work(old, 10).unwrap();
    // Its disk is lost, and what is left is behind the mark.
    bench.disk.lose();
    let Some(TaskError::Stop(stop)) = bench.open(2, 1).and_then(|new| bench.work(new, 0)).err() else {
        panic!("it does not stop")
    };
    let Stop::OutputDiffers { what } = stop else { panic!("{stop:?}") };
    assert!(what.ends_with("as its mark was written under logic 1: let that build come to it first"), "{what}");
    // The old build comes to its mark, then the new one goes on.
    bench.disk.lose();
    assert_eq!(bench.work(bench.open(1, 0).unwrap(), 0).unwrap(), at);
    bench.work(bench.open(2, 1).unwrap(), 10).unwrap();
    assert_eq!(bench.mark().logic, 2);
    // What differs in nothing that was published may come from behind, and is kept at the mark as well.
    let same = Bench::new();
    let at = same.work(same.open(1, 0).unwrap(), 20).unwrap();
    same.disk.lose();
    same.work(same.open(2, 0).unwrap(), 10).unwrap();
    assert_eq!((same.checkpoints().len(), same.mark().logic), (1, 2));
    assert!(same.checkpoints()[0] >= at);
}
