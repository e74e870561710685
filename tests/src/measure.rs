//! How long the pipeline takes, and the two floors under it. Each is meant to run in a process of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use anyhow::{Context, Result};
use cli::configuration::{self, Configuration};
use cli::run::{Options, SETTLE_AFTER, run};
use contract::Day;
use ingest::{Arrival, Limits, fingerprint};
use serde_json::{Map, Value, json};
use stream::floor::{self, Load};
use stream::store::RocksStore;
use stream::{Summary, Written};

use crate::site::files_below;

/// What a measurement gives, ready to be kept as JSON.
pub type Figures = Map<String, Value>;

/// Configuration folder as a value.
pub fn load(config: &Path) -> Result<Configuration> {
    configuration::load(config).map_err(|problems| anyhow::anyhow!("{}", problems[0]))
}

/// Reads and parses every file once, without anything behind it.
pub fn reading(config: &Path, feeds: &Path) -> Result<Figures> {
    let configuration = load(config)?;
    let definitions: Vec<_> = configuration.feeds.iter().cloned().map(Arc::new).collect();
    let start = Instant::now();
    let (mut records, mut files) = (0, 0);
    for path in files_below(feeds) {
        let name = path.strip_prefix(feeds)?.to_string_lossy().into_owned();
        let (partner, below) = name.split_once('/').context("a file lies in a partner's folder")?;
        let fits = |feed: &&Arc<ingest::FeedDefinition>| feed.partner == partner && feed.is_for(below);
        let definition = definitions.iter().find(fits).with_context(|| format!("nothing reads {name}"))?;
        let (sha256, bytes) = fingerprint(path.as_path())?;
        let arrival = Arrival { partner: partner.into(), file: name.clone(), sha256, bytes };
        let read = ingest::read(definition, &arrival, path.as_path(), &Limits::default())?;
        records += u64::from(read.verdict.records);
        files += 1;
    }
    Ok(figures(records, start, [("files", json!(files))]))
}

/// From the bytes of the files to the committed journal.
///
/// `as_of` is the day that time comes to at the end; `-` moves no time.
pub fn pipeline(config: &Path, feeds: &Path, data: &Path, as_of: &str, threads: usize) -> Result<Figures> {
    let configuration = load(config)?;
    let day = |text: &str| Day::parse(text).context("a day is written as YYYY-MM-DD");
    let as_of = Some(as_of).filter(|text| *text != "-").map(day).transpose()?;
    let options = Options {
        data: data.to_owned(),
        feeds: Some(feeds.to_owned()),
        commands: None,
        as_of,
        until_idle: true,
        threads,
        settle_after: SETTLE_AFTER,
    };
    let start = Instant::now();
    let ended = run(&configuration, &options, &AtomicBool::new(false), &mut |_| {}, &|_| {})?;
    let Summary { cost, epochs, written, .. } = ended.summary;
    let Written { state_keys, view_keys, bytes } = written;
    let more = [
        ("threads", json!(threads)),
        ("epochs", json!(epochs)),
        ("state_keys", json!(state_keys)),
        ("view_keys", json!(view_keys)),
        ("bytes", json!(bytes)),
        ("peak_memory_mib", json!(peak_memory_mib()?)),
    ];
    Ok(figures(cost, start, more))
}

/// Writes to an empty store what a run wrote: as many keys and bytes in as many commits.
pub fn writing(of_run: &Figures, store: &Path) -> Result<Figures> {
    let number = |name: &str| of_run[name].as_u64().with_context(|| format!("the run says no {name}"));
    let written =
        Written { state_keys: number("state_keys")?, view_keys: number("view_keys")?, bytes: number("bytes")? };
    let load = Load { epochs: number("epochs")?, written };
    let store = RocksStore::open(store)?;
    let start = Instant::now();
    floor::write(&store, &load)?;
    Ok(figures(number("lines")?, start, []))
}

fn figures<const N: usize>(lines: u64, start: Instant, more: [(&str, Value); N]) -> Figures {
    let seconds = start.elapsed().as_secs_f64();
    let rate = (lines as f64 / seconds).round() as u64;
    let counted = [("lines", json!(lines)), ("seconds", json!(seconds)), ("lines_per_second", json!(rate))];
    counted.into_iter().chain(more).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The memory of this machine.
pub fn machine_memory_mib() -> Result<u64> {
    let info = fs::read_to_string("/proc/meminfo")?;
    let total = info.lines().find_map(|line| line.strip_prefix("MemTotal:")).context("the kernel says no memory")?;
    Ok(total.trim().trim_end_matches(" kB").parse::<u64>()? / 1024)
}

/// The most memory that this process ever held (VmHWM).
fn peak_memory_mib() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let fields: BTreeMap<&str, &str> = status.lines().filter_map(|line| line.split_once(':')).collect();
    let kib = fields.get("VmHWM").context("the kernel says no peak memory")?;
    Ok(kib.trim().trim_end_matches(" kB").parse::<u64>()? / 1024)
}
