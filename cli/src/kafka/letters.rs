//! Dead letters on their topic: Avro, as everything else there that others read.

use contract::{CutValue, DeadHeader};
use stream::kafka::{Cut, DeadLetter, Wire, WireError};

use super::wires::Framed;

/// Writes letters by their schema. Reads them in whichever form a cluster has them, those of before there was a schema too.
pub struct Letters(pub(super) Framed<contract::DeadLetter>);

impl Wire<DeadLetter> for Letters {
    fn frame(&self) -> usize {
        self.0.frame()
    }

    fn encode(&self, letter: &DeadLetter, bytes: &mut Vec<u8>) -> Result<(), WireError> {
        self.0.encode(&written(letter.clone()), bytes)
    }

    fn decode(&self, bytes: &[u8]) -> Result<DeadLetter, WireError> {
        match bytes.first() {
            // Frames of Avro begin with another byte.
            Some(2 | 3) => DeadLetter::decode(bytes),
            _ => self.0.decode(bytes).map(read),
        }
    }
}

fn written(letter: DeadLetter) -> contract::DeadLetter {
    let DeadLetter { topic, partition, offset, why, key, value, headers, cut } = letter;
    let headers = headers.into_iter().map(|(name, value)| DeadHeader { name, value }).collect();
    let cut = cut.map(|Cut { bytes, hash }| CutValue { bytes, hash });
    contract::DeadLetter { topic, partition, offset, why, key, value, headers, cut }
}

fn read(letter: contract::DeadLetter) -> DeadLetter {
    let contract::DeadLetter { topic, partition, offset, why, key, value, headers, cut } = letter;
    let headers = headers.into_iter().map(|DeadHeader { name, value }| (name, value)).collect();
    let cut = cut.map(|CutValue { bytes, hash }| Cut { bytes, hash });
    DeadLetter { topic, partition, offset, why, key, value, headers, cut }
}

#[cfg(test)]
mod tests {
    use super::super::wires::WireFormat;
    use super::*;

    fn letter() -> DeadLetter {
        let (topic, why, headers) = ("rows".to_owned(), "why".to_owned(), vec![("h".to_owned(), vec![0xff, 0])]);
        let (key, value) = (None, Some(vec![0xfe; 3]));
        DeadLetter { topic, partition: 3, offset: 1 << 40, why, key, value, headers, cut: None }
    }

    #[test]
    fn a_letter_is_avro_and_those_of_before_are_read() {
        let (writer, reader) = (WireFormat::Plain.dead().unwrap(), WireFormat::Plain.letters());
        let cut = DeadLetter { cut: Some(Cut { bytes: 1 << 20, hash: [7; 32] }), ..letter() };
        for letter in [letter(), cut, DeadLetter { value: None, headers: Vec::new(), ..letter() }] {
            let mut bytes = Vec::new();
            writer.encode(&letter, &mut bytes).unwrap();
            assert_eq!(bytes[..2], [0xc3, 0x01]);
            assert_eq!(reader.decode(&bytes), Ok(letter.clone()));
            assert_eq!(reader.decode(&letter.encode()), Ok(letter));
        }
        let WireError::NoRegistry(unread) = reader.decode(&[0, 0, 0, 0, 9, 1]).unwrap_err() else {
            panic!("it takes no registry")
        };
        assert_eq!(unread, "it is Avro of schema 9 of a registry, and no --registry is given");
    }

    #[test]
    fn no_letter_is_larger_in_avro_than_a_topic_takes() {
        let large = DeadLetter { headers: vec![(String::new(), Vec::new()); 250_000], ..letter() };
        for value in [0, 100, 1 << 20] {
            let mut bytes = Vec::new();
            let letter = DeadLetter { value: Some(vec![1; value]), ..large.clone() }.fitting();
            WireFormat::Plain.dead().unwrap().encode(&letter, &mut bytes).unwrap();
            assert!(bytes.len() < 600 << 10, "{} bytes", bytes.len());
        }
    }
}
