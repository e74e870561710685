//! Records that tasks write beside their outputs: dead letters, requests for repair.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::kafka::{Header, TaskId, WireError};

/// A record that could not be taken, with the reason: as it came, or what it begins with where it is too large.
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
    /// The record was too large for a letter: headers are left out, and where that is not enough, key and value are what
    /// they begin with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<Cut>,
}

/// What the value was before it was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    pub bytes: u64,
    /// BLAKE3.
    pub hash: [u8; 32],
}

/// Bytes of a letter, all told. Any topic takes one of that size, also one whose brokers take a mebibyte.
const LETTER_MAX: usize = 512 << 10;
/// Bytes that a key and a value keep which are cut, and a reason at most.
const HEAD: usize = 1 << 10;

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

/// Layouts of dead letters: records as they came, and large ones that were cut.
const WHOLE: u8 = 2;
const CUT: u8 = 3;
/// Layout of requests.
const REQUEST: u8 = 1;

impl DeadLetter {
    /// The letter as it is published: never so large that it cannot be.
    pub fn fitting(mut self) -> DeadLetter {
        let end = (0..=HEAD.min(self.why.len())).rev().find(|end| self.why.is_char_boundary(*end));
        self.why.truncate(end.unwrap_or(0));
        if self.encode().len() <= LETTER_MAX {
            return self;
        }
        let value = self.value.as_deref().unwrap_or_default();
        self.cut = Some(Cut { bytes: value.len() as u64, hash: *blake3::hash(value).as_bytes() });
        self.headers = Vec::new();
        if self.encode().len() > LETTER_MAX {
            [&mut self.key, &mut self.value].into_iter().flatten().for_each(|bytes| bytes.truncate(HEAD));
        }
        self
    }

    /// Whether the value is all that the record had.
    pub fn has_whole_value(&self) -> bool {
        let bytes = self.value.as_ref().map_or(0, Vec::len) as u64;
        self.cut.is_none_or(|cut| cut.bytes == bytes)
    }

    /// The layout of files and of topics that were written before letters had a schema.
    pub fn encode(&self) -> Vec<u8> {
        encode(if self.cut.is_some() { CUT } else { WHOLE }, self)
    }

    pub fn decode(bytes: &[u8]) -> Result<DeadLetter, WireError> {
        match bytes.split_first() {
            // One that is not cut ends in front of that.
            Some((&WHOLE, rest)) => decode("dead letter", &[rest, &[0]].concat()),
            Some((&CUT, rest)) => decode("dead letter", rest),
            _ => Err(WireError::Poison("dead letter has another layout".into())),
        }
    }
}

impl RepairRequest {
    pub fn encode(&self) -> Vec<u8> {
        encode(REQUEST, self)
    }

    pub fn decode(bytes: &[u8]) -> Result<RepairRequest, WireError> {
        match bytes.split_first() {
            Some((&REQUEST, rest)) => decode("request for repair", rest),
            _ => Err(WireError::Poison("request for repair has another layout".into())),
        }
    }
}

fn encode(layout: u8, letter: &impl Serialize) -> Vec<u8> {
    postcard::to_extend(letter, vec![layout]).expect("letters are encodable")
}

fn decode<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, WireError> {
    postcard::from_bytes(bytes).map_err(|error| WireError::Poison(format!("{what} is damaged: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(value: usize) -> DeadLetter {
        let (topic, why) = ("rows".to_owned(), "why".to_owned());
        let (key, value) = (Some(b"key".to_vec()), Some((0..value).map(|at| at as u8).collect()));
        let headers = vec![("name".to_owned(), vec![1])];
        DeadLetter { topic, partition: 3, offset: 7, why, key, value, headers, cut: None }
    }

    /// Bytes of a letter beside its value.
    fn beside() -> usize {
        letter(LETTER_MAX - 100).encode().len() - (LETTER_MAX - 100)
    }

    #[test]
    fn a_letter_of_the_size_of_a_record_is_as_it_was() {
        let letter = letter(LETTER_MAX - beside());
        assert_eq!(letter.clone().fitting(), letter);
        assert!(letter.has_whole_value());
        let bytes = letter.encode();
        assert_eq!((bytes[0], DeadLetter::decode(&bytes)), (WHOLE, Ok(letter.clone())));
        let before = (letter.topic.as_str(), 3u16, 7u64, "why", &letter.key, &letter.value, &letter.headers);
        assert_eq!(bytes[1..], postcard::to_stdvec(&before).unwrap(), "as builds wrote it that cut nothing");
    }

    #[test]
    fn a_larger_one_keeps_hash_and_head() {
        let whole = letter(20 << 20);
        let cut = whole.clone().fitting();
        let value = whole.value.clone().unwrap();
        assert_eq!(cut.cut, Some(Cut { bytes: 20 << 20, hash: *blake3::hash(&value).as_bytes() }));
        assert_eq!((cut.value.as_deref(), cut.key.as_deref()), (Some(&value[..HEAD]), Some(&b"key"[..])));
        assert!(!cut.has_whole_value());
        let bytes = cut.encode();
        assert!(bytes.len() < 2 * HEAD, "{} bytes", bytes.len());
        assert_eq!(DeadLetter::decode(&bytes), Ok(cut));
        let keyed = DeadLetter { key: Some(vec![1; LETTER_MAX + 1]), value: None, ..letter(0) };
        assert!(keyed.fitting().encode().len() < 2 * HEAD);
    }

    #[test]
    fn headers_are_cut_before_the_value_is() {
        // What says that something was cut takes its place too.
        let value = LETTER_MAX - beside() - 40;
        for headers in [
            vec![(String::new(), Vec::new()); 1_000_000],
            vec![("name".to_owned(), vec![1; LETTER_MAX])],
            vec![("name".to_owned(), vec![1; 50])],
        ] {
            let much = DeadLetter { headers, ..letter(value) };
            let fitting = much.clone().fitting();
            assert!(fitting.encode().len() <= LETTER_MAX, "{} bytes", fitting.encode().len());
            assert!(fitting.headers.is_empty() && fitting.value == much.value);
            assert!(fitting.cut.is_some() && fitting.has_whole_value());
        }
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let told = DeadLetter { why: "ä".repeat(LETTER_MAX), ..letter(10) }.fitting();
        assert_eq!((told.why.len(), told.cut), (HEAD, None));
        let odd = DeadLetter { why: format!("x{}", "ä".repeat(LETTER_MAX)), ..letter(10) }.fitting();
        assert_eq!(odd.why.len(), HEAD - 1);
    }

    #[test]
    fn other_layouts_are_told() {
        let mut bytes = letter(3).encode();
        bytes.pop();
        assert!(DeadLetter::decode(&bytes).is_err_and(|error| error.to_string().contains("is damaged")));
        bytes[0] = 9;
        assert!(DeadLetter::decode(&bytes).is_err_and(|error| error.to_string().contains("another layout")));
    }
}
