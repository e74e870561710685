//! What one partition of a stage knows above the store: changes not yet durable, and a bounded cache of the rest.

use std::collections::{BTreeMap, VecDeque};
use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::TableId;
use crate::store::Changes;

/// Bytes that a slot costs beside its key and value.
const SLOT_BYTES: usize = 112;

/// Bytes in front of a key in the store: stage, partition, table.
const STORE_HEAD: usize = 4;

/// The newest value of every key that a partition touched lately.
///
/// Invariant: a slot whose last write is not known to be committed never leaves. A clean slot equals the store, also
/// where it says that the store has nothing, so dropping one costs a read and never an answer.
pub struct Overlay {
    prefix: [u8; 3],
    index: HashTable<u32>,
    hasher: DefaultHashBuilder,
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Keys of slots that are not clean, for tables that were walked in order before.
    ordered: Vec<(TableId, Keys)>,
    epoch: u64,
    /// Slots written in `epoch`.
    dirty: Vec<u32>,
    /// Slots written in earlier epochs that are not known to be committed.
    pending: VecDeque<(u64, Vec<u32>)>,
    committed: u64,
    bytes: usize,
    bytes_max: usize,
    hand: usize,
}

/// Slots by key.
type Keys = BTreeMap<Box<[u8]>, u32>;

struct Slot {
    hash: u64,
    /// Epoch of the last write; 0 for one only read.
    written: u64,
    key: Box<[u8]>,
    value: Option<Vec<u8>>,
    table: TableId,
    /// The store may hold this key.
    stored: bool,
    /// Looked at since the hand passed.
    used: bool,
    vacant: bool,
}

impl Slot {
    fn size(&self) -> usize {
        SLOT_BYTES + self.key.len() + self.value.as_ref().map_or(0, Vec::capacity)
    }

    /// Bytes of key and value in the store.
    fn stored_size(&self) -> usize {
        STORE_HEAD + self.key.len() + self.value.as_ref().map_or(0, Vec::len)
    }
}

impl Overlay {
    /// `committed` is the last epoch that the store holds; `bytes_max` bounds the clean slots, not the others.
    pub fn new(stage: u8, partition: u16, committed: u64, bytes_max: usize) -> Overlay {
        let [high, low] = partition.to_be_bytes();
        Overlay {
            prefix: [stage, high, low],
            index: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            slots: Vec::new(),
            free: Vec::new(),
            ordered: Vec::new(),
            epoch: committed + 1,
            dirty: Vec::new(),
            pending: VecDeque::new(),
            committed,
            bytes: 0,
            bytes_max,
            hand: 0,
        }
    }

    /// Starts an epoch, when the store holds everything up to `committed`.
    pub fn begin(&mut self, epoch: u64, committed: u64) {
        debug_assert!(self.dirty.is_empty() || self.epoch == epoch);
        self.epoch = epoch;
        self.settle(committed);
        self.trim();
    }

    /// The changes of the epoch in key order; from here on they wait for their commit.
    pub fn seal(&mut self) -> Changes {
        let mut dirty = std::mem::take(&mut self.dirty);
        dirty.sort_unstable_by(|a, b| self.order(*a).cmp(&self.order(*b)));
        let sizes = dirty.iter().map(|index| self.slots[*index as usize].stored_size());
        let mut changes = Changes::with_capacity(dirty.len(), sizes.sum());
        for index in &dirty {
            let slot = &mut self.slots[*index as usize];
            let [stage, high, low] = self.prefix;
            let head = [stage, high, low, slot.table.0];
            match &slot.value {
                Some(value) => changes.put(&head, &slot.key, value),
                None if slot.stored => changes.delete(&head, &slot.key),
                None => {}
            }
            slot.stored = slot.value.is_some();
        }
        self.pending.push_back((self.epoch, dirty));
        changes
    }

    pub(crate) fn store_key(&self, table: TableId, key: &[u8], bytes: &mut Vec<u8>) {
        bytes.clear();
        bytes.extend_from_slice(&self.prefix);
        bytes.push(table.0);
        bytes.extend_from_slice(key);
    }

    pub(crate) fn hash(&self, table: TableId, key: &[u8]) -> u64 {
        self.hasher.hash_one((table.0, key))
    }

    pub(crate) fn find(&mut self, hash: u64, table: TableId, key: &[u8]) -> Option<u32> {
        let slots = &mut self.slots;
        let found = self.index.find(hash, |index| {
            let slot = &slots[*index as usize];
            slot.table == table && *slot.key == *key
        });
        let index = *found?;
        slots[index as usize].used = true;
        Some(index)
    }

    pub(crate) fn value(&self, index: u32) -> Option<&[u8]> {
        self.slots[index as usize].value.as_deref()
    }

    /// Remembers what the store answered.
    pub(crate) fn insert_clean(&mut self, hash: u64, table: TableId, key: Box<[u8]>, value: Option<Vec<u8>>) -> u32 {
        let stored = value.is_some();
        self.insert(Slot { hash, written: 0, key, value, table, stored, used: true, vacant: false })
    }

    /// Makes room for a key that is written without having been read.
    pub(crate) fn insert_blind(&mut self, hash: u64, table: TableId, key: &[u8]) -> u32 {
        let key = key.into();
        self.insert(Slot { hash, written: 0, key, value: None, table, stored: true, used: true, vacant: false })
    }

    pub(crate) fn set(&mut self, index: u32, value: Option<Vec<u8>>) {
        let slot = &self.slots[index as usize];
        let unread = slot.written == 0 && slot.stored && slot.value.is_none();
        if slot.value == value && !unread {
            return;
        }
        self.edit(index, |old| *old = value);
    }

    pub(crate) fn append(&mut self, index: u32, bytes: &[u8]) {
        self.edit(index, |value| value.get_or_insert_default().extend_from_slice(bytes));
    }

    /// Puts the table's uncommitted changes in key order, now and from now on; for [`Overlay::ordered_keys`].
    pub(crate) fn ordered(&mut self, table: TableId) -> usize {
        if let Some(place) = self.ordered.iter().position(|(id, _)| *id == table) {
            return place;
        }
        self.ordered.push((table, self.unsettled(table)));
        self.ordered.len() - 1
    }

    pub(crate) fn ordered_keys(&self, place: usize) -> &Keys {
        &self.ordered[place].1
    }

    /// Drops clean slots that were not looked at lately until the rest fits.
    pub(crate) fn trim(&mut self) {
        let mut steps = self.slots.len() * 2;
        while self.bytes > self.bytes_max && steps > 0 {
            steps -= 1;
            self.hand = (self.hand + 1) % self.slots.len();
            let slot = &mut self.slots[self.hand];
            if slot.vacant || slot.written > self.committed {
                continue;
            }
            if std::mem::take(&mut slot.used) {
                continue;
            }
            self.evict(self.hand as u32);
        }
    }

    fn evict(&mut self, index: u32) {
        let slot = &mut self.slots[index as usize];
        self.bytes -= slot.size();
        slot.vacant = true;
        slot.value = None;
        slot.key = Box::default();
        if let Ok(entry) = self.index.find_entry(slot.hash, |other| *other == index) {
            entry.remove();
        }
        self.free.push(index);
    }

    fn insert(&mut self, slot: Slot) -> u32 {
        self.bytes += slot.size();
        let hash = slot.hash;
        let index = match self.free.pop() {
            Some(index) => {
                self.slots[index as usize] = slot;
                index
            }
            None => {
                self.slots.push(slot);
                u32::try_from(self.slots.len() - 1).expect("fewer slots than memory allows")
            }
        };
        let slots = &self.slots;
        self.index.insert_unique(hash, index, |other| slots[*other as usize].hash);
        index
    }

    fn edit(&mut self, index: u32, edit: impl FnOnce(&mut Option<Vec<u8>>)) {
        let slot = &mut self.slots[index as usize];
        self.bytes -= slot.size();
        edit(&mut slot.value);
        self.bytes += slot.size();
        if slot.written == self.epoch {
            return;
        }
        slot.written = self.epoch;
        self.dirty.push(index);
        let table = slot.table;
        if let Some((_, keys)) = self.ordered.iter_mut().find(|(id, _)| *id == table) {
            keys.insert(slot.key.clone(), index);
        }
    }

    fn unsettled(&self, table: TableId) -> Keys {
        let pending = self.pending.iter().flat_map(|(_, slots)| slots).chain(&self.dirty);
        pending
            .map(|index| (&self.slots[*index as usize], *index))
            .filter(|(slot, _)| slot.table == table && slot.written > self.committed)
            .map(|(slot, index)| (slot.key.clone(), index))
            .collect()
    }

    fn settle(&mut self, committed: u64) {
        self.committed = committed;
        while self.pending.front().is_some_and(|(epoch, _)| *epoch <= committed) {
            let (epoch, slots) = self.pending.pop_front().expect("just seen");
            for index in slots {
                let slot = &self.slots[index as usize];
                if slot.written != epoch {
                    continue;
                }
                if let Some((_, keys)) = self.ordered.iter_mut().find(|(id, _)| *id == slot.table) {
                    keys.remove(&slot.key);
                }
            }
        }
    }

    fn order(&self, index: u32) -> (TableId, &[u8]) {
        let slot = &self.slots[index as usize];
        (slot.table, &slot.key)
    }
}
