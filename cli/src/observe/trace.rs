//! Spans and events: to stderr where `RUST_LOG` asks for them, to an OpenTelemetry collector where
//! `OTEL_EXPORTER_OTLP_ENDPOINT` names one.
//!
//! A span stands for an epoch, a commit, a recovery or a file, never for a record. Export happens on a thread of its own from a
//! bounded queue: a collector that is slow or gone costs spans, never time.

use std::time::Duration;

use crate::say::say;
use anyhow::Context;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider};
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt};

/// Longest that one export, and the flush at the end of the process, may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// Spans that wait for export; more are dropped.
const QUEUE: usize = 4096;
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
/// Spans that go to a collector where `PAIDONCE_TRACE` says nothing. Tasks on Kafka commit many times a second: too often for
/// lines on stderr, not for a collector.
const EXPORTED: &str = "info,stream::kafka=debug";

/// Sends what is left when it is dropped.
pub struct Tracing {
    provider: Option<SdkTracerProvider>,
}

impl Drop for Tracing {
    fn drop(&mut self) {
        if let Some(provider) = self.provider.take()
            && let Err(error) = provider.shutdown_with_timeout(PATIENCE)
        {
            say!("note: not all spans reached the collector: {error}");
        }
    }
}

/// Starts what the environment asks for: nothing, unless one of its variables is set.
///
/// `RUST_LOG` filters what goes to stderr, a line where a span ends (`PAIDONCE_LOG=json`: one JSON object a line), `PAIDONCE_TRACE` what goes to
/// the collector.
///
/// # Errors
/// A filter or the collector's address cannot be read.
pub fn start() -> anyhow::Result<Tracing> {
    let provider = if asked(&ENDPOINTS) { Some(provider()?) } else { None };
    let mut layers: Vec<Box<dyn Layer<Registry> + Send + Sync>> = Vec::new();
    if let Some(provider) = &provider {
        let exported = tracing_opentelemetry::layer().with_tracer(provider.tracer("paidonce"));
        layers.push(exported.with_filter(filter("PAIDONCE_TRACE", EXPORTED)?).boxed());
    }
    if asked(&["RUST_LOG"]) {
        let written = fmt::layer().with_writer(std::io::stderr).with_span_events(FmtSpan::CLOSE);
        let written = match std::env::var("PAIDONCE_LOG").as_deref() {
            Ok("json") => written.json().with_filter(filter("RUST_LOG", "info")?).boxed(),
            _ => written.with_filter(filter("RUST_LOG", "info")?).boxed(),
        };
        layers.push(written);
    }
    if !layers.is_empty() {
        tracing_subscriber::registry().with(layers).try_init().context("spans are listened to already")?;
    }
    Ok(Tracing { provider })
}

fn asked(variables: &[&str]) -> bool {
    variables.iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// The exporter's own HTTP client is not traced, else each export would make spans to export.
fn filter(variable: &str, usual: &str) -> anyhow::Result<EnvFilter> {
    let text = std::env::var(variable).unwrap_or_else(|_| usual.to_owned());
    let filter = EnvFilter::try_new(&text).with_context(|| format!("{variable}={text:?} is no filter"))?;
    let quiet = ["hyper", "hyper_util", "reqwest", "opentelemetry"].map(|crate_name| format!("{crate_name}=off"));
    quiet.into_iter().try_fold(filter, |filter, directive| Ok(filter.add_directive(directive.parse()?)))
}

fn provider() -> anyhow::Result<SdkTracerProvider> {
    let exporter = SpanExporter::builder().with_http().with_protocol(Protocol::HttpBinary).with_timeout(PATIENCE);
    let exporter = exporter.build().context("collector of spans cannot be used")?;
    let config = BatchConfigBuilder::default().with_max_queue_size(QUEUE).build();
    let processor = BatchSpanProcessor::builder(exporter).with_batch_config(config).build();
    let mut resource = Resource::builder();
    if !asked(&["OTEL_SERVICE_NAME"]) {
        resource = resource.with_service_name("paidonce");
    }
    Ok(SdkTracerProvider::builder().with_span_processor(processor).with_resource(resource.build()).build())
}
