//! How the product tells about itself while it works: metrics over HTTP, and spans to logs and a collector.
//!
//! Nothing here decides anything: an engine that is watched yields the same bytes as one that is not.

pub mod embedded;
pub mod http;
pub mod metrics;
pub mod names;
pub mod tasks;
pub mod trace;
mod views;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;

pub use embedded::Embedded;
pub use metrics::{EngineKind, Metrics};

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
            Box::new(move || if embedded.is_ready() { Ok(()) } else { Err("engine: state is not open yet") })
        },
    };
    let server = http::serve(at, told)?;
    eprintln!("metrics: http://{}/metrics", server.address());
    Ok(Served { metrics, embedded, _server: server })
}

/// Metrics of the embedded engine, served.
pub struct Served {
    pub metrics: Arc<Metrics>,
    pub embedded: Arc<Embedded>,
    _server: http::Server,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_of_this_machine_alone() {
        assert_eq!(address("9000").unwrap().to_string(), "127.0.0.1:9000");
        assert_eq!(address("0.0.0.0:9000").unwrap().to_string(), "0.0.0.0:9000");
        assert_eq!(address("[::1]:9000").unwrap().to_string(), "[::1]:9000");
        assert!(address("nowhere").is_err());
        assert!(address("70000").is_err());
    }
}
