//! A schema registry of a test's own: Apicurio Registry on loopback, in memory, gone with the test.
//!
//! `./dev` fetches its packages and names their folder in `PAIDONCE_REGISTRY`.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use crate::broker::free_addresses;

/// Names the folder with the registry's Java packages.
pub const PACKAGES: &str = "PAIDONCE_REGISTRY";
const READY_WITHIN: Duration = Duration::from_secs(180);
const RUNNER: &str = "-runner.jar";

/// A registry at work.
pub struct SchemaRegistry {
    address: SocketAddr,
    process: Child,
    folder: TempDir,
}

impl SchemaRegistry {
    /// Starts one that knows no schema and waits until it answers.
    pub fn start() -> Result<SchemaRegistry> {
        let packages = std::env::var_os(PACKAGES).map(PathBuf::from);
        let packages = packages.with_context(|| format!("{PACKAGES} names no folder; start the tests by ./dev"))?;
        let files = fs::read_dir(&packages)?.filter_map(|entry| Some(entry.ok()?.path()));
        let runner = files.into_iter().find(|path| path.to_string_lossy().ends_with(RUNNER));
        let runner = runner.with_context(|| format!("{} holds no *{RUNNER}", packages.display()))?;
        let folder = tempfile::Builder::new().prefix("paidonce-registry-").tempdir()?;
        let address = free_addresses(1)?[0];
        let log = File::create(folder.path().join("log"))?;
        let mut java = Command::new("java");
        java.args(["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]);
        java.arg(format!("-Dquarkus.http.host={}", address.ip()))
            .arg(format!("-Dquarkus.http.port={}", address.port()));
        java.arg("-jar").arg(runner).current_dir(&folder);
        java.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let process = java.spawn().context("java does not start")?;
        let mut registry = SchemaRegistry { address, process, folder };
        registry.wait_ready()?;
        Ok(registry)
    }

    /// `host:port`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Where Confluent's interface starts.
    pub fn url(&self) -> String {
        format!("http://{}/apis/ccompat/v7", self.address)
    }

    /// Where the registry's own interface starts, which its own client libraries speak.
    pub fn own_url(&self) -> String {
        format!("http://{}/apis/registry/v2", self.address)
    }

    /// Holds a subject to another level of compatibility, as its administrators may.
    pub fn set_level(&self, subject: &str, level: &str) -> Result<()> {
        let body = format!("{{\"compatibility\": \"{level}\"}}");
        let answer = self.ask(&format!("PUT /apis/ccompat/v7/config/{subject}"), &body)?;
        ensure!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        Ok(())
    }

    /// `kill -9`: what it knew is gone.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    fn wait_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + READY_WITHIN;
        while !self.answers() {
            if let Some(ended) = self.process.try_wait()? {
                bail!("the registry ended ({ended})\n{}", self.told());
            }
            ensure!(Instant::now() < deadline, "the registry is not ready\n{}", self.told());
            std::thread::sleep(Duration::from_millis(200));
        }
        Ok(())
    }

    fn answers(&self) -> bool {
        self.ask("GET /apis/ccompat/v7/subjects", "").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
    }

    fn ask(&self, what: &str, body: &str) -> Result<String> {
        let mut stream = TcpStream::connect(self.address)?;
        let (host, length) = (self.address, body.len());
        write!(
            stream,
            "{what} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    fn told(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for SchemaRegistry {
    fn drop(&mut self) {
        // One that was killed already needs no killing.
        let _gone = self.kill();
        if std::thread::panicking() {
            eprintln!("{}", self.told());
        }
    }
}
