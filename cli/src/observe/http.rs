//! `/metrics`, `/livez` and `/readyz`, on a thread of their own.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::Context;
use axum::Router;
use axum::http::{StatusCode, header::CONTENT_TYPE};
use axum::routing::get;
use tokio::sync::oneshot;

/// What the pages show.
pub struct Told {
    /// All metrics as text.
    pub text: Box<dyn Fn() -> String + Send + Sync>,
    /// What the process still waits for, or needs people for.
    pub ready: Box<dyn Fn() -> Result<(), String> + Send + Sync>,
}

/// Answers until it is dropped.
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Where it listens; with port 0 the system has chosen one.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::warn!("server of metrics has panicked");
        }
    }
}

/// Listens at `at`.
///
/// # Errors
/// The address is taken, or is none of this machine.
pub fn serve(at: SocketAddr, told: Told) -> anyhow::Result<Server> {
    let listener = TcpListener::bind(at).with_context(|| format!("metrics cannot be served at {at}"))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let thread = std::thread::Builder::new().name("metrics".to_owned()).spawn(move || {
        let served = runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            // A client that keeps its connection open does not hold up the end of the process.
            tokio::select! {
                served = async { axum::serve(listener, router(Arc::new(told))).await } => served,
                _ = stopped => Ok(()),
            }
        });
        if let Err(error) = served {
            tracing::warn!(%error, "metrics are served no more");
        }
    })?;
    Ok(Server { address, stop: Some(stop), thread: Some(thread) })
}

fn router(told: Arc<Told>) -> Router {
    let ready = Arc::clone(&told);
    let metrics = move || async move { ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], (told.text)()) };
    let readyz = move || async move {
        match (ready.ready)() {
            Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
            Err(waits) => (StatusCode::SERVICE_UNAVAILABLE, format!("{waits}\n")),
        }
    };
    Router::new()
        .route("/metrics", get(metrics))
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(readyz))
}
