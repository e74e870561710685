//! Making topics, and telling how they differ from what they should be.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigResource, ConfigResourceResult, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::FromClientConfig;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::probe::greet;
use super::{ASK, Client, client, trouble};
use crate::kafka::{Cluster, TransportError};

/// How a topic should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicPlan {
    /// With the cluster's prefix.
    pub name: String,
    pub partitions: u16,
    pub replication: u16,
    pub settings: Vec<(&'static str, String)>,
}

/// Makes the topics that are not there and returns their names. Those that are there stay as they are.
///
/// # Errors
/// The brokers do not answer, or refuse one of them.
pub fn create_topics(cluster: &Cluster, plans: &[TopicPlan]) -> Result<Vec<String>, TransportError> {
    greet(cluster)?;
    let admin = admin(cluster)?;
    let topics: Vec<NewTopic<'_>> = plans
        .iter()
        .map(|plan| {
            let replication = TopicReplication::Fixed(plan.replication.into());
            let topic = NewTopic::new(&plan.name, plan.partitions.into(), replication);
            plan.settings.iter().fold(topic, |topic, (name, value)| topic.set(name, value))
        })
        .collect();
    let answers = wait(admin.create_topics(&topics, &options())).map_err(|error| trouble("topics", &error))?;
    let mut made = Vec::new();
    for answer in answers {
        match answer {
            Ok(name) => made.push(name),
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((name, code)) => {
                return Err(TransportError::Broken(format!("topic {name} cannot be made: {}", told_why(code))));
            }
        }
    }
    Ok(made)
}

/// Why a topic is not made, with what people can do about it.
fn told_why(code: RDKafkaErrorCode) -> String {
    match code {
        RDKafkaErrorCode::InvalidReplicationFactor => {
            format!("{code}: there are fewer brokers; a single one takes --replication 1")
        }
        _ => code.to_string(),
    }
}

/// In what a topic differs from its plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicDifference {
    pub topic: String,
    pub what: String,
    /// The setting, where it is one.
    pub setting: Option<&'static str>,
    /// Brokers take records away that they keep as planned.
    pub loses: bool,
}

impl TopicDifference {
    fn of(plan: &TopicPlan, what: String) -> TopicDifference {
        TopicDifference { topic: plan.name.clone(), what, setting: None, loses: false }
    }
}

impl fmt::Display for TopicDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.topic, self.what)
    }
}

/// How topics compare with their plans, in the order of the plans.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    pub differences: Vec<TopicDifference>,
    /// What brokers do not tell this user, so that it is not known whether it differs.
    pub unknown: Vec<String>,
    /// Settings that bring a topic right, by its name. None where it lies on fewer brokers than it should: with settings
    /// for more of them it would take nothing.
    pub to_set: Vec<(String, Vec<(&'static str, String)>)>,
}

/// Holds topics against their plans.
///
/// # Errors
/// The brokers do not answer.
pub fn compare_topics(cluster: &Cluster, plans: &[TopicPlan]) -> Result<Comparison, TransportError> {
    greet(cluster)?;
    let admin = admin(cluster)?;
    let metadata = admin.inner().fetch_metadata(None, ASK).map_err(|error| trouble("topics", &error))?;
    let (mut found, mut there) = (Comparison::default(), Vec::new());
    for plan in plans {
        let Some(topic) = metadata.topics().iter().find(|topic| topic.name() == plan.name) else {
            found.differences.push(TopicDifference::of(plan, "is not there".into()));
            continue;
        };
        let partitions = topic.partitions();
        if partitions.len() != usize::from(plan.partitions) {
            let what = format!("{} partitions, not {}", partitions.len(), plan.partitions);
            found.differences.push(TopicDifference::of(plan, what));
        }
        let copies = partitions.iter().map(|partition| partition.replicas().len()).min().unwrap_or_default();
        if copies < usize::from(plan.replication) {
            found.differences.push(TopicDifference::of(plan, format!("{copies} replicas, not {}", plan.replication)));
        }
        there.push((plan, copies >= usize::from(plan.replication)));
    }
    let named = there.iter().map(|(plan, _)| ResourceSpecifier::Topic(&plan.name));
    let resources: Vec<ResourceSpecifier<'_>> = named.collect();
    if resources.is_empty() {
        // Brokers take no question about no topic.
        return Ok(found);
    }
    let answers = wait(admin.describe_configs(&resources, &options())).map_err(|error| trouble("topics", &error))?;
    for ((plan, has_copies), answer) in there.iter().zip(answers) {
        let (about, mut to_set) = (told(answer)?, Vec::new());
        for (name, wanted) in &plan.settings {
            match about.as_ref().and_then(|about| setting(about, name)) {
                None => found.unknown.push(format!("{}: whether {name} is {wanted}", plan.name)),
                Some(value) if value != wanted => {
                    let loses = about.as_ref().is_some_and(|about| loses(about, name, value, wanted));
                    let (topic, what) = (plan.name.clone(), format!("{name} is {value:?}, not {wanted}"));
                    found.differences.push(TopicDifference { topic, what, setting: Some(name), loses });
                    to_set.push((*name, wanted.clone()));
                }
                Some(_) => {}
            }
        }
        if *has_copies && !to_set.is_empty() {
            found.to_set.push((plan.name.clone(), to_set));
        }
    }
    Ok(found)
}

/// Whether brokers take records away by the value of a setting that they would keep by the one that is wanted.
fn loses(about: &ConfigResource, name: &str, value: &str, wanted: &str) -> bool {
    let deletes = setting(about, "cleanup.policy").is_none_or(|policy| policy.contains("delete"));
    match name {
        "cleanup.policy" => value.contains("compact") || (deletes && setting(about, "retention.ms") != Some("-1")),
        "retention.ms" | "retention.bytes" => deletes && wanted == "-1",
        _ => false,
    }
}

/// What brokers do for the records of a topic before they count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Durability {
    /// Brokers that each record lies on.
    pub copies: usize,
    /// Brokers that must have it.
    pub in_sync: usize,
    /// A broker writes each record through to its disk.
    pub flushed: bool,
}

impl Durability {
    /// Whether no single machine can lose a record that counts.
    pub fn is_full(self) -> bool {
        self.in_sync >= 2
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Durability { copies, in_sync, flushed } = self;
        let noun = if *copies == 1 { "copy" } else { "copies" };
        let disk = if *flushed { ", on disk" } else { "" };
        write!(f, "{copies} {noun} of each record, {in_sync} before it counts{disk}")?;
        match (self.is_full(), flushed) {
            (true, _) => Ok(()),
            (false, true) => f.write_str(": who loses that disk loses records"),
            (false, false) => f.write_str(": a machine that loses its power loses records"),
        }
    }
}

/// What is known of the brokers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assurance {
    /// `None` where the brokers do not tell all of it.
    pub durability: Option<Durability>,
    /// What they do not tell this user, so that it is not known whether it is as it must be.
    pub unknown: Vec<String>,
}

/// A broker must ask whether a partition belongs to the transaction that is written there: without it a record that comes
/// late is left over and blocks every reader (KIP-890).
const VERIFICATION: &str = "transaction.partition.verification.enable";

/// Sees to it that brokers do what exactly once rests on; returns what they do for the records of a topic. What a broker does
/// not tell, as it has no such setting or this user may not see it, is unknown and no reason to refuse it.
///
/// # Errors
/// They do not answer; one of them says that it does not verify partitions of transactions, or the topic is not there.
pub fn look_at_brokers(cluster: &Cluster, topic: &str) -> Result<Assurance, TransportError> {
    greet(cluster)?;
    let admin = admin(cluster)?;
    let metadata = admin.inner().fetch_metadata(Some(topic), ASK).map_err(|error| trouble(topic, &error))?;
    let mut unknown = Vec::new();
    // Each broker answers for itself.
    for broker in metadata.brokers() {
        let who = format!("broker {}", broker.id());
        let about = about(&admin, &ResourceSpecifier::Broker(broker.id()))?;
        unknown.extend(verification(&who, about.as_ref())?);
    }
    let partitions = metadata.topics().first().map_or(&[][..], |topic| topic.partitions());
    let copies = partitions.iter().map(|partition| partition.replicas().len()).min();
    let copies = copies.ok_or_else(|| TransportError::Absent(absent(topic)))?;
    let durability = durability(about(&admin, &ResourceSpecifier::Topic(topic))?.as_ref(), copies);
    if durability.is_none() {
        unknown.push(format!("topic {topic}: how its records are kept"));
    }
    Ok(Assurance { durability, unknown })
}

/// What a broker does not tell of its verification.
///
/// # Errors
/// It does not do it.
fn verification(who: &str, about: Option<&ConfigResource>) -> Result<Option<String>, TransportError> {
    match about.and_then(|about| setting(about, VERIFICATION)) {
        None => Ok(Some(format!("{who}: whether it has {VERIFICATION}"))),
        Some("false") => Err(TransportError::Broken(format!("{who} must have {VERIFICATION}"))),
        Some(_) => Ok(None),
    }
}

/// `None` where the topic's settings do not tell.
fn durability(about: Option<&ConfigResource>, copies: usize) -> Option<Durability> {
    let in_sync = setting(about?, "min.insync.replicas")?.parse().ok()?;
    let flushed = setting(about?, "flush.messages").map(|every| every == "1");
    let full = Durability { copies, in_sync, flushed: flushed == Some(true) };
    (flushed.is_some() || full.is_full()).then_some(full)
}

/// The settings of one broker or topic; `None` where this user may not ask.
fn about(
    admin: &AdminClient<DefaultClientContext>,
    resource: &ResourceSpecifier<'_>,
) -> Result<Option<ConfigResource>, TransportError> {
    let answers = wait(admin.describe_configs([resource], &options())).map_err(|error| trouble("settings", &error))?;
    told(answers.into_iter().next().unwrap_or(Err(RDKafkaErrorCode::Unknown)))
}

/// What was told of a broker or topic; `None` where this user may not ask.
fn told(answer: ConfigResourceResult) -> Result<Option<ConfigResource>, TransportError> {
    match answer {
        Ok(about) => Ok(Some(about)),
        Err(RDKafkaErrorCode::ClusterAuthorizationFailed | RDKafkaErrorCode::TopicAuthorizationFailed) => Ok(None),
        Err(code) => Err(TransportError::Trouble(format!("settings: {code}"))),
    }
}

/// The cluster with what its brokers call it; as it is where that is known already.
///
/// # Errors
/// They do not answer.
pub fn identified(cluster: &Cluster) -> Result<Cluster, TransportError> {
    if !cluster.id.is_empty() {
        return Ok(cluster.clone());
    }
    greet(cluster)?;
    let id = admin(cluster)?.inner().fetch_cluster_id(ASK).filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| TransportError::Trouble("brokers do not say what they call their cluster".into()))?;
    Ok(Cluster { id, ..cluster.clone() })
}

/// What is told of a topic that is not there.
pub(super) fn absent(topic: &str) -> String {
    format!("topic {topic} is not there; `paidonce topics create` makes it")
}

/// The value of a setting; `None` where it is not told: the broker has no such setting, or hides it.
fn setting<'a>(about: &'a ConfigResource, name: &str) -> Option<&'a str> {
    about.entries.iter().find(|entry| entry.name == name)?.value.as_deref()
}

/// Takes everything below an offset of a partition away, for ever.
///
/// # Errors
/// The brokers do not answer, or refuse it.
pub fn delete_records(cluster: &Cluster, topic: &str, partition: u16, below: u64) -> Result<(), TransportError> {
    let what = || format!("{topic}, partition {partition}");
    let offset = i64::try_from(below).map_err(|_| TransportError::Broken(format!("{}: offset {below}", what())))?;
    let mut offsets = TopicPartitionList::new();
    let added = offsets.add_partition_offset(topic, partition.into(), Offset::Offset(offset));
    added.map_err(|error| trouble(topic, &error))?;
    let admin = admin(cluster)?;
    let answer = wait(admin.delete_records(&offsets, &options())).map_err(|error| trouble(topic, &error))?;
    for partition in answer.elements() {
        partition.error().map_err(|error| trouble(&what(), &error))?;
    }
    Ok(())
}

fn admin(cluster: &Cluster) -> Result<AdminClient<DefaultClientContext>, TransportError> {
    AdminClient::from_config(&client(cluster, Client::Admin, &[])?).map_err(|error| trouble("topics", &error))
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(ASK)).operation_timeout(Some(ASK))
}

/// Waits on this thread: the library answers from one of its own.
fn wait<F: Future>(future: F) -> F::Output {
    let (mut future, waker) = (pin!(future), Waker::from(Arc::new(Unpark(std::thread::current()))));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(answer) => return answer,
            Poll::Pending => std::thread::park(),
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::admin::{ConfigEntry, ConfigSource, OwnedResourceSpecifier};

    use super::*;

    fn about(settings: &[(&str, Option<&str>)]) -> ConfigResource {
        let entry = |(name, value): &(&str, Option<&str>)| ConfigEntry {
            name: (*name).to_owned(),
            value: value.map(str::to_owned),
            source: ConfigSource::Default,
            is_read_only: false,
            is_default: true,
            is_sensitive: value.is_none(),
        };
        let entries = settings.iter().map(entry).collect();
        ConfigResource { specifier: OwnedResourceSpecifier::Broker(1), entries }
    }

    #[test]
    fn a_broker_that_does_not_tell_is_unknown_and_not_refused() {
        let told = |settings: &[(&str, Option<&str>)]| verification("broker 1", Some(&about(settings)));
        let unknown = Some(format!("broker 1: whether it has {VERIFICATION}"));
        assert_eq!(told(&[("other", Some("1"))]).unwrap(), unknown, "it has no such setting");
        assert_eq!(told(&[(VERIFICATION, None)]).unwrap(), unknown, "it hides the setting");
        assert_eq!(verification("broker 1", None).unwrap(), unknown, "this user may not ask");
        assert_eq!(told(&[(VERIFICATION, Some("true"))]).unwrap(), None);
        assert!(matches!(told(&[(VERIFICATION, Some("false"))]), Err(TransportError::Broken(_))));
    }

    #[test]
    fn retention_and_compaction_lose_records_where_all_are_to_be_kept() {
        let lost = |name: &str, wanted: &str, settings: &[(&str, &str)]| {
            let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, Some(*value))).collect();
            let about = about(&settings);
            loses(&about, name, setting(&about, name).unwrap(), wanted)
        };
        let for_an_hour = [("cleanup.policy", "delete"), ("retention.ms", "3600000")];
        assert!(lost("retention.ms", "-1", &for_an_hour));
        assert!(!lost("retention.ms", "86400000", &for_an_hour), "requests are kept for some time alone");
        assert!(lost("retention.bytes", "-1", &[("cleanup.policy", "delete"), ("retention.bytes", "1000")]));
        assert!(!lost("retention.bytes", "-1", &[("cleanup.policy", "compact"), ("retention.bytes", "1000")]));
        for compacts in ["compact", "compact,delete"] {
            assert!(lost("cleanup.policy", "delete", &[("cleanup.policy", compacts), ("retention.ms", "-1")]));
        }
        assert!(lost("cleanup.policy", "compact", &for_an_hour), "marks go");
        assert!(!lost("cleanup.policy", "compact", &[("cleanup.policy", "delete"), ("retention.ms", "-1")]));
        assert!(!lost("min.insync.replicas", "2", &[("min.insync.replicas", "1")]));
    }

    #[test]
    fn how_records_are_kept_is_unknown_where_a_part_of_it_is() {
        let told = |in_sync, flush| {
            durability(Some(&about(&[("min.insync.replicas", in_sync), ("flush.messages", flush)])), 3)
        };
        let known = |in_sync, flushed| Some(Durability { copies: 3, in_sync, flushed });
        assert_eq!(told(Some("2"), Some("9223372036854775807")), known(2, false));
        assert_eq!(told(Some("1"), Some("1")), known(1, true));
        assert_eq!(told(Some("2"), None), known(2, false), "two brokers have it, whatever disks do");
        assert_eq!(told(Some("1"), None), None);
        assert_eq!(told(None, Some("1")), None);
        assert_eq!(durability(None, 3), None);
    }
}
