//! An ordinary data directory, made from what a line on a cluster has published and from the states of its tasks.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use contract::Topic;
use contract::topics::VIEWS;
use stream::DataDirectory;
use stream::kafka::{
    Cluster, Gathering, KafkaTransport, Passing, StageSpec, Standing, Survey, TaskError, identified, published_log,
    state_of,
};

use super::intake::LOG;
use super::topics::check_line;
use super::wires::WireFormat;
use crate::run::{STAGES, blob_folder};
use crate::say::say;

/// How often a line at work is looked at again.
const PAUSE: Duration = Duration::from_millis(300);
/// By then every broker has heard of a topic that is there, and of its leaders.
const HEARD_OF: Duration = Duration::from_secs(15);

/// What to collect, and from where.
pub struct Collection<'a> {
    pub cluster: &'a Cluster,
    pub line: &'a [StageSpec],
    pub wires: &'a WireFormat,
    /// Data directories of the processes.
    pub tasks: &'a [PathBuf],
    pub blobs: &'a Path,
    /// How long to wait until everything that came in is done.
    pub wait: Duration,
}

/// Makes the data directory `out`: beside it first, and under its name once it is whole.
///
/// # Errors
/// It is there already; topics are other ones; the line still has work when the time is up; a task's state cannot be found.
pub fn collect(collection: &Collection<'_>, out: &Path) -> anyhow::Result<()> {
    is_free(out)?;
    is_there(collection.blobs)?;
    let wait = Wait { until: Instant::now() + collection.wait, brokers_until: Instant::now() + HEARD_OF };
    let cluster = &wait.on(|| identified(collection.cluster))?;
    let transport = KafkaTransport::new(cluster)?;
    wait.on(|| check_line(&transport, cluster, collection.line[0].partitions))?;
    let survey = drained(&transport, cluster, collection.line, &wait)?;
    // Processes that have just begun may have none before.
    collection.tasks.iter().try_for_each(|folder| is_there(folder))?;
    let folders: Vec<&Path> = collection.tasks.iter().map(PathBuf::as_path).collect();
    for standing in &survey.tasks {
        wait.for_state(|| state_of(cluster, standing, &folders).map(drop))?;
    }
    let partial = partial_of(out);
    ensure!(!DataDirectory::is_written(&partial), "another process collects into {} now", partial.display());
    // Left behind by one that was killed.
    remove(&partial)?;
    let made =
        fill(collection, (&transport, cluster), &survey, &wait, &partial).and_then(|()| put_in_place(&partial, out));
    if made.is_err()
        && let Err(error) = remove(&partial)
    {
        say!("warning: {} is left behind: {error}", partial.display());
    }
    made
}

fn fill(
    collection: &Collection<'_>,
    (transport, cluster): (&KafkaTransport, &Cluster),
    survey: &Survey,
    wait: &Wait,
    partial: &Path,
) -> anyhow::Result<()> {
    let Collection { line, wires, blobs, .. } = collection;
    let partitions = line[0].partitions;
    let controls = survey.intake.as_ref().map_or(0, |mark| mark.complete);
    let mut gathering = Gathering::into(DataDirectory::open(partial, partitions)?, &STAGES)?;
    gathering.log(&wait.on(|| published_log(transport, cluster, LOG, partitions))?)?;
    let views = wires.views()?;
    for (topic, view) in Topic::ALL.iter().zip(VIEWS) {
        wait.on(|| gathering.view(transport, cluster, (*topic as u8, view.name), views.as_ref()))?;
    }
    let folders: Vec<&Path> = collection.tasks.iter().map(PathBuf::as_path).collect();
    for standing in &survey.tasks {
        wait.for_state(|| gathering.state(cluster, standing, &folders))?;
    }
    gathering.finish(controls)?;
    copy_folder(blobs, &blob_folder(partial)).context("blobs cannot be copied")
}

/// What was told outside of a directory that was there before must not be forgotten, so its witness counts.
fn is_free(out: &Path) -> anyhow::Result<()> {
    for there in [out, &witness_of(out)] {
        ensure!(!there.exists(), "{} is there already; collect into a new folder", there.display());
    }
    Ok(())
}

/// Where a directory is made that is not whole yet.
fn partial_of(out: &Path) -> PathBuf {
    beside(out, ".partial")
}

/// A path with this behind its last name.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut whole: OsString = path.components().collect::<PathBuf>().into_os_string();
    whole.push(ending);
    whole.into()
}

/// The witness of a directory lies beside it.
fn witness_of(directory: &Path) -> PathBuf {
    beside(directory, ".witness")
}

/// The directory comes last: without it there is nothing to read.
fn put_in_place(partial: &Path, out: &Path) -> anyhow::Result<()> {
    is_free(out)?;
    let moved = fs::rename(witness_of(partial), witness_of(out)).and_then(|()| {
        fs::rename(partial, out).inspect_err(|_| drop(fs::rename(witness_of(out), witness_of(partial))))
    });
    let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let synced = moved.and_then(|()| File::open(parent)?.sync_all());
    synced.with_context(|| format!("{} cannot be put in its place", out.display()))
}

fn remove(directory: &Path) -> std::io::Result<()> {
    let absent_is_fine = |done: std::io::Result<()>| match done {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        done => done,
    };
    absent_is_fine(fs::remove_dir_all(directory))?;
    absent_is_fine(fs::remove_file(witness_of(directory)))
}

/// A folder with a slip in its name would be taken for an empty one.
fn is_there(folder: &Path) -> anyhow::Result<()> {
    ensure!(folder.is_dir(), "there is no folder {}", folder.display());
    Ok(())
}

/// How long to wait.
struct Wait {
    /// For the line's work.
    until: Instant,
    /// For brokers, which may not know yet of topics, or of their leaders, that were made a moment ago.
    brokers_until: Instant,
}

impl Wait {
    /// Asks brokers, and again as long as what they say may pass.
    fn on<R, E: Passing>(&self, mut ask: impl FnMut() -> Result<R, E>) -> Result<R, E> {
        let deadline = self.until.max(self.brokers_until);
        loop {
            match ask() {
                Err(error) if error.passes(Duration::ZERO) && Instant::now() < deadline => {
                    tracing::info!(%error, "waiting for the brokers");
                    std::thread::sleep(PAUSE);
                }
                answer => return answer,
            }
        }
    }

    /// A task applies what it has published a moment later.
    fn for_state(&self, mut look: impl FnMut() -> Result<(), TaskError>) -> Result<(), TaskError> {
        loop {
            match look() {
                Err(TaskError::Again(_)) if Instant::now() < self.until => std::thread::sleep(PAUSE),
                done => return done,
            }
        }
    }
}

fn drained(transport: &KafkaTransport, cluster: &Cluster, line: &[StageSpec], wait: &Wait) -> anyhow::Result<Survey> {
    let mut told = BTreeSet::new();
    loop {
        let survey = wait.on(|| Survey::take(transport, cluster, line))?;
        let Some(Standing { stage, task, mark, waiting, .. }) = survey.busy() else { return Ok(survey) };
        // It may go on yet, where people see to it.
        for (Standing { stage, task, .. }, why) in survey.stopped() {
            if told.insert((*task, why.to_owned())) {
                say!("warning: {stage}, partition {} has stopped: {why}", task.partition);
            }
        }
        if Instant::now() > wait.until {
            let asked = survey.intake.as_ref().map_or(0, |mark| mark.complete);
            let (complete, held) = mark.as_ref().map_or((0, 0), |mark| (mark.complete, mark.held));
            let partition = task.partition;
            bail!(
                "{stage}, partition {partition} is not done: {waiting} records wait for it, it holds {held}, \
                 control {complete} of {asked} is complete{}",
                stopped(&survey)
            );
        }
        std::thread::sleep(PAUSE);
    }
}

/// Tasks that have stopped, for the end of a sentence.
fn stopped(survey: &Survey) -> String {
    let told = survey.stopped().map(|(Standing { stage, task, .. }, why)| {
        format!("; {stage}, partition {} has stopped: {why}", task.partition)
    });
    told.collect()
}

fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_and_its_witness_come_into_their_place_together_or_not_at_all() {
        let scratch = tempfile::tempdir().unwrap();
        let out = scratch.path().join("result");
        let partial = partial_of(&out);
        let make = || {
            drop(DataDirectory::open(&partial, 1).unwrap());
            assert!(partial.is_dir() && witness_of(&partial).is_file());
        };
        make();
        put_in_place(&partial, &out).unwrap();
        assert!(!partial.exists() && !witness_of(&partial).exists());
        drop(DataDirectory::open(&out, 1).unwrap());

        // Something has come there meanwhile.
        make();
        assert!(put_in_place(&partial, &out).is_err());
        remove(&partial).unwrap();
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 2, "what was there, and its witness");
        remove(&partial).unwrap();
    }

    #[test]
    fn a_folder_is_named_with_or_without_a_stroke_behind_it() {
        assert_eq!(partial_of(Path::new("a/result/")), Path::new("a/result.partial"));
        assert_eq!(witness_of(Path::new("result")), Path::new("result.witness"));
    }
}
