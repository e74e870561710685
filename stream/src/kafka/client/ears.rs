//! What clients tell beside their answers.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::Statistics;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::ProducerContext;

use super::{is_lasting, trouble};
use crate::kafka::{Cluster, TransportError};

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

/// What was heard longer ago is not why something fails now.
const FRESH: Duration = Duration::from_secs(60);

/// What stands in a client's way, as the library told it last.
pub(crate) struct Plaint {
    brokers: String,
    last: Mutex<Option<(RDKafkaErrorCode, String, Instant)>>,
}

impl Plaint {
    pub fn of(cluster: &Cluster) -> Plaint {
        Plaint { brokers: cluster.brokers.clone(), last: Mutex::default() }
    }

    pub fn hear(&self, error: &KafkaError, reason: &str) {
        let Some(code) = error.rdkafka_error_code() else { return };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        // That all are down follows what says why.
        if code != RDKafkaErrorCode::AllBrokersDown || last.is_none() {
            *last = Some((code, reason.to_owned(), Instant::now()));
        }
    }

    fn last(&self) -> Option<(RDKafkaErrorCode, String)> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (code, reason, at) = last.as_ref()?;
        (at.elapsed() < FRESH).then(|| (*code, reason.clone()))
    }

    /// Where brokers do not take this user: what they say. It passes only when people do something.
    pub fn refusal(&self) -> Option<TransportError> {
        let refuses = |code: &RDKafkaErrorCode| {
            matches!(code, RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed)
        };
        let (_, why) = self.last().filter(|(code, _)| refuses(code))?;
        Some(TransportError::Broken(format!("brokers {} do not take this user: {why}", self.brokers)))
    }

    /// As [`trouble`]; brokers that do not answer are named, with what was heard of them.
    pub fn trouble(&self, what: &str, error: &KafkaError) -> TransportError {
        match trouble(what, error) {
            TransportError::Trouble(text) if error.rdkafka_error_code().is_some_and(is_silence) => {
                let why = self.last().map(|(_, why)| format!(": {why}")).unwrap_or_default();
                TransportError::Trouble(format!("brokers {} do not answer: {text}{why}", self.brokers))
            }
            other => other,
        }
    }
}

/// No broker has answered.
fn is_silence(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::OperationTimedOut
            | RDKafkaErrorCode::BrokerTransportFailure
            | RDKafkaErrorCode::AllBrokersDown
            | RDKafkaErrorCode::Resolve
            | RDKafkaErrorCode::Authentication
    )
}

/// Hears where the visible end of a reader's partition is.
pub(crate) struct ReaderEars {
    /// Offset of the last stable record; -1 as long as none was heard.
    end: AtomicI64,
    pub plaint: Plaint,
}

impl ReaderEars {
    pub fn new(cluster: &Cluster) -> ReaderEars {
        ReaderEars { end: AtomicI64::new(-1), plaint: Plaint::of(cluster) }
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
        self.plaint.hear(&error, reason);
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
    pub plaint: Plaint,
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
    pub fn new(cluster: &Cluster, slots: usize) -> WriterEars {
        let heard = Heard { delivered: vec![None; slots], trouble: None, lost: None };
        WriterEars { heard: Mutex::new(heard), plaint: Plaint::of(cluster) }
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
        self.plaint.hear(&error, reason);
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

    fn cluster() -> Cluster {
        Cluster {
            brokers: "here:1".into(),
            prefix: String::new(),
            generation: 1,
            settings: Vec::new(),
            id: String::new(),
        }
    }

    #[test]
    fn brokers_that_do_not_answer_are_named_with_what_was_heard() {
        let (plaint, silent) = (Plaint::of(&cluster()), KafkaError::MetadataFetch(RDKafkaErrorCode::OperationTimedOut));
        let told = |plaint: &Plaint| plaint.trouble("pos.marks", &silent).to_string();
        assert!(told(&plaint).starts_with("brokers here:1 do not answer: pos.marks: "), "{}", told(&plaint));
        plaint.hear(&KafkaError::Global(RDKafkaErrorCode::BrokerTransportFailure), "here:1/1: Connection refused");
        plaint.hear(&KafkaError::Global(RDKafkaErrorCode::AllBrokersDown), "1/1 brokers are down");
        assert!(told(&plaint).ends_with(": here:1/1: Connection refused"), "{}", told(&plaint));
        assert!(plaint.refusal().is_none());
        plaint.hear(&KafkaError::Global(RDKafkaErrorCode::Authentication), "here:1/1: Invalid password");
        let refused = plaint.refusal().unwrap();
        assert_eq!(refused.to_string(), "brokers here:1 do not take this user: here:1/1: Invalid password");
        assert!(matches!(refused, TransportError::Broken(_)));
        let other = plaint.trouble("topics", &KafkaError::Global(RDKafkaErrorCode::NotCoordinator));
        assert!(!other.to_string().contains("do not answer"), "{other}");
    }

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
            let ears = WriterEars::new(&cluster(), 1);
            ears.log(RDKafkaLogLevel::Info, FAILED, line);
            assert_eq!(ears.heard().lost.is_some(), is_lost, "{line}");
            ears.error(KafkaError::Global(RDKafkaErrorCode::BrokerTransportFailure), line);
            assert_eq!(ears.heard().trouble.is_some(), is_lost, "{line}");
        }
        let ears = WriterEars::new(&cluster(), 1);
        ears.log(RDKafkaLogLevel::Info, "PARTCNT", "a topic has another number of partitions");
        assert!(ears.heard().lost.is_none());
    }
}
