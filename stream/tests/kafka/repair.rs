//! Tasks that must not go on by themselves, and what a repair makes of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use stream::Stage;
use stream::kafka::repair::{Archive, Diagnosis, Difference, Differs, Folded, NoArchive, Patient, Way, book_in};
use stream::kafka::repair::{apply, examine, fold};
use stream::kafka::{
    Approval, Book, Cause, Channels, Frame, HOP, Mark, Nowhere, Origin, Stop, Survey, TaskError, TaskId, TaskOptions,
    Wire, leave_notice,
};

use crate::dice::Dice;
use crate::embedded::{Pairs, settled};
use crate::faults::Fate;
use crate::intake::Intake;
use crate::memory::{Kept, Memory};
use crate::toy::{Counter, Fold, Framed, Split, Step, input};
use crate::verify::{all, marks, settled_as_embedded, views_of};
use crate::world::{GENERATION, HOPS, MARKS, STAGES, Seat, World, cluster, frame, log, open, options, spec};

fn seeds() -> u64 {
    if std::env::var_os("PAIDONCE_LONG").is_some() { 5_000 } else { 200 }
}

/// A line in the midst of its work, and a task of it that has come to a halt.
struct Halted {
    world: World,
    steps: Vec<Step>,
    id: TaskId,
    dice: Dice,
    /// As it stood.
    book: Book,
}

/// `None` where the task has not published anything yet. Nothing strikes until fate is roused.
fn halted(seed: u64, stages: std::ops::Range<u64>, odd: u64) -> Option<Halted> {
    let mut dice = Dice(seed);
    let partitions = 1 + dice.roll(3) as u16;
    let stage = stages.start + dice.roll(stages.end - stages.start);
    let id = TaskId { stage: stage as u8, partition: dice.roll(partitions.into()) as u16 };
    let size = 20 + dice.roll(40);
    let steps = input(&mut dice, size);
    let fate = Fate::new(seed, BTreeSet::new());
    fate.quiet();
    let mut world = World::new(partitions, Intake::new(&steps, partitions, None), fate, Dice(seed));
    world.odd = (odd > 0).then_some((id, odd));
    world.play(80 + 60 * u64::from(partitions) + dice.roll(200)).unwrap();
    // No transaction is open while people look at it.
    world.seats.iter_mut().filter_map(|seat| seat.live.as_mut()).for_each(|task| task.finish().unwrap());
    let book = world.seat(id.stage, id.partition).live.take()?.book().clone();
    world.odd = None;
    (marks(&world.log, id).last()?.place == book.place && book.place.next > 0).then_some(Halted {
        world,
        steps,
        id,
        dice,
        book,
    })
}

fn approval() -> Approval {
    Approval::new("ann", "bob", "a test").unwrap()
}

/// Runs the repair of a task up to its end, or as far as it goes.
struct Surgery<'a> {
    world: &'a mut World,
    id: TaskId,
    archive: Arc<dyn Archive>,
    again: bool,
    /// Things strike while what was found is done.
    amid_mishaps: bool,
}

/// What a repair has found and done.
struct Told {
    stop: Option<Stop>,
    way: Way,
    is_same: bool,
    differences: Vec<Difference>,
    corrections: u64,
}

impl Surgery<'_> {
    fn run(self) -> Result<Told, TaskError> {
        let input = || Arc::new(Framed(3));
        match self.id.stage {
            0 => self.with(Split, input(), input()),
            1 => self.with(Counter::default(), input(), input()),
            _ => self.with(Fold::default(), input(), Arc::new(Nowhere)),
        }
    }

    fn with<S: Stage>(
        self,
        stage: S,
        input: Arc<dyn Wire<S::In>>,
        output: Arc<dyn Wire<S::Out>>,
    ) -> Result<Told, TaskError> {
        let Surgery { world, id, archive, again, amid_mishaps } = self;
        let (partitions, log, fate) = (world.partitions, world.log.clone(), world.fate.clone());
        let seat = world.seat(id.stage, id.partition);
        let frame: Frame<S::In, S::Out, Memory> =
            frame(&log, id.stage, partitions, options(&mut Dice(5)), input, output);
        let patient = Patient { frame: &frame, partition: id.partition, books: books(seat, partitions), archive };
        let diagnosis = examine(&patient, again)?;
        let folded = match diagnosis.way {
            Way::FoldAgain => Some(fold(&patient, &diagnosis, stage, Box::new(seat.disk().beside()))?),
            _ => None,
        };
        let told = told(&diagnosis, folded.as_ref());
        if matches!(diagnosis.way, Way::GoesOn | Way::ByHand(_)) {
            return Ok(told);
        }
        if amid_mishaps {
            fate.rouse();
        }
        let applied = apply(&patient, &diagnosis, folded, &approval());
        fate.quiet();
        applied.map(|()| told)
    }
}

fn told(diagnosis: &Diagnosis, folded: Option<&Folded>) -> Told {
    Told {
        stop: diagnosis.stop.clone(),
        way: diagnosis.way.clone(),
        is_same: folded.is_some_and(|folded| folded.is_same),
        differences: folded.map_or(Vec::new(), |folded| folded.differences().to_vec()),
        corrections: folded.map_or(0, |folded| folded.counts().corrections),
    }
}

fn books(seat: &Seat, partitions: u16) -> Vec<Book> {
    let spec = spec(seat.id.stage.into(), partitions);
    let own = book_in(seat.store().as_ref(), &cluster(), &spec, seat.id.partition).unwrap();
    own.into_iter().chain(seat.disk().books()).collect()
}

/// Why the task stops when it comes up as ever; `None` where it does not.
fn stop_of(world: &mut World, id: TaskId) -> Option<Stop> {
    let (partitions, log) = (world.partitions, world.log.clone());
    let mut open_task = || {
        let home = world.seat(id.stage, id.partition).disk().start();
        open(&log, id, partitions, options(&mut Dice(5)), 3, home, &BTreeMap::new())
    };
    // A transaction of its own that does not end is ended on the way.
    let again = |error: &TaskError| matches!(error, TaskError::Again(_));
    let opened = open_task().or_else(|error| if again(&error) { open_task() } else { Err(error) });
    match opened.and_then(|mut task| (0..1_000).try_for_each(|_| task.step().map(|_| ()))) {
        Ok(()) => None,
        Err(TaskError::Stop(stop)) => Some(stop),
        Err(error) => panic!("{id}: {error:?}"),
    }
}

fn input_of(id: TaskId) -> String {
    format!("t.{}", HOPS[usize::from(id.stage)])
}

/// A log service that holds one partition as it is now.
fn kept(world: &World, topic: &str, partition: u16) -> Memory {
    let kept = log(world.partitions, &Fate::kind());
    kept.copy(&world.log, topic, partition);
    kept
}

/// Makes the last record of the last transaction invisible, where nobody has taken it yet.
fn tear_last(world: &mut World, id: TaskId) {
    let outputs = marks(&world.log, id).pop().unwrap().outputs;
    let Some(last) = outputs.into_iter().rfind(|of| of.number > of.floor.number) else { return };
    let reader = (last.output == HOP).then(|| world.seat(id.stage + 1, last.partition).live.as_ref().unwrap());
    if reader.is_some_and(|reader| reader.book().inputs[&id.partition].number >= last.number) {
        return;
    }
    let channels = Channels::of(&spec(id.stage.into(), world.partitions), |name| format!("t.{name}"));
    let (topic, partition) = channels.target(channels.slot(last.output, last.partition).unwrap());
    assert!(world.log.tear(topic, partition, Origin { generation: GENERATION, task: id }, last.number) > 0);
}

/// Goes through seeds; at least a quarter of them must come to the point.
fn each_seed(stages: std::ops::Range<u64>, odd: u64, case: impl Fn(Halted) -> bool) {
    let came = (0..seeds()).filter_map(|seed| halted(seed, stages.clone(), odd)).filter_map(|halted| {
        let seed = halted.dice.0;
        let passed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| case(halted)));
        passed
            .unwrap_or_else(|panic| {
                eprintln!("at dice {seed}");
                std::panic::resume_unwind(panic)
            })
            .then_some(())
    });
    let came = came.count() as u64;
    assert!(came >= seeds() / 4, "{came} of {} seeds come to the point", seeds());
}

#[test]
fn marks_that_were_lost_are_written_again() {
    each_seed(0..STAGES as u64, 0, |halted| {
        let Halted { mut world, steps, id, book, .. } = halted;
        world.log.lose("t.pos.marks", Mark::partition(id, MARKS), &Mark::key(GENERATION, id));
        assert!(matches!(stop_of(&mut world, id), Some(Stop::NoMark { .. })));
        let told = Surgery { world: &mut world, id, archive: Arc::new(NoArchive), again: false, amid_mishaps: false }
            .run()
            .unwrap();
        assert!(matches!(told.stop, Some(Stop::NoMark { .. })), "{:?}", told.stop);
        assert_eq!(told.way, Way::MarkAgain { book: book.clone() });
        assert_eq!(marks(&world.log, id).last().unwrap().place, book.place);
        world.drain().unwrap();
        all(&world, &steps).unwrap();
        true
    });
}

#[test]
fn a_state_that_was_lost_behind_a_trim_is_folded_again_from_the_archive() {
    each_seed(0..STAGES as u64, 0, |halted| {
        let Halted { mut world, steps, id, book, mut dice } = halted;
        // The last record that was taken is never trimmed.
        let last = book.last.expect("it has read").offset;
        if last == 0 {
            return false;
        }
        let topic = input_of(id);
        let archive = kept(&world, &topic, id.partition);
        let below = 1 + dice.roll(last);
        world.log.trim(&topic, id.partition, below);
        world.seat(id.stage, id.partition).disk().wipe();
        assert_eq!(stop_of(&mut world, id), Some(Stop::InputTrimmed { start: below, needed: 0 }));
        if dice.roll(2) == 0 {
            tear_last(&mut world, id);
        }
        let told = Surgery { world: &mut world, id, archive: Arc::new(NoArchive), again: false, amid_mishaps: false }
            .run()
            .unwrap();
        assert!(matches!(told.way, Way::ByHand(_)), "without an archive: {:?}", told.way);
        let kept = Arc::new(Kept(archive.clone()));
        let told = Surgery { world: &mut world, id, archive: kept, again: false, amid_mishaps: false }.run().unwrap();
        assert_eq!((told.way, told.is_same), (Way::FoldAgain, true), "{:?}", told.differences);
        assert!(marks(&world.log, id).last().unwrap().incarnations.is_empty());
        world.drain().unwrap();
        world.log.put_back(&archive, &topic, id.partition);
        all(&world, &steps).unwrap();
        true
    });
}

#[test]
fn a_task_goes_on_with_its_state_when_its_input_is_another_one() {
    each_seed(0..STAGES as u64, 0, |halted| {
        let Halted { mut world, steps, id, book, mut dice } = halted;
        // Sometimes the topic is made anew.
        let last = book.last.expect("it has read").offset;
        let end = if dice.roll(3) == 0 { 0 } else { dice.roll(last + 1) };
        world.log.cut(&input_of(id), id.partition, end);
        assert!(matches!(stop_of(&mut world, id), Some(Stop::InputDiffers { .. })));
        let told = Surgery { world: &mut world, id, archive: Arc::new(NoArchive), again: false, amid_mishaps: false }
            .run()
            .unwrap();
        assert_eq!(told.way, Way::Anchor { book, next: end });
        let incarnations = marks(&world.log, id).pop().unwrap().incarnations;
        assert_eq!(incarnations.len(), 1);
        assert_eq!((incarnations[0].cause, &incarnations[0].approval), (Cause::Input, &approval()));
        world.drain().unwrap();
        settled_as_embedded(&world, &steps).unwrap();
        true
    });
}

/// Views up to those of a stage: what comes of a record that was wrong is for people to see to.
fn own_views(id: TaskId, views: Pairs) -> Pairs {
    views.into_iter().filter(|(key, _)| id.stage != 1 || key[0] < 5).collect()
}

#[test]
fn what_was_published_stands_when_a_build_answers_otherwise() {
    each_seed(1..STAGES as u64, 4, |halted| {
        let Halted { mut world, steps, id, dice, .. } = halted;
        let before = marks(&world.log, id).pop().unwrap();
        world.seat(id.stage, id.partition).disk().wipe();
        let Some(stop) = stop_of(&mut world, id) else {
            // It has not come to that record.
            return false;
        };
        assert!(matches!(stop, Stop::OutputDiffers { .. }), "{stop:?}");
        let told = Surgery { world: &mut world, id, archive: Arc::new(NoArchive), again: true, amid_mishaps: false }
            .run()
            .unwrap();
        assert_eq!((told.stop, told.way, told.is_same), (None, Way::FoldAgain, false));
        let wanted = usize::from(id.stage == 1);
        assert_eq!(told.differences.len(), wanted, "{:?}", told.differences);
        assert!(told.differences.iter().all(|found| found.differs == Differs::Other), "{:?}", told.differences);
        assert!(told.corrections <= 1);
        let mark = marks(&world.log, id).pop().unwrap();
        assert_eq!(mark.place, before.place);
        assert_eq!(mark.incarnations.len(), 1);
        assert_eq!((mark.incarnations[0].cause, mark.incarnations[0].hash), (Cause::Output, before.hash));
        world.play(40 + dice.0 % 80).unwrap();
        // The next owner starts from what the repair has kept.
        let seat = world.seat(id.stage, id.partition);
        seat.live = None;
        seat.disk().lose();
        world.drain().unwrap();
        let (views, _) = settled(&steps, world.partitions);
        assert_eq!(own_views(id, views_of(&world).unwrap()), own_views(id, views));
        true
    });
}

#[test]
fn a_task_that_has_moved_since_it_was_looked_at_is_left_alone() {
    let halted = (0..seeds()).filter_map(|seed| halted(seed, 0..1, 0));
    let refused = halted.map(|Halted { mut world, id, .. }| {
        let (partitions, log) = (world.partitions, world.log.clone());
        let input = || Arc::new(Framed(3));
        let frame = frame(&log, id.stage, partitions, options(&mut Dice(5)), input(), input());
        let books = books(world.seat(id.stage, id.partition), partitions);
        let patient = Patient { frame: &frame, partition: id.partition, books, archive: Arc::new(NoArchive) };
        let diagnosis = examine(&patient, true).unwrap();
        let home = Box::new(world.seat(id.stage, id.partition).disk().beside());
        let folded = fold::<Split, Memory>(&patient, &diagnosis, Split, home).unwrap();
        let before = marks(&log, id).len();
        world.drain().unwrap();
        let after = marks(&log, id).len();
        let applied = apply(&patient, &diagnosis, Some(folded), &approval());
        if after > before {
            assert!(matches!(applied, Err(TaskError::Again(_))), "{applied:?}");
            assert_eq!(marks(&log, id).len(), after);
        }
        u64::from(after > before)
    });
    assert!(refused.sum::<u64>() > seeds() / 4);
}

#[test]
fn a_task_that_has_stopped_is_told_of_until_it_goes_on() {
    let steps = input(&mut Dice(4), 60);
    let mut world = World::new(1, Intake::new(&steps, 1, None), Fate::kind(), Dice(1));
    let id = TaskId { stage: 0, partition: 0 };
    world.intake.send_until(&world.log, 0, Some(1));
    world.work(0);
    world.seat(0, 0).live = None;
    let told = |world: &mut World| {
        let log = world.log.clone();
        let input = || Arc::new(Framed(3));
        let frame: Frame<<Split as Stage>::In, <Split as Stage>::Out, Memory> =
            frame(&log, 0, 1, options(&mut Dice(5)), input(), input());
        let books = books(world.seat(0, 0), 1);
        let patient = Patient { frame: &frame, partition: 0, books, archive: Arc::new(NoArchive) };
        let diagnosis = examine(&patient, false).unwrap();
        assert_eq!((&diagnosis.stop, &diagnosis.way), (&None, &Way::GoesOn));
        let line: Vec<_> = (0..HOPS.len()).map(|stage| spec(stage, 1)).collect();
        let survey = Survey::take(&log, &cluster(), &line).unwrap();
        let stopped: Vec<_> = survey.stopped().map(|(standing, why)| (standing.task, why.to_owned())).collect();
        assert_eq!(diagnosis.notice(), stopped.first().map(|(_, why)| why.as_str()));
        stopped
    };
    let leave = |world: &World| leave_notice(&world.log, &cluster(), &spec(0, 1), 0, "it must not go on").unwrap();
    assert_eq!(told(&mut world), []);
    // It comes up with something to commit, then with nothing to do.
    for _ in 0..2 {
        leave(&world);
        assert_eq!(told(&mut world), [(id, "it must not go on".to_owned())]);
        let (home, log) = (world.seat(0, 0).disk().start(), world.log.clone());
        let options = TaskOptions { idle_interval: Duration::ZERO, ..TaskOptions::new("nowhere") };
        let mut task = open(&log, id, 1, options, 3, home, &BTreeMap::new()).unwrap();
        for _ in 0..20 {
            task.step().unwrap();
        }
        drop(task);
        assert_eq!(told(&mut world), []);
    }
    leave(&world);
    world.drain().unwrap();
    all(&world, &steps).unwrap();
    assert_eq!(told(&mut world), []);
}

/// Repairs amid mishaps, again and again, until the task comes up as ever.
fn repair_until_it_holds(world: &mut World, id: TaskId) {
    for _ in 0..50 {
        let again = marks(&world.log, id).last().is_some_and(|mark| mark.incarnations.is_empty());
        let archive = Arc::new(NoArchive);
        match (Surgery { world, id, archive, again, amid_mishaps: true }).run() {
            Ok(_) | Err(TaskError::Again(_)) => {}
            Err(error) => panic!("{id}: {error:?}"),
        }
        // It also ends the transaction that a repair has left open, as brokers do after a while.
        if stop_of(world, id).is_none() {
            return;
        }
    }
    panic!("{id} is not repaired");
}

#[test]
fn a_repair_that_breaks_off_is_done_again() {
    each_seed(1..STAGES as u64, 4, |halted| {
        let Halted { mut world, steps, id, .. } = halted;
        world.seat(id.stage, id.partition).disk().wipe();
        if stop_of(&mut world, id).is_none() {
            return false;
        }
        repair_until_it_holds(&mut world, id);
        world.drain().unwrap();
        let (views, _) = settled(&steps, world.partitions);
        assert_eq!(own_views(id, views_of(&world).unwrap()), own_views(id, views));
        true
    });
}
