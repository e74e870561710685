//! Programs under measurement, each a process of its own.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

const ENDED_WITHIN: Duration = Duration::from_secs(30);
/// The kernel's clock for processes, on all Linux machines that this runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// A program at work; ends with its owner.
pub struct Running {
    name: String,
    child: Child,
    log: std::path::PathBuf,
}

/// What a program has used up to now.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    pub cpu_seconds: f64,
    /// The most memory that it ever held.
    pub peak_memory_mib: u64,
}

impl Usage {
    pub fn of(process: u32) -> Result<Usage> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
        let (_, fields) = stat.rsplit_once(')').context("the kernel names a process in brackets")?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let ticks: f64 = fields[11..13].iter().map(|ticks| ticks.parse().unwrap_or(0.0)).sum();
        let status = fs::read_to_string(format!("/proc/{process}/status"))?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("the kernel says no peak")?;
        let kib: u64 = peak.trim().trim_end_matches(" kB").parse()?;
        Ok(Usage { cpu_seconds: ticks / TICKS_PER_SECOND, peak_memory_mib: kib / 1024 })
    }

    pub fn plus(self, other: Usage) -> Usage {
        Usage {
            cpu_seconds: self.cpu_seconds + other.cpu_seconds,
            peak_memory_mib: self.peak_memory_mib + other.peak_memory_mib,
        }
    }

    pub fn since(self, before: Usage) -> Usage {
        Usage { cpu_seconds: self.cpu_seconds - before.cpu_seconds, ..self }
    }

    pub fn json(self) -> Value {
        json!({ "cpu_seconds": self.cpu_seconds, "peak_memory_mib": self.peak_memory_mib })
    }
}

impl Running {
    /// Starts a program; what it says goes to a file of its name below `logs`.
    pub fn start(name: &str, command: &mut Command, logs: &Path) -> Result<Running> {
        let log = logs.join(format!("{name}.log"));
        let out = File::create(&log)?;
        let child = command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out).spawn();
        let child = child.with_context(|| format!("{name} does not start"))?;
        Ok(Running { name: name.to_owned(), child, log })
    }

    pub fn usage(&self) -> Result<Usage> {
        Usage::of(self.child.id())
    }

    /// Fails where the program has ended, with the last that it said.
    pub fn must_run(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("{} ended ({status}): {}", self.name, self.last_words()),
        }
    }

    /// Waits for the end of a program that ends by itself.
    pub fn must_end_well(mut self) -> Result<()> {
        let status = self.child.wait()?;
        ensure!(status.success(), "{} ended ({status}): {}", self.name, self.last_words());
        Ok(())
    }

    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks the program to end and waits for it.
    pub fn end(mut self) -> Result<()> {
        let asked = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status()?;
        ensure!(asked.success(), "{} has gone: {}", self.name, self.last_words());
        let deadline = Instant::now() + ENDED_WITHIN;
        while self.child.try_wait()?.is_none() {
            ensure!(Instant::now() < deadline, "{} does not end: {}", self.name, self.last_words());
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn last_words(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended by itself needs no killing.
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}
