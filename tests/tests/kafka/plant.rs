//! A pipeline on a cluster: its processes, each with folders of its own, and what comes of it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cli::configuration;
use cli::reader::Reader;
use cli::verify::verify;
use rustix::process::{Pid, Signal, kill_process};
use stream::kafka::checkpoints::cluster_name;
use stream::kafka::{Cluster, KafkaTransport, StageSpec};
use tempfile::TempDir;
use tests::broker::CLUSTER_ID;
use tests::s3::ObjectStore;
use tests::tables::Exports;

/// Processes of a whole line.
pub const PARTS: [&str; 5] = ["ingest", "normalize", "units", "ledger", "accrual-sink"];
/// Sales of a load that have come when its first stages are in the middle of it.
const UNDER_WAY: u64 = 1_000;
/// Partitions where a configuration says nothing else.
pub const PARTITIONS: usize = 4;
/// What a process tells of each task that it has found a store for.
pub const OPENS: &str = "task opens";
/// What a process tells of each task that is where it was, or where its last owner was.
const AT_MARK: &str = "task has come to its mark";
/// How long a line may take to come to its end; what hangs is killed.
pub const DONE_WITHIN: Duration = Duration::from_secs(240);

/// A pipeline that does not outlive its test.
pub struct Plant {
    scratch: Option<TempDir>,
    config: PathBuf,
    bootstrap: String,
    /// In front of the names of topics and groups.
    prefix: String,
    generation: u32,
    /// The schema registry, where there is one.
    registry: Option<String>,
    /// Where checkpoints lie, where that is no folder of the plant's own.
    bucket: Option<String>,
    /// Variables of all processes.
    environment: Vec<(String, String)>,
    processes: Vec<Process>,
    /// The program that every process runs.
    pub program: PathBuf,
    /// Seconds between two checkpoints; with 0 every transaction that is committed is followed by one.
    pub checkpoint_interval: u32,
    /// Processes keep their names over restarts, and so their partitions.
    pub instances: bool,
    /// A line for the shell in front of each process of stages and each intake that starts: limits, environment.
    pub shell: Option<String>,
    /// Processes that start say what people hear, and write no log beside that.
    pub quiet: bool,
    /// Data directories that were collected.
    collected: u32,
}

/// A process of stages: killed and started again, it keeps its folder.
struct Process {
    part: String,
    copy: u32,
    child: Option<Child>,
}

impl Plant {
    /// Makes the topics of the first generation; `replication` is the number of brokers.
    pub fn new(bootstrap: &str, config: &Path, prefix: &str, replication: usize) -> Plant {
        let plant = Plant {
            scratch: Some(tempfile::Builder::new().prefix("paidonce-plant-").tempdir().unwrap()),
            config: config.to_owned(),
            bootstrap: bootstrap.to_owned(),
            prefix: prefix.to_owned(),
            generation: 1,
            registry: None,
            bucket: None,
            environment: Vec::new(),
            processes: Vec::new(),
            program: PathBuf::from(env!("CARGO_BIN_EXE_paidonce-tested")),
            checkpoint_interval: 2,
            instances: true,
            shell: None,
            quiet: false,
            collected: 0,
        };
        plant.create_topics(replication);
        plant
    }

    fn create_topics(&self, replication: usize) {
        let mut create = self.command(&["topics", "create"]);
        let made = create.args(["--no-flush", "--replication", &replication.to_string()]).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    /// Makes the topics of the next generation on a single broker; all that starts from here on is of it. Processes of stages
    /// need other folders: another copy of each.
    pub fn begin_next_generation(&mut self, config: &Path) {
        self.generation += 1;
        config.clone_into(&mut self.config);
        self.create_topics(1);
    }

    /// All processes name their schemas by a registry.
    pub fn with_registry(mut self, url: &str) -> Plant {
        self.registry = Some(url.to_owned());
        self
    }

    /// Checkpoints lie in an object store.
    pub fn with_bucket(mut self, store: &ObjectStore) -> Plant {
        self.bucket = Some(store.url());
        self.environment.extend(store.environment());
        self
    }

    /// All processes send their spans to a collector.
    pub fn with_collector(mut self, url: &str) -> Plant {
        self.environment.push(("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), url.to_owned()));
        self
    }

    /// One process for each stage.
    pub fn start_line(&mut self) {
        PARTS.iter().for_each(|part| self.start(part, 1));
    }

    /// Starts a copy of a stage's process or of `watch`, or starts it again.
    pub fn start(&mut self, part: &str, copy: u32) {
        let mut command = if part == "watch" { self.watch(copy) } else { self.stage(part, copy) };
        let child = Some(command.spawn().unwrap());
        match self.processes.iter_mut().find(|process| process.part == part && process.copy == copy) {
            Some(process) => {
                assert!(process.child.is_none(), "{part} {copy} runs already");
                process.child = child;
            }
            None => self.processes.push(Process { part: part.to_owned(), copy, child }),
        }
    }

    /// Kills the process of an index and starts it again.
    pub fn kill_and_start(&mut self, index: usize) {
        let (part, copy) = (self.processes[index].part.clone(), self.processes[index].copy);
        self.end(&part, copy, Signal::KILL);
        self.start(&part, copy);
    }

    /// Ends a process by a signal and waits for it; an orderly end must be a good one.
    pub fn end(&mut self, part: &str, copy: u32, signal: Signal) {
        let found = self.processes.iter_mut().find(|process| process.part == part && process.copy == copy);
        let mut child = found.and_then(|process| process.child.take()).expect("the process runs");
        kill_process(Pid::from_child(&child), signal).unwrap();
        let status = child.wait().unwrap();
        assert!(signal == Signal::KILL || status.success(), "{part} {copy}: {status}\n{}", self.log(part, copy));
    }

    pub fn runs(&self, part: &str, copy: u32) -> bool {
        self.running().any(|process| process.part == part && process.copy == copy)
    }

    pub fn signal(&self, part: &str, copy: u32, signal: Signal) {
        let found = self.processes.iter().find(|process| process.part == part && process.copy == copy);
        let child = found.and_then(|process| process.child.as_ref()).expect("the process runs");
        kill_process(Pid::from_child(child), signal).unwrap();
    }

    /// Waits until the last lines of a process say this.
    pub fn wait_for(&self, part: &str, copy: u32, says: &str) {
        self.wait_while(&format!("{says:?} is not told by {part} {copy}"), || !self.log(part, copy).contains(says));
    }

    /// How many lines of all processes' logs say this.
    pub fn count(&self, says: &str) -> usize {
        self.processes.iter().map(|process| self.count_of(&process.part, process.copy, says)).sum()
    }

    /// How many lines of one process's log say this.
    pub fn count_of(&self, part: &str, copy: u32, says: &str) -> usize {
        let text = fs::read_to_string(self.log_path(part, copy)).unwrap_or_default();
        text.lines().filter(|line| line.contains(says)).count()
    }

    /// How often tasks were opened after they had been opened once, in a line of one process for each stage: what they had
    /// under way came to nothing, or their process lost them and got them back.
    pub fn opened_anew(&self) -> usize {
        self.count(OPENS).saturating_sub(PARTS.len() * PARTITIONS)
    }

    /// Offsets of a topic that readers have seen, over all partitions; brokers may not be ready to tell yet.
    pub fn visible(&self, topic: &str) -> u64 {
        let (cluster, partitions) = (self.cluster(), self.line()[0].partitions);
        let transport = KafkaTransport::new(&cluster).unwrap();
        let end = |partition| transport.visible_end(&cluster.topic(topic), partition).unwrap_or_default();
        (0..partitions).map(end).sum()
    }

    /// Waits until the first stages are in the middle of their work.
    pub fn wait_until_under_way(&self) {
        self.wait_while("few sales have come", || self.visible("pos.sales") < UNDER_WAY);
    }

    /// Waits as long as something is so.
    pub fn wait_while(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let deadline = Instant::now() + DONE_WITHIN;
        while is_so() {
            assert!(Instant::now() < deadline, "{what}\n{}", self.logs());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends all processes, each in good order.
    pub fn end_all(&mut self) {
        let running: Vec<(String, u32)> = self.running().map(|process| (process.part.clone(), process.copy)).collect();
        running.iter().for_each(|(part, copy)| self.signal(part, *copy, Signal::TERM));
        for process in &mut self.processes {
            if let Some(mut child) = process.child.take() {
                let status = child.wait().unwrap();
                assert!(status.success(), "{} {}: {status}", process.part, process.copy);
            }
        }
    }

    /// Takes a stage process's own disk away.
    pub fn wipe(&self, part: &str, copy: u32) {
        let folder = self.folder().join(format!("{part}-{copy}"));
        // A process that was killed early has none.
        if folder.exists() {
            fs::remove_dir_all(folder).unwrap();
        }
    }

    /// Takes the intake's own disk away.
    pub fn wipe_intake(&self) {
        fs::remove_dir_all(self.intake_folder()).unwrap();
        let witness = self.folder().join("intake.witness");
        // One that failed early has none.
        if witness.exists() {
            fs::remove_file(witness).unwrap();
        }
    }

    pub fn intake_folder(&self) -> PathBuf {
        self.folder().join("intake")
    }

    /// Publishes everything that lies in a folder.
    pub fn take_in(&self, feeds: &Path, as_of: &str) {
        self.must_end_well(self.start_intake(feeds, as_of));
    }

    /// The same, and time stays where it is.
    pub fn take_in_timeless(&self, feeds: &Path) {
        self.must_end_well(self.intake(feeds, &[]));
    }

    fn must_end_well(&self, mut intake: Intake) {
        let status = intake.wait();
        assert!(status == Some(0), "intake: {status:?}\n{}", self.log("intake", 1));
    }

    pub fn start_intake(&self, feeds: &Path, as_of: &str) -> Intake {
        self.intake(feeds, &["--as-of", as_of])
    }

    /// An intake with these arguments about time; without any, time stays where it is.
    pub fn intake(&self, feeds: &Path, time: &[&str]) -> Intake {
        self.intake_that(feeds, &[time, &["--until-idle"]].concat())
    }

    /// An intake that waits for files to come, until it is ended.
    pub fn live_intake(&self, feeds: &Path) -> Intake {
        self.intake_that(feeds, &[])
    }

    fn intake_that(&self, feeds: &Path, arguments: &[&str]) -> Intake {
        let mut command = self.command(&["intake"]);
        command.arg("--data").arg(self.intake_folder()).arg("--blobs").arg(self.blobs()).arg("--feeds").arg(feeds);
        command.args(arguments);
        Intake(self.in_shell(command).stderr(self.log_file("intake", 1)).spawn().unwrap())
    }

    /// Waits until everything is done and makes a data directory of it.
    pub fn collect(&mut self) -> PathBuf {
        self.collected += 1;
        let out = self.folder().join(format!("collected-{}", self.collected));
        let mut command = self.command(&["collect"]);
        command.arg("--data").arg(&out).arg("--blobs").arg(self.blobs());
        for process in &self.processes {
            command.arg("--tasks").arg(self.folder().join(format!("{}-{}", process.part, process.copy)));
        }
        let wait = DONE_WITHIN.as_secs().to_string();
        let collected = command.args(["--wait", &wait]).output().unwrap();
        let said = String::from_utf8_lossy(&collected.stderr);
        assert!(collected.status.success(), "{said}\n{}", self.logs());
        out
    }

    /// What no task needs any longer; with a folder it is archived there and taken away.
    pub fn trim(&self, archive: Option<&Path>) -> String {
        let mut command = self.command(&["topics", "trim"]);
        command.args(["--checkpoints", &self.checkpoints()]);
        if let Some(archive) = archive {
            command.arg("--apply").arg("--archive").arg(archive);
        }
        let trimmed = command.stdout(Stdio::piped()).output().unwrap();
        assert!(trimmed.status.success(), "{}", String::from_utf8_lossy(&trimmed.stderr));
        String::from_utf8(trimmed.stdout).unwrap()
    }

    /// Runs `paidonce repair` beside the stores and checkpoints of all processes; its exit code, and what it told.
    pub fn repair(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = self.command(&["repair"]);
        command.args(["--checkpoints", &self.checkpoints()]).arg("--blobs").arg(self.blobs());
        let folders = self.processes.iter().map(|process| format!("{}-{}", process.part, process.copy));
        for folder in folders.map(|name| self.folder().join(name)).filter(|folder| folder.is_dir()) {
            command.arg("--tasks").arg(folder);
        }
        let ended = command.args(arguments).stdout(Stdio::piped()).output().unwrap();
        let said = [ended.stdout, ended.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        (ended.status.code(), said.concat())
    }

    /// Uses the raw files that another line has taken in.
    pub fn share_blobs(&self, other: &Plant) {
        tests::site::copy_folder(&other.blobs(), &self.blobs());
    }

    /// Exports of everything that came of the line, once it is done and its books are in order.
    pub fn exports(&mut self) -> Exports {
        exports(&self.collect())
    }

    pub fn cluster(&self) -> Cluster {
        let (brokers, prefix) = (self.bootstrap.clone(), self.prefix.clone());
        Cluster { brokers, prefix, generation: self.generation, settings: Vec::new(), id: CLUSTER_ID.into() }
    }

    /// The stages with their topics.
    pub fn line(&self) -> Vec<StageSpec> {
        let configuration = configuration::load(&self.config).unwrap_or_else(|problems| panic!("{}", problems[0]));
        cli::kafka::line(configuration.tenant.partitions, &configuration.digest)
    }

    /// All that starts from here on goes by another configuration.
    pub fn set_config(&mut self, config: &Path) {
        config.clone_into(&mut self.config);
    }

    /// Checkpoints lie where another line keeps its own.
    pub fn checkpoints_with(&mut self, other: &Plant) {
        self.bucket = Some(other.checkpoints());
    }

    /// Below which the checkpoints of this generation lie.
    pub fn generation_folder(&self) -> PathBuf {
        Path::new(&cluster_name(CLUSTER_ID)).join(format!("{}generation-{}", self.prefix, self.generation))
    }

    pub fn folder(&self) -> &Path {
        self.scratch.as_ref().expect("the folder is there as long as the plant").path()
    }

    fn blobs(&self) -> PathBuf {
        self.folder().join("blobs")
    }

    /// Where all processes keep their checkpoints.
    pub fn checkpoints(&self) -> String {
        let folder = || self.folder().join("checkpoints").to_str().expect("a path of text").to_owned();
        self.bucket.clone().unwrap_or_else(folder)
    }

    fn running(&self) -> impl Iterator<Item = &Process> {
        self.processes.iter().filter(|process| process.child.is_some())
    }

    pub fn command(&self, name: &[&str]) -> Command {
        let mut command = self.on_cluster(name);
        command.arg("--config").arg(&self.config);
        command
    }

    fn on_cluster(&self, name: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(name).args(["--brokers", &self.bootstrap, "--prefix", &self.prefix]);
        command.args(["--generation", &self.generation.to_string()]);
        if let Some(url) = &self.registry {
            command.args(["--registry", url]);
        }
        command.envs(self.environment());
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    fn environment(&self) -> impl Iterator<Item = (&String, &String)> {
        self.environment.iter().map(|(name, value)| (name, value))
    }

    /// A process that looks on: `paidonce watch`.
    fn watch(&self, copy: u32) -> Command {
        let mut command = self.on_cluster(&["watch"]);
        command.arg("--data").arg(self.folder().join(format!("watch-{copy}"))).args(["--metrics", "0"]);
        command.stderr(self.log_file("watch", copy));
        command
    }

    fn stage(&self, part: &str, copy: u32) -> Command {
        let mut command = self.command(&["stage", part]);
        command.args(["--metrics", "0"]);
        command.arg("--data").arg(self.folder().join(format!("{part}-{copy}"))).arg("--blobs").arg(self.blobs());
        command.args(["--checkpoints", &self.checkpoints()]);
        command.args(["--checkpoint-interval", &self.checkpoint_interval.to_string()]);
        if self.instances {
            command.arg("--instance").arg(format!("{part}-{copy}"));
        }
        command = self.in_shell(command);
        match self.quiet {
            true => command.env_remove("RUST_LOG"),
            false => command.env("RUST_LOG", "info").env("NO_COLOR", "1"),
        };
        command.stderr(self.log_file(part, copy));
        command
    }

    fn in_shell(&self, command: Command) -> Command {
        let Some(shell) = &self.shell else { return command };
        let mut inside = Command::new("sh");
        inside.args(["-c", &format!("{shell}; exec \"$@\""), "sh"]).arg(command.get_program()).args(command.get_args());
        inside.envs(self.environment()).stdin(Stdio::null()).stdout(Stdio::null());
        inside
    }

    fn log_file(&self, part: &str, copy: u32) -> File {
        File::options().create(true).append(true).open(self.log_path(part, copy)).unwrap()
    }

    pub fn log_path(&self, part: &str, copy: u32) -> PathBuf {
        self.folder().join(format!("{part}-{copy}.log"))
    }

    /// The last lines that a process wrote.
    pub fn log(&self, part: &str, copy: u32) -> String {
        let text = fs::read_to_string(self.log_path(part, copy)).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        format!("{part} {copy}:\n{}", lines[lines.len().saturating_sub(15)..].join("\n"))
    }

    /// For each time that a task came to its mark since a moment: how long after it.
    pub fn at_marks_since(&self, moment: SystemTime) -> Vec<Duration> {
        let logs = self.processes.iter().map(|process| fs::read_to_string(self.log_path(&process.part, process.copy)));
        let logs: Vec<String> = logs.map(Result::unwrap_or_default).collect();
        let lines = logs.iter().flat_map(|text| text.lines()).filter(|line| line.contains(AT_MARK));
        let (since, now) = (clock(moment), clock(SystemTime::now()));
        lines.map(time_of_day).filter(|time| (since..=now).contains(time)).map(|time| time - since).collect()
    }

    /// For each time that a task came to its mark: how long after its process had found the topics.
    pub fn recoveries(&self) -> Vec<Duration> {
        let mut recoveries = Vec::new();
        for process in &self.processes {
            let text = fs::read_to_string(self.log_path(&process.part, process.copy)).unwrap_or_default();
            let mut began = Duration::ZERO;
            for line in text.lines() {
                if line.contains("topics are as they must be") {
                    began = time_of_day(line);
                } else if line.contains(AT_MARK) {
                    recoveries.push(time_of_day(line).saturating_sub(began));
                }
            }
        }
        recoveries.sort_unstable();
        recoveries
    }

    pub fn logs(&self) -> String {
        let logs: Vec<String> = self.processes.iter().map(|process| self.log(&process.part, process.copy)).collect();
        logs.join("\n")
    }
}

/// Exports of a data directory whose books are in order.
pub fn exports(data: &Path) -> Exports {
    let reader = Reader::open(data).unwrap();
    for check in verify(&reader).unwrap() {
        assert_eq!(check.violations, 0, "{}: {:?}", check.name, check.examples);
    }
    Exports::of(&reader).unwrap()
}

/// When a line of a log was written: it begins with `2026-11-28T19:33:28.983437Z`.
fn time_of_day(line: &str) -> Duration {
    let mut parts = line.get(11..26).unwrap_or_default().split([':', '.']).map(|part| part.parse::<u64>().unwrap());
    let mut next = || parts.next().unwrap();
    let (hours, minutes, seconds) = (next(), next(), next());
    Duration::from_secs((hours * 60 + minutes) * 60 + seconds) + Duration::from_micros(next())
}

/// The time of day of a moment, as logs have it.
fn clock(moment: SystemTime) -> Duration {
    let since = moment.duration_since(UNIX_EPOCH).unwrap();
    Duration::new(since.as_secs() % 86_400, since.subsec_nanos())
}

/// An intake at work, which does not outlive its test.
pub struct Intake(Child);

impl Intake {
    /// Waits for its end; it is killed when that takes too long.
    pub fn wait(&mut self) -> Option<i32> {
        let deadline = Instant::now() + DONE_WITHIN;
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code();
            }
            if Instant::now() > deadline {
                self.0.kill().unwrap();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }

    /// Asks it to end and waits for it.
    pub fn end(mut self) -> Option<i32> {
        self.signal(Signal::TERM);
        self.wait()
    }

    /// Kills it; `false` where it had ended by itself.
    pub fn kill(&mut self) -> bool {
        let runs = self.0.try_wait().unwrap().is_none();
        if runs {
            self.0.kill().unwrap();
            self.0.wait().unwrap();
        }
        runs
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Drop for Plant {
    fn drop(&mut self) {
        for process in &mut self.processes {
            if let Some(child) = &mut process.child {
                // It may have gone by itself.
                let _gone = child.kill();
                let _status = child.wait();
            }
        }
        if std::thread::panicking()
            && let Some(scratch) = self.scratch.take()
        {
            eprintln!("the pipeline's folders are kept in {}", scratch.keep().display());
        }
    }
}
