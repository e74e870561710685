//! Writes in transactions.

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use super::ears::{Trouble, WriterEars};
use super::settings::{SOCKET_TIMEOUT, TRANSACTION_TIMEOUT};
use super::{Client, client, is_fenced, is_lasting, trouble};
use crate::kafka::{Cluster, CommitError, HEADERS_MAX, Label, Sending, TransportError, Writer};

/// An earlier owner's transaction must come to its end first.
pub(crate) const TAKE_OVER: Duration = Duration::from_secs(2 * TRANSACTION_TIMEOUT.as_secs());
/// Between two looks whether a writer is wanted still. The library goes on with taking over meanwhile.
const WANTED: Duration = Duration::from_millis(500);
/// Between two looks at what has arrived. The library's own waits are too long or, below a millisecond, no waits at all:
/// they ask without end.
const MOMENT: Duration = Duration::from_micros(500);
/// Reports that one look takes.
const REPORTS: usize = 16;
/// Lines of the library's log that a writer hears: connections that are lost are among them.
const HEARD: RDKafkaLogLevel = RDKafkaLogLevel::Info;
/// Records between two looks at what has arrived.
const LOOK: u32 = 256;

/// A transactional producer that is thrown away after its first error: it never aborts, the next one of its name finds
/// out what holds.
pub struct KafkaWriter {
    producer: BaseProducer<WriterEars>,
    open: bool,
    sent: u32,
}

impl KafkaWriter {
    /// `goes_on` fails when no writer is wanted any longer.
    pub(super) fn new(
        cluster: &Cluster,
        name: &str,
        slots: usize,
        goes_on: &dyn Fn() -> Result<(), TransportError>,
    ) -> Result<KafkaWriter, TransportError> {
        let mut config: ClientConfig = client(cluster, Client::Writer, &[("transactional.id", name)])?;
        config.set_log_level(HEARD);
        let made = BaseProducer::from_config_and_context(&config, WriterEars::new(cluster, slots));
        let producer: BaseProducer<WriterEars> = made.map_err(|error| trouble("writer", &error))?;
        let deadline = Instant::now() + TAKE_OVER;
        loop {
            goes_on()?;
            match producer.init_transactions(deadline.saturating_duration_since(Instant::now()).min(WANTED)) {
                Ok(()) => break,
                Err(KafkaError::Transaction(error)) if error.is_retriable() && Instant::now() < deadline => {
                    producer.poll(Duration::from_millis(20));
                }
                Err(error) => return Err(producer.context().plaint.trouble("writer cannot take over", &error)),
            }
        }
        let writer = KafkaWriter { producer, open: false, sent: 0 };
        // Whoever did not answer until now had no part in it.
        writer.hear();
        writer.producer.context().heard().lost = None;
        Ok(writer)
    }

    fn begin(&mut self) -> Result<(), CommitError> {
        self.producer.begin_transaction().map_err(|error| self.failed("begin", &error))?;
        self.hear();
        self.producer.context().heard().trouble = None;
        self.listen()?;
        self.open = true;
        Ok(())
    }

    /// Takes what the library has to say: one thing at a time.
    fn hear(&self) {
        (0..REPORTS).for_each(|_| self.producer.poll(Duration::ZERO));
    }

    /// Whatever went wrong and may pass: the next writer of this name looks what holds.
    fn failed(&self, what: &str, error: &KafkaError) -> CommitError {
        let fatal = self.producer.client().fatal_error();
        let code = fatal.as_ref().map(|(code, _)| *code).or(error.rdkafka_error_code());
        let text = match &fatal {
            Some((_, why)) => format!("{what}: {why}"),
            None => format!("{what}: {error}"),
        };
        match code {
            Some(code) if is_fenced(code) => CommitError::Fenced(text),
            Some(code) if is_lasting(code) => CommitError::Broken(text),
            // That a transaction has failed is all that the library says then; why, a report has said.
            _ => match self.heard_to_last() {
                Some(what) => CommitError::Broken(what),
                None => CommitError::Unclear(text),
            },
        }
    }

    /// Trouble of the transaction that does not pass by itself.
    fn heard_to_last(&self) -> Option<String> {
        self.hear();
        let heard = self.producer.context().heard();
        heard.trouble.as_ref().filter(|trouble| trouble.lasts).map(|trouble| trouble.what.clone())
    }

    /// Trouble that was heard since the transaction began, or a connection that was lost since the writer was made.
    fn listen(&self) -> Result<(), CommitError> {
        let trouble = {
            let mut heard = self.producer.context().heard();
            let lost = heard.lost.take().map(|what| Trouble { what, lasts: false });
            heard.trouble.take().or(lost)
        };
        let Some(trouble) = trouble else { return Ok(()) };
        match self.producer.client().fatal_error() {
            Some((code, why)) if is_fenced(code) => Err(CommitError::Fenced(why)),
            _ if trouble.lasts => Err(CommitError::Broken(trouble.what)),
            _ => Err(CommitError::Unclear(trouble.what)),
        }
    }

    /// Waits until every record has arrived.
    fn flush(&self) -> Result<(), CommitError> {
        let deadline = Instant::now() + TRANSACTION_TIMEOUT;
        loop {
            // Sends what lingers, and does not wait.
            if let Err(error) = self.producer.flush(Duration::ZERO)
                && error.rdkafka_error_code() != Some(RDKafkaErrorCode::OperationTimedOut)
            {
                return Err(self.failed("flush", &error));
            }
            self.look();
            self.listen()?;
            if self.producer.in_flight_count() == 0 {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(CommitError::Unclear("records did not arrive in time".into()));
            }
            std::thread::sleep(MOMENT);
        }
    }

    /// Takes the reports that are there.
    fn look(&self) {
        for _ in 0..REPORTS {
            let before = self.producer.in_flight_count();
            self.producer.poll(Duration::ZERO);
            if self.producer.in_flight_count() >= before {
                return;
            }
        }
    }
}

fn headers(label: &Label) -> OwnedHeaders {
    let mut headers = Some(OwnedHeaders::new_with_capacity(HEADERS_MAX));
    label.write(&mut |key, value| {
        headers = headers.take().map(|headers| headers.insert(Header { key, value: Some(value) }));
    });
    headers.expect("headers are put back")
}

impl Writer for KafkaWriter {
    fn send(&mut self, record: Sending<'_>) -> Result<(), CommitError> {
        if !self.open {
            self.begin()?;
        }
        let Sending { topic, partition, key, value, label, slot } = record;
        let mut message = BaseRecord::<[u8], [u8], usize>::with_opaque_to(topic, slot).partition(partition.into());
        (message.key, message.payload) = (key, value);
        message.headers = label.map(headers);
        let deadline = Instant::now() + TRANSACTION_TIMEOUT;
        while let Err((error, back)) = self.producer.send(message) {
            let is_full = error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull);
            if !is_full || Instant::now() > deadline {
                let bytes = value.map_or(0, <[u8]>::len);
                return Err(self.failed(&format!("record of {bytes} bytes for {topic}, partition {partition}"), &error));
            }
            self.look();
            self.listen()?;
            std::thread::sleep(MOMENT);
            message = back;
        }
        self.sent += 1;
        if self.sent.is_multiple_of(LOOK) {
            self.look();
            self.listen()?;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), CommitError> {
        self.flush()?;
        let started = Instant::now();
        self.producer.commit_transaction(TRANSACTION_TIMEOUT).map_err(|error| self.failed("commit", &error))?;
        self.hear();
        self.listen()?;
        // The library may have asked twice without a word, and the second time may have met another transaction.
        let took = started.elapsed();
        if took > SOCKET_TIMEOUT / 2 {
            return Err(CommitError::Unclear(format!("commit took {took:?}")));
        }
        self.open = false;
        Ok(())
    }

    fn delivered(&self, slot: usize) -> Option<u64> {
        self.producer.context().heard().delivered.get(slot).copied().flatten()
    }

    fn is_well(&mut self) -> Result<(), CommitError> {
        self.hear();
        self.listen()
    }

    fn touch(&mut self, record: Sending<'_>) -> Result<(), CommitError> {
        self.send(record)?;
        self.flush()
    }
}
