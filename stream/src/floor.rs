//! The floor under every figure of speed: the writes of a run again, without anything that thinks.

use crate::engine::Written;
use crate::store::{Changes, Column, Store};
use crate::{StorageError, Summary};

/// Bytes of a key.
const KEY_BYTES: usize = 24;

/// What to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    pub epochs: u64,
    pub written: Written,
}

impl Load {
    /// As many keys and bytes in as many commits as a run wrote.
    pub fn of(summary: &Summary) -> Load {
        Load { epochs: summary.epochs, written: summary.written }
    }
}

/// Writes the load to an empty store: new keys without order, sorted within each commit, one synced commit an epoch.
pub fn write(store: &dyn Store, load: &Load) -> Result<(), StorageError> {
    let Written { state_keys, view_keys, bytes } = load.written;
    let value_bytes = (bytes / (state_keys + view_keys).max(1)).saturating_sub(KEY_BYTES as u64) as usize;
    let mut written = 0;
    for epoch in 1..=load.epochs {
        let until = |keys: u64| keys * epoch / load.epochs - keys * (epoch - 1) / load.epochs;
        let state = some(&mut written, until(state_keys), value_bytes);
        let views = some(&mut written, until(view_keys), value_bytes);
        let mut meta = Changes::default();
        meta.put(b"committed", &[], &epoch.to_be_bytes());
        store.write(&[(Column::State, &state), (Column::Views, &views), (Column::Meta, &meta)])?;
    }
    Ok(())
}

fn some(written: &mut u64, count: u64, value_bytes: usize) -> Changes {
    let mut numbers: Vec<[u8; 16]> = (*written..*written + count).map(scattered).collect();
    *written += count;
    numbers.sort_unstable();
    let mut changes = Changes::default();
    let mut value = Vec::with_capacity(value_bytes + 16);
    for number in numbers {
        value.clear();
        // Half of it repeats, as in records.
        while value.len() < value_bytes {
            value.extend_from_slice(&number[..8]);
            value.extend_from_slice(b"\0\0\x01text");
        }
        value.truncate(value_bytes);
        changes.put(&[0; KEY_BYTES - 16], &number, &value);
    }
    changes
}

/// A number that lies anywhere among the others.
fn scattered(number: u64) -> [u8; 16] {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&(z ^ (z >> 31)).to_be_bytes());
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryStore;

    #[test]
    fn as_much_is_written_as_was_asked_for() {
        let store = MemoryStore::new();
        let written = Written { state_keys: 1000, view_keys: 77, bytes: 1077 * 100 };
        write(&store, &Load { epochs: 7, written }).unwrap();
        let (state, views) = (store.column(Column::State), store.column(Column::Views));
        assert_eq!((state.len(), views.len(), store.operations().1), (1000, 77, 7));
        let bytes: usize = state.iter().chain(&views).map(|(key, value)| key.len() + value.len()).sum();
        assert_eq!(bytes, 1077 * 100);
    }
}
