//! How often periods of real sales are told as outliers (OP-36) where nobody has planted anything.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use cli::exports::each_accrual;
use cli::reader::Reader;
use contract::{Code, Text};
use serde_json::json;

use crate::generated::make;
use crate::measure::Figures;
use crate::site::files_below;

/// Every sale counts under both: one goes by units, one by amounts.
const PROGRAMS: [(&str, &str); 2] = [("UNITS", "per-unit, rate: 1"), ("AMOUNTS", "percent, rate: 1%")];

/// Lines from which on a period counts, and the periods that must have counted before one is judged.
const LINES_MIN: usize = 10;
const EARLIER: usize = 6;

/// Feeds of real sales without faults, and the two programs.
pub fn write(shared: &Path, folder: &Path, rows: usize) -> Result<()> {
    let arguments = ["--no-faults", "--quiet", "--rows", &rows.to_string()];
    make(shared, folder, arguments.map(str::to_owned))?;
    let programs = folder.join("config/programs");
    for file in files_below(&programs) {
        fs::remove_file(file)?;
    }
    for (id, earn) in PROGRAMS {
        let program = format!(
            "program: {id}\nversions:\n  - from: 2000-01-01\n    to: 2039-12-31\n    earn: {{ type: {earn} }}\n    \
             period: month\n"
        );
        fs::write(programs.join(format!("{}.yaml", id.to_lowercase())), program)?;
    }
    Ok(())
}

/// Of the periods that were judged, those that are told, and of these the ones told for their last days.
pub fn count(data: &Path) -> Result<Figures> {
    let reader = Reader::open(data)?;
    let mut lines: BTreeMap<(Text, Text, String), BTreeMap<Text, usize>> = BTreeMap::new();
    each_accrual(&reader, &mut |row| {
        let of = (row.program, row.beneficiary, row.currency.to_string());
        *lines.entry(of).or_default().entry(row.period).or_default() += 1;
    })?;
    let full = lines.values().map(|periods| periods.values().filter(|lines| **lines >= LINES_MIN).count());
    let judged: usize = full.map(|periods| periods.saturating_sub(EARLIER)).sum();
    let told = reader.findings(|finding| finding.code == Code::Outlier)?;
    let loaded = told.iter().filter(|finding| finding.message.contains("% sold in the last")).count();
    let said: Vec<&str> = told.iter().map(|finding| finding.message.as_str()).collect();
    let figures =
        json!({ "beneficiaries": lines.len(), "judged": judged, "told": told.len(), "loaded": loaded, "said": said });
    figures.as_object().cloned().context("figures are an object")
}
