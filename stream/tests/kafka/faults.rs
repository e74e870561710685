//! Which mishaps strike, by seed: each has a chance at each place where it may happen, and a plan can spare single ones.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::dice::Dice;

/// A mishap that struck: the number of its chance, and what it was.
pub type Struck = (u64, &'static str);

/// Decides about mishaps. Clones share it.
#[derive(Clone)]
pub struct Fate {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    seed: u64,
    chances: u64,
    quiet: bool,
    spared: BTreeSet<u64>,
    struck: Vec<Struck>,
    rates: BTreeMap<&'static str, u64>,
    seen: BTreeMap<&'static str, u64>,
}

impl Fate {
    /// Chances in `spared` do not strike.
    pub fn new(seed: u64, spared: BTreeSet<u64>) -> Fate {
        let (chances, quiet, struck, rates, seen) = (0, false, Vec::new(), BTreeMap::new(), BTreeMap::new());
        Fate { inner: Arc::new(Mutex::new(Inner { seed, chances, quiet, spared, struck, rates, seen })) }
    }

    /// Nothing ever strikes.
    pub fn kind() -> Fate {
        let fate = Fate::new(0, BTreeSet::new());
        fate.quiet();
        fate
    }

    /// From here on nothing strikes.
    pub fn quiet(&self) {
        self.lock().quiet = true;
    }

    /// From here on things strike again.
    pub fn rouse(&self) {
        self.lock().quiet = false;
    }

    /// Whether this mishap strikes here, once in about `one_in` times. Each seed leaves some kinds out and has more of
    /// others.
    pub fn strikes(&self, what: &'static str, one_in: u64) -> bool {
        let mut inner = self.lock();
        inner.chances += 1;
        let (chance, seed) = (inner.chances, inner.seed);
        let rate = *inner.rates.entry(what).or_insert_with(|| {
            let name = what.bytes().fold(seed, |hash, byte| hash.wrapping_mul(31).wrapping_add(u64::from(byte)));
            [0, 0, 1, 1, 1, 3][Dice(name).roll(6) as usize]
        });
        if inner.quiet || rate == 0 || Dice(seed ^ chance.rotate_left(32)).roll(one_in) >= rate {
            return false;
        }
        if inner.spared.contains(&chance) {
            return false;
        }
        inner.struck.push((chance, what));
        *inner.seen.entry(what).or_default() += 1;
        true
    }

    /// Counts a situation, to see that it does come up.
    pub fn note(&self, what: &'static str) {
        *self.lock().seen.entry(what).or_default() += 1;
    }

    /// How often each mishap and each situation came up.
    pub fn seen(&self) -> BTreeMap<&'static str, u64> {
        self.lock().seen.clone()
    }

    /// A number that hangs on the last chance alone.
    pub fn pick(&self, below: u64) -> u64 {
        let inner = self.lock();
        Dice(inner.seed ^ inner.chances.rotate_left(17) ^ 0x5bd1).roll(below)
    }

    pub fn struck(&self) -> Vec<Struck> {
        self.lock().struck.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no holder of fate panics")
    }
}
