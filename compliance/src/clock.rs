//! Which day it is: what ticks have said, never the machine.

use contract::Day;
use stream::{Order, State, StorageError, Table};

/// Control number of each tick → the latest day that was reached. The same number in every stage.
const TICKS: Table<u64, i32> = Table::new(249, "ticks");

/// All ticks, oldest first. Time does not run backwards: a tick before the latest day changes nothing.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    ticks: Vec<(u64, Day)>,
}

impl Clock {
    pub fn resume(state: &mut dyn State) -> Result<Clock, StorageError> {
        let ticks = TICKS.range(state, &0, &u64::MAX, Order::Up, usize::MAX)?;
        Ok(Clock { ticks: ticks.into_iter().map(|(number, day)| (number, Day(day))).collect() })
    }

    pub fn tick(&mut self, number: u64, as_of: Day, state: &mut dyn State) -> Result<(), StorageError> {
        let reached = self.today().map_or(as_of, |today| today.max(as_of));
        self.ticks.push((number, reached));
        TICKS.put(state, &number, &reached.0)
    }

    /// The number of the open batch: everything up to the next tick, counted from 1.
    pub fn batch(&self) -> u64 {
        self.ticks.len() as u64 + 1
    }

    /// The latest day that a tick has named; `None` before the first.
    pub fn today(&self) -> Option<Day> {
        self.ticks.last().map(|(_, day)| *day)
    }

    /// Number of the last tick; zero before the first.
    pub fn last(&self) -> u64 {
        self.ticks.last().map_or(0, |(number, _)| *number)
    }

    /// The latest day that was reached when a record with this stamp came in; `None` before the first tick.
    pub fn as_of(&self, stamp: u64) -> Option<Day> {
        let passed = self.ticks.partition_point(|(number, _)| *number <= stamp);
        self.ticks[..passed].last().map(|(_, day)| *day)
    }

    /// Ticks at which a day was past, oldest first, each with the latest day by then.
    pub fn behind(&self, day: Day) -> impl Iterator<Item = (u64, Day)> {
        let at = self.ticks.partition_point(|(_, reached)| *reached <= day);
        self.ticks[at..].iter().copied()
    }

    /// The tick at which `day` was reached.
    pub fn reached(&self, day: Day) -> Option<u64> {
        let at = self.ticks.partition_point(|(_, reached)| *reached < day);
        self.ticks.get(at).map(|(number, _)| *number)
    }
}
