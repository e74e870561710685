//! What a process that writes sees to before it works.

use std::sync::atomic::AtomicBool;

use stream::kafka::{Assurance, Cluster, Durability, Observer, TransportError, look_at_brokers, patiently, pinned};

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

/// The observer of a process that serves no metrics: it says what waits.
pub struct Unmeasured;

impl Observer for Unmeasured {
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
