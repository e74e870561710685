//! Topics that partners and other teams write: a batch of records at a time becomes a file of JSON lines, which the
//! intake takes in as any other.
//!
//! Nothing is kept here. Where to read on follows from what the log says was taken in, so a batch that did not get there
//! is read again.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use ingest::FeedDefinition;
use stream::kafka::{DeadLetter, KafkaTransport, Lasting, Received, Transport, TransportError};

use super::record::{ForeignRecord, NoLine, RecordReader, TopicFeed};
use super::registry::Registry;
use super::start::say_waiting;
use crate::run::News;
use crate::run::batch::{Batch, DeadRecord, Positions, Span};
use crate::run::folder::Found;

/// A batch takes no further record behind so many, or so many bytes.
const BATCH_RECORDS: usize = 50_000;
const BATCH_BYTES: usize = 16 << 20;
/// Offsets without a record (marks of transactions, records that were compacted away) that a file holds as blank lines.
const GAP_MAX: u64 = 1_000;
/// An intake that waits for more looks into its topics that often: what came meanwhile is one batch.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(500);

/// What is asked of topics. Two implementations: Kafka, and what tests lay out.
pub trait Topics: Send + Sync {
    fn partitions(&self, topic: &str) -> Result<u16, TransportError>;

    /// The first offset that a partition keeps, and the one behind the last record that readers may see.
    fn ends(&self, topic: &str, partition: u16) -> Result<(u64, u64), TransportError>;

    /// Visits records from an offset on, until `visit` wants no more or readers may see no more.
    fn read(
        &self,
        topic: &str,
        partition: u16,
        from: u64,
        visit: &mut dyn FnMut(Received<'_>) -> bool,
    ) -> Result<(), TransportError>;
}

impl Topics for KafkaTransport {
    fn partitions(&self, topic: &str) -> Result<u16, TransportError> {
        Transport::partitions(self, topic)
    }

    fn ends(&self, topic: &str, partition: u16) -> Result<(u64, u64), TransportError> {
        let (low, _) = self.bounds(topic, partition)?;
        Ok((low, self.visible_end(topic, partition)?))
    }

    fn read(
        &self,
        topic: &str,
        partition: u16,
        from: u64,
        visit: &mut dyn FnMut(Received<'_>) -> bool,
    ) -> Result<(), TransportError> {
        self.read_visible(topic, partition, from, visit)
    }
}

/// The topics of a configuration.
pub struct Foreign<'a> {
    feeds: Vec<TopicFeed>,
    topics: Arc<dyn Topics>,
    reader: RecordReader,
    /// For files until they are taken.
    folder: PathBuf,
    /// Everything that lies ready is wanted at once.
    until_idle: bool,
    stop: &'a AtomicBool,
    /// What keeps a topic from being read, as it was told.
    told: BTreeMap<String, String>,
    /// By topic and partition: nothing is left between this offset and this end.
    read: BTreeMap<(String, u16), (u64, u64)>,
    looked: Option<Instant>,
    /// The last look left something for want of room.
    has_more: bool,
    lasting: Lasting,
}

/// Why a look at a partition was in vain.
enum Vain {
    /// May pass by itself.
    Again(String),
    Failed(anyhow::Error),
}

impl From<anyhow::Error> for Vain {
    fn from(error: anyhow::Error) -> Vain {
        Vain::Failed(error)
    }
}

impl From<TransportError> for Vain {
    fn from(error: TransportError) -> Vain {
        Vain::Again(error.to_string())
    }
}

impl<'a> Foreign<'a> {
    /// `None` where no feed is a topic's. `data`: the intake's own directory.
    pub fn new(
        feeds: &[FeedDefinition],
        topics: Arc<dyn Topics>,
        registry: Option<Arc<Registry>>,
        data: &Path,
        until_idle: bool,
        stop: &'a AtomicBool,
    ) -> Option<Foreign<'a>> {
        let feeds: Vec<TopicFeed> = feeds.iter().filter_map(TopicFeed::of).collect();
        let (reader, folder) = (RecordReader::new(registry), data.join("arrivals"));
        let (told, read, looked, has_more) = (BTreeMap::new(), BTreeMap::new(), None, false);
        let lasting = Lasting::default();
        let foreign =
            Foreign { feeds, topics, reader, folder, until_idle, stop, told, read, looked, has_more, lasting };
        (!foreign.feeds.is_empty()).then_some(foreign)
    }

    /// What came behind these positions, at most one batch of each partition; empty where nothing did.
    ///
    /// # Errors
    /// Files cannot be written. Trouble with brokers or a registry is none: it is said, and holds up no partition that it does
    /// not concern. Where all is wanted it is waited for, else the next look may fare better.
    pub fn fresh(&mut self, positions: &Positions, tell: &mut dyn FnMut(News<'_>)) -> anyhow::Result<Vec<Batch>> {
        let is_early = self.looked.is_some_and(|looked| looked.elapsed() < LOOK_EVERY);
        if is_early && !self.until_idle && !self.has_more {
            return Ok(Vec::new());
        }
        while !self.stop.load(Ordering::Relaxed) {
            self.looked = Some(Instant::now());
            let (batches, waits) = self.look(positions, tell)?;
            if let Some(why) = &waits {
                tracing::warn!(why, "topics of others cannot be read now");
                if self.lasting.again() {
                    say_waiting(&format!("intake waits for topics of others: {why}"));
                }
            }
            if waits.is_none() || !batches.is_empty() || !self.until_idle {
                return Ok(batches);
            }
            std::thread::sleep(PAUSE);
        }
        Ok(Vec::new())
    }

    /// The batches of all topics, and why something cannot be read now, if there is such.
    fn look(
        &mut self,
        positions: &Positions,
        tell: &mut dyn FnMut(News<'_>),
    ) -> anyhow::Result<(Vec<Batch>, Option<String>)> {
        // What lies there was taken, or is read again.
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder).context("arrivals cannot be cleared")?;
        }
        self.has_more = false;
        self.reader.look_anew();
        let (mut batches, mut waits) = (Vec::new(), None);
        for feed in self.feeds.clone() {
            let mut vain = None;
            match self.look_into(&feed, positions, &mut batches, &mut vain)? {
                Some(remark) => {
                    if self.told.insert(feed.topic.clone(), remark.clone()).as_ref() != Some(&remark) {
                        tell(News::Remark(&remark));
                    }
                }
                // What was told may stand where it could not be looked at.
                None if vain.is_some() => {}
                None => {
                    self.told.remove(&feed.topic);
                }
            }
            waits = waits.or(vain);
        }
        Ok((batches, waits))
    }

    /// Adds the batches of one topic; returns what people must see to. `vain` hears why a partition cannot be read now; the
    /// others are.
    fn look_into(
        &mut self,
        feed: &TopicFeed,
        positions: &Positions,
        batches: &mut Vec<Batch>,
        vain: &mut Option<String>,
    ) -> anyhow::Result<Option<String>> {
        let topic = &feed.topic;
        let broken = |why: String| Ok(Some(format!("topic {topic} of {} cannot be read: {why}", feed.partner)));
        let partitions = match self.topics.partitions(topic) {
            Ok(partitions) => partitions,
            Err(TransportError::Broken(_) | TransportError::Absent(_)) => {
                return broken("it is not there, or not for this user".to_owned());
            }
            Err(error) => {
                *vain = Some(error.to_string());
                return Ok(None);
            }
        };
        let mut remark = None;
        for partition in 0..partitions {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            let at = (topic.clone(), partition);
            let next = positions.get(&at).copied().unwrap_or(0);
            match self.look_at(feed, &at, next, batches) {
                Ok(None) => {}
                Ok(Some(why)) => {
                    remark = Some(format!("topic {topic} of {}, partition {partition}: {why}", feed.partner))
                }
                Err(Vain::Again(why)) => {
                    vain.get_or_insert(why);
                }
                Err(Vain::Failed(error)) => return Err(error),
            }
        }
        Ok(remark)
    }

    /// Adds a batch of one partition, if there is something; returns what people must see to.
    fn look_at(
        &mut self,
        feed: &TopicFeed,
        at: &(String, u16),
        next: u64,
        batches: &mut Vec<Batch>,
    ) -> Result<Option<String>, Vain> {
        let (topic, partition) = (at.0.as_str(), at.1);
        let (low, end) = self.topics.ends(topic, partition)?;
        if self.read.get(at) == Some(&(next, end)) {
            return Ok(None);
        }
        if next > end {
            return Ok(Some(format!(
                "it ends at offset {end} and was read up to {next}; it was made anew, name it anew too"
            )));
        }
        let lost = (next > 0 && low > next).then(|| format!("offsets {next} to {} were deleted unread", low - 1));
        let (mut draft, mut wait) = (Draft::default(), None);
        let visit = &mut |received: Received<'_>| match self.reader.take(feed, partition, &received, &mut draft) {
            Ok(goes_on) => goes_on,
            Err(why) => {
                wait = Some(why);
                false
            }
        };
        self.topics.read(topic, partition, next.max(low), visit)?;
        let is_empty = draft.is_empty();
        self.has_more |= draft.is_cut;
        if !draft.is_cut && wait.is_none() {
            self.read.insert(at.clone(), (draft.next().max(next), end));
        }
        if !is_empty {
            batches.push(draft.finish(feed, partition, &self.folder, batches.len())?);
        }
        match wait {
            Some(why) if is_empty => Err(Vain::Again(why)),
            _ => Ok(lost),
        }
    }
}

impl RecordReader {
    /// Adds a record to a batch, unless it has enough; whether it wants more. `Err`: the record cannot be judged now.
    fn take(
        &mut self,
        feed: &TopicFeed,
        partition: u16,
        received: &Received<'_>,
        draft: &mut Draft,
    ) -> Result<bool, String> {
        let Received { offset, key, value, headers, .. } = *received;
        if !draft.has_room(offset) {
            draft.is_cut = true;
            return Ok(false);
        }
        match self.line(feed, &ForeignRecord { partition, offset, value, headers }) {
            Ok(line) => draft.add(offset, &line),
            Err(NoLine::Wait(why)) => return Err(why),
            Err(NoLine::Dead(why)) => {
                let (topic, key, value) = (feed.topic.clone(), key.map(<[u8]>::to_vec), value.map(<[u8]>::to_vec));
                let (topic_of, headers) = (topic.clone(), headers.to_vec());
                let letter = DeadLetter { topic: topic_of, partition, offset, why, key, value, headers, cut: None };
                draft.add_dead(DeadRecord { topic, partition, offset, letter: letter.encode() });
            }
        }
        Ok(true)
    }
}

/// A batch in the making.
#[derive(Default)]
struct Draft {
    lines: Vec<u8>,
    /// Offset of the first line.
    first: u64,
    /// The one behind the last line.
    end: u64,
    dead: Vec<DeadRecord>,
    records: usize,
    bytes: usize,
    /// A record had no room.
    is_cut: bool,
}

impl Draft {
    fn is_empty(&self) -> bool {
        self.records == 0
    }

    fn has_room(&self, offset: u64) -> bool {
        self.records < BATCH_RECORDS
            && self.bytes < BATCH_BYTES
            && (self.lines.is_empty() || offset - self.end <= GAP_MAX)
    }

    fn add(&mut self, offset: u64, line: &str) {
        if self.lines.is_empty() {
            (self.first, self.end) = (offset, offset);
        }
        let blank = usize::try_from(offset - self.end).expect("a gap is small");
        self.lines.extend(std::iter::repeat_n(b'\n', blank));
        self.lines.extend_from_slice(line.as_bytes());
        self.lines.push(b'\n');
        self.end = offset + 1;
        self.records += 1;
        self.bytes += line.len();
    }

    fn add_dead(&mut self, record: DeadRecord) {
        self.records += 1;
        self.bytes += record.letter.len();
        self.dead.push(record);
    }

    /// The offset behind everything that it holds; 0 for nothing.
    fn next(&self) -> u64 {
        self.dead.last().map_or(0, |dead| dead.offset + 1).max(self.end)
    }

    /// Writes the file, the `number`-th of its look.
    fn finish(self, feed: &TopicFeed, partition: u16, folder: &Path, number: usize) -> anyhow::Result<Batch> {
        let Draft { lines, first, end, dead, .. } = self;
        if lines.is_empty() {
            return Ok(Batch { file: None, dead });
        }
        let path = folder.join(number.to_string());
        let written = fs::create_dir_all(folder).and_then(|()| fs::write(&path, &lines));
        written.with_context(|| format!("{} cannot be written", path.display()))?;
        let span = Span { topic: feed.topic.clone(), partition, first, last: end - 1, again: false };
        let (name, bytes) = (span.name(&feed.partner), lines.len() as u64);
        Ok(Batch { file: Some(Found { path, name, bytes, modified: None, changed: (0, 0) }), dead })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    fn definition(partner: &str, topic: &str) -> FeedDefinition {
        let columns = "{ document: d, document_line: l, date: t, code: c, quantity: q }";
        let text = format!("format: json-lines\ntopic: {topic}\ncolumns: {columns}\n");
        ingest::definition::parse("f", partner, &text).unwrap()
    }

    fn feed() -> TopicFeed {
        TopicFeed::of(&definition("P1", "rows")).unwrap()
    }

    /// Values by topic and partition.
    struct Laid(BTreeMap<&'static str, Vec<Vec<&'static [u8]>>>);

    impl Topics for Laid {
        fn partitions(&self, topic: &str) -> Result<u16, TransportError> {
            Ok(self.0[topic].len() as u16)
        }

        fn ends(&self, topic: &str, partition: u16) -> Result<(u64, u64), TransportError> {
            Ok((0, self.0[topic][usize::from(partition)].len() as u64))
        }

        fn read(
            &self,
            topic: &str,
            partition: u16,
            from: u64,
            visit: &mut dyn FnMut(Received<'_>) -> bool,
        ) -> Result<(), TransportError> {
            for (offset, value) in (0..).zip(&self.0[topic][usize::from(partition)]).skip(from as usize) {
                let (key, value, label) = (None, Some(*value), None);
                if !visit(Received { offset, key, value, label, headers: &[], timestamp: None }) {
                    break;
                }
            }
            Ok(())
        }
    }

    #[test]
    fn a_record_whose_schema_is_not_known_holds_up_its_own_partition_alone() {
        let (data, stop) = (tempfile::tempdir().unwrap(), AtomicBool::new(false));
        // Nobody answers there.
        let registry = Some(Arc::new(Registry::new("http://127.0.0.1:1").unwrap()));
        let (avro, row): (&[u8], &[u8]) = (&[0, 0, 0, 0, 9, 2], b"{}");
        let rows = vec![vec![avro, row], vec![row, avro, row], vec![row]];
        let topics = Arc::new(Laid([("more", vec![vec![row]]), ("rows", rows)].into()));
        let feeds = [definition("P1", "rows"), definition("P2", "more")];
        let mut foreign = Foreign::new(&feeds, topics, registry, data.path(), false, &stop).unwrap();
        let mut look = |positions: &Positions| {
            let (batches, waits) = foreign.look(positions, &mut |_| ()).unwrap();
            (batches.into_iter().map(|batch| batch.file.unwrap().name).collect::<Vec<_>>(), waits)
        };
        let (names, waits) = look(&Positions::default());
        let expected = [
            "P1/rows@1/000000000000-000000000000.jsonl",
            "P1/rows@2/000000000000-000000000000.jsonl",
            "P2/more@0/000000000000-000000000000.jsonl",
        ];
        assert_eq!(names, expected);
        assert!(waits.is_some_and(|why| why.contains("schema registry http://127.0.0.1:1")));
        let rows = |partition| ("rows".to_owned(), partition);
        let taken: Positions = [(rows(1), 1), (rows(2), 1), (("more".to_owned(), 0), 1)].into();
        let (names, waits) = look(&taken);
        assert!(names.is_empty() && waits.is_some(), "{names:?}");
    }

    #[test]
    fn a_registry_that_does_not_answer_is_asked_once_in_a_look() {
        let (data, stop) = (tempfile::tempdir().unwrap(), AtomicBool::new(false));
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        std::thread::spawn(move || listener.incoming().for_each(|_hung_up| _ = count.fetch_add(1, Ordering::Relaxed)));
        let registry = Some(Arc::new(Registry::new(&url).unwrap()));
        let avro: [&[u8]; 3] = [&[0, 0, 0, 0, 9, 2], &[0, 0, 0, 0, 10, 2], &[0, 0, 0, 0, 9, 4]];
        let topics = Arc::new(Laid([("rows", avro.map(|value| vec![value]).into())].into()));
        let mut foreign =
            Foreign::new(&[definition("P1", "rows")], topics, registry, data.path(), false, &stop).unwrap();
        for looks in 1..=2 {
            let (batches, waits) = foreign.look(&Positions::default(), &mut |_| ()).unwrap();
            assert!(batches.is_empty() && waits.is_some());
            assert_eq!(asked.load(Ordering::Relaxed), looks);
        }
    }

    /// Records by offset and value, and the name and the lines of their file, then the offsets of dead letters.
    fn check(records: &[(u64, &str)], file: Option<(&str, &str)>, dead: &[u64]) {
        let (feed, folder, mut draft) = (feed(), tempfile::tempdir().unwrap(), Draft::default());
        for (offset, value) in records {
            let value = (*value != "-").then_some(value.as_bytes());
            let received =
                Received { offset: *offset, key: Some(b"k"), value, label: None, headers: &[], timestamp: None };
            assert_eq!(RecordReader::new(None).take(&feed, 1, &received, &mut draft), Ok(true));
        }
        assert_eq!(draft.next(), records.last().map_or(0, |(offset, _)| offset + 1));
        let batch = draft.finish(&feed, 1, folder.path(), 0).unwrap();
        let found = batch.file.map(|found| (found.name, fs::read_to_string(found.path).unwrap()));
        assert_eq!(found.as_ref().map(|(name, lines)| (name.as_str(), lines.as_str())), file);
        assert_eq!(batch.dead.iter().map(|record| record.offset).collect::<Vec<_>>(), dead);
    }

    #[test]
    fn line_and_offset_go_together() {
        check(&[(5, "{}"), (6, "[]")], Some(("P1/rows@1/000000000005-000000000006.jsonl", "{}\n[]\n")), &[]);
        check(&[(5, "{}"), (8, "{}")], Some(("P1/rows@1/000000000005-000000000008.jsonl", "{}\n\n\n{}\n")), &[]);
        check(
            &[(5, "x"), (6, "{}"), (7, "-"), (8, "{}"), (9, "y")],
            Some(("P1/rows@1/000000000006-000000000008.jsonl", "{}\n\n{}\n")),
            &[5, 7, 9],
        );
        check(&[(3, "x")], None, &[3]);
    }

    #[test]
    fn a_batch_has_an_end() {
        let mut draft = Draft::default();
        assert!(draft.has_room(1 << 40), "it may begin anywhere");
        draft.add(7, "{}");
        assert!(draft.has_room(8 + GAP_MAX) && !draft.has_room(9 + GAP_MAX));
        draft.bytes = BATCH_BYTES;
        assert!(!draft.has_room(8));
        draft = Draft { records: BATCH_RECORDS, ..Draft::default() };
        assert!(!draft.has_room(8));
    }

    #[test]
    fn a_dead_letter_holds_the_record_as_it_came() {
        let (feed, mut draft) = (feed(), Draft::default());
        let headers = [("h".to_owned(), vec![1, 2])];
        let received =
            Received { offset: 9, key: Some(b"k"), value: Some(b"x"), label: None, headers: &headers, timestamp: None };
        RecordReader::new(None).take(&feed, 2, &received, &mut draft).unwrap();
        let letter = DeadLetter::decode(&draft.dead[0].letter).unwrap();
        assert!(letter.why.starts_with("it is not JSON"), "{}", letter.why);
        let (topic, why, headers) = ("rows".to_owned(), letter.why.clone(), headers.to_vec());
        let (key, value) = (Some(b"k".to_vec()), Some(b"x".to_vec()));
        assert_eq!(letter, DeadLetter { topic, partition: 2, offset: 9, why, key, value, headers, cut: None });
    }
}
