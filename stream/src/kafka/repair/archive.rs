//! An input with the records that were taken away from its topic in front, and outputs that are only looked at.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::kafka::repair::compare::Comparison;
use crate::kafka::{CommitError, Reader, Received, Sending, Transport, TransportError, Writer};

/// Where records went that were taken away from topics.
pub trait Archive: Send + Sync {
    /// Whether all records of a partition from `from` up to, and without, `to` are there.
    fn covers(&self, topic: &str, partition: u16, from: u64, to: u64) -> Result<bool, TransportError>;

    /// Reads those records in order, whatever else is there.
    fn reader(&self, topic: &str, partition: u16, from: u64, to: u64) -> Result<Box<dyn Reader>, TransportError>;
}

/// Nothing was kept.
pub struct NoArchive;

impl Archive for NoArchive {
    fn covers(&self, _topic: &str, _partition: u16, from: u64, to: u64) -> Result<bool, TransportError> {
        Ok(from >= to)
    }

    fn reader(&self, topic: &str, _partition: u16, _from: u64, to: u64) -> Result<Box<dyn Reader>, TransportError> {
        Err(TransportError::Broken(format!("records of {topic} in front of offset {to} are not at hand")))
    }
}

/// A log service on which nothing is published, and whose topics begin where the archive does.
pub(super) struct Retold<T> {
    pub inner: Arc<T>,
    pub archive: Arc<dyn Archive>,
    pub comparison: Arc<Mutex<Comparison>>,
}

impl<T: Transport> Transport for Retold<T> {
    type Reader = RetoldReader<T::Reader>;
    type Writer = Recorder;

    fn until(&self, stop: &Arc<AtomicBool>) -> Self {
        let Retold { inner, archive, comparison } = self;
        let (archive, comparison) = (Arc::clone(archive), Arc::clone(comparison));
        Retold { inner: Arc::new(inner.until(stop)), archive, comparison }
    }

    fn writer(&self, _name: &str, _slots: usize) -> Result<Recorder, TransportError> {
        Ok(Recorder { comparison: Arc::clone(&self.comparison) })
    }

    fn reader(&self, topic: &str, partition: u16, from: u64) -> Result<Self::Reader, TransportError> {
        let (start, _) = self.inner.bounds(topic, partition)?;
        let archived = (from < start).then(|| self.archive.reader(topic, partition, from, start)).transpose()?;
        Ok(RetoldReader { archived, kept: self.inner.reader(topic, partition, from.max(start))? })
    }

    fn bounds(&self, topic: &str, partition: u16) -> Result<(u64, u64), TransportError> {
        self.inner.bounds(topic, partition)
    }

    fn read_to_end(
        &self,
        topic: &str,
        partition: u16,
        from: u64,
        visit: &mut dyn FnMut(Received<'_>),
    ) -> Result<u64, TransportError> {
        self.inner.read_to_end(topic, partition, from, visit)
    }

    fn partitions(&self, topic: &str) -> Result<u16, TransportError> {
        self.inner.partitions(topic)
    }
}

/// Reads what was archived, then what the topic has kept.
pub(super) struct RetoldReader<R> {
    archived: Option<Box<dyn Reader>>,
    kept: R,
}

impl<R: Reader> Reader for RetoldReader<R> {
    fn read(&mut self, wait: Duration, visit: &mut dyn FnMut(Received<'_>)) -> Result<bool, TransportError> {
        if let Some(archived) = &mut self.archived {
            if archived.read(wait, visit)? {
                return Ok(true);
            }
            self.archived = None;
        }
        self.kept.read(wait, visit)
    }

    fn waiting(&self) -> Option<u64> {
        self.kept.waiting()
    }

    fn held_up(&self) -> Option<Duration> {
        self.kept.held_up()
    }
}

/// Compares what would be sent with what was published.
pub(super) struct Recorder {
    comparison: Arc<Mutex<Comparison>>,
}

impl Writer for Recorder {
    /// Marks and requests have no label, and are nothing to compare.
    fn send(&mut self, record: Sending<'_>) -> Result<(), CommitError> {
        if let Some(label) = record.label {
            locked(&self.comparison).fold(record.slot, label, record.key, record.value);
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), CommitError> {
        Ok(())
    }

    fn delivered(&self, _slot: usize) -> Option<u64> {
        None
    }

    fn is_well(&mut self) -> Result<(), CommitError> {
        Ok(())
    }

    fn touch(&mut self, _record: Sending<'_>) -> Result<(), CommitError> {
        Ok(())
    }
}

pub(super) fn locked(comparison: &Mutex<Comparison>) -> MutexGuard<'_, Comparison> {
    comparison.lock().unwrap_or_else(PoisonError::into_inner)
}
