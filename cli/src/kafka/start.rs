//! What a process that writes sees to before it works.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use contract::topics::Copies;
use stream::kafka::{
    Assurance, Batch, Cluster, Comparison, Durability, Event, INTAKE, Observer, TaskId, TopicDifference,
    TransportError, compare_topics, identified, look_at_brokers, patiently, pinned,
};

use super::topics::{is_needed, plans};

use crate::run::STAGES;

use crate::say::say;

/// Sees to it that brokers and clients do what exactly once rests on, and that topics keep what the line needs; says how safe
/// records are. Returns the cluster with what it calls itself, `None` when the process is to stop first. Brokers that do not
/// answer are waited for, and it is said that they are.
///
/// # Errors
/// They do not.
pub fn look_around(cluster: &Cluster, partitions: u16, stop: &AtomicBool) -> Result<Option<Cluster>, TransportError> {
    let settings = pinned(cluster)?;
    let Some(told) = patiently(stop, &cluster.brokers, &say_waiting, || durability(cluster))? else { return Ok(None) };
    match told {
        Some(durability) if durability.is_full() => say!("durability: {durability}"),
        Some(durability) => say!("warning: durability: {durability}"),
        None => {}
    }
    tracing::info!(settings, "clients are set");
    let plans = plans(cluster, partitions, told.map_or(Copies { replication: 1, flushed: false }, copies));
    let Some(found) = patiently(stop, &cluster.brokers, &say_waiting, || compare_topics(cluster, &plans))? else {
        return Ok(None);
    };
    keeps_what_is_needed(cluster, &found)?;
    patiently(stop, &cluster.brokers, &say_waiting, || identified(cluster))
}

/// What topics are made with that are as safe as that.
fn copies(durability: Durability) -> Copies {
    Copies { replication: u16::try_from(durability.copies).unwrap_or(u16::MAX), flushed: durability.flushed }
}

/// Warns of settings that differ. What is not there, or has other partitions, whoever uses it finds out.
///
/// # Errors
/// Brokers take records away that a line goes on from.
fn keeps_what_is_needed(cluster: &Cluster, found: &Comparison) -> Result<(), TransportError> {
    const HOW: &str = "`paidonce topics check` tells what brings it right";
    if let [first, more @ ..] = found.unknown.as_slice() {
        say!("warning: brokers do not tell this user: {first}, and {} more of how topics are kept", more.len());
    }
    let settings = found.differences.iter().filter(|difference| difference.setting.is_some());
    let (losing, others): (Vec<_>, Vec<&TopicDifference>) =
        settings.partition(|difference| difference.loses && is_needed(cluster, &difference.topic));
    if let [first, more @ ..] = losing.as_slice() {
        let others = if more.is_empty() { String::new() } else { format!(", and {} more", more.len()) };
        let text = format!("records that the line needs would be lost: topic {first}{others}; {HOW}");
        return Err(TransportError::Broken(text));
    }
    if let [first, more @ ..] = others.as_slice() {
        say!("warning: topic {first}; {} more settings are not as they are made; {HOW}", more.len());
    }
    Ok(())
}

/// What a process says that waits, to whoever started it.
pub fn say_waiting(what: &str) {
    say!("{what}");
}

/// The stage of a task. The intake writes the first stage's input and has no place in the line.
pub fn stage_of(task: TaskId) -> &'static str {
    STAGES.get(usize::from(task.stage)).copied().unwrap_or("intake")
}

/// How often it is said of a task that the same has failed again.
const FAILURES_SAID_EVERY: Duration = Duration::from_secs(60);

/// Says what people must hear of a task, to whoever started the process: that it has stopped, and what has failed that it goes
/// on without.
pub fn say_event(task: TaskId, event: &Event) {
    static SAID: Mutex<BTreeMap<(TaskId, &str), Instant>> = Mutex::new(BTreeMap::new());
    let (stage, partition) = (stage_of(task), task.partition);
    match event {
        Event::Stopped { why } => say!("error: {stage}, partition {partition} has stopped: {why}"),
        Event::Failed { what, why } => {
            let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
            if said.get(&(task, what)).is_none_or(|said| said.elapsed() >= FAILURES_SAID_EVERY) {
                said.insert((task, what), Instant::now());
                say!("warning: {stage}, partition {partition}: {what}: {why}");
            }
        }
        _ => {}
    }
}

/// How often it is said of a task that records of others came.
const DEAD_SAID_EVERY: Duration = Duration::from_secs(60);

/// Records that a task has parked and that nobody was told of yet.
#[derive(Debug, Default)]
struct Parked {
    records: u64,
    said: Option<Instant>,
}

impl Parked {
    /// How many are to be told of now.
    fn told(&mut self, records: u64, now: Instant) -> Option<u64> {
        self.records += records;
        let is_due = self.said.is_none_or(|said| now.duration_since(said) >= DEAD_SAID_EVERY);
        if self.records == 0 || !is_due {
            return None;
        }
        self.said = Some(now);
        Some(std::mem::take(&mut self.records))
    }
}

/// Says of a task that it has parked records of others, to whoever started the process. What the intake parks is told with what
/// it takes in.
pub fn say_dead(task: TaskId, records: u64) {
    static PARKED: Mutex<BTreeMap<TaskId, Parked>> = Mutex::new(BTreeMap::new());
    if task.stage == INTAKE {
        return;
    }
    let mut parked = PARKED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(records) = parked.entry(task).or_default().told(records, Instant::now()) {
        let (stage, partition) = (stage_of(task), task.partition);
        say!(
            "warning: {stage}, partition {partition}: {records} records that no task of this line wrote lie on pos.dead now"
        );
    }
}

/// The observer of a process that serves no metrics: it says what waits, and what people must hear of.
pub struct Unmeasured;

impl Observer for Unmeasured {
    fn committed(&self, task: TaskId, batch: &Batch, _commit: Duration, _apply: Duration) {
        say_dead(task, batch.dead);
    }

    fn event(&self, task: TaskId, event: &Event) {
        say_event(task, event);
    }

    fn waits(&self, what: &str) {
        say_waiting(what);
    }
}

/// How safe records are on brokers that do what exactly once rests on; `None` where they do not tell.
///
/// # Errors
/// The brokers do not answer, do not what they must, or have no topics of ours.
pub fn durability(cluster: &Cluster) -> Result<Option<Durability>, TransportError> {
    let Assurance { durability, unknown } = look_at_brokers(cluster, &cluster.marks())?;
    unknown.iter().for_each(|what| say!("warning: brokers do not tell this user: {what}"));
    Ok(durability)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_loses_needed_records_is_refused() {
        let (brokers, prefix, id) = (String::new(), "eu.".to_owned(), String::new());
        let cluster = Cluster { brokers, prefix, generation: 1, settings: Vec::new(), id };
        let found = |topic: &str, setting: Option<&'static str>, loses| Comparison {
            differences: vec![TopicDifference { topic: topic.into(), what: "x is y".into(), setting, loses }],
            unknown: vec!["a".into(), "b".into()],
            to_set: Vec::new(),
        };
        for topic in ["eu.pos.rows", "eu.pos.log", "eu.pos.marks"] {
            let refused = keeps_what_is_needed(&cluster, &found(topic, Some("retention.ms"), true)).unwrap_err();
            let told = format!("records that the line needs would be lost: topic {topic}: x is y; ");
            assert!(refused.to_string().starts_with(&told), "{refused}");
        }
        for taken in [
            found("eu.pos.rows", Some("max.message.bytes"), false),
            found("eu.pos.rows", None, false),
            found("eu.pos.journal", Some("cleanup.policy"), true),
            Comparison::default(),
        ] {
            keeps_what_is_needed(&cluster, &taken).unwrap();
        }
    }

    #[test]
    fn what_was_parked_is_told_at_most_once_a_minute() {
        let (mut parked, start) = (Parked::default(), Instant::now());
        let told = [(0, 2), (1, 3), (59, 1), (60, 1), (61, 1)]
            .map(|(second, records)| parked.told(records, start + Duration::from_secs(second)));
        assert_eq!(told, [Some(2), None, None, Some(5), None]);
    }
}
