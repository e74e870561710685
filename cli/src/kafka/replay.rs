//! Dead letters: what they are, which can be taken now, and taking those in again.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use contract::topics::kept;
use ingest::FeedDefinition;
use stream::kafka::{Cluster, DeadLetter, KafkaTransport, Received, Transport, Wire, WireError, published_log};

use super::intake::LOG;
use super::record::{ForeignRecord, NoLine, RecordReader, TopicFeed};
use super::topics::check_line;
use super::wires::WireFormat;
use crate::run::batch::Span;
use crate::run::entry::Entry;
use crate::run::folder::scan;

/// Where a record lies: topic, partition, offset.
type At = (String, u16, u64);

/// What can be done about a dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// It can be taken now: its line, and the partner that it is from.
    Take { partner: String, line: String },
    /// It was taken in again before, by the file of this name.
    Taken(String),
    /// Nothing now, and why.
    Not(String),
}

/// A dead letter and what can be done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    pub letter: DeadLetter,
    pub remedy: Remedy,
}

/// What lies on the topic of dead letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// In order of topic, partition and offset of the records that could not be taken.
    pub cases: Vec<Case>,
    /// Letters that cannot be read: where they lie, and why.
    pub damaged: Vec<String>,
    /// Records that no task of this line wrote.
    pub strangers: u64,
}

/// Where dead letters are looked for, and what reads them.
pub struct Search<'a> {
    pub cluster: &'a Cluster,
    pub partitions: u16,
    pub feeds: &'a [FeedDefinition],
    pub format: WireFormat,
    /// The partners' files: some of them may wait there that were made of dead letters before.
    pub folder: Option<&'a Path>,
}

impl Search<'_> {
    /// Every dead letter of a cluster. Changes nothing.
    ///
    /// # Errors
    /// Brokers do not answer, a topic of ours is not there or has other partitions, a log entry is damaged.
    pub fn find(self) -> anyhow::Result<Found> {
        let transport = KafkaTransport::new(self.cluster)?;
        check_line(&transport, self.cluster, self.partitions)?;
        let Letters { letters, damaged, strangers, .. } = letters(&transport, self.cluster, &self.format)?;
        let mut taken = taken(&transport, self.cluster, self.partitions)?;
        if let Some(folder) = self.folder {
            let files = scan(folder).with_context(|| format!("feeds folder {} cannot be read", folder.display()))?;
            taken.extend(files.files.into_iter().filter_map(|found| replayed(&found.name)));
        }
        let mut judge = Judge {
            own: kept().map(|topic| self.cluster.topic(topic.name)).collect(),
            feeds: self.feeds.iter().filter_map(TopicFeed::of).collect(),
            reader: RecordReader::new(self.format.registry()),
            taken,
        };
        let case = |letter: DeadLetter| Case { remedy: judge.remedy(&letter), letter };
        Ok(Found { cases: letters.into_values().map(case).collect(), damaged, strangers })
    }
}

/// Makes files of what can be taken, one for each run of offsets, below the folder of the partners' files, and returns
/// their names.
///
/// # Errors
/// A file cannot be written.
pub fn apply(cases: &[Case], folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut made = Vec::new();
    for (name, lines) in files(cases) {
        let path = folder.join(&name);
        let below = path.parent().expect("a file of records lies in a folder");
        // Hidden files are passed over by whoever looks for arrivals.
        let staged = below.join(".replay");
        let written = fs::create_dir_all(below).and_then(|()| fs::write(&staged, lines));
        let written = written.and_then(|()| fs::rename(&staged, &path));
        written.with_context(|| format!("{} cannot be written", path.display()))?;
        made.push(name);
    }
    Ok(made)
}

/// Names and lines of files. None has a gap, so each offset between its bounds was taken.
fn files(cases: &[Case]) -> Vec<(String, String)> {
    let mut files: Vec<(&str, Span, String)> = Vec::new();
    for Case { letter, remedy } in cases {
        let Remedy::Take { partner, line } = remedy else { continue };
        let DeadLetter { topic, partition, offset, .. } = letter;
        match files.last_mut() {
            Some((_, span, lines))
                if span.last + 1 == *offset && span.topic == *topic && span.partition == *partition =>
            {
                span.last = *offset;
                lines.push_str(&format!("{line}\n"));
            }
            _ => {
                let (topic, partition, first, last) = (topic.clone(), *partition, *offset, *offset);
                files.push((partner, Span { topic, partition, first, last, again: true }, format!("{line}\n")));
            }
        }
    }
    files.into_iter().map(|(partner, span, lines)| (span.name(partner), lines)).collect()
}

#[derive(Default)]
struct Letters {
    letters: BTreeMap<At, DeadLetter>,
    damaged: Vec<String>,
    strangers: u64,
    /// Why the registry does not tell how a letter is to be read.
    unavailable: Option<String>,
}

impl Letters {
    /// `place` says where the record lies, for people.
    fn see(&mut self, wire: &dyn Wire<DeadLetter>, generation: u32, received: Received<'_>, place: &str) {
        if received.label.is_none_or(|label| label.origin.generation != generation) {
            self.strangers += 1;
            return;
        }
        match wire.decode(received.value.unwrap_or_default()) {
            // What was sent twice is the same.
            Ok(letter) => drop(self.letters.insert((letter.topic.clone(), letter.partition, letter.offset), letter)),
            Err(WireError::Unavailable(why) | WireError::NoRegistry(why)) => self.unavailable = Some(why),
            Err(error) => self.damaged.push(format!("{place}, offset {}: {error}", received.offset)),
        }
    }
}

fn letters(transport: &KafkaTransport, cluster: &Cluster, format: &WireFormat) -> anyhow::Result<Letters> {
    let (topic, wire, mut letters) = (cluster.dead(), format.letters(), Letters::default());
    for partition in 0..transport.partitions(&topic)? {
        let (start, _) = transport.bounds(&topic, partition)?;
        let place = format!("{topic}, partition {partition}");
        let visit = &mut |received: Received<'_>| letters.see(&wire, cluster.generation, received, &place);
        transport.read_to_end(&topic, partition, start, visit)?;
    }
    match letters.unavailable {
        Some(why) => bail!("a letter cannot be read: {why}"),
        None => Ok(letters),
    }
}

/// Files of dead letters that the intake has taken in.
fn taken(transport: &KafkaTransport, cluster: &Cluster, partitions: u16) -> anyhow::Result<Vec<(String, Span)>> {
    let mut taken = Vec::new();
    for (number, entry) in (1..).zip(published_log(transport, cluster, LOG, partitions)?) {
        if let Entry::File(file) = Entry::decode(&entry, number)? {
            taken.extend(replayed(&file.verdict.file));
        }
    }
    Ok(taken)
}

fn replayed(name: &str) -> Option<(String, Span)> {
    let span = Span::of(name).filter(|span| span.again)?;
    Some((name.to_owned(), span))
}

struct Judge {
    feeds: Vec<TopicFeed>,
    /// Topics that stages read or write.
    own: Vec<String>,
    reader: RecordReader,
    taken: Vec<(String, Span)>,
}

impl Judge {
    fn remedy(&mut self, letter: &DeadLetter) -> Remedy {
        let DeadLetter { topic, partition, offset, value, headers, .. } = letter;
        if self.own.contains(topic) {
            let why =
                "a stage parked it, as no task of this line wrote it: rows come in by files and by the topic of a feed";
            return Remedy::Not(why.to_owned());
        }
        let Some(feed) = self.feeds.iter().find(|feed| feed.topic == *topic) else {
            return Remedy::Not(format!("no feed has the topic {topic}"));
        };
        if let Some((name, _)) = self.taken.iter().find(|(_, span)| span.holds(topic, *partition, *offset)) {
            return Remedy::Taken(name.clone());
        }
        if !letter.has_whole_value() {
            // Whatever may be a line is not.
            return Remedy::Not(letter.why.clone());
        }
        if letter.cut.is_some() && feed.has_record_key() {
            let why = "its headers were cut, so it is not known whether its sender had given it an id: push it anew";
            return Remedy::Not(why.to_owned());
        }
        let (partition, offset, value) = (*partition, *offset, value.as_deref());
        match self.reader.line(feed, &ForeignRecord { partition, offset, value, headers }) {
            Ok(line) => Remedy::Take { partner: feed.partner.clone(), line },
            Err(NoLine::Dead(why) | NoLine::Wait(why)) => Remedy::Not(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use stream::kafka::{Kind, Label, Origin, TaskId};

    use super::*;

    fn letter(topic: &str, offset: u64, value: &[u8]) -> DeadLetter {
        let (topic, why, value) = (topic.to_owned(), "why".to_owned(), Some(value.to_vec()));
        DeadLetter { topic, partition: 1, offset, why, key: None, value, headers: Vec::new(), cut: None }
    }

    fn judge(taken: &[&str]) -> Judge {
        let text = "format: json-lines\ntopic: rows\ncolumns: { document: d, document_line: l, date: t, code: c, quantity: q }\n";
        let feed = ingest::definition::parse("f", "P1", text).unwrap();
        let (feeds, taken) =
            (vec![TopicFeed::of(&feed).unwrap()], taken.iter().filter_map(|name| replayed(name)).collect());
        Judge { feeds, own: vec!["t.pos.rows".to_owned()], reader: RecordReader::new(None), taken }
    }

    #[test]
    fn a_letter_is_taken_once_and_when_it_can_be_read() {
        let mut judge = judge(&["P1/rows@1/replay-4-5.jsonl", "P1/rows@1/0-99.jsonl"]);
        let mut check = |topic, offset, value: &[u8], expected: &str| {
            let told = match judge.remedy(&letter(topic, offset, value)) {
                Remedy::Take { partner, line } => format!("{partner} {line}"),
                Remedy::Taken(file) => file,
                Remedy::Not(why) => why,
            };
            assert!(told.starts_with(expected), "{told}");
        };
        check("rows", 3, b"{}", "P1 {}");
        check("rows", 4, b"{}", "P1/rows@1/replay-4-5.jsonl");
        check("rows", 6, b"x", "it is not JSON");
        check("rows", 6, &[0, 0, 0, 0, 1], "it is Avro of schema 1");
        check("others", 6, b"{}", "no feed has the topic others");
        check("t.pos.rows", 6, b"{}", "a stage parked it");
    }

    #[test]
    fn letters_that_cannot_be_read_are_listed_and_records_of_others_are_counted() {
        let (wire, mut found, mut bytes) = (WireFormat::Plain.letters(), Letters::default(), Vec::new());
        wire.encode(&letter("rows", 6, b"{}"), &mut bytes).unwrap();
        let label = |generation| {
            let origin = Origin { generation, task: TaskId { stage: 0, partition: 1 } };
            Label { origin, number: 1, stamp: 0, kind: Kind::Data }
        };
        let (ours, older) = (label(2), label(1));
        let mut see = |offset, value, label| {
            let received = Received { offset, key: None, value, label, headers: &[], timestamp: None };
            found.see(&wire, 2, received, "pos.dead, partition 0");
        };
        see(0, Some(&b"not ours"[..]), None);
        see(1, Some(&b"damaged"[..]), Some(&ours));
        see(2, None, Some(&ours));
        see(3, Some(&bytes), Some(&ours));
        see(4, Some(&bytes), Some(&older));
        let Letters { letters, damaged, strangers, .. } = found;
        assert_eq!((letters.len(), damaged.len(), strangers), (1, 2, 2));
        assert!(damaged[0].starts_with("pos.dead, partition 0, offset 1: "), "{damaged:?}");
    }

    #[test]
    fn the_head_of_a_record_is_not_taken_for_it_and_a_whole_value_is() {
        let cut = |bytes| {
            let cut = Some(stream::kafka::Cut { bytes, hash: [0; 32] });
            DeadLetter { cut, ..letter("rows", 6, b"{}") }
        };
        assert_eq!(judge(&[]).remedy(&cut(1 << 20)), Remedy::Not("why".into()));
        assert_eq!(judge(&[]).remedy(&cut(2)), Remedy::Take { partner: "P1".into(), line: "{}".into() });
        // Of a feed that goes by the ids of its sender, which stand in headers.
        let text = "format: json-lines\ntopic: rows\ncolumns: { document: d, date: t, code: c, quantity: q }\n";
        let feed = ingest::definition::parse("f", "P1", text).unwrap();
        let mut by_id = Judge { feeds: vec![TopicFeed::of(&feed).unwrap()], ..judge(&[]) };
        let Remedy::Not(why) = by_id.remedy(&cut(2)) else { panic!("it is taken under a place in place of its id") };
        assert!(why.starts_with("its headers were cut"), "{why}");
        assert!(matches!(by_id.remedy(&letter("rows", 6, b"{}")), Remedy::Take { .. }));
    }

    #[test]
    fn runs_of_offsets_become_files() {
        let take = |topic: &str, offset: u64| {
            let remedy = Remedy::Take { partner: "P1".into(), line: format!("{{\"n\":{offset}}}") };
            Case { letter: letter(topic, offset, b""), remedy }
        };
        let not = Case { letter: letter("a", 4, b""), remedy: Remedy::Not("x".into()) };
        let cases = [take("a", 2), take("a", 3), not, take("a", 5), take("b", 6)];
        let expected = [
            ("P1/a@1/replay-000000000002-000000000003.jsonl", "{\"n\":2}\n{\"n\":3}\n"),
            ("P1/a@1/replay-000000000005-000000000005.jsonl", "{\"n\":5}\n"),
            ("P1/b@1/replay-000000000006-000000000006.jsonl", "{\"n\":6}\n"),
        ];
        let files = files(&cases);
        let files: Vec<_> = files.iter().map(|(name, lines)| (name.as_str(), lines.as_str())).collect();
        assert_eq!(files, expected);
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(apply(&cases, folder.path()).unwrap(), expected.map(|(name, _)| name));
        let found: Vec<String> = scan(folder.path()).unwrap().files.into_iter().map(|found| found.name).collect();
        assert_eq!(found, expected.map(|(name, _)| name), "nothing else lies there");
        assert_eq!(fs::read_to_string(folder.path().join(expected[0].0)).unwrap(), expected[0].1);
    }
}
