//! `docs/compose/dashboard.json` is as the table here says, and asks for nothing that is not served.

use std::path::Path;

use cli::observe::names::{ALL, Kind, Metric};
use serde_json::{Value, json};

/// A row of panels: its title, then each panel's title, unit, and what it shows with its legend.
type Row = (&'static str, &'static [(&'static str, &'static str, &'static [(&'static str, &'static str)])]);

/// What a counter has moved by in a time. One that was not told before it has moved by all that it tells: `increase` alone leaves
/// out what was counted before Prometheus first looked, and so every first finding of a code and most recoveries.
macro_rules! moved {
    ($before:literal, $counter:literal, $time:literal, $behind:literal) => {
        concat!(
            $before,
            $counter,
            " unless ",
            $counter,
            " offset ",
            $time,
            " or increase(",
            $counter,
            "[",
            $time,
            "])",
            $behind
        )
    };
}

const ROWS: &[Row] = &[
    (
        "What comes in and how far it is",
        &[
            ("Records taken", "cps", &[("sum by (stage) (rate(paidonce_stage_records_in_total[1m]))", "{{stage}}")]),
            (
                "Records sent and published",
                "cps",
                &[
                    ("sum by (stage) (rate(paidonce_stage_records_out_total[1m]))", "{{stage}} sent"),
                    ("sum by (stage) (rate(paidonce_stage_published_total[1m]))", "{{stage}} published"),
                ],
            ),
            ("Lag, records", "short", &[("sum by (stage) (paidonce_lag_records)", "{{stage}}")]),
            (
                "Lag, time",
                "s",
                &[
                    ("max by (stage) (paidonce_lag_seconds)", "{{stage}} oldest waits"),
                    (
                        "time() - max by (stage) (paidonce_last_commit_timestamp_seconds)",
                        "{{stage}} since its last commit",
                    ),
                ],
            ),
            (
                "Freshness",
                "s",
                &[
                    (
                        moved!(
                            "histogram_quantile(0.5, sum by (stage, le) (",
                            "paidonce_freshness_seconds_bucket",
                            "5m",
                            "))"
                        ),
                        "{{stage}} p50",
                    ),
                    (
                        moved!(
                            "histogram_quantile(0.99, sum by (stage, le) (",
                            "paidonce_freshness_seconds_bucket",
                            "5m",
                            "))"
                        ),
                        "{{stage}} p99",
                    ),
                ],
            ),
        ],
    ),
    (
        "What was found",
        &[
            (
                "Rejects by reason",
                "short",
                &[(moved!("sum by (reason) (", "paidonce_rejects_total", "1h", ") > 0"), "{{reason}}")],
            ),
            (
                "Findings by code",
                "short",
                &[(moved!("sum by (code) (", "paidonce_findings_total", "1h", ") > 0"), "{{code}}")],
            ),
            ("Records by outcome", "cps", &[("sum by (outcome) (rate(paidonce_records_total[1m]))", "{{outcome}}")]),
            (
                "Parked as dead letters, dropped as repeats",
                "short",
                &[
                    (moved!("sum by (stage) (", "paidonce_dead_letters_total", "1h", ")"), "{{stage}} dead letters"),
                    (moved!("sum by (stage) (", "paidonce_repeats_total", "1h", ")"), "{{stage}} repeats"),
                ],
            ),
        ],
    ),
    (
        "Money: a trend, the ledger is the number",
        &[
            (
                "Due has moved by, a day",
                "short",
                &[(
                    moved!("sum by (currency, direction) (", "paidonce_accrued_micros_total", "1d", ") / 1e6"),
                    "{{currency}} {{direction}}",
                )],
            ),
            (
                "Authorised and paid, a day",
                "short",
                &[
                    (
                        moved!("sum by (currency, direction) (", "paidonce_authorised_micros_total", "1d", ") / 1e6"),
                        "{{currency}} authorised {{direction}}",
                    ),
                    (
                        moved!("sum by (currency, direction) (", "paidonce_paid_micros_total", "1d", ") / 1e6"),
                        "{{currency}} paid {{direction}}",
                    ),
                ],
            ),
            (
                "Overpayment at stake, a day",
                "short",
                &[(
                    moved!("sum by (currency, direction) (", "paidonce_prevented_micros_total", "1d", ") / 1e6"),
                    "{{currency}} {{direction}}",
                )],
            ),
        ],
    ),
    (
        "How it works",
        &[
            (
                "Time of a commit",
                "s",
                &[
                    (
                        moved!(
                            "histogram_quantile(0.5, sum by (stage, phase, le) (",
                            "paidonce_commit_seconds_bucket",
                            "5m",
                            "))"
                        ),
                        "{{stage}} {{phase}} p50",
                    ),
                    (
                        moved!(
                            "histogram_quantile(0.99, sum by (stage, phase, le) (",
                            "paidonce_commit_seconds_bucket",
                            "5m",
                            "))"
                        ),
                        "{{stage}} {{phase}} p99",
                    ),
                ],
            ),
            (
                "Commits and their bytes",
                "short",
                &[
                    ("sum by (stage) (rate(paidonce_commits_total[1m]))", "{{stage}} commits/s"),
                    ("sum by (stage) (rate(paidonce_commit_bytes_total[1m])) / 1e6", "{{stage}} MB/s"),
                ],
            ),
            ("State", "bytes", &[("sum by (stage) (paidonce_state_bytes)", "{{stage}}")]),
            (
                "Tasks",
                "short",
                &[
                    ("sum by (stage) (paidonce_tasks)", "{{stage}}"),
                    ("sum by (stage) (paidonce_tasks_stopped)", "{{stage}} stopped: people must see to them"),
                ],
            ),
            (
                "Recovery",
                "s",
                &[(
                    moved!(
                        "histogram_quantile(0.99, sum by (stage, le) (",
                        "paidonce_recovery_seconds_bucket",
                        "1h",
                        "))"
                    ),
                    "{{stage}} p99",
                )],
            ),
            (
                "Recoveries and troubles",
                "short",
                &[
                    (moved!("sum by (stage) (", "paidonce_recoveries_total", "1h", ")"), "{{stage}} recoveries"),
                    (moved!("sum by (stage, kind) (", "paidonce_troubles_total", "1h", ")"), "{{stage}} {{kind}}"),
                ],
            ),
        ],
    ),
];

const COLUMNS: u64 = 3;
const WIDTH: u64 = 24 / COLUMNS;
const HEIGHT: u64 = 8;

fn dashboard() -> Value {
    let (mut panels, mut y, mut id) = (Vec::new(), 0, 0);
    let mut next = || {
        id += 1;
        id
    };
    for (title, row) in ROWS {
        panels.push(json!({
            "id": next(), "type": "row", "title": title, "collapsed": false, "panels": [],
            "gridPos": {"x": 0, "y": y, "w": 24, "h": 1},
        }));
        y += 1;
        for (place, (title, unit, shown)) in (0..).zip(*row) {
            let targets = ('A'..).zip(*shown).map(|(letter, (expression, legend))| {
                json!({"refId": letter.to_string(), "expr": expression, "legendFormat": legend})
            });
            panels.push(json!({
                "id": next(), "type": "timeseries", "title": title,
                "datasource": {"type": "prometheus", "uid": "prometheus"},
                "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
                "gridPos": {"x": place % COLUMNS * WIDTH, "y": y + place / COLUMNS * HEIGHT, "w": WIDTH, "h": HEIGHT},
                "targets": targets.collect::<Vec<_>>(),
            }));
        }
        y += (row.len() as u64).div_ceil(COLUMNS) * HEIGHT;
    }
    json!({
        "uid": "paidonce", "title": "paidonce", "schemaVersion": 41, "editable": true, "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"}, "panels": panels,
    })
}

#[test]
fn the_dashboard_is_as_the_table_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/compose/dashboard.json");
    let made = serde_json::to_string_pretty(&dashboard()).unwrap() + "\n";
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let stands = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(stands == made, "{} is stale: UPDATE=1 writes it anew", path.display());
}

fn expressions() -> impl Iterator<Item = &'static str> {
    ROWS.iter()
        .flat_map(|(_, row)| row.iter())
        .flat_map(|(_, _, shown)| shown.iter())
        .map(|(expression, _)| *expression)
}

/// The names of ours in an expression.
fn names(expression: &str) -> impl Iterator<Item = &str> {
    let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("paidonce_"))
}

/// A metric by the name of one of its series.
fn metric(series: &str) -> Option<&'static Metric> {
    ALL.iter().find(|metric| match metric.kind {
        Kind::Histogram => series.strip_prefix(metric.name).is_some_and(|rest| rest == "_bucket"),
        Kind::Counter | Kind::Gauge => metric.name == series,
    })
}

#[test]
fn every_panel_asks_for_metrics_and_labels_of_the_table() {
    for expression in expressions() {
        let metrics: Vec<_> = names(expression)
            .map(|name| metric(name).unwrap_or_else(|| panic!("{name} is no series of the table")))
            .collect();
        assert!(!metrics.is_empty(), "{expression}");
        let (_, by) = expression.split_once("by (").expect("every panel sums over replicas");
        let (labels, _) = by.split_once(')').unwrap();
        for label in labels.split(", ") {
            let is_known =
                |metric: &&Metric| metric.labels.contains(&label) || (label == "le" && metric.kind == Kind::Histogram);
            assert!(metrics.iter().all(is_known), "{label} in {expression}");
        }
        let is_counted = expression.contains("rate(") || expression.contains("increase(");
        assert_eq!(is_counted, metrics.iter().all(|metric| metric.kind != Kind::Gauge), "{expression}");
    }
}
