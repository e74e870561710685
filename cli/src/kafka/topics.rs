//! The topics of a cluster as they should be.

use contract::topics::{Copies, DEAD, HOPS, VIEWS, common_settings, kept};
use stream::kafka::{Cluster, TopicPlan, Transport, TransportError, check_partitions};

use super::intake::LOG;

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

/// Sees to it that all topics in which partitions count are there and have as many of them as the configuration says.
///
/// # Errors
/// One is not there, or has another number.
pub fn check_line<T: Transport>(transport: &T, cluster: &Cluster, partitions: u16) -> Result<(), TransportError> {
    let names = HOPS.iter().chain(VIEWS).map(|topic| topic.name).chain([LOG, DEAD.name]);
    check_partitions(transport, names.map(|name| cluster.topic(name)), partitions)
}

/// Topics that a line cannot do without: what stages hand on, the log, marks.
pub fn is_needed(cluster: &Cluster, topic: &str) -> bool {
    let is_it = |name: &str| cluster.topic(name) == topic;
    HOPS.iter().any(|hop| is_it(hop.name)) || is_it(LOG) || cluster.marks() == topic
}
