//! Questions about topics, and reading to their true end.

use std::time::{Duration, Instant};

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;

use super::ears::ReaderEars;
use super::reader::{NO_GROUP, at, passes, visit_message};
use super::settings::TRANSACTION_TIMEOUT;
use super::topics::absent;
use super::{ASK, Client, client, trouble};
use crate::kafka::{Cluster, Received, TransportError};

/// A transaction in front of the end comes to its own end by then.
pub(crate) const SETTLED_WITHIN: Duration = Duration::from_secs(2 * TRANSACTION_TIMEOUT.as_secs());
/// Between two records that are there already.
const SILENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(5);

/// Fails when whoever reads is to end.
type GoesOn<'a> = &'a dyn Fn() -> Result<(), TransportError>;

/// Two clients: what is committed, and where the log really ends.
pub(super) struct Probe {
    committed: BaseConsumer<ReaderEars>,
    all: BaseConsumer<ReaderEars>,
}

impl Probe {
    pub fn new(cluster: &Cluster) -> Result<Probe, TransportError> {
        let consumer = |kind| {
            let config = client(cluster, kind, &[("group.id", NO_GROUP)])?;
            BaseConsumer::from_config_and_context(&config, ReaderEars::new()).map_err(|error| trouble("probe", &error))
        };
        Ok(Probe { committed: consumer(Client::Glance)?, all: consumer(Client::Surveyor)? })
    }

    pub fn partitions(&self, topic: &str) -> Result<u16, TransportError> {
        let metadata = self.all.fetch_metadata(Some(topic), ASK).map_err(|error| trouble(topic, &error))?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        let count = found.filter(|found| found.error().is_none()).map_or(0, |found| found.partitions().len());
        match u16::try_from(count) {
            Ok(0) => Err(TransportError::Broken(absent(topic))),
            Ok(count) => Ok(count),
            Err(_) => Err(TransportError::Broken(format!("topic {topic} has {count} partitions"))),
        }
    }

    pub fn bounds(&self, topic: &str, partition: u16) -> Result<(u64, u64), TransportError> {
        watermarks(&self.all, topic, partition)
    }

    pub fn visible_end(&self, topic: &str, partition: u16) -> Result<u64, TransportError> {
        Ok(watermarks(&self.committed, topic, partition)?.1)
    }

    pub fn read_to_end(
        &self,
        topic: &str,
        partition: u16,
        from: u64,
        visit: &mut dyn FnMut(Received<'_>),
        goes_on: GoesOn<'_>,
    ) -> Result<u64, TransportError> {
        let (_, end) = self.bounds(topic, partition)?;
        if from >= end {
            return Ok(end);
        }
        self.wait_for_transactions(topic, partition, end, goes_on)?;
        self.committed.assign(&at(topic, partition, from)?).map_err(|error| trouble(topic, &error))?;
        let mut visit = |received: Received<'_>| {
            visit(received);
            true
        };
        let read = self.read(topic, partition, end, &mut visit, goes_on);
        self.committed.unassign().map_err(|error| trouble(topic, &error))?;
        read.map(|()| end)
    }

    /// Visits committed records from an offset on, until one is refused or readers may see no more.
    pub fn read_visible(
        &self,
        topic: &str,
        partition: u16,
        from: u64,
        visit: &mut dyn FnMut(Received<'_>) -> bool,
        goes_on: GoesOn<'_>,
    ) -> Result<(), TransportError> {
        let end = self.visible_end(topic, partition)?;
        if from >= end {
            return Ok(());
        }
        self.committed.assign(&at(topic, partition, from)?).map_err(|error| trouble(topic, &error))?;
        let read = self.read(topic, partition, end, visit, goes_on);
        self.committed.unassign().map_err(|error| trouble(topic, &error))?;
        read
    }

    fn wait_for_transactions(
        &self,
        topic: &str,
        partition: u16,
        end: u64,
        goes_on: GoesOn<'_>,
    ) -> Result<(), TransportError> {
        let deadline = Instant::now() + SETTLED_WITHIN;
        while self.visible_end(topic, partition)? < end {
            if Instant::now() > deadline {
                let text = format!("a transaction in front of offset {end} of {topic} does not end");
                return Err(TransportError::Trouble(text));
            }
            goes_on()?;
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// Reads until `visit` wants no more. The end of the partition, as the consumer tells it, lies at `end` or behind it:
    /// everything in front was settled.
    fn read(
        &self,
        topic: &str,
        partition: u16,
        end: u64,
        visit: &mut dyn FnMut(Received<'_>) -> bool,
        goes_on: GoesOn<'_>,
    ) -> Result<(), TransportError> {
        let mut heard = Instant::now();
        loop {
            goes_on()?;
            match self.committed.poll(Duration::from_millis(100)) {
                Some(Ok(message)) if message.topic() == topic && message.partition() == i32::from(partition) => {
                    heard = Instant::now();
                    if u64::try_from(message.offset()).is_ok_and(|offset| offset >= end) {
                        return Ok(());
                    }
                    let mut goes_on = true;
                    let offset = visit_message(&message, &mut |received| goes_on = visit(received));
                    if !goes_on || offset + 1 >= end {
                        return Ok(());
                    }
                }
                Some(Err(KafkaError::PartitionEOF(at))) if at == i32::from(partition) => return Ok(()),
                Some(Err(error)) if passes(&error) => tracing::debug!(topic, %error, "probe"),
                Some(Err(error)) => return Err(trouble(topic, &error)),
                Some(Ok(_)) | None => {}
            }
            if heard.elapsed() > SILENCE {
                return Err(TransportError::Trouble(format!("nothing comes from {topic}, partition {partition}")));
            }
        }
    }
}

fn watermarks(consumer: &BaseConsumer<ReaderEars>, topic: &str, partition: u16) -> Result<(u64, u64), TransportError> {
    let (low, high) =
        consumer.fetch_watermarks(topic, partition.into(), ASK).map_err(|error| trouble(topic, &error))?;
    let offset =
        |offset: i64| u64::try_from(offset).map_err(|_| TransportError::Trouble(format!("{topic}: no offsets")));
    Ok((offset(low)?, offset(high)?))
}
