//! A Prometheus of a test's own: the real one on loopback, gone with the test.
//!
//! `./dev` fetches it and names its folder in `PAIDONCE_PROMETHEUS`.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::broker::free_addresses;
use crate::scrape::get;

/// Names the folder with the programs `prometheus` and `promtool`.
pub const PROGRAMS: &str = "PAIDONCE_PROMETHEUS";
const READY_WITHIN: Duration = Duration::from_secs(60);

/// One at work.
pub struct Prometheus {
    address: SocketAddr,
    process: Child,
    folder: TempDir,
}

impl Prometheus {
    /// Starts one by a configuration, with the options that its image starts it with, and waits until it answers.
    pub fn start(configuration: &str) -> Result<Prometheus> {
        let folder = tempfile::Builder::new().prefix("paidonce-prometheus-").tempdir()?;
        let (file, store) = (folder.path().join("prometheus.yml"), folder.path().join("store"));
        fs::write(&file, configuration)?;
        let address = free_addresses(1)?[0];
        let log = File::create(folder.path().join("log"))?;
        let mut command = Command::new(program("prometheus")?);
        command.arg(format!("--config.file={}", file.display()));
        command.arg(format!("--storage.tsdb.path={}", store.display()));
        command.arg(format!("--web.listen-address={address}"));
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let process = command.spawn().context("prometheus does not start")?;
        let mut prometheus = Prometheus { address, process, folder };
        prometheus.wait_ready()?;
        Ok(prometheus)
    }

    /// Health of every target, by its address.
    pub fn targets(&self) -> Result<Vec<(String, String)>> {
        let found = self.ask("/api/v1/targets?state=active")?;
        let targets = found["activeTargets"].as_array().context("targets are a list")?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Ok(targets.iter().map(|target| (text(&target["labels"]["instance"]), text(&target["health"]))).collect())
    }

    /// What an expression gives now, one value for each series; a quantile of nothing is no number.
    pub fn query(&self, expression: &str) -> Result<Vec<f64>> {
        let found = self.ask(&format!("/api/v1/query?query={}", encoded(expression)))?;
        let series = found["result"].as_array().context("a result is a list")?;
        let value = |one: &Value| one["value"][1].as_str().context("a value is a text")?.parse().context("of a number");
        series.iter().map(value).collect()
    }

    fn ask(&self, path: &str) -> Result<Value> {
        let answer: Value = serde_json::from_str(&get(&self.address.to_string(), path)?)?;
        ensure!(answer["status"] == "success", "{path}: {answer}");
        Ok(answer["data"].clone())
    }

    fn wait_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + READY_WITHIN;
        while get(&self.address.to_string(), "/-/ready").is_err() {
            if let Some(ended) = self.process.try_wait()? {
                bail!("prometheus ended ({ended})\n{}", self.told());
            }
            ensure!(Instant::now() < deadline, "prometheus is not ready\n{}", self.told());
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    fn told(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // One that has gone by itself needs no killing.
        let _gone = self.process.kill();
        let _status = self.process.wait();
        if std::thread::panicking() {
            eprintln!("{}", self.told());
        }
    }
}

/// Whether Prometheus takes a configuration, by its own word.
pub fn check(configuration: &Path) -> Result<()> {
    let checked = Command::new(program("promtool")?).args(["check", "config"]).arg(configuration).output()?;
    let told = [checked.stdout, checked.stderr].concat();
    ensure!(checked.status.success(), "{}", String::from_utf8_lossy(&told));
    Ok(())
}

fn program(name: &str) -> Result<PathBuf> {
    let folder = std::env::var_os(PROGRAMS).map(PathBuf::from);
    let folder = folder.with_context(|| format!("{PROGRAMS} names no folder; start the tests by ./dev"))?;
    Ok(folder.join(name))
}

/// As it may stand in an address.
fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}
