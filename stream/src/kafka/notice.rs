//! What a task that has stopped leaves beside its mark: why it did, for people who look from elsewhere.
//!
//! A notice lies where the task's marks lie, under a key of its own, and stands until a mark of the task lies behind it. So
//! whoever goes on, or is repaired, withdraws it by the next mark.

use crate::kafka::task::of_transport;
use crate::kafka::{Cluster, Mark, Sending, StageSpec, TaskError, TaskId, Transport, Writer, writer_name};

/// Layout of notices.
const VERSION: u8 = 1;
/// A reason that is longer is cut.
const WHY_BYTES: usize = 4_000;

/// Key of a task's notices: longer than any mark's.
pub(crate) fn key(generation: u32, task: TaskId) -> Vec<u8> {
    [Mark::key(generation, task).as_slice(), b"stopped"].concat()
}

/// The reason in a notice. One of another layout says at least that there is one.
pub(crate) fn read(value: &[u8]) -> String {
    match value.split_first() {
        Some((&VERSION, why)) => String::from_utf8_lossy(why).into_owned(),
        _ => "another build has left word of it that this one cannot read".to_owned(),
    }
}

/// Leaves word that a task has stopped, by a writer that no task has: its own may be another process's by now.
///
/// # Errors
/// It is not known whether the word is there.
pub fn leave_notice<T: Transport>(
    transport: &T,
    cluster: &Cluster,
    spec: &StageSpec,
    partition: u16,
    why: &str,
) -> Result<(), TaskError> {
    let task = TaskId { stage: spec.number, partition };
    let (topic, key) = (cluster.marks(), key(cluster.generation, task));
    let end = (0..=WHY_BYTES.min(why.len())).rev().find(|end| why.is_char_boundary(*end));
    let value = [&[VERSION], &why.as_bytes()[..end.unwrap_or(0)]].concat();
    let partition_of_marks = Mark::partition(task, transport.partitions(&topic).map_err(of_transport)?);
    let name = format!("{}.stopped", writer_name(cluster, spec.name, partition));
    let mut writer = transport.writer(&name, 1).map_err(of_transport)?;
    let (topic, key, value) = (topic.as_str(), Some(key.as_slice()), Some(value.as_slice()));
    writer.send(Sending { topic, partition: partition_of_marks, key, value, label: None, slot: 0 })?;
    Ok(writer.commit()?)
}
