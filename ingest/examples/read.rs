//! Reads a generated feed set and prints each file's verdict and speed; with `--rows`, every row as a line of tabs.
//!
//! `cargo run --release -p ingest --example read -- SET CONFIG [--rows]`; `CONFIG/feeds` is written by `configure`.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use contract::{Micros, ParsedRow};
use ingest::{Arrival, Limits, definition};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [set, config, ..] = arguments.as_slice() else { return Err("usage: read SET CONFIG [--rows]".into()) };
    let (set, config) = (Path::new(set), Path::new(config));
    let wants_rows = arguments.iter().any(|a| a == "--rows");
    let mut total = BTreeMap::new();
    for partner in ingest::configure(set, config)? {
        let definition = definition::load(&config.join("feeds").join(format!("{partner}.yaml")));
        let definition = Arc::new(definition.map_err(|p| format!("{p:?}"))?);
        let mut files = Vec::new();
        collect(&set.join("feeds").join(&partner), &mut files)?;
        files.sort();
        for path in files {
            let file = path.strip_prefix(set.join("feeds"))?.to_string_lossy().replace('\\', "/");
            let (sha256, bytes) = ingest::fingerprint(path.as_path())?;
            let arrival = Arrival { partner: partner.as_str().into(), file, sha256, bytes };
            let start = Instant::now();
            let read = ingest::read(&definition, &arrival, path.as_path(), &Limits::default())?;
            let time = start.elapsed();
            let v = &read.verdict;
            if wants_rows {
                for slice in read.slices(path.as_path())? {
                    slice?.rows.iter().for_each(|row| print_row(&v.file, row));
                }
            } else {
                println!(
                    "{}\t{:?}\t{}\t{}\t{}\t{}\t{}\t{:?}\t{:?}",
                    v.file, v.status, v.records, v.structural, v.content, v.series, v.replaces, v.period, v.problems
                );
            }
            let sum: &mut (u64, u64, Duration) = total.entry(partner.clone()).or_default();
            *sum = (sum.0 + u64::from(v.records), sum.1 + v.bytes, sum.2 + time);
        }
    }
    for (partner, (records, bytes, time)) in total {
        let (rate, mega) = (records as u128 * 1_000_000 / time.as_micros(), u128::from(bytes) / time.as_micros());
        eprintln!("{partner}: {records} records, {rate} rows/s, {mega} MB/s");
    }
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { collect(&path, files)? } else { files.push(path) }
    }
    Ok(())
}

fn print_row(file: &str, row: &ParsedRow) {
    let number = |n: Option<Micros>| n.map_or(String::new(), |n| n.to_string());
    let date = row.date.map_or(String::new(), |d| d.to_string());
    let currency = row.currency.map_or(String::new(), |c| c.to_string());
    let problems: Vec<&str> = row.problems.iter().map(|p| p.code.as_str()).collect();
    println!(
        "{file}\t{}\t{}\t{}\t{date}\t{}\t{}\t{}\t{}\t{currency}\t{:?}\t{}\t{}",
        row.record_no,
        row.line_no,
        row.document,
        row.code,
        number(row.quantity),
        number(row.unit_price),
        number(row.amount),
        row.movement,
        row.serials.join(";"),
        problems.join(","),
    );
}
