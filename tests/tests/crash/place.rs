//! A place for processes to run in, and what they leave there.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tests::replica::Plan;
use tests::site::{AS_OF, example_config, example_feeds};
use tests::tables::{first_difference, names};

pub const PLAN: Plan = Plan { rows: 60_000, years: 1 };
pub const INTERRUPTED: i32 = 130;

/// Feeds, a configuration and a data directory for processes.
pub struct Place {
    pub scratch: TempDir,
    pub config: PathBuf,
    pub feeds: PathBuf,
    pub as_of: String,
}

impl Place {
    pub fn example() -> Place {
        let scratch = tempfile::tempdir().unwrap();
        Place { scratch, config: example_config(), feeds: example_feeds(), as_of: AS_OF.to_owned() }
    }

    pub fn large() -> Place {
        let scratch = tempfile::tempdir().unwrap();
        PLAN.write(scratch.path()).unwrap();
        let (config, feeds) = (scratch.path().join("config"), scratch.path().join("feeds"));
        Place { scratch, config, feeds, as_of: PLAN.as_of() }
    }

    pub fn data(&self) -> PathBuf {
        self.scratch.path().join("data")
    }

    pub fn witness(&self) -> PathBuf {
        self.scratch.path().join("data.witness")
    }

    /// Sets data directory and witness aside, or brings them back.
    pub fn kept(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    pub fn command(&self) -> Command {
        let mut command = paidonce();
        command.arg("run").arg("--config").arg(&self.config).arg("--data").arg(self.data());
        command.arg("--feeds").arg(&self.feeds).args(["--until-idle", "--threads", "2"]);
        command.args(["--as-of", &self.as_of]).stdout(Stdio::null());
        command
    }

    pub fn run(&self) -> Output {
        self.command().output().unwrap()
    }

    pub fn run_well(&self) {
        let output = self.run();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// A run in the background.
    pub fn start(&self) -> Running {
        Running(self.command().stderr(Stdio::null()).spawn().unwrap())
    }

    /// Every export, or what the first one that fails says.
    pub fn exports(&self) -> Result<Vec<(String, String)>, Output> {
        let export = |name: String| {
            let output = paidonce().arg("export").arg(&name).arg("--data").arg(self.data()).output().unwrap();
            match output.status.success() {
                true => Ok((name, String::from_utf8(output.stdout).unwrap())),
                false => Err(output),
            }
        };
        names().into_iter().map(|(_, name)| export(name)).collect()
    }

    pub fn exports_well(&self) -> Vec<(String, String)> {
        self.exports().unwrap_or_else(|output| panic!("{}", String::from_utf8_lossy(&output.stderr)))
    }

    pub fn verify(&self) -> Output {
        paidonce().arg("verify").arg("--data").arg(self.data()).output().unwrap()
    }

    pub fn wipe(&self) {
        fs::remove_dir_all(self.data()).unwrap();
        fs::remove_file(self.witness()).unwrap();
    }
}

pub fn paidonce() -> Command {
    Command::new(env!("CARGO_BIN_EXE_paidonce-tested"))
}

/// A process that does not outlive its test.
pub struct Running(pub Child);

impl Running {
    /// Waits so long at most; `None` where it still runs then.
    pub fn exit_code_within(&mut self, time: Duration) -> Option<i32> {
        let end = Instant::now() + time;
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return Some(status.code().unwrap_or(-1));
            }
            if Instant::now() >= end {
                return None;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub fn exit_code(&mut self) -> Option<i32> {
        self.0.wait().unwrap().code()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            self.0.kill().unwrap();
            self.0.wait().unwrap();
        }
    }
}

pub fn assert_same(one: &[(String, String)], other: &[(String, String)], when: &str) {
    for ((name, one), (_, other)) in one.iter().zip(other) {
        if let Some(difference) = first_difference(one, other) {
            panic!("{when}: {name}: {difference}");
        }
    }
}

/// Exit code 1, and words that a person can act on.
pub fn assert_refused(output: &Output, words: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("error:") && said.contains(words), "{said}");
}
