//! A data directory of the embedded engine, made from what a line on a cluster has published.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::kafka::folder::folder_name;
use crate::kafka::held::HELD;
use crate::kafka::home::{FORMAT, book_of};
use crate::kafka::task::of_transport;
use crate::kafka::voices::Voices;
use crate::kafka::{Cluster, Received, Standing, TaskError, TaskId, Transport, ViewWire};
use crate::store::{Changes, Column, RocksStore, Store};
use crate::{Committed, DataDirectory, Position, StorageError};

/// Keys written at once.
const CHUNK: usize = 20_000;
/// Bytes in front of the table in a stored key of the state.
const TABLE: usize = 3;

/// A data directory that is being filled.
pub struct Gathering {
    directory: DataDirectory,
}

impl Gathering {
    /// Fills `directory`, which must be empty; `names` are those of the stages.
    pub fn into(directory: DataDirectory, names: &[&str]) -> Result<Gathering, StorageError> {
        if directory.committed() != Committed::default() || !directory.log().is_empty() {
            return Err(StorageError::new("data directory holds something already"));
        }
        directory.check_line(names).map_err(|error| StorageError::new(error.to_string()))?;
        Ok(Gathering { directory })
    }

    /// Takes the entries of the log.
    pub fn log(&mut self, entries: &[Vec<u8>]) -> Result<(), StorageError> {
        let log = self.directory.log();
        for chunk in entries.chunks(CHUNK) {
            log.append_all(&chunk.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
        }
        Ok(())
    }

    /// Takes a view: `number` names it in the store, `topic` on the cluster.
    pub fn view<T: Transport>(
        &mut self,
        transport: &T,
        cluster: &Cluster,
        (number, topic): (u8, &str),
        wire: &dyn ViewWire,
    ) -> Result<(), TaskError> {
        let topic = cluster.topic(topic);
        let mut latest = Latest::default();
        for partition in 0..transport.partitions(&topic).map_err(of_transport)? {
            let (start, _) = transport.bounds(&topic, partition).map_err(of_transport)?;
            let visit = &mut |received: Received<'_>| latest.see(cluster.generation, received);
            transport.read_to_end(&topic, partition, start, visit).map_err(of_transport)?;
        }
        let store = self.directory.store();
        let mut changes = Changes::default();
        for (key, value) in latest.values() {
            let value = wire.decode(number, value).map_err(|error| error.in_record_of(&topic))?;
            changes.put(&[number], key, &value);
            if changes.len() >= CHUNK {
                store.write(&[(Column::Views, &std::mem::take(&mut changes))])?;
            }
        }
        Ok(store.write(&[(Column::Views, &changes)])?)
    }

    /// Takes the state of a task from the first of `folders` where it stands as its mark says.
    ///
    /// # Errors
    /// As of [`state_of`].
    pub fn state(&mut self, cluster: &Cluster, standing: &Standing, folders: &[&Path]) -> Result<(), TaskError> {
        match state_of(cluster, standing, folders)? {
            Some(store) => Ok(copy(&store, standing.task, &self.directory.store())?),
            None => Ok(()),
        }
    }

    /// Says how far the directory has come, and gives it back.
    pub fn finish(mut self, controls: u64) -> Result<DataDirectory, StorageError> {
        let position = Position { entry: self.directory.log().len(), index: Position::CONTROL };
        let committed = Committed { epoch: 1, position, control: controls, ..Committed::default() };
        self.directory.commit(&[], &Changes::default(), committed)?;
        Ok(self.directory)
    }
}

/// The store of a task where it stands as its mark says, in the first of `folders` that has it; `None` where the task has none.
///
/// # Errors
/// [`TaskError::Again`] where it stands so in none of them, [`TaskError::Broken`] where it does in another layout alone.
pub fn state_of(cluster: &Cluster, standing: &Standing, folders: &[&Path]) -> Result<Option<RocksStore>, TaskError> {
    let Some(mark) = &standing.mark else { return Ok(None) };
    let name = folder_name(standing.stage, standing.task.partition);
    let mut other_layout = None;
    for folder in folders {
        let path = folder.join("tasks").join(&name).join("store");
        if !path.exists() {
            continue;
        }
        let store = RocksStore::open_read_only(&path)?;
        let Some((identity, book)) = book_of(&store)? else { continue };
        let book = book.reborn(&mark.incarnations);
        let stands = identity.generation == mark.generation
            && (book.place, &book.hash) == (mark.place, &mark.hash)
            && book.complete == mark.complete;
        let is_of_line = (&identity.cluster, &identity.prefix) == (&cluster.id, &cluster.prefix);
        if stands && identity.format == FORMAT && is_of_line {
            return Ok(Some(store));
        }
        if stands && identity.format != FORMAT {
            other_layout = Some(identity.format);
        }
    }
    if let Some(found) = other_layout {
        let text = format!(
            "store of task {name} has format {found}, this build reads format {FORMAT}: \
             collect with the build that made it"
        );
        return Err(TaskError::Broken(text));
    }
    let text = format!("no folder holds task {name} as its last mark says; it may be at work, or its disk is gone");
    Err(TaskError::Again(text))
}

fn copy(from: &RocksStore, task: TaskId, to: &Arc<dyn Store>) -> Result<(), StorageError> {
    let mut cursor = from.cursor(Column::State);
    let mut changes = Changes::default();
    cursor.seek(&[])?;
    while let Some((key, value)) = cursor.entry() {
        let (head, _) = key.split_at(TABLE);
        if head[0] != task.stage || head[1..] != task.partition.to_be_bytes() {
            return Err(StorageError::new(format!("store of {task} holds state of another task")));
        }
        if key[TABLE] != HELD.0 {
            changes.put(key, &[], value);
        }
        if changes.len() >= CHUNK {
            to.write(&[(Column::State, &std::mem::take(&mut changes))])?;
        }
        cursor.next()?;
    }
    to.write(&[(Column::State, &changes)])
}

/// What the writers of a view said last under each key.
#[derive(Default)]
struct Latest {
    keys: BTreeMap<Vec<u8>, Voices>,
}

impl Latest {
    fn see(&mut self, generation: u32, received: Received<'_>) {
        let (Some(label), Some(key)) = (received.label, received.key) else { return };
        if label.origin.generation == generation {
            self.keys.entry(key.to_vec()).or_default().hear(label, received.value);
        }
    }

    fn values(&self) -> impl Iterator<Item = (&Vec<u8>, &[u8])> {
        self.keys.iter().filter_map(|(key, voices)| Some((key, voices.value()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::checkpoints::tests::identity;
    use crate::kafka::home::{TaskIdentity, apply, look};
    use crate::kafka::{Book, Kind, Label, Mark};

    #[test]
    fn a_state_of_another_layout_or_line_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let directory = DataDirectory::open(&folder.path().join("data"), 1).unwrap();
        let mut gathering = Gathering::into(directory, &["one"]).unwrap();
        let (generation, task) = (1, TaskId { stage: 0, partition: 0 });
        let mark = Mark { generation, ..Mark::up_to(task, 5) };
        let book = Book { place: mark.place, ..Book::new(1, 1) };
        let standing = Standing { stage: "one", task, mark: Some(mark), waiting: 0, stopped: None };
        let laid = |format, prefix: &str| {
            let data = folder.path().join(format!("format {format} {prefix}"));
            let path = data.join("tasks/one-0/store");
            std::fs::create_dir_all(&path).unwrap();
            let store = RocksStore::open(&path).unwrap();
            let identity = TaskIdentity { format, prefix: prefix.to_owned(), ..identity(task, "one", generation) };
            look(&store, &identity).unwrap().unwrap();
            apply(&store, &Changes::default(), &book).unwrap();
            data
        };
        let (own, other, foreign) = (laid(FORMAT, ""), laid(FORMAT - 1, ""), laid(FORMAT, "eu."));
        let (brokers, prefix, id) = (String::new(), String::new(), "here".to_owned());
        let cluster = Cluster { brokers, prefix, generation, settings: Vec::new(), id };
        let mut told =
            |folders: &[&Path]| gathering.state(&cluster, &standing, folders).map_err(|error| error.to_string());
        let refused = told(&[&foreign]).unwrap_err();
        assert!(refused.starts_with("no folder holds task one-0"), "{refused}");
        assert_eq!(told(&[&foreign, &other, &own]), Ok(()));
        let refused = told(&[&other]).unwrap_err();
        assert!(refused.ends_with(": collect with the build that made it"), "{refused}");
    }

    #[test]
    fn the_last_word_of_each_writer_counts_and_one_that_holds_a_key_keeps_it() {
        let mut latest = Latest::default();
        let mut see = |generation, stage, partition, number, key: &[u8], value: Option<&[u8]>| {
            let origin = crate::kafka::Origin { generation, task: TaskId { stage, partition } };
            let label = Label { origin, number, stamp: 0, kind: Kind::Data };
            latest.see(
                1,
                Received { offset: 0, key: Some(key), value, label: Some(&label), headers: &[], timestamp: None },
            );
        };
        see(1, 0, 0, 2, b"sent again", Some(b"new"));
        see(1, 0, 0, 1, b"sent again", Some(b"old"));
        see(1, 2, 0, 1, b"moved", Some(b"there"));
        see(1, 2, 1, 9, b"moved", None);
        see(1, 1, 0, 3, b"two stages", Some(b"first"));
        see(1, 2, 0, 2, b"two stages", Some(b"second"));
        see(1, 1, 0, 4, b"gone", Some(b"x"));
        see(1, 1, 0, 5, b"gone", None);
        see(2, 1, 0, 6, b"another generation", Some(b"x"));
        let values: Vec<(&[u8], &[u8])> = latest.values().map(|(key, value)| (&key[..], value)).collect();
        let wanted: [(&[u8], &[u8]); 3] = [(b"moved", b"there"), (b"sent again", b"new"), (b"two stages", b"second")];
        assert_eq!(values, wanted);
    }
}
