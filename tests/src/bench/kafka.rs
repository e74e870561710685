//! One broker, one input: ours, Kafka Streams and the raw floor after one another, at a number of partitions.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use cli::exports::each_accrual;
use cli::kafka::task_options;
use contract::Micros;
use contract::topics::{HOPS, VIEWS};
use serde_json::{Value, json};
use stream::kafka::{KafkaTransport, TopicPlan, Transport, create_topics};

use super::floor;
use super::line::{Line, Plan as LinePlan};
use super::live::{Pace, drop_files, quantile};
use super::peer::{self, Peer, tell_peer};
use super::process::{Running, Usage};
use super::sales::{Sales, plain_programs, reference_json};
use super::watch::{Arrivals, Watch, tell_ours};
use crate::measure::Figures;

const STAGES: [&str; 4] = ["ingest", "normalize", "compliance", "accrual-sink"];
const INPUT: &str = "pos.feeds";
const MOVEMENTS: &str = "pos.movements";
const SETTLED_INPUT: &str = "pos.entitlements";
const PEER_SETTLED_INPUT: &str = "peer.job-entitlements-repartition";
/// Nothing new for so long means that all is done, where nothing else tells.
const QUIET: Duration = Duration::from_secs(5);
const DONE_WITHIN: Duration = Duration::from_secs(900);
/// Shares of the settling step's input between which a rate is taken: the first part warms up.
const WARM: f64 = 0.25;

/// What is measured.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub partitions: u16,
    pub pace: Pace,
}

/// The place of one measurement: broker, folders, configuration.
struct Site<'a> {
    line: Line,
    plan: Plan,
    sales: &'a Sales,
    /// What the embedded engine accrues on the same files, by program.
    expected: &'a BTreeMap<String, Micros>,
}

/// How fast a job went through the input that lay ready.
struct Drained {
    /// From its start.
    seconds: f64,
    /// Without the first quarter, in which a virtual machine warms up.
    warm_rate: f64,
    usage: Usage,
    broker: Usage,
    accrued: BTreeMap<String, Micros>,
}

/// Measures everything at one number of partitions, on a broker of its own.
pub fn measure(sales: &Sales, expected: &BTreeMap<String, Micros>, plan: Plan, folder: &Path) -> Result<Figures> {
    let folder = folder.join(format!("partitions-{}", plan.partitions));
    let stages = LinePlan { partitions: plan.partitions, parts: STAGES.to_vec(), ..LinePlan::default() };
    let mut site = Site { line: Line::new(sales, stages, &folder)?, plan, sales, expected };
    eprintln!("{} partitions: publishing {} lines", plan.partitions, sales.lines);
    site.line.intake("intake-of-all", true)?.must_end_well()?;
    let (ours, ours_latency) = site.ours()?;
    let (streams, streams_latency, compared) = site.streams(&ours)?;
    let floor = site.floor()?;
    let figures = json!({
        "partitions": plan.partitions,
        "ours": site.told(&ours, sales.lines, &ours_latency),
        "kafka_streams": site.told(&streams, site.lines_with_live(), &streams_latency),
        "floor": floor,
        "plain_programs": compared,
        "live_lines_per_second": plan.pace.lines_per_second(),
    });
    figures.as_object().cloned().context("figures are an object")
}

impl Site<'_> {
    fn ours(&mut self) -> Result<(Drained, Vec<Duration>)> {
        eprintln!("{} partitions: paidonce", self.plan.partitions);
        let watch = Watch::open(&self.line.cluster, MOVEMENTS, tell_ours)?;
        let start = Instant::now();
        let before = self.broker_usage()?;
        self.line.start_stages()?;
        let mut stages = std::mem::take(&mut self.line.stages);
        let done = |watch: &Watch| Ok(watch.seen().standing() == *self.expected);
        let drained = self.drain(&watch, SETTLED_INPUT, &mut stages, start, before, &done);
        if drained.is_err() {
            self.tell_differences(&watch.seen().standing());
        }
        let drained = drained?;
        let latency = self.latency(&watch, &mut stages, 1)?;
        stages.into_iter().try_for_each(Running::end)?;
        let accrued = watch.seen().standing();
        watch.close()?;
        Ok((Drained { accrued, ..drained }, latency))
    }

    fn tell_differences(&self, accrued: &BTreeMap<String, Micros>) {
        for (program, expected) in self.expected {
            let found = accrued.get(program).copied().unwrap_or_default();
            if found != *expected {
                eprintln!("{program}: {found} is accrued, the embedded engine accrues {expected}");
            }
        }
    }

    fn streams(&self, ours: &Drained) -> Result<(Drained, Vec<Duration>, Value)> {
        eprintln!("{} partitions: Kafka Streams", self.plan.partitions);
        let reference = self.line.folder().join("reference.json");
        let known = reference_json(self.line.config(), &reference)?;
        let peer = Peer {
            cluster: self.line.cluster.clone(),
            input: INPUT.to_owned(),
            partitions: self.plan.partitions,
            threads: std::thread::available_parallelism()?.get(),
            commit_interval: commit_interval(),
            reference,
        };
        peer.create_topics()?;
        let watch = Watch::open(&self.line.cluster, peer::MOVEMENTS, tell_peer)?;
        let (start, before) = (Instant::now(), self.broker_usage()?);
        let mut job = vec![peer.start(self.line.folder())?];
        let done = |watch: &Watch| {
            let changed = watch.seen().changed;
            Ok(changed.is_some_and(|at| at.elapsed() > QUIET) && peer.is_drained()?)
        };
        let drained = self.drain(&watch, PEER_SETTLED_INPUT, &mut job, start, before, &done)?;
        let mut compared = BTreeMap::new();
        for program in plain_programs(&known) {
            let of = |accrued: &BTreeMap<String, Micros>| accrued.get(&program).copied().unwrap_or_default();
            let (ours, streams) = (of(&ours.accrued), of(&drained.accrued));
            let row =
                json!({ "ours": ours.to_string(), "kafka_streams": streams.to_string(), "same": ours == streams });
            compared.insert(program, row);
        }
        let latency = self.latency(&watch, &mut job, 1 + self.plan.pace.files)?;
        job.into_iter().try_for_each(Running::end)?;
        watch.close()?;
        Ok((drained, latency, json!(compared)))
    }

    /// Waits until a job has worked off what lay ready.
    fn drain(
        &self,
        watch: &Watch,
        settled_input: &str,
        jobs: &mut [Running],
        start: Instant,
        before: Usage,
        done: &dyn Fn(&Watch) -> Result<bool>,
    ) -> Result<Drained> {
        let transport = KafkaTransport::new(&self.line.cluster)?;
        let mut progress: Vec<(Instant, u64)> = Vec::new();
        while !done(watch)? {
            jobs.iter_mut().try_for_each(Running::must_run)?;
            let end = |partition| transport.visible_end(settled_input, partition);
            // A topic that a job makes is not there yet, then has no leader for a moment.
            let records = transport.partitions(settled_input).and_then(|count| (0..count).map(end).sum());
            progress.extend(records.ok().map(|records: u64| (Instant::now(), records)));
            ensure!(start.elapsed() < DONE_WITHIN, "a job is not done within {DONE_WITHIN:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
        let seen = watch.seen();
        let end = seen.changed.context("nothing was accrued")?;
        let all = progress.last().map_or(0, |(_, records)| *records);
        let warm = progress.iter().find(|(_, records)| *records as f64 >= WARM * all as f64);
        let (since, records) = warm.copied().unwrap_or((start, 0));
        let share = 1.0 - records as f64 / all.max(1) as f64;
        let usage =
            jobs.iter().map(Running::usage).try_fold(Usage::default(), |sum, one| anyhow::Ok(sum.plus(one?)))?;
        Ok(Drained {
            seconds: end.duration_since(start).as_secs_f64(),
            warm_rate: share / end.saturating_duration_since(since).as_secs_f64().max(0.001),
            usage,
            broker: self.broker_usage()?.since(before),
            accrued: seen.standing(),
        })
    }

    /// How long from the moment at which a probe's row could be read until its accrual could.
    fn latency(&self, watch: &Watch, jobs: &mut [Running], first: u64) -> Result<Vec<Duration>> {
        let pace = self.plan.pace;
        let arrivals = Arrivals::open(&self.line.cluster, INPUT)?;
        let intake = self.line.intake(&format!("intake-from-{first}"), false)?;
        drop_files(&self.line.feeds(), self.line.folder(), pace, first)?;
        let last = first + pace.files - 1;
        let start = Instant::now();
        while !watch.seen().probes.range(last..).any(|_| true) {
            jobs.iter_mut().try_for_each(Running::must_run)?;
            ensure!(start.elapsed() < DONE_WITHIN, "probe {last} is not accrued within {DONE_WITHIN:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
        intake.end()?;
        let mut taken = Vec::new();
        for (number, came) in arrivals.seen() {
            let seen = watch.seen();
            let Some((_, accrued)) = seen.probes.range(number..).next() else { bail!("probe {number} is lost") };
            taken.push(accrued.saturating_duration_since(came));
        }
        arrivals.close()?;
        ensure!(taken.len() as u64 == pace.files, "{} of {} probes came in", taken.len(), pace.files);
        taken.sort_unstable();
        Ok(taken)
    }

    fn floor(&self) -> Result<Value> {
        eprintln!("{} partitions: raw floor", self.plan.partitions);
        let topics: Vec<&str> = HOPS.iter().chain(VIEWS).map(|topic| topic.name).collect();
        let plan = |topic: &&str| TopicPlan {
            name: format!("{}{topic}", floor::PREFIX),
            partitions: self.plan.partitions,
            replication: 1,
            settings: Vec::new(),
        };
        create_topics(&self.line.cluster, &topics.iter().map(plan).collect::<Vec<_>>())?;
        let before = self.broker_usage()?;
        let mut command = Command::new(std::env::current_exe()?);
        let interval = commit_interval().as_millis().to_string();
        command.args(["measure", "floor", &self.line.cluster.brokers, &interval]).args(&topics);
        let output = command.stderr(Stdio::inherit()).output()?;
        ensure!(output.status.success(), "measuring the floor failed");
        let mut figures: Figures = serde_json::from_slice(&output.stdout)?;
        let seconds = figures["seconds"].as_f64().context("the floor has its time")?;
        // What the line's topics hold came from all lines, those of both latencies included.
        let lines = self.lines_with_live() + self.live_lines();
        figures.insert("lines".into(), json!(lines));
        figures.insert("lines_per_second".into(), json!((lines as f64 / seconds).round()));
        figures.insert("broker".into(), self.broker_usage()?.since(before).json());
        Ok(Value::Object(figures))
    }

    fn told(&self, drained: &Drained, lines: u64, latency: &[Duration]) -> Value {
        let milliseconds = |share| quantile(latency, share).map_or(Value::Null, |time| json!(time.as_millis() as u64));
        json!({
            "lines": lines,
            "seconds_from_start": drained.seconds,
            "lines_per_second_from_start": (lines as f64 / drained.seconds).round(),
            "lines_per_second": (lines as f64 * drained.warm_rate).round(),
            "latency_p50_ms": milliseconds(0.5),
            "latency_p99_ms": milliseconds(0.99),
            "latency_probes": latency.len(),
            "processes": drained.usage.json(),
            "broker": drained.broker.json(),
        })
    }

    fn live_lines(&self) -> u64 {
        self.plan.pace.files * self.plan.pace.lines as u64
    }

    /// The input as it is after the first of the two latencies.
    fn lines_with_live(&self) -> u64 {
        self.sales.lines + self.live_lines()
    }

    fn broker_usage(&self) -> Result<Usage> {
        Usage::of(self.line.broker()?)
    }
}

/// Ours, so that the others commit as often.
fn commit_interval() -> Duration {
    task_options(Path::new(""), None).commit_interval
}

/// What the embedded engine accrues, by program; no entry for nothing.
pub fn accrued(data: &Path) -> Result<BTreeMap<String, Micros>> {
    let reader = cli::reader::Reader::open(data)?;
    let mut accrued: BTreeMap<String, Micros> = BTreeMap::new();
    each_accrual(&reader, &mut |row| match accrued.get_mut(row.program.as_str()) {
        Some(sum) => *sum += row.amount,
        None => _ = accrued.insert(row.program.to_string(), row.amount),
    })?;
    accrued.retain(|_, amount| !amount.is_zero());
    Ok(accrued)
}
