//! The topics of a cluster as they should be.

use contract::topics::{ENGINE, HOPS, Keeping, VIEWS};
use stream::kafka::{Cluster, TopicPlan};

/// Bytes of the largest record.
const RECORD_BYTES_MAX: u32 = 16 << 20;
/// Recovery counts records without gaps, so the newest are not compacted: no task stops for so long.
const COMPACTION_LAG_MS: u64 = 7 * 24 * 3600 * 1000;
/// Requests that nobody answered are made again.
const REQUESTS_MS: u64 = 24 * 3600 * 1000;

/// How records are kept from being lost.
#[derive(Clone, Copy, Debug)]
pub struct Copies {
    /// Brokers that keep each of them.
    pub replication: u16,
    /// Where one broker is enough for a record to count, it has it on disk by then.
    pub flushed: bool,
}

impl Copies {
    /// Brokers that must have a record before it counts.
    fn in_sync(self) -> u16 {
        if self.replication >= 3 { 2 } else { 1 }
    }
}

/// Every topic of the line.
pub fn plans(cluster: &Cluster, partitions: u16, copies: Copies) -> Vec<TopicPlan> {
    let hops = HOPS.iter().map(|topic| (topic.name, partitions, Keeping::All));
    let views = VIEWS.iter().map(|topic| (topic.name, partitions, Keeping::Latest));
    let engine = ENGINE.iter().map(|topic| (topic.name, if topic.single { 1 } else { partitions }, topic.keeping));
    let plan = |(name, partitions, keeping): (&str, u16, Keeping)| {
        let (name, settings) = (cluster.topic(name), settings(keeping, copies));
        TopicPlan { name, partitions, replication: copies.replication, settings }
    };
    hops.chain(views).chain(engine).map(plan).collect()
}

fn settings(keeping: Keeping, copies: Copies) -> Vec<(&'static str, String)> {
    let mut settings = vec![
        ("message.timestamp.type", "LogAppendTime".to_owned()),
        ("min.insync.replicas", copies.in_sync().to_string()),
        ("unclean.leader.election.enable", "false".to_owned()),
        ("max.message.bytes", RECORD_BYTES_MAX.to_string()),
    ];
    if copies.in_sync() == 1 && copies.flushed {
        settings.push(("flush.messages", "1".to_owned()));
    }
    let policy = match keeping {
        Keeping::All => vec![("cleanup.policy", "delete".to_owned()), ("retention.ms", "-1".to_owned())],
        Keeping::Latest => {
            let lag = COMPACTION_LAG_MS.to_string();
            vec![("cleanup.policy", "compact".to_owned()), ("min.compaction.lag.ms", lag)]
        }
        Keeping::Marks => vec![("cleanup.policy", "compact".to_owned()), ("segment.bytes", (64 << 20).to_string())],
        Keeping::Day => {
            vec![("cleanup.policy", "delete".to_owned()), ("retention.ms", REQUESTS_MS.to_string())]
        }
    };
    settings.extend(policy);
    settings.push(("retention.bytes", "-1".to_owned()));
    settings
}
