//! Which seeds are tried, how long their histories are, and on how many threads.

use std::collections::BTreeSet;
use std::io::Write;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Seeds and events of the long run.
const LONG: (u64, usize) = (10_000, 1_000);
/// A run says how far it is behind so many seeds.
const SAID_EVERY: u64 = 100;
/// A run ends behind so many seeds that differ.
const DIFFERENT_MAX: usize = 5;

pub struct Seeds {
    pub range: Range<u64>,
    /// Of each history.
    pub events: usize,
}

impl Seeds {
    /// `PAIDONCE_SEED` is one seed; `PAIDONCE_SEEDS` says how many, `PAIDONCE_FROM` from which one on, `PAIDONCE_EVENTS` how
    /// long histories are. Where nothing is said it is the usual number of them, or that of the long run.
    pub fn wanted(usual: (u64, usize)) -> Seeds {
        let (count, events) = if is_said("PAIDONCE_LONG") { LONG } else { usual };
        let first = said("PAIDONCE_SEED").or(said("PAIDONCE_FROM")).unwrap_or(0);
        let count = said("PAIDONCE_SEED").map_or(said("PAIDONCE_SEEDS").unwrap_or(count), |_| 1);
        Seeds { range: first..first + count, events: said("PAIDONCE_EVENTS").map_or(events, |events| events as usize) }
    }

    pub fn count(&self) -> u64 {
        self.range.end - self.range.start
    }

    /// Tries each seed, on all cores; `one` says what is wrong with it. Gives what the threads have noted.
    ///
    /// # Panics
    /// In the end, where anything is wrong with one of them.
    pub fn each<N: Default + Send>(&self, one: impl Fn(u64, &mut N) -> Result<(), String> + Sync) -> Vec<N> {
        let next = AtomicU64::new(self.range.start);
        let wrong = Mutex::new(Vec::<String>::new());
        let progress = Mutex::new(Progress::new(self));
        let differ = || wrong.lock().unwrap_or_else(PoisonError::into_inner);
        let work = || {
            let mut noted = N::default();
            while differ().len() < if is_brief() { 1 } else { DIFFERENT_MAX } {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= self.range.end {
                    break;
                }
                if let Err(what) = one(seed, &mut noted) {
                    differ().push(format!("seed {seed}: {what}"));
                }
                progress.lock().unwrap_or_else(PoisonError::into_inner).done(seed);
            }
            noted
        };
        let noted = std::thread::scope(|scope| {
            let threads = 0..std::thread::available_parallelism().map_or(1, usize::from);
            let threads: Vec<_> = threads.map(|_| scope.spawn(work)).collect();
            threads.into_iter().map(|thread| thread.join().expect("a difference is no panic")).collect()
        });
        let wrong = differ();
        assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
        noted
    }
}

/// Says on the way how far a run is, so that another one can go on there.
struct Progress {
    begun: Instant,
    end: u64,
    /// All in front of it are done, and these behind it.
    next: u64,
    behind: BTreeSet<u64>,
}

impl Progress {
    fn new(seeds: &Seeds) -> Progress {
        Progress { begun: Instant::now(), end: seeds.range.end, next: seeds.range.start, behind: BTreeSet::new() }
    }

    fn done(&mut self, seed: u64) {
        self.behind.insert(seed);
        while self.behind.remove(&self.next) {
            self.next += 1;
            if self.next.is_multiple_of(SAID_EVERY) && self.next < self.end {
                let (next, end, seconds) = (self.next, self.end, self.begun.elapsed().as_secs());
                // Not held back as what tests say is.
                let _ = writeln!(std::io::stderr(), "{seconds} s: told up to PAIDONCE_FROM={next} of {end}");
            }
        }
    }
}

/// Only the first difference is asked for, and nothing is shrunk.
pub fn is_brief() -> bool {
    is_said("PAIDONCE_BRIEF")
}

fn said(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

fn is_said(name: &str) -> bool {
    std::env::var_os(name).is_some()
}
