//! What a process that writes sees to before it works.

use std::sync::atomic::AtomicBool;

use stream::kafka::{Assurance, Cluster, Durability, TransportError, look_at_brokers, patiently, pinned};

use crate::say::say;

/// Sees to it that brokers and clients do what exactly once rests on, and says how safe records are; `false` when the
/// process is to stop first.
///
/// # Errors
/// They do not.
pub fn look_around(cluster: &Cluster, stop: &AtomicBool) -> Result<bool, TransportError> {
    let settings = pinned(cluster)?;
    let Some(told) = patiently(stop, || durability(cluster))? else { return Ok(false) };
    match told {
        Some(durability) if durability.is_full() => say!("durability: {durability}"),
        Some(durability) => say!("warning: durability: {durability}"),
        None => {}
    }
    tracing::info!(settings, "clients are set");
    Ok(true)
}

/// How safe records are on brokers that do what exactly once rests on; `None` where this user may not ask.
///
/// # Errors
/// The brokers do not answer, do not what they must, or have no topics of ours.
pub fn durability(cluster: &Cluster) -> Result<Option<Durability>, TransportError> {
    let Assurance { durability, refused } = look_at_brokers(cluster, &cluster.marks())?;
    refused.iter().for_each(|what| say!("warning: brokers do not let this user ask: {what}"));
    Ok(durability)
}
