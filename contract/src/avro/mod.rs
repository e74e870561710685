//! Avro bytes for the records of every topic, by the schemas in `schemas/`.
//!
//! A datum alone: the frame around it (registry id, fingerprint) is the log's.

mod json;
mod translate;

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::LazyLock;

pub use apache_avro::Schema;
use apache_avro::rabin::Rabin;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::json::{JsonText, NotJson};
pub use self::translate::{Mismatch, Translation};
use crate::{
    AccrualEvent, AccrualMovement, AuditRecord, Authorization, Claim, Control, DeadLetter, EntitlementEvent,
    EstimateMovement, FeedEvent, Finding, Identity, JournalEntry, Payment, Receipt, Reject, Risk, RowEvent, Ruling,
    SaleEvent,
    topics::{self, TopicInfo},
};

/// A record of a topic.
pub trait Event: Serialize + DeserializeOwned {
    /// File in `schemas/`, without its extension.
    const SCHEMA: &'static str;
}

macro_rules! events {
    ($($event:ty = $schema:literal;)*) => {
        $(impl Event for $event { const SCHEMA: &'static str = $schema; })*
    };
}

events! {
    FeedEvent = "feed_event";
    RowEvent = "row_event";
    SaleEvent = "sale_event";
    EntitlementEvent = "entitlement_event";
    AccrualEvent = "accrual_event";
    Control = "control";
    Receipt = "receipt";
    Reject = "reject";
    Finding = "finding";
    Risk = "risk";
    AccrualMovement = "movement";
    Authorization = "authorization";
    Payment = "payment";
    JournalEntry = "journal_entry";
    Identity = "identity";
    AuditRecord = "audit_record";
    Claim = "claim";
    EstimateMovement = "estimate_movement";
    Ruling = "ruling";
    DeadLetter = "dead_letter";
}

static SCHEMAS: LazyLock<BTreeMap<&'static str, Schema>> = LazyLock::new(|| {
    let parse = |text: &str| Schema::parse_str(text).expect("an embedded schema is valid");
    topics::all().map(|topic| (topic.schema, parse(topic.schema_text))).collect()
});

/// The schema of an event.
pub fn schema<T: Event>() -> &'static Schema {
    &SCHEMAS[T::SCHEMA]
}

/// The topic that an event travels on.
pub fn topic<T: Event>() -> &'static TopicInfo {
    let topic = topics::all().find(|topic| topic.schema == T::SCHEMA);
    topic.expect("every event has its row in the table of topics")
}

/// What names an event's schema where there is no registry: the head of Avro's single-object encoding, a marker and the
/// CRC-64-AVRO of the schema's canonical form.
pub fn fingerprint<T: Event>() -> [u8; 10] {
    let mut head = [0xc3, 0x01, 0, 0, 0, 0, 0, 0, 0, 0];
    head[2..].copy_from_slice(&schema::<T>().fingerprint::<Rabin>().bytes);
    head
}

/// Why bytes and record do not fit.
#[derive(Debug, thiserror::Error)]
pub enum AvroError {
    #[error("record does not fit schema {schema}")]
    Encode { schema: &'static str, source: Box<apache_avro::Error> },
    #[error("bytes do not fit schema {schema}")]
    Decode { schema: &'static str, source: Box<apache_avro::Error> },
    #[error("{count} bytes behind a record of schema {schema}")]
    Rest { schema: &'static str, count: usize },
    #[error("bytes of another version do not fit schema {schema}")]
    Mismatch { schema: &'static str, source: Mismatch },
}

/// Writes and reads records of one type. Making one is dear, keep it.
pub struct Codec<T> {
    writer: GenericDatumWriter<'static>,
    reader: GenericDatumReader<'static>,
    event: PhantomData<fn() -> T>,
}

impl<T: Event> Default for Codec<T> {
    fn default() -> Codec<T> {
        Codec::new()
    }
}

impl<T: Event> Codec<T> {
    pub fn new() -> Codec<T> {
        let schema = schema::<T>();
        let writer = GenericDatumWriter::builder(schema).human_readable(true).build();
        let reader = GenericDatumReader::builder(schema).human_readable(true).build();
        Codec {
            writer: writer.expect("an embedded schema names only what it defines"),
            reader: reader.expect("an embedded schema names only what it defines"),
            event: PhantomData,
        }
    }

    /// Adds the bytes of a record at the end of `bytes`.
    pub fn encode(&self, event: &T, bytes: &mut Vec<u8>) -> Result<(), AvroError> {
        let encoded = self.writer.write_ser(bytes, event);
        encoded.map_err(|error| AvroError::Encode { schema: T::SCHEMA, source: Box::new(error) })?;
        Ok(())
    }

    /// Reads one record, which must fill the bytes.
    pub fn decode(&self, mut bytes: &[u8]) -> Result<T, AvroError> {
        let decoded = self.reader.read_deser(&mut bytes);
        let event = decoded.map_err(|error| AvroError::Decode { schema: T::SCHEMA, source: Box::new(error) })?;
        match bytes.len() {
            0 => Ok(event),
            count => Err(AvroError::Rest { schema: T::SCHEMA, count }),
        }
    }

    /// Reads one record that was written under another version of the schema.
    pub fn decode_from(&self, writer: &Translation, bytes: &[u8]) -> Result<T, AvroError> {
        let translated = writer.translate(bytes);
        self.decode(&translated.map_err(|source| AvroError::Mismatch { schema: T::SCHEMA, source })?)
    }
}
