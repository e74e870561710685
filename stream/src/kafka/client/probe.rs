//! Questions about topics, and reading to their true end.

use std::time::{Duration, Instant};

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::topic_partition_list::TopicPartitionList;

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
/// Nothing comes any longer behind an end that was met in front of where it should be: compaction has taken what stood there.
const STILL: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(5);
/// Things that a client says at once.
const REPORTS: usize = 16;
/// How long a greeting is waited for: shortly first, as what is in the way may be known by then, all told as long as any question.
const GREETINGS: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(7)];

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
            BaseConsumer::from_config_and_context(&config, ReaderEars::new(cluster))
                .map_err(|error| trouble("probe", &error))
        };
        Ok(Probe { committed: consumer(Client::Glance)?, all: consumer(Client::Surveyor)? })
    }

    pub fn partitions(&self, topic: &str) -> Result<u16, TransportError> {
        let metadata =
            self.all.fetch_metadata(Some(topic), ASK).map_err(|error| unanswered(&self.all, topic, &error))?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        let count = found.filter(|found| found.error().is_none()).map_or(0, |found| found.partitions().len());
        match u16::try_from(count) {
            Ok(0) => Err(TransportError::Absent(absent(topic))),
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
                return Err(TransportError::Hanging { topic: topic.to_owned(), partition, end });
            }
            goes_on()?;
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// Reads until `visit` wants no more, or up to `end`: everything in front was settled. A consumer that tells of an end in
    /// front of that has asked a broker that was behind, and goes on; but what compaction took last never comes.
    fn read(
        &self,
        topic: &str,
        partition: u16,
        end: u64,
        visit: &mut dyn FnMut(Received<'_>) -> bool,
        goes_on: GoesOn<'_>,
    ) -> Result<(), TransportError> {
        let (mut heard, mut met): (Instant, Option<Instant>) = (Instant::now(), None);
        loop {
            goes_on()?;
            match self.committed.poll(Duration::from_millis(100)) {
                Some(Ok(message)) if message.topic() == topic && message.partition() == i32::from(partition) => {
                    (heard, met) = (Instant::now(), None);
                    if u64::try_from(message.offset()).is_ok_and(|offset| offset >= end) {
                        return Ok(());
                    }
                    let mut goes_on = true;
                    let offset = visit_message(&message, &mut |received| goes_on = visit(received));
                    if !goes_on || offset + 1 >= end {
                        return Ok(());
                    }
                }
                Some(Err(KafkaError::PartitionEOF(at))) if at == i32::from(partition) => {
                    met.get_or_insert_with(Instant::now);
                }
                Some(Err(error)) if passes(&error) => tracing::debug!(topic, %error, "probe"),
                Some(Err(error)) => return Err(trouble(topic, &error)),
                Some(Ok(_)) | None => {}
            }
            if let Some(met) = met {
                let asked = || self.visible_end(topic, partition);
                if position(&self.committed) >= Some(end) || is_all(met.elapsed(), end, asked)? {
                    return Ok(());
                }
            }
            if heard.elapsed() > SILENCE {
                return Err(TransportError::Trouble(format!("nothing comes from {topic}, partition {partition}")));
            }
        }
    }
}

/// Whether nothing more comes behind an end that was met in front of `end`, where nothing was heard since for so long.
///
/// # Errors
/// The broker does not say how far readers may see.
fn is_all(
    silent: Duration,
    end: u64,
    visible_end: impl FnOnce() -> Result<u64, TransportError>,
) -> Result<bool, TransportError> {
    Ok(silent >= STILL && visible_end()? >= end)
}

/// How far a consumer of one partition has come. Markers of transactions, which it passes over without a word, count.
pub(super) fn position(consumer: &BaseConsumer<ReaderEars>) -> Option<u64> {
    let position = consumer.position().ok();
    let offsets = position.iter().flat_map(TopicPartitionList::elements).filter_map(|at| at.offset().to_raw());
    offsets.filter_map(|offset| u64::try_from(offset).ok()).max()
}

/// What it means that a question was not answered, by what the client has heard meanwhile. It is not asked again.
fn unanswered(consumer: &BaseConsumer<ReaderEars>, what: &str, error: &KafkaError) -> TransportError {
    hear(consumer);
    consumer.context().plaint.trouble(what, error)
}

/// Lets a client that reads nothing say what it has heard.
fn hear(consumer: &BaseConsumer<ReaderEars>) {
    for _ in 0..REPORTS {
        // What it says goes to its ears.
        let _ = consumer.poll(Duration::ZERO);
    }
}

/// Asks the brokers for something, to hear whether they take this user before anybody waits for more.
///
/// # Errors
/// They do not, which lasts; or they do not answer.
pub(super) fn greet(cluster: &Cluster) -> Result<(), TransportError> {
    let config = client(cluster, Client::Surveyor, &[("group.id", NO_GROUP)])?;
    let made = BaseConsumer::from_config_and_context(&config, ReaderEars::new(cluster));
    let consumer: BaseConsumer<ReaderEars> = made.map_err(|error| trouble("client", &error))?;
    let mut waits = GREETINGS.into_iter().peekable();
    while let Some(wait) = waits.next() {
        let asked = consumer.fetch_metadata(Some(&cluster.marks()), wait);
        let Err(error) = asked else { return Ok(()) };
        hear(&consumer);
        if let Some(refusal) = consumer.context().plaint.refusal() {
            return Err(refusal);
        }
        if waits.peek().is_none() {
            return Err(consumer.context().plaint.trouble("metadata", &error));
        }
    }
    Ok(())
}

fn watermarks(consumer: &BaseConsumer<ReaderEars>, topic: &str, partition: u16) -> Result<(u64, u64), TransportError> {
    let (low, high) =
        consumer.fetch_watermarks(topic, partition.into(), ASK).map_err(|error| unanswered(consumer, topic, &error))?;
    let offset =
        |offset: i64| u64::try_from(offset).map_err(|_| TransportError::Trouble(format!("{topic}: no offsets")));
    Ok((offset(low)?, offset(high)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_in_front_of_the_known_one_counts_only_where_a_broker_that_knows_it_has_nothing_more() {
        let is_all = |silent, visible| is_all(silent, 9, || Ok(visible)).unwrap();
        assert!(!is_all(Duration::ZERO, 9), "more may be on its way");
        assert!(!is_all(STILL, 7), "the broker is behind");
        assert!(is_all(STILL, 9) && is_all(STILL, 12), "compaction has taken it");
        let unknown = || Err(TransportError::Trouble("no answer".into()));
        assert!(super::is_all(STILL, 9, unknown).is_err());
    }
}
