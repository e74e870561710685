//! Another build takes a task over: an older one, or a newer one with other rules.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use stream::StorageError;
use stream::kafka::home::{Home, Keeping};
use stream::kafka::{
    Desk, Frame, Mark, Observer, Place, Plain, Publisher, Silent, StageSpec, Stop, Task, TaskError, TaskId,
    TaskOptions, Transport, Wire,
};

use crate::dice::Dice;
use crate::faults::Fate;
use crate::homes::{Checkpoints, Disk, Otherwise};
use crate::intake::Intake;
use crate::toy::{Counter, Framed, Odd, input};
use crate::verify::marks;
use crate::world::{Opening, Runner, World, cluster, frame, log, spec};

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
        self.open_in(self.disk.start(), 1..=logic, odd)
    }

    fn open_in(&self, home: Box<dyn Home>, logic: RangeInclusive<u32>, odd: u64) -> Result<Box<dyn Runner>, TaskError> {
        let options = TaskOptions {
            commit_interval: Duration::ZERO,
            idle_interval: Duration::ZERO,
            batch_records: 1,
            ..TaskOptions::new("nowhere")
        };
        let (log, limits) = (&self.world.log, &BTreeMap::new());
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
fn a_build_that_cannot_read_what_an_older_one_made_stops() {
    let bench = Bench::new();
    let place = bench.work(bench.open(1, 0).unwrap(), 20).unwrap();
    let opened = bench.open_in(bench.disk.start(), 2..=3, 0);
    let Some(TaskError::Stop(stop)) = opened.err() else { panic!("it does not stop") };
    assert_eq!(stop, Stop::OldLogic { mark: 1, oldest: 2 });
    assert_eq!(stop.to_string(), "it was made by logic 1, this build reads 2 on: the build that made it goes on");
    assert!(stop.advice().starts_with("begin the next generation beside this one: `topics create`"));
    assert_eq!((bench.mark().place, bench.mark().logic), (place, 1));
    // The build that made it goes on, and so does one that reads it.
    assert!(bench.work(bench.open(1, 0).unwrap(), 10).unwrap() > place);
    bench.work(bench.open_in(bench.disk.start(), 1..=3, 0).unwrap(), 10).unwrap();
    assert_eq!(bench.mark().logic, 3);
}

#[test]
fn an_intake_stops_at_the_marks_that_a_task_stops_at() {
    let memory = log(1, &Fate::kind());
    memory.create("t.log", 1, true);
    let open = |logic: RangeInclusive<u32>| {
        let desk = Desk {
            cluster: Arc::new(cluster()),
            topics: ("texts".into(), "log".into()),
            partitions: 1,
            logic,
            config: [1; 32],
            item: Arc::new(Plain) as Arc<dyn Wire<Vec<u8>>>,
            control: Arc::new(Plain),
            dead: Arc::new(Plain),
            options: Arc::new(TaskOptions::new("nowhere")),
            transport: Arc::new(memory.clone()),
            observer: Arc::new(Silent),
        };
        Publisher::open(&desk, &BTreeMap::new())
    };
    let mut publisher = open(1..=2).unwrap();
    publisher.entry(b"one").unwrap();
    publisher.commit().unwrap();
    let stop = |logic| match open(logic).err() {
        Some(TaskError::Stop(stop)) => Some(stop),
        _ => None,
    };
    assert_eq!(stop(1..=1), Some(Stop::Logic { mark: 2, build: 1 }));
    assert_eq!(stop(3..=4), Some(Stop::OldLogic { mark: 2, oldest: 3 }));
    assert_eq!(open(2..=4).unwrap().entries(), 1);
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

/// A home whose place for checkpoints cannot be written to for so many times; some only say so later.
fn full(disk: Disk, left: Arc<AtomicU32>, is_far: bool) -> Otherwise {
    Otherwise::keeping(disk, move |disk, store, book| {
        if left.load(Ordering::Relaxed) == 0 {
            return disk.checkpoint(store, book);
        }
        left.fetch_sub(1, Ordering::Relaxed);
        let full = || Err(StorageError::new("no space"));
        if is_far { Keeping::Underway(std::thread::spawn(full)) } else { Keeping::Ended(full()) }
    })
}

#[test]
fn an_upgrade_says_nothing_before_its_checkpoint_is_kept_wherever_that_lies() {
    for is_far in [false, true] {
        let bench = Bench::new();
        let at = bench.work(bench.open(1, 0).unwrap(), 20).unwrap();
        // The disk is lost, so that something is to be folded on the way to the mark.
        bench.disk.lose();
        let left = Arc::new(AtomicU32::new(12));
        let home = Box::new(full(bench.disk.clone(), left.clone(), is_far));
        let mut new = bench.open_in(home, 1..=2, 0).unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        while left.load(Ordering::Relaxed) > 0 {
            new.step().unwrap();
            assert!(Instant::now() < deadline && bench.checkpoints().is_empty());
            assert_eq!((bench.mark().place, bench.mark().logic), (at, 1), "it waits, and nothing is said");
        }
        while bench.mark().logic == 1 {
            new.step().unwrap();
            assert!(Instant::now() < deadline);
        }
        assert_eq!(bench.checkpoints(), [at], "the first that is kept stands where the new logic begins");
        assert!(bench.mark().place > at);
    }
}

/// A home whose checkpoint is on its way until the other end is dropped.
fn slow(disk: Disk, end: Receiver<()>) -> Otherwise {
    let mut end = Some(end);
    Otherwise::keeping(disk, move |_, _, _| {
        let end = end.take().expect("one is begun");
        Keeping::Underway(std::thread::spawn(move || {
            let _dropped = end.recv();
            Ok(1)
        }))
    })
}

/// What was said, and how much was told to wait.
#[derive(Default)]
struct Heard {
    waits: Mutex<Vec<String>>,
    lag: Mutex<Vec<u64>>,
}

impl Observer for Heard {
    fn waits(&self, what: &str) {
        self.waits.lock().unwrap().push(what.to_owned());
    }

    fn lag(&self, _task: TaskId, records: Option<u64>, _taken: Option<u64>) {
        self.lag.lock().unwrap().extend(records);
    }
}

#[test]
fn an_upgrade_says_that_it_waits_while_its_checkpoint_is_on_its_way_and_how_much_waits() {
    let bench = Bench::new();
    let at = bench.work(bench.open(1, 0).unwrap(), 20).unwrap();
    let (ends, end) = channel();
    let heard = Arc::new(Heard::default());
    let (framed, options) = (|| Arc::new(Framed(7)), TaskOptions::new("nowhere"));
    let parts = frame(&bench.world.log, ID.stage, 1, options, framed(), framed());
    let spec = Arc::new(StageSpec { logic: 1..=2, ..spec(ID.stage.into(), 1) });
    let parts = Frame { spec, observer: heard.clone(), ..parts };
    let (home, counter) = (Box::new(slow(bench.disk.clone(), end)), Counter(Odd::at(0)));
    let mut task = Task::open(&parts, 0, counter, home, &BTreeMap::new(), &Arc::default()).unwrap();
    let (_, behind) = bench.world.log.bounds("t.words", 0).unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while heard.waits.lock().unwrap().is_empty() {
        task.step(Duration::from_millis(20)).unwrap();
        assert!(Instant::now() < deadline, "nothing is said");
    }
    assert_eq!(*heard.waits.lock().unwrap(), ["count, partition 0 waits for its checkpoint at the upgrade since 5 s"]);
    assert_eq!(*heard.lag.lock().unwrap(), [behind - at.next; 2], "when it was opened, and while it waits");
    drop(ends);
    while bench.mark().logic == 1 {
        task.step(Duration::from_millis(20)).unwrap();
        assert!(Instant::now() < deadline, "it does not go on");
    }
    let waits = heard.waits.lock().unwrap();
    assert!(waits.last().unwrap().starts_with("count, partition 0 goes on again after "), "{waits:?}");
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
