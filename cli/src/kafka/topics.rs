//! The topics of a cluster as they should be.

use contract::topics::{Copies, common_settings, kept};
use stream::kafka::{Cluster, TopicPlan};

/// Every topic of the line.
pub fn plans(cluster: &Cluster, partitions: u16, copies: Copies) -> Vec<TopicPlan> {
    let plan = |topic: contract::topics::Kept| TopicPlan {
        name: cluster.topic(topic.name),
        partitions: if topic.single { 1 } else { partitions },
        replication: copies.replication,
        settings: [common_settings(copies), topic.keeping.settings()].concat(),
    };
    kept().map(plan).collect()
}
