//! The same job in Kafka Streams: `bench/kafka-streams`, started as its README says.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use contract::avro::fingerprint;
use contract::{Choice, Conditions, FeedEvent, Mechanism, Micros, Program, Rounding, Split};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use stream::kafka::{Cluster, KafkaTransport, Received, TopicPlan, create_topics};

use super::process::Running;
use super::watch::Ledger;

/// Names the folder with the job's Java packages.
pub const PACKAGES: &str = "PAIDONCE_PEER";
pub const PREFIX: &str = "peer.";
pub const MOVEMENTS: &str = "peer.movements";
const ASK: Duration = Duration::from_secs(10);
/// What a position may lack of an end: the marker of the last transaction, on both sides of it.
const MARKERS: i64 = 2;

/// Whether the job reckons with all terms of a program.
pub fn reckons(program: &Program) -> bool {
    let Program { mechanism, conditions, choose, stack, rounding, minimum_payout, bonus, caps, .. } = program;
    let has_mechanism = match mechanism {
        Mechanism::Spiff { split, late, .. } => *split == Split::Whole && late.is_none(),
        Mechanism::PerUnit { .. }
        | Mechanism::Percent { .. }
        | Mechanism::VolumeMarginal { .. }
        | Mechanism::VolumeRetroactive { .. } => true,
        _ => false,
    };
    let pays_plainly = *rounding == Rounding::Total && minimum_payout.is_none() && bonus.is_empty();
    let stands_alone = *choose == Choice::Priority && stack.is_none();
    let capped_plainly = caps.measure.is_none() && caps.partner_year.is_none();
    has_mechanism && pays_plainly && stands_alone && *conditions == Conditions::default() && capped_plainly
}

/// How the job is run.
#[derive(Clone, Debug)]
pub struct Peer {
    pub cluster: Cluster,
    pub input: String,
    pub partitions: u16,
    pub threads: usize,
    pub commit_interval: Duration,
    /// Reference data as JSON.
    pub reference: PathBuf,
}

impl Peer {
    /// Makes the topics that the job does not make itself. Those of its hops and stores are its own.
    pub fn create_topics(&self) -> Result<()> {
        let topic = |name: &str, partitions, policy: &str| TopicPlan {
            name: format!("{PREFIX}{name}"),
            partitions,
            replication: 1,
            settings: vec![("cleanup.policy", policy.to_owned())],
        };
        let plans = [
            topic("reference", 1, "compact"),
            topic("movements", self.partitions, "delete"),
            topic("findings", self.partitions, "delete"),
        ];
        create_topics(&self.cluster, &plans)?;
        Ok(())
    }

    pub fn start(&self, folder: &Path) -> Result<Running> {
        let packages = std::env::var_os(PACKAGES).map(PathBuf::from);
        let packages = packages.with_context(|| format!("{PACKAGES} names no folder; start the benchmark by ./dev"))?;
        let mut java = Command::new("java");
        java.args(["-Xms1g", "-Xmx1g", "-XX:+UseParallelGC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]);
        java.arg("-cp").arg(packages.join("*")).arg("paidonce.peer.Main");
        java.args(["--brokers", &self.cluster.brokers, "--prefix", PREFIX, "--input", &self.input]);
        java.arg("--frame").arg(fingerprint::<FeedEvent>().len().to_string());
        java.arg("--partitions").arg(self.partitions.to_string());
        java.arg("--threads").arg(self.threads.to_string());
        java.arg("--commit-ms").arg(self.commit_interval.as_millis().to_string());
        java.arg("--reference").arg(&self.reference).arg("--state").arg(folder.join("streams"));
        Running::start("kafka-streams", &mut java, folder)
    }

    /// Whether every step has read its input to the end.
    pub fn is_drained(&self) -> Result<bool> {
        let hop = |name: &str| format!("{PREFIX}job-{name}-repartition");
        let topics = [self.input.clone(), hop("sales"), hop("entitlements"), hop("due")];
        let group: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.cluster.brokers)
            .set("group.id", format!("{PREFIX}job"))
            .create()?;
        let transport = KafkaTransport::new(&self.cluster)?;
        let mut wanted = TopicPartitionList::new();
        for topic in &topics {
            wanted.add_partition_range(topic, 0, i32::from(self.partitions) - 1);
        }
        for found in group.committed_offsets(wanted, ASK)?.elements() {
            let end = transport.visible_end(found.topic(), u16::try_from(found.partition())?)?;
            let read = match found.offset() {
                Offset::Offset(next) => next,
                _ => 0,
            };
            if read + MARKERS < i64::try_from(end)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The job's movements add up. See `Wire.java` for their form.
pub fn tell_peer(ledger: &mut Ledger, _partition: u16, record: Received<'_>) -> Result<()> {
    let value = record.value.context("a movement has bytes")?;
    let (program, amount) = movement(value)?;
    ledger.add(&program, amount);
    Ok(())
}

fn movement(mut bytes: &[u8]) -> Result<(String, Micros)> {
    let program = text(&mut bytes)?;
    number(&mut bytes)?;
    for _ in 0..3 {
        text(&mut bytes)?;
    }
    Ok((program, Micros(number(&mut bytes)?)))
}

fn number(bytes: &mut &[u8]) -> Result<i64> {
    let mut zigzag: u64 = 0;
    for shift in (0..64).step_by(7) {
        let (next, rest) = bytes.split_first().context("a number ends early")?;
        *bytes = rest;
        zigzag |= u64::from(next & 0x7f) << shift;
        if *next < 0x80 {
            break;
        }
    }
    Ok((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
}

fn text(bytes: &mut &[u8]) -> Result<String> {
    let length = usize::try_from(number(bytes)?)?;
    ensure!(length <= bytes.len(), "a text ends early");
    let (text, rest) = bytes.split_at(length);
    *bytes = rest;
    Ok(String::from_utf8(text.to_vec())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_movement_of_the_peer_is_read() {
        let mut bytes = vec![4, b'P', b'1', 2];
        for text in ["partner:x", "2013-Q1", "USD"] {
            bytes.push(2 * text.len() as u8);
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes.extend_from_slice(&[0xff, 0xff, 0x7a]);
        assert_eq!(movement(&bytes).unwrap(), ("P1".to_owned(), Micros(-1_007_616)));
        assert!(movement(&bytes[..5]).is_err());
    }
}
