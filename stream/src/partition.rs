//! State of one partition of one stage over a store.

use std::borrow::BorrowMut;
use std::cmp::Ordering;
use std::ops::Bound::{Excluded, Included};

use crate::overlay::Overlay;
use crate::store::{Column, Cursor, Store};
use crate::{Entry, Order, State, StorageError, TableId};

/// Keys looked up in one call of the store.
const KEYS_AT_ONCE: usize = 512;

/// How often the store was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// Keys named ahead that were in memory already.
    pub kept: u64,
    /// Keys fetched ahead.
    pub ahead: u64,
    /// Keys fetched one by one, because nobody had named them.
    pub single: u64,
    pub ranges: u64,
}

impl std::ops::AddAssign for Reads {
    fn add_assign(&mut self, other: Reads) {
        self.kept += other.kept;
        self.ahead += other.ahead;
        self.single += other.single;
        self.ranges += other.ranges;
    }
}

/// Reads through an overlay to the store; writes stay in the overlay.
///
/// Invariant: the store changes below only by commits of this very overlay's earlier epochs, which the overlay keeps
/// until it is told; so no snapshot is needed.
pub struct PartitionState<'a, O> {
    overlay: O,
    store: &'a dyn Store,
    cursor: Option<Box<dyn Cursor + 'a>>,
    key: Vec<u8>,
    reads: Reads,
}

impl<'a, O: BorrowMut<Overlay>> PartitionState<'a, O> {
    pub fn new(store: &'a dyn Store, overlay: O) -> PartitionState<'a, O> {
        PartitionState { overlay, store, cursor: None, key: Vec::with_capacity(64), reads: Reads::default() }
    }

    /// Fetches many keys at once. A key that the store does not have is remembered as missing.
    pub fn prefetch(&mut self, wanted: &mut Vec<(TableId, Vec<u8>)>) -> Result<(), StorageError> {
        let overlay: &mut Overlay = self.overlay.borrow_mut();
        let named = wanted.len();
        wanted.retain(|(table, key)| {
            let hash = overlay.hash(*table, key);
            overlay.find(hash, *table, key).is_none()
        });
        self.reads.kept += (named - wanted.len()) as u64;
        wanted.sort_unstable();
        wanted.dedup();
        self.reads.ahead += wanted.len() as u64;
        let mut wanted = wanted.drain(..).peekable();
        while wanted.peek().is_some() {
            self.fetch(wanted.by_ref().take(KEYS_AT_ONCE).collect())?;
        }
        Ok(())
    }

    pub fn reads(&self) -> Reads {
        self.reads
    }

    fn fetch(&mut self, wanted: Vec<(TableId, Vec<u8>)>) -> Result<(), StorageError> {
        let overlay: &mut Overlay = self.overlay.borrow_mut();
        let mut bytes = Vec::with_capacity(wanted.len() * 48);
        let mut ends = Vec::with_capacity(wanted.len());
        for (table, key) in &wanted {
            overlay.store_key(*table, key, &mut self.key);
            bytes.extend_from_slice(&self.key);
            ends.push(bytes.len());
        }
        let mut start = 0;
        let keys: Vec<&[u8]> = ends.iter().map(|end| &bytes[std::mem::replace(&mut start, *end)..*end]).collect();
        let mut wanted = wanted.into_iter();
        self.store.get_many(Column::State, &keys, &mut |_, value| {
            let (table, key) = wanted.next().expect("as many answers as keys");
            let hash = overlay.hash(table, &key);
            overlay.insert_clean(hash, table, key.into_boxed_slice(), value.map(<[u8]>::to_vec));
        })
    }

    /// The slot of a key with its newest value.
    fn load(&mut self, table: TableId, key: &[u8]) -> Result<u32, StorageError> {
        let overlay: &mut Overlay = self.overlay.borrow_mut();
        let hash = overlay.hash(table, key);
        if let Some(slot) = overlay.find(hash, table, key) {
            return Ok(slot);
        }
        self.reads.single += 1;
        overlay.store_key(table, key, &mut self.key);
        let value = self.store.get(Column::State, &self.key)?;
        Ok(overlay.insert_clean(hash, table, key.into(), value))
    }

    fn set(&mut self, table: TableId, key: &[u8], value: Option<Vec<u8>>) {
        let overlay: &mut Overlay = self.overlay.borrow_mut();
        let hash = overlay.hash(table, key);
        let slot = match overlay.find(hash, table, key) {
            Some(slot) => slot,
            None => overlay.insert_blind(hash, table, key),
        };
        overlay.set(slot, value);
    }
}

impl<O: BorrowMut<Overlay>> State for PartitionState<'_, O> {
    fn get(&mut self, table: TableId, key: &[u8]) -> Result<Option<&[u8]>, StorageError> {
        let slot = self.load(table, key)?;
        Ok(self.overlay.borrow().value(slot))
    }

    fn put(&mut self, table: TableId, key: &[u8], value: Vec<u8>) -> Result<(), StorageError> {
        self.set(table, key, Some(value));
        Ok(())
    }

    fn delete(&mut self, table: TableId, key: &[u8]) -> Result<(), StorageError> {
        self.set(table, key, None);
        Ok(())
    }

    fn append(&mut self, table: TableId, key: &[u8], bytes: &[u8]) -> Result<(), StorageError> {
        let slot = self.load(table, key)?;
        self.overlay.borrow_mut().append(slot, bytes);
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
        if from >= to || limit == 0 {
            return Ok(Vec::new());
        }
        self.reads.ranges += 1;
        let overlay: &mut Overlay = self.overlay.borrow_mut();
        let cursor = self.cursor.get_or_insert_with(|| self.store.cursor(Column::State));
        let mut low = Vec::new();
        overlay.store_key(table, from, &mut low);
        overlay.store_key(table, to, &mut self.key);
        let mut stored = Stored { cursor: cursor.as_mut(), low: &low, high: &self.key, order };
        stored.start()?;
        let place = overlay.ordered(table);
        let overlay: &Overlay = overlay;
        let keys = overlay.ordered_keys(place).range::<[u8], _>((Included(from), Excluded(to)));
        let fresh = keys.map(|(key, slot)| (&**key, overlay.value(*slot)));
        match order {
            Order::Up => merge(fresh, &mut stored, limit),
            Order::Down => merge(fresh.rev(), &mut stored, limit),
        }
    }
}

/// The part of a range that lies in the store.
struct Stored<'c, 's> {
    cursor: &'c mut (dyn Cursor + 's),
    low: &'c [u8],
    high: &'c [u8],
    order: Order,
}

/// Bytes in front of a stage's key in the state column.
const HEAD: usize = 4;

impl Stored<'_, '_> {
    fn start(&mut self) -> Result<(), StorageError> {
        match self.order {
            Order::Up => self.cursor.seek(self.low),
            Order::Down => self.cursor.seek_before(self.high),
        }
    }

    fn step(&mut self) -> Result<(), StorageError> {
        match self.order {
            Order::Up => self.cursor.next(),
            Order::Down => self.cursor.previous(),
        }
    }

    fn entry(&self) -> Option<(&[u8], &[u8])> {
        let (key, value) = self.cursor.entry()?;
        (key >= self.low && key < self.high).then(|| (&key[HEAD..], value))
    }
}

/// Both in the same order; what the overlay says of a key goes before the store.
fn merge<'o>(
    fresh: impl Iterator<Item = (&'o [u8], Option<&'o [u8]>)>,
    stored: &mut Stored<'_, '_>,
    limit: usize,
) -> Result<Vec<Entry>, StorageError> {
    let mut fresh = fresh.peekable();
    let mut found: Vec<Entry> = Vec::new();
    while found.len() < limit {
        let side = match (fresh.peek(), stored.entry()) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((key, _)), Some((other, _))) if stored.order == Order::Up => (*key).cmp(other),
            (Some((key, _)), Some((other, _))) => other.cmp(key),
        };
        if side == Ordering::Greater {
            let (key, value) = stored.entry().expect("just seen");
            found.push((key.to_vec(), value.to_vec()));
            stored.step()?;
            continue;
        }
        if side == Ordering::Equal {
            stored.step()?;
        }
        if let Some((key, Some(value))) = fresh.next() {
            found.push((key.to_vec(), value.to_vec()));
        }
    }
    Ok(found)
}
