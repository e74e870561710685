//! What a cluster, a stage and a task are called and how they work.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::kafka::INTAKE;
use crate::kafka::home::Checkpoints;

/// A Kafka cluster and the line of stages on it.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// `host:port`, separated by commas.
    pub brokers: String,
    /// Put in front of every topic name, group and transactional id; empty for names as the table of topics has them.
    pub prefix: String,
    /// From 1. Each later one stands beside those before, on topics of its own: another number of partitions begins it.
    pub generation: u32,
    /// More client settings (security); none of the pinned ones may be among them.
    pub settings: Vec<(String, String)>,
    /// What the brokers call their cluster: with the prefix it tells this line from all others, and folders of a line go by
    /// it. Empty as long as they were not asked.
    pub id: String,
}

impl Cluster {
    /// The full name of a topic of the table.
    pub fn topic(&self, name: &str) -> String {
        format!("{}{name}", self.topic_prefix())
    }

    /// What stands in front of every topic's name. The first generation does not show in it.
    pub fn topic_prefix(&self) -> String {
        match self.generation {
            0 | 1 => self.prefix.clone(),
            later => format!("{}g{later}.", self.prefix),
        }
    }

    pub fn marks(&self) -> String {
        self.topic("pos.marks")
    }

    pub fn repairs(&self) -> String {
        self.topic("pos.repairs")
    }

    pub fn dead(&self) -> String {
        self.topic("pos.dead")
    }

    /// The line, for people and for folders that belong to one alone; its generations count as one.
    pub(crate) fn told_line(&self) -> String {
        told_line(&self.id, &self.prefix)
    }
}

pub(crate) fn told_line(cluster: &str, prefix: &str) -> String {
    match prefix {
        "" => format!("the line without prefix on cluster {cluster}"),
        prefix => format!("line {prefix} on cluster {cluster}"),
    }
}

/// A stage in its line.
#[derive(Clone, Debug)]
pub struct StageSpec {
    /// Place in the line, from 0; part of stored keys.
    pub number: u8,
    pub name: &'static str,
    /// Topics by their names in the table, without prefix.
    pub input: String,
    /// `None` for the last stage.
    pub output: Option<String>,
    /// Views that the stage publishes on: number, name.
    pub views: Vec<(u8, String)>,
    /// Partitions of every hop and view topic in this generation.
    pub partitions: u16,
    /// Logics whose marks and states the build goes on from. The last is its own, which it names in its marks.
    pub logic: RangeInclusive<u32>,
    /// Digest of the configuration that the process was started with; named in marks.
    pub config: [u8; 32],
}

impl StageSpec {
    /// The stage that writes the input.
    pub fn upstream(&self) -> u8 {
        if self.number == 0 { INTAKE } else { self.number - 1 }
    }

    /// Tasks that write the input.
    pub fn writers(&self) -> u16 {
        if self.number == 0 { 1 } else { self.partitions }
    }
}

/// How tasks work; none of it shows in what they publish.
#[derive(Clone, Debug)]
pub struct TaskOptions {
    /// Each task keeps its state in `tasks/<stage>-<partition>` below.
    pub data: PathBuf,
    /// Where checkpoints are put for other owners; `None` keeps none.
    pub checkpoints: Option<Arc<dyn Checkpoints>>,
    pub checkpoint_interval: Duration,
    /// Outputs wait at most that long for their transaction.
    pub commit_interval: Duration,
    /// A transaction without outputs waits at most that long.
    pub idle_interval: Duration,
    /// Records taken in one go.
    pub batch_records: usize,
    /// Bytes taken in one go.
    pub batch_bytes: usize,
    /// Bytes of outputs after which a transaction is committed.
    pub transaction_bytes: usize,
    /// Bytes of clean state that a task keeps.
    pub cache_bytes: usize,
    /// Member of the group for as long as the process's identity lasts; a restart takes its partitions back at once.
    pub instance: Option<String>,
    /// A gap that is not repaired is asked for again after that long.
    pub repair_interval: Duration,
    /// How often a task asks for the ends of outputs that it has not written to lately: whoever takes it over need not look
    /// for its records in front of them.
    pub floor_interval: Duration,
    /// A topic that gets what each transaction changes, to measure what that costs; nobody reads it.
    pub deltas: Option<String>,
}

impl TaskOptions {
    pub fn new(data: impl Into<PathBuf>) -> TaskOptions {
        TaskOptions {
            data: data.into(),
            checkpoints: None,
            checkpoint_interval: Duration::from_secs(60),
            commit_interval: Duration::from_millis(40),
            idle_interval: Duration::from_secs(1),
            batch_records: 8_000,
            batch_bytes: 4 << 20,
            transaction_bytes: 8 << 20,
            cache_bytes: 64 << 20,
            instance: None,
            repair_interval: Duration::from_secs(20),
            floor_interval: Duration::from_secs(10),
            deltas: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_generation_stands_on_topics_of_its_own() {
        let topic = |prefix: &str, generation| {
            let (brokers, prefix, id) = (String::new(), prefix.into(), String::new());
            Cluster { brokers, prefix, generation, settings: Vec::new(), id }.topic("pos.feeds")
        };
        assert_eq!([topic("", 1), topic("eu.", 1)], ["pos.feeds", "eu.pos.feeds"]);
        assert_eq!([topic("", 2), topic("eu.", 12)], ["g2.pos.feeds", "eu.g12.pos.feeds"]);
    }
}
