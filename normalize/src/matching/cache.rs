//! Bounded memories of answers. An answer is a pure function of its key, so forgetting costs time and nothing else.

use std::hash::{Hash, Hasher};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use rustc_hash::{FxHashMap, FxHasher};

const SHARDS: usize = 32;

/// Answers under whole keys. A full shard is emptied.
#[derive(Debug)]
pub(crate) struct Cache<V> {
    shards: Vec<Mutex<FxHashMap<u64, Entry<V>>>>,
    shard_entries_max: usize,
}

#[derive(Debug)]
struct Entry<V> {
    key: Box<str>,
    value: V,
}

impl<V: Clone> Cache<V> {
    pub(crate) fn new(entries_max: usize) -> Cache<V> {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Cache { shards, shard_entries_max: entries_max / SHARDS }
    }

    /// The remembered answer for the parts of a key, else the one that `answer` finds.
    pub(crate) fn get_or(&self, parts: &[&str], answer: impl FnOnce() -> V) -> V {
        let hash = hash_of(parts);
        let shard = &self.shards[(hash >> 32) as usize % SHARDS];
        {
            let entries = shard.lock().expect("nothing panics under this lock");
            if let Some(entry) = entries.get(&hash).filter(|entry| is_key(&entry.key, parts)) {
                return entry.value.clone();
            }
        }
        let value = answer();
        let mut entries = shard.lock().expect("nothing panics under this lock");
        if entries.len() >= self.shard_entries_max {
            entries.clear();
        }
        entries.insert(hash, Entry { key: joined(parts), value: value.clone() });
        value
    }
}

const MARK: &str = "\u{1f}";

fn joined(parts: &[&str]) -> Box<str> {
    parts.iter().flat_map(|part| [*part, MARK]).collect::<String>().into()
}

fn is_key(key: &str, parts: &[&str]) -> bool {
    let rest = parts.iter().try_fold(key, |rest, part| rest.strip_prefix(*part)?.strip_prefix(MARK));
    rest == Some("")
}

pub(crate) fn hash_of(parts: &[&str]) -> u64 {
    let mut hasher = FxHasher::default();
    parts.hash(&mut hasher);
    hasher.finish()
}

/// Remembers which keys passed a check, without locks: one slot for each key, the last one stays.
///
/// A slot is chosen by one hash and proven by another.
#[derive(Debug)]
pub(crate) struct Passed {
    slots: Vec<AtomicU64>,
}

impl Passed {
    pub(crate) fn new(slots: usize) -> Passed {
        Passed { slots: (0..slots.next_power_of_two()).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Whether the key passed; `check` is asked where that is not known.
    pub(crate) fn passes(&self, parts: &[&str], check: impl FnOnce() -> bool) -> bool {
        let proof = hash_of(parts) | 1;
        let place = proof.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let slot = &self.slots[place as usize & (self.slots.len() - 1)];
        if slot.load(Ordering::Relaxed) == proof {
            return true;
        }
        let passed = check();
        if passed {
            slot.store(proof, Ordering::Relaxed);
        }
        passed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_compared_whole_and_memory_is_bounded() {
        let cache: Cache<u32> = Cache::new(SHARDS * 2);
        assert_eq!(cache.get_or(&["a", "bc"], || 1), 1);
        assert_eq!(cache.get_or(&["a", "bc"], || 2), 1);
        assert_eq!(cache.get_or(&["ab", "c"], || 3), 3);
        for n in 0..1000 {
            assert_eq!(cache.get_or(&["n", &n.to_string()], || n), n);
        }
        assert!(cache.shards.iter().all(|shard| shard.lock().unwrap().len() <= 2));
    }

    #[test]
    fn a_check_is_asked_once_while_remembered() {
        let passed = Passed::new(16);
        assert!(passed.passes(&["x"], || true));
        assert!(passed.passes(&["x"], || false));
        assert!(!passed.passes(&["y"], || false));
        assert!(passed.passes(&["y"], || true));
    }
}
