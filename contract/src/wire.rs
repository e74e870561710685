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

/// An amount of money: a decimal (two's complement, big end first, scale 6) where others read, so that every Avro
/// library hands out a number with its point in the right place.
pub(crate) mod decimal {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    use crate::Micros;

    pub(crate) fn serialize<S: Serializer>(amount: &Micros, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return amount.serialize(serializer);
        }
        let bytes = amount.0.to_be_bytes();
        serializer.serialize_bytes(&bytes[spare(&bytes)..])
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Micros, D::Error> {
        if !deserializer.is_human_readable() {
            return Micros::deserialize(deserializer);
        }
        deserializer.deserialize_bytes(Decimal)
    }

    /// Leading bytes that say nothing more than the sign.
    fn spare(bytes: &[u8; 8]) -> usize {
        let says_more = |pair: &[u8]| !matches!(pair, [0, 0..=0x7f] | [0xff, 0x80..=0xff]);
        bytes.windows(2).take_while(|pair| !says_more(pair)).count()
    }

    struct Decimal;

    impl de::Visitor<'_> for Decimal {
        type Value = Micros;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a decimal of at most eight bytes")
        }

        fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Micros, E> {
            let sign = bytes.first().is_some_and(|first| *first >= 0x80);
            let mut wide = [if sign { 0xff } else { 0 }; 8];
            let free = wide.len().checked_sub(bytes.len());
            let free = free.ok_or_else(|| E::invalid_length(bytes.len(), &self))?;
            wide[free..].copy_from_slice(bytes);
            Ok(Micros(i64::from_be_bytes(wide)))
        }
    }
}

/// [`decimal`] where there may be none.
pub(crate) mod decimal_option {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::Micros;

    #[derive(Serialize, Deserialize)]
    #[serde(transparent)]
    struct Amount(#[serde(with = "super::decimal")] Micros);

    pub(crate) fn serialize<S: Serializer>(amount: &Option<Micros>, serializer: S) -> Result<S::Ok, S::Error> {
        amount.map(Amount).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Micros>, D::Error> {
        Ok(Option::<Amount>::deserialize(deserializer)?.map(|amount| amount.0))
    }
}

/// Bytes as they are, in one piece.
pub(crate) mod bytes {
    use serde::{Deserializer, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        deserializer.deserialize_byte_buf(Bytes)
    }

    struct Bytes;

    impl de::Visitor<'_> for Bytes {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("bytes")
        }

        fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }

        fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
            Ok(bytes)
        }
    }
}

/// [`bytes`] where there may be none.
pub(crate) mod bytes_option {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(transparent)]
    struct Bytes(#[serde(with = "super::bytes")] Vec<u8>);

    pub(crate) fn serialize<S: Serializer>(bytes: &Option<Vec<u8>>, serializer: S) -> Result<S::Ok, S::Error> {
        bytes.clone().map(Bytes).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u8>>, D::Error> {
        Ok(Option::<Bytes>::deserialize(deserializer)?.map(|bytes| bytes.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Day, Micros, Money};

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
        check(Money { amount: Micros(-1), currency: Currency::NONE }, b"\x01   ");
        check(Code::FileResubmitted, &[0]);
        check(Code::CorrectionUnmarked, &[2]);
        assert!(postcard::from_bytes::<Code>(&[0xff, 1]).is_err());
        assert!(postcard::from_bytes::<Currency>(b"e\xff ").is_err());
    }
}
