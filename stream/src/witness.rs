//! The witness: a note outside the data directory of how far it had come.
//!
//! The only thing that notices a store that went backwards: a lost or cut write-ahead log, yesterday's copy.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::{Position, StorageError};

/// What a data directory had committed when it last said so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Testimony {
    /// Identity of the directory.
    pub directory: [u8; 16],
    pub epoch: u64,
    pub position: Position,
    /// Entries in the log.
    pub log: u64,
}

/// Keeps a testimony. Two implementations: a file and memory.
pub trait Witness: Send {
    /// `None` where none was ever written.
    fn read(&self) -> Result<Option<Testimony>, StorageError>;

    /// What people know it by.
    fn name(&self) -> String;

    /// Replaces the testimony; it has reached the disk when this returns.
    fn write(&self, testimony: &Testimony) -> Result<(), StorageError>;
}

/// `DIR.witness` beside the data directory `DIR`.
pub struct FileWitness {
    path: PathBuf,
}

impl FileWitness {
    pub fn of(directory: &Path) -> FileWitness {
        // However the directory is named (`DIR/`, `.`, a link), it has one witness.
        let whole = directory.canonicalize().unwrap_or_else(|_| directory.components().collect());
        let mut path = whole.into_os_string();
        path.push(".witness");
        FileWitness { path: path.into() }
    }

    fn failure(&self, what: &str, error: std::io::Error) -> StorageError {
        StorageError::new(format!("witness {} cannot be {what}: {error}", self.path.display()))
    }

    fn replace(&self, text: &str) -> std::io::Result<()> {
        let mut fresh = self.path.clone().into_os_string();
        fresh.push(".new");
        let mut file = File::create(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&fresh, &self.path)?;
        let parent = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
    }
}

impl Witness for FileWitness {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn read(&self) -> Result<Option<Testimony>, StorageError> {
        match fs::read_to_string(&self.path) {
            Ok(text) => match parse(&text) {
                Some(testimony) => Ok(Some(testimony)),
                None => Err(StorageError::new(format!("witness {} is damaged", self.path.display()))),
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failure("read", error)),
        }
    }

    fn write(&self, testimony: &Testimony) -> Result<(), StorageError> {
        self.replace(&print(testimony)).map_err(|error| self.failure("written", error))
    }
}

/// A witness in memory, for simulation.
#[derive(Debug, Default)]
pub struct MemoryWitness {
    testimony: std::sync::Arc<Mutex<Option<Testimony>>>,
}

impl MemoryWitness {
    /// One that shares this one's memory, as a restarted process shares a file.
    pub fn reopened(&self) -> MemoryWitness {
        MemoryWitness { testimony: self.testimony.clone() }
    }
}

impl Witness for MemoryWitness {
    fn name(&self) -> String {
        "in memory".to_owned()
    }

    fn read(&self) -> Result<Option<Testimony>, StorageError> {
        Ok(*self.testimony.lock().expect("no holder of the witness panics"))
    }

    fn write(&self, testimony: &Testimony) -> Result<(), StorageError> {
        *self.testimony.lock().expect("no holder of the witness panics") = Some(*testimony);
        Ok(())
    }
}

fn print(testimony: &Testimony) -> String {
    let directory = u128::from_be_bytes(testimony.directory);
    let Position { entry, index } = testimony.position;
    let body = format!(
        "paidonce witness 1\ndirectory {directory:032x}\nepoch {}\nentry {entry}\nindex {index}\nlog {}\n",
        testimony.epoch, testimony.log
    );
    let sum = blake3::hash(body.as_bytes());
    format!("{body}sum {sum}\n")
}

fn parse(text: &str) -> Option<Testimony> {
    let mut lines = text.lines().skip(1);
    let mut field = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
    let testimony = Testimony {
        directory: u128::from_str_radix(field("directory")?, 16).ok()?.to_be_bytes(),
        epoch: field("epoch")?.parse().ok()?,
        position: Position { entry: field("entry")?.parse().ok()?, index: field("index")?.parse().ok()? },
        log: field("log")?.parse().ok()?,
    };
    (print(&testimony) == text).then_some(testimony)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_change_of_the_text_is_noticed() {
        let testimony = Testimony {
            directory: [7; 16],
            epoch: 57,
            position: Position { entry: 12, index: Position::CONTROL },
            log: 13,
        };
        let text = print(&testimony);
        assert_eq!(parse(&text), Some(testimony));
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            assert_eq!(String::from_utf8(bytes).ok().and_then(|text| parse(&text)), None, "byte {at}");
            assert_eq!(parse(&text[..at]), None, "cut at {at}");
        }
    }
}
