//! Reads the records of one partition, committed ones or all.

use std::time::{Duration, Instant};

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{Offset, TopicPartitionList};

use super::ears::ReaderEars;
use super::probe::{SETTLED_WITHIN, position};
use super::{Client, KafkaTransport, client, is_lasting, trouble};
use crate::kafka::{Header, Label, LabelReader, Reader, Received, Transport, TransportError};

/// A reader that gets nothing for so long looks whether there is something.
const DOUBT: Duration = Duration::from_secs(10);
/// Readers take part in no group; the library wants a name all the same.
pub(super) const NO_GROUP: &str = "paidonce-readers";

/// Reads one partition, and makes its consumer anew when that silently stands still.
pub struct KafkaReader {
    transport: KafkaTransport,
    consumer: BaseConsumer<ReaderEars>,
    topic: String,
    partition: u16,
    /// [`Client::Reader`] or [`Client::Listener`].
    kind: Client,
    /// Offset of the next record, or in front of it.
    next: u64,
    /// The consumer has told that it is at the end, and nothing came since.
    at_end: bool,
    moved: Instant,
    /// Up to where records can be seen while others lie behind that, and since when that is so.
    hidden: Option<(u64, Instant)>,
}

impl KafkaReader {
    pub(super) fn new(
        transport: KafkaTransport,
        kind: Client,
        (topic, partition): (&str, u16),
        from: u64,
    ) -> Result<KafkaReader, TransportError> {
        let consumer = consumer(&transport, kind, (topic, partition), from)?;
        let (topic, moved, hidden) = (topic.to_owned(), Instant::now(), None);
        Ok(KafkaReader { transport, consumer, topic, partition, kind, next: from, at_end: false, moved, hidden })
    }

    /// Nothing came for long: where something lies that did not come, the consumer is made anew.
    fn look_up(&mut self) -> Result<(), TransportError> {
        self.moved = Instant::now();
        // A broker that does not answer is no reason: the consumer waits for it too.
        let (topic, partition) = (&self.topic, self.partition);
        let Ok(end) = self.transport.visible_end(topic, partition) else { return Ok(()) };
        let Ok((_, true_end)) = self.transport.bounds(topic, partition) else { return Ok(()) };
        let since = self.hidden.filter(|(stood, _)| *stood == end).map_or_else(Instant::now, |(_, since)| since);
        self.hidden = (end < true_end).then_some((end, since));
        if end > self.reached() {
            let next = self.next;
            tracing::warn!(topic, partition, next, end, "reader did not move; it is made anew");
            self.consumer = consumer(&self.transport, self.kind, (topic, partition), next)?;
            self.at_end = false;
            self.transport.rebuilt(partition);
        }
        Ok(())
    }

    fn reached(&self) -> u64 {
        position(&self.consumer).map_or(self.next, |position| position.max(self.next))
    }

    /// Makes the consumer stand still, as a broken one does, so that tests can see what becomes of it.
    #[doc(hidden)]
    pub fn stand_still(&self) -> Result<(), TransportError> {
        let assigned = self.consumer.assignment();
        let paused = assigned.and_then(|assigned| self.consumer.pause(&assigned));
        paused.map_err(|error| trouble(&self.topic, &error))
    }
}

fn consumer(
    transport: &KafkaTransport,
    kind: Client,
    (topic, partition): (&str, u16),
    from: u64,
) -> Result<BaseConsumer<ReaderEars>, TransportError> {
    let config = client(&transport.inner.cluster, kind, &[("group.id", NO_GROUP)])?;
    let made = BaseConsumer::from_config_and_context(&config, ReaderEars::new(&transport.inner.cluster));
    let consumer: BaseConsumer<ReaderEars> = made.map_err(|error| trouble("reader", &error))?;
    consumer.assign(&at(topic, partition, from)?).map_err(|error| trouble(topic, &error))?;
    Ok(consumer)
}

/// The library asks without end for what is left of a wait below a millisecond: that is slept through.
fn poll(consumer: &BaseConsumer<ReaderEars>, wait: Duration) -> Option<Result<BorrowedMessage<'_>, KafkaError>> {
    let whole = Duration::from_millis(wait.as_millis() as u64);
    let polled = consumer.poll(whole);
    if polled.is_some() || wait.is_zero() || !whole.is_zero() {
        return polled;
    }
    std::thread::sleep(wait);
    consumer.poll(Duration::ZERO)
}

/// One partition at an offset.
pub(super) fn at(topic: &str, partition: u16, from: u64) -> Result<TopicPartitionList, TransportError> {
    let mut list = TopicPartitionList::new();
    let offset = i64::try_from(from).map_err(|_| TransportError::Broken(format!("{topic} has no offset {from}")))?;
    let added = list.add_partition_offset(topic, partition.into(), Offset::Offset(offset));
    added.map_err(|error| trouble(topic, &error))?;
    Ok(list)
}

/// Hands a record on with its label.
pub(super) fn visit_message(message: &BorrowedMessage<'_>, visit: &mut dyn FnMut(Received<'_>)) -> u64 {
    let offset = u64::try_from(message.offset()).expect("a record that was read has an offset");
    let label = label(message);
    let headers = if label.is_none() { headers(message) } else { Vec::new() };
    let (key, value, label, headers) = (message.key(), message.payload(), label.as_ref(), headers.as_slice());
    let timestamp = message.timestamp().to_millis().and_then(|time| u64::try_from(time).ok());
    visit(Received { offset, key, value, label, headers, timestamp });
    offset
}

fn headers(message: &BorrowedMessage<'_>) -> Vec<Header> {
    let all = message.headers().into_iter().flat_map(|headers| headers.iter());
    all.map(|header| (header.key.to_owned(), header.value.unwrap_or_default().to_vec())).collect()
}

fn label(message: &BorrowedMessage<'_>) -> Option<Label> {
    let mut reader = LabelReader::default();
    for header in message.headers()?.iter() {
        reader.header(header.key, header.value?);
    }
    reader.label()
}

/// Troubles that the consumer gets over by itself.
pub(crate) fn passes(error: &KafkaError) -> bool {
    let Some(code) = error.rdkafka_error_code() else { return false };
    !is_lasting(code)
        && !matches!(error, KafkaError::MessageConsumptionFatal(_))
        && code != RDKafkaErrorCode::BadMessage
}

impl Reader for KafkaReader {
    fn read(&mut self, wait: Duration, visit: &mut dyn FnMut(Received<'_>)) -> Result<bool, TransportError> {
        let start = Instant::now();
        let mut polled = poll(&self.consumer, wait);
        // That the end was met is no record: more may come while there is time.
        while let Some(Err(KafkaError::PartitionEOF(_))) = polled {
            self.at_end = true;
            polled = poll(&self.consumer, wait.saturating_sub(start.elapsed()));
        }
        match polled {
            Some(Ok(message)) => {
                self.next = visit_message(&message, visit) + 1;
                (self.at_end, self.moved, self.hidden) = (false, Instant::now(), None);
                return Ok(true);
            }
            Some(Err(error)) if passes(&error) => tracing::debug!(topic = self.topic, %error, "reader"),
            Some(Err(error)) => return Err(trouble(&self.topic, &error)),
            None => {}
        }
        // Also where nobody waits: whoever only looks in would never notice.
        if self.moved.elapsed() > DOUBT {
            self.look_up()?;
        }
        Ok(false)
    }

    fn waiting(&self) -> Option<u64> {
        if self.at_end {
            return Some(0);
        }
        self.consumer.context().end().map(|end| end.saturating_sub(self.next))
    }

    fn held_up(&self) -> Option<Duration> {
        self.hidden.map(|(_, since)| since.elapsed()).filter(|held_up| *held_up >= SETTLED_WITHIN)
    }
}
