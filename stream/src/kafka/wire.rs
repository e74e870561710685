//! What turns items into the bytes of a topic and back. Stages bring it; this crate knows no schema.

use crate::kafka::{DeadLetter, TaskError};

/// Bytes that are not an item, or an item that has no bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// These bytes are none that this build can read: a task stops in front of them.
    #[error("{0}")]
    Poison(String),
    /// These bytes name a schema of a registry, and this process was given none.
    #[error("{0}")]
    NoRegistry(String),
    /// A schema that can't be asked for now: the task waits and tries again.
    #[error("{0}")]
    Unavailable(String),
}

impl WireError {
    /// What it means to whoever reads what tasks have published.
    pub fn in_record_of(self, topic: impl std::fmt::Display) -> TaskError {
        match self {
            WireError::Poison(why) | WireError::NoRegistry(why) => {
                TaskError::Broken(format!("record of {topic}: {why}"))
            }
            WireError::Unavailable(why) => TaskError::Again(why),
        }
    }
}

/// Writes and reads the items of a hop.
pub trait Wire<T>: Send + Sync {
    /// Bytes in front of each datum that name its schema. They count in no hash, as a registry may number anew.
    fn frame(&self) -> usize {
        0
    }

    /// Adds frame and datum at the end of `bytes`. The same item gives the same datum in every process.
    fn encode(&self, item: &T, bytes: &mut Vec<u8>) -> Result<(), WireError>;

    /// The item of a frame with its datum.
    fn decode(&self, bytes: &[u8]) -> Result<T, WireError>;
}

/// Writes and reads controls, which stages take as bytes of the log.
pub trait ControlWire: Send + Sync {
    fn frame(&self) -> usize {
        0
    }

    /// `payload` is the control as the log holds it, see [`crate::Stage::control`].
    fn encode(&self, payload: &[u8], bytes: &mut Vec<u8>) -> Result<(), WireError>;

    fn decode(&self, bytes: &[u8]) -> Result<Vec<u8>, WireError>;
}

/// Writes and reads the records of views, which stages publish as bytes of the store.
pub trait ViewWire: Send + Sync {
    fn frame(&self) -> usize {
        0
    }

    /// `value` is that of a [`crate::View`] of this topic.
    fn encode(&self, topic: u8, value: &[u8], bytes: &mut Vec<u8>) -> Result<(), WireError>;

    fn decode(&self, topic: u8, bytes: &[u8]) -> Result<Vec<u8>, WireError>;
}

/// For the stage at the end of the line, which sends nothing.
pub struct Nowhere;

impl<T> Wire<T> for Nowhere {
    fn encode(&self, _item: &T, _bytes: &mut Vec<u8>) -> Result<(), WireError> {
        Err(WireError::Poison("the last stage of a line sends nothing".into()))
    }

    fn decode(&self, _bytes: &[u8]) -> Result<T, WireError> {
        Err(WireError::Poison("nothing is read from behind the last stage".into()))
    }
}

/// Bytes as they are: for controls and views of tests, and for topics that only this build reads.
pub struct Plain;

impl Wire<Vec<u8>> for Plain {
    fn encode(&self, item: &Vec<u8>, bytes: &mut Vec<u8>) -> Result<(), WireError> {
        bytes.extend_from_slice(item);
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<Vec<u8>, WireError> {
        Ok(bytes.to_vec())
    }
}

/// In the layout of this crate, where nobody brings a schema.
impl Wire<DeadLetter> for Plain {
    fn encode(&self, letter: &DeadLetter, bytes: &mut Vec<u8>) -> Result<(), WireError> {
        bytes.extend_from_slice(&letter.encode());
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<DeadLetter, WireError> {
        DeadLetter::decode(bytes)
    }
}

impl ControlWire for Plain {
    fn encode(&self, payload: &[u8], bytes: &mut Vec<u8>) -> Result<(), WireError> {
        bytes.extend_from_slice(payload);
        Ok(())
    }

    fn decode(&self, bytes: &[u8]) -> Result<Vec<u8>, WireError> {
        Ok(bytes.to_vec())
    }
}

impl ViewWire for Plain {
    fn encode(&self, _topic: u8, value: &[u8], bytes: &mut Vec<u8>) -> Result<(), WireError> {
        bytes.extend_from_slice(value);
        Ok(())
    }

    fn decode(&self, _topic: u8, bytes: &[u8]) -> Result<Vec<u8>, WireError> {
        Ok(bytes.to_vec())
    }
}
