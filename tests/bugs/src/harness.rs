//! The tests that must catch faults, and how they are built cheaply and run.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// After so long a test that does not end has told of the fault, on a machine that has nothing else to do.
pub const PATIENCE: Duration = Duration::from_secs(300);
/// The same where a history is shrunk, or where nobody knows yet how long the tests take.
pub const PATIENCE_AT_FIRST: Duration = Duration::from_secs(3_600);
const LOOK: Duration = Duration::from_millis(50);

const EVENTS: &str = "PAIDONCE_EVENTS";

/// Crates that are built anew for a fault, and therefore optimised a little: tests of slow code are several times as fast.
const OURS: [&str; 7] = ["contract", "stream", "ingest", "normalize", "compliance", "accrual-sink", "oracle"];

/// Which tests must catch a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Harness {
    /// Drawn histories, told to the ledger and to the oracle.
    Histories,
    /// Drawn markets, told to the units and to the oracle.
    Markets,
    /// Rules, programs, laws and case files of the units and of the ledger.
    Compliance,
    /// The books of the accrual sink, with their verification.
    Books,
    Normalize,
    Ingest,
    /// The embedded engine with crashes at every kind of place.
    Engine,
    /// The Kafka engine's protocol: its decisions, and a cluster on which everything goes wrong. Where one guard stands in
    /// for another (a reader that misses something asks its writer), the decisions tell.
    Simulation,
}

/// What of a harness is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it: few seeds, none of them shrunk.
    All,
    /// The histories that are drawn, as of all.
    Drawn,
    /// The history of one seed, which is shrunk where it fails, and kept among the sources.
    Seed(u64),
    /// Histories that are kept.
    Kept,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    Passed,
    /// Some test failed; the seed that told, where tests go by seeds.
    Failed {
        seed: Option<u64>,
    },
    /// It had not ended when patience did.
    Hung,
    /// The crates with the fault are not built.
    Unbuilt(String),
}

impl Harness {
    pub fn named(name: &str) -> Option<Harness> {
        use Harness::{Books, Compliance, Engine, Histories, Ingest, Markets, Normalize, Simulation};
        let all = [Histories, Markets, Compliance, Books, Normalize, Ingest, Engine, Simulation];
        all.into_iter().find(|harness| harness.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            Harness::Histories => "histories",
            Harness::Markets => "markets",
            Harness::Compliance => "compliance",
            Harness::Books => "books",
            Harness::Normalize => "normalize",
            Harness::Ingest => "ingest",
            Harness::Engine => "engine",
            Harness::Simulation => "simulation",
        }
    }

    /// Where its package lies.
    fn folder(self) -> &'static str {
        match self {
            Harness::Histories | Harness::Markets => "tests/oracle",
            Harness::Compliance => "compliance",
            Harness::Books => "accrual-sink",
            Harness::Normalize => "normalize",
            Harness::Ingest => "ingest",
            Harness::Engine | Harness::Simulation => "stream",
        }
    }

    /// What `cargo test` is asked for.
    fn targets(self) -> &'static [&'static str] {
        match self {
            Harness::Histories => &["-p", "oracle", "--test", "ledger"],
            Harness::Markets => &["-p", "oracle", "--test", "units"],
            Harness::Compliance => &["-p", "compliance", "--lib"],
            Harness::Books => &["-p", "accrual-sink", "--lib", "--test", "sink"],
            Harness::Normalize => &["-p", "normalize", "--lib", "--tests"],
            Harness::Ingest => {
                &["-p", "ingest", "--test", "cases", "--test", "stage", "--test", "text", "--test", "bad_input"]
            }
            Harness::Engine => &["-p", "stream", "--lib", "--test", "engine"],
            Harness::Simulation => &["-p", "stream", "--features", "kafka", "--lib", "--test", "kafka"],
        }
    }

    /// How much of all is tried.
    fn bounds(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Harness::Histories => &[("PAIDONCE_SEEDS", "40"), (EVENTS, "300"), ("PAIDONCE_BRIEF", "1")],
            Harness::Markets => &[("PAIDONCE_SEEDS", "40"), ("PAIDONCE_BRIEF", "1")],
            Harness::Simulation => &[("PAIDONCE_SEEDS", "400")],
            _ => &[],
        }
    }

    /// Builds the tests from `sources` and runs a part of them, each for no longer than `patience`; all that they say goes to
    /// `log`.
    ///
    /// # Errors
    /// Where cargo or a test cannot be started, or the log cannot be written.
    pub fn run(self, part: Part, sources: &Path, log: &Path, patience: Duration) -> std::io::Result<Ending> {
        let mut build = Command::new("cargo");
        build.current_dir(sources).args(["test", "--release", "--locked", "--no-run"]).args(self.targets());
        for krate in OURS {
            for cheap in ["opt-level=1", "codegen-units=256"] {
                build.arg("--config").arg(format!("profile.release.package.{krate}.{cheap}"));
            }
        }
        let built = build.output()?;
        let said = String::from_utf8_lossy(&built.stderr).into_owned();
        if !built.status.success() {
            return Ok(Ending::Unbuilt(said));
        }
        let written = File::create(log)?;
        for binary in executables(&said) {
            match self.run_one(part, &sources.join(self.folder()), &binary, &written, patience)? {
                Ending::Passed => {}
                Ending::Failed { .. } => return Ok(Ending::Failed { seed: seed_in(&fs::read_to_string(log)?) }),
                other => return Ok(other),
            }
        }
        Ok(Ending::Passed)
    }

    fn run_one(
        self,
        part: Part,
        package: &Path,
        binary: &Path,
        log: &File,
        patience: Duration,
    ) -> std::io::Result<Ending> {
        let mut command = Command::new(binary);
        match part {
            Part::All => command.envs(self.bounds().iter().copied()),
            Part::Drawn => command.arg("ledger_and_oracle_agree").envs(self.bounds().iter().copied()),
            Part::Seed(seed) => {
                let events = self.bounds().iter().copied().filter(|(name, _)| *name == EVENTS);
                command.arg("ledger_and_oracle_agree").envs(events).env("PAIDONCE_SEED", seed.to_string())
            }
            Part::Kept => command.arg("what_was_kept_is_told_alike"),
        };
        command.current_dir(package).env_remove("PAIDONCE_LONG").stdin(Stdio::null());
        let mut child = command.stdout(log.try_clone()?).stderr(log.try_clone()?).spawn()?;
        let start = Instant::now();
        loop {
            match child.try_wait()? {
                Some(status) if status.success() => return Ok(Ending::Passed),
                Some(_) => return Ok(Ending::Failed { seed: None }),
                None if start.elapsed() > patience => {
                    child.kill()?;
                    child.wait()?;
                    return Ok(Ending::Hung);
                }
                None => std::thread::sleep(LOOK),
            }
        }
    }
}

/// The tests, as cargo tells where it built them: `Executable tests/ledger/main.rs (/target/release/deps/ledger-1ab7)`.
fn executables(said: &str) -> Vec<PathBuf> {
    let told = said.lines().filter_map(|line| line.trim().strip_prefix("Executable ")?.rsplit_once('('));
    told.filter_map(|(_, path)| path.strip_suffix(')')).map(PathBuf::from).collect()
}

/// `seed 17: …` in what a test said.
fn seed_in(said: &str) -> Option<u64> {
    let mut rests = said.match_indices("seed ").map(|(at, found)| &said[at + found.len()..]);
    rests.find_map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok())
}
