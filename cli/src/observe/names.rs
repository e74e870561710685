//! Every metric: the one table that the registry, the page `docs/metrics.md` and dashboards are held against.

use std::fmt::Write;

/// One metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    pub name: &'static str,
    pub kind: Kind,
    pub unit: &'static str,
    pub labels: &'static [&'static str],
    pub meaning: &'static str,
    pub engines: Engines,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// Which engine tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engines {
    Both,
    Embedded,
    Kafka,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        }
    }
}

impl Engines {
    fn as_str(self) -> &'static str {
        match self {
            Engines::Both => "both",
            Engines::Embedded => "embedded",
            Engines::Kafka => "Kafka",
        }
    }
}

macro_rules! metrics {
    ($($id:ident = $name:literal, $kind:ident, $unit:literal, [$($label:literal),*], $engines:ident, $meaning:literal;)*) => {
        $(pub const $id: Metric = Metric {
            name: $name,
            kind: Kind::$kind,
            unit: $unit,
            labels: &[$($label),*],
            meaning: $meaning,
            engines: Engines::$engines,
        };)*

        /// The whole table.
        pub const ALL: &[Metric] = &[$($id,)*];
    };
}

metrics! {
    BUILD = "paidonce_build_info", Gauge, "1", ["version"], Both,
        "the build that runs; always 1";
    CONFIGURATION = "paidonce_config_version_info", Gauge, "1", ["digest"], Both,
        "the configuration in force, by the head of its hash; always 1";
    STAGE_IN = "paidonce_stage_records_in_total", Counter, "records", ["stage"], Both,
        "records that a stage has taken, slices of rows counted as one";
    STAGE_OUT = "paidonce_stage_records_out_total", Counter, "records", ["stage"], Both,
        "records that a stage has sent to the next one";
    STAGE_PUBLISHED = "paidonce_stage_published_total", Counter, "records", ["stage"], Both,
        "records that a stage has published on views";
    STATE_CHANGES = "paidonce_state_changes_total", Counter, "keys", ["stage"], Embedded,
        "keys of state that were written or deleted";
    ROWS = "paidonce_rows_total", Counter, "rows", [], Embedded,
        "rows of feeds that were taken in and committed (a file's verdict and end count as one each)";
    CONTROLS = "paidonce_controls_total", Counter, "controls", ["stage"], Both,
        "controls that were committed: configuration, ticks, commands";
    FILES = "paidonce_files_total", Counter, "files", ["status"], Both,
        "files by the status that their receipt came to";
    RECORDS = "paidonce_records_total", Counter, "records", ["outcome"], Both,
        "records of files by outcome: a record that moves on (parked, then accepted) counts under each";
    REJECTS = "paidonce_rejects_total", Counter, "rejects", ["reason"], Both,
        "rejects by code";
    REJECTS_WITHDRAWN = "paidonce_rejects_withdrawn_total", Counter, "rejects", ["reason"], Both,
        "rejects that no longer hold, by code";
    FINDINGS = "paidonce_findings_total", Counter, "findings", ["code"], Both,
        "findings by code; one that is said again under its id counts once";
    FINDINGS_WITHDRAWN = "paidonce_findings_withdrawn_total", Counter, "findings", ["code"], Both,
        "findings that no longer hold, by code";
    ACCRUED = "paidonce_accrued_micros_total", Counter, "millionths of the currency", ["currency", "direction"], Both,
        "what is due has moved `up` or `down` by; a trend, the ledger is the number";
    AUTHORISED = "paidonce_authorised_micros_total", Counter, "millionths of the currency", ["currency", "direction"], Both,
        "what may be paid has moved by";
    PAID = "paidonce_paid_micros_total", Counter, "millionths of the currency", ["currency", "direction"], Both,
        "what was paid";
    PREVENTED = "paidonce_prevented_micros_total", Counter, "millionths of the currency", ["currency", "direction"], Both,
        "money at risk under blocking and holding findings has moved by; a record with two findings counts twice, and what persons release, or was paid of a claim, stays";
    PUBLISHED = "paidonce_published_total", Counter, "records", ["topic", "change"], Both,
        "records of views by topic: `written` or `deleted`, the last of each key in a commit; on Kafka of those views that are counted otherwise too";
    COMMITS = "paidonce_commits_total", Counter, "commits", ["stage"], Both,
        "epochs (embedded, stage `all`) or transactions (Kafka) that hold";
    COMMIT_TIME = "paidonce_commit_seconds", Histogram, "seconds", ["stage", "phase"], Both,
        "time of a commit by phase: `merge` and `write` (embedded, write with fsync and witness), `publish` and `apply` (Kafka)";
    COMMIT_BYTES = "paidonce_commit_bytes_total", Counter, "bytes", ["stage"], Both,
        "bytes of keys and values, or of outputs, that were committed";
    TROUBLES = "paidonce_troubles_total", Counter, "events", ["stage", "kind"], Kafka,
        "what went wrong beside the work: `unclear`, `fenced`, `gap`, `repair`, `rebuilt`, and `stopped`, which people must see to";
    REPEATS = "paidonce_repeats_total", Counter, "records", ["stage"], Kafka,
        "records that had been taken before and were dropped by their number";
    DEAD_LETTERS = "paidonce_dead_letters_total", Counter, "records", ["stage"], Kafka,
        "records that could not be read and were parked on the topic of dead letters";
    RECOVERIES = "paidonce_recoveries_total", Counter, "recoveries", ["stage"], Kafka,
        "tasks that came to their mark again after a start or a move";
    RECOVERY_TIME = "paidonce_recovery_seconds", Histogram, "seconds", ["stage"], Kafka,
        "time from opening a task to its mark";
    FOLDED = "paidonce_folded_records_total", Counter, "records", ["stage"], Kafka,
        "records folded without sending, on the way to the mark";
    TASKS = "paidonce_tasks", Gauge, "tasks", ["stage"], Kafka,
        "tasks that this process owns, those that have stopped among them";
    TASKS_STOPPED = "paidonce_tasks_stopped", Gauge, "tasks", ["stage"], Kafka,
        "tasks of this process that have stopped: people must see to them";
    LAG_RECORDS = "paidonce_lag_records", Gauge, "records", ["stage"], Both,
        "input that waits: log entries not committed (embedded, stage `all`), records in front of the end, also of tasks that do not move, and log entries that the intake has not published (Kafka); not told while brokers do not say";
    LAG_TIME = "paidonce_lag_seconds", Gauge, "seconds", ["stage"], Both,
        "how long the oldest input waits, at most: for its commit (embedded), since the one in front of it was written, or since this process knows of it (Kafka)";
    FRESHNESS = "paidonce_freshness_seconds", Histogram, "seconds", ["stage"], Both,
        "age of the newest committed input when its results became readable, since it was taken in (embedded) or written to the stage's topic (Kafka)";
    LAST_COMMIT = "paidonce_last_commit_timestamp_seconds", Gauge, "seconds since 1970", ["stage"], Both,
        "when the last commit was";
    POSITION = "paidonce_log_position", Gauge, "entries", ["kind"], Embedded,
        "entries of the log: `committed` and `written`";
    CACHE_HITS = "paidonce_cache_hits_total", Counter, "keys", ["stage"], Embedded,
        "keys of state that were named ahead and lay in memory";
    CACHE_MISSES = "paidonce_cache_misses_total", Counter, "keys", ["stage", "kind"], Embedded,
        "keys that the store was asked for: `ahead` (many at once) or `single` (not named ahead), and `range` reads";
    STATE_BYTES = "paidonce_state_bytes", Gauge, "bytes", ["stage"], Both,
        "state on disk and in memory not yet on disk (embedded: stage `all`)";
    STORE_BYTES = "paidonce_rocksdb_bytes", Gauge, "bytes", ["column", "place"], Embedded,
        "bytes of a column in `tables`, in `memory`, and waiting to be compacted (`pending`)";
    STORE_KEYS = "paidonce_rocksdb_keys", Gauge, "keys", ["column"], Embedded,
        "about how many keys a column holds";
    STORE_FRESH = "paidonce_rocksdb_level0_files", Gauge, "files", ["column"], Embedded,
        "tables that no compaction has touched";
    STORE_STALLED = "paidonce_rocksdb_stall_seconds_total", Counter, "seconds", [], Embedded,
        "time that writes have waited for RocksDB to catch up";
}

/// The page for people.
pub fn page() -> String {
    let mut page = "# Metrics\n\nMade from the table in `cli/src/observe/names.rs`; `UPDATE=1 cargo test -p cli --test metrics` writes it anew.\n\n\
        `paidonce run --metrics ADDR` serves them at `http://ADDR/metrics`; `/livez` answers while the process lives, \
        `/readyz` once the\nengine has opened its state. ADDR is `PORT` (loopback) or `HOST:PORT`. Each metric carries the label `engine` \
        (`embedded` or `kafka`);\non Kafka each process serves its own with `--metrics`, and `paidonce watch` those of files, records, rejects, findings, money and views.\n\
        There `/readyz` is 503, with the reason, until the group is joined, while brokers have not answered for 30 s, and while a task of \
        the process has stopped and waits for people;\n`/livez` stays: starting it again alone helps no such task.\nA stage is `ingest`, `normalize`, `units`, `ledger` or `accrual-sink`, `intake` for the process that publishes what comes in, or `all` where one commit is for all. No label names \
        a partner, a product\nor a person. What has labels from a closed set stands at 0 from the start of the process. Money is for trends only; the ledger is the number. Process metrics (`process_…`) come beside these.\n\n\
        | metric | kind | unit | labels | engine | meaning |\n|---|---|---|---|---|---|\n"
        .to_owned();
    for Metric { name, kind, unit, labels, meaning, engines } in ALL {
        let labels = labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ");
        let (kind, engines) = (kind.as_str(), engines.as_str());
        writeln!(page, "| `{name}` | {kind} | {unit} | {labels} | {engines} | {meaning} |")
            .expect("a string takes text");
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rules_and_labels_name_nobody() {
        for Metric { name, kind, labels, unit, .. } in ALL {
            assert!(name.starts_with("paidonce_"), "{name}");
            assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
            assert!(*kind != Kind::Histogram || (name.ends_with("_seconds") && *unit == "seconds"), "{name}");
            let known = [
                "stage",
                "topic",
                "reason",
                "code",
                "currency",
                "direction",
                "outcome",
                "status",
                "phase",
                "kind",
                "change",
                "column",
                "place",
                "version",
                "digest",
            ];
            assert!(labels.iter().all(|label| known.contains(label)), "{name}");
        }
        let mut names: Vec<_> = ALL.iter().map(|metric| metric.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }
}
