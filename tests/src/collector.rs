//! A collector of spans on loopback that decodes what it is sent.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use prost::Message;

/// Takes spans as long as it lives.
pub struct Collector {
    url: String,
    received: Receiver<ExportTraceServiceRequest>,
}

/// A span that arrived.
#[derive(Clone, Debug)]
pub struct Received {
    pub service: String,
    pub name: String,
    pub fields: BTreeMap<String, String>,
}

impl Collector {
    /// # Panics
    /// Loopback has no address left; later, when it is sent something else than spans.
    pub fn start() -> Collector {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let url = format!("http://{}", listener.local_addr().expect("a listener has an address"));
        let (send, received) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut reader, send) = (BufReader::new(stream.expect("a connection comes in")), send.clone());
                std::thread::spawn(
                    move || {
                        while request(&mut reader).is_some_and(|request| send.send(request).is_ok()) {}
                    },
                );
            }
        });
        Collector { url, received }
    }

    /// For `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What has arrived since it was last asked.
    pub fn spans(&self) -> Vec<Received> {
        let mut spans = Vec::new();
        for resource in self.received.try_iter().flat_map(|request| request.resource_spans) {
            let about = resource.resource.map_or_else(BTreeMap::new, |resource| fields(resource.attributes));
            let service = about.get("service.name").cloned().unwrap_or_default();
            for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                let (service, fields) = (service.clone(), fields(span.attributes));
                spans.push(Received { service, name: span.name, fields });
            }
        }
        spans
    }
}

fn fields(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    attributes.into_iter().map(|KeyValue { key, value, .. }| (key, text(value))).collect()
}

fn text(value: Option<AnyValue>) -> String {
    match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}

/// One request on a connection, answered; `None` at its end.
fn request(reader: &mut BufReader<TcpStream>) -> Option<ExportTraceServiceRequest> {
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
            length = value.trim().parse().expect("a length is a number");
        }
        head += &line;
    }
    assert!(head.starts_with("POST /v1/traces "), "{head}");
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").ok()?;
    Some(ExportTraceServiceRequest::decode(&body[..]).expect("a collector is sent protobuf"))
}
