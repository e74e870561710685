//! How the product tells about itself while it works: metrics over HTTP, and spans to logs and a collector.
//!
//! Nothing here decides anything: an engine that is watched yields the same bytes as one that is not.

pub mod embedded;
pub mod http;
mod kafka;
pub mod metrics;
pub mod names;
mod pulse;
pub mod tasks;
pub mod trace;
mod views;

use crate::say::say;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

pub use embedded::Embedded;
pub use metrics::{EngineKind, Metrics};
use pulse::Pulse;
use stream::kafka::{Cluster, TransportError};
pub use views::compared_views;

/// An address as people write it: `PORT` on loopback, or `HOST:PORT`.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.parse::<u16>() {
        return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    }
    let found = text.to_socket_addrs().ok().and_then(|mut found| found.next());
    found.ok_or_else(|| "write an address as PORT (on this machine alone) or HOST:PORT".to_owned())
}

/// Serves the metrics of the embedded engine until the result is dropped, and says where on stderr.
///
/// # Errors
/// The address is taken, or is none of this machine.
pub fn serve_embedded(at: SocketAddr) -> anyhow::Result<Served> {
    let metrics = Arc::new(Metrics::new(EngineKind::Embedded));
    metrics.begin_views();
    let embedded = Arc::new(Embedded::new(Arc::clone(&metrics)));
    let told = http::Told {
        text: {
            let (metrics, embedded) = (Arc::clone(&metrics), Arc::clone(&embedded));
            Box::new(move || {
                embedded.refresh();
                metrics.text()
            })
        },
        ready: {
            let embedded = Arc::clone(&embedded);
            Box::new(move || if embedded.is_ready() { Ok(()) } else { Err("engine: state is not open yet".into()) })
        },
    };
    let server = http::serve(at, told)?;
    say!("metrics: http://{}/metrics", server.address());
    Ok(Served { metrics, embedded, _server: server })
}

/// Serves the metrics of a process of the Kafka engine until the result is dropped, and says where on stderr.
///
/// `/readyz` answers well once the process has set [`ServedTasks::ready`], as long as its brokers answer and none of its tasks has
/// stopped.
///
/// # Errors
/// The address is taken, or is none of this machine.
pub fn serve_tasks(at: SocketAddr) -> anyhow::Result<ServedTasks> {
    let metrics = Arc::new(Metrics::new(EngineKind::Kafka));
    let ready = Arc::new(AtomicBool::new(false));
    let pulse = Arc::new(Pulse::default());
    let (shown, watched, asked) = (Arc::clone(&metrics), Arc::clone(&metrics), Arc::clone(&ready));
    let felt = Arc::clone(&pulse);
    let is_ready = move || match watched.halted() {
        _ if !asked.load(Ordering::Relaxed) => Err("brokers: not joined yet".to_owned()),
        Some(why) => Err(why),
        None => felt.is_felt(Instant::now()),
    };
    let text = move || {
        shown.refresh();
        shown.text()
    };
    let told = http::Told { text: Box::new(text), ready: Box::new(is_ready) };
    let server = http::serve(at, told)?;
    say!("metrics: http://{}/metrics", server.address());
    Ok(ServedTasks { metrics, ready, pulse, _server: server })
}

/// Metrics of a process of the Kafka engine, served.
pub struct ServedTasks {
    pub metrics: Arc<Metrics>,
    pub ready: Arc<AtomicBool>,
    pulse: Arc<Pulse>,
    _server: http::Server,
}

impl ServedTasks {
    /// Begins to serve for a process of these stages on a cluster: it is not ready where the brokers do not answer.
    ///
    /// # Errors
    /// A setting of the cluster's is one of ours.
    pub fn begin(&self, cluster: &Cluster, stages: &[&'static str]) -> Result<(), TransportError> {
        self.metrics.begin_tasks(stages);
        self.pulse.watch(cluster)
    }
}

/// Metrics of the embedded engine, served.
pub struct Served {
    pub metrics: Arc<Metrics>,
    pub embedded: Arc<Embedded>,
    _server: http::Server,
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    fn get(at: SocketAddr, path: &str) -> String {
        let mut stream = std::net::TcpStream::connect(at).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn a_process_of_tasks_is_ready_when_it_says_so_and_its_port_is_free_after_it() {
        let served = serve_tasks(address("0").unwrap()).unwrap();
        let at = served._server.address();
        served.metrics.happened("units", 3, tasks::Happening::Assigned);
        assert!(get(at, "/readyz").starts_with("HTTP/1.1 503 "));
        served.ready.store(true, Ordering::Relaxed);
        assert!(get(at, "/readyz").starts_with("HTTP/1.1 200 "));
        assert!(get(at, "/metrics").contains("paidonce_tasks{stage=\"units\",engine=\"kafka\"} 1\n"));
        served.metrics.happened("units", 3, tasks::Happening::Stopped { why: "its disk is full" });
        let halted = get(at, "/readyz");
        assert!(halted.starts_with("HTTP/1.1 503 "), "{halted}");
        assert!(halted.ends_with("\r\n\r\nunits, partition 3 has stopped: its disk is full\n"), "{halted}");
        assert!(
            get(at, "/livez").starts_with("HTTP/1.1 200 "),
            "whoever starts it again only for that does so in vain"
        );
        // Another process has taken it over.
        served.metrics.happened("units", 3, tasks::Happening::Revoked);
        assert!(get(at, "/readyz").starts_with("HTTP/1.1 200 "));
        let long_ago = Instant::now().checked_sub(std::time::Duration::from_secs(31)).unwrap();
        served.pulse.beat("here:1", long_ago);
        assert!(get(at, "/readyz").contains("\r\n\r\nbrokers here:1 have not answered for "));
        served.pulse.beat("here:1", Instant::now());
        assert!(get(at, "/readyz").starts_with("HTTP/1.1 200 "));
        let taken = serve_tasks(at).err().expect("two do not listen at one place");
        assert!(taken.to_string().contains("metrics cannot be served at"), "{taken}");
        let idle = std::net::TcpStream::connect(at).unwrap();
        drop(served);
        drop(idle);
        assert!(std::net::TcpStream::connect(at).is_err());
    }

    #[test]
    fn a_port_alone_is_of_this_machine_alone() {
        assert_eq!(address("9000").unwrap().to_string(), "127.0.0.1:9000");
        assert_eq!(address("0.0.0.0:9000").unwrap().to_string(), "0.0.0.0:9000");
        assert_eq!(address("[::1]:9000").unwrap().to_string(), "[::1]:9000");
        assert!(address("nowhere").is_err());
        assert!(address("70000").is_err());
    }
}
