//! Single situations, laid out by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use stream::StorageError;
use stream::kafka::home::{Home, Keeping};
use stream::kafka::{
    Book, Channels, Cut, DeadLetter, Event, Frame, Observer, Origin, RepairRequest, Stop, Task, TaskError, TaskId,
    TaskOptions, Transport, Wire,
};
use stream::outbox::route;

use crate::dice::Dice;
use crate::faults::Fate;
use crate::homes::{Checkpoints, Disk, Otherwise};
use crate::intake::Intake;
use crate::toy::{Count, Framed, NEWER, Split, Step, Text, input};
use crate::verify::{all, marks, views_of};
#[cfg(feature = "rocks")]
use crate::world::cluster;
use crate::world::{GENERATION, World, frame, open, spec};

fn world(steps: &[Step], partitions: u16) -> World {
    World::new(partitions, Intake::new(steps, partitions, None), Fate::kind(), Dice(1))
}

fn text(writer: &str, words: &[&str]) -> Step {
    let words = words.iter().map(|word| (*word).to_owned()).collect();
    Step::Text(Arc::new(Text { writer: writer.into(), words }))
}

/// The first two writers whose texts go to different partitions of two.
fn far_apart() -> (String, String) {
    let names = || (0..9).map(|number| format!("writer {number}"));
    let of = |parity: u64| names().find(|name| route(name) % 2 == parity).expect("one of nine");
    (of(0), of(1))
}

#[test]
fn a_torn_tail_is_repaired_by_its_writer() {
    let steps = input(&mut Dice(4), 60);
    let writer = Origin { generation: GENERATION, task: TaskId { stage: 0, partition: 0 } };
    let mut world = world(&steps, 2);
    for partition in [0, 1] {
        world.intake.send_until(&world.log, partition, None);
    }
    world.work(0);
    assert_eq!(world.log.tear("t.words", 1, writer, 3), 1, "the record in the middle is there once");
    world.work(1);
    let taken = world.seat(1, 1).live.as_ref().unwrap().book().inputs[&0];
    assert_eq!((taken.number, taken.missing()), (2, Some(3)), "nothing beyond the gap is taken");
    assert!(taken.seen > 4, "records beyond the gap were there");
    let requests = world.log.records("t.pos.repairs", 0);
    let request = RepairRequest::decode(requests[0].value.as_ref().unwrap()).unwrap();
    assert_eq!((request.writer, request.missing), (writer.task, 3));
    // The reader forgets nothing of it when it starts anew.
    world.seat(1, 1).live = None;
    world.work(1);
    assert_eq!(world.seat(1, 1).live.as_ref().unwrap().book().inputs[&0].missing(), Some(3));
    world.drain().unwrap();
    all(&world, &steps).unwrap();
    assert!(world.fate.seen().contains_key("writer repairs"));
}

#[test]
fn a_record_of_ours_that_cannot_be_read_stops_the_task_until_a_build_can() {
    let steps = input(&mut Dice(4), 60);
    let mut world = World::new(1, Intake::new(&steps, 1, Some(Dice(2))), Fate::kind(), Dice(1));
    world.intake.send_until(&world.log, 0, None);
    let is_newer =
        |value: &Option<Vec<u8>>| value.as_ref().is_some_and(|value| value.starts_with(&NEWER.to_be_bytes()));
    let unread = world.log.records("t.texts", 0).into_iter().find(|record| is_newer(&record.value)).unwrap();
    let (offset, number) = (unread.offset, unread.label.unwrap().number);
    assert!(number > 2, "some can be read in front of it");
    let id = TaskId { stage: 0, partition: 0 };
    for _ in 0..2 {
        // Neither bytes nor time are a reason to commit.
        let options = TaskOptions { commit_interval: Duration::from_secs(3600), ..TaskOptions::new("nowhere") };
        let home = world.seat(0, 0).disk().start();
        let mut task = open(&world.log, id, 1, options, 7, home, &BTreeMap::new()).unwrap();
        let stopped = (0..1_000).find_map(|_| task.step().err()).expect("it stops");
        let TaskError::Stop(stop) = stopped else { panic!("{stopped:?}") };
        let Stop::Poison { what } = &stop else { panic!("{stop:?}") };
        let told = format!("offset {offset} of t.texts, partition 0: schema {NEWER} is of a newer build");
        assert_eq!((what, stop.advice()), (&told, "start a build that can read it"));
        assert_eq!(
            marks(&world.log, id).last().unwrap().records,
            number - 1,
            "all in front of it is taken, and no more"
        );
    }
    world.drain().unwrap();
    all(&world, &steps).unwrap();
    assert!(world.fate.seen().contains_key("build cannot read a record"));
    assert!(world.log.records("t.pos.dead", 0).is_empty());
}

#[test]
fn a_stranger_cannot_write_what_is_too_large_to_be_parked() {
    let steps = input(&mut Dice(4), 20);
    let mut world = world(&steps, 1);
    let value = vec![7; 16 << 20];
    world.log.intrude("t.texts", 0, &value);
    world.drain().unwrap();
    all(&world, &steps).unwrap();
    let parked = world.log.records("t.pos.dead", 0);
    let letters: Vec<_> = parked.iter().map(|record| record.value.as_ref().unwrap()).collect();
    assert!(letters.len() == 1 && letters[0].len() < 2_000, "{} letters", letters.len());
    let letter = DeadLetter::decode(letters[0]).unwrap();
    let hash = *blake3::hash(&value).as_bytes();
    assert_eq!((letter.offset, letter.cut), (0, Some(Cut { bytes: 16 << 20, hash })));
}

#[test]
fn whoever_takes_over_looks_at_nothing_that_others_wrote() {
    let steps = input(&mut Dice(4), 60);
    let mut world = world(&steps, 2);
    world.adjust = |options| options.floor_interval = Duration::ZERO;
    world.drain().unwrap();
    all(&world, &steps).unwrap();
    for seat in &world.seats {
        let mark = marks(&world.log, seat.id).pop().unwrap();
        let channels = Channels::of(&spec(seat.id.stage.into(), 2), |name| format!("t.{name}"));
        for (slot, floor) in mark.by_slot(&channels).unwrap().0.iter().enumerate() {
            let (topic, partition) = channels.target(slot);
            let (_, end) = world.log.bounds(topic, partition).unwrap();
            assert_eq!(floor.offset, end, "{}, {topic} {partition}", seat.id);
        }
    }
}

#[test]
fn a_budget_is_shared_alike_whoever_comes_first() {
    let (one, other) = far_apart();
    let steps = [
        text(&one, &["11", "12", "13"]),
        text(&other, &["14", "15", "16"]),
        Step::Control(1),
        text(&one, &["17"]),
        Step::Control(2),
    ];
    let run = |first: u16| {
        let mut world = world(&steps, 2);
        for partition in [first, 1 - first] {
            world.intake.send_until(&world.log, partition, Some(1));
            (0..3).for_each(|stage| world.work(stage));
        }
        world.drain().unwrap();
        all(&world, &steps).unwrap();
        let arrived: Vec<_> =
            [0, 1].into_iter().flat_map(|partition| world.log.records("t.counts", partition)).collect();
        let writer = |value: &Vec<u8>| match Framed(0).decode(value) {
            Ok(Count::Seen { writer, .. }) => Some(writer),
            _ => None,
        };
        let arrived: Vec<String> = arrived.iter().filter_map(|record| writer(record.value.as_ref()?)).collect();
        (arrived[0].clone(), views_of(&world).unwrap())
    };
    let ((first, decided), (second, again)) = (run(0), run(1));
    assert_ne!(first, second, "the wishes came in opposite orders");
    assert_eq!(decided, again);
    let granted: BTreeSet<String> =
        decided.iter().filter(|(key, _)| key[0] == 6).map(|(key, _)| text_of(key)).collect();
    let expected =
        [format!("1 1 11 {one}"), format!("1 1 14 {other}"), format!("1 2 12 {one}"), format!("1 2 15 {other}")];
    assert_eq!(granted, BTreeSet::from(expected));
}

fn text_of(key: &[u8]) -> String {
    String::from_utf8_lossy(&key[1..]).into_owned()
}

#[test]
fn what_one_task_lets_go_behind_another_that_holds_it_stands_and_compaction_would_take_it() {
    let words = || (0..9).map(|number| format!("1{number}"));
    let of = |parity: u64| words().find(|word| route(word) % 2 == parity).expect("one of nine");
    let (there, here) = (of(1), of(0));
    let steps = [text("writer 1", &[&there]), text("writer 1", &[&here]), Step::Control(1)];
    let mut world = world(&steps, 2);
    for partition in [0, 1] {
        world.intake.send_until(&world.log, partition, Some(1));
    }
    world.work(0);
    // The first of the tasks holds it before the second has come so far.
    for partition in [0, 1] {
        let (id, home) = (TaskId { stage: 1, partition }, world.seat(1, partition).disk().start());
        let mut task = open(&world.log, id, 2, TaskOptions::new("nowhere"), 7, home, &BTreeMap::new()).unwrap();
        for _ in 0..20 {
            task.step().unwrap();
        }
        task.finish().unwrap();
    }
    let records = |world: &World| -> Vec<_> {
        let all = [0, 1].into_iter().flat_map(|partition| world.log.records("t.view-8", partition));
        all.map(|record| (record.label.expect("tasks wrote it").origin.task.partition, record.value.is_some()))
            .collect()
    };
    assert_eq!(records(&world), [(0, true), (1, true), (1, false)]);
    world.drain().unwrap();
    all(&world, &steps).unwrap();
    let key = [&[8], "writer 1".as_bytes()].concat();
    assert!(views_of(&world).unwrap().iter().any(|(stands, _)| *stands == key));
    world.log.compact("t.view-8");
    assert_eq!(records(&world), [(1, false)], "nothing of it is left");
}

#[test]
fn a_control_with_much_to_do_takes_many_transactions() {
    let words: Vec<String> = (0..2_500).map(|number| format!("1{number:04}")).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let steps = [text("writer 1", &words), Step::Control(1), text("writer 2", &["11"]), Step::Control(2)];
    let mut world = world(&steps, 1);
    // Neither bytes nor time are a reason to commit.
    world.adjust = |options| {
        (options.batch_records, options.batch_bytes) = (1_000, 1 << 20);
        options.transaction_bytes = usize::MAX;
        options.commit_interval = Duration::from_secs(3600);
    };
    world.drain().unwrap();
    all(&world, &steps).unwrap();
    let marks = marks(&world.log, TaskId { stage: 1, partition: 0 });
    let within =
        |control: u64| marks.iter().filter(|mark| mark.complete == control - 1 && mark.place.slice > 0).count();
    assert!(within(1) >= 2 && within(2) >= 2, "{} and {} marks within controls", within(1), within(2));
}

/// A home whose checkpoints are on their way until somebody says what becomes of them.
fn faraway(disk: Disk, begun: Sender<Book>, ends: Receiver<Result<u64, StorageError>>) -> Otherwise {
    let ends = Arc::new(Mutex::new(ends));
    Otherwise::keeping(disk, move |_, _, book| {
        begun.send(book.clone()).unwrap();
        let ends = Arc::clone(&ends);
        Keeping::Underway(std::thread::spawn(move || ends.lock().unwrap().recv().unwrap()))
    })
}

#[test]
fn a_task_goes_on_while_its_checkpoint_is_on_its_way_and_after_one_that_failed() {
    let steps = input(&mut Dice(4), 4_000);
    let mut world = world(&steps, 1);
    world.intake.send_until(&world.log, 0, None);
    let (begun, begins) = channel();
    let (end, ends) = channel();
    let home = faraway(Disk::new(Checkpoints::default(), 0, Fate::kind()), begun, ends);
    let options = TaskOptions {
        checkpoint_interval: Duration::ZERO,
        commit_interval: Duration::ZERO,
        idle_interval: Duration::ZERO,
        batch_records: 1,
        ..TaskOptions::new("nowhere")
    };
    let id = TaskId { stage: 0, partition: 0 };
    let mut task = open(&world.log, id, 1, options, 7, Box::new(home), &BTreeMap::new()).unwrap();
    let mut next = |outcome: Option<Result<u64, StorageError>>| {
        outcome.into_iter().for_each(|outcome| end.send(outcome).unwrap());
        loop {
            assert!(task.step().unwrap().taken > 0, "no checkpoint was begun");
            if let Ok(book) = begins.try_recv() {
                break (book, (0..20).all(|_| task.step().unwrap().committed));
            }
            std::thread::yield_now();
        }
    };
    let mut place = None;
    for outcome in [None, Some(Err(StorageError::new("nobody answers"))), Some(Ok(7))] {
        let (book, goes_on) = next(outcome);
        assert!(goes_on && place < Some(book.place), "{place:?}, then {book:?}");
        place = Some(book.place);
        assert!(begins.try_recv().is_err(), "one at a time");
    }
    end.send(Ok(7)).unwrap();
}

#[test]
fn a_task_that_is_to_end_is_opened_no_further() {
    let steps = input(&mut Dice(4), 60);
    let mut world = world(&steps, 1);
    world.intake.send_until(&world.log, 0, Some(1));
    world.work(0);
    let options = || TaskOptions {
        commit_interval: Duration::ZERO,
        idle_interval: Duration::ZERO,
        batch_records: 1,
        ..TaskOptions::new("nowhere")
    };
    let framed = || Arc::new(Framed(7));
    let (parts, limits) = (frame(&world.log, 0, 1, options(), framed(), framed()), BTreeMap::new());
    let opened = |home: Box<dyn Home>, stop: &Arc<AtomicBool>| Task::open(&parts, 0, Split, home, &limits, stop).err();
    let disk = Disk::new(Checkpoints::default(), 2, Fate::kind());
    let stop = Arc::new(AtomicBool::new(true));
    assert!(matches!(opened(disk.start(), &stop), Some(TaskError::Ended)));
    // The owner at work was not disturbed.
    world.intake.send_until(&world.log, 0, None);
    world.work(0);
    // Its disk is lost, and it hears of it while a checkpoint is fetched.
    let id = TaskId { stage: 0, partition: 0 };
    let mut task = open(&world.log, id, 1, options(), 7, disk.start(), &limits).unwrap();
    while !task.step().unwrap().caught_up {}
    task.checkpoint().unwrap();
    drop(task);
    disk.lose();
    stop.store(false, Ordering::Relaxed);
    let told = stop.clone();
    let home = Box::new(Otherwise::restoring(disk.clone(), move |_, _| {
        told.store(true, Ordering::Relaxed);
        Err(StorageError::new("it was given up"))
    }));
    assert!(matches!(opened(home, &stop), Some(TaskError::Ended)));
    assert_eq!(disk.books().len(), 1);
}

/// How long recoveries took, as they were told.
#[derive(Default)]
struct Recoveries(Mutex<Vec<Duration>>);

impl Observer for Recoveries {
    fn event(&self, _task: TaskId, event: &Event) {
        if let Event::Recovered { took, .. } = event {
            self.0.lock().unwrap().push(*took);
        }
    }
}

#[test]
fn a_recovery_is_told_from_the_opening_of_the_task() {
    let steps = input(&mut Dice(4), 60);
    let mut world = world(&steps, 1);
    world.intake.send_until(&world.log, 0, None);
    let (id, limits, disk) =
        (TaskId { stage: 0, partition: 0 }, BTreeMap::new(), Disk::new(Checkpoints::default(), 2, Fate::kind()));
    let options = || TaskOptions { idle_interval: Duration::ZERO, ..TaskOptions::new("nowhere") };
    let mut task = open(&world.log, id, 1, options(), 7, disk.start(), &limits).unwrap();
    while task.step().unwrap().taken > 0 {}
    task.finish().unwrap();
    task.checkpoint().unwrap();
    drop(task);
    disk.lose();
    let restored = Duration::from_millis(60);
    let home = Box::new(Otherwise::restoring(disk.clone(), move |disk, book| {
        std::thread::sleep(restored);
        disk.restore(book)
    }));
    let (recoveries, framed) = (Arc::new(Recoveries::default()), || Arc::new(Framed(7)));
    let frame = Frame { observer: recoveries.clone(), ..frame(&world.log, 0, 1, options(), framed(), framed()) };
    let mut task = Task::open(&frame, 0, Split, home, &limits, &Arc::default()).unwrap();
    while !task.step(Duration::ZERO).unwrap().caught_up {}
    let told = recoveries.0.lock().unwrap();
    assert!(told.len() == 1 && told[0] >= restored, "{told:?}");
}

/// The bytes of a state as they were told.
#[cfg(feature = "rocks")]
#[derive(Default)]
struct Sizes(Mutex<Vec<u64>>);

#[cfg(feature = "rocks")]
impl stream::kafka::Observer for Sizes {
    fn state(&self, _task: TaskId, bytes: u64) {
        self.0.lock().unwrap().push(bytes);
    }
}

#[cfg(feature = "rocks")]
#[test]
fn how_large_a_state_is_needs_no_checkpoint_to_be_told() {
    let steps = input(&mut Dice(4), 60);
    let mut world = world(&steps, 1);
    world.intake.send_until(&world.log, 0, None);
    let (folder, sizes) = (tempfile::tempdir().unwrap(), Arc::new(Sizes::default()));
    let options = || TaskOptions { idle_interval: Duration::ZERO, ..TaskOptions::new(folder.path()) };
    let memory = stream::store::RocksMemory::default();
    let home = stream::kafka::folder::FolderHome::new(&cluster(), &spec(0, 1), &options(), &memory, 0);
    let framed = || Arc::new(Framed(7));
    let frame = Frame { observer: sizes.clone(), ..frame(&world.log, 0, 1, options(), framed(), framed()) };
    let mut task = Task::open(&frame, 0, Split, Box::new(home), &BTreeMap::new(), &Arc::default()).unwrap();
    let told = |task: &mut Task<_, _>| {
        let before = sizes.0.lock().unwrap().len();
        while sizes.0.lock().unwrap().len() == before {
            task.step(Duration::ZERO).unwrap();
        }
        *sizes.0.lock().unwrap().last().unwrap()
    };
    assert!(told(&mut task) > 0, "at once");
    assert!(told(&mut task) > 0, "and again");
}
