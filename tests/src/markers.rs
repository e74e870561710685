//! The request by which a broker has ends of transactions written, `WriteTxnMarkers` of version 1 or 2, and the answer that
//! all of them were. Source: the Kafka protocol guide.

/// What a broker would answer that has written all markers of a request. Both with their lengths in front.
///
/// # Panics
/// The bytes are no such request.
pub fn as_if_written(request: &[u8]) -> Vec<u8> {
    let version = i16::from_be_bytes([request[6], request[7]]);
    assert!((1..=2).contains(&version), "version {version} of the request is not known");
    let mut asked = Bytes(&request[8..]);
    let mut answer = asked.take(4).to_vec();
    let client_id = i16::from_be_bytes(asked.array());
    asked.take(usize::try_from(client_id).unwrap_or_default());
    asked.no_tags();
    // Of the header.
    answer.push(0);
    asked.list(&mut answer, &mut |asked, answer| {
        answer.extend_from_slice(asked.take(8));
        // Epoch and result.
        asked.take(3);
        asked.list(answer, &mut |asked, answer| {
            let length = asked.number();
            write_number(answer, length);
            answer.extend_from_slice(asked.take(length - 1));
            asked.list(answer, &mut |asked, answer| {
                answer.extend_from_slice(asked.take(4));
                // No error; no tags.
                answer.extend_from_slice(&[0, 0, 0]);
            });
            asked.no_tags();
            answer.push(0);
        });
        // Epoch of the coordinator, and from version 2 on the transaction's own version.
        asked.take(if version == 1 { 4 } else { 5 });
        asked.no_tags();
        answer.push(0);
    });
    asked.no_tags();
    answer.push(0);
    let length = i32::try_from(answer.len()).expect("an answer is short");
    [&length.to_be_bytes(), answer.as_slice()].concat()
}

/// What is left of a request.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, left) = self.0.split_at(count);
        self.0 = left;
        taken
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        self.take(N).try_into().expect("so many were taken")
    }

    /// An unsigned number of variable length, least bits first.
    fn number(&mut self) -> usize {
        let (mut number, mut bits) = (0, 0);
        loop {
            let [byte] = self.array();
            number |= usize::from(byte & 0x7f) << bits;
            if byte & 0x80 == 0 {
                return number;
            }
            bits += 7;
        }
    }

    /// Each item of a list, whose answers are a list as long.
    fn list(&mut self, answer: &mut Vec<u8>, item: &mut dyn FnMut(&mut Self, &mut Vec<u8>)) {
        let length = self.number();
        write_number(answer, length);
        (1..length).for_each(|_| item(self, answer));
    }

    fn no_tags(&mut self) {
        assert_eq!(self.number(), 0, "tagged fields are not known");
    }
}

fn write_number(bytes: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        bytes.push(number as u8 & 0x7f | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two markers: of one partition of `t`, and of none.
    fn request(version: i16) -> Vec<u8> {
        let mut body = vec![0, 27];
        body.extend_from_slice(&version.to_be_bytes());
        body.extend_from_slice(&[0, 0, 0, 9, 0, 1, b'c', 0, 3]);
        let own: &[u8] = if version == 1 { &[] } else { &[2] };
        let end = [&[0, 0, 0, 4][..], own, &[0]].concat();
        body.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 7, 0, 1, 1, 2, 2, b't', 2, 0, 0, 0, 5, 0]);
        body.extend_from_slice(&end);
        body.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 8, 0, 1, 0, 1]);
        body.extend_from_slice(&end);
        body.push(0);
        [&(body.len() as i32).to_be_bytes(), body.as_slice()].concat()
    }

    #[test]
    fn every_partition_is_answered_for() {
        let expected = [
            &[0, 0, 0, 38, 0, 0, 0, 9, 0, 3][..],
            &[0, 0, 0, 0, 0, 0, 0, 7, 2, 2, b't', 2, 0, 0, 0, 5, 0, 0, 0, 0, 0],
            &[0, 0, 0, 0, 0, 0, 0, 8, 1, 0],
            &[0],
        ];
        for version in [1, 2] {
            assert_eq!(as_if_written(&request(version)), expected.concat(), "version {version}");
        }
    }
}
