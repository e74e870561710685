//! A task: its fold, in transactions with marks, and how it comes up again.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use tracing::Span;

use crate::kafka::book::{About, Floor};
use crate::kafka::ground::{Ground, end_own};
use crate::kafka::held::Queue;
use crate::kafka::home::{self, Home, Keeping, TaskIdentity};
use crate::kafka::recover::FOLD_RECORDS;
use crate::kafka::work::{Incoming, Outputs, Settled, Work};
use crate::kafka::{
    Batch, Book, Channels, Cluster, Event, HOP, Mark, Observer, Origin, Place, Reader, Received, RepairRequest, Seen,
    Sending, StageSpec, Stop, Taken, TaskError, TaskId, TaskOptions, Transport, TransportError, Wires, Writer,
};
use crate::overlay::Overlay;
use crate::store::{Changes, Store};
use crate::{Outbox, PartitionState, Stage, TableId};

/// Changes that are put on a topic go in pieces of about that size, for brokers that take a mebibyte.
const DELTA_BYTES: usize = 256 << 10;
/// How often a task says how large its state is, and, when it commits nothing, how much waits.
const TELL: Duration = Duration::from_secs(1);
/// How often a task says that it waits for the checkpoint of its upgrade, and tells how much waits meanwhile; or that it waits
/// for a transaction.
const SAY: Duration = Duration::from_secs(5);
/// A checkpoint without which the task does not go on is tried again so soon, where others are not due earlier.
const CHECKPOINT_AGAIN: Duration = Duration::from_secs(3);

/// Everything that a task is made of but its state.
pub struct Frame<I, O, T> {
    pub cluster: Arc<Cluster>,
    pub spec: Arc<StageSpec>,
    pub wires: Wires<I, O>,
    pub options: Arc<TaskOptions>,
    pub transport: Arc<T>,
    pub observer: Arc<dyn Observer>,
}

impl<I, O, T: Transport> Frame<I, O, T> {
    /// The one writer of a task, made on `transport`: any earlier one can write no more.
    pub(crate) fn writer(&self, transport: &T, partition: u16) -> Result<T::Writer, TaskError> {
        let slots = Channels::of(&self.spec, |name| self.cluster.topic(name)).len();
        let name = writer_name(&self.cluster, self.spec.name, partition);
        transport.writer(&name, slots + 1).map_err(of_transport)
    }
}

/// A task at work.
pub struct Task<S: Stage, T: Transport> {
    id: TaskId,
    cluster: Arc<Cluster>,
    options: Arc<TaskOptions>,
    observer: Arc<dyn Observer>,
    about: About,
    reader: T::Reader,
    work: Work<S, T::Writer>,
    overlay: Overlay,
    store: Arc<dyn Store>,
    home: Box<dyn Home>,
    transport: Arc<T>,
    /// The last record that was taken: it must come again when reading starts.
    verify: Option<Seen>,
    /// Where the fold has to agree with the mark.
    target: Option<Target>,
    floors: Vec<Floor>,
    /// When the floors of outputs that are seldom written to were raised last.
    raised: Instant,
    /// Some have risen since the last mark.
    has_risen: bool,
    /// Word stands that the task has stopped, which the next mark withdraws.
    is_noticed: bool,
    marks: (String, u16, usize),
    incoming: VecDeque<Incoming<S::In>>,
    wanted: Vec<(TableId, Vec<u8>)>,
    total: Batch,
    folded: u64,
    /// When the last transaction had ended.
    since: Instant,
    /// How long it took to be published and applied.
    took: Duration,
    checkpointed: Instant,
    /// It has come to a mark that an older build wrote.
    upgrade: Option<Upgrade>,
    /// The last checkpoint, until it is known what became of it, and when it was begun.
    keeping: Option<(Instant, Keeping)>,
    opened: Instant,
    /// From opening to the mark; none behind it.
    recovery: Span,
    /// When the observer last heard how much waits.
    told: Instant,
    /// When it last heard how large the state is.
    measured: Option<Instant>,
    /// When it was last said that a transaction of others does not end.
    said: Option<Instant>,
    /// By writer: when the missing record was last asked for, how often.
    asked: BTreeMap<u16, (u64, Option<Instant>, u32)>,
}

/// A task at a mark that an older build wrote: until a checkpoint is kept there it takes nothing, and says nothing under its
/// own logic.
struct Upgrade {
    since: Instant,
    /// When the checkpoint was last begun.
    tried: Option<Instant>,
    /// When it was last said that it is waited for.
    said: Instant,
}

impl Upgrade {
    fn begin() -> Upgrade {
        let now = Instant::now();
        Upgrade { since: now, tried: None, said: now }
    }
}

struct Target {
    place: Place,
    /// `None` where anything will do.
    expected: Option<Expected>,
}

/// What a mark says of the fold.
struct Expected {
    hash: [u8; 32],
    numbers: Vec<u64>,
    last: Option<Seen>,
    logic: u32,
}

impl Target {
    fn at(mark: &Mark, numbers: Vec<u64>) -> Target {
        let Mark { place, hash, last, logic, .. } = *mark;
        Target { place, expected: Some(Expected { hash, numbers, last, logic }) }
    }
}

impl Expected {
    fn check(&self, book: &Book, place: Place, logic: u32) -> Result<(), Stop> {
        let differs = |what: &str| {
            let mut what = format!("{what} at {:?}", book.place);
            if self.logic < logic {
                what +=
                    &format!(", as its mark was written under logic {}: let that build come to it first", self.logic);
            }
            Stop::OutputDiffers { what }
        };
        if book.place != place {
            return Err(differs("steps do not meet the mark"));
        }
        if book.last != self.last {
            return Err(Stop::InputDiffers { what: format!("record in front of {:?}", book.place) });
        }
        if book.numbers != self.numbers {
            return Err(differs("numbers"));
        }
        if book.hash != self.hash {
            return Err(differs("rolling hash"));
        }
        Ok(())
    }
}

/// What a task begins with.
struct Start<W> {
    home: Box<dyn Home>,
    store: Arc<dyn Store>,
    book: Book,
    ground: Ground,
    target: Option<Target>,
    writer: W,
    recovery: Span,
    /// When it was begun to open the task.
    opened: Instant,
}

/// What one step of a task did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub taken: usize,
    pub committed: bool,
    /// The task stands where its mark stands, or beyond.
    pub caught_up: bool,
}

impl<S: Stage, T: Transport> Task<S, T> {
    /// Takes the task over: fences earlier owners, then finds out where it stands.
    ///
    /// `limits`: numbers from which on readers miss records, by partition of the output. An open task does not look at `stop`.
    ///
    /// # Errors
    /// [`TaskError::Ended`] soon after `stop` was set.
    pub fn open(
        frame: &Frame<S::In, S::Out, T>,
        partition: u16,
        stage: S,
        mut home: Box<dyn Home>,
        limits: &BTreeMap<u16, u64>,
        stop: &Arc<AtomicBool>,
    ) -> Result<Task<S, T>, TaskError> {
        let Frame { cluster, spec, transport, observer, .. } = frame;
        let (folded, resent) = (tracing::field::Empty, tracing::field::Empty);
        let recovery = tracing::info_span!("recovery", stage = spec.name, partition, folded, resent);
        let _inside = recovery.enter();
        let started = Instant::now();
        let opening = transport.until(stop);
        // Before anything is read: what an earlier owner left open is decided by this.
        let open_writer = || frame.writer(&opening, partition);
        let writer = open_writer()?;
        let fenced = started.elapsed();
        let origin = Origin { generation: cluster.generation, task: TaskId { stage: spec.number, partition } };
        let channels = Channels::of(spec, |name| cluster.topic(name));
        let mut ground = match Ground::look(&opening, cluster, spec, partition) {
            Ok(ground) => ground,
            Err(error) => return Err(end_own(error, origin, &channels, writer, open_writer)),
        };
        let looked = started.elapsed() - fenced;
        observer.lag(ground.task, Some(ground.waiting()), None);
        ground.limit(limits);
        let (store, book) =
            ground.enter(home.as_mut(), &TaskIdentity::of(cluster, spec, partition), observer.as_ref(), stop)?;
        let entered = started.elapsed() - fenced - looked;
        tracing::info!(task = %ground.task, ?fenced, ?looked, ?entered, place = ?book.place, "task opens");
        if let Some(last) = book.last.filter(|last| last.offset >= ground.input_end) {
            let what = format!("it ends at offset {}, offset {} was read", ground.input_end, last.offset);
            return Err(Stop::InputDiffers { what }.into());
        }
        let target = ground.mark.as_ref().map(|mark| Target::at(mark, ground.numbers.clone()));
        let (recovery, opened) = (recovery.clone(), started);
        Task::start(frame, partition, stage, Start { home, store, book, ground, target, writer, recovery, opened })
    }

    /// The task from nothing up to the place of its mark, whatever the mark says of its outputs; all of them go to the
    /// writer.
    ///
    /// # Errors
    /// There is no mark.
    pub(crate) fn fold_again(
        frame: &Frame<S::In, S::Out, T>,
        partition: u16,
        stage: S,
        mut home: Box<dyn Home>,
        mut ground: Ground,
    ) -> Result<Task<S, T>, TaskError> {
        let opened = Instant::now();
        let Some(mark) = &ground.mark else { return Err(TaskError::Broken("task has no mark to fold to".into())) };
        let target = Some(Target { place: mark.place, expected: None });
        ground.visible.fill(0);
        let store = home.clear()?;
        home::look(store.as_ref(), &TaskIdentity::of(&frame.cluster, &frame.spec, partition))??;
        let writer = frame.writer(&frame.transport, partition)?;
        let book = Book::new(ground.channels.len(), frame.spec.writers());
        let recovery = Span::none();
        Task::start(frame, partition, stage, Start { home, store, book, ground, target, writer, recovery, opened })
    }

    fn start(
        frame: &Frame<S::In, S::Out, T>,
        partition: u16,
        mut stage: S,
        start: Start<T::Writer>,
    ) -> Result<Task<S, T>, TaskError> {
        let Frame { cluster, spec, options, transport, .. } = frame;
        let Start { home, store, book, ground, target, writer, recovery, opened } = start;
        let Ground { channels, visible, floors, task: id, notice, .. } = ground;
        let (slots, input, marks) = (channels.len(), cluster.topic(&spec.input), cluster.marks());
        let marks_partition = Mark::partition(id, transport.partitions(&marks).map_err(of_transport)?);
        let about = About::of(cluster, spec, channels.clone());
        let from = book.last.map_or(book.place.next, |last| last.offset);
        let reader = transport.reader(&input, partition, from).map_err(of_transport)?;
        let mut overlay = Overlay::new(spec.number, partition, book.transactions, options.cache_bytes);
        stage.resume(&mut PartitionState::new(store.as_ref(), &mut overlay))?;
        let mut numbers = book.numbers.clone();
        numbers.resize(slots, 0);
        let work = Work {
            task: id,
            spec: spec.clone(),
            wires: frame.wires.clone(),
            stage,
            outbox: Outbox::default(),
            outputs: Outputs {
                origin: Origin { generation: cluster.generation, task: id },
                writer,
                channels,
                visible,
                open: None,
                batch: Batch::default(),
            },
            input_topic: input,
            unsettled: true,
            queue: Queue::default(),
            bytes: Vec::new(),
            transaction_bytes: options.transaction_bytes as u64,
            steps: 0,
            book: Book { numbers, ..book },
        };
        let verify = work.book.last;
        let now = Instant::now();
        // Who has no mark to come to has recovered.
        let recovery = if target.is_some() { recovery } else { Span::none() };
        let mut task = Task {
            id,
            cluster: cluster.clone(),
            options: options.clone(),
            observer: frame.observer.clone(),
            about,
            reader,
            work,
            overlay,
            store,
            home,
            transport: transport.clone(),
            verify,
            target,
            floors,
            raised: now,
            has_risen: false,
            is_noticed: notice.is_some(),
            marks: (marks, marks_partition, slots),
            incoming: VecDeque::new(),
            wanted: Vec::new(),
            total: Batch::default(),
            folded: 0,
            since: now,
            took: Duration::ZERO,
            checkpointed: now,
            upgrade: None,
            keeping: None,
            opened,
            recovery,
            told: now,
            measured: None,
            said: None,
            asked: BTreeMap::new(),
        };
        task.reach()?;
        Ok(task)
    }

    pub fn id(&self) -> TaskId {
        self.id
    }

    pub fn book(&self) -> &Book {
        &self.work.book
    }

    /// Counts over all transactions of this instance.
    pub fn total(&self) -> Batch {
        self.total
    }

    /// Gives the task's home back, so that it can be opened anew. The store is closed.
    pub fn into_home(self) -> Box<dyn Home> {
        self.home
    }

    /// As [`Task::into_home`], with the store and its book.
    pub(crate) fn into_state(self) -> (Box<dyn Home>, Arc<dyn Store>, Book) {
        (self.home, self.store, self.work.book)
    }

    /// Whether a reader misses records that this task has written: the task must be opened anew to send them.
    pub fn misses(&self, request: &RepairRequest) -> bool {
        let slot = self.about.channels.slot(HOP, request.partition);
        slot.is_some_and(|slot| {
            let (topic, _) = self.about.channels.target(slot);
            request.generation == self.cluster.generation
                && topic == request.topic
                && request.missing <= self.work.book.numbers[slot]
        })
    }

    /// Whether the task stands where its mark stands, or beyond.
    pub(crate) fn is_caught_up(&self) -> bool {
        self.target.is_none()
    }

    /// Takes what is there, and commits when it is time: at most one transaction.
    pub fn step(&mut self, wait: Duration) -> Result<Progress, TaskError> {
        let mut taken = 0;
        let recovery = self.recovery.clone();
        let _inside = recovery.enter();
        self.hear_of_checkpoint();
        if self.upgrade.is_some() {
            self.keep_upgraded(wait)?;
            return Ok(Progress { caught_up: true, ..Progress::default() });
        }
        if self.incoming.is_empty() {
            self.gather(wait)?;
            taken = self.incoming.len();
        }
        let whole = self.fold()?;
        if self.upgrade.is_some() {
            return Ok(Progress { taken, committed: false, caught_up: true });
        }
        self.ask_for_missing()?;
        let committed = !whole || self.is_due(taken) || self.floors_rise();
        if committed {
            self.commit()?;
        }
        if committed || self.told.elapsed() >= TELL {
            if !committed {
                self.work.outputs.writer.is_well()?;
            }
            self.tell_lag();
        }
        if self.measured.is_none_or(|measured| measured.elapsed() >= TELL) {
            self.tell_state();
        }
        Ok(Progress { taken, committed, caught_up: self.is_caught_up() })
    }

    /// Commits what is open, at the end of a task's time.
    pub fn finish(&mut self) -> Result<(), TaskError> {
        if self.target.is_some() || self.upgrade.is_some() {
            return Ok(());
        }
        let is_open = self.work.outputs.batch != Batch::default();
        if !is_open {
            self.raise_floors();
        }
        if is_open || self.has_risen { self.commit() } else { Ok(()) }
    }

    fn gather(&mut self, wait: Duration) -> Result<(), TaskError> {
        let (mut bytes, mut wait) = (0, wait);
        if self.work.unsettled {
            wait = Duration::ZERO;
        }
        if self.work.outputs.batch != Batch::default() {
            wait = wait.min(self.interval().saturating_sub(self.since.elapsed()));
        }
        while self.incoming.len() < self.options.batch_records && bytes < self.options.batch_bytes {
            if self.target.as_ref().is_some_and(|target| self.behind_last() >= target.place.next) {
                break;
            }
            let (work, incoming, verify) = (&self.work, &mut self.incoming, &mut self.verify);
            let mut outcome = Ok(());
            let visit = &mut |received: Received<'_>| {
                outcome = work.read(received).and_then(|record| {
                    bytes += record.bytes;
                    match verify.take() {
                        Some(seen) => same(seen, &record),
                        None => {
                            incoming.push_back(record);
                            Ok(())
                        }
                    }
                });
            };
            let came = self.reader.read(wait, visit).map_err(of_transport)?;
            outcome?;
            if !came {
                break;
            }
            wait = Duration::ZERO;
        }
        self.work.prefetch(&self.incoming, &mut self.wanted);
        Ok(PartitionState::new(self.store.as_ref(), &mut self.overlay).prefetch(&mut self.wanted)?)
    }

    /// The offset behind the last record in hand.
    fn behind_last(&self) -> u64 {
        self.incoming.back().map_or(self.work.book.place.next, |record| record.offset + 1)
    }

    /// Folds the records in hand; `false` when a transaction must be committed first.
    fn fold(&mut self) -> Result<bool, TaskError> {
        let mut state = PartitionState::new(self.store.as_ref(), &mut self.overlay);
        let whole = run(&mut self.work, &self.target, &mut self.incoming, &mut state)?;
        drop(state);
        self.reach()?;
        Ok(whole)
    }

    /// Where the mark stands, everything must be as the mark says.
    fn reach(&mut self) -> Result<(), TaskError> {
        let Some(target) = self.target.as_ref() else {
            return Ok(());
        };
        let book = &self.work.book;
        let stuck = book.place.next == target.place.next && !self.work.unsettled;
        if book.place < target.place && !stuck {
            return Ok(());
        }
        if let Some(expected) = &target.expected {
            expected.check(book, target.place, self.about.logic)?;
            self.upgrade = (expected.logic < self.about.logic).then(Upgrade::begin);
        }
        self.target = None;
        let (open, mut total) = (self.work.outputs.batch, self.total);
        total += open;
        let (folded, resent) = (self.folded + open.received, total.sent.saturating_sub(total.silent));
        let took = self.opened.elapsed();
        tracing::info!(task = %self.id, folded, resent, ?took, "task has come to its mark");
        self.recovery.record("folded", folded).record("resent", resent);
        self.recovery = Span::none();
        self.observer.event(self.id, &Event::Recovered { folded, resent, took });
        Ok(())
    }

    fn is_due(&self, taken: usize) -> bool {
        let batch = &self.work.outputs.batch;
        if *batch == Batch::default() {
            return false;
        }
        if self.target.is_some() {
            return self.work.is_full() || batch.received >= FOLD_RECORDS || taken == 0;
        }
        let is_much =
            if self.work.outputs.open.is_some() { self.work.is_full() } else { batch.received >= FOLD_RECORDS };
        is_much || self.since.elapsed() >= self.interval()
    }

    /// Between two transactions: nobody waits for one that publishes nothing. Where they take long, as all do where there
    /// is more to do than can be done, they are as far apart as they take: fewer of them leave more time for records.
    fn interval(&self) -> Duration {
        match self.work.outputs.open {
            Some(_) => self.options.commit_interval.max(self.took.min(self.options.idle_interval)),
            None => self.options.idle_interval,
        }
    }

    /// Publishes what is open together with a mark, then applies it. On the way to the mark there is none to write, and none
    /// at that of an older build before a checkpoint is kept there.
    fn commit(&mut self) -> Result<(), TaskError> {
        let (epoch, records) = (self.work.book.transactions + 1, self.work.outputs.batch.received);
        let (stage, partition) = (self.work.spec.name, self.id.partition);
        let span = tracing::debug_span!("commit", stage, partition, epoch, records);
        let _inside = span.enter();
        let started = Instant::now();
        let changes = self.overlay.seal();
        let is_on_its_way = self.target.is_some() || self.upgrade.is_some();
        if !is_on_its_way {
            self.send_deltas(&changes)?;
            self.send_mark()?;
            self.work.outputs.writer.commit()?;
        } else if self.work.outputs.open.is_some() {
            self.work.outputs.writer.commit()?;
        }
        self.note_floors();
        let commit = started.elapsed();
        self.apply(&changes)?;
        let mut batch = std::mem::take(&mut self.work.outputs.batch);
        self.work.outputs.open = None;
        self.work.steps = 0;
        self.folded += batch.received;
        self.total += batch;
        if is_on_its_way {
            // What came of it had been readable before.
            batch.newest = None;
        }
        (self.since, self.took) = (Instant::now(), started.elapsed());
        if !is_on_its_way && self.raised.elapsed() >= self.options.floor_interval {
            self.raise_floors();
        }
        self.observer.committed(self.id, &batch, commit, self.took.saturating_sub(commit));
        let is_due = self.checkpointed.elapsed() >= self.options.checkpoint_interval;
        if !is_on_its_way && self.keeping.is_none() && is_due {
            self.checkpoint()?;
        }
        Ok(())
    }

    fn tell_lag(&mut self) {
        self.told = Instant::now();
        if let Some(waiting) = self.reader.waiting() {
            self.observer.lag(self.id, Some(waiting + self.incoming.len() as u64), self.total.newest);
        }
    }

    fn tell_state(&mut self) {
        self.measured = Some(Instant::now());
        let columns = self.store.insides().columns;
        self.observer.state(self.id, columns.iter().map(|(_, of)| of.table_bytes + of.memory_bytes).sum());
    }

    fn send_mark(&mut self) -> Result<(), TaskError> {
        let mark = Mark::new(self.id, &self.work.book, &self.floors, &self.about);
        let (key, value) = (Mark::key(self.about.generation, self.id), mark.encode());
        let (topic, partition, slot) = &self.marks;
        let (key, value) = (Some(key.as_slice()), Some(value.as_slice()));
        let sending = Sending { topic, partition: *partition, key, value, label: None, slot: *slot };
        self.work.outputs.writer.send(sending)?;
        (self.has_risen, self.is_noticed) = (false, false);
        Ok(())
    }

    /// Puts the changes of the transaction on a topic, where that is measured.
    fn send_deltas(&mut self, changes: &Changes) -> Result<(), TaskError> {
        let Some(topic) = &self.options.deltas else { return Ok(()) };
        let (partition, slot, key) = (self.id.partition, self.marks.2, Mark::key(self.about.generation, self.id));
        let mut piece = Vec::with_capacity(DELTA_BYTES);
        let mut pairs = changes.iter().peekable();
        while let Some(pair) = pairs.next() {
            piece = postcard::to_extend(&pair, piece).expect("keys and values are encodable");
            if piece.len() >= DELTA_BYTES || pairs.peek().is_none() {
                let (key, value) = (Some(key.as_slice()), Some(piece.as_slice()));
                self.work.outputs.writer.send(Sending { topic, partition, key, value, label: None, slot })?;
                piece.clear();
            }
        }
        Ok(())
    }

    fn apply(&mut self, changes: &Changes) -> Result<(), TaskError> {
        self.work.book.transactions += 1;
        home::apply(self.store.as_ref(), changes, &self.work.book)?;
        let transactions = self.work.book.transactions;
        self.overlay.begin(transactions + 1, transactions);
        Ok(())
    }

    /// What the transaction delivered is visible: later marks need not look in front of it.
    fn note_floors(&mut self) {
        let outputs = &mut self.work.outputs;
        for (slot, floor) in self.floors.iter_mut().enumerate() {
            let Some(offset) = outputs.writer.delivered(slot) else { continue };
            let number = self.work.book.numbers[slot];
            if offset >= floor.offset && number > outputs.visible[slot] {
                *floor = Floor { offset: offset + 1, number };
            }
        }
    }

    /// Whether a task with nothing to commit has a mark to write all the same: others go on writing to its outputs.
    fn floors_rise(&mut self) -> bool {
        if self.target.is_some() || self.work.outputs.batch != Batch::default() {
            return false;
        }
        if self.raised.elapsed() >= self.options.floor_interval {
            self.raise_floors();
        }
        // Whoever has nothing in front of it at which it could stop again goes on.
        self.has_risen || self.is_noticed && self.incoming.is_empty() && self.reader.waiting() == Some(0)
    }

    /// Raises the floors of outputs that nothing of this task is on its way to: its next record there comes behind what is
    /// there now, whoever wrote that. No transaction is open, as brokers may take long to answer; where one does not, all are
    /// asked again later.
    fn raise_floors(&mut self) {
        self.raised = Instant::now();
        for (slot, floor) in self.floors.iter_mut().enumerate() {
            if floor.number != self.work.book.numbers[slot] || self.work.outputs.visible[slot] > floor.number {
                continue;
            }
            let (topic, partition) = self.about.channels.target(slot);
            let Ok((_, end)) = self.transport.bounds(topic, partition) else { return };
            self.has_risen |= end > floor.offset;
            floor.offset = floor.offset.max(end);
        }
    }

    fn ask_for_missing(&mut self) -> Result<(), TaskError> {
        if self.target.is_some() {
            return Ok(());
        }
        let held_up = self.reader.held_up();
        match held_up {
            Some(held_up) => self.tell_hanging(held_up),
            None => {
                if self.said.take().is_some() {
                    let (stage, partition) = (self.work.spec.name, self.id.partition);
                    self.observer
                        .waits(&format!("{stage}, partition {partition} goes on again: the transaction has ended"));
                }
            }
        }
        let inputs = self.work.book.inputs.iter();
        // Whose records a transaction hides that does not end, nobody can see: each that has written more opens anew.
        let missing_of = |taken: &Taken| taken.missing().or(held_up.map(|_| taken.number + 1));
        let missing: Vec<_> = inputs.filter_map(|(writer, taken)| Some((*writer, missing_of(taken)?))).collect();
        if missing.is_empty() {
            self.asked.clear();
        }
        for (writer, missing) in missing {
            let asked = self.asked.entry(writer).or_insert((missing, None, 0));
            if asked.0 != missing {
                *asked = (missing, None, 0);
            }
            if asked.1.is_some_and(|at| at.elapsed() < self.options.repair_interval) {
                continue;
            }
            *asked = (missing, Some(Instant::now()), asked.2 + 1);
            let attempt = asked.2;
            self.ask(writer, missing, attempt)?;
        }
        Ok(())
    }

    fn tell_hanging(&mut self, held_up: Duration) {
        if self.said.is_some_and(|said| said.elapsed() < SAY) {
            return;
        }
        self.said = Some(Instant::now());
        let (stage, topic, partition) = (self.work.spec.name, &self.work.input_topic, self.id.partition);
        let seconds = held_up.as_secs();
        self.observer.waits(&format!(
            "{stage}, partition {partition} waits: a transaction in {topic} has not ended for {seconds} s; its writers are asked \
             to open anew"
        ));
    }

    fn ask(&mut self, writer: u16, missing: u64, attempt: u32) -> Result<(), TaskError> {
        let writer = TaskId { stage: self.work.spec.upstream(), partition: writer };
        self.observer.event(self.id, &Event::Gap { writer, missing });
        let request = RepairRequest {
            generation: self.cluster.generation,
            writer,
            topic: self.work.input_topic.clone(),
            partition: self.id.partition,
            missing,
            asked_by: self.id,
            attempt,
        };
        let (topic, value) = (self.cluster.repairs(), request.encode());
        let (key, value) = (None, Some(value.as_slice()));
        let slot = self.marks.2;
        self.work.outputs.writer.send(Sending { topic: &topic, partition: 0, key, value, label: None, slot })?;
        self.work.outputs.open.get_or_insert(0);
        // Also a request alone is a reason for a transaction.
        self.work.outputs.batch.gaps += 1;
        Ok(())
    }

    /// Begins a checkpoint now, of what is committed. One that cannot be kept is told of and leaves the older ones.
    ///
    /// # Errors
    /// The task's own store has failed.
    pub fn checkpoint(&mut self) -> Result<(), TaskError> {
        let started = Instant::now();
        let Some(book) = home::committed(self.store.as_ref())? else {
            // A task that has taken nothing yet has nothing to keep.
            self.upgrade = None;
            return Ok(());
        };
        self.keeping = Some((started, self.home.checkpoint(&self.store, &book)));
        self.checkpointed = Instant::now();
        self.hear_of_checkpoint();
        Ok(())
    }

    /// Keeps a checkpoint at the mark of an older build, and tries again as long as it takes: older ones do not lead over
    /// that mark any longer once something was said under other rules.
    fn keep_upgraded(&mut self, wait: Duration) -> Result<(), TaskError> {
        if self.work.outputs.batch != Batch::default() {
            // What leads to the mark is applied; the mark itself stands as the older build wrote it.
            self.commit()?;
        }
        let pause = self.options.checkpoint_interval.min(CHECKPOINT_AGAIN);
        let is_due = |upgrade: &&mut Upgrade| upgrade.tried.is_none_or(|tried| tried.elapsed() >= pause);
        if self.keeping.is_none()
            && let Some(upgrade) = self.upgrade.as_mut().filter(is_due)
        {
            upgrade.tried = Some(Instant::now());
            self.checkpoint()?;
        }
        if self.upgrade.is_some() {
            self.say_upgrade();
            std::thread::sleep(wait);
        }
        Ok(())
    }

    /// The reader stands still meanwhile and hears of nothing new: the brokers are asked how much waits.
    fn say_upgrade(&mut self) {
        let Some(upgrade) = self.upgrade.as_mut().filter(|upgrade| upgrade.said.elapsed() >= SAY) else { return };
        upgrade.said = Instant::now();
        let (stage, partition, since) = (self.work.spec.name, self.id.partition, upgrade.since.elapsed().as_secs());
        self.observer
            .waits(&format!("{stage}, partition {partition} waits for its checkpoint at the upgrade since {since} s"));
        let bounds = self.transport.bounds(&self.work.input_topic, partition).ok();
        let waiting = bounds.map(|(_, end)| end.saturating_sub(self.work.book.place.next));
        self.observer.lag(self.id, waiting, self.total.newest);
    }

    /// Hears of a checkpoint that has come to its end. One that failed leaves the older ones, and the next may not.
    fn hear_of_checkpoint(&mut self) {
        let Some((started, keeping)) = self.keeping.take_if(|(_, keeping)| !keeping.is_underway()) else { return };
        match keeping.wait() {
            Ok(kept) => {
                if let Some(bytes) = kept {
                    self.observer.event(self.id, &Event::Checkpoint { bytes, took: started.elapsed() });
                }
                if let Some(upgrade) = self.upgrade.take() {
                    if upgrade.said != upgrade.since {
                        let (stage, partition) = (self.work.spec.name, self.id.partition);
                        let after = upgrade.since.elapsed().as_secs();
                        self.observer.waits(&format!("{stage}, partition {partition} goes on again after {after} s"));
                    }
                    let (logic, place) = (self.about.logic, self.work.book.place);
                    tracing::info!(task = %self.id, logic, ?place, "task is upgraded");
                }
            }
            Err(error) => {
                tracing::warn!(task = %self.id, %error, "checkpoint is not kept");
                let (what, why) = ("checkpoint is not kept", error.to_string());
                self.observer.event(self.id, &Event::Failed { what, why });
                if self.upgrade.is_some() {
                    let (stage, partition) = (self.work.spec.name, self.id.partition);
                    let what =
                        format!("{stage}, partition {partition} waits for its checkpoint at the upgrade: {error}");
                    self.observer.waits(&what);
                }
            }
        }
    }
}

/// Folds records until they are used up (`true`) or a transaction must be committed first.
fn run<S: Stage, W: Writer>(
    work: &mut Work<S, W>,
    target: &Option<Target>,
    records: &mut VecDeque<Incoming<S::In>>,
    state: &mut PartitionState<'_, &mut Overlay>,
) -> Result<bool, TaskError> {
    loop {
        let budget = match target {
            Some(target) if work.book.place.next == target.place.next => {
                match target.place.slice.saturating_sub(work.book.place.slice) {
                    0 => return Ok(true),
                    steps => steps,
                }
            }
            _ => u64::MAX,
        };
        if work.settle(budget, state)? == Settled::Cut {
            return Ok(budget < u64::MAX && !work.is_full());
        }
        if work.is_full() {
            return Ok(false);
        }
        // What stands in front of a record that cannot be read is committed before the task stops at it.
        let stops = records.front_mut().map_or(Ok(false), |record| work.look_into(record))?;
        if stops && work.outputs.batch != Batch::default() {
            return Ok(false);
        }
        match records.pop_front() {
            Some(record) => work.take(record, state)?,
            None => return Ok(true),
        }
    }
}

fn same<I>(seen: Seen, record: &Incoming<I>) -> Result<(), TaskError> {
    if record.offset == seen.offset && record.hash == seen.hash {
        return Ok(());
    }
    let what = format!("offset {} now holds another record, or is gone (offset {})", seen.offset, record.offset);
    Err(Stop::InputDiffers { what }.into())
}

/// The transactional id of a task.
pub fn writer_name(cluster: &Cluster, stage: &str, partition: u16) -> String {
    format!("{}{}.{stage}.{partition}", cluster.prefix, cluster.generation)
}

pub(crate) fn of_transport(error: TransportError) -> TaskError {
    match error {
        TransportError::Trouble(why) => TaskError::Again(why),
        TransportError::Hanging { ref topic, partition, .. } => {
            TaskError::Hanging { topic: topic.clone(), partition, why: error.to_string() }
        }
        TransportError::Fenced(why) => TaskError::Fenced(why),
        TransportError::Broken(why) => TaskError::Broken(why),
        // Brokers that come up again may not have heard of all topics yet.
        TransportError::Absent(why) => TaskError::Again(why),
        TransportError::Ended => TaskError::Ended,
    }
}
