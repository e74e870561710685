//! Keys whose bytes sort as their values do.

use crate::StorageError;

/// A key of a state table.
///
/// Texts end with a zero byte and must not hold one; whole numbers are big-endian, signed ones with the sign turned.
pub trait Key: Sized {
    fn write(&self, bytes: &mut Vec<u8>);
    fn read(reader: &mut KeyReader<'_>) -> Result<Self, StorageError>;

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(48);
        self.write(&mut bytes);
        bytes
    }
}

/// Takes a key apart again.
pub struct KeyReader<'a>(pub &'a [u8]);

impl<'a> KeyReader<'a> {
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], StorageError> {
        if self.0.len() < count {
            return Err(StorageError::new("key is too short"));
        }
        let (head, tail) = self.0.split_at(count);
        self.0 = tail;
        Ok(head)
    }

    pub fn text(&mut self) -> Result<&'a str, StorageError> {
        let end = self.0.iter().position(|b| *b == 0).ok_or_else(|| StorageError::new("text in a key has no end"))?;
        let text = std::str::from_utf8(&self.0[..end]).map_err(|_| StorageError::new("text in a key is not UTF-8"))?;
        self.0 = &self.0[end + 1..];
        Ok(text)
    }
}

macro_rules! unsigned_keys {
    ($($number:ty),*) => {$(
        impl Key for $number {
            fn write(&self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_be_bytes());
            }
            fn read(reader: &mut KeyReader<'_>) -> Result<Self, StorageError> {
                let bytes = reader.take(size_of::<$number>())?;
                Ok(<$number>::from_be_bytes(bytes.try_into().expect("length was taken")))
            }
        }
    )*};
}
unsigned_keys!(u8, u16, u32, u64);

macro_rules! signed_keys {
    ($($number:ty as $unsigned:ty),*) => {$(
        impl Key for $number {
            fn write(&self, bytes: &mut Vec<u8>) {
                ((*self as $unsigned) ^ (1 << (<$unsigned>::BITS - 1))).write(bytes);
            }
            fn read(reader: &mut KeyReader<'_>) -> Result<Self, StorageError> {
                Ok((<$unsigned>::read(reader)? ^ (1 << (<$unsigned>::BITS - 1))) as $number)
            }
        }
    )*};
}
signed_keys!(i16 as u16, i32 as u32, i64 as u64);

impl Key for String {
    fn write(&self, bytes: &mut Vec<u8>) {
        self.as_str().write_text(bytes);
    }
    fn read(reader: &mut KeyReader<'_>) -> Result<Self, StorageError> {
        reader.text().map(str::to_owned)
    }
}

impl Key for [u8; 16] {
    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self);
    }
    fn read(reader: &mut KeyReader<'_>) -> Result<Self, StorageError> {
        Ok(reader.take(16)?.try_into().expect("length was taken"))
    }
}

/// Writes a text as a part of a key. A zero byte inside would end it early, so it becomes a space.
pub trait WriteText {
    fn write_text(&self, bytes: &mut Vec<u8>);
}

impl WriteText for &str {
    fn write_text(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.bytes().map(|b| if b == 0 { b' ' } else { b }));
        bytes.push(0);
    }
}

macro_rules! tuple_keys {
    ($($name:ident . $index:tt),*) => {
        impl<$($name: Key),*> Key for ($($name,)*) {
            fn write(&self, bytes: &mut Vec<u8>) {
                $(self.$index.write(bytes);)*
            }
            fn read(reader: &mut KeyReader<'_>) -> Result<Self, StorageError> {
                Ok(($($name::read(reader)?,)*))
            }
        }
    };
}
tuple_keys!(A.0);
tuple_keys!(A.0, B.1);
tuple_keys!(A.0, B.1, C.2);
tuple_keys!(A.0, B.1, C.2, D.3);
tuple_keys!(A.0, B.1, C.2, D.3, E.4);
tuple_keys!(A.0, B.1, C.2, D.3, E.4, F.5);

/// The first key behind all keys that start with `prefix`.
pub fn prefix_end(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < 0xff {
            end.push(last + 1);
            return end;
        }
    }
    vec![0xff; prefix.len() + 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_their_values_and_come_back() {
        let keys: [(String, i32, u64); 5] = [
            ("a".into(), -5, 9),
            ("a".into(), -1, 0),
            ("a".into(), 3, 0),
            ("aa".into(), i32::MIN, 0),
            ("b".into(), i32::MIN, 1),
        ];
        for pair in keys.windows(2) {
            assert!(pair[0].bytes() < pair[1].bytes(), "{pair:?}");
        }
        for key in keys {
            assert_eq!(<(String, i32, u64)>::read(&mut KeyReader(&key.bytes())).unwrap(), key);
        }
        assert_eq!(prefix_end(&[1, 0xff]), vec![2]);
    }
}
