//! State in memory, for tests of stages and for simulation.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::{Entry, Order, State, StorageError, TableId};

/// Sorted maps; equal content compares equal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryState {
    /// None of them is empty.
    tables: BTreeMap<TableId, BTreeMap<Vec<u8>, Vec<u8>>>,
}

impl State for MemoryState {
    fn get(&mut self, table: TableId, key: &[u8]) -> Result<Option<&[u8]>, StorageError> {
        Ok(self.tables.get(&table).and_then(|entries| entries.get(key)).map(Vec::as_slice))
    }

    fn put(&mut self, table: TableId, key: &[u8], value: Vec<u8>) -> Result<(), StorageError> {
        self.tables.entry(table).or_default().insert(key.to_vec(), value);
        Ok(())
    }

    fn delete(&mut self, table: TableId, key: &[u8]) -> Result<(), StorageError> {
        if let Some(entries) = self.tables.get_mut(&table) {
            entries.remove(key);
            if entries.is_empty() {
                self.tables.remove(&table);
            }
        }
        Ok(())
    }

    fn append(&mut self, table: TableId, key: &[u8], bytes: &[u8]) -> Result<(), StorageError> {
        let entries = self.tables.entry(table).or_default();
        match entries.get_mut(key) {
            Some(value) => value.extend_from_slice(bytes),
            None => drop(entries.insert(key.to_vec(), bytes.to_vec())),
        }
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
        let Some(entries) = self.tables.get(&table).filter(|_| from < to) else { return Ok(Vec::new()) };
        let found = entries.range::<[u8], _>((Bound::Included(from), Bound::Excluded(to)));
        let entry = |(key, value): (&Vec<u8>, &Vec<u8>)| (key.clone(), value.clone());
        Ok(match order {
            Order::Up => found.take(limit).map(entry).collect(),
            Order::Down => found.rev().take(limit).map(entry).collect(),
        })
    }
}
