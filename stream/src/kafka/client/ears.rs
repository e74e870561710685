//! What clients tell beside their answers.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::ClientContext;
use rdkafka::Statistics;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
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

/// What the library calls lines about connections that fail.
const FAILED: &str = "FAIL";
/// Where such a line, or an error, names the state of the connection, and the states in which something may be in flight
/// on it: in all others it has never been up, or not since it was last lost.
const IN_STATE: &str = " in state ";
const UP: [&str; 2] = ["UP", "REAUTH"];

/// Whether a connection failed that was not up: nothing of ours was on it.
fn was_not_up(text: &str) -> bool {
    text.split_once(IN_STATE).is_some_and(|(_, state)| !UP.iter().any(|up| state.starts_with(up)))
}

/// Hears of every record that arrived, and of everything that makes a transaction doubtful.
pub(crate) struct WriterEars {
    heard: Mutex<Heard>,
}

#[derive(Default)]
pub(crate) struct Heard {
    /// By slot, the offset of the last record that arrived.
    pub delivered: Vec<Option<u64>>,
    /// The first trouble since it was last forgotten, or the first that does not pass by itself.
    pub trouble: Option<Trouble>,
    /// A connection that was up was lost. Never forgotten: the library keeps silent about the next ones like it for half a minute.
    pub lost: Option<String>,
}

/// Why a broker validates a record and does not take it, as ours are well made.
const REFUSED: &str =
    ": its topic is compacted and takes no record without a key; `paidonce topics check` tells how it should be";

/// What makes a transaction doubtful.
pub(crate) struct Trouble {
    pub what: String,
    /// It does not pass by itself.
    pub lasts: bool,
}

impl Heard {
    fn of(&mut self, what: &str, error: &KafkaError) {
        let code = error.rdkafka_error_code();
        let lasts = code.is_some_and(is_lasting);
        // Of a batch in which a broker does not take one record it takes none, and says so of each.
        if self.trouble.as_ref().is_none_or(|known| lasts && !known.lasts) {
            let why = code.filter(|code| *code == RDKafkaErrorCode::InvalidRecord).map_or("", |_| REFUSED);
            self.trouble = Some(Trouble { what: format!("{what}: {error}{why}"), lasts });
        }
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
        if facility == FAILED && !matches!(level, RDKafkaLogLevel::Debug) && !was_not_up(text) {
            self.heard().lost.get_or_insert_with(|| text.to_owned());
        }
        log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if !was_not_up(reason) {
            self.heard().of(reason, &error);
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines as librdkafka 2.12 writes them, and whether they make a transaction doubtful.
    #[test]
    fn only_a_connection_that_was_up_is_lost() {
        for (line, is_lost) in [
            (
                "127.0.0.1:9093/2: Connect to ipv4#127.0.0.1:9093 failed: Connection refused (after 0ms in state CONNECT)",
                false,
            ),
            (
                "127.0.0.1:9093/2: Disconnected (after 1ms in state APIVERSION_QUERY, 3 identical error(s) suppressed)",
                false,
            ),
            (
                "b2.example:9093/2: Failed to resolve 'b2.example:9093': Name or service not known (after 9ms in state CONNECT)",
                false,
            ),
            ("127.0.0.1:9092/1: Disconnected (after 1200ms in state UP)", true),
            (
                "127.0.0.1:9092/1: Receive failed: Connection reset by peer (after 7ms in state UP, 1 identical error(s) suppressed)",
                true,
            ),
            ("127.0.0.1:9092/1: Disconnected (after 7ms in state REAUTH)", true),
            ("127.0.0.1:9092/1: Disconnected", true),
        ] {
            let ears = WriterEars::new(1);
            ears.log(RDKafkaLogLevel::Info, FAILED, line);
            assert_eq!(ears.heard().lost.is_some(), is_lost, "{line}");
            ears.error(KafkaError::Global(RDKafkaErrorCode::BrokerTransportFailure), line);
            assert_eq!(ears.heard().trouble.is_some(), is_lost, "{line}");
        }
        let ears = WriterEars::new(1);
        ears.log(RDKafkaLogLevel::Info, "PARTCNT", "a topic has another number of partitions");
        assert!(ears.heard().lost.is_none());
    }
}
