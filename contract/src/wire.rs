//! How small things look on the wire.
//!
//! The log and the stores of ours are compact (postcard): ids are 16 bytes, codes a number. Where people and other
//! teams read (Avro, JSON), the same things are the texts that the exports show.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{Code, Currency, Id};

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(self) } else { self.0.serialize(serializer) }
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Id, D::Error> {
        if !deserializer.is_human_readable() {
            return <[u8; 16]>::deserialize(deserializer).map(Id);
        }
        let text = String::deserialize(deserializer)?;
        Id::parse(&text).ok_or_else(|| D::Error::custom(format_args!("{text:?} is no id of 32 hexadecimal digits")))
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            self.as_str().serialize(serializer)
        } else {
            self.bytes().serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Currency, D::Error> {
        if !deserializer.is_human_readable() {
            let bytes = <[u8; 3]>::deserialize(deserializer)?;
            return Currency::from_bytes(bytes).ok_or_else(|| D::Error::custom("a currency is three capital letters"));
        }
        let text = String::deserialize(deserializer)?;
        if text.is_empty() {
            return Ok(Currency::NONE);
        }
        Currency::parse(&text).ok_or_else(|| D::Error::custom(format_args!("{text:?} is no currency")))
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            self.as_str().serialize(serializer)
        } else {
            (*self as u32).serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Code, D::Error> {
        if !deserializer.is_human_readable() {
            let number = u32::deserialize(deserializer)?;
            let known = Code::ALL.get(number as usize).copied();
            return known.ok_or_else(|| D::Error::custom(format_args!("code number {number} is unknown")));
        }
        let text = String::deserialize(deserializer)?;
        let known = Code::ALL.iter().find(|code| code.as_str() == text);
        known.copied().ok_or_else(|| D::Error::custom(format_args!("code {text:?} is unknown")))
    }
}

/// A counter: a signed long where others read, since Avro has no unsigned one.
pub(crate) mod count {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::Error as _};

    pub(crate) fn serialize<S: Serializer>(count: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return count.serialize(serializer);
        }
        i64::try_from(*count).map_err(S::Error::custom)?.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        if !deserializer.is_human_readable() {
            return u64::deserialize(deserializer);
        }
        u64::try_from(i64::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// A hash of 32 bytes: hexadecimal digits where others read.
pub(crate) mod hash {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

    struct Hex<'a>(&'a [u8; 32]);

    impl std::fmt::Display for Hex<'_> {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
        }
    }

    pub(crate) fn serialize<S: Serializer>(hash: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(&Hex(hash)) } else { hash.serialize(serializer) }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        if !deserializer.is_human_readable() {
            return <[u8; 32]>::deserialize(deserializer);
        }
        let text = String::deserialize(deserializer)?;
        parse(&text).ok_or_else(|| D::Error::custom(format_args!("{text:?} is no hash of 64 hexadecimal digits")))
    }

    fn parse(text: &str) -> Option<[u8; 32]> {
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        let mut bytes = [0; 32];
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).ok()?;
        }
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Day, Micros};

    fn check<T: Serialize + for<'de> Deserialize<'de> + PartialEq + std::fmt::Debug>(value: T, compact: &[u8]) {
        assert_eq!(postcard::to_stdvec(&value).unwrap(), compact);
        assert_eq!(postcard::from_bytes::<T>(compact).unwrap(), value);
    }

    /// These bytes lie in logs and stores.
    #[test]
    fn the_compact_form_never_changes() {
        check(Id([7; 16]), &[7; 16]);
        check(Currency::parse("EUR").unwrap(), b"EUR");
        check(Currency::NONE, b"   ");
        check(Micros(-1), &[1]);
        check(Day(3), &[6]);
        check(Code::FileResubmitted, &[0]);
        check(Code::CorrectionUnmarked, &[2]);
        assert!(postcard::from_bytes::<Code>(&[0xff, 1]).is_err());
        assert!(postcard::from_bytes::<Currency>(b"e\xff ").is_err());
    }
}
