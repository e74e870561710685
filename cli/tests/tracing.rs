//! Spans of a real run at the far end of the wire, and a collector that is of no use.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use collector::Collector;

/// The one of the tests on Kafka.
#[path = "../../tests/src/collector.rs"]
mod collector;

/// Takes the example tenant's feeds with these variables set.
fn run(data: &Path, variables: &[(&str, &str)]) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate stands in the workspace");
    let config = root.join("config");
    Command::new(env!("CARGO_BIN_EXE_paidonce"))
        .args(["run", "--until-idle", "--threads", "2", "--as-of", "2013-04-20"])
        .args(["--config".as_ref(), config.as_os_str()])
        .args(["--data".as_ref(), data.as_os_str()])
        .args(["--feeds".as_ref(), config.join("example/feeds").as_os_str()])
        .env_remove("RUST_LOG")
        .envs(variables.iter().copied())
        .output()
        .expect("the binary runs")
}

fn ended_well(output: &Output) -> String {
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    told
}

#[test]
fn spans_of_files_and_commits_reach_a_collector_before_the_run_ends() {
    let scratch = tempfile::tempdir().unwrap();
    let collector = Collector::start();
    ended_well(&run(&scratch.path().join("data"), &[("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url())]));
    let spans = collector.spans();
    let names: Vec<&str> = spans.iter().map(|span| span.name.as_str()).collect();
    let count = |name: &str| names.iter().filter(|found| **found == name).count();
    assert!(count("file") >= 5, "{names:?}");
    assert!(count("commit") >= 1, "{names:?}");
    assert!(names.len() < 100, "spans stand for files and commits, not for records: {}", names.len());
    assert!(spans.iter().all(|span| span.service == "paidonce"), "{spans:?}");
    let fields = ["epoch", "records", "stage"];
    let commits = || spans.iter().filter(|span| span.name == "commit");
    assert!(commits().all(|span| fields.iter().all(|field| span.fields.contains_key(*field))), "{spans:?}");
}

#[test]
fn a_collector_that_never_answers_or_is_not_there_neither_stops_nor_holds_up_a_run() {
    let scratch = tempfile::tempdir().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (name, address) in [("silent", silent.local_addr().unwrap()), ("closed", closed)] {
        let (start, address) = (Instant::now(), format!("http://{address}"));
        let told = ended_well(&run(&scratch.path().join(name), &[("OTEL_EXPORTER_OTLP_ENDPOINT", &address)]));
        assert!(start.elapsed() < Duration::from_secs(20), "{name}: {:?}", start.elapsed());
        assert!(told.contains("Lines in:"), "{told}");
    }
}

#[test]
fn logs_are_silent_unless_asked_for_and_can_be_json() {
    let scratch = tempfile::tempdir().unwrap();
    let quiet = ended_well(&run(&scratch.path().join("quiet"), &[]));
    assert!(!quiet.contains("opentelemetry") && !quiet.contains("INFO"), "{quiet}");
    let json = [("RUST_LOG", "info"), ("PAIDONCE_LOG", "json")];
    let told = ended_well(&run(&scratch.path().join("json"), &json));
    let lines = told.lines().filter(|line| line.starts_with('{'));
    let lines: Vec<serde_json::Value> = lines.map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
    assert!(lines.iter().any(|line| line["span"]["name"] == "commit" && line["span"]["epoch"] == 1), "{told}");
    let wrong = run(&scratch.path().join("wrong"), &[("RUST_LOG", "paidonce=loudly")]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("RUST_LOG=\"paidonce=loudly\" is no filter"));
}
