//! What both engines count, kept by the `prometheus` crate, which shows nowhere else.

use prometheus::{
    CounterVec, GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder,
};

use super::names::{self, Metric};
use super::tasks::{Halted, Sums, Waits};

/// Where commits and waits are told apart, in seconds: fractions of a millisecond up to minutes.
const SECONDS: &[f64] = &[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0];

/// Which engine the process runs; a label of every metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineKind {
    Embedded,
    Kafka,
}

impl EngineKind {
    fn as_str(self) -> &'static str {
        match self {
            EngineKind::Embedded => "embedded",
            EngineKind::Kafka => "kafka",
        }
    }
}

/// Declares the struct and registers each field under its entry of the table.
macro_rules! metrics {
    ($($field:ident: $type:ident = $name:ident;)*) => {
        /// Every metric of the table.
        pub struct Metrics {
            registry: Registry,
            pub(super) lags: Sums,
            pub(super) states: Sums,
            pub(super) owned: Sums,
            pub(super) waits: Waits,
            pub(super) halted: Halted,
            $(pub(crate) $field: $type,)*
        }

        impl Metrics {
            /// Metrics of one process. None shows before it was first counted, but for those of closed sets that
            /// [`Metrics::begin_tasks`] and [`Metrics::begin_views`] lay at 0.
            pub fn new(engine: EngineKind) -> Metrics {
                let label = [("engine".to_owned(), engine.as_str().to_owned())].into();
                let registry = Registry::new_custom(None, Some(label)).expect("no prefix is a valid prefix");
                let (lags, states, owned) = (Sums::default(), Sums::default(), Sums::default());
                let metrics = Metrics {
                    $($field: $type::registered(&registry, &names::$name),)*
                    registry, lags, states, owned, waits: Waits::default(), halted: Halted::default(),
                };
                metrics.build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
                metrics.watch_process();
                metrics
            }
        }

        /// The entries of the table that are bound, for the test that none is missing.
        #[cfg(test)]
        const BOUND: &[Metric] = &[$(names::$name,)*];
    };
}

metrics! {
    build: IntGaugeVec = BUILD;
    configuration: IntGaugeVec = CONFIGURATION;
    stage_in: IntCounterVec = STAGE_IN;
    stage_out: IntCounterVec = STAGE_OUT;
    stage_published: IntCounterVec = STAGE_PUBLISHED;
    state_changes: IntCounterVec = STATE_CHANGES;
    rows: IntCounterVec = ROWS;
    controls: IntCounterVec = CONTROLS;
    files: IntCounterVec = FILES;
    records: IntCounterVec = RECORDS;
    rejects: IntCounterVec = REJECTS;
    rejects_withdrawn: IntCounterVec = REJECTS_WITHDRAWN;
    findings: IntCounterVec = FINDINGS;
    findings_withdrawn: IntCounterVec = FINDINGS_WITHDRAWN;
    accrued: IntCounterVec = ACCRUED;
    authorised: IntCounterVec = AUTHORISED;
    paid: IntCounterVec = PAID;
    prevented: IntCounterVec = PREVENTED;
    published: IntCounterVec = PUBLISHED;
    commits: IntCounterVec = COMMITS;
    commit_time: HistogramVec = COMMIT_TIME;
    commit_bytes: IntCounterVec = COMMIT_BYTES;
    troubles: IntCounterVec = TROUBLES;
    repeats: IntCounterVec = REPEATS;
    dead_letters: IntCounterVec = DEAD_LETTERS;
    recoveries: IntCounterVec = RECOVERIES;
    recovery_time: HistogramVec = RECOVERY_TIME;
    folded: IntCounterVec = FOLDED;
    tasks: IntGaugeVec = TASKS;
    tasks_stopped: IntGaugeVec = TASKS_STOPPED;
    lag_records: IntGaugeVec = LAG_RECORDS;
    lag_time: GaugeVec = LAG_TIME;
    freshness: HistogramVec = FRESHNESS;
    last_commit: GaugeVec = LAST_COMMIT;
    position: IntGaugeVec = POSITION;
    cache_hits: IntCounterVec = CACHE_HITS;
    cache_misses: IntCounterVec = CACHE_MISSES;
    state_bytes: IntGaugeVec = STATE_BYTES;
    store_bytes: IntGaugeVec = STORE_BYTES;
    store_keys: IntGaugeVec = STORE_KEYS;
    store_fresh: IntGaugeVec = STORE_FRESH;
    store_stalled: CounterVec = STORE_STALLED;
}

impl Metrics {
    /// Says which configuration is in force.
    pub fn configured(&self, digest: &contract::Id) {
        self.configuration.reset();
        self.configuration.with_label_values(&[&digest.to_string()[..12]]).set(1);
    }

    /// All metrics in Prometheus' text format.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let encoded = TextEncoder::new().encode_utf8(&self.registry.gather(), &mut text);
        encoded.expect("metrics of one registry have one kind each");
        text
    }

    #[cfg(target_os = "linux")]
    fn watch_process(&self) {
        let process = prometheus::process_collector::ProcessCollector::for_self();
        self.registry.register(Box::new(process)).expect("names of the process stand once");
    }

    #[cfg(not(target_os = "linux"))]
    fn watch_process(&self) {}
}

/// A family of metrics as the table has it.
trait Registered: Sized {
    fn registered(registry: &Registry, metric: &Metric) -> Self;
}

macro_rules! registered {
    ($($type:ident: $options:expr;)*) => {
        $(impl Registered for $type {
            fn registered(registry: &Registry, metric: &Metric) -> $type {
                let options: fn(&Metric) -> _ = $options;
                let family = $type::new(options(metric), metric.labels).expect("the table holds valid names");
                registry.register(Box::new(family.clone())).expect("the table holds each name once");
                family
            }
        })*
    };
}

registered! {
    IntCounterVec: |metric| Opts::new(metric.name, metric.meaning);
    CounterVec: |metric| Opts::new(metric.name, metric.meaning);
    IntGaugeVec: |metric| Opts::new(metric.name, metric.meaning);
    GaugeVec: |metric| Opts::new(metric.name, metric.meaning);
    HistogramVec: |metric| HistogramOpts::new(metric.name, metric.meaning).buckets(SECONDS.to_vec());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_of_the_table_is_bound_once() {
        assert_eq!(BOUND, names::ALL);
    }

    #[test]
    fn every_metric_carries_the_engine() {
        let metrics = Metrics::new(EngineKind::Kafka);
        metrics.stage_in.with_label_values(&["units"]).inc_by(3);
        metrics.configured(&contract::Id([0xab; 16]));
        let text = metrics.text();
        assert!(text.contains("paidonce_stage_records_in_total{stage=\"units\",engine=\"kafka\"} 3\n"), "{text}");
        assert!(text.contains("paidonce_config_version_info{digest=\"abababababab\",engine=\"kafka\"} 1\n"), "{text}");
    }
}
