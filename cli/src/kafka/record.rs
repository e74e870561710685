//! A record of a foreign topic as the line of JSON that it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use contract::avro::{JsonText, Schema};
use ingest::Limits;
use ingest::definition::{FeedDefinition, RECORD_KEY};
use serde::de::IgnoredAny;
use stream::kafka::Header;

use super::registry::{Registry, RegistryError};

/// Header with the sender's own id of a record.
const RECORD_ID: &str = "record-id";

/// The topic that a feed is read from.
#[derive(Clone, Debug)]
pub struct TopicFeed {
    pub partner: String,
    pub topic: String,
    /// Lines carry [`RECORD_KEY`].
    has_record_key: bool,
}

impl TopicFeed {
    /// `None` for a feed of files.
    pub fn of(feed: &FeedDefinition) -> Option<TopicFeed> {
        let (partner, has_record_key) = (feed.partner.to_string(), feed.wants_record_key());
        Some(TopicFeed { partner, topic: feed.topic.clone()?, has_record_key })
    }

    /// Whether its records are told apart by their senders' ids, which stand in headers, else by where they lie.
    pub fn has_record_key(&self) -> bool {
        self.has_record_key
    }
}

/// A record as it lies on its topic.
#[derive(Clone, Copy, Debug)]
pub struct ForeignRecord<'a> {
    pub partition: u16,
    pub offset: u64,
    pub value: Option<&'a [u8]>,
    pub headers: &'a [Header],
}

/// Why a record is no line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoLine {
    /// It is none as things are: a dead letter.
    Dead(String),
    /// It is not known yet; may pass by itself.
    Wait(String),
}

/// Turns records into lines. Keeps the schemas that it met.
pub struct RecordReader {
    registry: Option<Arc<Registry>>,
    schemas: BTreeMap<u32, JsonText>,
    /// How the registry failed to answer since [`RecordReader::look_anew`].
    silent: Option<String>,
}

impl RecordReader {
    /// Without a registry nothing in Avro is read.
    pub fn new(registry: Option<Arc<Registry>>) -> RecordReader {
        RecordReader { registry, schemas: BTreeMap::new(), silent: None }
    }

    /// A registry that has not answered is asked again from now on: until then one answer that does not come is waited for,
    /// and not one for each record that wants it.
    pub fn look_anew(&mut self) {
        self.silent = None;
    }

    /// The line, without its end.
    pub fn line(&mut self, feed: &TopicFeed, record: &ForeignRecord<'_>) -> Result<String, NoLine> {
        let bytes_max = Limits::default().record_bytes_max;
        let too_large = |bytes: usize| NoLine::Dead(format!("it has {bytes} bytes, more than {bytes_max}"));
        let value = record.value.ok_or_else(|| NoLine::Dead("it has no value".to_owned()))?;
        if value.len() > bytes_max {
            return Err(too_large(value.len()));
        }
        let line = match value {
            // No text in JSON starts with this byte.
            [0, a, b, c, d, datum @ ..] => self.avro(u32::from_be_bytes([*a, *b, *c, *d]), datum)?,
            _ => json(value)?,
        };
        let line = if feed.has_record_key { with_key(&line, &record_key(feed, record)?) } else { line };
        if line.len() > bytes_max { Err(too_large(line.len())) } else { Ok(line) }
    }

    fn avro(&mut self, id: u32, datum: &[u8]) -> Result<String, NoLine> {
        let dead = |error: &dyn std::error::Error| NoLine::Dead(with_source(error));
        if !self.schemas.contains_key(&id) {
            let json = self.schema(id)?;
            self.schemas.insert(id, json);
        }
        self.schemas[&id].write(datum).map_err(|error| dead(&error))
    }

    fn schema(&mut self, id: u32) -> Result<JsonText, NoLine> {
        let Some(registry) = &self.registry else {
            return Err(NoLine::Dead(format!("it is Avro of schema {id}, and no --registry is given")));
        };
        if let Some(why) = &self.silent {
            return Err(NoLine::Wait(why.clone()));
        }
        let text = registry.schema(id).map_err(|error| match error {
            RegistryError::Unavailable { .. } => NoLine::Wait(self.silent.insert(error.to_string()).clone()),
            RegistryError::Unheard { .. } | RegistryError::Refused { .. } => NoLine::Wait(error.to_string()),
            RegistryError::Unknown { .. } | RegistryError::Incompatible { .. } => NoLine::Dead(error.to_string()),
        })?;
        let unusable = |why: String| NoLine::Dead(format!("schema {id} of the registry: {why}"));
        let schema = Schema::parse_str(&text).map_err(|error| unusable(error.to_string()))?;
        // As many as senders have versions, each kept until the process ends.
        JsonText::of(Box::leak(Box::new(schema))).map_err(|error| unusable(with_source(&error)))
    }
}

/// A JSON text on one line: line ends stand between its parts alone.
fn json(value: &[u8]) -> Result<String, NoLine> {
    let dead = |why: String| NoLine::Dead(format!("it is not JSON: {why}"));
    let text = std::str::from_utf8(value).map_err(|error| dead(error.to_string()))?;
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| dead(error.to_string()))?;
    Ok(text.replace(['\n', '\r'], " "))
}

/// What tells a record from all others of its partner: its sender's id, else where it lies.
fn record_key(feed: &TopicFeed, record: &ForeignRecord<'_>) -> Result<String, NoLine> {
    let ForeignRecord { partition, offset, headers, .. } = record;
    match headers.iter().find(|(name, value)| name == RECORD_ID && !value.is_empty()) {
        None => Ok(format!("{}@{partition}:{offset}", feed.topic)),
        Some((_, id)) => match std::str::from_utf8(id) {
            Ok(id) => Ok(id.to_owned()),
            Err(_) => Err(NoLine::Dead(format!("its header {RECORD_ID} is no text"))),
        },
    }
}

/// An object with the key in front; anything else as it is, which the feed's reader refuses.
fn with_key(line: &str, key: &str) -> String {
    let Some(rest) = line.trim_start().strip_prefix('{') else { return line.to_owned() };
    let comma = if rest.trim_start().starts_with('}') { "" } else { "," };
    format!("{{\"{RECORD_KEY}\":{}{comma}{rest}", serde_json::Value::from(key))
}

fn with_source(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(has_record_key: bool) -> TopicFeed {
        TopicFeed { partner: "P1".into(), topic: "rows".into(), has_record_key }
    }

    fn line(has_record_key: bool, value: &[u8], headers: &[Header]) -> Result<String, NoLine> {
        let record = ForeignRecord { partition: 3, offset: 17, value: Some(value), headers };
        RecordReader::new(None).line(&feed(has_record_key), &record)
    }

    fn dead(value: &[u8]) -> String {
        match line(false, value, &[]) {
            Err(NoLine::Dead(why)) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn json_stays_as_it_is_on_one_line() {
        assert_eq!(
            line(false, b"{\"a\": 1.10,\r\n \"b\": \"x\\ny\"}", &[]).unwrap(),
            "{\"a\": 1.10,   \"b\": \"x\\ny\"}"
        );
        assert_eq!(line(false, b"[1]", &[]).unwrap(), "[1]", "whether it is a row is the feed's question");
    }

    #[test]
    fn what_is_no_line_says_why() {
        assert!(dead(b"document;line").starts_with("it is not JSON: "));
        assert!(dead(b"{\"a\": 1} {}").starts_with("it is not JSON: trailing"));
        assert!(dead(b"\"\xff\"").starts_with("it is not JSON: invalid utf-8"));
        assert!(dead(b"\"\n\"").starts_with("it is not JSON: "));
        assert!(dead(b"").starts_with("it is not JSON: "));
        assert_eq!(dead(&[b' '; 65_537]), "it has 65537 bytes, more than 65536");
        assert_eq!(dead(&[0, 0, 0, 1, 2, 3]), "it is Avro of schema 258, and no --registry is given");
        let none = ForeignRecord { partition: 0, offset: 0, value: None, headers: &[] };
        let none = RecordReader::new(None).line(&feed(false), &none);
        assert_eq!(none, Err(NoLine::Dead("it has no value".into())));
    }

    #[test]
    fn the_key_is_the_senders_id_else_the_place() {
        let id = |bytes: &[u8]| [("trace".to_owned(), vec![1]), (RECORD_ID.to_owned(), bytes.to_vec())];
        let keyed = |value: &[u8], headers: &[Header]| line(true, value, headers).unwrap();
        assert_eq!(keyed(b" {\"a\": 1}", &[]), "{\"@record\":\"rows@3:17\",\"a\": 1}");
        assert_eq!(keyed(b"{ }", &id(b"A\"1")), "{\"@record\":\"A\\\"1\" }");
        assert_eq!(keyed(b"{\"a\": 1}", &id(b"")), "{\"@record\":\"rows@3:17\",\"a\": 1}");
        assert_eq!(keyed(b"7", &[]), "7");
        let no_text = line(true, b"{}", &id(&[0xff]));
        assert_eq!(no_text, Err(NoLine::Dead("its header record-id is no text".into())));
    }
}
