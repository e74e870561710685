//! Watches the views of a line: metrics of rejects, findings and money, which no task knows by itself.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use stream::kafka::{Cluster, Follower, patiently};
use stream::store::{Durability, RocksMemory, RocksStore};

use super::start::say_waiting;
use super::wires::WireFormat;
use crate::observe::{ServedTasks, compared_views};

/// How often a line at work is looked at.
const PAUSE: Duration = Duration::from_millis(500);

/// Watches until `stop` is set. What has been counted is kept in `data`: a restart counts on, and nothing again.
///
/// # Errors
/// The folder is another line's or cannot be used; topics are missing; the registry does not have what views are
/// written with.
pub fn watch(
    cluster: &Cluster,
    wires: &WireFormat,
    data: &Path,
    served: &ServedTasks,
    stop: &AtomicBool,
) -> anyhow::Result<()> {
    let store = RocksStore::open_sharing(data, &RocksMemory::default(), Durability::Process);
    let store = Arc::new(store.with_context(|| format!("{} cannot be used", data.display()))?);
    let (views, wire) = (compared_views(), wires.views()?);
    let open = || Follower::open(cluster, &views, Arc::clone(&wire), store.clone());
    let Some(mut follower) = patiently(stop, &say_waiting, open)? else { return Ok(()) };
    while let Some(records) =
        patiently(stop, &say_waiting, || follower.step(&mut |changes| served.metrics.views(changes)))?
    {
        served.ready.store(true, Ordering::Relaxed);
        if records == 0 {
            std::thread::sleep(PAUSE);
        }
    }
    Ok(())
}
