//! `./dev bench [NAME]`: the project's own benchmarks, as ratios within one run.
//!
//! `pipeline`: lines a second from file bytes to the committed journal, beside two floors. `scale`: rate and peak memory
//! at one and at ten million lines. `programs`: a sale among a hundred to a hundred thousand programs, one of which more and more is
//! asked, and a period that one correction tiers anew. `kafka`: the pipeline on a real broker beside the same job in Kafka Streams and the
//! raw floor, at one and at four partitions. `failover`: kills with lost disks under load. `restart`: stopped and started
//! again with LINES of state. `deltas`: the line with and without its changes on a topic. `outliers`: how many months of real sales without
//! planted faults are told as unusual. Each result is one line, and JSON below `bench/` in the target folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tests::bench::conditions;
use tests::bench::floor;
use tests::bench::kafka::{Plan as KafkaPlan, accrued, measure as measure_kafka};
use tests::bench::live::Pace;
use tests::bench::outliers;
use tests::bench::peer::reckons;
use tests::bench::programs;
use tests::bench::recovery;
use tests::bench::sales::Sales;
use tests::generated;
use tests::measure::{self, Figures};
use tests::replica::Plan;

/// As in the binary that ships.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str =
    "bench [pipeline|scale|programs|kafka [LINES]|failover [KILLS]|restart [LINES]|deltas [LINES]|outliers [ROWS]]";
const MILLION: usize = 1_000_000;
const PROGRAMS: [usize; 4] = [100, 1_000, 10_000, 100_000];
/// How many things the programs ask of a sale.
const CONDITIONS: [usize; 4] = [0, 4, 8, conditions::ALL];
const PROGRAM_SALES: usize = 50_000;
const ROUNDS: usize = 3;
const KAFKA_LINES: usize = 300_000;
/// More than the generator has, so that it takes all.
const OUTLIER_ROWS: usize = 1_000_000;
/// Before processes are killed, and how often.
const FAILOVER_LINES: usize = 200_000;
const KILLS: usize = 30;
/// Two thousand lines a second, a probe in every half second of them.
const PACE: Pace = Pace { files: 120, lines: 1_000, every: Duration::from_millis(500) };

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ended = match arguments[..] {
        [] => pipeline().and_then(|()| scale()).and_then(|()| programs()),
        ["pipeline"] => pipeline(),
        ["scale"] => scale(),
        ["programs"] => programs(),
        ["kafka"] => kafka(KAFKA_LINES),
        ["kafka", lines] => lines.parse().context(USAGE).and_then(kafka),
        ["failover"] => failover(KILLS),
        ["failover", kills] => kills.parse().context(USAGE).and_then(failover),
        ["restart"] => restart(MILLION),
        ["restart", lines] => lines.parse().context(USAGE).and_then(restart),
        ["deltas"] => deltas(KAFKA_LINES),
        ["deltas", lines] => lines.parse().context(USAGE).and_then(deltas),
        ["outliers"] => outliers(OUTLIER_ROWS),
        ["outliers", rows] => rows.parse().context(USAGE).and_then(outliers),
        ["measure", ref what @ ..] => measure_here(what),
        _ => Err(anyhow::anyhow!("usage: {USAGE}")),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(1)
        }
    }
}

/// Where feeds and configuration of a benchmark lie, and the day it ends on.
struct Feeds {
    folder: PathBuf,
    as_of: String,
    name: String,
}

impl Feeds {
    fn config(&self) -> PathBuf {
        self.folder.join("config")
    }

    fn feeds(&self) -> PathBuf {
        self.folder.join("feeds")
    }

    fn replicated(folder: PathBuf, plan: Plan) -> Result<Feeds> {
        eprintln!("writing {} lines", plan.rows);
        plan.write(&folder)?;
        Ok(Feeds { folder, as_of: plan.as_of(), name: "example rows replicated".to_owned() })
    }

    /// The generated partner feeds where their generator lies beside the checkout, else replicated rows.
    fn usual(folder: PathBuf) -> Result<Feeds> {
        let Some(shared) = generated::shared() else {
            return Feeds::replicated(folder, Plan { rows: 200_000, years: 2 });
        };
        eprintln!("generating partner feeds");
        generated::generate(&shared, &folder, 12, 200_000, 3)?;
        Ok(Feeds { folder, as_of: "2018-03-01".to_owned(), name: "12 generated partners, 9 layouts".to_owned() })
    }
}

fn pipeline() -> Result<()> {
    let scratch = tempfile::tempdir_in(bench_folder()?)?;
    let feeds = Feeds::usual(scratch.path().join("set"))?;
    let reading = measured(&["reading", text(&feeds.config())?, text(&feeds.feeds())?])?;
    let one = run(&feeds, scratch.path(), 1)?;
    let two = run(&feeds, scratch.path(), 2)?;
    let of_run = Value::Object(two.clone()).to_string();
    let writing = measured(&["writing", &of_run, text(&scratch.path().join("floor"))?])?;
    let floor = rate(&reading)?.min(rate(&writing)?);
    println!(
        "pipeline: {} lines/s on 1 thread, {} on 2; floors: reading {}, writing {}; {:.2} of the slower floor ({}, {} lines)",
        rate(&one)?,
        rate(&two)?,
        rate(&reading)?,
        rate(&writing)?,
        rate(&two)? as f64 / floor as f64,
        feeds.name,
        two["lines"],
    );
    let ratio = rate(&two)? as f64 / floor as f64;
    let result = json!({
        "feeds": feeds.name, "cores": cores(), "one_thread": one, "two_threads": two, "reading": reading,
        "writing": writing, "share_of_slower_floor": ratio,
    });
    keep("pipeline", &result)
}

fn scale() -> Result<()> {
    let small = scaled(Plan { rows: MILLION, years: 1 })?;
    let large = scaled(Plan { rows: 10 * MILLION, years: 10 })?;
    let kept = rate(&large)? as f64 / rate(&small)? as f64;
    println!(
        "scale: {} lines/s at {} lines, {} at {} ({:.2} of it); peak memory {} and {} MiB, 2 threads",
        rate(&small)?,
        small["lines"],
        rate(&large)?,
        large["lines"],
        kept,
        small["peak_memory_mib"],
        large["peak_memory_mib"],
    );
    keep("scale", &json!({ "cores": cores(), "small": small, "large": large, "rate_kept": kept }))
}

fn scaled(plan: Plan) -> Result<Figures> {
    let scratch = tempfile::tempdir_in(bench_folder()?)?;
    run(&Feeds::replicated(scratch.path().join("set"), plan)?, scratch.path(), 2)
}

fn programs() -> Result<()> {
    let (best, costs) = curve("programs", &PROGRAMS)?;
    let (asked, asked_costs) = curve("conditions", &CONDITIONS)?;
    let last = |costs: &[f64]| costs[costs.len() - 1] / costs[0];
    let (ratio, asked_ratio) = (last(&costs), last(&asked_costs));
    let again = measured(&["retiering", &MILLION.to_string()])?;
    println!(
        "programs: a sale that three of them select takes {} us among {PROGRAMS:?} programs, {ratio:.2} times as long among the \
         most as among the fewest; where the three ask {CONDITIONS:?} things of it, each with its table, {} us, \
         {asked_ratio:.2} times as long; a period of {} sales after one correction: {:.1} ms by sums, {:.0} ms by lines",
        shown(&costs),
        shown(&asked_costs),
        again["sales"],
        again["sums_corrected_milliseconds"].as_f64().unwrap_or_default(),
        again["lines_corrected_milliseconds"].as_f64().unwrap_or_default(),
    );
    let (curve, conditions) = (best, asked);
    keep(
        "programs",
        &json!({ "cores": cores(), "curve": curve, "ratio": ratio, "conditions": conditions, "retiering": again }),
    )
}

/// Each number by turns, the best of its rounds: what else the machine does falls on all of them.
fn curve(what: &str, numbers: &[usize]) -> Result<(Vec<Figures>, Vec<f64>)> {
    let mut best: Vec<Figures> = Vec::new();
    let cost = |figures: &Figures| figures["microseconds_per_sale"].as_f64();
    for _ in 0..ROUNDS {
        for (place, number) in numbers.iter().enumerate() {
            let round = measured(&[what, &number.to_string(), &PROGRAM_SALES.to_string()])?;
            match best.get_mut(place) {
                None => best.push(round),
                Some(before) if cost(&round) < cost(before) => *before = round,
                Some(_) => {}
            }
        }
    }
    let costs = best.iter().map(|figures| cost(figures).context("a measurement has its cost"));
    let costs = costs.collect::<Result<Vec<f64>>>()?;
    Ok((best, costs))
}

fn shown(costs: &[f64]) -> String {
    costs.iter().map(|cost| format!("{cost:.1}")).collect::<Vec<_>>().join(", ")
}

fn kafka(rows: usize) -> Result<()> {
    let scratch = tempfile::tempdir_in(bench_folder()?)?;
    let mut sales = written(rows, scratch.path())?;
    sales.keep_programs(reckons)?;
    let data = scratch.path().join("embedded");
    let (config, feeds) = (sales.config(), sales.feeds());
    let embedded = measured(&["pipeline", text(&config)?, text(&feeds)?, text(&data)?, "-", "2"])?;
    sales.lines = embedded["lines"].as_u64().context("a run counts its lines")?;
    let expected = accrued(&data)?;
    let mut results = Vec::new();
    for partitions in [1, 4] {
        let figures = measure_kafka(&sales, &expected, KafkaPlan { partitions, pace: PACE }, scratch.path())?;
        println!("{}", told(&figures)?);
        results.push(figures);
    }
    let memory_mib = measure::machine_memory_mib()?;
    keep("kafka", &json!({ "cores": cores(), "memory_mib": memory_mib, "embedded": embedded, "kafka": results }))
}

fn written(rows: usize, scratch: &Path) -> Result<Sales> {
    eprintln!("writing {rows} lines");
    let sales = Sales::write(&scratch.join(format!("set-{rows}")), rows)?;
    Ok(Sales { lines: rows as u64, ..sales })
}

fn failover(kills: usize) -> Result<()> {
    let scratch = tempfile::tempdir_in(bench_folder()?)?;
    let failover = recovery::failover(&written(FAILOVER_LINES, scratch.path())?, kills, scratch.path())?;
    println!(
        "failover, {} kills with lost disks ({} of a line that had caught up), {} partitions, {} of {} lines/s: back at the \
         marks {}; folds records/s {}; accruals as embedded",
        failover["kills"],
        failover["kills_of_a_line_that_had_caught_up"],
        failover["partitions"],
        failover["load_lines_per_second"],
        failover["full_lines_per_second"],
        failover["back_at_marks"],
        failover["fold_records_per_second"],
    );
    keep_on_this_machine("failover", &failover)
}

fn restart(rows: usize) -> Result<()> {
    let scratch = tempfile::tempdir_in(bench_folder()?)?;
    let restart = recovery::restart(&written(rows, scratch.path())?, scratch.path())?;
    println!(
        "restart with {} lines, {} bytes of state: all tasks at their marks in {} s, publishing again in {} s; \
         without disks {} and {} s; the line had done {} lines/s",
        restart["lines"],
        restart["store_bytes"],
        restart["at_marks_seconds"],
        restart["publishing_seconds"],
        restart["at_marks_seconds_without_disks"],
        restart["publishing_seconds_without_disks"],
        restart["lines_per_second"],
    );
    keep_on_this_machine("restart", &restart)
}

fn deltas(rows: usize) -> Result<()> {
    let scratch = tempfile::tempdir_in(bench_folder()?)?;
    let figures = recovery::deltas(&written(rows, scratch.path())?, scratch.path())?;
    let of = |name: &str| {
        let one = &figures[name];
        let (broker, store) = (&one["broker_bytes_per_line"], &one["store_bytes_per_line"]);
        format!("{} lines/s, {broker} bytes a line on the broker, {store} in stores", one["lines_per_second"])
    };
    println!("marks: {}; deltas: {}", of("marks"), of("deltas"));
    keep_on_this_machine("deltas", &figures)
}

fn outliers(rows: usize) -> Result<()> {
    let shared = generated::shared().context("real sales lie beside the checkout, and here are none")?;
    let scratch = tempfile::tempdir_in(bench_folder()?)?;
    let set = scratch.path().join("set");
    eprintln!("generating partner feeds without faults");
    outliers::write(&shared, &set, rows)?;
    let feeds = Feeds { folder: set, as_of: "2018-03-01".to_owned(), name: "generated partners".to_owned() };
    let of_run = run(&feeds, scratch.path(), 2)?;
    let figures = outliers::count(&scratch.path().join("data-2"))?;
    let said = figures["said"].as_array().context("findings are a list")?;
    said.iter().filter_map(Value::as_str).for_each(|said| println!("told: {said}"));
    println!(
        "outliers: of {} months of {} beneficiaries under two programs {} are told, {} of them for their last days ({} lines)",
        figures["judged"], figures["beneficiaries"], figures["told"], figures["loaded"], of_run["lines"],
    );
    keep("outliers", &Value::Object(figures))
}

fn keep_on_this_machine(name: &str, figures: &Figures) -> Result<()> {
    keep(name, &json!({ "cores": cores(), "memory_mib": measure::machine_memory_mib()?, "figures": figures }))
}

fn told(figures: &Figures) -> Result<String> {
    let (ours, streams, floor) = (&figures["ours"], &figures["kafka_streams"], &figures["floor"]);
    let rate = |of: &Value| of["lines_per_second"].as_f64().context("a measurement has a rate");
    let (ours_rate, streams_rate, floor_rate) = (rate(ours)?, rate(streams)?, rate(floor)?);
    Ok(format!(
        "kafka, {} partitions: {ours_rate} lines/s (p50 {} ms, p99 {} ms); Kafka Streams {streams_rate} (p50 {} ms, p99 {} \
         ms); floor {floor_rate}; {:.2} of Kafka Streams, {:.2} of the floor ({} lines, {} cores, {} MiB)",
        figures["partitions"],
        ours["latency_p50_ms"],
        ours["latency_p99_ms"],
        streams["latency_p50_ms"],
        streams["latency_p99_ms"],
        ours_rate / streams_rate,
        ours_rate / floor_rate,
        ours["lines"],
        cores(),
        measure::machine_memory_mib()?,
    ))
}

fn run(feeds: &Feeds, scratch: &Path, threads: u8) -> Result<Figures> {
    let data = scratch.join(format!("data-{threads}"));
    let (config, below, threads) = (feeds.config(), feeds.feeds(), threads.to_string());
    let figures = measured(&["pipeline", text(&config)?, text(&below)?, text(&data)?, &feeds.as_of, &threads])?;
    eprintln!("{}", Value::Object(figures.clone()));
    Ok(figures)
}

/// Measures in a process of its own: memory and caches of one are none of the next one's.
fn measured(what: &[&str]) -> Result<Figures> {
    let mut command = Command::new(std::env::current_exe()?);
    let output = command.arg("measure").args(what).stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "measuring {} failed", what[0]);
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn measure_here(what: &[&str]) -> Result<()> {
    let path = Path::new;
    let figures = match *what {
        ["reading", config, feeds] => measure::reading(path(config), path(feeds))?,
        ["pipeline", config, feeds, data, as_of, threads] => {
            measure::pipeline(path(config), path(feeds), path(data), as_of, threads.parse()?)?
        }
        ["floor", brokers, interval, ref topics @ ..] => {
            floor::copy(brokers, topics, Duration::from_millis(interval.parse()?))?
        }
        ["programs", programs, sales] => programs::per_sale(programs.parse()?, sales.parse()?)?,
        ["conditions", conditions, sales] => conditions::per_sale(conditions.parse()?, sales.parse()?)?,
        ["retiering", sales] => programs::re_tiering(sales.parse()?)?,
        ["writing", of_run, store] => measure::writing(&serde_json::from_str(of_run)?, path(store))?,
        _ => bail!("usage: {USAGE}"),
    };
    println!("{}", Value::Object(figures));
    Ok(())
}

fn rate(figures: &Figures) -> Result<u64> {
    figures["lines_per_second"].as_u64().context("a measurement has a rate")
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path is UTF-8")
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// `bench/` in the target folder, above the profile that this binary lies in.
fn bench_folder() -> Result<PathBuf> {
    let binary = std::env::current_exe()?;
    let target = binary.parent().and_then(Path::parent).context("the binary lies in the target folder")?;
    let folder = target.join("bench");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn keep(name: &str, result: &Value) -> Result<()> {
    Ok(fs::write(bench_folder()?.join(format!("{name}.json")), format!("{result:#}\n"))?)
}
