//! The tasks of the Kafka engine: what each tells of its transactions becomes metrics, summed over a stage.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::metrics::Metrics;

/// What one transaction did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transaction {
    pub received: u64,
    /// Records that had been taken before.
    pub repeats: u64,
    /// Records put on the topic of dead letters.
    pub dead: u64,
    pub controls: u64,
    pub sent: u64,
    pub published: u64,
    /// Bytes of all outputs.
    pub bytes: u64,
    /// Time until the transaction held.
    pub publish: Duration,
    /// Time for applying it to the task's store.
    pub apply: Duration,
    /// When the newest record that was taken had been written, in milliseconds since 1970.
    pub newest: Option<u64>,
}

/// What happens to a task beside its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening<'a> {
    Assigned,
    Revoked,
    Recovered {
        folded: u64,
        took: Duration,
    },
    /// Whether a transaction holds is not known.
    Unclear,
    /// Another process owns the task.
    Fenced,
    /// A record from above is missing.
    Gap,
    /// A reader asked for records again.
    Repair,
    /// The consumer did not move and was made anew.
    Rebuilt,
    /// People must see to the task.
    Stopped {
        why: &'a str,
    },
}

/// Gauges of single tasks; a metric shows their sum, since a label for each partition would grow with the cluster.
#[derive(Default)]
pub(super) struct Sums {
    by_task: Mutex<BTreeMap<(&'static str, u16), i64>>,
}

impl Sums {
    /// Sets one task's part, or takes it out, and gives the sum of its stage.
    fn set(&self, stage: &'static str, partition: u16, part: Option<u64>) -> i64 {
        let mut by_task = self.by_task.lock().unwrap_or_else(PoisonError::into_inner);
        match part {
            Some(part) => by_task.insert((stage, partition), i64::try_from(part).unwrap_or(i64::MAX)),
            None => by_task.remove(&(stage, partition)),
        };
        by_task
            .range((stage, 0)..=(stage, u16::MAX))
            .map(|(_, part)| part)
            .fold(0, |sum, part| sum.saturating_add(*part))
    }
}

/// Since when each task's input has waited at most, in milliseconds since 1970; none where nothing waits.
#[derive(Default)]
pub(super) struct Waits {
    by_task: Mutex<BTreeMap<(&'static str, u16), Option<u64>>>,
}

impl Waits {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<(&'static str, u16), Option<u64>>> {
        self.by_task.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The longest wait of each stage.
    fn longest(&self, now: Duration) -> BTreeMap<&'static str, Duration> {
        let mut longest = BTreeMap::new();
        for ((stage, _), since) in self.lock().iter() {
            let wait = since.map_or(Duration::ZERO, |since| now.saturating_sub(Duration::from_millis(since)));
            let found: &mut Duration = longest.entry(*stage).or_default();
            *found = wait.max(*found);
        }
        longest
    }
}

/// Tasks that people must see to, and why.
#[derive(Default)]
pub(super) struct Halted {
    by_task: Mutex<BTreeMap<(&'static str, u16), String>>,
}

impl Halted {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<(&'static str, u16), String>> {
        self.by_task.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Metrics {
    /// Why the first of the tasks that have stopped here did; `None` where none has.
    pub fn halted(&self) -> Option<String> {
        let halted = self.halted.lock();
        let ((stage, partition), why) = halted.first_key_value()?;
        Some(format!("{stage}, partition {partition} has stopped: {why}"))
    }

    /// A transaction of a task of this stage holds and is applied.
    pub fn transaction(&self, stage: &'static str, done: &Transaction) {
        self.commits.with_label_values(&[stage]).inc();
        for (counter, count) in [
            (&self.stage_in, done.received),
            (&self.stage_out, done.sent),
            (&self.stage_published, done.published),
            (&self.controls, done.controls),
            (&self.commit_bytes, done.bytes),
            (&self.repeats, done.repeats),
            (&self.dead_letters, done.dead),
        ] {
            counter.with_label_values(&[stage]).inc_by(count);
        }
        for (phase, took) in [("publish", done.publish), ("apply", done.apply)] {
            self.commit_time.with_label_values(&[stage, phase]).observe(took.as_secs_f64());
        }
        let now = since_1970();
        self.last_commit.with_label_values(&[stage]).set(now.as_secs_f64());
        if let Some(newest) = done.newest {
            let age = now.saturating_sub(Duration::from_millis(newest));
            self.freshness.with_label_values(&[stage]).observe(age.as_secs_f64());
        }
    }

    /// Records of a task's input that are still to come; the last one that was taken had been written at `taken`.
    pub fn lag(&self, stage: &'static str, partition: u16, records: u64, taken: Option<u64>) {
        let sum = self.lags.set(stage, partition, Some(records));
        self.lag_records.with_label_values(&[stage]).set(sum);
        self.waits.lock().insert((stage, partition), taken.filter(|_| records > 0));
    }

    /// Brings up to date what grows while nothing happens.
    pub fn refresh(&self) {
        for (stage, wait) in self.waits.longest(since_1970()) {
            self.lag_time.with_label_values(&[stage]).set(wait.as_secs_f64());
        }
    }

    /// Bytes of a task's store.
    pub fn state(&self, stage: &'static str, partition: u16, bytes: u64) {
        let sum = self.states.set(stage, partition, Some(bytes));
        self.state_bytes.with_label_values(&[stage]).set(sum);
    }

    /// Something happened to a task.
    pub fn happened(&self, stage: &'static str, partition: u16, what: Happening<'_>) {
        let trouble = |kind| self.troubles.with_label_values(&[stage, kind]).inc();
        match what {
            Happening::Assigned => {
                self.tasks.with_label_values(&[stage]).set(self.owned.set(stage, partition, Some(1)))
            }
            Happening::Revoked => self.forget(stage, partition),
            Happening::Recovered { folded, took } => {
                self.recoveries.with_label_values(&[stage]).inc();
                self.recovery_time.with_label_values(&[stage]).observe(took.as_secs_f64());
                self.folded.with_label_values(&[stage]).inc_by(folded);
            }
            Happening::Unclear => trouble("unclear"),
            Happening::Fenced => trouble("fenced"),
            Happening::Gap => trouble("gap"),
            Happening::Repair => trouble("repair"),
            Happening::Rebuilt => trouble("rebuilt"),
            Happening::Stopped { why } => {
                self.halted.lock().insert((stage, partition), why.to_owned());
                trouble("stopped");
            }
        }
    }

    /// A task that went to another process is that one's to tell of.
    fn forget(&self, stage: &'static str, partition: u16) {
        for (gauge, sums) in
            [(&self.tasks, &self.owned), (&self.lag_records, &self.lags), (&self.state_bytes, &self.states)]
        {
            gauge.with_label_values(&[stage]).set(sums.set(stage, partition, None));
        }
        self.waits.lock().insert((stage, partition), None);
        self.halted.lock().remove(&(stage, partition));
    }
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::metrics::EngineKind;

    #[test]
    fn a_stage_is_the_sum_of_the_tasks_that_are_owned() {
        let metrics = Metrics::new(EngineKind::Kafka);
        for partition in [0, 1] {
            metrics.happened("units", partition, Happening::Assigned);
            metrics.lag("units", partition, 5, None);
        }
        metrics.lag("ledger", 0, 100, None);
        metrics.lag("units", 1, 7, None);
        assert_eq!(metrics.lag_records.with_label_values(&["units"]).get(), 12);
        metrics.happened("units", 0, Happening::Revoked);
        assert_eq!(metrics.lag_records.with_label_values(&["units"]).get(), 7);
        assert_eq!(metrics.tasks.with_label_values(&["units"]).get(), 1);
        assert_eq!(metrics.lag_records.with_label_values(&["ledger"]).get(), 100);
    }

    #[test]
    fn a_stage_waits_as_long_as_the_task_that_waits_longest_and_not_at_all_without_input() {
        let metrics = Metrics::new(EngineKind::Kafka);
        let ago = |seconds| u64::try_from((since_1970() - Duration::from_secs(seconds)).as_millis()).ok();
        metrics.lag("units", 0, 3, ago(50));
        metrics.lag("units", 1, 3, ago(500));
        metrics.lag("ledger", 0, 0, ago(900));
        metrics.refresh();
        let waits = |stage| metrics.lag_time.with_label_values(&[stage]).get().round();
        assert!((500.0..510.0).contains(&waits("units")), "{}", waits("units"));
        assert_eq!(waits("ledger"), 0.0);
        metrics.happened("units", 1, Happening::Revoked);
        metrics.refresh();
        assert!((50.0..60.0).contains(&waits("units")), "{}", waits("units"));
    }

    #[test]
    fn transactions_and_troubles_are_counted_by_stage() {
        let metrics = Metrics::new(EngineKind::Kafka);
        let done = Transaction { received: 10, repeats: 2, dead: 1, sent: 7, ..Transaction::default() };
        metrics.transaction("normalize", &done);
        metrics.transaction("normalize", &done);
        metrics.happened("normalize", 0, Happening::Unclear);
        let text = metrics.text();
        for line in [
            "paidonce_stage_records_in_total{stage=\"normalize\",engine=\"kafka\"} 20",
            "paidonce_dead_letters_total{stage=\"normalize\",engine=\"kafka\"} 2",
            "paidonce_repeats_total{stage=\"normalize\",engine=\"kafka\"} 4",
            "paidonce_commits_total{stage=\"normalize\",engine=\"kafka\"} 2",
            "paidonce_troubles_total{kind=\"unclear\",stage=\"normalize\",engine=\"kafka\"} 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
    }
}
