//! A child process with hard limits, for parsers that hostile bytes could make eat the machine.
//!
//! The child is this program itself under a hidden command. It reads the file from its standard input and writes
//! length-prefixed frames; the parent takes nothing on trust. A child that dies, lingers or talks nonsense is a file that
//! cannot be read, never an accident of the parent.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, setrlimit};

/// What a child may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildLimits {
    /// The program to run; this one where it is left out.
    pub program: Option<PathBuf>,
    /// Address space in bytes.
    pub memory_bytes_max: u64,
    pub cpu_seconds_max: u64,
    pub wall_seconds_max: u64,
}

impl Default for ChildLimits {
    fn default() -> ChildLimits {
        ChildLimits { program: None, memory_bytes_max: 1 << 30, cpu_seconds_max: 60, wall_seconds_max: 120 }
    }
}

/// A longer frame is nonsense.
const FRAME_BYTES_MAX: usize = 16 << 20;

/// Bounds this process; called first thing in the child, before it reads a byte of the file.
pub fn limit_myself(memory_bytes: u64, cpu_seconds: u64) -> io::Result<()> {
    let limits =
        [(Resource::As, memory_bytes), (Resource::Cpu, cpu_seconds), (Resource::Core, 0), (Resource::Fsize, 0)];
    for (resource, most) in limits {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    Ok(())
}

/// Writes one frame.
pub fn write_frame(out: &mut impl Write, frame: &[u8]) -> io::Result<()> {
    let length = u32::try_from(frame.len()).map_err(|_| io::Error::other("frame is too long"))?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(frame)
}

/// A running child, killed when it is dropped or out of time.
pub struct LimitedChild {
    child: Arc<Mutex<Child>>,
    out: BufReader<ChildStdout>,
    done: Option<Sender<()>>,
    watchdog: Option<JoinHandle<bool>>,
    seconds: u64,
    frame: Vec<u8>,
}

/// Why a child's work came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    #[error("it took longer than {0} seconds")]
    TooSlow(u64),
    /// Killed by a limit, or crashed.
    #[error("it needs more memory or time than a file may have, or is damaged")]
    Died,
    #[error("the reader sent what it must not send")]
    Nonsense,
    /// Says nothing about the file.
    #[error("the reader could not be run")]
    Io(#[from] io::Error),
}

impl LimitedChild {
    /// Starts the program with `arguments`, `input` as its standard input and an empty environment.
    pub fn start(limits: &ChildLimits, arguments: &[OsString], input: File) -> io::Result<LimitedChild> {
        let program = match &limits.program {
            Some(program) => program.clone(),
            None => std::env::current_exe()?,
        };
        let mut child = Command::new(program)
            .args(arguments)
            .env_clear()
            .stdin(Stdio::from(input))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let out = child.stdout.take().ok_or_else(|| io::Error::other("child has no standard output"))?;
        let child = Arc::new(Mutex::new(child));
        let (done, is_done) = channel();
        let (watched, seconds) = (Arc::clone(&child), limits.wall_seconds_max);
        let watchdog = std::thread::spawn(move || {
            let is_late = is_done.recv_timeout(Duration::from_secs(seconds)) == Err(RecvTimeoutError::Timeout);
            if is_late {
                kill(&watched);
            }
            is_late
        });
        Ok(LimitedChild {
            child,
            out: BufReader::with_capacity(64 << 10, out),
            done: Some(done),
            watchdog: Some(watchdog),
            seconds,
            frame: Vec::new(),
        })
    }

    /// The next frame. The child says itself, in a frame, that it is done: output that just ends is an error.
    pub fn next_frame(&mut self) -> Result<&[u8], ChildError> {
        let mut length = [0; 4];
        self.read(&mut length)?;
        let length = u32::from_le_bytes(length) as usize;
        if length > FRAME_BYTES_MAX {
            return Err(ChildError::Nonsense);
        }
        let mut frame = std::mem::take(&mut self.frame);
        frame.resize(length, 0);
        self.read(&mut frame)?;
        self.frame = frame;
        Ok(&self.frame)
    }

    fn read(&mut self, into: &mut [u8]) -> Result<(), ChildError> {
        match self.out.read_exact(into) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(self.cause_of_death()),
            Err(error) => Err(error.into()),
        }
    }

    fn cause_of_death(&mut self) -> ChildError {
        if self.stop() { ChildError::TooSlow(self.seconds) } else { ChildError::Died }
    }

    /// Ends the child; true where the watchdog had to.
    fn stop(&mut self) -> bool {
        self.done.take();
        kill(&self.child);
        self.watchdog.take().is_some_and(|watchdog| watchdog.join().unwrap_or(false))
    }
}

impl Drop for LimitedChild {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Kills and buries; a child that has already gone is fine.
fn kill(child: &Mutex<Child>) {
    let mut child = lock(child);
    _ = child.kill();
    _ = child.wait();
}

fn lock(child: &Mutex<Child>) -> std::sync::MutexGuard<'_, Child> {
    child.lock().unwrap_or_else(PoisonError::into_inner)
}
