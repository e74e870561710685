//! Changes to one column, laid end to end.

/// Puts and deletes in the order in which they were added. Keys and values share one buffer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    bytes: Vec<u8>,
    spans: Vec<Span>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    key_end: usize,
    /// `None` deletes.
    value_end: Option<usize>,
}

impl Changes {
    /// Room for that many changes, whose keys and values take `bytes`.
    pub fn with_capacity(changes: usize, bytes: usize) -> Changes {
        Changes { bytes: Vec::with_capacity(bytes), spans: Vec::with_capacity(changes) }
    }

    /// The key is `head` followed by `key`.
    pub fn put(&mut self, head: &[u8], key: &[u8], value: &[u8]) {
        let key_end = self.add_key(head, key);
        self.bytes.extend_from_slice(value);
        self.spans.push(Span { key_end, value_end: Some(self.bytes.len()) });
    }

    pub fn delete(&mut self, head: &[u8], key: &[u8]) {
        let key_end = self.add_key(head, key);
        self.spans.push(Span { key_end, value_end: None });
    }

    pub fn len(&self) -> usize {
        self.spans.len()
    }

    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Bytes of all keys and values.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Keys with their new values, `None` where the key goes.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        let mut start = 0;
        self.spans.iter().map(move |span| {
            let key = &self.bytes[start..span.key_end];
            let value = span.value_end.map(|end| &self.bytes[span.key_end..end]);
            start = span.value_end.unwrap_or(span.key_end);
            (key, value)
        })
    }

    fn add_key(&mut self, head: &[u8], key: &[u8]) -> usize {
        self.bytes.extend_from_slice(head);
        self.bytes.extend_from_slice(key);
        self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_come_back_as_they_went_in() {
        let mut changes = Changes::default();
        changes.put(b"h", b"a", b"1");
        changes.delete(b"h", b"b");
        changes.put(b"", b"c", b"");
        let all: Vec<_> = changes.iter().collect();
        assert_eq!(all, [(&b"ha"[..], Some(&b"1"[..])), (&b"hb"[..], None), (&b"c"[..], Some(&b""[..]))]);
        assert_eq!(changes.size(), 6);
    }
}
