//! Spans of a real run at the far end of the wire, and a collector that is of no use.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;

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

/// A collector that decodes what it is sent.
fn collector() -> (String, Receiver<(String, ExportTraceServiceRequest)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (send, received) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut reader, send) = (BufReader::new(stream.unwrap()), send.clone());
            std::thread::spawn(move || while request(&mut reader).is_some_and(|request| send.send(request).is_ok()) {});
        }
    });
    (address, received)
}

/// One request on a connection, answered; `None` at its end.
fn request(reader: &mut BufReader<TcpStream>) -> Option<(String, ExportTraceServiceRequest)> {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        head += &line;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").ok()?;
    Some((head, ExportTraceServiceRequest::decode(&body[..]).expect("a collector is sent protobuf")))
}

#[test]
fn spans_of_files_and_commits_reach_a_collector_before_the_run_ends() {
    let scratch = tempfile::tempdir().unwrap();
    let (address, received) = collector();
    ended_well(&run(&scratch.path().join("data"), &[("OTEL_EXPORTER_OTLP_ENDPOINT", &address)]));
    let (mut names, mut services) = (Vec::new(), Vec::new());
    for (head, request) in received.try_iter() {
        assert!(head.starts_with("POST /v1/traces "), "{head}");
        for spans in request.resource_spans {
            let attributes = spans.resource.iter().flat_map(|resource| &resource.attributes);
            services.extend(attributes.filter(|a| a.key == "service.name").map(|a| format!("{:?}", a.value)));
            names.extend(spans.scope_spans.into_iter().flat_map(|scope| scope.spans).map(|span| span.name));
        }
    }
    let count = |name: &str| names.iter().filter(|found| *found == name).count();
    assert!(count("file") >= 5, "{names:?}");
    assert!(count("commit") >= 1, "{names:?}");
    assert!(names.len() < 100, "spans stand for files and commits, not for records: {}", names.len());
    assert!(!services.is_empty() && services.iter().all(|service| service.contains("paidonce")), "{services:?}");
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
