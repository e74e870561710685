//! `docs/metrics.md` is as the table says, and a real run serves what it counts.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate stands in the workspace")
}

#[test]
fn the_page_of_metrics_is_as_the_table_says() {
    let (path, page) = (root().join("docs/metrics.md"), cli::observe::names::page());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let stands = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(stands == page, "{} is stale: UPDATE=1 writes it anew", path.display());
}

/// A run that waits for more, stopped when dropped.
struct Waiting {
    child: Child,
    address: String,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn waiting_run(data: &Path) -> Waiting {
    let example: PathBuf = root().join("config/example");
    let mut child = Command::new(env!("CARGO_BIN_EXE_paidonce"))
        .args(["run", "--threads", "2", "--as-of", "2013-04-20", "--metrics", "0"])
        .args(["--config".as_ref(), root().join("config").as_os_str()])
        .args(["--data".as_ref(), data.as_os_str()])
        .args(["--feeds".as_ref(), example.join("feeds").as_os_str()])
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut talk = BufReader::new(child.stderr.take().expect("stderr is piped"));
    let mut line = String::new();
    let address = loop {
        line.clear();
        assert!(talk.read_line(&mut line).unwrap() > 0, "the run ended before it served metrics");
        if let Some(rest) = line.trim().strip_prefix("metrics: http://") {
            break rest.trim_end_matches("/metrics").to_owned();
        }
    };
    // The rest is read, so that the run never waits for its reader.
    std::thread::spawn(move || std::io::copy(&mut talk, &mut std::io::sink()));
    Waiting { child, address }
}

fn get(address: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("the address answers");
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split_whitespace().nth(1).and_then(|status| status.parse().ok());
    let (_, body) = answer.split_once("\r\n\r\n").expect("an answer has a body");
    (status.expect("an answer has a status"), body.to_owned())
}

/// The sum over all samples of a metric whose labels hold `label`.
fn sum(text: &str, metric: &str, label: &str) -> f64 {
    let samples = text.lines().filter(|line| line.split(['{', ' ']).next() == Some(metric) && line.contains(label));
    samples.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

/// Asks until the tick has been committed and nothing is on its way.
fn settled(address: &str) -> String {
    let start = Instant::now();
    loop {
        let (status, text) = get(address, "/metrics");
        assert_eq!(status, 200);
        let left = sum(&text, "paidonce_lag_records", "") + sum(&text, "paidonce_lag_seconds", "");
        if sum(&text, "paidonce_authorised_micros_total", "direction=\"up\"") > 0.0 && left == 0.0 {
            return text;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "nothing was authorised within a minute:\n{text}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn export(data: &Path, what: &str) -> Vec<csv::StringRecord> {
    let output = Command::new(env!("CARGO_BIN_EXE_paidonce")).args(["export", what, "--data"]).arg(data).output();
    let output = output.expect("the binary runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    csv::Reader::from_reader(&output.stdout[..]).records().map(|record| record.unwrap()).collect()
}

#[test]
fn a_run_serves_what_it_has_committed() {
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("data");
    let run = waiting_run(&data);
    let text = settled(&run.address);
    assert_eq!(get(&run.address, "/livez").0, 200);
    assert_eq!(get(&run.address, "/readyz"), (200, "ready\n".to_owned()));
    assert_eq!(get(&run.address, "/nothing").0, 404);

    let findings = export(&data, "findings");
    let standing = sum(&text, "paidonce_findings_total", "") - sum(&text, "paidonce_findings_withdrawn_total", "");
    assert!(!findings.is_empty());
    assert_eq!(standing, findings.len() as f64);
    let standing = sum(&text, "paidonce_rejects_total", "") - sum(&text, "paidonce_rejects_withdrawn_total", "");
    assert_eq!(standing, export(&data, "rejects").len() as f64);
    assert_eq!(sum(&text, "paidonce_files_total", ""), export(&data, "receipts").len() as f64);
    let money = |metric| sum(&text, metric, "\"up\"") - sum(&text, metric, "\"down\"");
    let exported = |what, column: usize| -> f64 {
        export(&data, what).iter().map(|row| row[column].parse::<f64>().unwrap()).sum::<f64>() * 1e6
    };
    assert!((money("paidonce_accrued_micros_total") - exported("accruals", 8)).abs() < 1.0);
    assert!((money("paidonce_authorised_micros_total") - exported("authorizations", 5)).abs() < 1.0);
    for (stage, metric) in [
        ("ingest", "paidonce_stage_records_in_total"),
        ("accrual-sink", "paidonce_stage_records_in_total"),
        ("normalize", "paidonce_stage_records_out_total"),
        ("units", "paidonce_cache_misses_total"),
    ] {
        assert!(sum(&text, metric, &format!("stage=\"{stage}\"")) > 0.0, "{metric} of {stage}");
    }
    assert!(sum(&text, "paidonce_commit_seconds_count", "phase=\"write\"") >= 1.0);
    assert!(sum(&text, "paidonce_rocksdb_bytes", "place=\"memory\"") > 0.0);
    assert_eq!(sum(&text, "paidonce_config_version_info", "digest="), 1.0);
}
