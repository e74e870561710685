//! Rows that come in while the job runs, each file with one probe in it: how long until its accrual can be read?

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use contract::Day;

/// Program that pays one for each probe.
pub const PROBE: &str = "PROBE";
pub const PROBE_SOURCE: &str = "adventureworks";
pub const PROBE_CODE: &str = "PROBE-1";
pub const PROBE_CATEGORY: &str = "Probes";
/// A partner that writes the maker's codes.
pub const PROBE_PARTNER: &str = "golden-gate";

const DOCUMENT: &str = "PROBE-";

/// How many files come in, how often, with how many lines each.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    pub files: u64,
    pub lines: usize,
    pub every: Duration,
}

impl Pace {
    pub fn lines_per_second(self) -> u64 {
        (self.lines as f64 / self.every.as_secs_f64()).round() as u64
    }
}

/// The number of a probe by its document.
pub fn probe_number(document: &str) -> Option<u64> {
    document.strip_prefix(DOCUMENT)?.parse().ok()
}

/// Files that tell of one day of sales.
const FILES_A_DAY: u64 = 4;

/// Puts files numbered from `first` on into the partner's folder at the pace, each whole: it is written beside. As from
/// tills that report as they sell, a file tells of one day, and days go on.
pub fn drop_files(feeds: &Path, beside: &Path, pace: Pace, first: u64) -> Result<()> {
    let inbox = feeds.join(PROBE_PARTNER);
    let last_month = last_file(&inbox)?;
    let text = fs::read_to_string(&last_month)?;
    let (header, rows) = text.split_once('\n').context("a feed has a header")?;
    let rows: Vec<&str> = rows.lines().collect();
    let begin = rows[0].split(',').nth(2).and_then(Day::parse).context("a row has a date")?;
    let start = Instant::now();
    for (place, number) in (0u32..).zip(first..first + pace.files) {
        let date = begin.plus(i32::try_from(number / FILES_A_DAY)?);
        let mut file = format!("{header}\n");
        for at in 1..pace.lines {
            let row = rows[(number as usize * pace.lines + at) % rows.len()];
            let [_document, _line, _date, rest] = row.splitn(4, ',').collect::<Vec<_>>()[..] else {
                bail!("a row has columns")
            };
            let (rest, _original) = rest.rsplit_once(',').context("a row has columns")?;
            file.push_str(&format!("{},1,{date},{rest},\n", document(number, at as u64)));
        }
        file.push_str(&format!("{DOCUMENT}{number},1,{date},{PROBE_CODE},Probe,1,{number},{number},USD,,,,\n"));
        let written = beside.join("live.csv");
        fs::write(&written, file)?;
        std::thread::sleep((start + pace.every * place).saturating_duration_since(Instant::now()));
        fs::rename(&written, inbox.join(format!("live-{number:05}.csv")))?;
    }
    Ok(())
}

/// Numbers that are nowhere near each other: no two are one slip apart.
fn document(file: u64, line: u64) -> String {
    let mixed = (file << 20 | line).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!("{:020}", mixed ^ mixed >> 29)
}

fn last_file(inbox: &Path) -> Result<std::path::PathBuf> {
    let mut files: Vec<_> = fs::read_dir(inbox)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.retain(|file| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("sold-")));
    files.sort();
    files.pop().context("the partner has files")
}

/// A share of what was measured took at most so long: the median is 0.5.
pub fn quantile(sorted: &[Duration], share: f64) -> Result<Duration> {
    ensure!(!sorted.is_empty(), "nothing was measured");
    let rank = (share * sorted.len() as f64).ceil() as usize;
    Ok(sorted[rank.clamp(1, sorted.len()) - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_taken_by_rank() {
        let times: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        let at = |share| quantile(&times, share).unwrap().as_millis();
        assert_eq!((at(0.5), at(0.99), at(1.0)), (100, 198, 200));
        assert!(quantile(&[], 0.5).is_err());
    }

    #[test]
    fn a_probe_is_known_by_its_document() {
        assert_eq!(probe_number("PROBE-17"), Some(17));
        assert_eq!(probe_number("0000000017"), None);
    }
}
