//! Records of topics that could not be taken.

use serde::{Deserialize, Serialize};

/// A record that could not be taken, as it came, and why; see its schema for what is left out of a large one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Where the record lies.
    pub topic: String,
    pub partition: u16,
    #[serde(with = "crate::wire::count")]
    pub offset: u64,
    pub why: String,
    #[serde(with = "crate::wire::bytes_option")]
    pub key: Option<Vec<u8>>,
    #[serde(with = "crate::wire::bytes_option")]
    pub value: Option<Vec<u8>>,
    pub headers: Vec<DeadHeader>,
    /// Set where something of the record is left out.
    pub cut: Option<CutValue>,
}

/// A header of a record that could not be taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadHeader {
    pub name: String,
    #[serde(with = "crate::wire::bytes")]
    pub value: Vec<u8>,
}

/// What a value was before a letter was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutValue {
    #[serde(with = "crate::wire::count")]
    pub bytes: u64,
    /// BLAKE3.
    #[serde(with = "crate::wire::hash")]
    pub hash: [u8; 32],
}
