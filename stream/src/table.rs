//! Typed tables over [`State`].

use std::cell::RefCell;
use std::marker::PhantomData;

use serde::{Serialize, de::DeserializeOwned};

use crate::{Entry, Key, KeyReader, Order, State, StorageError, TableId, key::prefix_end};

/// A table with keys of `K` and values of `V`, encoded with postcard.
///
/// Declare it as a constant beside the stage that owns it.
pub struct Table<K, V> {
    id: TableId,
    name: &'static str,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K: Key, V: Serialize + DeserializeOwned> Table<K, V> {
    pub const fn new(id: u8, name: &'static str) -> Table<K, V> {
        Table { id: TableId(id), name, types: PhantomData }
    }

    pub fn id(&self) -> TableId {
        self.id
    }

    /// What [`crate::Stage::prefetch`] hands to the driver.
    pub fn wanted(&self, key: &K) -> (TableId, Vec<u8>) {
        (self.id, key.bytes())
    }

    pub fn get(&self, state: &mut dyn State, key: &K) -> Result<Option<V>, StorageError> {
        with_key(key, |key| match state.get(self.id, key)? {
            Some(bytes) => self.decode(bytes).map(Some),
            None => Ok(None),
        })
    }

    pub fn put(&self, state: &mut dyn State, key: &K, value: &V) -> Result<(), StorageError> {
        let bytes = encoded(value)
            .map_err(|error| StorageError::new(format!("value for table {} is not encodable: {error}", self.name)))?;
        with_key(key, |key| state.put(self.id, key, bytes))
    }

    pub fn delete(&self, state: &mut dyn State, key: &K) -> Result<(), StorageError> {
        with_key(key, |key| state.delete(self.id, key))
    }

    /// Entries in `[from, to)`, at most `limit`.
    pub fn range(
        &self,
        state: &mut dyn State,
        from: &K,
        to: &K,
        order: Order,
        limit: usize,
    ) -> Result<Vec<(K, V)>, StorageError> {
        self.decode_all(state.range(self.id, &from.bytes(), &to.bytes(), order, limit)?)
    }

    /// Entries whose key starts with the bytes of `prefix`, at most `limit`.
    pub fn prefix(
        &self,
        state: &mut dyn State,
        prefix: &impl Key,
        order: Order,
        limit: usize,
    ) -> Result<Vec<(K, V)>, StorageError> {
        let from = prefix.bytes();
        self.decode_all(state.range(self.id, &from, &prefix_end(&from), order, limit)?)
    }

    /// The first entries of the table.
    pub fn first(&self, state: &mut dyn State, limit: usize) -> Result<Vec<(K, V)>, StorageError> {
        self.decode_all(state.range(self.id, &[], &[0xff; 64], Order::Up, limit)?)
    }

    fn decode_all(&self, entries: Vec<Entry>) -> Result<Vec<(K, V)>, StorageError> {
        entries.iter().map(|(key, value)| Ok((K::read(&mut KeyReader(key))?, self.decode(value)?))).collect()
    }

    /// A stored value; an error names the table.
    pub fn decode(&self, bytes: &[u8]) -> Result<V, StorageError> {
        postcard::from_bytes(bytes)
            .map_err(|error| StorageError::new(format!("value in table {} is damaged: {error}", self.name)))
    }
}

thread_local! {
    /// Where keys and values are written first: a value is then kept without spare room, and a key costs no allocation.
    static ROOM: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A value larger than this does not keep its room.
const ROOM_BYTES_MAX: usize = 1 << 20;

fn with_key<R>(key: &impl Key, act: impl FnOnce(&[u8]) -> R) -> R {
    let mut room = ROOM.take();
    room.clear();
    key.write(&mut room);
    let result = act(&room);
    ROOM.set(room);
    result
}

fn encoded(value: &impl Serialize) -> Result<Vec<u8>, postcard::Error> {
    let mut room = ROOM.take();
    room.clear();
    let room = postcard::to_extend(value, room)?;
    let bytes = room.as_slice().to_vec();
    if room.capacity() <= ROOM_BYTES_MAX {
        ROOM.set(room);
    }
    Ok(bytes)
}
