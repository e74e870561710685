//! State in memory, for tests of stages and for simulation.

use std::collections::BTreeMap;

use crate::{Entry, Order, State, StorageError, TableId};

/// A sorted map; equal content compares equal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryState {
    entries: BTreeMap<(TableId, Vec<u8>), Vec<u8>>,
}

impl State for MemoryState {
    fn get(&mut self, table: TableId, key: &[u8]) -> Result<Option<&[u8]>, StorageError> {
        Ok(self.entries.get(&(table, key.to_vec())).map(Vec::as_slice))
    }

    fn put(&mut self, table: TableId, key: &[u8], value: Vec<u8>) -> Result<(), StorageError> {
        self.entries.insert((table, key.to_vec()), value);
        Ok(())
    }

    fn delete(&mut self, table: TableId, key: &[u8]) -> Result<(), StorageError> {
        self.entries.remove(&(table, key.to_vec()));
        Ok(())
    }

    fn append(&mut self, table: TableId, key: &[u8], bytes: &[u8]) -> Result<(), StorageError> {
        self.entries.entry((table, key.to_vec())).or_default().extend_from_slice(bytes);
        Ok(())
    }

    fn range(
        &mut self,
        table: TableId,
        from: &[u8],
        to: &[u8],
        order: Order,
        limit: usize,
    ) -> Result<Vec<Entry>, StorageError> {
        if from >= to {
            return Ok(Vec::new());
        }
        let found = self.entries.range((table, from.to_vec())..(table, to.to_vec()));
        let entry = |((_, key), value): (&(TableId, Vec<u8>), &Vec<u8>)| (key.clone(), value.clone());
        Ok(match order {
            Order::Up => found.take(limit).map(entry).collect(),
            Order::Down => found.rev().take(limit).map(entry).collect(),
        })
    }
}
