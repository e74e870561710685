//! The tasks of the Kafka engine: what each tells of its transactions becomes metrics, summed over a stage.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus::{IntGauge, IntGaugeVec};
use stream::kafka::INTAKE_NAME;

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
    by_task: Mutex<BTreeMap<(&'static str, u16), Option<i64>>>,
}

impl Sums {
    /// Sets one task's part.
    fn set(&self, gauge: &IntGaugeVec, stage: &'static str, partition: u16, part: u64) {
        self.change(gauge, stage, |by_task| {
            by_task.insert((stage, partition), Some(i64::try_from(part).unwrap_or(i64::MAX)));
        });
    }

    /// One task's part is not known for now: a sum of the others would look like that of all.
    fn lose(&self, gauge: &IntGaugeVec, stage: &'static str, partition: u16) {
        self.change(gauge, stage, |by_task| {
            by_task.insert((stage, partition), None);
        });
    }

    /// Takes one task's part out.
    fn take_out(&self, gauge: &IntGaugeVec, stage: &'static str, partition: u16) {
        self.change(gauge, stage, |by_task| {
            by_task.remove(&(stage, partition));
        });
    }

    fn change(
        &self,
        gauge: &IntGaugeVec,
        stage: &'static str,
        change: impl FnOnce(&mut BTreeMap<(&'static str, u16), Option<i64>>),
    ) {
        let mut by_task = self.by_task.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut by_task);
        let mut parts = by_task.range((stage, 0)..=(stage, u16::MAX)).map(|(_, part)| *part);
        match parts.try_fold(0, |sum: i64, part| Some(sum.saturating_add(part?))) {
            Some(sum) => gauge.with_label_values(&[stage]).set(sum),
            None => forget(gauge.remove_label_values(&[stage])),
        }
    }
}

/// That a series was not there is as well.
fn forget(_removed: prometheus::Result<()>) {}

/// How long a task's input has waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    Nothing,
    /// At most since then, in milliseconds since 1970.
    Since(u64),
    Unknown,
}

/// Since when each task's input has waited.
#[derive(Default)]
pub(super) struct Waits {
    by_task: Mutex<BTreeMap<(&'static str, u16), Wait>>,
}

impl Waits {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<(&'static str, u16), Wait>> {
        self.by_task.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes how much waits for a task, where that is known; the last record that it has taken had been written at `taken`.
    fn note(&self, stage: &'static str, partition: u16, records: Option<u64>, taken: Option<u64>, now: Duration) {
        let mut by_task = self.lock();
        let wait = by_task.entry((stage, partition)).or_insert(Wait::Nothing);
        *wait = match (records, taken, *wait) {
            (Some(0), _, _) => Wait::Nothing,
            (Some(_), Some(taken), _) => Wait::Since(taken),
            // What waited waits still.
            (_, None, Wait::Since(since)) | (None, _, Wait::Since(since)) => Wait::Since(since),
            (Some(_), None, _) => Wait::Since(u64::try_from(now.as_millis()).unwrap_or(u64::MAX)),
            (None, _, _) => Wait::Unknown,
        };
    }

    /// The longest wait of each stage; `None` where one that does not wait as far as is known may do so.
    fn longest(&self, now: Duration) -> BTreeMap<&'static str, Option<Duration>> {
        let mut longest = BTreeMap::new();
        for ((stage, _), wait) in self.lock().iter() {
            let wait = match wait {
                Wait::Nothing => Some(Duration::ZERO),
                Wait::Since(since) => Some(now.saturating_sub(Duration::from_millis(*since))),
                Wait::Unknown => None,
            };
            let found = longest.entry(*stage).or_insert(Some(Duration::ZERO));
            *found = found.zip(wait).map(|(found, wait)| found.max(wait));
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

    /// Changes which tasks of a stage have stopped, and the gauge of them with it.
    fn change(&self, stage: &str, gauge: &IntGauge, change: impl FnOnce(&mut BTreeMap<(&'static str, u16), String>)) {
        let mut tasks = self.lock();
        change(&mut tasks);
        let stopped = tasks.keys().filter(|(of, _)| *of == stage).count();
        gauge.set(i64::try_from(stopped).unwrap_or(i64::MAX));
    }
}

/// Kinds of troubles.
const TROUBLES: [&str; 6] = ["unclear", "fenced", "gap", "repair", "rebuilt", "stopped"];

impl Metrics {
    /// Lays at 0 what a process of these stages, or of the intake, counts: what is there when it first happens is no rise to
    /// whoever watches.
    pub fn begin_tasks(&self, stages: &[&'static str]) {
        for stage in stages.iter().copied() {
            for counter in [
                &self.stage_in,
                &self.stage_out,
                &self.stage_published,
                &self.controls,
                &self.commits,
                &self.commit_bytes,
                &self.repeats,
                &self.dead_letters,
                &self.recoveries,
                &self.folded,
            ] {
                counter.with_label_values(&[stage]);
            }
            self.recovery_time.with_label_values(&[stage]);
            self.freshness.with_label_values(&[stage]);
            for kind in TROUBLES {
                self.troubles.with_label_values(&[stage, kind]);
            }
            // The intake is one for all.
            for gauge in [&self.tasks, &self.tasks_stopped].into_iter().filter(|_| stage != INTAKE_NAME) {
                gauge.with_label_values(&[stage]).set(0);
            }
        }
    }

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

    /// Records of a task's input that are still to come, where that is known; the last one that was taken had been written at
    /// `taken`.
    pub fn lag(&self, stage: &'static str, partition: u16, records: Option<u64>, taken: Option<u64>) {
        match records {
            Some(records) => self.lags.set(&self.lag_records, stage, partition, records),
            None => self.lags.lose(&self.lag_records, stage, partition),
        }
        self.waits.note(stage, partition, records, taken, since_1970());
    }

    /// Brings up to date what grows while nothing happens.
    pub fn refresh(&self) {
        for (stage, wait) in self.waits.longest(since_1970()) {
            match wait {
                Some(wait) => self.lag_time.with_label_values(&[stage]).set(wait.as_secs_f64()),
                None => forget(self.lag_time.remove_label_values(&[stage])),
            }
        }
    }

    /// Bytes of a task's store.
    pub fn state(&self, stage: &'static str, partition: u16, bytes: u64) {
        self.states.set(&self.state_bytes, stage, partition, bytes);
    }

    /// Something happened to a task.
    pub fn happened(&self, stage: &'static str, partition: u16, what: Happening<'_>) {
        let trouble = |kind| self.troubles.with_label_values(&[stage, kind]).inc();
        match what {
            Happening::Assigned => self.owned.set(&self.tasks, stage, partition, 1),
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
                let stopped = &self.tasks_stopped.with_label_values(&[stage]);
                self.halted.change(stage, stopped, |tasks| drop(tasks.insert((stage, partition), why.to_owned())));
                trouble("stopped");
            }
        }
    }

    /// A task that went to another process is that one's to tell of.
    fn forget(&self, stage: &'static str, partition: u16) {
        for (gauge, sums) in
            [(&self.tasks, &self.owned), (&self.lag_records, &self.lags), (&self.state_bytes, &self.states)]
        {
            sums.take_out(gauge, stage, partition);
        }
        self.waits.lock().insert((stage, partition), Wait::Nothing);
        let stopped = &self.tasks_stopped.with_label_values(&[stage]);
        self.halted.change(stage, stopped, |tasks| drop(tasks.remove(&(stage, partition))));
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
            metrics.lag("units", partition, Some(5), None);
        }
        metrics.lag("ledger", 0, Some(100), None);
        metrics.lag("units", 1, Some(7), None);
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
        metrics.lag("units", 0, Some(3), ago(50));
        metrics.lag("units", 1, Some(3), ago(500));
        metrics.lag("ledger", 0, Some(0), ago(900));
        metrics.refresh();
        let waits = |stage| metrics.lag_time.with_label_values(&[stage]).get().round();
        assert!((500.0..510.0).contains(&waits("units")), "{}", waits("units"));
        assert_eq!(waits("ledger"), 0.0);
        metrics.happened("units", 1, Happening::Revoked);
        metrics.refresh();
        assert!((50.0..60.0).contains(&waits("units")), "{}", waits("units"));
    }

    #[test]
    fn what_is_not_known_is_not_told_and_what_waited_waits_still() {
        let metrics = Metrics::new(EngineKind::Kafka);
        let shows = |name: &str| {
            metrics.refresh();
            metrics.text().lines().any(|line| line.starts_with(&format!("{name}{{stage=\"units\"")))
        };
        let both = || [shows("paidonce_lag_records"), shows("paidonce_lag_seconds")];
        metrics.lag("units", 0, Some(2), Some(1));
        metrics.lag("units", 1, Some(0), None);
        assert_eq!(both(), [true, true]);
        metrics.lag("units", 1, None, None);
        assert_eq!(both(), [false, false], "something may wait for it by now");
        metrics.lag("units", 1, Some(3), None);
        metrics.lag("units", 0, None, None);
        assert_eq!(both(), [false, true], "what waited has not been taken since");
        metrics.happened("units", 0, Happening::Revoked);
        assert_eq!((both(), metrics.lag_records.with_label_values(&["units"]).get()), ([true, true], 3));
    }

    #[test]
    fn input_that_was_never_taken_from_waits_since_it_is_known() {
        let (waits, at) = (Waits::default(), Duration::from_secs);
        waits.note("units", 0, Some(10), None, at(100));
        waits.note("units", 0, Some(12), None, at(130));
        assert_eq!(waits.longest(at(150))["units"], Some(at(50)));
        waits.note("units", 0, Some(0), None, at(160));
        assert_eq!(waits.longest(at(170))["units"], Some(at(0)));
    }

    #[test]
    fn troubles_and_stopped_tasks_stand_at_0_from_the_start() {
        let metrics = Metrics::new(EngineKind::Kafka);
        metrics.begin_tasks(&["units"]);
        let shows = |line: &str| metrics.text().lines().any(|found| found == line);
        for kind in TROUBLES {
            assert!(shows(&format!("paidonce_troubles_total{{kind=\"{kind}\",stage=\"units\",engine=\"kafka\"}} 0")));
        }
        assert!(shows("paidonce_dead_letters_total{stage=\"units\",engine=\"kafka\"} 0"));
        let stopped = || metrics.tasks_stopped.with_label_values(&["units"]).get();
        metrics.happened("units", 2, Happening::Stopped { why: "w" });
        metrics.happened("units", 1, Happening::Stopped { why: "w" });
        assert_eq!(stopped(), 2);
        metrics.happened("units", 2, Happening::Revoked);
        assert_eq!(stopped(), 1);
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
