//! What clients tell beside their answers.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::ClientContext;
use rdkafka::Statistics;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::ProducerContext;

use super::is_lasting;

/// Lines of the library go where ours go; a broker that is away is no error of ours.
pub(crate) fn log(level: RDKafkaLogLevel, facility: &str, text: &str) {
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
            tracing::error!(facility, "{text}");
        }
        RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning => tracing::debug!(facility, "{text}"),
        _ => tracing::trace!(facility, "{text}"),
    }
}

/// Hears where the visible end of a reader's partition is.
#[derive(Default)]
pub(crate) struct ReaderEars {
    /// Offset of the last stable record; -1 as long as none was heard.
    end: AtomicI64,
}

impl ReaderEars {
    pub fn new() -> ReaderEars {
        ReaderEars { end: AtomicI64::new(-1) }
    }

    pub fn end(&self) -> Option<u64> {
        u64::try_from(self.end.load(Ordering::Relaxed)).ok()
    }
}

impl ClientContext for ReaderEars {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        log(level, facility, text);
    }

    /// A reader has one partition; librdkafka lists another one, -1, for what has none.
    fn stats(&self, statistics: Statistics) {
        let partitions = statistics.topics.values().flat_map(|topic| topic.partitions.values());
        if let Some(end) = partitions.filter(|p| p.partition >= 0).map(|p| p.ls_offset).max() {
            self.end.fetch_max(end, Ordering::Relaxed);
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "reader");
    }
}

impl ConsumerContext for ReaderEars {}

/// What the library calls lines about connections that are lost.
const LOST: &str = "FAIL";

/// Hears of every record that arrived, and of everything that makes a transaction doubtful.
pub(crate) struct WriterEars {
    heard: Mutex<Heard>,
}

#[derive(Default)]
pub(crate) struct Heard {
    /// By slot, the offset of the last record that arrived.
    pub delivered: Vec<Option<u64>>,
    /// The first trouble since it was last forgotten.
    pub trouble: Option<Trouble>,
    /// A connection was lost. Never forgotten: the library keeps silent about the next ones like it for half a minute.
    pub lost: Option<String>,
}

/// What makes a transaction doubtful.
pub(crate) struct Trouble {
    pub what: String,
    /// It does not pass by itself.
    pub lasts: bool,
}

impl Heard {
    fn of(&mut self, what: &str, error: &KafkaError) {
        let lasts = error.rdkafka_error_code().is_some_and(is_lasting);
        self.trouble.get_or_insert_with(|| Trouble { what: format!("{what}: {error}"), lasts });
    }
}

impl WriterEars {
    pub fn new(slots: usize) -> WriterEars {
        WriterEars { heard: Mutex::new(Heard { delivered: vec![None; slots], trouble: None, lost: None }) }
    }

    pub fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for WriterEars {
    /// A lost connection is told in a line of the log alone.
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        if facility == LOST && !matches!(level, RDKafkaLogLevel::Debug) {
            self.heard().lost.get_or_insert_with(|| text.to_owned());
        }
        log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.heard().of(reason, &error);
    }
}

impl ProducerContext for WriterEars {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, slot: usize) {
        let mut heard = self.heard();
        match result {
            Ok(message) => {
                let offset = u64::try_from(message.offset()).ok();
                let delivered = &mut heard.delivered[slot];
                *delivered = (*delivered).max(offset);
            }
            Err((error, message)) => {
                let (topic, partition) = (message.topic(), message.partition());
                let bytes = message.payload().map_or(0, <[u8]>::len);
                heard.of(&format!("record of {bytes} bytes for {topic}, partition {partition}"), error);
            }
        }
    }
}
