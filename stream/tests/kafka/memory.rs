//! A log service in memory with Kafka's semantics, and with everything that can go wrong there.
//!
//! Transaction markers take offsets. Readers see committed records up to the first one whose transaction is open. A new
//! writer of a name fences the earlier ones. By [`Fate`], the end of a transaction may hit early, be told wrongly, or
//! not reach each partition: there it is taken for gone, or stands open until the next end of that writer comes by.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use stream::kafka::repair::Archive;
use stream::kafka::{
    CommitError, Label, LabelReader, Origin, Reader, Received, Sending, Transport, TransportError, Writer,
};

use crate::faults::Fate;
use crate::world::{LIE, LOST};

/// The log service. Clones share it.
#[derive(Clone)]
pub struct Memory {
    inner: Arc<Mutex<Inner>>,
    fate: Fate,
    stop: Arc<AtomicBool>,
}

#[derive(Default)]
struct Inner {
    topics: BTreeMap<String, Topic>,
    /// By name: epoch of the newest writer, and the partitions of the transaction that it has open.
    writers: BTreeMap<String, Instance>,
}

struct Topic {
    partitions: Vec<Partition>,
    /// Whether a commit that is reported may in truth be missing here, see [`Fate`].
    may_lie: bool,
}

#[derive(Clone, Default)]
struct Partition {
    start: u64,
    end: u64,
    entries: BTreeMap<u64, Entry>,
    /// Offsets of the records whose transactions are open.
    open: BTreeSet<u64>,
}

#[derive(Clone)]
struct Entry {
    writer: Arc<str>,
    shown: Shown,
    record: Record,
}

/// A record as it lies in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub offset: u64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub label: Option<Label>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// Its transaction is open.
    Open,
    Yes,
    Never,
}

#[derive(Default)]
struct Instance {
    epoch: u64,
    open: bool,
    /// A commit was asked for.
    ending: bool,
}

/// How a transaction ends in one partition.
type Outcome<'a> = &'a dyn Fn(&str, u16, &Topic) -> Shown;

impl Memory {
    pub fn new(fate: Fate) -> Memory {
        Memory { inner: Arc::default(), fate, stop: Arc::default() }
    }

    /// `may_lie`: a commit that is reported may be missing in this topic, whose readers notice.
    pub fn create(&self, topic: &str, partitions: u16, may_lie: bool) {
        let partitions = vec![Partition::default(); usize::from(partitions)];
        self.lock().topics.insert(topic.into(), Topic { partitions, may_lie });
    }

    /// All records of a partition that readers see, as a reader sees them.
    pub fn records(&self, topic: &str, partition: u16) -> Vec<Record> {
        let inner = self.lock();
        let partition = &inner.topics[topic].partitions[usize::from(partition)];
        partition.seen(0).cloned().collect()
    }

    /// All records of a partition as they were written, whatever became of their transactions.
    pub fn written(&self, topic: &str, partition: u16) -> Vec<Record> {
        let inner = self.lock();
        inner.topics[topic].partitions[usize::from(partition)]
            .entries
            .values()
            .map(|entry| entry.record.clone())
            .collect()
    }

    /// Puts the same partition of another log service here, with all its offsets.
    pub fn copy(&self, from: &Memory, topic: &str, partition: u16) {
        let copy = from.lock().topics[topic].partitions[usize::from(partition)].clone();
        self.lock().topics.get_mut(topic).expect("topic is made").partitions[usize::from(partition)] = copy;
    }

    /// Adds a committed record that is not ours.
    pub fn intrude(&self, topic: &str, partition: u16, value: &[u8]) {
        let mut inner = self.lock();
        let partition = inner.partition(topic, partition);
        let record = Record { offset: partition.end, key: None, value: Some(value.into()), label: None };
        partition.push(Entry { writer: "stranger".into(), shown: Shown::Yes, record });
    }

    /// Keeps only the last record of each key, as compaction does in front of open transactions.
    pub fn compact(&self, topic: &str) {
        let mut inner = self.lock();
        for partition in &mut inner.topics.get_mut(topic).expect("topic is made").partitions {
            let seen: Vec<Record> = partition.seen(0).cloned().collect();
            let last: BTreeMap<_, _> = seen.iter().map(|record| (record.key.clone(), record.offset)).collect();
            let stable = partition.stable();
            partition.entries.retain(|offset, entry| *offset >= stable || last.get(&entry.record.key) == Some(offset));
        }
    }

    /// Makes one record of a writer invisible, as a torn transaction does; how often it was there.
    pub fn tear(&self, topic: &str, partition: u16, origin: Origin, number: u64) -> usize {
        let mut inner = self.lock();
        let entries = inner.partition(topic, partition).entries.values_mut();
        let is_it = |label: &Label| label.origin == origin && label.number == number;
        let torn = entries.filter(|entry| entry.record.label.as_ref().is_some_and(is_it));
        torn.map(|entry| entry.shown = Shown::Never).count()
    }

    /// Takes the records of a key away, as a hand does that should not.
    pub fn lose(&self, topic: &str, partition: u16, key: &[u8]) {
        let mut inner = self.lock();
        inner.partition(topic, partition).entries.retain(|_, entry| entry.record.key.as_deref() != Some(key));
    }

    /// Takes everything in front of an offset away.
    pub fn trim(&self, topic: &str, partition: u16, below: u64) {
        let mut inner = self.lock();
        let partition = inner.partition(topic, partition);
        partition.start = below;
        partition.entries.retain(|offset, _| *offset >= below);
    }

    /// Puts what was trimmed back.
    pub fn put_back(&self, from: &Memory, topic: &str, partition: u16) {
        let kept = from.lock().partition(topic, partition).clone();
        let mut inner = self.lock();
        let partition = inner.partition(topic, partition);
        let trimmed = kept.entries.into_iter().filter(|(offset, _)| *offset < partition.start);
        partition.entries.extend(trimmed);
        partition.start = 0;
    }

    /// Takes everything from an offset on away, as a leader does that was behind.
    pub fn cut(&self, topic: &str, partition: u16, end: u64) {
        let mut inner = self.lock();
        let partition = inner.partition(topic, partition);
        partition.end = end;
        partition.entries.retain(|offset, _| *offset < end);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no holder of the log panics")
    }

    /// Whether an end gets lost on its way to a partition, and to which.
    fn lost(&self) -> Option<u64> {
        self.fate.strikes(LOST, 150).then(|| self.fate.pick(64))
    }

    fn trouble(&self, what: &'static str) -> Result<(), TransportError> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(TransportError::Ended);
        }
        if self.fate.strikes(what, 400) { Err(TransportError::Trouble(what.into())) } else { Ok(()) }
    }
}

impl Inner {
    fn partition(&mut self, topic: &str, partition: u16) -> &mut Partition {
        let topic = self.topics.get_mut(topic).unwrap_or_else(|| panic!("there is no topic {topic}"));
        &mut topic.partitions[usize::from(partition)]
    }

    /// Ends what a writer has open; each partition takes a marker, but for one of them where that is `lost`.
    fn end(&mut self, name: &str, outcome: Outcome<'_>, lost: Option<u64>) {
        let instance = self.writers.get_mut(name).expect("a writer has its instance");
        (instance.open, instance.ending) = (false, false);
        let all = self.topics.values().flat_map(|topic| &topic.partitions);
        let touched = all.filter(|partition| partition.is_open_for(name)).count() as u64;
        let (lost, mut met) = (lost.filter(|_| touched > 0).map(|lost| lost % touched), 0);
        for (topic_name, topic) in &mut self.topics {
            for number in 0..topic.partitions.len() {
                let shown = outcome(topic_name, number as u16, topic);
                let partition = &mut topic.partitions[number];
                if partition.is_open_for(name) {
                    if lost != Some(met) {
                        partition.end(name, shown);
                    }
                    met += 1;
                }
            }
        }
    }

    /// Whether a transaction stands in front of the end of a partition that its writer has not open any more.
    fn is_hanging(&self, topic: &str, partition: u16) -> bool {
        let partition = &self.topics[topic].partitions[usize::from(partition)];
        let first = partition.open.first().and_then(|offset| partition.entries.get(offset));
        first.is_some_and(|entry| !self.writers[&*entry.writer].open)
    }
}

impl Partition {
    fn push(&mut self, entry: Entry) {
        if entry.shown == Shown::Open {
            self.open.insert(self.end);
        }
        self.entries.insert(self.end, entry);
        self.end += 1;
    }

    fn end(&mut self, writer: &str, shown: Shown) {
        let Partition { entries, open, .. } = self;
        let before = open.len();
        open.retain(|offset| {
            let entry = entries.get_mut(offset).expect("what is open is not compacted");
            let ends = *entry.writer == *writer;
            if ends {
                entry.shown = shown;
            }
            !ends
        });
        // The marker.
        self.end += u64::from(self.open.len() < before);
    }

    fn is_open_for(&self, writer: &str) -> bool {
        self.open.iter().any(|offset| *self.entries[offset].writer == *writer)
    }

    /// Offset of the first record whose transaction is open, else the end.
    fn stable(&self) -> u64 {
        self.open.first().copied().unwrap_or(self.end)
    }

    fn seen(&self, from: u64) -> impl Iterator<Item = &Record> {
        let stable = self.stable().max(from);
        self.entries.range(from..stable).filter(|(_, entry)| entry.shown == Shown::Yes).map(|(_, entry)| &entry.record)
    }
}

impl Record {
    fn received(&self) -> Received<'_> {
        let Record { offset, key, value, label } = self;
        let (key, value, label, headers) = (key.as_deref(), value.as_deref(), label.as_ref(), &[][..]);
        Received { offset: *offset, key, value, label, headers, timestamp: None }
    }
}

impl Transport for Memory {
    type Reader = MemoryReader;
    type Writer = MemoryWriter;

    fn until(&self, stop: &Arc<AtomicBool>) -> Memory {
        Memory { stop: Arc::clone(stop), ..self.clone() }
    }

    fn writer(&self, name: &str, slots: usize) -> Result<MemoryWriter, TransportError> {
        self.trouble("no writer")?;
        let mut inner = self.lock();
        let instance = inner.writers.entry(name.into()).or_default();
        instance.epoch += 1;
        let epoch = instance.epoch;
        if instance.open {
            // Once its end was asked for, a transaction may be whole; else it goes, or an old end hits it.
            let odds = if instance.ending { 2 } else { 40 };
            let held = self.fate.strikes("old transaction held", odds);
            let lost = self.lost();
            inner.end(name, &|_, _, _| if held { Shown::Yes } else { Shown::Never }, lost);
        }
        drop(inner);
        self.trouble("writer was made and lost")?;
        let delivered = vec![None; slots];
        Ok(MemoryWriter { log: self.clone(), name: name.into(), epoch, broken: false, delivered })
    }

    fn reader(&self, topic: &str, partition: u16, from: u64) -> Result<MemoryReader, TransportError> {
        self.trouble("no reader")?;
        Ok(MemoryReader { log: self.clone(), topic: topic.into(), partition, next: from })
    }

    fn bounds(&self, topic: &str, partition: u16) -> Result<(u64, u64), TransportError> {
        self.trouble("no bounds")?;
        let mut inner = self.lock();
        let partition = inner.partition(topic, partition);
        Ok((partition.start, partition.end))
    }

    /// An open transaction would have to be waited for; one thread cannot, so it is trouble.
    fn read_to_end(
        &self,
        topic: &str,
        partition: u16,
        from: u64,
        visit: &mut dyn FnMut(Received<'_>),
    ) -> Result<u64, TransportError> {
        self.trouble("reading to the end fails")?;
        let mut inner = self.lock();
        if inner.is_hanging(topic, partition) {
            let end = inner.partition(topic, partition).end;
            return Err(TransportError::Hanging { topic: topic.into(), partition, end });
        }
        let partition = inner.partition(topic, partition);
        if partition.stable() < partition.end {
            return Err(TransportError::Trouble("a transaction is open".into()));
        }
        partition.seen(from).for_each(|record| visit(record.received()));
        Ok(partition.end)
    }

    fn partitions(&self, topic: &str) -> Result<u16, TransportError> {
        let inner = self.lock();
        let found = inner.topics.get(topic).map(|topic| topic.partitions.len() as u16);
        found.ok_or_else(|| TransportError::Absent(format!("there is no topic {topic}")))
    }
}

pub struct MemoryReader {
    log: Memory,
    topic: String,
    partition: u16,
    next: u64,
}

impl Reader for MemoryReader {
    fn read(&mut self, _wait: Duration, visit: &mut dyn FnMut(Received<'_>)) -> Result<bool, TransportError> {
        self.log.trouble("reading fails")?;
        if self.log.fate.strikes("nothing comes", 20) {
            return Ok(false);
        }
        let mut inner = self.log.lock();
        let partition = inner.partition(&self.topic, self.partition);
        if self.next < partition.start {
            return Err(TransportError::Broken(format!("offset {} of {} is gone", self.next, self.topic)));
        }
        let Some(record) = partition.seen(self.next).next() else {
            return Ok(false);
        };
        self.next = record.offset + 1;
        visit(record.received());
        Ok(true)
    }

    fn waiting(&self) -> Option<u64> {
        let mut inner = self.log.lock();
        let partition = inner.partition(&self.topic, self.partition);
        let is_at_end = partition.seen(self.next).next().is_none();
        Some(if is_at_end { 0 } else { partition.stable().saturating_sub(self.next) })
    }

    fn held_up(&self) -> Option<Duration> {
        let mut inner = self.log.lock();
        let is_held_up = inner.is_hanging(&self.topic, self.partition)
            && inner.partition(&self.topic, self.partition).seen(self.next).next().is_none();
        is_held_up.then_some(Duration::from_secs(60))
    }
}

pub struct MemoryWriter {
    log: Memory,
    name: Arc<str>,
    epoch: u64,
    /// An old end has hit the open transaction: what is sent behind it is refused.
    broken: bool,
    delivered: Vec<Option<u64>>,
}

impl MemoryWriter {
    fn check(&self) -> Result<(), CommitError> {
        let newest = self.log.lock().writers[&*self.name].epoch;
        if newest == self.epoch { Ok(()) } else { Err(CommitError::Fenced(format!("{} is at {newest}", self.name))) }
    }

    fn unclear<T>(what: &str) -> Result<T, CommitError> {
        Err(CommitError::Unclear(what.into()))
    }

    fn append(&mut self, sending: &Sending<'_>) {
        let mut reader = LabelReader::default();
        if let Some(label) = sending.label {
            label.write(&mut |name, bytes| reader.header(name, bytes));
        }
        let label = reader.label();
        let mut inner = self.log.lock();
        inner.writers.get_mut(&*self.name).expect("a writer has its instance").open = true;
        let partition = inner.partition(sending.topic, sending.partition);
        let (key, value) = (sending.key.map(Vec::from), sending.value.map(Vec::from));
        let record = Record { offset: partition.end, key, value, label };
        self.delivered[sending.slot] = Some(partition.end);
        partition.push(Entry { writer: self.name.clone(), shown: Shown::Open, record });
    }

    /// Ends the transaction, in each partition or not in one of those that it touches.
    fn end(&self, torn: bool, among_liars: bool) {
        let turn = self.log.fate.pick(7);
        let spoils = |topic: &str, partition: u16, of: &Topic| {
            torn && (of.may_lie || !among_liars) && (topic.len() as u64 + u64::from(partition)) % 7 != turn
        };
        let outcome = |topic: &str, partition: u16, of: &Topic| {
            if spoils(topic, partition, of) { Shown::Never } else { Shown::Yes }
        };
        let lost = self.log.lost();
        self.log.lock().end(&self.name, &outcome, lost);
    }
}

impl Writer for MemoryWriter {
    fn send(&mut self, record: Sending<'_>) -> Result<(), CommitError> {
        self.check()?;
        let fate = self.log.fate.clone();
        if fate.strikes("an old end hits the open transaction", 400) {
            self.end(false, false);
            self.broken = true;
        }
        if self.broken {
            return Ok(());
        }
        if fate.strikes("sending fails", 400) {
            return MemoryWriter::unclear("record did not arrive");
        }
        self.append(&record);
        if fate.strikes("record arrives twice", 100) {
            self.append(&record);
        }
        if fate.strikes("record arrives, and the writer is lost", 400) {
            return MemoryWriter::unclear("connection is gone");
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), CommitError> {
        self.check()?;
        let fate = self.log.fate.clone();
        if self.broken {
            return MemoryWriter::unclear("transaction was ended already");
        }
        if fate.strikes("commit is lost", 60) {
            self.log.lock().writers.get_mut(&*self.name).expect("a writer has its instance").ending = true;
            return MemoryWriter::unclear("no answer");
        }
        if fate.strikes("commit held, its answer is lost", 60) {
            self.end(false, false);
            return MemoryWriter::unclear("no answer");
        }
        if fate.strikes("commit held in some partitions, its answer is lost", 60) {
            self.end(true, false);
            return MemoryWriter::unclear("no answer");
        }
        let lies = fate.strikes(LIE, 120);
        self.end(lies, true);
        Ok(())
    }

    fn delivered(&self, slot: usize) -> Option<u64> {
        self.delivered[slot]
    }

    fn is_well(&mut self) -> Result<(), CommitError> {
        if self.log.fate.strikes("a connection is lost meanwhile", 400) {
            return MemoryWriter::unclear("connection is gone");
        }
        self.check()
    }

    fn touch(&mut self, record: Sending<'_>) -> Result<(), CommitError> {
        self.check()?;
        self.log.fate.note(TOUCHED);
        self.append(&record);
        Ok(())
    }
}

pub const TOUCHED: &str = "a writer touches what may hang";

/// Another log service that has kept what was trimmed here.
pub struct Kept(pub Memory);

struct KeptReader {
    reader: MemoryReader,
    to: u64,
}

impl Archive for Kept {
    fn covers(&self, topic: &str, partition: u16, from: u64, to: u64) -> Result<bool, TransportError> {
        let (start, end) = self.0.bounds(topic, partition)?;
        Ok(start <= from && end >= to)
    }

    fn reader(&self, topic: &str, partition: u16, from: u64, to: u64) -> Result<Box<dyn Reader>, TransportError> {
        Ok(Box::new(KeptReader { reader: self.0.reader(topic, partition, from)?, to }))
    }
}

impl Reader for KeptReader {
    fn read(&mut self, wait: Duration, visit: &mut dyn FnMut(Received<'_>)) -> Result<bool, TransportError> {
        let mut inside = false;
        self.reader.read(wait, &mut |received| {
            inside = received.offset < self.to;
            if inside {
                visit(received);
            }
        })?;
        Ok(inside)
    }

    fn waiting(&self) -> Option<u64> {
        Some(self.to.saturating_sub(self.reader.next))
    }

    fn held_up(&self) -> Option<Duration> {
        None
    }
}
