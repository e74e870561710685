//! Which records of the stages' inputs nobody needs any longer.

use crate::kafka::checkpoints::kept_books;
use crate::kafka::ground::last_mark;
use crate::kafka::home::{Checkpoints, TaskIdentity};
use crate::kafka::publisher::INTAKE_ID;
use crate::kafka::task::of_transport;
use crate::kafka::{Cluster, HOP, Incarnation, Mark, StageSpec, TaskError, TaskId, Transport};

/// Records of one partition from `start` up to, and without, `end`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// With the cluster's prefix.
    pub topic: String,
    pub partition: u16,
    pub start: u64,
    pub end: u64,
}

/// What lies below the oldest checkpoint that is kept of its reader, and below all that its writers look at when they
/// come up again. Where a reader has fewer checkpoints than are kept, all of its input is needed.
///
/// # Errors
/// A topic or a checkpoint cannot be read.
pub fn passed<T: Transport>(
    transport: &T,
    cluster: &Cluster,
    line: &[StageSpec],
    checkpoints: &dyn Checkpoints,
) -> Result<Vec<Passed>, TaskError> {
    let marks = cluster.marks();
    let partitions = transport.partitions(&marks).map_err(of_transport)?;
    let mark = |task| last_mark(transport, &marks, Mark::partition(task, partitions), cluster.generation, task);
    let mut passed = Vec::new();
    for spec in line {
        let topic = cluster.topic(&spec.input);
        let writers = match spec.number {
            0 => vec![mark(INTAKE_ID)?],
            _ => (0..spec.writers())
                .map(|partition| mark(TaskId { stage: spec.upstream(), partition }))
                .collect::<Result<_, _>>()?,
        };
        for partition in 0..spec.partitions {
            let (start, _) = transport.bounds(&topic, partition).map_err(of_transport)?;
            let floors = writers.iter().map(|mark| floor(mark.as_ref(), partition));
            let reader = mark(TaskId { stage: spec.number, partition })?;
            let incarnations = reader.map_or(Vec::new(), |mark| mark.incarnations);
            let needed = needed(cluster, spec, checkpoints, partition, &incarnations)?;
            let end = floors.min().unwrap_or(0).min(needed);
            if end > start {
                passed.push(Passed { topic: topic.clone(), partition, start, end });
            }
        }
    }
    Ok(passed)
}

/// First offset that a writer reads again in a partition of its output.
fn floor(mark: Option<&Mark>, partition: u16) -> u64 {
    let written = mark
        .and_then(|mark| mark.outputs.iter().find(|written| written.output == HOP && written.partition == partition));
    written.map_or(0, |written| written.floor.offset)
}

/// First offset that a reader needs when it goes on from the oldest of its checkpoints.
fn needed(
    cluster: &Cluster,
    spec: &StageSpec,
    checkpoints: &dyn Checkpoints,
    partition: u16,
    incarnations: &[Incarnation],
) -> Result<u64, TaskError> {
    let kept = kept_books(checkpoints, &TaskIdentity::of(cluster, spec, partition), incarnations)?;
    Ok(kept.map_or(0, |books| books.iter().map(crate::kafka::recover::needs).min().unwrap_or(0)))
}
