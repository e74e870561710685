//! The intake on a cluster: what enters the log is published, for the first stage and as the log itself.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use contract::FeedEvent;
use contract::topics::HOPS;
use stream::kafka::home::must_belong;
use stream::kafka::{
    Cluster, DeadLetter, Desk, Event, INTAKE, KafkaTransport, Lasting, Observer, OlderLog, Place, Publisher, Repairs,
    Stop, TaskError, TaskId, TaskOptions, TransportError, check_partitions, older_log, patiently, place_of,
    published_log,
};
use stream::{Committed, DataDirectory, Feed, Log, Position, Source, SourceError};

use super::foreign::Foreign;
use super::start::{look_around, say_waiting};
use super::{LOGIC, LOGIC_OLDEST, config, wires};
use crate::configuration::Configuration;
use crate::run::blobs::BlobFolder;
use crate::run::entry::Entry;
use crate::run::plan::Plan;
use crate::run::source::{Intake, Recorded};
use crate::run::{News, Options};
use crate::say::say;

/// Topic of the log, by its name in the table.
pub const LOG: &str = "pos.log";
/// Pauses before a publisher is opened again: the first, and the longest.
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// How often the intake tells how much it has taken in and not published yet.
const TELL: Duration = Duration::from_secs(1);
/// An intake that is fenced twice within this time has a rival.
const RIVALS: Duration = Duration::from_secs(600);

/// What to take in, and where it goes.
pub struct Inlet {
    pub options: Options,
    /// Where raw files are put for all processes.
    pub blobs: PathBuf,
    pub cluster: Cluster,
    pub observer: Arc<dyn Observer>,
    pub wires: wires::WireFormat,
}

/// Takes in what lies in the folders and publishes it, until all is done or `stop` is set; returns how many remarks
/// were told. `ready` is set when the publisher is at work.
///
/// # Errors
/// The brokers are not as they should be, another intake has taken over, the log differs from the published one, or a disk
/// fails. Trouble with the brokers is none: it waits.
pub fn intake(
    configuration: &Configuration,
    inlet: &Inlet,
    stop: &AtomicBool,
    ready: &AtomicBool,
    tell: &(dyn Fn(News<'_>) + Sync),
) -> anyhow::Result<u64> {
    let options = &inlet.options;
    let partitions = configuration.tenant.partitions;
    // It may have been made in a generation with other partitions.
    let directory = DataDirectory::open_for_log(&options.data, partitions)?;
    let blobs = BlobFolder::open(inlet.blobs.clone()).context("blobs cannot be kept")?;
    let Some(cluster) = look_around(&inlet.cluster, partitions, stop)? else { return Ok(0) };
    let cluster = &cluster;
    let transport = Arc::new(KafkaTransport::new(cluster)?);
    let task_options = Arc::new(TaskOptions::new(&options.data));
    let stream::kafka::Wires { input: item, control, dead, .. } = inlet.wires.ingest()?;
    let desk = Desk {
        cluster: Arc::new(cluster.clone()),
        topics: (HOPS[0].name.to_owned(), LOG.to_owned()),
        partitions,
        logic: LOGIC_OLDEST..=LOGIC,
        config: config(&configuration.digest),
        item,
        control,
        dead,
        options: Arc::clone(&task_options),
        transport: Arc::clone(&transport),
        observer: Arc::clone(&inlet.observer),
    };
    let written = [HOPS[0].name, LOG].map(|name| cluster.topic(name)).into_iter().chain([cluster.dead()]);
    let opened = patiently(stop, &cluster.brokers, &say_waiting, || {
        check_partitions(transport.as_ref(), written.clone(), partitions)?;
        Repairs::open(cluster, &transport, &task_options)
    })?;
    let Some(mut repairs) = opened else { return Ok(0) };
    must_belong(directory.store().as_ref(), cluster)?;
    let log = directory.log();
    let (feeds, registry) = (&configuration.feeds, inlet.wires.registry());
    let mut foreign = Foreign::new(feeds, transport.clone(), registry, &options.data, options.until_idle, stop);
    let (mut limits, mut pause, lasting) = (BTreeMap::new(), PAUSE, RefCell::new(Lasting::default()));
    let (mut fenced, mut inherits) = (None, true);
    let mut remarks = 0;
    let (itself, observer) = (TaskId { stage: INTAKE, partition: 0 }, &inlet.observer);
    while !stop.load(Ordering::Relaxed) {
        let opened = Instant::now();
        let mut work = || -> Result<Ended, Failure> {
            let mut publisher = Publisher::open(&desk, &limits)?;
            limits.clear();
            let entries = published_log(transport.as_ref(), cluster, LOG, partitions)?;
            catch_up(&log, &entries, &told_folder(&options.data))?;
            let published = publisher.entries();
            if log.len() < published {
                let why = format!("{published} log entries were published, only {} can be found", log.len());
                return Err(anyhow::anyhow!(why).into());
            }
            if inherits && let Some(older) = older(&transport, cluster)? {
                inherit(&log, &entries, &older, &told_folder(&options.data))?;
            }
            inherits = false;
            ready.store(true, Ordering::Relaxed);
            // The log grows only where it leads to all that can be seen: on a lost disk it may be another one.
            let mut recorded = Recorded::behind(standing(&publisher), log.clone(), blobs.clone()).with_breaks();
            let mut next = || Ok((recorded.next()?.unwrap_or(Feed::End), recorded.reached()));
            let tell_lag = |published| {
                observer.lag(itself, Some(log.len().saturating_sub(published)), None);
                // What has just been opened may meet the same in its next transaction.
                if opened.elapsed() > PAUSE_MAX
                    && let Some(after) = lasting.borrow_mut().over()
                {
                    say_waiting(&format!("intake goes on again after {} s", after.as_secs()));
                }
            };
            let ended = publish(&mut publisher, &mut next, &log, &blobs, &mut repairs, &tell_lag, stop)?;
            if matches!(ended, Ended::Missing(..)) || stop.load(Ordering::Relaxed) {
                return Ok(ended);
            }
            publisher.meets_all_seen()?;
            let mut plan = Plan::new(configuration, options, log.clone(), blobs.clone(), stop, tell)?;
            if let Some(foreign) = &mut foreign {
                plan = plan.with_inflow(Box::new(|positions, tell| foreign.fresh(positions, tell)));
            }
            let mut source = Intake::new(&mut plan, recorded, options.until_idle);
            let mut next = || Ok((source.next()?, source.reached()));
            let ended = publish(&mut publisher, &mut next, &log, &blobs, &mut repairs, &tell_lag, stop);
            remarks += plan.remarks();
            ended
        };
        match work() {
            Ok(Ended::Done) => break,
            Ok(Ended::Missing(partition, number)) => {
                limits.insert(partition, number);
                continue;
            }
            Err(Failure::Task(TaskError::Again(why) | TaskError::Hanging { why, .. })) => {
                tracing::info!(why, "publisher is opened again");
                observer.event(itself, &Event::Unclear { why: why.clone() });
                if lasting.borrow_mut().again() {
                    say_waiting(&format!("intake waits: {why}"));
                }
                if opened.elapsed() > PAUSE_MAX {
                    pause = PAUSE;
                }
            }
            // Of two intakes the one that came later stays.
            Err(Failure::Task(TaskError::Fenced(why))) => {
                observer.event(itself, &Event::Fenced);
                if fenced.is_some_and(|at: Instant| at.elapsed() < RIVALS) {
                    anyhow::bail!("two intakes run for this line, end one; this one ends: {why}");
                }
                say_waiting(&format!(
                    "intake opens its writer once more, as another one of its name has come or it stood still for too long: {why}"
                ));
                fenced = Some(Instant::now());
            }
            Err(Failure::Task(error)) => return Err(error.into()),
            Err(Failure::Other(error)) => return Err(error),
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(PAUSE_MAX);
    }
    Ok(remarks)
}

/// Why publishing ended.
enum Ended {
    Done,
    /// A reader misses what was published in a partition, from a number on.
    Missing(u16, u64),
}

enum Failure {
    Task(TaskError),
    Other(anyhow::Error),
}

impl From<TaskError> for Failure {
    fn from(error: TaskError) -> Failure {
        Failure::Task(error)
    }
}

/// What may pass by itself is waited for.
impl From<TransportError> for Failure {
    fn from(error: TransportError) -> Failure {
        match error {
            TransportError::Trouble(why) | TransportError::Absent(why) => Failure::Task(TaskError::Again(why)),
            error @ TransportError::Hanging { .. } => Failure::Task(TaskError::Again(error.to_string())),
            error => Failure::Other(error.into()),
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Failure {
        Failure::Other(error)
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Failure {
        Failure::Other(error.into())
    }
}

/// Brings the log of this disk up to what was published: it may be another disk. `folder` says where it lies.
fn catch_up(log: &Log, entries: &[Vec<u8>], folder: &str) -> anyhow::Result<()> {
    for (number, entry) in (1..).zip(entries) {
        match log.read(number)? {
            Some(own) => ensure!(
                own == *entry,
                "entry {number} of the log differs from the one that was published, by an intake with another folder; take \
                 {folder} away: the log is filled from its topic"
            ),
            None => {
                log.append(entry)?;
            }
        }
    }
    Ok(())
}

/// Where an intake keeps its log: raw files may lie beside that.
fn told_folder(data: &Path) -> String {
    let data = data.display();
    format!("{data}/store and {data}.witness")
}

/// What an older generation has published, as far as this build can read it.
fn older(transport: &KafkaTransport, cluster: &Cluster) -> Result<Option<OlderLog>, TaskError> {
    match older_log(transport, cluster, LOG, &(LOGIC_OLDEST..=LOGIC)) {
        Err(TaskError::Stop(stop @ Stop::OldLogic { .. })) => {
            say!("warning: the log of an older generation is not gone on with: {stop}; everything is taken in anew");
            Ok(None)
        }
        older => older,
    }
}

/// Goes on with what an older generation has taken in, where this one has published less of the same: its disk is lost, or
/// is an old one. Whoever took that in anew would take it in another order, and not all of it may still be there.
fn inherit(log: &Log, published: &[Vec<u8>], older: &OlderLog, folder: &str) -> anyhow::Result<()> {
    let OlderLog { generation, entries } = older;
    if entries.len() <= published.len() || !entries.starts_with(published) {
        return Ok(());
    }
    let before = log.len();
    catch_up(log, entries, folder)?;
    if log.len() > before {
        say!(
            "intake goes on with the log of generation {generation}: {} entries are taken from it",
            log.len() - before
        );
    }
    Ok(())
}

/// How far the publisher has come, as a data directory tells it.
fn standing<T: stream::kafka::Transport>(publisher: &Publisher<FeedEvent, T>) -> Committed {
    let Place { next, slice } = publisher.place();
    let position = match slice.checked_sub(1) {
        Some(index) => Position { entry: next, index: u32::try_from(index).unwrap_or(Position::CONTROL) },
        // The entry is published, nothing that follows from it.
        None => Position { entry: next.saturating_sub(1), index: Position::CONTROL },
    };
    Committed { position, control: publisher.control_number(), ..Committed::default() }
}

/// Place of what stands at a position: the entry itself stands in front of it.
fn place(position: Position) -> Place {
    place_of(position.entry, u64::from(position.index) + 1)
}

/// Publishes what comes `next`, each with the last entry of which all has come.
fn publish(
    publisher: &mut Publisher<FeedEvent, KafkaTransport>,
    next: &mut dyn FnMut() -> Result<(Feed<FeedEvent>, u64), SourceError>,
    log: &Log,
    blobs: &BlobFolder,
    repairs: &mut Repairs,
    tell_lag: &dyn Fn(u64),
    stop: &AtomicBool,
) -> Result<Ended, Failure> {
    let mut told = None;
    while !stop.load(Ordering::Relaxed) {
        let (feed, reached) = next()?;
        // The last entry of which nothing is to come.
        let whole = match &feed {
            Feed::Record { position, .. } => position.entry.saturating_sub(1),
            Feed::Control { entry, .. } => *entry,
            Feed::Flush => reached,
            Feed::End => log.len(),
        };
        match feed {
            Feed::Record { position, stamp, key, item, .. } => {
                publish_entries(publisher, log, blobs, position.entry)?;
                publisher.record(place(position), stamp, key, &item)?;
            }
            Feed::Control { entry, number, payload } => {
                publish_entries(publisher, log, blobs, entry)?;
                publisher.control(place(Position { entry, index: Position::CONTROL }), number, &payload)?;
            }
            Feed::Flush => {
                publish_entries(publisher, log, blobs, reached)?;
                publisher.commit()?;
                tell_lag(whole);
            }
            Feed::End => {
                publish_entries(publisher, log, blobs, log.len())?;
                publisher.commit()?;
                tell_lag(whole);
                let why = "the log ends in front of what was published of it";
                return if publisher.is_behind() { Err(anyhow::anyhow!(why).into()) } else { Ok(Ended::Done) };
            }
        }
        publisher.commit_if_due()?;
        if told.is_none_or(|told: Instant| told.elapsed() >= TELL) {
            told = Some(Instant::now());
            tell_lag(whole.min(publisher.published()));
        }
        let mut missing = None;
        repairs.read(&mut |request| {
            if publisher.misses(request) {
                missing = Some((request.partition, request.missing));
            }
        });
        if let Some((partition, number)) = missing {
            publisher.commit()?;
            return Ok(Ended::Missing(partition, number));
        }
    }
    publisher.commit()?;
    Ok(Ended::Done)
}

fn publish_entries(
    publisher: &mut Publisher<FeedEvent, KafkaTransport>,
    log: &Log,
    blobs: &BlobFolder,
    up_to: u64,
) -> Result<(), Failure> {
    while publisher.entries() < up_to {
        let number = publisher.entries() + 1;
        let entry = log.read(number).map_err(anyhow::Error::from)?;
        let entry = entry.with_context(|| format!("log entry {number} is missing"))?;
        publisher.entry(&entry)?;
        if let Entry::Dead { partition, letter, .. } = Entry::decode(&entry, number).map_err(anyhow::Error::from)? {
            let letter = stream::Blobs::load(blobs, &letter.0).map_err(anyhow::Error::from)?;
            let letter = DeadLetter::decode(&letter).map_err(anyhow::Error::from)?;
            publisher.dead_letter(partition, letter)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use stream::MemoryStore;
    use stream::witness::MemoryWitness;

    use super::*;

    fn log(entries: &[&str]) -> Log {
        let store = Arc::new(MemoryStore::new());
        let log = DataDirectory::on(store, Box::new(MemoryWitness::default()), 1).unwrap().log();
        for entry in entries {
            log.append(entry.as_bytes()).unwrap();
        }
        log
    }

    fn entries(entries: &[&str]) -> Vec<Vec<u8>> {
        entries.iter().map(|entry| entry.as_bytes().to_vec()).collect()
    }

    fn all(log: &Log) -> Vec<String> {
        (1..=log.len()).map(|number| String::from_utf8(log.read(number).unwrap().unwrap()).unwrap()).collect()
    }

    #[test]
    fn a_log_is_filled_from_its_topic_and_another_one_is_refused_with_a_way_out() {
        for own in [&[][..], &["a"], &["a", "b", "c"]] {
            let log = log(own);
            catch_up(&log, &entries(&["a", "b"]), "here").unwrap();
            assert_eq!(all(&log)[..2], ["a", "b"]);
        }
        let refused = catch_up(&log(&["a", "x"]), &entries(&["a", "b"]), &told_folder(Path::new("in"))).unwrap_err();
        let told = refused.to_string();
        assert!(told.starts_with("entry 2 of the log differs"), "{told}");
        assert!(told.ends_with("take in/store and in.witness away: the log is filled from its topic"), "{told}");
    }

    #[test]
    fn an_older_generations_log_is_gone_on_with_as_long_as_this_one_has_published_less_of_it() {
        let older = OlderLog { generation: 1, entries: entries(&["a", "b", "c"]) };
        let inherits = |own: &[&str], published: &[&str]| {
            let log = log(own);
            inherit(&log, &entries(published), &older, "here").map(|()| all(&log))
        };
        assert_eq!(inherits(&[], &[]).unwrap(), ["a", "b", "c"], "a lost disk");
        assert_eq!(inherits(&["a"], &["a"]).unwrap(), ["a", "b", "c"], "one that was lost once more");
        assert_eq!(inherits(&["a", "b", "c", "d"], &[]).unwrap(), ["a", "b", "c", "d"], "the same disk");
        assert!(inherits(&["a", "x"], &["a"]).is_err(), "an old one");
        let on_its_own = ["a", "b", "x"];
        assert_eq!(inherits(&on_its_own, &on_its_own).unwrap(), on_its_own, "both have gone on");
        assert_eq!(inherits(&["a", "x"], &["a", "x"]).unwrap(), ["a", "x"]);
    }
}
