//! Records that tasks write beside their outputs: dead letters, requests for repair.

use serde::{Deserialize, Serialize};

use crate::kafka::{Header, TaskId, WireError};

/// A record that could not be taken, as it came, with the reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    pub topic: String,
    pub partition: u16,
    pub offset: u64,
    pub why: String,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    /// Of a record without a label.
    pub headers: Vec<Header>,
}

/// A reader misses records of a writer and asks for them again, from the first one on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepairRequest {
    pub generation: u32,
    pub writer: TaskId,
    /// Where the records are missing: topic with prefix, partition.
    pub topic: String,
    pub partition: u16,
    /// Number of the first missing record.
    pub missing: u64,
    pub asked_by: TaskId,
    /// Counts the requests for one gap, from 1.
    pub attempt: u32,
}

macro_rules! letter {
    ($type:ty, $what:literal, $version:literal) => {
        impl $type {
            pub fn encode(&self) -> Vec<u8> {
                postcard::to_extend(self, vec![$version]).expect(concat!("a ", $what, " is encodable"))
            }

            pub fn decode(bytes: &[u8]) -> Result<$type, WireError> {
                let poison = |why: String| WireError::Poison(format!(concat!($what, " {}"), why));
                match bytes.split_first() {
                    Some((&$version, rest)) => {
                        postcard::from_bytes(rest).map_err(|error| poison(format!("is damaged: {error}")))
                    }
                    _ => Err(poison("has another layout".into())),
                }
            }
        }
    };
}
letter!(DeadLetter, "dead letter", 2);
letter!(RepairRequest, "request for repair", 1);
