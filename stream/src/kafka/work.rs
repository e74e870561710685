//! The fold of a task over its input: pure but for the writer that outputs go to.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::kafka::book::record_hash;
use crate::kafka::held::{self, Held, Queue};
use crate::kafka::{
    Batch, Book, Channels, CommitError, ControlWire, DEAD, DeadLetter, HOP, Header, Kind, Label, Origin, Rank,
    Received, Seen, Sending, StageSpec, Stop, TaskId, ViewWire, Wire, WireError, Writer,
};
use crate::{Input, Outbox, Progress, Stage, StageError, State, StorageError, StorageKind, TableId, View};

/// Records that wait are taken up in chunks of that many.
const CHUNK: usize = 256;

/// Work without a record of the input that one transaction takes: its changes stay in memory until it holds. A record
/// that had waited counts one.
const STEPS_MAX: u64 = 8_000;
/// What a slice of a control counts in it: it may change many accounts.
const SLICE_STEPS: u64 = 8;

/// The encodings of a stage's topics.
pub struct Wires<I, O> {
    pub input: Arc<dyn Wire<I>>,
    pub output: Arc<dyn Wire<O>>,
    pub control: Arc<dyn ControlWire>,
    pub views: Arc<dyn ViewWire>,
    pub dead: Arc<dyn Wire<DeadLetter>>,
}

impl<I, O> Clone for Wires<I, O> {
    fn clone(&self) -> Wires<I, O> {
        let Wires { input, output, control, views, dead } = self;
        let (input, output, control) = (input.clone(), output.clone(), control.clone());
        Wires { input, output, control, views: views.clone(), dead: dead.clone() }
    }
}

impl<I, O> Wires<I, O> {
    /// Hash by which a record of the input is recognised.
    pub(crate) fn seen(&self, received: Received<'_>) -> [u8; 32] {
        let Received { key, value, label, .. } = received;
        let frame = match label.map(|label| &label.kind) {
            Some(Kind::Control(_)) => self.control.frame(),
            _ => self.input.frame(),
        };
        record_hash(label, key, value.map(|value| datum(value, frame)))
    }
}

/// What a record holds behind the frame that names its schema.
pub(crate) fn datum(value: &[u8], frame: usize) -> &[u8] {
    &value[frame.min(value.len())..]
}

/// Why a task does not go on as it is.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// No source: it says all of it itself.
    #[error("task must not go on: {0}; {advice}", advice = .0.advice())]
    Stop(Stop),
    #[error("stage cannot go on")]
    Stage(#[source] StageError),
    #[error("store has failed")]
    Storage(#[from] StorageError),
    #[error("log service: {0}")]
    Broken(String),
    #[error("the folder was used for {found}, this is {asked}: take another folder")]
    Foreign { found: String, asked: String },
    /// Nothing is lost: the task opens anew and goes on.
    #[error("{0}")]
    Again(String),
    /// A transaction does not end, see [`TransportError::Hanging`](crate::kafka::TransportError::Hanging). Passes once its
    /// writer is opened anew.
    #[error("{why}")]
    Hanging { topic: String, partition: u16, why: String },
    #[error("another process has taken over: {0}")]
    Fenced(String),
    /// Whoever opened it was told to end.
    #[error("task is to end")]
    Ended,
    #[error("stage panicked: {0}")]
    Panicked(String),
}

impl From<Stop> for TaskError {
    fn from(stop: Stop) -> TaskError {
        TaskError::Stop(stop)
    }
}

impl From<StageError> for TaskError {
    fn from(error: StageError) -> TaskError {
        match error {
            // A folder that others fill may be late, or not be at hand.
            StageError::Storage(error) if error.kind == StorageKind::Absent => {
                TaskError::Again(format!("{error}; is the folder of --blobs that of the intake?"))
            }
            error => TaskError::Stage(error),
        }
    }
}

impl From<CommitError> for TaskError {
    fn from(error: CommitError) -> TaskError {
        match error {
            CommitError::Unclear(why) => TaskError::Again(why),
            CommitError::Fenced(why) => TaskError::Fenced(why),
            CommitError::Broken(why) => TaskError::Broken(why),
        }
    }
}

/// A record of the input, as far as it can be read without the state.
pub(crate) struct Incoming<T> {
    pub offset: u64,
    pub what: What<T>,
    pub hash: [u8; 32],
    pub bytes: usize,
    pub timestamp: Option<u64>,
}

pub(crate) enum What<T> {
    Ours(Label, Content<T>),
    /// No task of the stage above wrote it.
    Strange(Box<Strange>),
}

/// What a record of ours holds.
pub(crate) enum Content<T> {
    Item(T),
    /// Not looked into yet.
    Raw(Vec<u8>),
    /// Nothing that this process can read: why.
    Unreadable(Unread),
}

/// Why a record of ours cannot be read.
pub(crate) enum Unread {
    /// No build that wrote it is this one.
    Poison(String),
    /// It takes a registry, and none was named.
    NoRegistry(String),
}

impl Unread {
    fn stop(self, which: &str) -> Stop {
        match self {
            Unread::Poison(why) => Stop::Poison { what: format!("{which}: {why}") },
            Unread::NoRegistry(why) => Stop::NoRegistry { what: format!("{which}: {why}") },
        }
    }
}

impl WireError {
    /// # Errors
    /// It may be readable later.
    fn unread(self) -> Result<Unread, TaskError> {
        match self {
            WireError::Poison(why) => Ok(Unread::Poison(why)),
            WireError::NoRegistry(why) => Ok(Unread::NoRegistry(why)),
            WireError::Unavailable(why) => Err(TaskError::Again(why)),
        }
    }
}

/// A record of somebody else, and why it is none of ours.
pub(crate) struct Strange {
    why: String,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<Header>,
}

/// Where outputs go: numbered, hashed, and sent when they are not visible yet.
pub(crate) struct Outputs<W> {
    pub origin: Origin,
    pub writer: W,
    pub channels: Channels,
    /// Last number of each slot that readers can see already.
    pub visible: Vec<u64>,
    /// Bytes sent since the last commit; `None` when nothing was.
    pub open: Option<u64>,
    pub batch: Batch,
}

impl<W: Writer> Outputs<W> {
    /// Numbers an output and sends it, when it is not visible already. `frame` bytes in front of the datum do not count
    /// in the hash.
    pub fn put(&mut self, book: &mut Book, slot: usize, out: Output<'_>) -> Result<(), TaskError> {
        book.numbers[slot] += 1;
        let number = book.numbers[slot];
        let label = Label { origin: self.origin, number, stamp: out.stamp, kind: out.kind };
        book.chain(slot, &label, out.key, out.value.map(|value| datum(value, out.frame)));
        if number <= self.visible[slot] {
            self.batch.silent += 1;
            return Ok(());
        }
        let bytes = out.value.map_or(0, <[u8]>::len) + out.key.map_or(0, <[u8]>::len);
        self.batch.bytes += bytes as u64;
        *self.open.get_or_insert(0) += bytes as u64;
        let (topic, partition) = self.channels.target(slot);
        let label = Some(&label);
        Ok(self.writer.send(Sending { topic, partition, key: out.key, value: out.value, label, slot })?)
    }
}

pub(crate) struct Output<'a> {
    pub stamp: u64,
    pub kind: Kind,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub frame: usize,
}

/// How a piece of work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    /// The next record may be taken.
    Whole,
    /// A transaction is to be committed first, or the budget of steps is used up.
    Cut,
}

/// A stage with everything that its fold changes, but for the keyed state.
pub(crate) struct Work<S: Stage, W> {
    pub task: TaskId,
    pub spec: Arc<StageSpec>,
    pub wires: Wires<S::In, S::Out>,
    pub stage: S,
    pub outbox: Outbox<S::Out>,
    pub book: Book,
    pub outputs: Outputs<W>,
    pub input_topic: String,
    /// A control may be complete, or records wait that may go on.
    pub unsettled: bool,
    pub queue: Queue,
    pub bytes: Vec<u8>,
    pub transaction_bytes: u64,
    /// Work without a record of the input since the last commit, up to [`STEPS_MAX`].
    pub steps: u64,
}

impl<S: Stage, W: Writer> Work<S, W> {
    /// Reads a record as far as that goes without the state.
    pub fn read(&self, received: Received<'_>) -> Result<Incoming<S::In>, TaskError> {
        let Received { offset, key, value, label, headers, timestamp } = received;
        let hash = self.wires.seen(received);
        let bytes = value.map_or(0, <[u8]>::len);
        let what = match label.filter(|label| self.is_upstream(label.origin)) {
            Some(label) => What::Ours(label.clone(), self.content(label, value)?),
            None => {
                let why = match label.map(|label| label.origin) {
                    Some(origin) => format!("it was written by {}, generation {}", origin.task, origin.generation),
                    None => "no task of this line wrote it".to_owned(),
                };
                let (key, value, headers) = (key.map(<[u8]>::to_vec), value.map(<[u8]>::to_vec), headers.to_vec());
                What::Strange(Box::new(Strange { why, key, value, headers }))
            }
        };
        Ok(Incoming { offset, what, hash, bytes, timestamp })
    }

    /// What a record of ours holds; what has to wait is not looked into.
    fn content(&self, label: &Label, value: Option<&[u8]>) -> Result<Content<S::In>, TaskError> {
        let Some(value) = value else { return Ok(Content::Unreadable(Unread::Poison("it has no value".into()))) };
        if label.kind != Kind::Data || label.stamp > self.book.complete {
            return Ok(Content::Raw(value.to_vec()));
        }
        match self.wires.input.decode(value) {
            Ok(item) => Ok(Content::Item(item)),
            Err(error) => error.unread().map(Content::Unreadable),
        }
    }

    /// Looks into a record that had to wait for what stood in front of it; says whether the task must stop at it.
    pub fn look_into(&self, record: &mut Incoming<S::In>) -> Result<bool, TaskError> {
        let What::Ours(label, content) = &mut record.what else { return Ok(false) };
        if let Content::Raw(value) = content
            && label.kind == Kind::Data
            && label.stamp <= self.book.complete
        {
            *content = self.content(label, Some(value.as_slice()))?;
        }
        Ok(matches!(content, Content::Unreadable(_)))
    }

    fn is_upstream(&self, origin: Origin) -> bool {
        origin.generation == self.outputs.origin.generation
            && origin.task.stage == self.spec.upstream()
            && origin.task.partition < self.spec.writers()
    }

    /// Names the keys that the records will ask for.
    pub fn prefetch(&self, incoming: &VecDeque<Incoming<S::In>>, wanted: &mut Vec<(TableId, Vec<u8>)>) {
        for record in incoming {
            if let What::Ours(_, Content::Item(item)) = &record.what {
                self.stage.prefetch(item, wanted);
            }
        }
    }

    /// Takes one record of the input that was looked into. Nothing may wait, see [`Work::settle`].
    pub fn take(&mut self, incoming: Incoming<S::In>, state: &mut dyn State) -> Result<(), TaskError> {
        self.book.place = crate::kafka::Place { next: incoming.offset + 1, slice: 0 };
        self.book.last = Some(Seen { offset: incoming.offset, hash: incoming.hash });
        self.outputs.batch.received += 1;
        self.outputs.batch.newest = self.outputs.batch.newest.max(incoming.timestamp);
        let (label, content) = match incoming.what {
            What::Ours(label, content) => (label, content),
            What::Strange(strange) => return self.park(incoming.offset, *strange),
        };
        if !self.count(&label) {
            return Ok(());
        }
        self.book.records += 1;
        match (label.kind.clone(), content) {
            (_, Content::Unreadable(why)) => Err(self.unreadable(&format!("offset {}", incoming.offset), why)),
            (Kind::Control(number), Content::Raw(value)) => self.take_control(&label, number, &value, state),
            (Kind::Data, content) => self.take_data(&label, content, state),
            (Kind::AtControl(_), Content::Raw(value)) => {
                self.check_stamp(&label)?;
                self.hold(label.stamp + 1, &label, value, state)
            }
            (_, Content::Item(_)) => unreachable!("only data is read ahead"),
        }
    }

    /// Whether the record is the next one of its writer.
    fn count(&mut self, label: &Label) -> bool {
        let writer = label.origin.task.partition;
        let taken = self.book.inputs.entry(writer).or_default();
        let next = taken.number + 1;
        if label.number < next {
            self.outputs.batch.repeats += 1;
            return false;
        }
        taken.seen = taken.seen.max(label.number);
        if label.number > next {
            self.outputs.batch.gaps += 1;
            return false;
        }
        taken.number = next;
        true
    }

    fn check_stamp(&self, label: &Label) -> Result<(), TaskError> {
        let writer = label.origin.task.partition;
        let control = self.book.inputs[&writer].control;
        if label.stamp == control {
            return Ok(());
        }
        let what = format!("record {} is stamped {} behind control {control}", label.number, label.stamp);
        Err(Stop::Order { what: format!("{} of {}: {what}", label.origin.task, self.input_topic) }.into())
    }

    fn take_control(
        &mut self,
        label: &Label,
        number: u64,
        value: &[u8],
        state: &mut dyn State,
    ) -> Result<(), TaskError> {
        let writer = label.origin.task.partition;
        let taken = self.book.inputs.get_mut(&writer).expect("just counted");
        if number != taken.control + 1 {
            let what = format!("{} sent control {number} behind control {}", label.origin.task, taken.control);
            return Err(Stop::Order { what }.into());
        }
        taken.control = number;
        self.unsettled = true;
        let payload = self.wires.control.decode(value);
        let payload = payload.map_err(|error| self.undecoded(&format!("control {number}"), error))?;
        if !held::remember(state, number, &payload)? {
            let what = format!("{} sent another control {number} than others did", label.origin.task);
            return Err(Stop::Order { what }.into());
        }
        Ok(())
    }

    fn take_data(&mut self, label: &Label, content: Content<S::In>, state: &mut dyn State) -> Result<(), TaskError> {
        self.check_stamp(label)?;
        match content {
            Content::Item(item) => self.process(label.stamp, &Kind::Data, &item, state),
            Content::Raw(value) => self.hold(label.stamp, label, value, state),
            Content::Unreadable(_) => unreachable!("the task has stopped at it"),
        }
    }

    fn hold(&mut self, control: u64, label: &Label, value: Vec<u8>, state: &mut dyn State) -> Result<(), TaskError> {
        self.outputs.batch.held += 1;
        self.book.held += 1;
        Ok(self.queue.put(control, label, value, state)?)
    }

    /// Does what may be done without a further record, at most `budget` steps of it.
    pub fn settle(&mut self, budget: u64, state: &mut dyn State) -> Result<Settled, TaskError> {
        let mut left = budget;
        while self.unsettled {
            let complete = self.book.complete;
            let mut waiting = Vec::new();
            if !self.book.turning {
                waiting = self.waiting(state)?;
                if waiting.is_empty() && self.book.passed_by_all() <= complete {
                    self.unsettled = false;
                    break;
                }
            }
            if waiting.is_empty() {
                if left == 0 || self.is_full() {
                    return Ok(Settled::Cut);
                }
                self.turn(complete + 1, state)?;
                left -= 1;
            }
            for record in waiting {
                if left == 0 || self.is_full() {
                    return Ok(Settled::Cut);
                }
                self.release(record, state)?;
                left -= 1;
            }
        }
        Ok(if left == 0 && budget < u64::MAX { Settled::Cut } else { Settled::Whole })
    }

    /// Some records that may be taken up: those stamped with the last control that is complete, then those that stand
    /// in front of the next one.
    fn waiting(&self, state: &mut dyn State) -> Result<Vec<Held>, StorageError> {
        if self.book.held == 0 {
            return Ok(Vec::new());
        }
        let complete = self.book.complete;
        let behind = self.queue.behind(complete, CHUNK, state)?;
        if !behind.is_empty() || self.book.passed_by_all() <= complete {
            return Ok(behind);
        }
        self.queue.in_front_of(complete + 1, CHUNK, state)
    }

    pub fn is_full(&self) -> bool {
        self.steps >= STEPS_MAX || self.outputs.open.is_some_and(|bytes| bytes >= self.transaction_bytes)
    }

    /// Counts a step without a record of the input, of so much work.
    fn advance(&mut self, work: u64) {
        self.book.place.slice += 1;
        self.steps += work;
    }

    /// Takes up a record that waited.
    fn release(&mut self, record: Held, state: &mut dyn State) -> Result<(), TaskError> {
        self.advance(1);
        self.book.held -= 1;
        self.outputs.batch.released += 1;
        self.queue.take(&record, state)?;
        let item = self.wires.input.decode(&record.value);
        let item =
            item.map_err(|error| self.undecoded(&format!("one of stamp {} that waited", record.stamp), error))?;
        self.process(record.stamp, &record.kind, &item, state)
    }

    fn process(&mut self, stamp: u64, kind: &Kind, item: &S::In, state: &mut dyn State) -> Result<(), TaskError> {
        let mut outbox = std::mem::take(&mut self.outbox);
        self.stage.process(Input { stamp, item }, state, &mut outbox)?;
        outbox.forget_actors();
        let mut ordinal = 0;
        for routed in outbox.drain_sent() {
            ordinal += 1;
            let kind = match kind {
                Kind::AtControl(rank) => Kind::AtControl(rank.then(ordinal)),
                _ => Kind::Data,
            };
            self.send(routed.route, stamp, kind, &routed.item)?;
        }
        for view in outbox.drain_published() {
            self.publish(stamp, &view)?;
        }
        self.outbox = outbox;
        Ok(())
    }

    /// One step of a control that every writer has sent: the stage takes it, then slice by slice what it has to do,
    /// then the control goes on to every partition below.
    ///
    /// Outputs are sent as they come, as readers put them in order by their ranks.
    fn turn(&mut self, number: u64, state: &mut dyn State) -> Result<(), TaskError> {
        self.advance(SLICE_STEPS);
        let mut outbox = std::mem::take(&mut self.outbox);
        let progress = if self.book.turning {
            self.outputs.batch.slices += 1;
            self.stage.slice(number, state, &mut outbox)?
        } else {
            self.outputs.batch.controls += 1;
            self.stage.control(number, &held::recall(state, number)?, state, &mut outbox)?;
            Progress::More
        };
        let (sent, published) = outbox.drain_with_actors();
        self.outbox = outbox;
        for (emitter, ordinal, routed) in sent {
            let rank = Rank::of(self.spec.number, emitter).then(ordinal);
            self.send(routed.route, number - 1, Kind::AtControl(rank), &routed.item)?;
        }
        for (_, view) in published {
            self.publish(number - 1, &view)?;
        }
        self.book.turning = progress == Progress::More;
        if self.book.turning {
            return Ok(());
        }
        let payload = held::recall(state, number)?;
        held::forget(state, number)?;
        self.book.complete = number;
        self.forward(number, &payload)
    }

    fn forward(&mut self, number: u64, payload: &[u8]) -> Result<(), TaskError> {
        if self.spec.output.is_none() {
            return Ok(());
        }
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        self.wires.control.encode(payload, &mut bytes).map_err(of_wire)?;
        for partition in 0..self.spec.partitions {
            let slot = self.outputs.channels.slot(HOP, partition).expect("the stage has an output");
            let (kind, frame) = (Kind::Control(number), self.wires.control.frame());
            let out = Output { stamp: number, kind, key: None, value: Some(&bytes), frame };
            self.outputs.put(&mut self.book, slot, out)?;
        }
        self.bytes = bytes;
        Ok(())
    }

    fn send(&mut self, route: u64, stamp: u64, kind: Kind, item: &S::Out) -> Result<(), TaskError> {
        let partition = (route % u64::from(self.spec.partitions)) as u16;
        let slot = self.outputs.channels.slot(HOP, partition);
        let slot =
            slot.ok_or_else(|| TaskError::Broken(format!("stage {} sends, but has no output", self.spec.name)))?;
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        self.wires.output.encode(item, &mut bytes).map_err(of_wire)?;
        let frame = self.wires.output.frame();
        self.outputs.put(&mut self.book, slot, Output { stamp, kind, key: None, value: Some(&bytes), frame })?;
        self.outputs.batch.sent += 1;
        self.bytes = bytes;
        Ok(())
    }

    fn publish(&mut self, stamp: u64, view: &View) -> Result<(), TaskError> {
        let partition = (route_bytes(&view.key) % u64::from(self.spec.partitions)) as u16;
        let slot = self.outputs.channels.slot(view.topic, partition);
        let unknown =
            || TaskError::Broken(format!("stage {} publishes on unknown view {}", self.spec.name, view.topic));
        let slot = slot.ok_or_else(unknown)?;
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        if let Some(value) = &view.value {
            self.wires.views.encode(view.topic, value, &mut bytes).map_err(of_wire)?;
        }
        let value = view.value.is_some().then_some(bytes.as_slice());
        let out = Output { stamp, kind: Kind::Data, key: Some(&view.key), value, frame: self.wires.views.frame() };
        self.outputs.put(&mut self.book, slot, out)?;
        self.outputs.batch.published += 1;
        self.bytes = bytes;
        Ok(())
    }

    /// A record of ours that this build cannot read is never passed over: the task stops in front of it.
    fn unreadable(&self, which: &str, why: Unread) -> TaskError {
        why.stop(&format!("{which} of {}, partition {}", self.input_topic, self.task.partition)).into()
    }

    fn undecoded(&self, which: &str, error: WireError) -> TaskError {
        error.unread().map_or_else(|again| again, |why| self.unreadable(which, why))
    }

    /// Puts a record of somebody else on the topic of dead letters.
    fn park(&mut self, offset: u64, strange: Strange) -> Result<(), TaskError> {
        let Strange { why, key, value, headers } = strange;
        self.outputs.batch.dead += 1;
        let (topic, partition) = (self.input_topic.clone(), self.task.partition);
        let letter = DeadLetter { topic, partition, offset, why, key, value, headers, cut: None };
        let (mut bytes, frame) = (Vec::new(), self.wires.dead.frame());
        self.wires.dead.encode(&letter.fitting(), &mut bytes).map_err(of_wire)?;
        let slot = self.outputs.channels.slot(DEAD, self.task.partition).expect("every stage has dead letters");
        let stamp = self.book.complete;
        let out = Output { stamp, kind: Kind::Data, key: None, value: Some(&bytes), frame };
        self.outputs.put(&mut self.book, slot, out)
    }
}

pub(crate) fn of_wire(error: WireError) -> TaskError {
    match error {
        WireError::Poison(what) => Stop::Poison { what }.into(),
        WireError::NoRegistry(what) => Stop::NoRegistry { what }.into(),
        WireError::Unavailable(why) => TaskError::Again(why),
    }
}

/// The hash that decides about a view record's partition (FNV-1a, 64 bits).
pub fn route_bytes(key: &[u8]) -> u64 {
    key.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
