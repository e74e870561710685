//! A cluster in memory: the intake, three stages of tasks on hosts that come and go, and what serves repairs.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use stream::Stage;
use stream::kafka::home::Home;
use stream::kafka::{
    Book, Cluster, Frame, Plain, Progress, RepairRequest, Silent, StageSpec, Stop, Task, TaskError, TaskId,
    TaskOptions, Wire, Wires,
};

use crate::dice::Dice;
use crate::faults::Fate;
use crate::homes::{Checkpoints, Disk};
use crate::intake::Intake;
use crate::memory::Memory;
use crate::toy::{Counter, Fold, Framed, NEWER, Odd, Split, VIEWS};

pub const GENERATION: u32 = 1;
pub const STAGES: usize = 3;
const NAMES: [&str; STAGES] = ["split", "count", "fold"];
/// Topics that stages read, then nothing.
pub const HOPS: [&str; STAGES] = ["texts", "words", "counts"];
/// Partitions of the topic of marks.
pub const MARKS: u16 = 2;

/// The mishap after which a store may stand ahead of its mark.
pub const LOST: &str = "an end does not come to a partition";
pub const LIE: &str = "commit is told, and held in some partitions";

/// A task of any stage.
pub trait Runner {
    fn step(&mut self) -> Result<Progress, TaskError>;
    fn finish(&mut self) -> Result<(), TaskError>;
    fn checkpoint(&mut self) -> Result<(), TaskError>;
    fn misses(&self, request: &RepairRequest) -> bool;
    fn book(&self) -> &Book;
    fn leave(self: Box<Self>) -> Box<dyn Home>;
}

impl<S: Stage> Runner for Task<S, Memory> {
    fn step(&mut self) -> Result<Progress, TaskError> {
        Task::step(self, Duration::ZERO)
    }

    fn finish(&mut self) -> Result<(), TaskError> {
        Task::finish(self)
    }

    fn checkpoint(&mut self) -> Result<(), TaskError> {
        Task::checkpoint(self)
    }

    fn misses(&self, request: &RepairRequest) -> bool {
        Task::misses(self, request)
    }

    fn book(&self) -> &Book {
        Task::book(self)
    }

    fn leave(self: Box<Self>) -> Box<dyn Home> {
        Task::into_home(*self)
    }
}

pub fn cluster() -> Cluster {
    let (brokers, prefix, id) = ("memory".into(), "t.".into(), "simulated".into());
    Cluster { brokers, prefix, generation: GENERATION, settings: Vec::new(), id }
}

pub fn spec(stage: usize, partitions: u16) -> StageSpec {
    StageSpec {
        number: stage as u8,
        name: NAMES[stage],
        input: HOPS[stage].into(),
        output: HOPS.get(stage + 1).map(|name| (*name).into()),
        views: VIEWS[stage].iter().map(|view| (*view, format!("view-{view}"))).collect(),
        partitions,
        logic: 1..=1,
        config: [1; 32],
    }
}

/// A log service with all topics.
pub fn log(partitions: u16, fate: &Fate) -> Memory {
    let log = Memory::new(fate.clone());
    for hop in HOPS {
        log.create(&format!("t.{hop}"), partitions, true);
    }
    for view in VIEWS.concat() {
        log.create(&format!("t.view-{view}"), partitions, false);
    }
    log.create("t.pos.dead", partitions, false);
    log.create("t.pos.marks", MARKS, true);
    log.create("t.pos.repairs", 1, false);
    log
}

/// How a task works, drawn anew each time that it comes up; none of it may show.
pub fn options(dice: &mut Dice) -> TaskOptions {
    let mut interval = || [Duration::ZERO, Duration::from_secs(3600)][dice.roll(2) as usize];
    let (commit_interval, idle_interval, floor_interval) = (interval(), interval(), interval());
    TaskOptions {
        floor_interval,
        commit_interval,
        idle_interval,
        checkpoint_interval: Duration::from_secs(3600),
        repair_interval: Duration::ZERO,
        batch_records: 1 + dice.roll(9) as usize,
        batch_bytes: 10 + dice.roll(1000) as usize,
        transaction_bytes: 1 + dice.roll(800) as usize,
        cache_bytes: dice.roll(3) as usize * 2_000,
        ..TaskOptions::new("nowhere")
    }
}

/// Opens a task of a stage.
pub fn open(
    log: &Memory,
    task: TaskId,
    partitions: u16,
    options: TaskOptions,
    frame: u32,
    home: Box<dyn Home>,
    limits: &BTreeMap<u16, u64>,
) -> Result<Box<dyn Runner>, TaskError> {
    Opening { log, task, partitions, options, home, limits, odd: 0, logic: 1..=1 }.start(frame)
}

/// What a task is made of.
pub fn frame<I, O>(
    log: &Memory,
    stage: u8,
    partitions: u16,
    options: TaskOptions,
    input: Arc<dyn Wire<I>>,
    output: Arc<dyn Wire<O>>,
) -> Frame<I, O, Memory> {
    Frame {
        cluster: Arc::new(cluster()),
        spec: Arc::new(spec(stage.into(), partitions)),
        wires: Wires { input, output, control: Arc::new(Plain), views: Arc::new(Plain), dead: Arc::new(Plain) },
        options: Arc::new(options),
        transport: Arc::new(log.clone()),
        observer: Arc::new(Silent),
    }
}

/// A task that comes up.
pub struct Opening<'a> {
    pub log: &'a Memory,
    pub task: TaskId,
    pub partitions: u16,
    pub options: TaskOptions,
    pub home: Box<dyn Home>,
    pub limits: &'a BTreeMap<u16, u64>,
    /// Record at which the stage says something else; 0 for never.
    pub odd: u64,
    pub logic: RangeInclusive<u32>,
}

impl Opening<'_> {
    pub fn start(self, frame: u32) -> Result<Box<dyn Runner>, TaskError> {
        let (odd, framed) = (Odd::at(self.odd), || Arc::new(Framed(frame)));
        match self.task.stage {
            0 => self.open(Split, framed(), framed()),
            1 => self.open(Counter(odd), framed(), framed()),
            _ => self.open(Fold(odd), framed(), Arc::new(stream::kafka::Nowhere)),
        }
    }

    fn open<S: Stage + 'static>(
        self,
        stage: S,
        input: Arc<dyn Wire<S::In>>,
        output: Arc<dyn Wire<S::Out>>,
    ) -> Result<Box<dyn Runner>, TaskError> {
        let Opening { log, task, partitions, options, home, limits, logic, .. } = self;
        let spec = Arc::new(StageSpec { logic, ..spec(task.stage.into(), partitions) });
        let frame = Frame { spec, ..frame(log, task.stage, partitions, options, input, output) };
        Ok(Box::new(Task::open(&frame, task.partition, stage, home, limits, &Arc::default())?))
    }
}

/// A task's place in the cluster.
pub struct Seat {
    pub id: TaskId,
    pub live: Option<Box<dyn Runner>>,
    /// An owner that does not know that it was replaced, and its host, which no other process of the task can start on.
    zombie: Option<(usize, Box<dyn Runner>)>,
    limits: BTreeMap<u16, u64>,
    caught_up: bool,
    /// It has met a record that its build could not read, and is started with a newer one.
    newer: bool,
    disks: [Disk; 2],
    host: usize,
}

/// The cluster at work.
pub struct World {
    pub log: Memory,
    pub fate: Fate,
    pub seats: Vec<Seat>,
    pub intake: Intake,
    pub partitions: u16,
    dice: Dice,
    /// Requests for repair that were looked at, by offset.
    served: u64,
    /// Has the last word on how tasks work.
    pub adjust: fn(&mut TaskOptions),
    /// A task whose build says something else at a record.
    pub odd: Option<(TaskId, u64)>,
}

impl World {
    pub fn new(partitions: u16, intake: Intake, fate: Fate, mut dice: Dice) -> World {
        let log = log(partitions, &fate);
        let ids = (0..STAGES as u8).flat_map(|stage| (0..partitions).map(move |partition| TaskId { stage, partition }));
        let seats = ids.map(|id| {
            let (checkpoints, kept) = (Checkpoints::default(), dice.roll(3) as usize);
            let disks = [0, 1].map(|_| Disk::new(checkpoints.clone(), kept, fate.clone()));
            Seat {
                id,
                live: None,
                zombie: None,
                limits: BTreeMap::new(),
                caught_up: false,
                newer: false,
                disks,
                host: 0,
            }
        });
        let seats = seats.collect();
        World { log, fate, seats, intake, partitions, dice, served: 0, adjust: |_| {}, odd: None }
    }

    /// Lets somebody do something, `steps` times.
    pub fn play(&mut self, steps: u64) -> Result<(), String> {
        for _ in 0..steps {
            let actors = self.seats.len() as u64 + 3;
            match self.dice.roll(actors) {
                0 | 1 => self.intake.step(&self.log, &mut self.dice),
                2 => self.serve_repairs(),
                other => self.turn(other as usize - 3)?,
            }
            if self.fate.strikes("marks are compacted", 200) {
                self.log.compact("t.pos.marks");
            }
            if self.fate.strikes("a stranger writes", 300) {
                let partition = self.fate.pick(u64::from(self.partitions)) as u16;
                self.log.intrude("t.texts", partition, b"hello");
            }
        }
        Ok(())
    }

    /// Lets everybody work without mishaps until nobody has anything to do.
    pub fn drain(&mut self) -> Result<(), String> {
        self.fate.quiet();
        self.intake.conclude();
        let mut idle = 0;
        for _ in 0..4_000 {
            self.intake.step(&self.log, &mut self.dice);
            self.serve_repairs();
            let mut moved = !self.intake.is_done();
            for seat in 0..self.seats.len() {
                self.seats[seat].zombie = None;
                let before = self.seats[seat].live.as_ref().map(|task| task.book().clone());
                self.turn(seat)?;
                let Seat { live, caught_up, .. } = &mut self.seats[seat];
                let Some(task) = live else {
                    moved = true;
                    continue;
                };
                let finished = if *caught_up { task.finish() } else { Ok(()) };
                moved |= before.as_ref() != Some(task.book());
                if let Err(error) = finished {
                    *live = None;
                    moved = true;
                    self.seats[seat].bear(&error, &self.fate)?;
                }
            }
            idle = if moved { 0 } else { idle + 1 };
            if idle > 2 {
                return Ok(());
            }
        }
        Err("it does not drain".into())
    }

    /// Lets the tasks of a stage work until none has anything to do.
    pub fn work(&mut self, stage: u8) {
        let mut idle = 0;
        while idle < 3 {
            idle += 1;
            for seat in 0..self.seats.len() {
                if self.seats[seat].id.stage != stage {
                    continue;
                }
                let before = self.seats[seat].live.as_ref().map(|task| task.book().place);
                self.turn(seat).expect("nothing disturbs it");
                let task = self.seats[seat].live.as_mut().expect("nothing disturbs it");
                task.finish().expect("nothing disturbs it");
                if before != Some(task.book().place) {
                    idle = 0;
                }
            }
        }
    }

    /// The seat of a task.
    pub fn seat(&mut self, stage: u8, partition: u16) -> &mut Seat {
        let id = TaskId { stage, partition };
        self.seats.iter_mut().find(|seat| seat.id == id).expect("there is a seat for each task")
    }

    /// One seat does one thing.
    fn turn(&mut self, seat: usize) -> Result<(), String> {
        let World { log, fate, seats, dice, partitions, adjust, odd, .. } = self;
        let seat = &mut seats[seat];
        if fate.strikes("old owner works on", 4)
            && let Some((_, zombie)) = &mut seat.zombie
        {
            match zombie.step().and_then(|_| zombie.finish()).and_then(|()| zombie.checkpoint()) {
                Ok(()) => {}
                Err(error) => {
                    if matches!(error, TaskError::Fenced(_)) {
                        fate.note("old owner is fenced");
                    }
                    seat.zombie = None;
                    seat.bear(&error, fate)?;
                }
            }
        }
        let Some(task) = &mut seat.live else {
            let moves = fate.strikes("moves to the other host", 4);
            seat.host = match seat.zombie {
                Some((taken, _)) => 1 - taken,
                None if moves => 1 - seat.host,
                None => seat.host,
            };
            let home = seat.disks[seat.host].start();
            let mut options = options(dice);
            adjust(&mut options);
            let odd = odd.filter(|(task, _)| *task == seat.id).map_or(0, |(_, at)| at);
            let (task, partitions, limits) = (seat.id, *partitions, &seat.limits);
            let frame = dice.roll(9) as u32 + if seat.newer { NEWER } else { 0 };
            match (Opening { log, task, partitions, options, home, limits, odd, logic: 1..=1 }).start(frame) {
                Ok(task) => {
                    seat.limits.clear();
                    seat.caught_up = false;
                    if task.book().turning {
                        fate.note("task goes on within a control");
                    }
                    seat.live = Some(task);
                }
                // Its first transactions were told and never held: somebody sees to it.
                Err(TaskError::Stop(Stop::NoMark { .. }))
                    if [LIE, LOST].iter().any(|what| fate.seen().contains_key(what)) =>
                {
                    fate.note("there is no mark");
                    seat.disks.iter().for_each(Disk::wipe);
                }
                Err(error) => seat.bear(&error, fate)?,
            }
            return Ok(());
        };
        let result = task.step().and_then(|progress| {
            seat.caught_up = progress.caught_up;
            if fate.strikes("keeps a checkpoint", 12) {
                task.checkpoint()?;
            }
            if fate.strikes("gives its partition back", 40) {
                task.finish()?;
                return Ok(true);
            }
            Ok(false)
        });
        match result {
            Ok(true) => {
                let task = seat.live.take().expect("it has just worked");
                drop(task.leave());
            }
            Ok(false) if fate.strikes("crashes", 60) => {
                seat.live = None;
            }
            Ok(false) if fate.strikes("is replaced while it works", 120) => {
                seat.zombie = seat.live.take().map(|task| (seat.host, task));
            }
            Ok(false) => {}
            Err(error) => {
                seat.live = None;
                seat.bear(&error, fate)?;
            }
        }
        Ok(())
    }

    /// Has the writers that readers miss records of opened anew.
    fn serve_repairs(&mut self) {
        let mut records = self.log.written("t.pos.repairs", 0);
        records.retain(|record| record.offset >= self.served);
        for record in records {
            self.served = record.offset + 1;
            let request = RepairRequest::decode(record.value.as_deref().unwrap_or_default()).expect("tasks wrote it");
            if self.fate.strikes("request for repair is overheard", 3) {
                continue;
            }
            if self.intake.misses(&request) {
                self.fate.note("writer repairs");
                self.intake.repair(&request);
                continue;
            }
            let Some(seat) = self.seats.iter_mut().find(|seat| seat.id == request.writer) else { continue };
            let misses = seat.live.as_ref().is_some_and(|task| task.misses(&request));
            if seat.limits.is_empty() && (!misses || !seat.caught_up) {
                continue;
            }
            let limit = seat.limits.entry(request.partition).or_insert(request.missing);
            *limit = request.missing.min(*limit);
            self.fate.note("writer repairs");
            seat.live = None;
        }
    }
}

impl Seat {
    /// Takes an error that tasks come back from; any other is handed on.
    fn bear(&mut self, error: &TaskError, fate: &Fate) -> Result<(), String> {
        match error {
            TaskError::Again(_) | TaskError::Fenced(_) | TaskError::Storage(_) => Ok(()),
            TaskError::Stage(stream::StageError::Storage(_)) => Ok(()),
            TaskError::Stop(Stop::Poison { .. }) => {
                fate.note("build cannot read a record");
                self.newer = true;
                Ok(())
            }
            other => Err(format!("{} stops: {other:?}", self.id)),
        }
    }

    /// The host that the task is on.
    pub fn disk(&self) -> &Disk {
        &self.disks[self.host]
    }

    /// Where the task's state lies now.
    pub fn store(&self) -> Arc<stream::MemoryStore> {
        self.disks[self.host].store()
    }
}
