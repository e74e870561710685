//! How fast a line is back: after kills with lost disks under load, and after a restart with much state.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use stream::kafka::{TopicPlan, create_topics};

use super::kafka::accrued;
use super::line::{Line, Plan};
use super::live::{Pace, drop_files, quantile};
use super::sales::Sales;
use crate::measure::Figures;
use crate::scrape::sum;

const PARTITIONS: u16 = 4;
/// One process a stage.
const PARTS: [&str; 5] = ["ingest", "normalize", "units", "ledger", "accrual-sink"];
/// Seconds between two checkpoints: a lost disk costs at most so much of the input.
const CHECKPOINTS: u32 = 30;
/// Load while processes are killed, as a share of what the line can do with such files.
const LOAD: f64 = 0.8;
/// More than a line can do on such a machine, to see what it can.
const FLOOD: Pace = Pace { files: 300, lines: 1_000, every: Duration::from_millis(100) };
/// Age of what waits in a line that has caught up.
const BREATH: Duration = Duration::from_secs(3);
/// Then files come again, whether the line has caught up or not.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long files come before a process is killed.
const WARM: Duration = Duration::from_secs(20);
const BACK_WITHIN: Duration = Duration::from_secs(120);
/// Topic of the changes, while they are measured.
const DELTAS: &str = "bench.deltas";
const DONE_WITHIN: Duration = Duration::from_secs(7_200);

/// What came of the recoveries of one stage.
#[derive(Clone, Debug, Default)]
struct Recoveries {
    /// From each kill to the mark.
    back: Vec<Duration>,
    folded: f64,
    fold_seconds: f64,
    /// Records that came in before the kills, all tasks together.
    came: f64,
}

impl Recoveries {
    fn folded_per_second(&self) -> f64 {
        (self.folded / self.fold_seconds.max(0.001)).round()
    }

    /// Of one task, before the kills.
    fn came_per_second(&self) -> f64 {
        self.came / (self.back.len() as f64 * WARM.as_secs_f64() * f64::from(PARTITIONS))
    }

    /// How old a checkpoint may be for a task to be at its mark within a minute: what came since must be folded, and what
    /// comes meanwhile (DESIGN.md, section 7).
    fn checkpoint_seconds_for_a_minute(&self) -> f64 {
        let (folds, comes) = (self.folded_per_second(), self.came_per_second());
        (60.0 * (folds - comes) / comes.max(0.001)).floor()
    }
}

/// How many there were goes with them: of few the 99th of a hundred is the longest.
fn quantiles(mut times: Vec<Duration>) -> Result<Value> {
    times.sort_unstable();
    let at = |share| quantile(&times, share).map(|time| time.as_millis() as u64);
    Ok(json!({ "kills": times.len(), "p50_ms": at(0.5)?, "p99_ms": at(0.99)?, "max_ms": at(1.0)? }))
}

/// Kills processes in turn, each with its disk, while files come in at most of what the line can do. Another process takes the
/// work over, from checkpoints that lie on another file system. Files come through the outage; behind it they rest until the
/// line has caught up, so that each kill meets a line under its load and not under what was left of the last outage.
pub fn failover(sales: &Sales, kills: usize, folder: &Path) -> Result<Figures> {
    let mut line = Line::new(sales, Plan { apart: true, ..plan() }, &folder.join("failover"))?;
    drained_from_files(&mut line, sales.lines)?;
    let full = at_full_load(&mut line)?;
    let pace = Pace { files: 1, every: full.every.div_f64(LOAD), ..full };
    eprintln!("{kills} kills at {} of {} lines/s", pace.lines_per_second(), full.lines_per_second());
    let (mut stages, mut caught, mut lag) = (BTreeMap::<&str, Recoveries>::new(), 0, 0.0_f64);
    let (feeds, beside, tap) = (line.feeds(), line.folder().to_owned(), Arc::new(Tap::default()));
    let feeder = std::thread::spawn({
        let tap = tap.clone();
        move || feed(&feeds, &beside, pace, &tap)
    });
    let intake = line.intake("intake-live", false)?;
    for kill in 0..kills {
        tap.rests.store(true, Ordering::Relaxed);
        caught += usize::from(has_caught_up(&line)?);
        tap.rests.store(false, Ordering::Relaxed);
        let index = kill % PARTS.len();
        let taken =
            |line: &Line| Ok::<_, anyhow::Error>(sum(&line.sample(index)?, "paidonce_stage_records_in_total", &[]));
        let before = taken(&line)?;
        std::thread::sleep(WARM);
        let came = taken(&line)? - before;
        let start = Instant::now();
        line.replace(index)?;
        let sample = line.recovered(index, BACK_WITHIN)?;
        let took = start.elapsed();
        let folded = sum(&sample, "paidonce_folded_records_total", &[]);
        eprintln!("kill {}: {} back after {took:.1?}, {folded} records folded", kill + 1, PARTS[index]);
        let recoveries = stages.entry(PARTS[index]).or_default();
        recoveries.back.push(took);
        (recoveries.came, recoveries.folded) = (recoveries.came + came, recoveries.folded + folded);
        recoveries.fold_seconds += sum(&sample, "paidonce_recovery_seconds_sum", &[]);
        lag = lag.max(sum(&line.sample(index)?, "paidonce_lag_records", &[]));
    }
    tap.ends.store(true, Ordering::Relaxed);
    let files = feeder.join().map_err(|_| anyhow::anyhow!("the feeder panicked"))??;
    finish_intake(&line, intake)?;
    line.drain(DONE_WITHIN)?;
    line.end_stages()?;
    let same = same_as_embedded(&line)?;
    let all = stages.values().flat_map(|recoveries| recoveries.back.iter().copied()).collect();
    let mut back = BTreeMap::from([("all", quantiles(all)?)]);
    for (stage, recoveries) in &stages {
        back.insert(stage, quantiles(recoveries.back.clone())?);
    }
    let of_stages = |figure: fn(&Recoveries) -> f64| -> BTreeMap<&str, f64> {
        stages.iter().map(|(stage, recoveries)| (*stage, figure(recoveries))).collect()
    };
    let rates = of_stages(Recoveries::folded_per_second);
    let (came, ages) = (of_stages(Recoveries::came_per_second), of_stages(Recoveries::checkpoint_seconds_for_a_minute));
    let figures = json!({
        "partitions": PARTITIONS, "kills": kills, "full_lines_per_second": full.lines_per_second(),
        "load_lines_per_second": pace.lines_per_second(), "live_files": files, "waiting_at_mark_max": lag,
        "kills_of_a_line_that_had_caught_up": caught,
        "back_at_marks": back, "fold_records_per_second": rates,
        "came_records_per_second": came, "checkpoint_seconds_for_a_minute": ages, "same_as_embedded": same,
    });
    ensure!(same, "the line came to other accruals than the embedded engine");
    figures.as_object().cloned().context("figures are an object")
}

/// Stops a line with all its state and starts it again: with its disks, then without.
pub fn restart(sales: &Sales, folder: &Path) -> Result<Figures> {
    let mut line = Line::new(sales, plan(), &folder.join("restart"))?;
    let rate = drained_from_files(&mut line, sales.lines)?;
    line.end_stages()?;
    let state = line.store_bytes()?;
    eprintln!("{state} bytes of state at {rate:.0} lines/s; starting again");
    let mut first = 1;
    let kept = back_at_work(&mut line, &mut first)?;
    line.end_stages()?;
    (0..PARTS.len()).try_for_each(|index| fs::remove_dir_all(line.data(index)))?;
    let lost = back_at_work(&mut line, &mut first)?;
    line.end_stages()?;
    let figures = json!({
        "partitions": PARTITIONS, "lines": sales.lines, "lines_per_second": rate.round(), "store_bytes": state,
        "at_marks_seconds": kept.0.as_secs_f64(), "publishing_seconds": kept.1.as_secs_f64(),
        "at_marks_seconds_without_disks": lost.0.as_secs_f64(), "publishing_seconds_without_disks": lost.1.as_secs_f64(),
    });
    figures.as_object().cloned().context("figures are an object")
}

/// The same input with marks alone, and with the changes of each transaction on a topic as well.
pub fn deltas(sales: &Sales, folder: &Path) -> Result<Figures> {
    let mut figures = Figures::new();
    for (name, arguments) in [("marks", vec![]), ("deltas", vec!["--measure-deltas", DELTAS])] {
        eprintln!("{name}: {} lines", sales.lines);
        let mut line = Line::new(sales, Plan { arguments, checkpoints: None, ..plan() }, &folder.join(name))?;
        create_topics(&line.cluster, &[delta_topic()])?;
        line.intake("intake", true)?.must_end_well()?;
        let (before, start) = (line.broker_bytes()?, Instant::now());
        line.start_stages()?;
        line.drain(DONE_WITHIN)?;
        let seconds = start.elapsed().as_secs_f64();
        line.end_stages()?;
        let per_line = |bytes: u64| (bytes as f64 / sales.lines as f64).round();
        let one = json!({
            "lines_per_second": (sales.lines as f64 / seconds).round(),
            "broker_bytes_per_line": per_line(line.broker_bytes()?.saturating_sub(before)),
            "store_bytes_per_line": per_line(line.store_bytes()?),
        });
        figures.insert(name.to_owned(), one);
    }
    Ok(figures)
}

fn plan() -> Plan {
    Plan {
        partitions: PARTITIONS,
        parts: PARTS.to_vec(),
        arguments: Vec::new(),
        checkpoints: Some(CHECKPOINTS),
        apart: false,
    }
}

/// Where the stages put their changes when they are told to.
fn delta_topic() -> TopicPlan {
    TopicPlan { name: DELTAS.to_owned(), partitions: PARTITIONS, replication: 1, settings: Vec::new() }
}

/// Lines a second from files to the last stage, the intake's work included.
fn drained_from_files(line: &mut Line, lines: u64) -> Result<f64> {
    eprintln!("{lines} lines through the line");
    let start = Instant::now();
    line.start_stages()?;
    line.intake("intake", true)?.must_end_well()?;
    line.drain(DONE_WITHIN)?;
    Ok(lines as f64 / start.elapsed().as_secs_f64())
}

/// The pace that the line keeps when files come faster than it can work.
fn at_full_load(line: &mut Line) -> Result<Pace> {
    let start = Instant::now();
    let intake = line.intake("intake-full", false)?;
    drop_files(&line.feeds(), line.folder(), FLOOD, 1)?;
    finish_intake(line, intake)?;
    line.drain(DONE_WITHIN)?;
    Ok(Pace { every: start.elapsed() / u32::try_from(FLOOD.files)?, ..FLOOD })
}

/// What holds files back, or ends them.
#[derive(Default)]
struct Tap {
    rests: AtomicBool,
    ends: AtomicBool,
}

/// One file after the other, behind those of the flood; how many.
fn feed(feeds: &Path, beside: &Path, pace: Pace, tap: &Tap) -> Result<u64> {
    let (mut files, mut due) = (0, Instant::now());
    while !tap.ends.load(Ordering::Relaxed) {
        if tap.rests.load(Ordering::Relaxed) {
            std::thread::sleep(pace.every);
            due = Instant::now();
            continue;
        }
        files += 1;
        drop_files(feeds, beside, pace, FLOOD.files + files)?;
        due += pace.every;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    Ok(files)
}

/// Waits until what is in front of each stage came in a moment ago, or not any longer: whether it did.
fn has_caught_up(line: &Line) -> Result<bool> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        let mut waits = 0.0_f64;
        for index in 0..PARTS.len() {
            waits = waits.max(sum(&line.sample(index)?, "paidonce_lag_seconds", &[]));
        }
        if waits < BREATH.as_secs_f64() {
            return Ok(true);
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(false)
}

/// Everything that lies there is taken in, then the intake ends.
fn finish_intake(line: &Line, intake: super::process::Running) -> Result<()> {
    intake.end()?;
    line.intake("intake", true)?.must_end_well()
}

/// Starts all stages; how long until every task is at its mark, and until the last stage publishes what came in new.
fn back_at_work(line: &mut Line, first: &mut u64) -> Result<(Duration, Duration)> {
    let start = Instant::now();
    line.start_stages()?;
    drop_files(&line.feeds(), line.folder(), Pace { files: 1, lines: 100, every: Duration::ZERO }, *first)?;
    *first += 1;
    let intake = line.intake("intake", true)?;
    for index in 0..PARTS.len() {
        line.recovered(index, BACK_WITHIN)?;
    }
    let at_marks = start.elapsed();
    let last = PARTS.len() - 1;
    while sum(&line.sample(last)?, "paidonce_stage_published_total", &[]) == 0.0 {
        ensure!(start.elapsed() < BACK_WITHIN, "nothing is published within {BACK_WITHIN:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
    let publishing = start.elapsed();
    intake.must_end_well()?;
    line.drain(DONE_WITHIN)?;
    Ok((at_marks, publishing))
}

/// Whether the embedded engine accrues the same on the same files.
fn same_as_embedded(line: &Line) -> Result<bool> {
    let data = line.folder().join("embedded");
    crate::measure::pipeline(line.config(), &line.feeds(), &data, "-", 2)?;
    Ok(accrued(&data)? == accrued(&line.collect()?)?)
}
