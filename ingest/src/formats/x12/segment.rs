//! Segments of X12 files, one at a time, with the separators that each interchange names itself.

use std::borrow::Cow;
use std::io::Read;

const HEADER_BYTES: usize = 106;
const READ_BYTES: usize = 64 * 1024;
/// Where the fixed layout of ISA has its element separators.
const HEADER_SEPARATORS: [usize; 16] = [3, 6, 17, 20, 31, 34, 50, 53, 69, 76, 81, 83, 89, 99, 101, 103];

/// Why a file cannot be read on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SegmentError {
    #[error("reading the file: {0}")]
    Io(#[from] std::io::Error),
    /// What is wrong and where, for the sender.
    #[error("{0}")]
    Unreadable(String),
}

/// The separators that an ISA segment sets for its interchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Separators {
    pub element: u8,
    pub component: u8,
    /// `None` before version 00402, where ISA11 holds `U`.
    pub repetition: Option<u8>,
    pub segment: u8,
}

impl Separators {
    /// Reads the 106 bytes of an ISA segment.
    fn of_header(header: &[u8]) -> Result<Separators, String> {
        let element = header[3];
        if let Some(at) = HEADER_SEPARATORS.iter().position(|&at| header[at] != element) {
            return Err(format!(
                "ISA must have 106 characters of fixed width, but element {at} does not end at character {}; \
                 pad ISA as the standard says",
                HEADER_SEPARATORS[at]
            ));
        }
        let is_later = header[84..89].iter().all(u8::is_ascii_digit) && &header[84..89] >= b"00402".as_slice();
        let repetition = (is_later && header[82] != b'U').then_some(header[82]);
        let separators = Separators { element, component: header[104], repetition, segment: header[105] };
        separators.check()?;
        Ok(separators)
    }

    fn check(self) -> Result<(), String> {
        let named = [
            ("element", Some(self.element)),
            ("component", Some(self.component)),
            ("repetition", self.repetition),
            ("segment", Some(self.segment)),
        ];
        for (i, (name, byte)) in named.iter().enumerate() {
            let Some(byte) = byte else { continue };
            let is_line_end = matches!(byte, b'\r' | b'\n') && *name != "segment";
            if byte.is_ascii_alphanumeric() || !byte.is_ascii() || *byte == b' ' || *byte == 0 || is_line_end {
                return Err(format!("{name} separator {:?} of ISA cannot separate anything", char::from(*byte)));
            }
            if let Some((other, _)) = named[..i].iter().find(|(_, seen)| *seen == Some(*byte)) {
                return Err(format!("ISA names {:?} as {other} and as {name} separator", char::from(*byte)));
            }
        }
        Ok(())
    }
}

/// One segment, borrowed from the reader's window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment<'a> {
    /// Counts the file's segments from 1.
    pub(crate) number: u32,
    pub(crate) separators: Separators,
    /// The file ended before the terminator.
    pub(crate) is_cut: bool,
    bytes: &'a [u8],
    /// End of each element, the id being element 0.
    ends: &'a [u32],
}

impl<'a> Segment<'a> {
    pub(crate) fn id(&self) -> &'a [u8] {
        self.element(0)
    }

    /// Element `index` without the blanks around it; empty where the segment is shorter.
    pub(crate) fn element(&self, index: usize) -> &'a [u8] {
        let Some(&end) = self.ends.get(index) else { return &[] };
        let start = if index == 0 { 0 } else { self.ends[index - 1] as usize + 1 };
        self.bytes[start..end as usize].trim_ascii()
    }

    /// How many elements there are, the id among them.
    pub(crate) fn elements(&self) -> usize {
        self.ends.len()
    }

    /// First component of element `index`.
    pub(crate) fn component(&self, index: usize) -> &'a [u8] {
        let element = self.element(index);
        let end = element.iter().position(|b| *b == self.separators.component).unwrap_or(element.len());
        &element[..end]
    }

    /// Element `index` as text: UTF-8, else Windows-1252, which reads any byte.
    pub(crate) fn text(&self, index: usize) -> Cow<'a, str> {
        text_of(self.element(index))
    }

    /// The bytes as they stand, for messages.
    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

/// UTF-8, else Windows-1252, which reads any byte.
pub(crate) fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0,
    }
}

/// Cuts a byte stream into segments. Holds at most one segment and one read ahead.
pub(crate) struct SegmentReader<R> {
    input: R,
    /// A longer segment is none: its terminator was not found.
    bytes_max: usize,
    window: Vec<u8>,
    /// Unread bytes are `window[start..end]`.
    start: usize,
    end: usize,
    is_at_end: bool,
    separators: Option<Separators>,
    ends: Vec<u32>,
    number: u32,
    /// Bytes in front of the window.
    offset: u64,
}

impl<R: Read> SegmentReader<R> {
    pub(crate) fn new(input: R, bytes_max: usize) -> Self {
        SegmentReader {
            input,
            bytes_max,
            window: Vec::new(),
            start: 0,
            end: 0,
            is_at_end: false,
            separators: None,
            ends: Vec::new(),
            number: 0,
            offset: 0,
        }
    }

    /// The next segment, `None` at the end of the file.
    ///
    /// `Err` where no further segment can be told from noise.
    pub(crate) fn next(&mut self) -> Result<Option<Segment<'_>>, SegmentError> {
        self.skip_line_ends()?;
        self.fill(3)?;
        if self.start == self.end {
            return Ok(None);
        }
        let rest = &self.window[self.start..self.end];
        let separators = match self.separators {
            Some(current) if !rest.starts_with(b"ISA") => current,
            _ => self.header()?,
        };
        let (from, to, is_cut) = self.cut(separators)?;
        self.number += 1;
        let segment =
            Segment { number: self.number, separators, is_cut, bytes: &self.window[from..to], ends: &self.ends };
        self.separators = (segment.id() != b"IEA").then_some(separators);
        Ok(Some(segment))
    }

    /// Passes what may stand between segments: line ends, blanks and the end mark of old systems.
    fn skip_line_ends(&mut self) -> Result<(), SegmentError> {
        let terminator = self.separators.map(|s| s.segment);
        loop {
            self.fill(1)?;
            let rest = &self.window[self.start..self.end];
            let is_blank = |b: &u8| matches!(b, b'\r' | b'\n' | b' ' | b'\t' | 0x1a | 0);
            let may_skip = |b: &u8| is_blank(b) && (matches!(b, b'\r' | b'\n') || terminator != Some(*b));
            let blanks = rest.iter().position(|b| !may_skip(b)).unwrap_or(rest.len());
            self.start += blanks;
            if blanks == 0 || self.start < self.end {
                return self.skip_byte_order_mark();
            }
        }
    }

    fn skip_byte_order_mark(&mut self) -> Result<(), SegmentError> {
        if self.number == 0 && self.offset + self.start as u64 == 0 {
            self.fill(3)?;
            if self.window[self.start..self.end].starts_with(b"\xef\xbb\xbf") {
                self.start += 3;
                return self.skip_line_ends();
            }
        }
        Ok(())
    }

    /// Reads the separators of the ISA segment that starts here.
    fn header(&mut self) -> Result<Separators, SegmentError> {
        self.fill(HEADER_BYTES)?;
        let at = self.offset + self.start as u64;
        let rest = &self.window[self.start..self.end];
        if !rest.starts_with(b"ISA") {
            return Err(SegmentError::Unreadable(no_interchange(rest, at)));
        }
        if rest.len() < HEADER_BYTES {
            return Err(SegmentError::Unreadable(format!("the file ends inside the ISA segment at byte {at}")));
        }
        Separators::of_header(&rest[..HEADER_BYTES])
            .map_err(|message| SegmentError::Unreadable(format!("segment {}: {message}", self.number + 1)))
    }

    /// Finds the end of the segment at `start` and of its elements; returns its place in the window.
    fn cut(&mut self, separators: Separators) -> Result<(usize, usize, bool), SegmentError> {
        self.ends.clear();
        let mut seen = 0;
        loop {
            let rest = &self.window[self.start..self.end];
            let within = &rest[..rest.len().min(self.bytes_max + 1)];
            for (at, byte) in within.iter().enumerate().skip(seen) {
                if *byte == separators.segment {
                    self.ends.push(at as u32);
                    let from = self.start;
                    self.start += at + 1;
                    return Ok((from, from + at, false));
                }
                if *byte == separators.element {
                    self.ends.push(at as u32);
                }
            }
            seen = within.len();
            if seen > self.bytes_max {
                return Err(SegmentError::Unreadable(format!(
                    "segment {} is longer than {} bytes; is {:?} really the segment terminator?",
                    self.number + 1,
                    self.bytes_max,
                    char::from(separators.segment)
                )));
            }
            if self.is_at_end {
                let (from, to) = (self.start, self.end);
                self.ends.push((to - from) as u32);
                self.start = self.end;
                return Ok((from, to, true));
            }
            self.fill(seen + 1)?;
        }
    }

    /// Reads until `bytes` unread ones are there or the input ends.
    fn fill(&mut self, bytes: usize) -> Result<(), SegmentError> {
        while self.end - self.start < bytes && !self.is_at_end {
            if self.start > 0 {
                self.window.copy_within(self.start..self.end, 0);
                self.offset += self.start as u64;
                self.end -= self.start;
                self.start = 0;
            }
            if self.window.len() < self.end + READ_BYTES {
                self.window.resize(self.end + READ_BYTES, 0);
            }
            match self.input.read(&mut self.window[self.end..]) {
                Ok(0) => self.is_at_end = true,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

fn no_interchange(rest: &[u8], at: u64) -> String {
    let hint = match rest {
        [0xc9, 0xe2, 0xc1, ..] => "; this is EBCDIC, send ASCII or UTF-8",
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [b'I', 0, ..] | [0, b'I', ..] => "; this is UTF-16, send ASCII or UTF-8",
        [b'U', b'N', b'A' | b'B', ..] => "; this is EDIFACT, not X12",
        [b'P', b'K', ..] => "; this is a ZIP archive or a workbook",
        _ => "; X12 starts with ISA",
    };
    let shown: String = text_of(&rest[..rest.len().min(24)]).chars().filter(|c| !c.is_control()).collect();
    format!("no interchange at byte {at} but {shown:?}{hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str =
        "ISA*00*          *00*          *ZZ*P004           *ZZ*VENDOR         *110104*0600*U*00401*000000001*0*P*>~";

    const BYTES_MAX: usize = 64 << 10;

    /// Hands out `chunk` bytes at a time.
    struct Chunks<'a> {
        bytes: &'a [u8],
        chunk: usize,
    }

    impl Read for Chunks<'_> {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            let size = self.chunk.min(into.len()).min(self.bytes.len());
            into[..size].copy_from_slice(&self.bytes[..size]);
            self.bytes = &self.bytes[size..];
            Ok(size)
        }
    }

    /// Segments as text with `|` between elements, or the error, alike for every chunk size.
    fn check(text: &str, expected: &[&str]) {
        for chunk in [1, 7, 4096, usize::MAX] {
            let mut reader = SegmentReader::new(Chunks { bytes: text.as_bytes(), chunk }, BYTES_MAX);
            let mut found = Vec::new();
            loop {
                match reader.next() {
                    Ok(None) => break,
                    Ok(Some(segment)) if segment.id() == b"ISA" => found.push("ISA".to_owned()),
                    Ok(Some(segment)) => {
                        let elements: Vec<_> = (0..segment.ends.len()).map(|i| segment.text(i)).collect();
                        found.push(elements.join("|") + if segment.is_cut { " cut" } else { "" });
                    }
                    Err(error) => {
                        found.push(error.to_string());
                        break;
                    }
                }
            }
            assert_eq!(found, expected, "chunks of {chunk}");
        }
    }

    #[test]
    fn separators_come_from_each_interchange() {
        let second = HEADER.replace('*', "^").replace('~', "\n");
        check(
            &format!("\u{feff}\r\n{HEADER}\r\nQTY*32* 5 *EA~\r\nLIN**VP~IEA*1~\n\n{second}REF^SE^A~B\nIEA^1\n\u{1a}"),
            &["ISA", "QTY|32|5|EA", "LIN||VP", "IEA|1", "ISA", "REF|SE|A~B", "IEA|1"],
        );
    }

    #[test]
    fn a_lost_trailer_and_a_cut_end_are_seen() {
        check(&format!("{HEADER}QTY*32~{HEADER}QTY*3"), &["ISA", "QTY|32", "ISA", "QTY|3 cut"]);
        check(&format!("{HEADER}~~"), &["ISA", "", ""]);
    }

    #[test]
    fn what_is_no_interchange_is_named() {
        check("", &[]);
        check("a,b\n1,2\n", &["no interchange at byte 0 but \"a,b1,2\"; X12 starts with ISA"]);
        check("UNB+UNOA", &["no interchange at byte 0 but \"UNB+UNOA\"; this is EDIFACT, not X12"]);
        check(&HEADER[..90], &["the file ends inside the ISA segment at byte 0"]);
        check(&HEADER.replacen("VENDOR ", "VENDOR", 1), &["the file ends inside the ISA segment at byte 0"]);
        check(
            &(HEADER.replacen("VENDOR ", "VENDOR", 1) + "GS*PT~"),
            &["segment 1: ISA must have 106 characters of fixed width, but element 8 does not end at character 69; \
               pad ISA as the standard says"],
        );
        for (from, to, error) in [
            ("*>~", "*>*", "segment 1: ISA names '*' as element and as segment separator"),
            ("*>~", "*A~", "segment 1: component separator 'A' of ISA cannot separate anything"),
            ("*>~", "*>9", "segment 1: segment separator '9' of ISA cannot separate anything"),
            ("*U*00401*", "*>*00501*", "segment 1: ISA names '>' as component and as repetition separator"),
        ] {
            check(&HEADER.replacen(from, to, 1), &[error]);
        }
        check(&HEADER.replace('*', "\n"), &["segment 1: element separator '\\n' of ISA cannot separate anything"]);
    }

    #[test]
    fn memory_stays_bounded() {
        let long = format!("{HEADER}PID*F*{}", "x".repeat(10 * BYTES_MAX));
        check(&long, &["ISA", "segment 2 is longer than 65536 bytes; is '~' really the segment terminator?"]);
        let mut reader = SegmentReader::new(long.as_bytes(), BYTES_MAX);
        while let Ok(Some(_)) = reader.next() {}
        assert!(reader.window.len() <= BYTES_MAX + 2 * READ_BYTES, "{}", reader.window.len());
    }
}
