//! Physical lines of a text file: decoded, counted and held in bounded memory.

use std::io::{self, Read};

use contract::{Code, FieldProblem};
use encoding_rs::{CoderResult, UTF_8, UTF_16BE, UTF_16LE};
use memchr::{memchr, memchr_iter, memchr2};

use crate::columns::excerpt;
use crate::definition::Encoding;
use crate::formats::Stop;
use crate::rules::row_refused::problem;

/// A text file from its current place on. Lines end with LF, CRLF or CR.
///
/// Invariant: the lines taken agree with the line ends that a second count over the decoded bytes finds.
pub(crate) struct Lines<'a> {
    source: Decoded<'a>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    ended: bool,
    taken: u64,
    counted: LineCount,
    record_bytes_max: usize,
}

/// Where the first line of a window ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LineEnd {
    /// Bytes of the line without its end.
    pub(crate) text: usize,
    /// With it.
    pub(crate) whole: usize,
}

impl<'a> Lines<'a> {
    /// Refuses content that is no text; the definition's encoding holds where the file has no byte-order mark.
    pub(crate) fn open(
        source: Box<dyn Read + Send + 'a>,
        encoding: Encoding,
        record_bytes_max: usize,
    ) -> Result<Lines<'a>, Stop> {
        let source = Decoded::open(source, encoding)?;
        let buffer = vec![0; (4 * record_bytes_max).max(256 << 10)];
        let counted = LineCount::default();
        Ok(Lines { source, buffer, start: 0, end: 0, ended: false, taken: 0, counted, record_bytes_max })
    }

    /// What lies ahead: more than the longest record, or all that is left. Empty at the end of the file.
    pub(crate) fn window(&mut self) -> io::Result<&[u8]> {
        if !self.ended && self.end - self.start < self.record_bytes_max + 2 {
            self.fill()?;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    /// What [`Lines::window`] made ready.
    pub(crate) fn ahead(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Moves on behind a record of so many bytes and lines.
    pub(crate) fn take(&mut self, bytes: usize, lines: u32) {
        self.start += bytes;
        self.taken += u64::from(lines);
    }

    /// Moves on behind the current line, however long it is.
    pub(crate) fn skip_line(&mut self) -> io::Result<()> {
        loop {
            self.window()?;
            let window = &self.buffer[self.start..self.end];
            match memchr2(b'\n', b'\r', window) {
                Some(at) if window[at] == b'\r' && at + 1 == window.len() && !self.ended => self.start += at,
                Some(at) => {
                    let whole = at + end_length(&window[at..]);
                    self.take(whole, 1);
                    return Ok(());
                }
                None => {
                    self.start = self.end;
                    if self.ended {
                        self.taken += 1;
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Number of the line at the current place, from 1.
    pub(crate) fn line_no(&self) -> u32 {
        u32::try_from(self.taken + 1).unwrap_or(u32::MAX)
    }

    /// Whether bytes were met that the encoding does not have; they read as U+FFFD.
    pub(crate) fn has_replaced(&self) -> bool {
        self.source.replaced
    }

    /// Asserts, at the end of the file, that no line was lost or counted twice.
    pub(crate) fn reconcile(&self) {
        let counted = self.counted.lines();
        assert!(self.taken == counted, "{} lines were read, the file has {counted}", self.taken);
    }

    fn fill(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        while self.end + LONGEST_CHARACTER <= self.buffer.len() {
            let count = match self.source.read(&mut self.buffer[self.end..]) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if count == 0 {
                self.ended = true;
                return Ok(());
            }
            self.counted.add(&self.buffer[self.end..self.end + count]);
            self.end += count;
        }
        Ok(())
    }
}

/// The end of the first line. `None` where it is longer than `bytes_max`.
pub(crate) fn first_line(window: &[u8], bytes_max: usize) -> Option<LineEnd> {
    let seen = &window[..window.len().min(bytes_max + 1)];
    match memchr2(b'\n', b'\r', seen) {
        Some(text) => Some(LineEnd { text, whole: text + end_length(&window[text..]) }),
        None if window.len() <= bytes_max => Some(LineEnd { text: window.len(), whole: window.len() }),
        None => None,
    }
}

/// Bytes of the line end that the slice begins with.
pub(crate) fn end_length(bytes: &[u8]) -> usize {
    if bytes.starts_with(b"\r\n") { 2 } else { 1 }
}

/// Counts lines without knowing of cells, quotes or records.
#[derive(Default)]
struct LineCount {
    ends: u64,
    last: Option<u8>,
}

impl LineCount {
    fn add(&mut self, bytes: &[u8]) {
        self.ends += memchr_iter(b'\n', bytes).count() as u64;
        let behind_bare = |at: usize| bytes.get(at).is_some_and(|next| *next != b'\n');
        self.ends += u64::from(self.last == Some(b'\r') && behind_bare(0));
        self.ends += memchr_iter(b'\r', bytes).filter(|at| behind_bare(at + 1)).count() as u64;
        self.last = bytes.last().copied().or(self.last);
    }

    fn lines(&self) -> u64 {
        match self.last {
            None | Some(b'\n') => self.ends,
            Some(_) => self.ends + 1,
        }
    }
}

/// The bytes of a file as UTF-8.
struct Decoded<'a> {
    head: Vec<u8>,
    head_read: usize,
    source: Box<dyn Read + Send + 'a>,
    decoder: Decoder,
    raw: Vec<u8>,
    raw_range: (usize, usize),
    raw_ended: bool,
    replaced: bool,
    done: bool,
}

enum Decoder {
    None,
    Latin1,
    Other(Box<encoding_rs::Decoder>),
}

const HEAD_BYTES: usize = 4 << 10;
const RAW_BYTES: usize = 16 << 10;
const LONGEST_CHARACTER: usize = 16;

impl<'a> Decoded<'a> {
    fn open(mut source: Box<dyn Read + Send + 'a>, encoding: Encoding) -> Result<Decoded<'a>, Stop> {
        let mut head = Vec::with_capacity(HEAD_BYTES);
        source.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head)?;
        if head.is_empty() {
            return Err(Stop::Refused(whole_file("file is empty; send it again")));
        }
        refuse_other_content(&head)?;
        let marked = encoding_rs::Encoding::for_bom(&head);
        let (encoding, mark_bytes) = marked.map_or((encoding, 0), |(e, n)| (Encoding::Other(e), n));
        let is_wide = matches!(encoding, Encoding::Other(e) if e == UTF_16LE || e == UTF_16BE);
        if !is_wide && memchr(0, &head).is_some() {
            let message = "file holds zero bytes and is no text in the feed's encoding; is it UTF-16? set `encoding`";
            return Err(Stop::Parked(whole_file(message)));
        }
        let decoder = match encoding {
            Encoding::Latin1 => Decoder::Latin1,
            Encoding::Other(e) if e == UTF_8 => Decoder::None,
            Encoding::Other(e) => Decoder::Other(Box::new(e.new_decoder_without_bom_handling())),
        };
        let raw = if matches!(decoder, Decoder::None) { Vec::new() } else { vec![0; RAW_BYTES] };
        let (raw_range, raw_ended) = ((0, 0), false);
        Ok(Decoded {
            head,
            head_read: mark_bytes,
            source,
            decoder,
            raw,
            raw_range,
            raw_ended,
            replaced: false,
            done: false,
        })
    }

    fn read_raw(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.head_read < self.head.len() {
            let count = (self.head.len() - self.head_read).min(into.len());
            into[..count].copy_from_slice(&self.head[self.head_read..self.head_read + count]);
            self.head_read += count;
            return Ok(count);
        }
        self.source.read(into)
    }

    fn refill(&mut self) -> io::Result<()> {
        let mut raw = std::mem::take(&mut self.raw);
        let (start, end) = self.raw_range;
        raw.copy_within(start..end, 0);
        let kept = end - start;
        let read = self.read_raw(&mut raw[kept..]);
        self.raw = raw;
        let count = read?;
        self.raw_ended = count == 0;
        self.raw_range = (0, kept + count);
        Ok(())
    }

    /// Decodes what is there; zero bytes out means that more must come in, or the end.
    fn decode(&mut self, into: &mut [u8]) -> usize {
        let (start, end) = self.raw_range;
        let from = &self.raw[start..end];
        let (read, written) = match &mut self.decoder {
            Decoder::Latin1 => encoding_rs::mem::convert_latin1_to_utf8_partial(from, into),
            Decoder::Other(decoder) => {
                let (result, read, written, replaced) = decoder.decode_to_utf8(from, into, self.raw_ended);
                self.replaced |= replaced;
                self.done |= self.raw_ended && result == CoderResult::InputEmpty;
                (read, written)
            }
            Decoder::None => unreachable!("bytes that are UTF-8 are passed on"),
        };
        self.raw_range.0 += read;
        written
    }
}

impl Decoded<'_> {
    /// The next bytes; none at the end. `into` must hold [`LONGEST_CHARACTER`] bytes.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if matches!(self.decoder, Decoder::None) {
            return self.read_raw(into);
        }
        while !self.is_done() {
            let written = self.decode(into);
            if written > 0 {
                return Ok(written);
            }
            if !self.is_done() {
                self.refill()?;
            }
        }
        Ok(0)
    }

    fn is_done(&self) -> bool {
        self.done || matches!(self.decoder, Decoder::Latin1) && self.raw_ended && self.raw_range.0 == self.raw_range.1
    }
}

fn refuse_other_content(head: &[u8]) -> Result<(), Stop> {
    const SIGNATURES: [(&[u8], &str); 7] = [
        (b"PK\x03\x04", "a zip archive or spreadsheet"),
        (b"PK\x05\x06", "an empty zip archive"),
        (b"%PDF", "a PDF document"),
        (b"\x7fELF", "a program"),
        (b"\x1f\x8b", "gzip-compressed"),
        (b"\xd0\xcf\x11\xe0", "an old or encrypted Office document"),
        (b"\x89PNG", "a picture"),
    ];
    let text_start = head.iter().position(|b| !b.is_ascii_whitespace()).unwrap_or(0);
    let start: Vec<u8> = head[text_start..].iter().take(9).map(u8::to_ascii_lowercase).collect();
    let is_page = start.starts_with(b"<!doctype") || start.starts_with(b"<html");
    let signature = SIGNATURES.iter().find(|(bytes, _)| head.starts_with(bytes)).map(|(_, what)| *what);
    match signature.or(is_page.then_some("a web page")) {
        Some(what) => Err(Stop::Refused(whole_file(&format!("file is {what}, not text; send the report as text")))),
        None => Ok(()),
    }
}

/// A problem of the file as a whole.
pub(crate) fn whole_file(message: &str) -> FieldProblem {
    problem(Code::RowUnreadable, "file", "", message.to_owned())
}

/// The line as text, or why it is none and what can be shown of it.
pub(crate) fn text_of(line: &[u8], has_replaced: bool) -> Result<&str, (String, &'static str)> {
    match std::str::from_utf8(line) {
        Err(_) => {
            Err((excerpt(&String::from_utf8_lossy(line)), "line is not text in the feed's encoding; check `encoding`"))
        }
        Ok(text) if has_replaced && text.contains('\u{fffd}') => {
            Err((excerpt(text), "line holds bytes that the feed's encoding does not have; check `encoding`"))
        }
        Ok(text) if memchr(0, line).is_some() => {
            Err((excerpt(&text.replace('\0', " ")), "line holds zero bytes; send it again"))
        }
        Ok(text) => Ok(text),
    }
}

/// Nothing to read: blanks, or the end mark of old systems.
pub(crate) fn is_blank(line: &[u8]) -> bool {
    line.iter().all(|b| b.is_ascii_whitespace() || *b == 0x1a)
}
