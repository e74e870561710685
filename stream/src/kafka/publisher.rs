//! The writer of the first stage's input: records and controls as they stand in a log, and the log itself.
//!
//! What it writes is a function of the log alone. So it keeps no state but its marks: where the newest one stands, it
//! goes on; where records in front of that are missing, everything is gone through from the start of the log, and only
//! what is missing is sent.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::kafka::book::{About, Floor, record_hash};
use crate::kafka::ground::{end_own, last_mark, tails};
use crate::kafka::recover::{self, Tail};
use crate::kafka::task::of_transport;
use crate::kafka::work::{Output, Outputs, datum, of_wire};
use crate::kafka::{
    Batch, Book, Channels, Cluster, ControlWire, DEAD, DeadLetter, HOP, INTAKE, Kind, Label, Mark, Observer, Origin,
    Place, Received, RepairRequest, Sending, StageSpec, Stop, TaskError, TaskId, TaskOptions, Transport,
    TransportError, Wire, Writer, writer_name,
};

/// What the intake is called: in transactional ids and metrics.
pub const INTAKE_NAME: &str = "intake";
/// Output of log entries.
const LOG: u8 = 0;

/// Everything that a publisher is made of.
pub struct Desk<I, T> {
    pub cluster: Arc<Cluster>,
    /// Topic of the first stage's input and topic of the log, by their names in the table.
    pub topics: (String, String),
    pub partitions: u16,
    /// As in [`StageSpec`].
    pub logic: RangeInclusive<u32>,
    pub config: [u8; 32],
    pub item: Arc<dyn Wire<I>>,
    pub control: Arc<dyn ControlWire>,
    pub dead: Arc<dyn Wire<DeadLetter>>,
    pub options: Arc<TaskOptions>,
    pub transport: Arc<T>,
    pub observer: Arc<dyn Observer>,
}

/// The publisher at work.
pub struct Publisher<I, T: Transport> {
    about: About,
    cluster: Arc<Cluster>,
    item: Arc<dyn Wire<I>>,
    control: Arc<dyn ControlWire>,
    dead: Arc<dyn Wire<DeadLetter>>,
    options: Arc<TaskOptions>,
    observer: Arc<dyn Observer>,
    outputs: Outputs<T::Writer>,
    book: Book,
    /// Log entries as of the last commit.
    published: u64,
    floors: Vec<Floor>,
    marks: (String, u16),
    /// The newest mark, as long as it lies ahead.
    target: Option<Mark>,
    /// Hashes of records that can be seen behind the newest mark, by slot and number: a transaction that tore has left
    /// them, and they are not sent again. The log must lead to the same.
    seen: BTreeMap<(usize, u64), [u8; 32]>,
    bytes: Vec<u8>,
    since: Instant,
}

/// What the cluster says of the publisher.
struct Standing {
    marks: (String, u16),
    mark: Option<Mark>,
    numbers: Vec<u64>,
    floors: Vec<Floor>,
    visible: Vec<u64>,
    seen: BTreeMap<(usize, u64), [u8; 32]>,
}

/// The one task that publishes.
pub(crate) const INTAKE_ID: TaskId = TaskId { stage: INTAKE, partition: 0 };

impl<I, T: Transport> Publisher<I, T> {
    /// Fences earlier publishers, then finds out where they came to.
    ///
    /// `limits`: numbers from which on readers miss records, by partition of the first stage's input.
    pub fn open(desk: &Desk<I, T>, limits: &BTreeMap<u16, u64>) -> Result<Publisher<I, T>, TaskError> {
        let Desk { cluster, transport, .. } = desk;
        let channels = channels(desk);
        let slots = channels.len();
        let name = writer_name(cluster, INTAKE_NAME, 0);
        let open_writer = || transport.writer(&name, slots + 1).map_err(of_transport);
        let writer = open_writer()?;
        let origin = Origin { generation: cluster.generation, task: INTAKE_ID };
        let standing = match desk.look(&channels, limits) {
            Ok(standing) => standing,
            Err(error) => return Err(end_own(error, origin, &channels, writer, open_writer)),
        };
        let Standing { marks, mark, numbers, floors, visible, seen } = standing;
        let (book, target) = match mark {
            Some(mark) if recover::covers(&visible, &numbers) => (book_at(&mark, numbers), None),
            mark => (Book::new(slots, 0), mark),
        };
        let about = About {
            generation: cluster.generation,
            input: cluster.topic(&desk.topics.1),
            logic: *desk.logic.end(),
            config: desk.config,
            channels: channels.clone(),
        };
        Ok(Publisher {
            about,
            cluster: cluster.clone(),
            item: desk.item.clone(),
            control: desk.control.clone(),
            dead: desk.dead.clone(),
            options: desk.options.clone(),
            observer: desk.observer.clone(),
            outputs: Outputs { origin, writer, channels, visible, open: None, batch: Batch::default() },
            published: book.records,
            book,
            floors,
            marks,
            target,
            seen,
            bytes: Vec::new(),
            since: Instant::now(),
        })
    }

    /// The last thing that was published, see [`place_of`].
    pub fn place(&self) -> Place {
        self.book.place
    }

    /// Number of the last control that was published.
    pub fn control_number(&self) -> u64 {
        self.book.complete
    }

    /// Log entries that were published: all up to this number.
    pub fn entries(&self) -> u64 {
        self.book.records
    }

    /// Log entries that were published in transactions that hold; all that follows from the last one may not have been yet.
    pub fn published(&self) -> u64 {
        self.published
    }

    /// Whether the newest mark lies ahead, as records in front of it are missing and everything is gone through again.
    pub fn is_behind(&self) -> bool {
        self.target.is_some()
    }

    /// Looks whether the log that has come to its end here leads to all that can be seen; what follows may be new.
    ///
    /// # Errors
    /// [`Stop::OtherLog`] where something was published behind the newest mark that the log does not have.
    pub fn meets_all_seen(&self) -> Result<(), TaskError> {
        let Some((slot, number)) = self.seen.keys().next() else { return Ok(()) };
        let (topic, partition) = self.about.channels.target(*slot);
        let what = format!("record {number} of {topic}, partition {partition} can be seen, and it does not lead to it");
        Err(Stop::OtherLog { what }.into())
    }

    /// Publishes the next entry of the log.
    pub fn entry(&mut self, bytes: &[u8]) -> Result<(), TaskError> {
        self.book.records += 1;
        let number = self.book.records;
        self.go_to(place_of(number, 0))?;
        let slot = self.slot(LOG, log_partition(number, self.about.channels.partitions()));
        let (key, stamp) = (number.to_be_bytes(), self.book.complete);
        let out = Output { stamp, kind: Kind::Data, key: Some(&key), value: Some(bytes), frame: 0 };
        self.put(slot, out)?;
        self.reach()
    }

    /// Publishes a dead letter that the newest entry tells of. `partition` is the one that the record lies in.
    pub fn dead_letter(&mut self, partition: u16, letter: DeadLetter) -> Result<(), TaskError> {
        self.go_to(place_of(self.book.records, 1))?;
        let (slot, stamp) = (self.slot(DEAD, partition), self.book.complete);
        let (mut bytes, frame) = (Vec::new(), self.dead.frame());
        self.dead.encode(&letter.fitting(), &mut bytes).map_err(of_wire)?;
        let out = Output { stamp, kind: Kind::Data, key: None, value: Some(&bytes), frame };
        self.put(slot, out)?;
        self.outputs.batch.dead += 1;
        self.reach()
    }

    /// Publishes a record of the first stage's input. Its entry was published before.
    pub fn record(&mut self, place: Place, stamp: u64, route: u64, item: &I) -> Result<(), TaskError> {
        self.go_to(place)?;
        let partition = (route % u64::from(self.about.channels.partitions())) as u16;
        let slot = self.slot(HOP, partition);
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        self.item.encode(item, &mut bytes).map_err(of_wire)?;
        let out = Output { stamp, kind: Kind::Data, key: None, value: Some(&bytes), frame: self.item.frame() };
        self.put(slot, out)?;
        self.bytes = bytes;
        self.outputs.batch.sent += 1;
        self.reach()
    }

    /// Publishes a control in every partition.
    pub fn control(&mut self, place: Place, number: u64, payload: &[u8]) -> Result<(), TaskError> {
        self.go_to(place)?;
        if number != self.book.complete + 1 {
            let what = format!("control {number} follows control {}", self.book.complete);
            return Err(Stop::Order { what }.into());
        }
        self.book.complete = number;
        let mut bytes = Vec::new();
        self.control.encode(payload, &mut bytes).map_err(of_wire)?;
        for partition in 0..self.about.channels.partitions() {
            let slot = self.slot(HOP, partition);
            let (kind, frame) = (Kind::Control(number), self.control.frame());
            let out = Output { stamp: number, kind, key: None, value: Some(&bytes), frame };
            self.put(slot, out)?;
        }
        self.outputs.batch.controls += 1;
        self.reach()
    }

    /// Commits when it is time.
    pub fn commit_if_due(&mut self) -> Result<(), TaskError> {
        let Some(bytes) = self.outputs.open else { return Ok(()) };
        if bytes >= self.options.transaction_bytes as u64 || self.since.elapsed() >= self.options.commit_interval {
            return self.commit();
        }
        Ok(())
    }

    /// Publishes what is open, with a mark; on the way to the newest mark there is none to write.
    pub fn commit(&mut self) -> Result<(), TaskError> {
        if self.outputs.open.is_none() && self.outputs.batch == Batch::default() {
            return Ok(());
        }
        self.book.transactions += 1;
        let (epoch, records) = (self.book.transactions, self.outputs.batch.sent);
        let span = tracing::debug_span!("commit", stage = INTAKE_NAME, partition = 0, epoch, records);
        let _inside = span.enter();
        let started = Instant::now();
        if self.target.is_none() {
            let mark = Mark::new(INTAKE_ID, &self.book, &self.floors, &self.about);
            let (key, value) = (Mark::key(self.about.generation, INTAKE_ID), mark.encode());
            let (topic, partition) = (self.marks.0.as_str(), self.marks.1);
            let (key, value) = (Some(key.as_slice()), Some(value.as_slice()));
            let slot = self.about.channels.len();
            self.outputs.writer.send(Sending { topic, partition, key, value, label: None, slot })?;
            self.outputs.writer.commit()?;
        } else if self.outputs.open.is_some() {
            self.outputs.writer.commit()?;
        }
        for (slot, floor) in self.floors.iter_mut().enumerate() {
            let Some(offset) = self.outputs.writer.delivered(slot) else { continue };
            let number = self.book.numbers[slot];
            if offset >= floor.offset && number > self.outputs.visible[slot] {
                *floor = Floor { offset: offset + 1, number };
            }
        }
        let batch = std::mem::take(&mut self.outputs.batch);
        self.outputs.open = None;
        self.published = self.book.records;
        self.since = Instant::now();
        self.observer.committed(INTAKE_ID, &batch, started.elapsed(), Duration::ZERO);
        Ok(())
    }

    /// Where readers of the first stage's input miss records that were published.
    pub fn misses(&self, request: &RepairRequest) -> bool {
        let slot = self.about.channels.slot(HOP, request.partition);
        request.generation == self.cluster.generation
            && request.writer == INTAKE_ID
            && slot.is_some_and(|slot| {
                self.about.channels.target(slot).0 == request.topic && request.missing <= self.book.numbers[slot]
            })
    }

    /// Numbers an output and sends it, when it cannot be seen already.
    fn put(&mut self, slot: usize, out: Output<'_>) -> Result<(), TaskError> {
        let number = self.book.numbers[slot] + 1;
        if let Some(seen) = self.seen.remove(&(slot, number)) {
            let label = Label { origin: self.outputs.origin, number, stamp: out.stamp, kind: out.kind.clone() };
            if record_hash(Some(&label), out.key, out.value.map(|value| datum(value, out.frame))) != seen {
                let (topic, partition) = self.about.channels.target(slot);
                let what = format!("record {number} of {topic}, partition {partition} was another one");
                return Err(Stop::OtherLog { what }.into());
            }
        }
        self.outputs.put(&mut self.book, slot, out)
    }

    fn slot(&self, kind: u8, partition: u16) -> usize {
        self.about.channels.slot(kind, partition).expect("the publisher has its outputs")
    }

    fn go_to(&mut self, place: Place) -> Result<(), TaskError> {
        if self.outputs.open.is_none() {
            self.since = Instant::now();
        }
        if place <= self.book.place {
            let what = format!("{place:?} follows {:?}", self.book.place);
            return Err(Stop::Order { what }.into());
        }
        self.book.place = place;
        Ok(())
    }

    /// Where the newest mark stands, everything must be as it says.
    fn reach(&mut self) -> Result<(), TaskError> {
        let Some(mark) = self.target.take_if(|mark| self.book.place >= mark.place) else { return Ok(()) };
        let (_, numbers) = mark.by_slot(&self.about.channels).map_err(|what| Stop::OutputDiffers { what })?;
        let differs = |what: &str| Stop::OtherLog { what: format!("{what} at {:?}", mark.place) };
        if self.book.place > mark.place {
            return Err(differs("it does not meet the mark").into());
        }
        if self.book.numbers != numbers {
            return Err(differs("other numbers").into());
        }
        if self.book.hash != mark.hash {
            return Err(differs("another rolling hash").into());
        }
        Ok(())
    }
}

impl<I, T: Transport> Desk<I, T> {
    fn look(&self, channels: &Channels, limits: &BTreeMap<u16, u64>) -> Result<Standing, TaskError> {
        let (Desk { cluster, transport, .. }, slots) = (self, channels.len());
        let marks = cluster.marks();
        let partition = Mark::partition(INTAKE_ID, transport.partitions(&marks).map_err(of_transport)?);
        let mark = last_mark(transport.as_ref(), &marks, partition, cluster.generation, INTAKE_ID)?;
        let mark = mark.map(|mark| mark.known_to(&self.logic)).transpose()?;
        let (from, numbers) = match &mark {
            Some(mark) => mark.by_slot(channels).map_err(|what| Stop::OutputDiffers { what })?,
            None => (vec![Floor::default(); slots], vec![0; slots]),
        };
        let origin = Origin { generation: cluster.generation, task: INTAKE_ID };
        let (floors, mut visible) = tails(transport.as_ref(), channels, origin, &from)?;
        for (partition, missing) in limits {
            if let Some(slot) = channels.slot(HOP, *partition) {
                visible[slot] = visible[slot].min(missing.saturating_sub(1));
            }
        }
        let mut seen = BTreeMap::new();
        for slot in (0..slots).filter(|slot| visible[*slot] > numbers[*slot]) {
            let hashes = self.seen(channels, slot, from[slot])?;
            let behind = hashes.into_iter().filter(|(number, _)| (numbers[slot] + 1..=visible[slot]).contains(number));
            seen.extend(behind.map(|(number, hash)| ((slot, number), hash)));
        }
        Ok(Standing { marks: (marks, partition), mark, numbers, floors, visible, seen })
    }

    /// Hashes of the publisher's records that readers take from a slot, by number.
    fn seen(&self, channels: &Channels, slot: usize, from: Floor) -> Result<BTreeMap<u64, [u8; 32]>, TaskError> {
        let origin = Origin { generation: self.cluster.generation, task: INTAKE_ID };
        let ((topic, partition), kind) = (channels.target(slot), channels.kind(slot));
        let (start, _) = self.transport.bounds(topic, partition).map_err(of_transport)?;
        let (mut hashes, mut tail) = (BTreeMap::new(), Tail::from(from));
        let visit = &mut |received: Received<'_>| {
            let Some(label) = received.label.filter(|label| label.origin == origin) else { return };
            if label.number == tail.number + 1 {
                let frame = match (kind, &label.kind) {
                    (LOG, _) => 0,
                    (DEAD, _) => self.dead.frame(),
                    (_, Kind::Control(_)) => self.control.frame(),
                    _ => self.item.frame(),
                };
                let value = received.value.map(|value| datum(value, frame));
                hashes.insert(label.number, record_hash(Some(label), received.key, value));
            }
            tail.see(received.offset, label.number);
        };
        self.transport.read_to_end(topic, partition, from.offset.max(start), visit).map_err(of_transport)?;
        Ok(hashes)
    }
}

/// Where a log entry and what follows from it stand: the entry itself first, then its records from 1.
pub fn place_of(entry: u64, step: u64) -> Place {
    Place { next: entry, slice: step }
}

/// Partition of the topic of the log that an entry lies in.
pub fn log_partition(number: u64, partitions: u16) -> u16 {
    (number % u64::from(partitions)) as u16
}

fn channels<I, T>(desk: &Desk<I, T>) -> Channels {
    let spec = StageSpec {
        number: INTAKE,
        name: INTAKE_NAME,
        input: desk.topics.1.clone(),
        output: Some(desk.topics.0.clone()),
        views: vec![(LOG, desk.topics.1.clone())],
        partitions: desk.partitions,
        logic: desk.logic.clone(),
        config: desk.config,
    };
    Channels::of(&spec, |name| desk.cluster.topic(name))
}

/// The book as it was when the mark was written.
fn book_at(mark: &Mark, numbers: Vec<u64>) -> Book {
    let Mark { place, last, complete, hash, records, held, .. } = mark;
    let (place, last, complete, hash, records, held) = (*place, *last, *complete, *hash, *records, *held);
    Book { place, last, complete, hash, records, held, numbers, ..Book::default() }
}

/// Entries of the log as they were published, from the first on. Those behind a gap are left out.
///
/// # Errors
/// The topic cannot be read.
pub fn published_log<T: Transport>(
    transport: &T,
    cluster: &Cluster,
    topic: &str,
    partitions: u16,
) -> Result<Vec<Vec<u8>>, TransportError> {
    let topic = cluster.topic(topic);
    let mut entries = BTreeMap::new();
    for partition in 0..partitions {
        let (start, _) = transport.bounds(&topic, partition)?;
        transport.read_to_end(&topic, partition, start, &mut |received: Received<'_>| {
            let is_ours = |label: &&Label| label.origin == Origin { generation: cluster.generation, task: INTAKE_ID };
            let key = received.key.and_then(|key| <[u8; 8]>::try_from(key).ok());
            if let (Some(_), Some(key), Some(value)) = (received.label.filter(is_ours), key, received.value) {
                entries.insert(u64::from_be_bytes(key), value.to_vec());
            }
        })?;
    }
    // What lies behind a gap belongs to a transaction that tore: it is published again.
    let whole = (1..).zip(&entries).take_while(|(number, (key, _))| *number == **key).count();
    Ok(entries.into_values().take(whole).collect())
}

/// What an older generation has published of its log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OlderLog {
    pub generation: u32,
    /// From the first on.
    pub entries: Vec<Vec<u8>>,
}

/// The log of the newest of the older generations that have published something; `None` where none has.
///
/// # Errors
/// A topic cannot be read; [`Stop::OldLogic`] or [`Stop::Logic`] where its last mark is none that a build of `logic` knows.
pub fn older_log<T: Transport>(
    transport: &T,
    cluster: &Cluster,
    topic: &str,
    logic: &RangeInclusive<u32>,
) -> Result<Option<OlderLog>, TaskError> {
    for generation in (1..cluster.generation).rev() {
        let older = Cluster { generation, ..cluster.clone() };
        let marks = older.marks();
        let partitions = match transport.partitions(&marks) {
            Ok(partitions) => partitions,
            Err(TransportError::Absent(_)) => continue,
            Err(error) => return Err(of_transport(error)),
        };
        let of_intake = Mark::partition(INTAKE_ID, partitions);
        let Some(mark) = last_mark(transport, &marks, of_intake, generation, INTAKE_ID)? else { continue };
        mark.known_to(logic)?;
        let partitions = transport.partitions(&older.topic(topic)).map_err(of_transport)?;
        let entries = published_log(transport, &older, topic, partitions).map_err(of_transport)?;
        return Ok(Some(OlderLog { generation, entries }));
    }
    Ok(None)
}
