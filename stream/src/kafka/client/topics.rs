//! Making topics, and telling how they differ from what they should be.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use rdkafka::admin::{AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::FromClientConfig;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

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
            Err((name, code)) => return Err(TransportError::Broken(format!("topic {name} cannot be made: {code}"))),
        }
    }
    Ok(made)
}

/// Everything in which topics differ from their plans, in the order of the plans.
///
/// # Errors
/// The brokers do not answer.
pub fn differences(cluster: &Cluster, plans: &[TopicPlan]) -> Result<Vec<String>, TransportError> {
    let admin = admin(cluster)?;
    let metadata = admin.inner().fetch_metadata(None, ASK).map_err(|error| trouble("topics", &error))?;
    let (mut found, mut there) = (Vec::new(), Vec::new());
    for plan in plans {
        let Some(topic) = metadata.topics().iter().find(|topic| topic.name() == plan.name) else {
            found.push(format!("{}: is not there", plan.name));
            continue;
        };
        let partitions = topic.partitions();
        if partitions.len() != usize::from(plan.partitions) {
            found.push(format!("{}: {} partitions, not {}", plan.name, partitions.len(), plan.partitions));
        }
        let copies = partitions.iter().map(|partition| partition.replicas().len()).min().unwrap_or_default();
        if copies < usize::from(plan.replication) {
            found.push(format!("{}: {copies} replicas, not {}", plan.name, plan.replication));
        }
        there.push(plan);
    }
    let resources: Vec<ResourceSpecifier<'_>> = there.iter().map(|plan| ResourceSpecifier::Topic(&plan.name)).collect();
    let answers = wait(admin.describe_configs(&resources, &options())).map_err(|error| trouble("topics", &error))?;
    for (plan, answer) in there.iter().zip(answers) {
        let about = answer.map_err(|code| TransportError::Trouble(format!("{}: {code}", plan.name)))?;
        for (name, wanted) in &plan.settings {
            let value = setting(&about, name);
            if value != *wanted {
                found.push(format!("{}: {name} is {value:?}, not {wanted}", plan.name));
            }
        }
    }
    Ok(found)
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
    /// `None` where this user may not ask about the topic.
    pub durability: Option<Durability>,
    /// What this user may not ask, so that it is not known whether it is as it must be.
    pub refused: Vec<String>,
}

/// A broker must ask whether a partition belongs to the transaction that is written there: without it a record that comes
/// late is left over and blocks every reader (KIP-890).
const VERIFICATION: &str = "transaction.partition.verification.enable";

/// Sees to it that brokers do what exactly once rests on; returns what they do for the records of a topic.
///
/// # Errors
/// They do not answer; one of them does not verify partitions of transactions, or the topic is not there.
pub fn look_at_brokers(cluster: &Cluster, topic: &str) -> Result<Assurance, TransportError> {
    let admin = admin(cluster)?;
    let metadata = admin.inner().fetch_metadata(Some(topic), ASK).map_err(|error| trouble(topic, &error))?;
    let mut refused = Vec::new();
    // Each broker answers for itself.
    for broker in metadata.brokers() {
        let who = format!("broker {}", broker.id());
        match about(&admin, &ResourceSpecifier::Broker(broker.id()))? {
            None => refused.push(format!("{who}: whether it has {VERIFICATION}")),
            Some(about) if setting(&about, VERIFICATION) == "true" => {}
            Some(_) => return Err(TransportError::Broken(format!("{who} must have {VERIFICATION}"))),
        }
    }
    let partitions = metadata.topics().first().map_or(&[][..], |topic| topic.partitions());
    let copies = partitions.iter().map(|partition| partition.replicas().len()).min();
    let copies = copies.ok_or_else(|| TransportError::Broken(absent(topic)))?;
    let about = about(&admin, &ResourceSpecifier::Topic(topic))?;
    if about.is_none() {
        refused.push(format!("topic {topic}: how its records are kept"));
    }
    let durability = about.map(|about| Durability {
        copies,
        in_sync: setting(&about, "min.insync.replicas").parse().unwrap_or(1),
        flushed: setting(&about, "flush.messages") == "1",
    });
    Ok(Assurance { durability, refused })
}

/// The settings of one broker or topic; `None` where this user may not ask.
fn about(
    admin: &AdminClient<DefaultClientContext>,
    resource: &ResourceSpecifier<'_>,
) -> Result<Option<ConfigResource>, TransportError> {
    let answers = wait(admin.describe_configs([resource], &options())).map_err(|error| trouble("settings", &error))?;
    match answers.into_iter().next() {
        Some(Ok(about)) => Ok(Some(about)),
        Some(Err(RDKafkaErrorCode::ClusterAuthorizationFailed | RDKafkaErrorCode::TopicAuthorizationFailed)) => {
            Ok(None)
        }
        Some(Err(code)) => Err(TransportError::Trouble(format!("settings: {code}"))),
        None => Err(TransportError::Trouble("settings: no answer".to_owned())),
    }
}

/// What is told of a topic that is not there.
pub(super) fn absent(topic: &str) -> String {
    format!("topic {topic} is not there; `paidonce topics create` makes it")
}

fn setting(about: &ConfigResource, name: &str) -> String {
    about.get(name).and_then(|entry| entry.value.clone()).unwrap_or_default()
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
