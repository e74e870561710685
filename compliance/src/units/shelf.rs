//! Values of one table while one event is worked on: each is read once and written once.

use serde::{Serialize, de::DeserializeOwned};
use stream::{Key, State, StorageError, Table};

use super::facts::{Life, Year};

/// What has been read of a table and what of it has changed.
pub struct Shelf<K: 'static, V: 'static> {
    table: &'static Table<K, V>,
    kept: Vec<Slot<K, V>>,
}

struct Slot<K, V> {
    key: K,
    value: V,
    stored: bool,
    changed: bool,
}

/// A value that says nothing and so is not stored.
pub trait Blank: Default {
    fn is_blank(&self) -> bool;
}

impl<T> Blank for Vec<T> {
    fn is_blank(&self) -> bool {
        self.is_empty()
    }
}

impl Blank for Year {
    fn is_blank(&self) -> bool {
        *self == Year::default()
    }
}

impl Blank for Life {
    fn is_blank(&self) -> bool {
        self.is_empty()
    }
}

impl<K: Key + PartialEq, V: Blank + Serialize + DeserializeOwned> Shelf<K, V> {
    pub fn new(table: &'static Table<K, V>) -> Shelf<K, V> {
        Shelf { table, kept: Vec::new() }
    }

    pub fn get(&mut self, state: &mut dyn State, key: K) -> Result<&V, StorageError> {
        let at = self.find(state, key)?;
        Ok(&self.kept[at].value)
    }

    pub fn edit(&mut self, state: &mut dyn State, key: K) -> Result<&mut V, StorageError> {
        let at = self.find(state, key)?;
        self.kept[at].changed = true;
        Ok(&mut self.kept[at].value)
    }

    /// Writes what has changed and forgets everything.
    pub fn put_away(&mut self, state: &mut dyn State) -> Result<(), StorageError> {
        for slot in self.kept.drain(..).filter(|s| s.changed) {
            if !slot.value.is_blank() {
                self.table.put(state, &slot.key, &slot.value)?;
            } else if slot.stored {
                self.table.delete(state, &slot.key)?;
            }
        }
        Ok(())
    }

    fn find(&mut self, state: &mut dyn State, key: K) -> Result<usize, StorageError> {
        if let Some(at) = self.kept.iter().position(|slot| slot.key == key) {
            return Ok(at);
        }
        let value = self.table.get(state, &key)?;
        let stored = value.is_some();
        self.kept.push(Slot { key, value: value.unwrap_or_default(), stored, changed: false });
        Ok(self.kept.len() - 1)
    }
}
