//! An ordinary data directory, made from what a line on a cluster has published and from the states of its tasks.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use contract::Topic;
use contract::topics::VIEWS;
use stream::DataDirectory;
use stream::kafka::{Cluster, Gathering, KafkaTransport, StageSpec, Standing, Survey, TaskError, published_log};

use super::intake::LOG;
use super::wires::WireFormat;
use crate::run::{STAGES, blob_folder};
use crate::say::say;

/// How often a line at work is looked at again.
const PAUSE: Duration = Duration::from_millis(300);

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

/// Makes the data directory `out`.
///
/// # Errors
/// It is there already; the line still has work when the time is up; a task's state cannot be found.
pub fn collect(collection: &Collection<'_>, out: &Path) -> anyhow::Result<()> {
    ensure!(!out.exists(), "{} is there already; collect into a new folder", out.display());
    let Collection { cluster, line, wires, blobs, .. } = collection;
    is_there(blobs)?;
    let transport = KafkaTransport::new(cluster)?;
    let partitions = line[0].partitions;
    let deadline = Instant::now() + collection.wait;
    let survey = drained(&transport, collection, deadline)?;
    // Processes that have just begun may have none before.
    collection.tasks.iter().try_for_each(|folder| is_there(folder))?;
    let controls = survey.intake.as_ref().map_or(0, |mark| mark.complete);
    let mut gathering = Gathering::into(DataDirectory::open(out, partitions)?, &STAGES)?;
    gathering.log(&published_log(&transport, cluster, LOG, partitions)?)?;
    let views = wires.views()?;
    for (topic, view) in Topic::ALL.iter().zip(VIEWS) {
        gathering.view(&transport, cluster, (*topic as u8, view.name), views.as_ref())?;
    }
    let folders: Vec<&Path> = collection.tasks.iter().map(PathBuf::as_path).collect();
    for standing in &survey.tasks {
        state(&mut gathering, standing, &folders, deadline)?;
    }
    gathering.finish(controls)?;
    copy_folder(blobs, &blob_folder(out)).context("blobs cannot be copied")
}

/// A folder with a slip in its name would be taken for an empty one.
fn is_there(folder: &Path) -> anyhow::Result<()> {
    ensure!(folder.is_dir(), "there is no folder {}", folder.display());
    Ok(())
}

fn drained(transport: &KafkaTransport, collection: &Collection<'_>, deadline: Instant) -> anyhow::Result<Survey> {
    let mut told = BTreeSet::new();
    loop {
        let survey = match Survey::take(transport, collection.cluster, collection.line) {
            Err(TaskError::Again(why)) if Instant::now() < deadline => {
                tracing::info!(why, "waiting for the brokers");
                std::thread::sleep(PAUSE);
                continue;
            }
            taken => taken?,
        };
        let Some(Standing { stage, task, mark, waiting, .. }) = survey.busy() else { return Ok(survey) };
        // It may go on yet, where people see to it.
        for (Standing { stage, task, .. }, why) in survey.stopped() {
            if told.insert((*task, why.to_owned())) {
                say!("warning: {stage}, partition {} has stopped: {why}", task.partition);
            }
        }
        if Instant::now() > deadline {
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

/// A task applies what it has published a moment later.
fn state(
    gathering: &mut Gathering,
    standing: &Standing,
    folders: &[&Path],
    deadline: Instant,
) -> Result<(), TaskError> {
    loop {
        match gathering.state(standing, folders) {
            Err(TaskError::Again(_)) if Instant::now() < deadline => std::thread::sleep(PAUSE),
            done => return done,
        }
    }
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
