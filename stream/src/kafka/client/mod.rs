//! The log service on Apache Kafka, through librdkafka.
//!
//! Every setting that exactly once rests on is pinned in [`settings`] and read back from each client.

mod ears;
mod probe;
mod reader;
mod settings;
mod topics;
mod writer;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

pub use reader::KafkaReader;
pub use settings::{SESSION_TIMEOUT, TRANSACTION_TIMEOUT, pinned};
pub use topics::{
    Assurance, Comparison, Durability, TopicDifference, TopicPlan, compare_topics, create_topics, delete_records,
    identified, look_at_brokers,
};
pub use writer::KafkaWriter;
#[cfg(test)]
pub(crate) use writer::TAKE_OVER;

use crate::kafka::{Cluster, Event, Observer, Received, TaskId, Transport, TransportError};
pub(crate) use ears::log;
use probe::Probe;
#[cfg(test)]
pub(crate) use probe::SETTLED_WITHIN;
pub(crate) use reader::passes;
pub(crate) use settings::{Client, client};

/// How long a single question to a broker may take.
pub(crate) const ASK: Duration = Duration::from_secs(10);

/// A connection to a Kafka cluster. Clones share it.
#[derive(Clone)]
pub struct KafkaTransport {
    inner: Arc<Inner>,
    /// Set when nothing more is to be asked.
    stop: Arc<AtomicBool>,
}

struct Inner {
    cluster: Cluster,
    /// Clients that answer questions, kept for the next one.
    idle: Mutex<Vec<Probe>>,
    /// Who hears of a reader that was made anew, and the stage that reads.
    observer: Option<(Arc<dyn Observer>, u8)>,
}

impl KafkaTransport {
    /// # Errors
    /// A setting of the cluster's is one of the pinned ones, or no client can be made.
    pub fn new(cluster: &Cluster) -> Result<KafkaTransport, TransportError> {
        KafkaTransport::with(cluster, None)
    }

    /// As [`KafkaTransport::new`], for the readers of one stage: `observer` hears when one of them was made anew.
    pub fn observed(
        cluster: &Cluster,
        observer: Arc<dyn Observer>,
        stage: u8,
    ) -> Result<KafkaTransport, TransportError> {
        KafkaTransport::with(cluster, Some((observer, stage)))
    }

    fn with(cluster: &Cluster, observer: Option<(Arc<dyn Observer>, u8)>) -> Result<KafkaTransport, TransportError> {
        settings::check(cluster)?;
        let inner = Inner { cluster: cluster.clone(), idle: Mutex::default(), observer };
        Ok(KafkaTransport { inner: Arc::new(inner), stop: Arc::default() })
    }

    /// Reads all records of one partition from an offset on, whatever becomes of their transactions.
    pub fn listener(&self, topic: &str, partition: u16, from: u64) -> Result<KafkaReader, TransportError> {
        KafkaReader::new(self.clone(), Client::Listener, (topic, partition), from)
    }

    /// The offset behind the last record that readers may see.
    pub fn visible_end(&self, topic: &str, partition: u16) -> Result<u64, TransportError> {
        self.ask(|probe| probe.visible_end(topic, partition))
    }

    /// Visits committed records of one partition from an offset on, until `visit` wants no more or readers may see no
    /// more. Waits for no transaction.
    pub fn read_visible(
        &self,
        topic: &str,
        partition: u16,
        from: u64,
        visit: &mut dyn FnMut(Received<'_>) -> bool,
    ) -> Result<(), TransportError> {
        self.ask(|probe| probe.read_visible(topic, partition, from, visit, &|| self.goes_on()))
    }

    /// Asks with a client of its own; one that did not answer is not asked again.
    fn ask<R>(&self, question: impl FnOnce(&Probe) -> Result<R, TransportError>) -> Result<R, TransportError> {
        self.goes_on()?;
        let kept = self.idle().pop();
        let probe = match kept {
            Some(probe) => probe,
            None => Probe::new(&self.inner.cluster)?,
        };
        let answer = question(&probe)?;
        self.idle().push(probe);
        Ok(answer)
    }

    /// # Errors
    /// Nothing more is to be asked.
    fn goes_on(&self) -> Result<(), TransportError> {
        if self.stop.load(Ordering::Relaxed) { Err(TransportError::Ended) } else { Ok(()) }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Probe>> {
        self.inner.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rebuilt(&self, partition: u16) {
        if let Some((observer, stage)) = &self.inner.observer {
            observer.event(TaskId { stage: *stage, partition }, &Event::Rebuilt);
        }
    }
}

impl Transport for KafkaTransport {
    type Reader = KafkaReader;
    type Writer = KafkaWriter;

    fn until(&self, stop: &Arc<AtomicBool>) -> KafkaTransport {
        KafkaTransport { inner: Arc::clone(&self.inner), stop: Arc::clone(stop) }
    }

    fn writer(&self, name: &str, slots: usize) -> Result<KafkaWriter, TransportError> {
        KafkaWriter::new(&self.inner.cluster, name, slots, &|| self.goes_on())
    }

    fn reader(&self, topic: &str, partition: u16, from: u64) -> Result<KafkaReader, TransportError> {
        KafkaReader::new(self.clone(), Client::Reader, (topic, partition), from)
    }

    fn bounds(&self, topic: &str, partition: u16) -> Result<(u64, u64), TransportError> {
        self.ask(|probe| probe.bounds(topic, partition))
    }

    fn read_to_end(
        &self,
        topic: &str,
        partition: u16,
        from: u64,
        visit: &mut dyn FnMut(Received<'_>),
    ) -> Result<u64, TransportError> {
        self.ask(|probe| probe.read_to_end(topic, partition, from, visit, &|| self.goes_on()))
    }

    fn partitions(&self, topic: &str) -> Result<u16, TransportError> {
        self.ask(|probe| probe.partitions(topic))
    }
}

/// What an answer of a client means to a task.
pub(crate) fn trouble(what: &str, error: &KafkaError) -> TransportError {
    let text = format!("{what}: {error}");
    match error.rdkafka_error_code() {
        // As with a mechanism that is not built in; threads may be there again.
        _ if matches!(error, KafkaError::ClientCreation(why) if !why.contains("thread")) => {
            TransportError::Broken(text)
        }
        Some(code) if is_fenced(code) => TransportError::Fenced(text),
        Some(code) if is_lasting(code) => TransportError::Broken(text),
        _ => TransportError::Trouble(text),
    }
}

pub(crate) fn is_fenced(code: RDKafkaErrorCode) -> bool {
    matches!(code, RDKafkaErrorCode::Fenced | RDKafkaErrorCode::InvalidProducerEpoch | RDKafkaErrorCode::ProducerFenced)
}

/// Passes by itself only when people do something.
fn is_lasting(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::AutoOffsetReset
            | RDKafkaErrorCode::OffsetOutOfRange
            | RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::GroupAuthorizationFailed
            | RDKafkaErrorCode::ClusterAuthorizationFailed
            | RDKafkaErrorCode::TransactionalIdAuthorizationFailed
            | RDKafkaErrorCode::MessageSizeTooLarge
            | RDKafkaErrorCode::InvalidRecord
    )
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn what_the_library_does_not_make_is_not_waited_for() {
        let made = trouble("writer", &KafkaError::ClientCreation("no provider for the mechanism".into()));
        assert!(matches!(made, TransportError::Broken(_)), "{made:?}");
    }

    /// Nobody answers there.
    fn nowhere() -> KafkaTransport {
        let (brokers, prefix, id) = ("127.0.0.1:1".to_owned(), String::new(), String::new());
        KafkaTransport::new(&Cluster { brokers, prefix, generation: 1, settings: Vec::new(), id }).unwrap()
    }

    #[test]
    fn whoever_is_to_end_waits_for_no_take_over() {
        let (stop, started) = (Arc::new(AtomicBool::new(false)), Instant::now());
        let transport = nowhere().until(&stop);
        let told = Arc::clone(&stop);
        let teller = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(300));
            told.store(true, Ordering::Relaxed);
        });
        assert!(matches!(transport.writer("w", 1), Err(TransportError::Ended)));
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
        teller.join().unwrap();
        assert!(matches!(transport.bounds("t", 0), Err(TransportError::Ended)), "and asks nothing more");
    }
}
