//! A task's state, folded again from the start of its input.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::kafka::book::Floor;
use crate::kafka::ground::Ground;
use crate::kafka::home::{self, Home};
use crate::kafka::repair::archive::Retold;
use crate::kafka::repair::compare::{Comparison, Counts, Difference, Outcome};
use crate::kafka::repair::{Diagnosis, Patient, nothing_to_do, opened};
use crate::kafka::work::{Output, Outputs};
use crate::kafka::{
    Approval, Batch, Book, Cause, CommitError, DEAD, Frame, HOP, Kind, Mark, Origin, Sending, Silent, Stop, Task,
    TaskError, TaskOptions, Transport, Writer,
};
use crate::store::{Changes, Store};
use crate::{Stage, kafka::Seen};

/// How long a step waits for records.
const STEP: Duration = Duration::from_millis(100);
/// Steps in a row that lead nowhere, after which the input is taken to end.
const IDLE_STEPS: u32 = 300;

/// A state at the mark, made by this build.
pub struct Folded {
    home: Box<dyn Home>,
    store: Arc<dyn Store>,
    book: Book,
    outcome: Outcome,
    /// The mark says the same: what was published is what this build publishes.
    pub is_same: bool,
}

/// Folds the state of a task again with this build, from the start of the archive to the mark. `home` is where the state
/// is made; its checkpoints are those of the task.
///
/// # Errors
/// The input cannot be read up to the mark, or the stage cannot go on.
pub fn fold<S: Stage, T: Transport>(
    patient: &Patient<'_, S::In, S::Out, T>,
    diagnosis: &Diagnosis,
    stage: S,
    home: Box<dyn Home>,
) -> Result<Folded, TaskError> {
    let ground = &diagnosis.ground;
    let mark = ground.mark.as_ref().ok_or_else(nothing_to_do)?;
    let comparison = Arc::new(Mutex::new(Comparison::read(patient, ground)?));
    let frame = retold(patient, &comparison);
    let mut task = Task::fold_again(&frame, patient.partition, stage, home, ground.clone())?;
    let mut idle = 0;
    while !task.is_caught_up() {
        let before = task.book().place;
        task.step(STEP)?;
        idle = if task.book().place == before { idle + 1 } else { 0 };
        if idle > IDLE_STEPS {
            let what = format!("the input ends at {:?}, the mark stands at {:?}", task.book().place, mark.place);
            return Err(TaskError::Again(what));
        }
    }
    task.finish()?;
    let (home, store, book) = task.into_state();
    drop(frame);
    check(&book, mark.last, mark)?;
    let is_same = (book.place, book.hash, &book.numbers) == (mark.place, mark.hash, &ground.numbers);
    let comparison = Arc::into_inner(comparison).expect("the task and its frame are gone");
    let outcome = comparison.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).finish();
    Ok(Folded { home, store, book, outcome, is_same })
}

/// The frame of a task that publishes nothing.
fn retold<I, O, T: Transport>(
    patient: &Patient<'_, I, O, T>,
    comparison: &Arc<Mutex<Comparison>>,
) -> Frame<I, O, Retold<T>> {
    let Frame { cluster, spec, wires, options, transport, .. } = patient.frame;
    let (inner, archive) = (Arc::clone(transport), Arc::clone(&patient.archive));
    // Nothing that is made on the way may take the place of a checkpoint.
    let options = TaskOptions { checkpoint_interval: Duration::MAX, ..(**options).clone() };
    Frame {
        cluster: Arc::clone(cluster),
        spec: Arc::clone(spec),
        wires: wires.clone(),
        options: Arc::new(options),
        transport: Arc::new(Retold { inner, archive, comparison: Arc::clone(comparison) }),
        observer: Arc::new(Silent),
    }
}

/// The fold has taken what the mark's has taken, and is done with the same controls.
fn check(book: &Book, last: Option<Seen>, mark: &Mark) -> Result<(), TaskError> {
    if book.last != last {
        let what = format!("record in front of {:?} is another one in the archive or the topic", mark.place);
        return Err(Stop::InputDiffers { what }.into());
    }
    if book.complete != mark.complete {
        let what =
            format!("control {} is complete at the mark, for this build control {}", mark.complete, book.complete);
        return Err(Stop::OutputDiffers { what }.into());
    }
    Ok(())
}

impl Folded {
    pub fn counts(&self) -> Counts {
        self.outcome.counts
    }

    /// Records to other stages, and dead letters, that differ: by topic, partition and number.
    pub fn differences(&self) -> &[Difference] {
        &self.outcome.differences
    }

    /// Keeps the state as a checkpoint, then sends what nobody can see and what corrects the views; returns the book
    /// and the floors for the mark.
    pub(super) fn publish<I, O, T: Transport>(
        mut self,
        frame: &Frame<I, O, T>,
        ground: &Ground,
        approval: &Approval,
        writer: &mut T::Writer,
    ) -> Result<(Book, Vec<Floor>), TaskError> {
        let mut floors = ground.floors.clone();
        if self.is_same {
            self.keep(&self.book.clone())?;
            self.send_missing(ground, writer, |_, _| true)?;
            return Ok((self.book, floors));
        }
        let incarnations = opened(ground, Cause::Output, approval, self.book.place)?;
        let hash = incarnations.last().map_or(self.book.hash, |opened| opened.hash);
        let numbers = self.outcome.numbers.clone();
        let begun = Book { incarnations, hash, numbers: numbers.clone(), ..self.book.clone() };
        let book = self.correct(frame, ground, begun.clone(), Unsent)?;
        self.keep(&book)?;
        let is_numbered = |slot| matches!(ground.channels.kind(slot), HOP | DEAD);
        self.send_missing(ground, writer, |slot, number| is_numbered(slot) && number <= numbers[slot])?;
        self.correct(frame, ground, begun, writer)?;
        for (slot, floor) in floors.iter_mut().enumerate().filter(|(slot, _)| !is_numbered(*slot)) {
            floor.number = numbers[slot];
        }
        Ok((book, floors))
    }

    fn keep(&mut self, book: &Book) -> Result<(), TaskError> {
        home::apply(self.store.as_ref(), &Changes::default(), book)?;
        let kept = self.home.checkpoint(&self.store, book).wait()?;
        kept.map(|_| ()).ok_or_else(|| TaskError::Broken("there is no place for the checkpoint".into()))
    }

    fn send_missing(
        &self,
        ground: &Ground,
        writer: &mut impl Writer,
        is_wanted: impl Fn(usize, u64) -> bool,
    ) -> Result<(), TaskError> {
        for missing in self.outcome.missing.iter().filter(|missing| is_wanted(missing.slot, missing.label.number)) {
            let (topic, partition) = ground.channels.target(missing.slot);
            let (key, value, label) = (missing.key.as_deref(), missing.value.as_deref(), Some(&missing.label));
            writer.send(Sending { topic, partition, key, value, label, slot: missing.slot })?;
        }
        Ok(())
    }

    /// Publishes what the views should say; returns the book behind that.
    fn correct<I, O, T>(
        &self,
        frame: &Frame<I, O, T>,
        ground: &Ground,
        mut book: Book,
        writer: impl Writer,
    ) -> Result<Book, TaskError> {
        let origin = Origin { generation: frame.cluster.generation, task: ground.task };
        let (channels, visible) = (ground.channels.clone(), book.numbers.clone());
        let mut outputs = Outputs { origin, writer, channels, visible, open: None, batch: Batch::default() };
        for correction in &self.outcome.corrections {
            let (stamp, key, value) = (correction.stamp, Some(correction.key.as_slice()), correction.value.as_deref());
            let out = Output { stamp, kind: Kind::Data, key, value, frame: frame.wires.views.frame() };
            outputs.put(&mut book, correction.slot, out)?;
        }
        Ok(book)
    }
}

/// Where corrections go that are only counted.
struct Unsent;

impl Writer for Unsent {
    fn send(&mut self, _record: Sending<'_>) -> Result<(), CommitError> {
        Ok(())
    }

    fn commit(&mut self) -> Result<(), CommitError> {
        Ok(())
    }

    fn delivered(&self, _slot: usize) -> Option<u64> {
        None
    }

    fn is_well(&mut self) -> Result<(), CommitError> {
        Ok(())
    }

    fn touch(&mut self, _record: Sending<'_>) -> Result<(), CommitError> {
        Ok(())
    }
}
