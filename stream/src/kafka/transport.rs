//! What tasks need of a log service. Two implementations: Kafka and memory with faults.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::kafka::Label;

/// Name and value of a record's header.
pub type Header = (String, Vec<u8>);

/// A record as a reader gets it.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    pub offset: u64,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    /// `None` for a record that no task of ours wrote.
    pub label: Option<&'a Label>,
    /// Of a record without a label.
    pub headers: &'a [Header],
    /// When it was written, by the clock of its writer or broker, in milliseconds since 1970; for watching only.
    pub timestamp: Option<u64>,
}

/// A record to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Sending<'a> {
    pub topic: &'a str,
    pub partition: u16,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub label: Option<&'a Label>,
    /// Where the delivery is noted, see [`Writer::delivered`].
    pub slot: usize,
}

/// The log service does not answer as it should.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// May pass: a new client tries again.
    #[error("{0}")]
    Trouble(String),
    /// Another process took over.
    #[error("another process has taken over: {0}")]
    Fenced(String),
    /// Does not pass by itself: a setting is wrong, an offset is gone.
    #[error("{0}")]
    Broken(String),
    /// A transaction stands in front of the end for longer than any may be open. Its writer alone can end it, see
    /// [`Writer::touch`].
    #[error("a transaction in front of offset {end} of {topic}, partition {partition} does not end")]
    Hanging { topic: String, partition: u16, end: u64 },
    /// A topic is not there, or not for this user. A broker may not have heard of it yet where it is new.
    #[error("{0}")]
    Absent(String),
    /// Whoever asks is to end, see [`Transport::until`].
    #[error("it is to end")]
    Ended,
}

/// Why a transaction is not known to hold.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// It may hold or not, whole or in part.
    #[error("outcome of a transaction is not known: {0}")]
    Unclear(String),
    #[error("another process has taken over: {0}")]
    Fenced(String),
    /// It does not hold, and does not hold when it is tried again: a record is too large, or may not be written.
    #[error("{0}")]
    Broken(String),
}

/// A connection to the log service.
pub trait Transport: Send + Sync + 'static {
    type Reader: Reader;
    type Writer: Writer;

    /// The same connection; its questions, waits and readings to the end are given up with [`TransportError::Ended`] soon after
    /// `stop` is set.
    fn until(&self, stop: &Arc<AtomicBool>) -> Self;

    /// A writer of this name; any earlier one can write no more, and what it left open is gone or whole.
    fn writer(&self, name: &str, slots: usize) -> Result<Self::Writer, TransportError>;

    /// Reads committed records of one partition from an offset on.
    fn reader(&self, topic: &str, partition: u16, from: u64) -> Result<Self::Reader, TransportError>;

    /// The first offset that is kept, and the one behind the last record, be it committed or not.
    fn bounds(&self, topic: &str, partition: u16) -> Result<(u64, u64), TransportError>;

    /// Visits all committed records of one partition from an offset to the true end as it is now, and returns that.
    ///
    /// Waits for transactions that are open in front of the end.
    ///
    /// # Errors
    /// [`TransportError::Hanging`] where one of them does not end.
    fn read_to_end(
        &self,
        topic: &str,
        partition: u16,
        from: u64,
        visit: &mut dyn FnMut(Received<'_>),
    ) -> Result<u64, TransportError>;

    fn partitions(&self, topic: &str) -> Result<u16, TransportError>;
}

/// Sees to it that topics, by their full names, are there with so many partitions: whoever writes or reads by another number puts
/// records where nobody looks for them, and misses others.
///
/// # Errors
/// One is not there, or has another number.
pub fn check_partitions<T: Transport>(
    transport: &T,
    topics: impl IntoIterator<Item = String>,
    wanted: u16,
) -> Result<(), TransportError> {
    for topic in topics {
        let found = transport.partitions(&topic)?;
        if found != wanted {
            let text = format!("topic {topic} has {found} partitions, the configuration says {wanted}");
            return Err(TransportError::Broken(text));
        }
    }
    Ok(())
}

/// Reads one partition. Belongs to one thread.
pub trait Reader {
    /// Visits the next record; `false` when none came within `wait`.
    fn read(&mut self, wait: Duration, visit: &mut dyn FnMut(Received<'_>)) -> Result<bool, TransportError>;

    /// How much is still to come, as far as the reader has heard: offsets, those of transactions' markers among them.
    /// Nothing, once the end was met.
    fn waiting(&self) -> Option<u64>;

    /// For how long the same transaction has stood in front of all that is still to come, once that is longer than any may be
    /// open.
    fn held_up(&self) -> Option<Duration>;
}

/// Writes in transactions. Belongs to one thread; is thrown away after the first error.
pub trait Writer {
    /// Adds a record to the transaction, and begins one where there is none.
    fn send(&mut self, record: Sending<'_>) -> Result<(), CommitError>;

    /// Ends the transaction; everything sent is visible from here on.
    fn commit(&mut self) -> Result<(), CommitError>;

    /// The offset of the last record that arrived under a slot.
    fn delivered(&self, slot: usize) -> Option<u64>;

    /// Whether all is well as far as was heard, for whoever has nothing to write: behind a lost connection it is not known what
    /// became of the last transaction, even where its end was told.
    fn is_well(&mut self) -> Result<(), CommitError>;

    /// Writes a record that nobody is to see, in a transaction that is left open: the next writer of this name ends it, and with
    /// it, in the record's partition, an earlier one of this name whose end was lost on the way there.
    fn touch(&mut self, record: Sending<'_>) -> Result<(), CommitError>;
}

impl<W: Writer> Writer for &mut W {
    fn send(&mut self, record: Sending<'_>) -> Result<(), CommitError> {
        (**self).send(record)
    }

    fn commit(&mut self) -> Result<(), CommitError> {
        (**self).commit()
    }

    fn delivered(&self, slot: usize) -> Option<u64> {
        (**self).delivered(slot)
    }

    fn is_well(&mut self) -> Result<(), CommitError> {
        (**self).is_well()
    }

    fn touch(&mut self, record: Sending<'_>) -> Result<(), CommitError> {
        (**self).touch(record)
    }
}
