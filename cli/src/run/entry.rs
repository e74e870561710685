//! What the log of a data directory holds: all that ever came in, in order.

use contract::{Control, FileVerdict, Id};
use serde::{Deserialize, Serialize};
use stream::{Log, StorageError};

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry {
    Control {
        /// 1, 2, 3 …
        number: u64,
        control: Control,
        /// For [`Control::Configure`]: digest of the whole configuration, feed definitions included.
        configuration: Option<Id>,
    },
    File(Box<FileEntry>),
    /// A command file was taken in whole; its commands stand before this as controls.
    Commands {
        file: String,
        sha256: [u8; 32],
    },
    /// A record of a topic that could not become a line of a file was put on the topic of dead letters.
    Dead {
        topic: String,
        partition: u16,
        offset: u64,
        /// Blob with the encoded letter.
        letter: Id,
    },
}

/// A feed file with what reads it again in the same way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    pub verdict: FileVerdict,
    /// Blob with the text of the feed definition; `None` where nothing could read the file.
    pub definition: Option<Id>,
}

impl Entry {
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("a log entry is encodable")
    }

    /// The entry of this number; `None` behind the end.
    pub fn read(log: &Log, number: u64) -> Result<Option<Entry>, StorageError> {
        let Some(bytes) = log.read(number)? else { return Ok(None) };
        Entry::decode(&bytes, number).map(Some)
    }

    /// From the bytes of the entry of this number.
    pub fn decode(bytes: &[u8], number: u64) -> Result<Entry, StorageError> {
        let damaged = |error| StorageError::new(format!("log entry {number} is damaged: {error}"));
        postcard::from_bytes(bytes).map_err(damaged)
    }
}
