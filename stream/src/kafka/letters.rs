//! Records that tasks write beside their outputs: dead letters, requests for repair.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

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
    /// The record was too large for a letter: key and value are what they begin with, headers are left out.
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

/// Bytes of a record that a letter holds. Any topic takes a letter of that size, also one whose brokers take a mebibyte.
const WHOLE_MAX: usize = 512 << 10;
/// Bytes that a key and a value keep which are cut.
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

/// Layouts of dead letters: records as they came, and what large ones begin with.
const WHOLE: u8 = 2;
const CUT: u8 = 3;
/// Layout of requests.
const REQUEST: u8 = 1;

impl DeadLetter {
    /// The letter as it is published: never so large that it cannot be.
    pub fn fitting(mut self) -> DeadLetter {
        let of_headers = self.headers.iter().map(|(name, bytes)| name.len() + bytes.len()).sum::<usize>();
        let of = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
        if of(&self.key) + of(&self.value) + of_headers <= WHOLE_MAX {
            return self;
        }
        let hash = *blake3::hash(self.value.as_deref().unwrap_or_default()).as_bytes();
        self.cut = Some(Cut { bytes: of(&self.value) as u64, hash });
        self.headers.clear();
        [&mut self.key, &mut self.value].into_iter().flatten().for_each(|bytes| bytes.truncate(HEAD));
        self
    }

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

    #[test]
    fn a_letter_of_the_size_of_a_record_is_as_it_was() {
        let letter = letter(WHOLE_MAX - 8);
        assert_eq!(letter.clone().fitting(), letter);
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
        let bytes = cut.encode();
        assert!(bytes.len() < 2 * HEAD, "{} bytes", bytes.len());
        assert_eq!(DeadLetter::decode(&bytes), Ok(cut));
        let much = DeadLetter { headers: vec![("name".to_owned(), vec![1; WHOLE_MAX])], ..letter(10) };
        assert!(much.fitting().encode().len() < HEAD);
        let keyed = DeadLetter { key: Some(vec![1; WHOLE_MAX + 1]), value: None, ..letter(0) };
        assert!(keyed.fitting().encode().len() < 2 * HEAD);
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
