//! Apache Kafka brokers of a test's own: real ones, started from their Java packages on loopback, gone with the test.
//!
//! `./dev` fetches the packages and names their folder in `PAIDONCE_KAFKA`.

use std::fs::{self, File};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

/// Names the folder with the broker's Java packages.
pub const PACKAGES: &str = "PAIDONCE_KAFKA";
/// What all clusters call themselves: those of different tests never meet.
pub const CLUSTER_ID: &str = "cGFpZG9uY2UtdGVzdHMhIQ";
const READY_WITHIN: Duration = Duration::from_secs(90);
const STOPPED_WITHIN: Duration = Duration::from_secs(30);
/// Lines of a broker's log that a failure shows.
const LOG_TAIL: usize = 40;

/// How a cluster is made.
#[derive(Clone, Debug)]
pub struct Settings {
    /// One node, or three with replication 3 and two of them in sync.
    pub nodes: u16,
    /// Lines for `server.properties`; they go before the harness's own.
    pub extra: Vec<(String, String)>,
    /// What each node tells clients to connect to, where that is not its own address: a proxy's.
    pub advertised: Vec<SocketAddr>,
    /// Each node's client address, where it must be known before the start (for a proxy).
    pub addresses: Vec<SocketAddr>,
    /// What a container of the image apache/kafka is told. Where it is told anything, its own code makes
    /// `server.properties` of that alone: nothing of the harness goes in, and `addresses` says where clients come in.
    pub environment: Vec<(String, String)>,
    pub heap_mb: u32,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            nodes: 1,
            extra: Vec::new(),
            advertised: Vec::new(),
            addresses: Vec::new(),
            environment: Vec::new(),
            heap_mb: 512,
        }
    }
}

/// Brokers at work.
pub struct Brokers {
    nodes: Vec<Node>,
    folder: Option<TempDir>,
}

/// One broker, which is its own controller too.
pub struct Node {
    id: u16,
    folder: PathBuf,
    packages: PathBuf,
    heap_mb: u32,
    address: SocketAddr,
    advertised: SocketAddr,
    process: Option<Child>,
    /// How often it was started; each start has a log of its own.
    starts: u32,
}

impl Brokers {
    /// One broker that keeps nothing twice.
    pub fn one() -> Result<Brokers> {
        Brokers::start(&Settings::default())
    }

    /// Three brokers, each record on all of them.
    pub fn three() -> Result<Brokers> {
        Brokers::start(&Settings { nodes: 3, heap_mb: 384, ..Settings::default() })
    }

    /// Starts all nodes and waits until they answer.
    pub fn start(settings: &Settings) -> Result<Brokers> {
        let packages = std::env::var_os(PACKAGES).map(PathBuf::from);
        let packages = packages.with_context(|| format!("{PACKAGES} names no folder; start the tests by ./dev"))?;
        let folder = tempfile::Builder::new().prefix("paidonce-broker-").tempdir()?;
        let (addresses, voters) = (free_addresses(settings.nodes)?, free_addresses(settings.nodes)?);
        let mut nodes = Vec::new();
        for (place, free) in addresses.iter().enumerate() {
            let address = settings.addresses.get(place).copied().unwrap_or(*free);
            let advertised = settings.advertised.get(place).copied().unwrap_or(address);
            let (id, heap_mb) = (place as u16 + 1, settings.heap_mb);
            let home = folder.path().join(id.to_string());
            let (packages, process) = (packages.clone(), None);
            let node = Node { id, folder: home, packages, heap_mb, address, advertised, process, starts: 0 };
            node.format(settings, &voters)?;
            nodes.push(node);
        }
        let mut brokers = Brokers { nodes, folder: Some(folder) };
        brokers.nodes.iter_mut().try_for_each(Node::launch)?;
        brokers.nodes.iter_mut().try_for_each(Node::wait_ready)?;
        Ok(brokers)
    }

    /// `host:port` of every node, as clients want it.
    pub fn bootstrap(&self) -> String {
        let addresses: Vec<String> = self.nodes.iter().map(|node| node.advertised.to_string()).collect();
        addresses.join(",")
    }

    pub fn node(&mut self, index: usize) -> &mut Node {
        &mut self.nodes[index]
    }

    /// The process of a node; `None` while it does not run.
    pub fn process(&self, index: usize) -> Option<u32> {
        self.nodes[index].process.as_ref().map(Child::id)
    }

    /// Where all nodes keep what they keep.
    pub fn folder(&self) -> Option<&std::path::Path> {
        self.folder.as_ref().map(TempDir::path)
    }

    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }
}

impl Drop for Brokers {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            // A broker that has gone by itself needs no killing.
            let _gone = node.kill();
        }
        if std::thread::panicking()
            && let Some(folder) = self.folder.take()
        {
            self.nodes.iter().for_each(|node| eprintln!("{}", node.log_tail()));
            eprintln!("the brokers' logs are kept in {}", folder.keep().display());
        }
    }
}

impl Node {
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `kill -9`: nothing is written any more, what reached the system stays.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        let mut process = self.process.take().context("the broker does not run")?;
        process.kill()?;
        Ok(process.wait()?)
    }

    /// Asks the broker to end and waits for it.
    pub fn stop(&mut self) -> Result<()> {
        self.signal("TERM")?;
        let mut process = self.process.take().context("the broker does not run")?;
        let deadline = Instant::now() + STOPPED_WITHIN;
        while process.try_wait()?.is_none() {
            if Instant::now() > deadline {
                process.kill()?;
                process.wait()?;
                bail!("broker {} did not end within {STOPPED_WITHIN:?}", self.id);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Waits until the broker has ended by itself.
    pub fn wait_for_end(&mut self) -> Result<()> {
        let process = self.process.as_mut().context("the broker does not run")?;
        let deadline = Instant::now() + READY_WITHIN;
        while process.try_wait()?.is_none() {
            ensure!(Instant::now() < deadline, "broker {} does not end\n{}", self.id, self.log_tail());
            std::thread::sleep(Duration::from_millis(50));
        }
        self.process = None;
        Ok(())
    }

    /// Starts the broker again on the same files and waits until it answers.
    pub fn start(&mut self) -> Result<()> {
        ensure!(self.process.is_none(), "broker {} runs already", self.id);
        self.launch()?;
        self.wait_ready()
    }

    /// Stands still, as under a debugger, with all connections open (SIGSTOP).
    pub fn pause(&mut self) -> Result<()> {
        self.signal("STOP")
    }

    pub fn resume(&mut self) -> Result<()> {
        self.signal("CONT")
    }

    /// A tool of the broker's packages.
    pub fn tool(&self, class: &str) -> io::Result<Command> {
        self.java(class)
    }

    /// How many lines of what the broker wrote since its last start say this.
    pub fn count(&self, says: &str) -> usize {
        self.told().lines().filter(|line| line.contains(says)).count()
    }

    /// The last lines that the broker wrote.
    pub fn log_tail(&self) -> String {
        let text = self.told();
        let lines: Vec<&str> = text.lines().collect();
        let tail = &lines[lines.len().saturating_sub(LOG_TAIL)..];
        format!("broker {}:\n{}", self.id, tail.join("\n"))
    }

    fn signal(&self, name: &str) -> Result<()> {
        let process = self.process.as_ref().context("the broker does not run")?;
        let sent = Command::new("kill").arg(format!("-{name}")).arg(process.id().to_string()).status()?;
        ensure!(sent.success(), "signal {name} did not reach broker {}", self.id);
        Ok(())
    }

    fn properties(&self) -> PathBuf {
        self.folder.join("server.properties")
    }

    /// Makes `server.properties` and the folder of the log.
    fn format(&self, settings: &Settings, voters: &[SocketAddr]) -> Result<()> {
        fs::create_dir_all(&self.folder)?;
        let mut tool = if settings.environment.is_empty() {
            fs::write(self.properties(), self.server_properties(settings, voters))?;
            let mut tool = self.java("kafka.tools.StorageTool")?;
            tool.args(["format", "--cluster-id", CLUSTER_ID, "--config"]).arg(self.properties());
            tool
        } else {
            self.set_up(&settings.environment)?
        };
        let formatted = tool.stdout(self.log()?).stderr(self.log()?).status()?;
        ensure!(formatted.success(), "{}", self.log_tail());
        Ok(())
    }

    /// What the image apache/kafka runs before the broker.
    fn set_up(&self, environment: &[(String, String)]) -> Result<Command> {
        // No file is mounted there, and those of the image are for containers that are told nothing.
        let nothing = self.folder.join("nothing");
        fs::create_dir(&nothing)?;
        let mut tool = self.java("kafka.docker.KafkaDockerWrapper")?;
        tool.arg("setup").arg("--default-configs-dir").arg(&nothing).arg("--mounted-configs-dir").arg(&nothing);
        tool.arg("--final-configs-dir").arg(&self.folder);
        tool.env("CLUSTER_ID", CLUSTER_ID).envs(environment.iter().cloned());
        Ok(tool)
    }

    fn server_properties(&self, settings: &Settings, voters: &[SocketAddr]) -> String {
        let Node { id, address, advertised, folder, .. } = self;
        let (copies, in_sync) = if settings.nodes >= 3 { (3, 2) } else { (1, 1) };
        let controller = voters[usize::from(*id) - 1];
        let voters: Vec<String> = (1..).zip(voters).map(|(id, at)| format!("{id}@{at}")).collect();
        let voters = voters.join(",");
        let mut text = format!(
            "process.roles=broker,controller\n\
             node.id={id}\n\
             controller.quorum.voters={voters}\n\
             controller.listener.names=CONTROLLER\n\
             listeners=PLAINTEXT://{address},CONTROLLER://{controller}\n\
             advertised.listeners=PLAINTEXT://{advertised}\n\
             listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
             log.dirs={}\n\
             auto.create.topics.enable=false\n\
             default.replication.factor={copies}\n\
             min.insync.replicas={in_sync}\n\
             offsets.topic.replication.factor={copies}\n\
             offsets.topic.num.partitions=4\n\
             transaction.state.log.replication.factor={copies}\n\
             transaction.state.log.min.isr={in_sync}\n\
             transaction.state.log.num.partitions=4\n\
             transaction.partition.verification.enable=true\n\
             share.coordinator.state.topic.replication.factor={copies}\n\
             share.coordinator.state.topic.min.isr={in_sync}\n\
             group.initial.rebalance.delay.ms=0\n\
             group.min.session.timeout.ms=1000\n\
             group.consumer.min.session.timeout.ms=1000\n\
             group.consumer.min.heartbeat.interval.ms=500\n\
             num.network.threads=2\n\
             num.io.threads=2\n\
             num.recovery.threads.per.data.dir=1\n\
             log.cleaner.dedupe.buffer.size=2097152\n\
             log.segment.bytes=67108864\n\
             controlled.shutdown.enable=true\n",
            folder.join("data").display(),
        );
        // A later line of the same name wins.
        settings.extra.iter().for_each(|(name, value)| text.push_str(&format!("{name}={value}\n")));
        text
    }

    fn java(&self, class: &str) -> io::Result<Command> {
        fs::write(self.folder.join("log4j2.properties"), LOGGING)?;
        let mut java = Command::new("java");
        java.arg(format!("-Xmx{}m", self.heap_mb)).args([
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Xshare:auto",
        ]);
        java.arg(format!("-Dlog4j2.configurationFile={}", self.folder.join("log4j2.properties").display()));
        java.arg("-cp").arg(self.packages.join("*")).arg(class).stdin(Stdio::null());
        Ok(java)
    }

    fn log(&self) -> io::Result<File> {
        File::options().create(true).append(true).open(self.log_path())
    }

    fn launch(&mut self) -> Result<()> {
        self.starts += 1;
        let mut java = self.java("kafka.Kafka")?;
        java.arg(self.properties()).stdout(self.log()?).stderr(self.log()?);
        self.process = Some(java.spawn().context("java does not start")?);
        Ok(())
    }

    /// Ready is who says so and is to be reached.
    fn wait_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            let process = self.process.as_mut().context("the broker does not run")?;
            if let Some(ended) = process.try_wait()? {
                let signal = ended.signal();
                bail!("broker {} ended ({:?}, signal {signal:?})\n{}", self.id, ended.code(), self.log_tail());
            }
            if self.told().contains(STARTED) && TcpStream::connect(self.address).is_ok() {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "broker {} is not ready\n{}", self.id, self.log_tail());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// What the broker wrote since it was last started.
    fn told(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.folder.join(format!("log-{}", self.starts))
    }
}

/// What a broker writes when it is up.
const STARTED: &str = "Kafka Server started";
const LOGGING: &str = "\
rootLogger.level=INFO
rootLogger.appenderRef.stdout.ref=stdout
appender.stdout.name=stdout
appender.stdout.type=Console
appender.stdout.layout.type=PatternLayout
appender.stdout.layout.pattern=%d{HH:mm:ss.SSS} %p %m (%c{1})%n
";

/// Addresses on loopback that nobody listens on now. All are held before the first is given up, so none comes twice.
pub fn free_addresses(count: u16) -> io::Result<Vec<SocketAddr>> {
    let held: io::Result<Vec<TcpListener>> = (0..count).map(|_| TcpListener::bind(("127.0.0.1", 0))).collect();
    held?.iter().map(TcpListener::local_addr).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_differ() {
        let mut addresses = free_addresses(6).unwrap();
        addresses.sort();
        addresses.dedup();
        assert_eq!(addresses.len(), 6);
    }
}
