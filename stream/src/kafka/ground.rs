//! What the cluster says of a task: its mark, how far its outputs can be seen, what is left of its input.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::StorageError;
use crate::kafka::book::Floor;
use crate::kafka::home::{self, Home, TaskIdentity};
use crate::kafka::notice;
use crate::kafka::recover::{self, Base, Decision, Situation, Tail};
use crate::kafka::task::of_transport;
use crate::kafka::{
    Book, Channels, Cluster, Event, HOP, Incarnation, Kind, Label, Mark, Observer, Origin, Place, Received, Sending,
    StageSpec, Stop, TaskError, TaskId, Transport, Writer,
};
use crate::store::Store;

/// Where a task stands on its cluster.
#[derive(Clone, Debug)]
pub(crate) struct Ground {
    pub task: TaskId,
    /// Tasks that write the input.
    pub writers: u16,
    pub channels: Channels,
    /// The newest one.
    pub mark: Option<Mark>,
    /// Why the task has stopped behind it, and gone no further since.
    pub notice: Option<String>,
    /// Last numbers by slot, as the mark says.
    pub numbers: Vec<u64>,
    /// By slot, from where the outputs need not be looked at again.
    pub floors: Vec<Floor>,
    /// By slot, up to which number all records can be seen.
    pub visible: Vec<u64>,
    /// First offset that the input still has.
    pub input_start: u64,
    /// Offset behind its last record.
    pub input_end: u64,
}

impl Ground {
    /// Reads the mark and then, from its floors to the true end, the tails of the outputs.
    ///
    /// # Errors
    /// [`Stop`] where the mark itself is of no use to this build.
    pub fn look<T: Transport>(
        transport: &T,
        cluster: &Cluster,
        spec: &StageSpec,
        partition: u16,
    ) -> Result<Ground, TaskError> {
        let task = TaskId { stage: spec.number, partition };
        let channels = Channels::of(spec, |name| cluster.topic(name));
        let marks = cluster.marks();
        let marks_partition = Mark::partition(task, transport.partitions(&marks).map_err(of_transport)?);
        let (mark, notice) = last_word(transport, &marks, marks_partition, cluster.generation, task)?;
        let mark = mark.map(|mark| mark.known_to(&spec.logic)).transpose()?;
        let (floors, numbers) = match &mark {
            Some(mark) => mark.by_slot(&channels).map_err(|what| Stop::OutputDiffers { what })?,
            None => (vec![Floor::default(); channels.len()], vec![0; channels.len()]),
        };
        let origin = Origin { generation: cluster.generation, task };
        let (floors, visible) = tails(transport, &channels, origin, &floors)?;
        let input = cluster.topic(&spec.input);
        let (input_start, input_end) = transport.bounds(&input, partition).map_err(of_transport)?;
        let writers = spec.writers();
        Ok(Ground { task, writers, channels, mark, notice, numbers, floors, visible, input_start, input_end })
    }

    /// Takes what readers miss, by partition of the output, for not visible.
    pub fn limit(&mut self, limits: &BTreeMap<u16, u64>) {
        for (partition, missing) in limits {
            if let Some(slot) = self.channels.slot(HOP, *partition) {
                self.visible[slot] = self.visible[slot].min(missing.saturating_sub(1));
            }
        }
    }

    /// How much of its input lies behind the mark.
    pub fn waiting(&self) -> u64 {
        self.input_end.saturating_sub(self.mark.as_ref().map_or(self.input_start, |mark| mark.place.next))
    }

    /// What people have decided about the task so far.
    pub fn incarnations(&self) -> &[Incarnation] {
        self.mark.as_ref().map_or(&[], |mark| &mark.incarnations)
    }

    /// From where the task goes on.
    pub fn decide(&self, bases: &[Base]) -> Result<Decision, Stop> {
        let mark = self.mark.as_ref().map(|mark| (mark.place, self.numbers.as_slice()));
        let Ground { visible, input_start, .. } = self;
        let incarnations = self.incarnations();
        recover::decide(&Situation { mark, bases, visible, input_start: *input_start, incarnations })
    }

    /// Whether no checkpoint can be so much nearer to the mark that it would be taken instead: then none is asked for.
    fn is_near(&self, own: &Book) -> bool {
        let mark = self.mark.as_ref().map(|mark| mark.place).unwrap_or_default();
        own.place > Place::default() && mark.next <= own.place.next + recover::NEARER_RECORDS
    }

    /// Opens the store that the task goes on from. A checkpoint that cannot be taken is left aside; `observer` hears of it.
    ///
    /// # Errors
    /// Where nothing else is left to go on from, why the last one could not be taken: it may be only for now.
    /// [`TaskError::Ended`] once `stop` is set.
    pub fn enter(
        &self,
        home: &mut dyn Home,
        identity: &TaskIdentity,
        observer: &dyn Observer,
        stop: &AtomicBool,
    ) -> Result<(Arc<dyn Store>, Book), TaskError> {
        let goes_on = || if stop.load(Ordering::Relaxed) { Err(TaskError::Ended) } else { Ok(()) };
        let fresh = || Book::new(self.channels.len(), self.writers);
        let as_of_now = |book: Book| book.reborn(self.incarnations());
        let mut unfit: Vec<Book> = Vec::new();
        let mut trouble: Option<StorageError> = None;
        loop {
            goes_on()?;
            let own = home.open()?;
            let own_book = home::look(own.as_ref(), identity)??.unwrap_or_else(fresh);
            let alone = Base { book: as_of_now(own_book.clone()) };
            if self.is_near(&alone.book) && self.decide(std::slice::from_ref(&alone)) == Ok(Decision::From(0)) {
                return Ok((own, alone.book));
            }
            // A place elsewhere that does not answer is no reason to stop for good.
            let kept = match home.checkpoints() {
                Ok(kept) => kept,
                Err(error) => {
                    goes_on()?;
                    return Err(TaskError::Again(format!("checkpoints are not told: {error}")));
                }
            };
            let kept: Vec<Book> = kept.into_iter().filter(|book| !unfit.contains(book)).collect();
            let books = [own_book].into_iter().chain(kept.iter().cloned());
            let bases: Vec<Base> = books.map(|book| Base { book: as_of_now(book) }).collect();
            let index = match (self.decide(&bases), trouble.take()) {
                (Err(_), Some(error)) => return Err(TaskError::Again(format!("no checkpoint can be taken: {error}"))),
                (Err(stop), None) => return Err(stop.into()),
                (Ok(Decision::From(0)), _) => return Ok((own, bases[0].book.clone())),
                (Ok(Decision::From(index)), _) => index,
                (Ok(Decision::FromStart), _) => {
                    drop(own);
                    let store = home.clear()?;
                    home::look(store.as_ref(), identity)??;
                    return Ok((store, fresh()));
                }
            };
            drop(own);
            let taken = home.restore(&kept[index - 1]).and_then(|store| {
                let found = home::look(store.as_ref(), identity)?;
                let holds = found.is_ok_and(|found| found.as_ref() == Some(&kept[index - 1]));
                holds.then_some(store).ok_or_else(|| StorageError::new("it holds something else than its book says"))
            });
            match taken {
                Ok(store) => return Ok((store, bases[index].book.clone())),
                Err(error) => {
                    goes_on()?;
                    tracing::warn!(task = %self.task, place = ?kept[index - 1].place, %error, "checkpoint is not taken");
                    let (what, why) = ("checkpoint is not taken", error.to_string());
                    observer.event(self.task, &Event::Failed { what, why });
                    unfit.push(kept[index - 1].clone());
                    trouble = Some(error);
                }
            }
        }
    }
}

/// What a transaction that does not end means to a task that has just been given a `writer`: no transaction of that name is
/// open by what brokers say, and yet one of its own may stand in the log, if its end was lost between them. The writer touches
/// the partition and all others that it writes to, and the `next` one of its name ends that and with it what hangs; records in
/// it are gone or seen by then, as in any transaction that tore. Where it was another's, nothing has happened.
pub(crate) fn end_own<W: Writer>(
    error: TaskError,
    origin: Origin,
    channels: &Channels,
    mut writer: W,
    next: impl FnOnce() -> Result<W, TaskError>,
) -> TaskError {
    let TaskError::Hanging { topic, partition, why } = error else { return error };
    tracing::warn!(?origin, topic, partition, why, "writer ends what of its own may not have ended");
    // Readers would pass over a number that was taken. Where old records are cleaned up, each needs a key.
    let label = Label { origin, number: 0, stamp: 0, kind: Kind::Data };
    let own = (0..channels.len()).map(|slot| channels.target(slot));
    let others = own.filter(|target| *target != (topic.as_str(), partition));
    for (topic, partition) in [(topic.as_str(), partition)].into_iter().chain(others) {
        let (key, value, label, slot) = (Some(&b"nothing"[..]), None, Some(&label), 0);
        if let Err(error) = writer.touch(Sending { topic, partition, key, value, label, slot }) {
            return error.into();
        }
    }
    drop(writer);
    match next() {
        Ok(_) => TaskError::Again(why),
        Err(error) => error,
    }
}

/// The newest mark of a task, as of now.
pub(crate) fn last_mark<T: Transport>(
    transport: &T,
    topic: &str,
    partition: u16,
    generation: u32,
    task: TaskId,
) -> Result<Option<Mark>, TaskError> {
    last_word(transport, topic, partition, generation, task).map(|(mark, _)| mark)
}

/// How much of its input lies behind a task's mark: offsets, those of transactions' markers among them. `next` is the mark's place,
/// looked for where it is not known yet.
///
/// # Errors
/// The brokers do not tell.
#[cfg(feature = "kafka")]
pub(crate) fn waiting<T: Transport>(
    transport: &T,
    cluster: &Cluster,
    spec: &StageSpec,
    partition: u16,
    next: &mut Option<u64>,
) -> Result<u64, TaskError> {
    let (start, end) = transport.bounds(&cluster.topic(&spec.input), partition).map_err(of_transport)?;
    if next.is_none() {
        let (marks, task) = (cluster.marks(), TaskId { stage: spec.number, partition });
        let marks_partition = Mark::partition(task, transport.partitions(&marks).map_err(of_transport)?);
        let mark = last_mark(transport, &marks, marks_partition, cluster.generation, task)?;
        *next = Some(mark.map_or(start, |mark| mark.place.next));
    }
    Ok(end.saturating_sub(next.unwrap_or(start)))
}

/// As [`last_mark`], with the notice that lies behind it: why the task has stopped there.
pub(crate) fn last_word<T: Transport>(
    transport: &T,
    topic: &str,
    partition: u16,
    generation: u32,
    task: TaskId,
) -> Result<(Option<Mark>, Option<String>), TaskError> {
    let (start, end) = transport.bounds(topic, partition).map_err(of_transport)?;
    let (wanted, of_notice) = (Mark::key(generation, task), notice::key(generation, task));
    let mut behind = 4_096;
    loop {
        let from = end.saturating_sub(behind).max(start);
        let (mut last, mut notice): (Option<Vec<u8>>, _) = (None, None);
        let visit = &mut |received: Received<'_>| {
            if received.key == Some(&wanted) {
                (last, notice) = (received.value.map(<[u8]>::to_vec), None);
            } else if received.key == Some(&of_notice) {
                notice = received.value.map(notice::read);
            }
        };
        transport.read_to_end(topic, partition, from, visit).map_err(of_transport)?;
        match last {
            Some(bytes) => {
                let mark = Mark::decode(&bytes).map_err(|error| Stop::Poison { what: error.to_string() })?;
                return Ok((Some(mark), notice));
            }
            None if from == start => return Ok((None, notice)),
            None => behind *= 16,
        }
    }
}

/// Finds for each slot up to which number the task's records are visible.
pub(crate) fn tails<T: Transport>(
    transport: &T,
    channels: &Channels,
    origin: Origin,
    floors: &[Floor],
) -> Result<(Vec<Floor>, Vec<u64>), TaskError> {
    let mut found = Vec::with_capacity(floors.len());
    for (slot, floor) in floors.iter().enumerate() {
        let (topic, partition) = channels.target(slot);
        let (start, end) = transport.bounds(topic, partition).map_err(of_transport)?;
        let mut tail = Tail::from(*floor);
        let from = floor.offset.max(start);
        let mut reached = end;
        if from < end {
            tracing::debug!(?origin, topic, partition, from, end, "tail is read");
            let visit = &mut |received: Received<'_>| {
                if let Some(label) = received.label.filter(|label| label.origin == origin) {
                    tail.see(received.offset, label.number);
                }
            };
            reached = transport.read_to_end(topic, partition, from, visit).map_err(of_transport)?;
        }
        found.push((tail.floor(reached), tail.number));
    }
    Ok(found.into_iter().unzip())
}
