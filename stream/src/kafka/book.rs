//! What a task knows about its place: how far it read, what it wrote, in which order.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::kafka::{Cause, Cluster, Incarnation, Kind, Label, StageSpec, Stop, TaskId, WireError};

/// A place in the input of a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// Offset of the next record.
    pub next: u64,
    /// Steps done since the record in front of it: a complete control may lead to many.
    pub slice: u64,
}

/// A record as one is recognised again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    pub offset: u64,
    /// See [`record_hash`].
    pub hash: [u8; 32],
}

/// What a task took of one writer of its input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// Number of the last record.
    pub number: u64,
    /// Number of the last control.
    pub control: u64,
    /// Highest number that was seen. Above `number` records are missing, and none behind them is taken.
    pub seen: u64,
}

impl Taken {
    /// Number of the first record that is missing.
    pub fn missing(&self) -> Option<u64> {
        (self.seen > self.number).then_some(self.number + 1)
    }
}

/// All that is kept beside the stage's own state. A function of the input alone, but for `transactions` and `incarnations`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    pub place: Place,
    /// The record in front of `place`.
    pub last: Option<Seen>,
    /// By partition of the stage above.
    pub inputs: BTreeMap<u16, Taken>,
    /// Number of the last control that is complete.
    pub complete: u64,
    /// The stage has taken the next control and has slices of it left.
    pub turning: bool,
    /// Records put aside.
    pub held: u64,
    /// Last number for each slot of [`Channels`].
    pub numbers: Vec<u64>,
    /// Over all outputs, one after the other.
    pub hash: [u8; 32],
    /// Records taken, each once.
    pub records: u64,
    /// Transactions that were applied here.
    pub transactions: u64,
    /// What people decided about the task, the last one last.
    pub incarnations: Vec<Incarnation>,
}

/// One kind of output, by number.
pub const HOP: u8 = 255;
/// Dead letters.
pub const DEAD: u8 = 254;

/// Where a task's outputs go: each partition of each of its topics has a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channels {
    partitions: u16,
    /// Kind and topic.
    outputs: Vec<(u8, String)>,
    /// Index in `outputs` by kind.
    index: Vec<Option<u8>>,
}

impl Channels {
    /// `topic` gives a topic's full name.
    pub fn of(spec: &StageSpec, topic: impl Fn(&str) -> String) -> Channels {
        let hop = spec.output.iter().map(|name| (HOP, topic(name)));
        let views = spec.views.iter().map(|(number, name)| (*number, topic(name)));
        let outputs: Vec<_> = hop.chain(views).chain([(DEAD, topic("pos.dead"))]).collect();
        let mut index = vec![None; 256];
        for (place, (kind, _)) in outputs.iter().enumerate() {
            index[usize::from(*kind)] = Some(place as u8);
        }
        Channels { partitions: spec.partitions, outputs, index }
    }

    pub fn len(&self) -> usize {
        self.outputs.len() * usize::from(self.partitions)
    }

    pub fn is_empty(&self) -> bool {
        self.outputs.is_empty()
    }

    pub fn partitions(&self) -> u16 {
        self.partitions
    }

    /// `None` for a view that the stage was not said to have.
    pub fn slot(&self, kind: u8, partition: u16) -> Option<usize> {
        let place = self.index[usize::from(kind)]?;
        Some(usize::from(place) * usize::from(self.partitions) + usize::from(partition % self.partitions))
    }

    /// Topic and partition of a slot.
    pub fn target(&self, slot: usize) -> (&str, u16) {
        let partitions = usize::from(self.partitions);
        (&self.outputs[slot / partitions].1, (slot % partitions) as u16)
    }

    /// [`HOP`], [`DEAD`] or the view's number.
    pub fn kind(&self, slot: usize) -> u8 {
        self.outputs[slot / usize::from(self.partitions)].0
    }
}

/// How far the outputs of one slot had come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Floor {
    /// All records up to `number` lie in front of this offset and are visible.
    pub offset: u64,
    pub number: u64,
}

/// A mark's word on one slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// [`HOP`], [`DEAD`] or the view's number.
    pub output: u8,
    pub partition: u16,
    /// Last number of the transaction.
    pub number: u64,
    pub floor: Floor,
}

/// The last record of each transaction: everything that it stands for was published with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    pub generation: u32,
    pub task: TaskId,
    /// Topic of the input, with its prefix.
    pub input: String,
    pub place: Place,
    pub last: Option<Seen>,
    /// Number of the last control that is complete.
    pub complete: u64,
    pub outputs: Vec<Written>,
    pub hash: [u8; 32],
    pub records: u64,
    pub logic: u32,
    pub config: [u8; 32],
    /// Records that are put aside.
    pub held: u64,
    /// What people decided about the task, the last one last.
    pub incarnations: Vec<Incarnation>,
}

/// Layout of marks. One of a layout that is not known stops the task that reads it.
const VERSION: u8 = 2;
/// Layout of marks that knew no incarnations.
const VERSION_WITHOUT_INCARNATIONS: u8 = 1;

impl Mark {
    /// `floors` by slot.
    pub fn new(task: TaskId, book: &Book, floors: &[Floor], about: &About) -> Mark {
        let written = |(slot, number): (usize, &u64)| Written {
            output: about.channels.kind(slot),
            partition: about.channels.target(slot).1,
            number: *number,
            floor: floors[slot],
        };
        let outputs = book.numbers.iter().enumerate().filter(|(slot, number)| **number > 0 || floors[*slot].offset > 0);
        Mark {
            generation: about.generation,
            task,
            input: about.input.clone(),
            place: book.place,
            last: book.last,
            complete: book.complete,
            outputs: outputs.map(written).collect(),
            hash: book.hash,
            records: book.records,
            logic: about.logic,
            config: about.config,
            held: book.held,
            incarnations: book.incarnations.clone(),
        }
    }

    pub fn encode(&self) -> Vec<u8> {
        postcard::to_extend(self, vec![VERSION]).expect("a mark is encodable")
    }

    pub fn decode(bytes: &[u8]) -> Result<Mark, WireError> {
        let damaged = |error| WireError::Poison(format!("mark is damaged: {error}"));
        match bytes.split_first() {
            Some((&VERSION, rest)) => postcard::from_bytes(rest).map_err(damaged),
            Some((&VERSION_WITHOUT_INCARNATIONS, rest)) => without_incarnations(rest).map_err(damaged),
            Some((version, _)) => {
                Err(WireError::Poison(format!("mark has layout {version}, this build reads {VERSION}")))
            }
            None => Err(WireError::Poison("mark is empty".into())),
        }
    }

    /// # Errors
    /// A newer build wrote the mark, or one so old that this build cannot read what it made.
    pub(crate) fn known_to(self, build: &RangeInclusive<u32>) -> Result<Mark, Stop> {
        let (mark, oldest, newest) = (self.logic, *build.start(), *build.end());
        if mark > newest {
            return Err(Stop::Logic { mark, build: newest });
        }
        if mark < oldest { Err(Stop::OldLogic { mark, oldest }) } else { Ok(self) }
    }

    /// Key of a task's marks.
    pub fn key(generation: u32, task: TaskId) -> Vec<u8> {
        let mut key = generation.to_be_bytes().to_vec();
        key.push(task.stage);
        key.extend_from_slice(&task.partition.to_be_bytes());
        key
    }

    /// Partition of the topic of marks that a task's lie in.
    pub fn partition(task: TaskId, partitions: u16) -> u16 {
        (u64::from(task.stage) * 31 + u64::from(task.partition)) as u16 % partitions.max(1)
    }

    /// Floors and numbers by slot.
    pub fn by_slot(&self, channels: &Channels) -> Result<(Vec<Floor>, Vec<u64>), String> {
        let (mut floors, mut numbers) = (vec![Floor::default(); channels.len()], vec![0; channels.len()]);
        for written in &self.outputs {
            let slot = channels
                .slot(written.output, written.partition)
                .ok_or_else(|| format!("mark names output {}, which this stage does not have", written.output))?;
            (floors[slot], numbers[slot]) = (written.floor, written.number);
        }
        Ok((floors, numbers))
    }
}

/// What stays the same in all marks of a task.
#[derive(Clone, Debug)]
pub struct About {
    pub generation: u32,
    pub input: String,
    pub logic: u32,
    pub config: [u8; 32],
    pub channels: Channels,
}

impl About {
    pub(crate) fn of(cluster: &Cluster, spec: &StageSpec, channels: Channels) -> About {
        let (generation, input) = (cluster.generation, cluster.topic(&spec.input));
        About { generation, input, logic: *spec.logic.end(), config: spec.config, channels }
    }
}

/// Hash by which a record is recognised: label and datum, without the frame that names its schema.
pub fn record_hash(label: Option<&Label>, key: Option<&[u8]>, datum: Option<&[u8]>) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hash_label(&mut hasher, label);
    hash_bytes(&mut hasher, key);
    hash_bytes(&mut hasher, datum);
    *hasher.finalize().as_bytes()
}

fn hash_label(hasher: &mut blake3::Hasher, label: Option<&Label>) {
    let Some(label) = label else {
        hasher.update(&[0]);
        return;
    };
    let (kind, rank): (u8, &[u8]) = match &label.kind {
        Kind::Data => (1, &[]),
        Kind::AtControl(rank) => (2, rank.bytes()),
        Kind::Control(_) => (3, &[]),
    };
    let mut bytes = [0; 24];
    bytes[0] = kind;
    bytes[1..5].copy_from_slice(&label.origin.generation.to_be_bytes());
    bytes[5] = label.origin.task.stage;
    bytes[6..8].copy_from_slice(&label.origin.task.partition.to_be_bytes());
    bytes[8..16].copy_from_slice(&label.number.to_be_bytes());
    bytes[16..].copy_from_slice(&label.stamp.to_be_bytes());
    hasher.update(&bytes);
    hash_bytes(hasher, Some(rank));
}

fn hash_bytes(hasher: &mut blake3::Hasher, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => {
            hasher.update(&(bytes.len() as u64 + 1).to_be_bytes());
            hasher.update(bytes);
        }
        None => {
            hasher.update(&0u64.to_be_bytes());
        }
    }
}

/// Reads a record that ends with its incarnations, and was written when there were none.
fn without_incarnations<T: DeserializeOwned>(bytes: &[u8]) -> postcard::Result<T> {
    postcard::from_bytes(&[bytes, &[0]].concat())
}

/// Reads a record that ends with a book, of this layout or of the one without incarnations.
pub(crate) fn decode_with_book<T: DeserializeOwned>(bytes: &[u8]) -> postcard::Result<T> {
    match postcard::from_bytes(bytes) {
        Err(postcard::Error::DeserializeUnexpectedEnd) => without_incarnations(bytes),
        read => read,
    }
}

impl Book {
    pub fn new(slots: usize, writers: u16) -> Book {
        let inputs = (0..writers).map(|writer| (writer, Taken::default())).collect();
        Book { inputs, numbers: vec![0; slots], ..Book::default() }
    }

    /// The book as the newest incarnation has it, when this one stands where that was opened and its state is still
    /// right; as it is otherwise.
    ///
    /// Another input leaves the state behind the mark as it is. Other outputs do not: the state was folded again.
    pub fn reborn(self, incarnations: &[Incarnation]) -> Book {
        let Some((last, before)) = incarnations.split_last() else { return self };
        let is_it = last.cause == Cause::Input
            && self.incarnations == before
            && (self.place, self.hash) == (last.from, last.hash);
        if !is_it {
            return self;
        }
        Book { place: last.at, last: None, incarnations: incarnations.to_vec(), ..self }
    }

    /// Takes one output into the rolling hash.
    pub fn chain(&mut self, slot: usize, label: &Label, key: Option<&[u8]>, datum: Option<&[u8]>) {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.hash);
        hasher.update(&(slot as u64).to_be_bytes());
        hash_label(&mut hasher, Some(label));
        hash_bytes(&mut hasher, key);
        hash_bytes(&mut hasher, datum);
        self.hash = *hasher.finalize().as_bytes();
    }

    /// The next control is complete as soon as every writer has sent it.
    pub fn passed_by_all(&self) -> u64 {
        self.inputs.values().map(|taken| taken.control).min().unwrap_or_default()
    }
}

#[cfg(test)]
impl Mark {
    /// That of a task of the first generation which has read its input up to an offset and published nothing.
    pub(crate) fn up_to(task: TaskId, next: u64) -> Mark {
        Mark {
            generation: 1,
            task,
            input: "a".into(),
            place: Place { next, slice: 0 },
            last: None,
            complete: 0,
            outputs: Vec::new(),
            hash: [0; 32],
            records: 0,
            logic: 1,
            config: [0; 32],
            held: 0,
            incarnations: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::Approval;

    fn about() -> About {
        let spec = StageSpec {
            number: 1,
            name: "two",
            input: "a".into(),
            output: Some("b".into()),
            views: vec![(3, "v".into())],
            partitions: 2,
            logic: 1..=1,
            config: [0; 32],
        };
        let channels = Channels::of(&spec, |name| format!("t.{name}"));
        About { generation: 4, input: "t.a".into(), logic: 1, config: [0; 32], channels }
    }

    #[test]
    fn slots_and_targets_are_one_to_one() {
        let channels = about().channels;
        assert_eq!(channels.len(), 6);
        assert_eq!(channels.target(channels.slot(HOP, 1).unwrap()), ("t.b", 1));
        assert_eq!(channels.target(channels.slot(3, 0).unwrap()), ("t.v", 0));
        assert_eq!(channels.target(channels.slot(DEAD, 1).unwrap()), ("t.pos.dead", 1));
        assert_eq!(channels.slot(4, 0), None);
    }

    #[test]
    fn a_mark_comes_back_and_another_layout_is_refused() {
        let about = about();
        let mut book = Book::new(about.channels.len(), 2);
        book.numbers[3] = 17;
        let mut floors = vec![Floor::default(); 6];
        floors[3] = Floor { offset: 40, number: 12 };
        let task = TaskId { stage: 1, partition: 1 };
        let mark = Mark::new(task, &book, &floors, &about);
        let mut bytes = mark.encode();
        assert_eq!(Mark::decode(&bytes), Ok(mark.clone()));
        assert_eq!(mark.by_slot(&about.channels), Ok((floors, book.numbers)));
        bytes[0] += 1;
        assert!(Mark::decode(&bytes).is_err());
        bytes[0] = VERSION_WITHOUT_INCARNATIONS;
        bytes.pop();
        assert_eq!(Mark::decode(&bytes), Ok(mark));
    }

    fn incarnation(cause: Cause, from: u64, at: u64) -> Incarnation {
        let approval = Approval::new("ann", "bob", "a test").unwrap();
        let place = |next| Place { next, slice: 0 };
        Incarnation { cause, approval, from: place(from), hash: [3; 32], at: place(at) }
    }

    #[test]
    fn a_book_without_incarnations_is_read() {
        let mut book = Book::new(2, 1);
        let mut bytes = postcard::to_stdvec(&book).unwrap();
        bytes.pop();
        assert_eq!(decode_with_book(&bytes), Ok(book.clone()));
        book.incarnations.push(incarnation(Cause::Input, 5, 0));
        assert_eq!(decode_with_book(&postcard::to_stdvec(&book).unwrap()), Ok(book));
    }

    #[test]
    fn a_state_serves_a_new_incarnation_where_that_was_opened_and_only_the_input_changed() {
        let book = |next| Book { place: Place { next, slice: 4 }, hash: [3; 32], ..Book::new(2, 1) };
        let opened = |cause| Incarnation { from: Place { next: 5, slice: 4 }, ..incarnation(cause, 5, 1) };
        let input = [opened(Cause::Input)];
        let reborn = book(5).reborn(&input);
        assert_eq!((reborn.place, reborn.last, reborn.incarnations.as_slice()), (input[0].at, None, &input[..]));
        assert_eq!(book(4).reborn(&input), book(4), "it stands elsewhere");
        assert_eq!(book(5).reborn(&[opened(Cause::Output)]), book(5), "its state is another one");
        assert_eq!(book(5).reborn(&[opened(Cause::Output), opened(Cause::Input)]), book(5), "it is of an older life");
        assert_eq!(book(5).reborn(&[]), book(5));
    }
}
