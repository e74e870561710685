//! Records that were taken away from topics, as [`super::trim`] has kept them.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::time::Duration;

use apache_avro::types::Value;
use stream::kafka::repair::Archive;
use stream::kafka::{LabelReader, Reader, Received, TransportError};

/// A folder of Avro files by topic, partition and offsets.
pub struct AvroArchive {
    folder: PathBuf,
}

/// A file with the records from `start` up to, and without, `end`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Segment {
    start: u64,
    end: u64,
    path: PathBuf,
}

impl AvroArchive {
    pub fn new(folder: &Path) -> AvroArchive {
        AvroArchive { folder: folder.to_owned() }
    }

    /// Files of a partition, by their offsets.
    fn segments(&self, topic: &str, partition: u16) -> Result<Vec<Segment>, TransportError> {
        let folder = self.folder.join(topic).join(partition.to_string());
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(broken(&folder, &error)),
        };
        let mut segments = Vec::new();
        for entry in entries {
            segments.extend(segment(entry.map_err(|error| broken(&folder, &error))?.path()));
        }
        segments.sort();
        Ok(segments)
    }
}

/// `None` for what is no file of an archive.
fn segment(path: PathBuf) -> Option<Segment> {
    let (start, end) = path.file_name()?.to_str()?.strip_suffix(".avro")?.split_once('-')?;
    Some(Segment { start: start.parse().ok()?, end: end.parse().ok()?, path })
}

impl Archive for AvroArchive {
    fn covers(&self, topic: &str, partition: u16, from: u64, to: u64) -> Result<bool, TransportError> {
        let reached = |reached, segment: &Segment| match segment.start <= reached {
            true => segment.end.max(reached),
            false => reached,
        };
        Ok(self.segments(topic, partition)?.iter().fold(from, reached) >= to)
    }

    fn reader(&self, topic: &str, partition: u16, from: u64, to: u64) -> Result<Box<dyn Reader>, TransportError> {
        if !self.covers(topic, partition, from, to)? {
            let text = format!("{topic}, partition {partition}: the archive has not all of {from} to {to}");
            return Err(TransportError::Broken(text));
        }
        let segments = self.segments(topic, partition)?.into_iter();
        let files = segments.filter(|segment| segment.end > from && segment.start < to).map(|segment| segment.path);
        Ok(Box::new(ArchiveReader { files: files.collect(), open: None, next: from, to }))
    }
}

/// Reads one file after the other.
struct ArchiveReader {
    files: VecDeque<PathBuf>,
    open: Option<(PathBuf, apache_avro::Reader<'static, BufReader<File>>)>,
    /// Offsets in front of it were read, or are not wanted.
    next: u64,
    to: u64,
}

impl ArchiveReader {
    /// The next record of any file.
    fn record(&mut self) -> Result<Option<Archived>, TransportError> {
        loop {
            if let Some((path, records)) = &mut self.open {
                if let Some(value) = records.next() {
                    let value = value.map_err(|error| broken(path, &error))?;
                    let damaged = || TransportError::Broken(format!("{}: not a record of a topic", path.display()));
                    return Archived::of(value).map(Some).ok_or_else(damaged);
                }
                self.open = None;
            }
            let Some(path) = self.files.pop_front() else { return Ok(None) };
            let file = File::open(&path).map_err(|error| broken(&path, &error))?;
            let records = apache_avro::Reader::new(BufReader::new(file)).map_err(|error| broken(&path, &error))?;
            self.open = Some((path, records));
        }
    }
}

impl Reader for ArchiveReader {
    fn read(&mut self, _wait: Duration, visit: &mut dyn FnMut(Received<'_>)) -> Result<bool, TransportError> {
        while let Some(record) = self.record()? {
            if (self.next..self.to).contains(&record.offset) {
                self.next = record.offset + 1;
                record.tell(visit);
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn waiting(&self) -> Option<u64> {
        Some(self.to.saturating_sub(self.next))
    }

    fn held_up(&self) -> Option<Duration> {
        None
    }
}

/// A record as it was.
struct Archived {
    offset: u64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(String, Vec<u8>)>,
}

impl Archived {
    fn of(value: Value) -> Option<Archived> {
        let Value::Record(fields) = value else { return None };
        let [(_, Value::Long(offset)), (_, key), (_, value), (_, Value::Array(headers))] =
            <[_; 4]>::try_from(fields).ok()?
        else {
            return None;
        };
        let headers = headers.into_iter().map(header).collect::<Option<_>>()?;
        Some(Archived { offset: u64::try_from(offset).ok()?, key: bytes(key)?, value: bytes(value)?, headers })
    }

    fn tell(&self, visit: &mut dyn FnMut(Received<'_>)) {
        let mut reader = LabelReader::default();
        self.headers.iter().for_each(|(name, value)| reader.header(name, value));
        let label = if self.headers.is_empty() { None } else { reader.label() };
        let (key, value) = (self.key.as_deref(), self.value.as_deref());
        let headers = if label.is_none() { self.headers.as_slice() } else { &[] };
        visit(Received { offset: self.offset, key, value, label: label.as_ref(), headers, timestamp: None });
    }
}

/// `None` for what is neither bytes nor nothing.
fn bytes(value: Value) -> Option<Option<Vec<u8>>> {
    match value {
        Value::Union(_, inner) => match *inner {
            Value::Null => Some(None),
            Value::Bytes(bytes) => Some(Some(bytes)),
            _ => None,
        },
        _ => None,
    }
}

fn header(value: Value) -> Option<(String, Vec<u8>)> {
    let Value::Record(fields) = value else { return None };
    match <[_; 2]>::try_from(fields).ok()? {
        [(_, Value::String(name)), (_, Value::Bytes(value))] => Some((name, value)),
        _ => None,
    }
}

fn broken(path: &Path, error: &dyn std::error::Error) -> TransportError {
    TransportError::Broken(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_covers_what_its_files_hold_without_a_gap() {
        let folder = tempfile::tempdir().unwrap();
        let files = folder.path().join("t/2");
        fs::create_dir_all(&files).unwrap();
        for name in [format!("{:020}-{:020}.avro", 0, 9), format!("{:020}-{:020}.avro", 9, 12), "notes".into()] {
            fs::write(files.join(name), "").unwrap();
        }
        fs::write(files.join(format!("{:020}-{:020}.avro", 14, 20)), "").unwrap();
        let archive = AvroArchive::new(folder.path());
        let covers = |from, to| archive.covers("t", 2, from, to).unwrap();
        assert_eq!(
            [covers(0, 12), covers(3, 10), covers(0, 13), covers(14, 20), covers(5, 5)],
            [true, true, false, true, true]
        );
        assert!(!archive.covers("t", 3, 0, 1).unwrap());
        assert!(archive.reader("t", 2, 0, 13).is_err());
    }
}
