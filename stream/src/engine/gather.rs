//! Cuts the input into epochs.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::engine::graph::Gathered;
use crate::engine::node::ControlPoint;
use crate::engine::tag::{Run, Tag, Tagged};
use crate::{Feed, Position, Source, SourceError};

/// Takes records from a source until an epoch is full.
pub(crate) struct Gather<'a, T, S> {
    source: S,
    stop: &'a AtomicBool,
    partitions: u16,
    epoch_cost: u64,
    position: Position,
    control: u64,
    ending: Option<Ending>,
    types: std::marker::PhantomData<fn() -> T>,
}

/// Why a run came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The source has no more.
    Exhausted,
    /// The stop flag was set.
    Stopped,
}

/// An epoch in the making.
struct Filling<T> {
    runs: Vec<Vec<Tagged<T>>>,
    records: u64,
    cost: u64,
    control: Option<ControlPoint>,
}

impl<'a, T: Send + 'static, S: Source<T>> Gather<'a, T, S> {
    /// Continues behind `position`, where the number of the last control was `control`.
    pub fn new(
        source: S,
        stop: &'a AtomicBool,
        partitions: u16,
        epoch_cost: u64,
        (position, control): (Position, u64),
    ) -> Gather<'a, T, S> {
        let types = std::marker::PhantomData;
        Gather { source, stop, partitions, epoch_cost, position, control, ending: None, types }
    }

    /// How the input ended, once it has.
    pub fn ending(&self) -> Option<Ending> {
        self.ending
    }

    /// The next epoch; `None` when there is none now, and behind the last, when [`Gather::ending`] tells so.
    pub fn next(&mut self) -> Result<Option<Gathered>, SourceError> {
        let runs = (0..self.partitions).map(|_| Vec::new()).collect();
        let mut filling = Filling { runs, records: 0, cost: 0, control: None };
        while self.ending.is_none() && filling.cost < self.epoch_cost && filling.control.is_none() {
            if self.stop.load(Ordering::Relaxed) {
                self.ending = Some(Ending::Stopped);
                break;
            }
            match self.source.next()? {
                Feed::Flush => break,
                Feed::End => self.ending = Some(Ending::Exhausted),
                Feed::Record { position, stamp, key, cost, item } => {
                    self.advance(position)?;
                    filling.add(key, Tagged { tag: Tag::record(position), stamp, item }, cost);
                }
                Feed::Control { entry, number, payload } => {
                    self.advance(Position { entry, index: Position::CONTROL })?;
                    self.count(number)?;
                    filling.control = Some(ControlPoint { entry, number, payload });
                }
            }
        }
        Ok(self.gathered(filling))
    }

    fn gathered(&self, filling: Filling<T>) -> Option<Gathered> {
        if filling.records == 0 && filling.control.is_none() {
            return None;
        }
        let Filling { runs, records, cost, control } = filling;
        let runs = runs.into_iter().map(|run| Box::new(run) as Run).collect();
        Some(Gathered { runs, control, position: self.position, records, cost })
    }

    fn advance(&mut self, to: Position) -> Result<(), SourceError> {
        if to <= self.position {
            return Err(SourceError::Damaged(format!("position {to:?} does not lie behind {:?}", self.position)));
        }
        self.position = to;
        Ok(())
    }

    fn count(&mut self, number: u64) -> Result<(), SourceError> {
        if number != self.control + 1 {
            return Err(SourceError::Damaged(format!("control {number} does not follow control {}", self.control)));
        }
        self.control = number;
        Ok(())
    }
}

impl<T> Filling<T> {
    fn add(&mut self, key: u64, tagged: Tagged<T>, cost: u32) {
        let partition = (key % self.runs.len() as u64) as usize;
        self.runs[partition].push(tagged);
        self.records += 1;
        // Also an item without rows takes room.
        self.cost += u64::from(cost.max(1));
    }
}
