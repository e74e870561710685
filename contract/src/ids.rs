//! Ids derived from what they are about. The same cause has the same id on every replay.

use std::fmt;

/// The first 16 bytes of a BLAKE3 hash over the parts, each with its length in front.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub [u8; 16]);

impl Id {
    pub fn of(kind: &str, parts: &[&str]) -> Id {
        let mut hash = blake3::Hasher::new();
        for part in std::iter::once(&kind).chain(parts) {
            hash.update(&(part.len() as u32).to_le_bytes());
            hash.update(part.as_bytes());
        }
        let bytes = hash.finalize();
        Id(bytes.as_bytes()[..16].try_into().expect("a hash has 32 bytes"))
    }

    pub fn parse(text: &str) -> Option<Id> {
        if text.len() != 32 || !text.is_ascii() {
            return None;
        }
        let mut bytes = [0; 16];
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).ok()?;
        }
        Some(Id(bytes))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
