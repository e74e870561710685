//! What a process that writes sees to before it works.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use stream::kafka::{
    Assurance, Cluster, Durability, Event, Observer, TaskId, TransportError, look_at_brokers, patiently, pinned,
};

use crate::run::STAGES;

use crate::say::say;

/// Sees to it that brokers and clients do what exactly once rests on, and says how safe records are; `false` when the
/// process is to stop first. Brokers that do not answer are waited for, and it is said that they are.
///
/// # Errors
/// They do not.
pub fn look_around(cluster: &Cluster, stop: &AtomicBool) -> Result<bool, TransportError> {
    let settings = pinned(cluster)?;
    let Some(told) = patiently(stop, &say_waiting, || durability(cluster))? else { return Ok(false) };
    match told {
        Some(durability) if durability.is_full() => say!("durability: {durability}"),
        Some(durability) => say!("warning: durability: {durability}"),
        None => {}
    }
    tracing::info!(settings, "clients are set");
    Ok(true)
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

/// The observer of a process that serves no metrics: it says what waits, and what people must hear of.
pub struct Unmeasured;

impl Observer for Unmeasured {
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
