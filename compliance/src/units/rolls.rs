//! Lists in order under keys, whose cost does not grow with their length.
//!
//! Up to [`FEW_MAX`] entries stand in one value, read and written together. A longer list is rows in a table of its own,
//! and its value counts them. Which of the two it is follows from the number of entries, so that equal sets are equal
//! bytes.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use stream::{Key, Order, State, StorageError, Table};

use super::shelf::{Blank, Shelf};

/// Entries that stand in one value. Tests try both forms with little.
const FEW_MAX: usize = if cfg!(test) { 3 } else { 12 };

/// Entries that are read at once of a list that stands in rows.
pub const PAGE: usize = 16;

/// Something that stands in a list at one place.
pub trait Entry: Clone + Serialize + DeserializeOwned {
    /// Entries of one list stand in this order, one at each place.
    type Place: Key + Ord + Copy;

    fn place(&self) -> Self::Place;
}

/// A list as it is stored under its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Roll<E> {
    Few(Vec<E>),
    /// So many rows.
    Many(u32),
}

impl<E> Default for Roll<E> {
    fn default() -> Roll<E> {
        Roll::Few(Vec::new())
    }
}

impl<E> Blank for Roll<E> {
    fn is_blank(&self) -> bool {
        matches!(self, Roll::Few(entries) if entries.is_empty())
    }
}

/// Rows of the longer lists of a table.
pub type Rows<K, E> = Table<(K, <E as Entry>::Place), E>;

/// The lists of one table while one event is worked on.
pub struct Rolls<K: 'static, E: Entry + 'static> {
    lists: Shelf<K, Roll<E>>,
    rows: &'static Rows<K, E>,
}

impl<K: Key + PartialEq + Copy, E: Entry> Rolls<K, E> {
    pub fn new(lists: &'static Table<K, Roll<E>>, rows: &'static Rows<K, E>) -> Rolls<K, E> {
        Rolls { lists: Shelf::new(lists), rows }
    }

    pub fn get(&mut self, state: &mut dyn State, key: K, place: E::Place) -> Result<Option<E>, StorageError> {
        match self.lists.get(state, key)? {
            Roll::Few(entries) => Ok(find(entries, place).ok().map(|at| entries[at].clone())),
            Roll::Many(_) => self.rows.get(state, &(key, place)),
        }
    }

    /// Enters an entry; what stood at its place is gone.
    pub fn put(&mut self, state: &mut dyn State, key: K, entry: E) -> Result<(), StorageError> {
        match self.lists.edit(state, key)? {
            Roll::Few(entries) => match find(entries, entry.place()) {
                Ok(at) => entries[at] = entry,
                Err(at) => {
                    entries.insert(at, entry);
                    if entries.len() > FEW_MAX {
                        self.spread(state, key)?;
                    }
                }
            },
            Roll::Many(count) => {
                let place = (key, entry.place());
                *count += u32::from(self.rows.get(state, &place)?.is_none());
                self.rows.put(state, &place, &entry)?;
            }
        }
        Ok(())
    }

    /// Takes an entry out; `None` where there is none at the place.
    pub fn take(&mut self, state: &mut dyn State, key: K, place: E::Place) -> Result<Option<E>, StorageError> {
        match self.lists.edit(state, key)? {
            Roll::Few(entries) => Ok(find(entries, place).ok().map(|at| entries.remove(at))),
            Roll::Many(count) => {
                let row = (key, place);
                let Some(entry) = self.rows.get(state, &row)? else { return Ok(None) };
                self.rows.delete(state, &row)?;
                *count -= 1;
                if *count as usize <= FEW_MAX {
                    self.gather(state, key)?;
                }
                Ok(Some(entry))
            }
        }
    }

    /// Entries at `[from, to)`, at most `limit` of them.
    pub fn page(
        &mut self,
        state: &mut dyn State,
        key: K,
        (from, to): (E::Place, E::Place),
        order: Order,
        limit: usize,
    ) -> Result<Vec<E>, StorageError> {
        let found: Vec<E> = match self.lists.get(state, key)? {
            Roll::Few(entries) => {
                let start = entries.partition_point(|e| e.place() < from);
                let within = &entries[start..start.max(entries.partition_point(|e| e.place() < to))];
                match order {
                    Order::Up => within.iter().take(limit).cloned().collect(),
                    Order::Down => within.iter().rev().take(limit).cloned().collect(),
                }
            }
            Roll::Many(_) => {
                let rows = self.rows.range(state, &(key, from), &(key, to), order, limit)?;
                rows.into_iter().map(|(_, entry)| entry).collect()
            }
        };
        visited::add(found.len());
        Ok(found)
    }

    /// All entries at `[from, to)`, in order.
    pub fn all(&mut self, state: &mut dyn State, key: K, within: (E::Place, E::Place)) -> Result<Vec<E>, StorageError> {
        self.page(state, key, within, Order::Up, usize::MAX)
    }

    /// Writes what has changed and forgets everything.
    pub fn put_away(&mut self, state: &mut dyn State) -> Result<(), StorageError> {
        self.lists.put_away(state)
    }

    fn spread(&mut self, state: &mut dyn State, key: K) -> Result<(), StorageError> {
        let list = self.lists.edit(state, key)?;
        let Roll::Few(entries) = std::mem::take(list) else { return Ok(()) };
        *list = Roll::Many(u32::try_from(entries.len()).expect("a few entries"));
        entries.iter().try_for_each(|entry| self.rows.put(state, &(key, entry.place()), entry))
    }

    fn gather(&mut self, state: &mut dyn State, key: K) -> Result<(), StorageError> {
        let rows = self.rows.prefix(state, &key, Order::Up, FEW_MAX + 1)?;
        for (row, _) in &rows {
            self.rows.delete(state, row)?;
        }
        *self.lists.edit(state, key)? = Roll::Few(rows.into_iter().map(|(_, entry)| entry).collect());
        Ok(())
    }
}

fn find<E: Entry>(entries: &[E], place: E::Place) -> Result<usize, usize> {
    entries.binary_search_by_key(&place, Entry::place)
}

/// How many entries were looked at, counted in tests only.
pub mod visited {
    #[cfg(test)]
    thread_local! {
        static COUNT: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
    }

    #[cfg(test)]
    pub fn add(entries: usize) {
        COUNT.set(COUNT.get() + entries);
    }

    #[cfg(not(test))]
    pub fn add(_entries: usize) {}

    /// Since the last time it was asked on this thread.
    #[cfg(test)]
    pub fn take() -> usize {
        COUNT.take()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use stream::{MemoryState, Order, Table};

    use super::{Entry, FEW_MAX, Roll, Rolls, Rows};

    static LISTS: Table<u64, Roll<(u32, u8)>> = Table::new(1, "lists");
    static ROWS: Rows<u64, (u32, u8)> = Table::new(2, "rows");

    impl Entry for (u32, u8) {
        type Place = u32;

        fn place(&self) -> u32 {
            self.0
        }
    }

    #[test]
    fn a_list_is_a_sorted_map_and_its_bytes_follow_from_what_it_holds() {
        let mut state = MemoryState::default();
        let mut naive: BTreeMap<u32, u8> = BTreeMap::new();
        for step in 0..400_u32 {
            let mut rolls = Rolls::new(&LISTS, &ROWS);
            let place = step * 7 % 23;
            if step / 40 % 2 == 0 || step % 3 == 0 {
                rolls.put(&mut state, 5, (place, step as u8)).unwrap();
                naive.insert(place, step as u8);
            } else {
                let taken = rolls.take(&mut state, 5, place).unwrap();
                assert_eq!(taken.map(|entry| entry.1), naive.remove(&place));
            }
            let got = rolls.get(&mut state, 5, 4).unwrap().map(|entry| entry.1);
            assert_eq!(got, naive.get(&4).copied());
            let page = rolls.page(&mut state, 5, (3, 15), Order::Up, 4).unwrap();
            assert_eq!(page, naive.range(3..15).take(4).map(|(p, v)| (*p, *v)).collect::<Vec<_>>());
            let page = rolls.page(&mut state, 5, (3, 15), Order::Down, 4).unwrap();
            assert_eq!(page, naive.range(3..15).rev().take(4).map(|(p, v)| (*p, *v)).collect::<Vec<_>>());
            rolls.put_away(&mut state).unwrap();

            let mut afresh = MemoryState::default();
            let mut rolls = Rolls::new(&LISTS, &ROWS);
            naive.iter().rev().for_each(|(p, v)| rolls.put(&mut afresh, 5, (*p, *v)).unwrap());
            rolls.put_away(&mut afresh).unwrap();
            assert!(state == afresh, "step {step}");
        }
        assert!(naive.len() > FEW_MAX, "both forms were tried");
    }
}
