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

/// Puts a record aside that stands in front of control `control`, or is stamped with it.
pub fn hold(state: &mut dyn State, control: u64, label: &Label, value: Vec<u8>) -> Result<(), StorageError> {
    let (class, rank): (u8, &[u8]) = match &label.kind {
        Kind::AtControl(rank) => (AT, rank.bytes()),
        _ => (BEHIND, &[]),
    };
    let mut key = head(control, class);
    key.extend_from_slice(rank);
    key.extend_from_slice(&label.origin.task.partition.to_be_bytes());
    key.extend_from_slice(&label.number.to_be_bytes());
    state.put(HELD, &key, value)
}

/// The first records that wait in front of a control.
pub fn in_front_of(state: &mut dyn State, control: u64, limit: usize) -> Result<Vec<Held>, StorageError> {
    some(state, control, AT, limit)
}

/// The first records that are stamped with a control and wait for it.
pub fn behind(state: &mut dyn State, control: u64, limit: usize) -> Result<Vec<Held>, StorageError> {
    some(state, control, BEHIND, limit)
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

fn some(state: &mut dyn State, control: u64, class: u8, limit: usize) -> Result<Vec<Held>, StorageError> {
    let (from, to) = (head(control, class), head(control, class + 1));
    let entries = state.range(HELD, &from, &to, crate::Order::Up, limit)?;
    entries.into_iter().map(|(key, value)| opened(control, class, key, value)).collect()
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

    #[test]
    fn records_come_back_by_control_then_rank_then_writer_then_number() {
        let mut state = MemoryState::default();
        let mut put = |control, partition, number, kind| {
            let origin = Origin { generation: 1, task: TaskId { stage: 0, partition } };
            let label = Label { origin, number, stamp: 0, kind };
            hold(&mut state, control, &label, vec![partition as u8, number as u8]).unwrap();
        };
        put(4, 1, 1, Kind::Data);
        put(4, 0, 300, Kind::Data);
        put(4, 0, 20, Kind::Data);
        put(4, 1, 2, Kind::AtControl(Rank::of(0, 5).then(1)));
        put(4, 0, 9, Kind::AtControl(Rank::of(0, 6).then(1)));
        put(5, 0, 7, Kind::AtControl(Rank::of(0, 1).then(1)));
        let values = |held: Vec<Held>| held.into_iter().map(|held| held.value).collect::<Vec<_>>();
        assert_eq!(values(in_front_of(&mut state, 4, 9).unwrap()), [[1, 2], [0, 9]]);
        assert_eq!(values(behind(&mut state, 4, 9).unwrap()), [[0, 20], [0, 44], [1, 1]]);
        let held = in_front_of(&mut state, 5, 9).unwrap();
        assert_eq!((held[0].stamp, &held[0].kind), (4, &Kind::AtControl(Rank::of(0, 1).then(1))));
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
