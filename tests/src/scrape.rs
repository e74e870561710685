//! Reads what a process serves at `/metrics`.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

/// Values by metric and labels, as they stand on the page: `name{a="b"}`.
pub type Sample = BTreeMap<String, f64>;

/// Where a process serves, as it has told in its log, once it is ready there.
///
/// # Errors
/// It is not ready in time.
pub fn ready_at(log: &Path, within: Duration) -> Result<String> {
    let deadline = Instant::now() + within;
    loop {
        let text = std::fs::read_to_string(log).unwrap_or_default();
        // The last one: a process that was started again writes to the same log.
        let told = text.lines().rev().find_map(|line| line.strip_prefix("metrics: http://"));
        let address = told.and_then(|told| told.strip_suffix("/metrics"));
        if let Some(address) = address.filter(|address| get(address, "/readyz").is_ok()) {
            return Ok(address.to_owned());
        }
        if Instant::now() > deadline {
            bail!("nothing is ready that {} tells of", log.display());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// All metrics of a process as they are now.
///
/// # Errors
/// Nobody answers.
pub fn scrape(address: &str) -> Result<Sample> {
    let page = get(address, "/metrics")?;
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.filter_map(|line| line.rsplit_once(' '));
    pairs.map(|(name, value)| Ok((name.to_owned(), value.parse().context("a value is a number")?))).collect()
}

/// What is served under a path.
///
/// # Errors
/// Nobody answers, or not with 200.
pub fn get(address: &str, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    // By the older version, in which no body comes in chunks.
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("an answer has a body")?;
    let status = head.lines().next().unwrap_or_default();
    ensure!(status.split(' ').nth(1) == Some("200"), "{path}: {status} {body}");
    Ok(body.to_owned())
}

/// The sum of a metric over all lines whose labels hold these, each as `name="value"`.
pub fn sum(sample: &Sample, metric: &str, labels: &[&str]) -> f64 {
    let is_wanted = |name: &str| {
        let (family, found) = name.split_once('{').unwrap_or((name, ""));
        family == metric && labels.iter().all(|label| found.contains(label))
    };
    sample.iter().filter(|(name, _)| is_wanted(name)).map(|(_, value)| value).sum()
}
