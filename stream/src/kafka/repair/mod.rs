//! The ways out for a task that must not go on by itself, see [`Stop`].
//!
//! [`examine`] changes nothing and disturbs nobody: it says what a task would do if it came up now, and what a repair
//! would do. [`fold`] goes the long way for a task whose state must be made anew, and changes nothing either. [`apply`]
//! takes the task over by its own writer, looks whether everything still is as it was examined, and then writes one mark.
//! After that the task comes up as ever.

mod archive;
mod compare;
mod fold;
mod way;

use std::sync::Arc;

pub use archive::{Archive, NoArchive};
pub use compare::{Counts, Difference, Differs};
pub use fold::{Folded, fold};
pub use way::Way;

use crate::kafka::book::{About, Floor};
use crate::kafka::ground::Ground;
use crate::kafka::home::{TaskIdentity, book_of};
use crate::kafka::recover::{Base, Tail};
use crate::kafka::task::of_transport;
use crate::kafka::{
    Approval, Book, Cause, DEAD, Frame, HOP, Incarnation, Mark, Origin, Place, Received, Seen, Sending, StageSpec,
    Stop, TaskError, Transport, Writer,
};
use crate::store::Store;
use way::Findings;

/// A task that is looked at, with all that is left of its states.
pub struct Patient<'a, I, O, T> {
    pub frame: &'a Frame<I, O, T>,
    pub partition: u16,
    /// Books of its stores and of its checkpoints.
    pub books: Vec<Book>,
    pub archive: Arc<dyn Archive>,
}

/// What a look at a task has told.
#[derive(Debug)]
pub struct Diagnosis {
    ground: Ground,
    /// Why the task would stop if it came up now.
    pub stop: Option<Stop>,
    pub way: Way,
}

impl Diagnosis {
    /// The newest mark.
    pub fn mark(&self) -> Option<&Mark> {
        self.ground.mark.as_ref()
    }

    /// Why the task has stopped, as it says itself, and has gone no further since. It may be something that shows on its way
    /// alone, or that a look from elsewhere cannot tell.
    pub fn notice(&self) -> Option<&str> {
        self.ground.notice.as_deref()
    }

    /// Outputs of the task can be seen, whether or not it has a mark.
    pub fn has_published(&self) -> bool {
        self.ground.visible.iter().any(|number| *number > 0)
    }
}

/// Looks where a task stands. With `again`, its state is to be folded again though it may have one to go on from: it
/// stopped as its outputs differed, which shows on the way alone.
///
/// # Errors
/// A topic cannot be read; [`Stop`] where the mark is of no use to this build.
pub fn examine<I, O, T: Transport>(patient: &Patient<'_, I, O, T>, again: bool) -> Result<Diagnosis, TaskError> {
    let Frame { cluster, spec, transport, .. } = patient.frame;
    let ground = patient.with_evidence(Ground::look(transport.as_ref(), cluster, spec, patient.partition)?)?;
    let books = patient.books.iter().map(|book| book.clone().reborn(ground.incarnations()));
    let bases: Vec<Base> = books.map(|book| Base { book }).collect();
    let stop = patient.stop(&ground, &bases)?;
    let (input, start) = (cluster.topic(&spec.input), ground.input_start);
    let findings = Findings {
        stop: stop.as_ref(),
        again,
        mark: ground.mark.as_ref(),
        visible: &ground.visible,
        input_start: start,
        archived: patient.archive.covers(&input, patient.partition, 0, start).map_err(of_transport)?,
    };
    let readable = match stop {
        Some(Stop::NoMark { .. }) => patient.readable(&ground, &bases)?,
        _ => Vec::new(),
    };
    let way = match findings.way(&readable, &bases) {
        // Only the input knows where.
        Way::Anchor { book, .. } => Way::Anchor { next: patient.first_not_taken(&book, start)?, book },
        way => way,
    };
    Ok(Diagnosis { ground, stop, way })
}

/// Takes the task over and does what was found; `folded` belongs to [`Way::FoldAgain`].
///
/// # Errors
/// The task has moved since it was examined, another owner takes it over, or it is not known whether the mark holds: it
/// is to be examined again. [`TaskError::Broken`] for a way that changes nothing.
pub fn apply<I, O, T: Transport>(
    patient: &Patient<'_, I, O, T>,
    diagnosis: &Diagnosis,
    folded: Option<Folded>,
    approval: &Approval,
) -> Result<(), TaskError> {
    let mut writer = patient.frame.writer(&patient.frame.transport, patient.partition)?;
    let ground = patient.look_again(&diagnosis.ground)?;
    let (book, floors) = match (&diagnosis.way, folded) {
        (Way::MarkAgain { book }, _) => (book.clone(), ground.floors),
        (Way::Anchor { book, next }, _) => {
            let opened = opened(&ground, Cause::Input, approval, Place { next: *next, slice: 0 })?;
            (book.clone().reborn(&opened), ground.floors)
        }
        (Way::FoldAgain, Some(folded)) => folded.publish(patient.frame, &ground, approval, &mut writer)?,
        _ => return Err(nothing_to_do()),
    };
    let Frame { cluster, spec, .. } = patient.frame;
    let about = About::of(cluster, spec, ground.channels);
    let mark = Mark::new(ground.task, &book, &floors, &about).encode();
    let (topic, key) = (cluster.marks(), Mark::key(cluster.generation, ground.task));
    let partitions = patient.frame.transport.partitions(&topic).map_err(of_transport)?;
    let (partition, slot) = (Mark::partition(ground.task, partitions), about.channels.len());
    let (topic, key, value) = (topic.as_str(), Some(key.as_slice()), Some(mark.as_slice()));
    writer.send(Sending { topic, partition, key, value, label: None, slot })?;
    Ok(writer.commit()?)
}

/// The incarnations of a task with the one that begins now.
fn opened(ground: &Ground, cause: Cause, approval: &Approval, at: Place) -> Result<Vec<Incarnation>, TaskError> {
    let mark = ground.mark.as_ref().ok_or_else(nothing_to_do)?;
    let (approval, from, hash) = (approval.clone(), mark.place, mark.hash);
    let mut incarnations = mark.incarnations.clone();
    incarnations.push(Incarnation { cause, approval, from, hash, at });
    Ok(incarnations)
}

fn nothing_to_do() -> TaskError {
    TaskError::Broken("there is nothing that a repair could do for this task".into())
}

/// The book in a store that is only looked at; `None` where it holds none.
///
/// # Errors
/// The store cannot be read; [`Stop::Foreign`] where it is another task's.
pub fn book_in(
    store: &dyn Store,
    cluster: &crate::kafka::Cluster,
    spec: &StageSpec,
    partition: u16,
) -> Result<Option<Book>, TaskError> {
    let asked = TaskIdentity::of(cluster, spec, partition);
    match book_of(store)? {
        Some((found, _)) if found != asked => {
            Err(Stop::Foreign { found: found.to_string(), asked: asked.to_string() }.into())
        }
        found => Ok(found.map(|(_, book)| book)),
    }
}

impl<I, O, T: Transport> Patient<'_, I, O, T> {
    /// Why the task would stop.
    fn stop(&self, ground: &Ground, bases: &[Base]) -> Result<Option<Stop>, TaskError> {
        let last = ground.mark.as_ref().and_then(|mark| mark.last);
        if let Some(last) = last.filter(|last| last.offset >= ground.input_start)
            && !self.still_holds(ground, Some(last))?
        {
            let what = format!("offset {} holds another record than the one that was read, or is gone", last.offset);
            return Ok(Some(Stop::InputDiffers { what }));
        }
        let ahead = bases.iter().map(|base| base.book.place).max().filter(|place| *place > Place::default());
        if let (None, Some(store)) = (&ground.mark, ahead) {
            return Ok(Some(Stop::NoMark { store }));
        }
        Ok(ground.decide(bases).err())
    }

    /// Whether the input can be read from a record on that was taken.
    fn still_holds(&self, ground: &Ground, seen: Option<Seen>) -> Result<bool, TaskError> {
        let Some(seen) = seen else { return Ok(true) };
        if seen.offset < ground.input_start || seen.offset >= ground.input_end {
            return Ok(false);
        }
        let mut found = None;
        self.read_input(seen.offset, &mut |received| {
            found.get_or_insert_with(|| (received.offset, self.frame.wires.seen(received)));
        })?;
        Ok(found == Some((seen.offset, seen.hash)))
    }

    /// Books behind whose last record the input goes on.
    fn readable<'b>(&self, ground: &Ground, bases: &'b [Base]) -> Result<Vec<&'b Book>, TaskError> {
        let mut readable = Vec::new();
        for base in bases {
            if self.still_holds(ground, base.book.last)? {
                readable.push(&base.book);
            }
        }
        Ok(readable)
    }

    /// Offset of the first record that a state has not taken, or the end.
    fn first_not_taken(&self, book: &Book, start: u64) -> Result<u64, TaskError> {
        let Frame { cluster, spec, .. } = self.frame;
        let is_taken = |origin: Origin, number: u64| {
            let is_upstream = origin.generation == cluster.generation && origin.task.stage == spec.upstream();
            let taken = book.inputs.get(&origin.task.partition);
            is_upstream && taken.is_some_and(|taken| number <= taken.number)
        };
        let mut first = None;
        let end = self.read_input(start, &mut |received| {
            if !received.label.is_some_and(|label| is_taken(label.origin, label.number)) {
                first.get_or_insert(received.offset);
            }
        })?;
        Ok(first.unwrap_or(end))
    }

    fn read_input(&self, from: u64, visit: &mut dyn FnMut(Received<'_>)) -> Result<u64, TaskError> {
        let Frame { cluster, spec, transport, .. } = self.frame;
        transport.read_to_end(&cluster.topic(&spec.input), self.partition, from, visit).map_err(of_transport)
    }

    /// The ground again, now that nobody else can move the task.
    fn look_again(&self, examined: &Ground) -> Result<Ground, TaskError> {
        let Frame { cluster, spec, transport, .. } = self.frame;
        let ground = self.with_evidence(Ground::look(transport.as_ref(), cluster, spec, self.partition)?)?;
        if ground.mark == examined.mark && ground.visible == examined.visible {
            return Ok(ground);
        }
        Err(TaskError::Again("the task is at work, or another repair was; look at it again".into()))
    }

    /// Without a mark nothing says where the tails begin: trimmed and compacted topics start in the middle.
    fn with_evidence(&self, ground: Ground) -> Result<Ground, TaskError> {
        if ground.mark.is_some() {
            return Ok(ground);
        }
        let Frame { cluster, transport, .. } = self.frame;
        let origin = Origin { generation: cluster.generation, task: ground.task };
        let (mut floors, mut visible) = (Vec::new(), Vec::new());
        for slot in 0..ground.channels.len() {
            let (topic, partition) = ground.channels.target(slot);
            let (start, _) = transport.bounds(topic, partition).map_err(of_transport)?;
            let mut evidence = Evidence::new(ground.channels.kind(slot), start);
            let visit = &mut |received: Received<'_>| {
                if let Some(label) = received.label.filter(|label| label.origin == origin) {
                    evidence.see(received.offset, label.number);
                }
            };
            let end = transport.read_to_end(topic, partition, start, visit).map_err(of_transport)?;
            visible.push(evidence.visible());
            floors.push(Floor { offset: end, number: evidence.visible() });
        }
        Ok(Ground { floors, visible, ..ground })
    }
}

/// Up to which number a task's records can be seen in a partition, told by what lies there alone.
struct Evidence {
    /// `None` until the first record of a topic that may start in the middle.
    tail: Option<Tail>,
    /// Compaction makes gaps, so there the last number stands for all in front of it.
    is_compacted: bool,
    highest: u64,
}

impl Evidence {
    fn new(output: u8, start: u64) -> Evidence {
        let whole = Tail::from(Floor::default());
        Evidence { tail: (start == 0).then_some(whole), is_compacted: output != HOP && output != DEAD, highest: 0 }
    }

    fn see(&mut self, offset: u64, number: u64) {
        // What was trimmed in front of the first was visible: nothing else is ever trimmed.
        let first = Floor { offset, number: number.saturating_sub(1) };
        self.tail.get_or_insert(Tail::from(first)).see(offset, number);
        self.highest = self.highest.max(number);
    }

    fn visible(&self) -> u64 {
        if self.is_compacted { self.highest } else { self.tail.map_or(0, |tail| tail.number) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visible(output: u8, start: u64, numbers: &[u64]) -> u64 {
        let mut evidence = Evidence::new(output, start);
        (start..).zip(numbers).for_each(|(offset, number)| evidence.see(offset, *number));
        evidence.visible()
    }

    #[test]
    fn what_can_be_seen_ends_at_a_gap_but_where_topics_are_compacted() {
        assert_eq!(visible(HOP, 0, &[1, 2, 3, 5]), 3);
        assert_eq!(visible(HOP, 0, &[4, 5]), 0, "the first ones were never there");
        assert_eq!(visible(HOP, 40, &[4, 5, 5, 6, 8]), 6, "the first ones were trimmed");
        assert_eq!(visible(HOP, 40, &[]), 0);
        assert_eq!(visible(DEAD, 0, &[2]), 0);
        assert_eq!(visible(3, 0, &[4, 7]), 7);
    }
}
