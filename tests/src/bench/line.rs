//! A line under measurement: a broker of its own, a process for each stage, what they tell at `/metrics`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use stream::kafka::{Cluster, KafkaTransport, StageSpec, Survey, TaskError};
use tempfile::TempDir;

use super::process::Running;
use super::sales::Sales;
use crate::broker::{Brokers, CLUSTER_ID, Settings};
use crate::measure::load;
use crate::scrape::{Sample, ready_at, scrape, sum};

/// How a line runs.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub partitions: u16,
    /// Processes, by the names of `paidonce stage`.
    pub parts: Vec<&'static str>,
    /// More arguments of each process.
    pub arguments: Vec<&'static str>,
    /// Seconds between two checkpoints; none are kept without it.
    pub checkpoints: Option<u32>,
    /// Checkpoints lie on another file system, so that they are copied there and back and not shared.
    pub apart: bool,
}

/// A file system in memory, on all Linux machines that this runs on.
const APART: &str = "/dev/shm";
const BROKER_HEAP_MB: u32 = 1024;
const MOMENT: Duration = Duration::from_millis(20);

/// A broker with a line on it.
pub struct Line {
    brokers: Brokers,
    pub cluster: Cluster,
    folder: PathBuf,
    config: PathBuf,
    plan: Plan,
    specs: Vec<StageSpec>,
    checkpoints: PathBuf,
    /// Holds the checkpoints where they lie apart.
    _apart: Option<TempDir>,
    /// How many processes had the work of each stage before the one that has it now.
    before: Vec<u32>,
    pub stages: Vec<Running>,
}

impl Line {
    /// Makes the topics; nothing runs yet.
    pub fn new(sales: &Sales, plan: Plan, folder: &Path) -> Result<Line> {
        fs::create_dir_all(folder)?;
        let config = sales.config_for(plan.partitions, folder)?;
        let feeds = folder.join("feeds");
        fs::create_dir_all(&feeds)?;
        crate::site::copy_folder(&sales.feeds(), &feeds);
        let brokers = Brokers::start(&Settings { heap_mb: BROKER_HEAP_MB, ..Settings::default() })?;
        let bootstrap = brokers.bootstrap();
        let cluster = Cluster {
            brokers: bootstrap,
            prefix: String::new(),
            generation: 1,
            settings: Vec::new(),
            id: CLUSTER_ID.into(),
        };
        let specs = cli::kafka::line(plan.partitions, &load(&config)?.digest);
        let apart = if plan.apart { Some(tempfile::tempdir_in(APART)?) } else { None };
        let checkpoints = apart.as_ref().map_or(folder, TempDir::path).join("checkpoints");
        let (folder, before, stages) = (folder.to_owned(), vec![0; plan.parts.len()], Vec::new());
        let line = Line { brokers, cluster, folder, config, plan, specs, checkpoints, _apart: apart, before, stages };
        let mut topics = line.paidonce(&["topics", "create", "--no-flush", "--replication", "1"]);
        topics.arg("--config").arg(&line.config);
        Running::start("topics", &mut topics, &line.folder)?.must_end_well()?;
        Ok(line)
    }

    pub fn feeds(&self) -> PathBuf {
        self.folder.join("feeds")
    }

    pub fn config(&self) -> &Path {
        &self.config
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Takes in what lies in the feeds folder, and with `until_idle` ends then. Its log has a name of its own.
    pub fn intake(&self, name: &str, until_idle: bool) -> Result<Running> {
        let mut command = self.paidonce(&["intake"]);
        command.arg("--config").arg(&self.config).arg("--data").arg(self.folder.join("intake"));
        command.arg("--blobs").arg(self.folder.join("blobs")).arg("--feeds").arg(self.feeds());
        if until_idle {
            command.arg("--until-idle");
        }
        Running::start(name, &mut command, &self.folder)
    }

    pub fn start_stages(&mut self) -> Result<()> {
        (0..self.plan.parts.len()).try_for_each(|index| self.start(index))
    }

    /// Starts the process of a stage, in place of the one that was there.
    pub fn start(&mut self, index: usize) -> Result<()> {
        let (part, instance) = (self.plan.parts[index], self.instance(index));
        let mut command = self.paidonce(&["stage", part, "--instance", &instance, "--metrics", "0"]);
        command.arg("--config").arg(&self.config).arg("--data").arg(self.data(index));
        command.arg("--blobs").arg(self.folder.join("blobs")).args(&self.plan.arguments);
        if let Some(seconds) = self.plan.checkpoints {
            command.arg("--checkpoints").arg(&self.checkpoints);
            command.args(["--checkpoint-interval", &seconds.to_string()]);
        }
        let running = Running::start(part, &mut command, &self.folder)?;
        match self.stages.get_mut(index) {
            Some(stage) => *stage = running,
            None => self.stages.push(running),
        }
        Ok(())
    }

    /// Kills the process of a stage, takes its disk away, and starts another one with a name and a disk of its own: the group
    /// gives it the work once it has missed the first one for the time of a session.
    pub fn replace(&mut self, index: usize) -> Result<()> {
        self.stages[index].kill()?;
        fs::remove_dir_all(self.data(index))?;
        self.before[index] += 1;
        self.start(index)
    }

    /// Ends all stages in good order.
    pub fn end_stages(&mut self) -> Result<()> {
        self.stages.drain(..).try_for_each(Running::end)
    }

    /// Where the process of a stage keeps its tasks.
    pub fn data(&self, index: usize) -> PathBuf {
        self.folder.join("stages").join(self.instance(index))
    }

    fn instance(&self, index: usize) -> String {
        format!("{}-{}", self.plan.parts[index], self.before[index] + 1)
    }

    /// Waits until every task of a stage's process is at its mark; gives what it tells then.
    pub fn recovered(&mut self, index: usize, within: Duration) -> Result<Sample> {
        let deadline = Instant::now() + within;
        loop {
            self.stages[index].must_run()?;
            if let Ok(address) = ready_at(&self.log(index), Duration::ZERO)
                && let Ok(sample) = scrape(&address)
                && sum(&sample, "paidonce_recoveries_total", &[]) >= f64::from(self.plan.partitions)
            {
                return Ok(sample);
            }
            ensure!(Instant::now() < deadline, "{} is not at its marks within {within:?}", self.plan.parts[index]);
            std::thread::sleep(MOMENT);
        }
    }

    /// What a stage's process tells now.
    pub fn sample(&self, index: usize) -> Result<Sample> {
        scrape(&ready_at(&self.log(index), Duration::from_secs(30))?)
    }

    fn log(&self, index: usize) -> PathBuf {
        self.folder.join(format!("{}.log", self.plan.parts[index]))
    }

    /// Waits until nothing that came in is left to do. A look reads all that waits, so that most of the time it does not look.
    pub fn drain(&mut self, within: Duration) -> Result<()> {
        let transport = KafkaTransport::new(&self.cluster)?;
        let deadline = Instant::now() + within;
        loop {
            let look = Instant::now();
            self.stages.iter_mut().try_for_each(Running::must_run)?;
            match Survey::take(&transport, &self.cluster, &self.specs) {
                Ok(survey) if survey.busy().is_none() => return Ok(()),
                Ok(_) | Err(TaskError::Again(_)) => {}
                Err(error) => return Err(error.into()),
            }
            ensure!(Instant::now() < deadline, "the line is not done within {within:?}");
            std::thread::sleep((MOMENT * 10).max(look.elapsed() * 4));
        }
    }

    /// Makes a data directory of what the line has published.
    pub fn collect(&self) -> Result<PathBuf> {
        let out = self.folder.join("collected");
        let mut command = self.paidonce(&["collect", "--wait", "120"]);
        command.arg("--config").arg(&self.config).arg("--data").arg(&out);
        command.arg("--blobs").arg(self.folder.join("blobs"));
        for index in 0..self.plan.parts.len() {
            command.arg("--tasks").arg(self.data(index));
        }
        Running::start("collect", &mut command, &self.folder)?.must_end_well()?;
        Ok(out)
    }

    pub fn broker(&self) -> Result<u32> {
        self.brokers.process(0).context("the broker does not run")
    }

    /// Bytes that the broker keeps.
    pub fn broker_bytes(&self) -> Result<u64> {
        bytes_below(self.brokers.folder().context("the brokers have a folder")?)
    }

    /// Bytes of the tasks' stores.
    pub fn store_bytes(&self) -> Result<u64> {
        bytes_below(&self.folder.join("stages"))
    }

    /// The same binary as `paidonce`, built with this benchmark.
    fn paidonce(&self, words: &[&str]) -> Command {
        let beside = std::env::current_exe().map(|own| own.with_file_name("paidonce-tested"));
        let mut command = Command::new(beside.unwrap_or_else(|_| "paidonce-tested".into()));
        command.args(words).args(["--brokers", &self.cluster.brokers]);
        command
    }
}

fn bytes_below(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        bytes += if kind.is_dir() { bytes_below(&entry.path())? } else { blocks(&entry.metadata()?) };
    }
    Ok(bytes)
}

/// Bytes on disk: files that are laid out ahead count as far as they are filled.
fn blocks(metadata: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::blocks(metadata) * 512
}
