//! Records that wait until a control is complete, in a table of the task's own state.
//!
//! Key: control u64, class u8, for outputs at the control their rank, partition of the writer u16, number u64.

use crate::kafka::{Kind, Label, Rank};
use crate::{State, StorageError, TableId};

/// Reserved: no stage has a table of this number.
pub const HELD: TableId = TableId(255);

/// In front of the control: what it caused in stages above.
const AT: u8 = 0;
/// The control itself.
const CONTROL: u8 = 1;
/// Behind the control: what is stamped with it.
const BEHIND: u8 = 2;

/// Bytes behind the rank.
const TAIL: usize = 10;
/// Bytes in front of the rank.
const HEAD: usize = 9;

/// A record that was put aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub key: Vec<u8>,
    /// [`Kind::Data`] or [`Kind::AtControl`].
    pub kind: Kind,
    pub stamp: u64,
    pub value: Vec<u8>,
}

/// The records that wait, in the order in which they are taken up.
///
/// A store keeps traces of what was deleted for a while, and whoever looks for the first record from the start of the table
/// goes through those of all that were taken up. So it is remembered where the first one may stand, as long as the task is open.
#[derive(Debug, Default)]
pub struct Queue {
    front: Vec<u8>,
}

impl Queue {
    /// Puts a record aside that stands in front of control `control`, or is stamped with it.
    pub fn put(
        &mut self,
        control: u64,
        label: &Label,
        value: Vec<u8>,
        state: &mut dyn State,
    ) -> Result<(), StorageError> {
        let (class, rank): (u8, &[u8]) = match &label.kind {
            Kind::AtControl(rank) => (AT, rank.bytes()),
            _ => (BEHIND, &[]),
        };
        let mut key = head(control, class);
        key.extend_from_slice(rank);
        key.extend_from_slice(&label.origin.task.partition.to_be_bytes());
        key.extend_from_slice(&label.number.to_be_bytes());
        if key < self.front {
            self.front.clone_from(&key);
        }
        state.put(HELD, &key, value)
    }

    /// The first records that wait in front of a control.
    pub fn in_front_of(&self, control: u64, limit: usize, state: &mut dyn State) -> Result<Vec<Held>, StorageError> {
        self.some(control, AT, limit, state)
    }

    /// The first records that are stamped with a control and wait for it.
    pub fn behind(&self, control: u64, limit: usize, state: &mut dyn State) -> Result<Vec<Held>, StorageError> {
        self.some(control, BEHIND, limit, state)
    }

    /// Takes up the first record that waits.
    pub fn take(&mut self, first: &Held, state: &mut dyn State) -> Result<(), StorageError> {
        self.front.clone_from(&first.key);
        state.delete(HELD, &first.key)
    }

    fn some(&self, control: u64, class: u8, limit: usize, state: &mut dyn State) -> Result<Vec<Held>, StorageError> {
        let (from, to) = (head(control, class).max(self.front.clone()), head(control, class + 1));
        if from >= to {
            return Ok(Vec::new());
        }
        let entries = state.range(HELD, &from, &to, crate::Order::Up, limit)?;
        entries.into_iter().map(|(key, value)| opened(control, class, key, value)).collect()
    }
}

/// Remembers a control until it is complete. `false` when another writer sent another one under its number.
pub fn remember(state: &mut dyn State, control: u64, payload: &[u8]) -> Result<bool, StorageError> {
    let key = head(control, CONTROL);
    if let Some(known) = state.get(HELD, &key)? {
        return Ok(known == payload);
    }
    state.put(HELD, &key, payload.to_vec())?;
    Ok(true)
}

/// A control that is complete.
pub fn recall(state: &mut dyn State, control: u64) -> Result<Vec<u8>, StorageError> {
    let payload = state.get(HELD, &head(control, CONTROL))?.map(<[u8]>::to_vec);
    payload.ok_or_else(|| StorageError::new(format!("control {control} is complete and not kept")))
}

/// Lets go of a control.
pub fn forget(state: &mut dyn State, control: u64) -> Result<(), StorageError> {
    state.delete(HELD, &head(control, CONTROL))
}

fn opened(control: u64, class: u8, key: Vec<u8>, value: Vec<u8>) -> Result<Held, StorageError> {
    if key.len() < HEAD + TAIL {
        return Err(StorageError::new("key of a record that waits is damaged"));
    }
    let rank = &key[HEAD..key.len() - TAIL];
    let (kind, stamp) = match class {
        AT => (Kind::AtControl(Rank::from_bytes(rank)), control - 1),
        _ => (Kind::Data, control),
    };
    Ok(Held { key, kind, stamp, value })
}

fn head(control: u64, class: u8) -> Vec<u8> {
    let mut key = control.to_be_bytes().to_vec();
    key.push(class);
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryState;
    use crate::kafka::{Origin, TaskId};

    /// Puts a record of a writer's partition and number aside, whose value says both.
    fn put(queue: &mut Queue, state: &mut MemoryState, control: u64, (partition, number): (u16, u64), kind: Kind) {
        let origin = Origin { generation: 1, task: TaskId { stage: 0, partition } };
        let label = Label { origin, number, stamp: 0, kind };
        queue.put(control, &label, vec![partition as u8, number as u8], state).unwrap();
    }

    #[test]
    fn records_come_back_by_control_then_rank_then_writer_then_number() {
        let (mut state, mut queue) = (MemoryState::default(), Queue::default());
        let mut put =
            |control, partition, number, kind| put(&mut queue, &mut state, control, (partition, number), kind);
        put(4, 1, 1, Kind::Data);
        put(4, 0, 300, Kind::Data);
        put(4, 0, 20, Kind::Data);
        put(4, 1, 2, Kind::AtControl(Rank::of(0, 5).then(1)));
        put(4, 0, 9, Kind::AtControl(Rank::of(0, 6).then(1)));
        put(5, 0, 7, Kind::AtControl(Rank::of(0, 1).then(1)));
        let values = |held: Vec<Held>| held.into_iter().map(|held| held.value).collect::<Vec<_>>();
        assert_eq!(values(queue.in_front_of(4, 9, &mut state).unwrap()), [[1, 2], [0, 9]]);
        assert_eq!(values(queue.behind(4, 9, &mut state).unwrap()), [[0, 20], [0, 44], [1, 1]]);
        let held = queue.in_front_of(5, 9, &mut state).unwrap();
        assert_eq!((held[0].stamp, &held[0].kind), (4, &Kind::AtControl(Rank::of(0, 1).then(1))));
    }

    #[test]
    fn one_that_comes_in_front_of_those_that_were_taken_up_is_the_first() {
        let (mut state, mut queue) = (MemoryState::default(), Queue::default());
        for number in [5, 6, 7] {
            put(&mut queue, &mut state, 4, (1, number), Kind::Data);
        }
        let take = |queue: &mut Queue, state: &mut MemoryState| {
            let first = queue.behind(4, 1, state).unwrap().remove(0);
            queue.take(&first, state).unwrap();
            (first.value[0], first.value[1])
        };
        assert_eq!([(); 2].map(|()| take(&mut queue, &mut state)), [(1, 5), (1, 6)]);
        put(&mut queue, &mut state, 4, (0, 9), Kind::Data);
        put(&mut queue, &mut state, 5, (0, 3), Kind::Data);
        assert_eq!([(); 2].map(|()| take(&mut queue, &mut state)), [(0, 9), (1, 7)]);
        assert!(queue.behind(4, 9, &mut state).unwrap().is_empty());
        // One that opens the task again knows nothing of that.
        for queue in [&queue, &Queue::default()] {
            assert_eq!(queue.behind(5, 9, &mut state).unwrap()[0].value, [0, 3]);
        }
    }

    #[test]
    fn a_control_is_the_same_from_every_writer() {
        let mut state = MemoryState::default();
        assert!(remember(&mut state, 3, b"tick").unwrap());
        assert!(remember(&mut state, 3, b"tick").unwrap());
        assert!(!remember(&mut state, 3, b"tock").unwrap());
        assert_eq!(recall(&mut state, 3).unwrap(), b"tick");
        forget(&mut state, 3).unwrap();
        assert!(recall(&mut state, 3).is_err());
    }
}
