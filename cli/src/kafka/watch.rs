//! Watches the views of a line: metrics of rejects, findings and money, which no task knows by itself.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use stream::kafka::{Cluster, Follower, Lasting, Passing, TaskError, identified, patiently};
use stream::store::{Durability, RocksMemory, RocksStore};

use super::start::say_waiting;
use super::wires::WireFormat;
use crate::observe::{ServedTasks, compared_views};

/// How often a line at work is looked at.
const PAUSE: Duration = Duration::from_millis(500);

/// Watches until `stop` is set. What has been counted is kept in `data`: a restart counts on, and nothing again.
///
/// # Errors
/// The folder is another line's or cannot be used; the registry does not have what views are written with.
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
    let named = patiently(stop, &cluster.brokers, &say_waiting, || identified(cluster))?;
    let Some(cluster) = named else { return Ok(()) };
    let open = || Follower::open(&cluster, &views, Arc::clone(&wire), store.clone());
    let Some(mut follower) = patiently(stop, &cluster.brokers, &say_waiting, open)? else { return Ok(()) };
    let step = || {
        let records = follower.step(&mut |changes| served.metrics.views(changes))?;
        served.ready.store(true, Ordering::Relaxed);
        Ok(records)
    };
    Ok(follow(stop, &mut say_waiting, step)?)
}

/// Steps until `stop` is set. A step may take long, as there may be much to read: `say` hears of trouble that lasts alone.
///
/// # Errors
/// One that does not pass by itself.
fn follow(
    stop: &AtomicBool,
    say: &mut dyn FnMut(&str),
    mut step: impl FnMut() -> Result<u64, TaskError>,
) -> Result<(), TaskError> {
    let mut lasting = Lasting::default();
    while !stop.load(Ordering::Relaxed) {
        match step() {
            Ok(records) => {
                if let Some(after) = lasting.over() {
                    say(&format!("goes on again after {} s", after.as_secs()));
                }
                if records == 0 {
                    std::thread::sleep(PAUSE);
                }
            }
            Err(error) if error.passes(Duration::ZERO) => {
                if lasting.again() {
                    say(&format!("waiting: {error}"));
                }
                std::thread::sleep(PAUSE);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_step_is_no_trouble_and_one_that_comes_again_is_said() {
        let (stop, mut said, mut steps) = (AtomicBool::new(false), Vec::new(), 0);
        let ended = follow(&stop, &mut |text| said.push(text.to_owned()), || {
            steps += 1;
            match steps {
                // Longer than anything that is waited for goes unsaid.
                1 => std::thread::sleep(Duration::from_millis(5_200)),
                2 | 3 => return Err(TaskError::Again("no answer".into())),
                _ => stop.store(true, Ordering::Relaxed),
            }
            Ok(1)
        });
        assert!(ended.is_ok());
        assert_eq!(said[0], "waiting: no answer");
        assert!(said.len() == 2 && said[1].starts_with("goes on again after "), "{said:?}");
    }

    #[test]
    fn what_does_not_pass_ends_it() {
        let broken = || Err(TaskError::Broken("the folder is another line's".into()));
        assert!(follow(&AtomicBool::new(false), &mut |_| (), broken).is_err());
    }
}
