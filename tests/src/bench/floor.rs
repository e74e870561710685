//! The raw floor: what the line's topics hold is read and written once more, in transactions, by librdkafka alone.
//!
//! One thread for each hop and partition, as the line has tasks. Keys, values and headers stay as they are; nothing is
//! looked at.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde_json::json;
use stream::kafka::{Cluster, KafkaTransport, Transport};

use crate::broker::CLUSTER_ID;
use crate::measure::Figures;

/// Put in front of the names of the copies.
pub const PREFIX: &str = "floor.";
const PATIENCE: Duration = Duration::from_secs(30);
const MOMENT: Duration = Duration::from_millis(1);

struct Copied {
    records: u64,
    bytes: u64,
}

/// Copies every partition of these topics as fast as it goes, all at once.
pub fn copy(brokers: &str, topics: &[&str], commit_interval: Duration) -> Result<Figures> {
    let cluster = Cluster {
        brokers: brokers.to_owned(),
        prefix: String::new(),
        generation: 1,
        settings: Vec::new(),
        id: CLUSTER_ID.into(),
    };
    let transport = KafkaTransport::new(&cluster)?;
    let mut jobs = Vec::new();
    for topic in topics {
        for partition in 0..transport.partitions(topic)? {
            jobs.push(Job { brokers, topic, partition, commit_interval });
        }
    }
    let start = Instant::now();
    let copied: Vec<Copied> = std::thread::scope(|scope| {
        let threads: Vec<_> = jobs.iter().map(|job| scope.spawn(|| job.run())).collect();
        let joined =
            threads.into_iter().map(|thread| thread.join().map_err(|_| anyhow::anyhow!("a copier panicked"))?);
        joined.collect::<Result<_>>()
    })?;
    let seconds = start.elapsed().as_secs_f64();
    let records: u64 = copied.iter().map(|copied| copied.records).sum();
    let bytes: u64 = copied.iter().map(|copied| copied.bytes).sum();
    let figures = json!({ "seconds": seconds, "records": records, "bytes": bytes, "threads": jobs.len() });
    Ok(figures.as_object().cloned().unwrap_or_default())
}

struct Job<'a> {
    brokers: &'a str,
    topic: &'a str,
    partition: u16,
    commit_interval: Duration,
}

impl Job<'_> {
    fn run(&self) -> Result<Copied> {
        let mut copied = Copied { records: 0, bytes: 0 };
        let (consumer, producer) = (self.consumer()?, self.producer()?);
        let to = format!("{PREFIX}{}", self.topic);
        let (mut open, mut heard) = (None::<Instant>, Instant::now());
        loop {
            match consumer.poll(MOMENT) {
                Some(Ok(message)) => {
                    if open.is_none() {
                        producer.begin_transaction()?;
                        open = Some(Instant::now());
                    }
                    self.send(&producer, &to, &message)?;
                    copied.records += 1;
                    copied.bytes += (message.key_len() + message.payload_len()) as u64;
                    heard = Instant::now();
                }
                // All of it was there before: the end that readers see is the end.
                Some(Err(KafkaError::PartitionEOF(_))) => break,
                Some(Err(error)) => return Err(error.into()),
                None => ensure!(heard.elapsed() < PATIENCE, "{} stands still", self.topic),
            }
            if open.is_some_and(|since| since.elapsed() >= self.commit_interval) {
                commit(&producer)?;
                open = None;
            }
        }
        if open.is_some() {
            commit(&producer)?;
        }
        Ok(copied)
    }

    fn send(&self, producer: &BaseProducer, to: &str, message: &BorrowedMessage<'_>) -> Result<()> {
        let mut record = BaseRecord::<[u8], [u8]>::to(to).partition(self.partition.into());
        (record.key, record.payload) = (message.key(), message.payload());
        record.headers = message.headers().map(rdkafka::message::BorrowedHeaders::detach);
        while let Err((error, back)) = producer.send(record) {
            ensure!(error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull), "{error}");
            producer.poll(MOMENT);
            record = back;
        }
        Ok(())
    }

    fn consumer(&self) -> Result<BaseConsumer> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", self.brokers)
            .set("group.id", "floor")
            .set("enable.auto.commit", "false")
            .set("isolation.level", "read_committed")
            .set("enable.partition.eof", "true")
            .set("queued.max.messages.kbytes", "32768")
            .create()?;
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(self.topic, self.partition.into(), Offset::Beginning)?;
        consumer.assign(&list)?;
        Ok(consumer)
    }

    fn producer(&self) -> Result<BaseProducer> {
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", self.brokers)
            .set("transactional.id", format!("{PREFIX}{}.{}", self.topic, self.partition))
            .set("acks", "all")
            .set("compression.type", "lz4")
            .set("linger.ms", "1")
            .set("batch.size", "1000000")
            .set("queue.buffering.max.messages", "500000")
            .create()?;
        producer.init_transactions(PATIENCE).context("a copier cannot begin")?;
        Ok(producer)
    }
}

/// The library's own flush would wait a tenth of a second each time.
fn commit(producer: &BaseProducer) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while producer.in_flight_count() > 0 {
        let flushed = producer.flush(MOMENT);
        if let Err(error) = flushed
            && error.rdkafka_error_code() != Some(RDKafkaErrorCode::OperationTimedOut)
        {
            return Err(error.into());
        }
        ensure!(Instant::now() < deadline, "records did not arrive");
    }
    Ok(producer.commit_transaction(PATIENCE)?)
}
