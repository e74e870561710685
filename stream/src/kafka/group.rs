//! A process's part of a stage: it owns some partitions of the input, and a thread works on each.
//!
//! The group decides about ownership alone. Positions are kept by the tasks, and a task fences earlier owners by itself;
//! so two processes that both think they own a partition do no harm.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::client::{Client, KafkaTransport, client, log, passes, trouble};
use super::folder::FolderHome;
use super::ground;
use super::patience::{Lasting, Pending, patiently};
use crate::Stage;
use crate::kafka::{
    Cluster, Event, Frame, Progress, Reader, RepairRequest, StageSpec, Task, TaskError, TaskId, TaskOptions, Transport,
    TransportError, check_partitions, leave_notice,
};
use crate::store::RocksMemory;

/// How long a task waits for records in one step.
const STEP: Duration = Duration::from_millis(100);
/// Pauses before a task is opened again: the first, and the longest.
const PAUSE: Duration = Duration::from_millis(50);
pub(super) const PAUSE_MAX: Duration = Duration::from_secs(3);
/// A fenced task waits so long whether its partition is taken away.
const FENCED_PAUSE: Duration = Duration::from_secs(2);
/// Between two looks how much waits for a task that has stopped.
const LOOK: Duration = Duration::from_secs(5);
/// A store that fails so often in a row is left alone.
const STORAGE_FAILURES: u32 = 5;

/// A task that people must see to. Why, its observer was told when it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    pub stage: &'static str,
    pub partition: u16,
}

/// What all tasks of a stage in this process are made of.
struct Shop<S: Stage> {
    frame: Frame<S::In, S::Out, KafkaTransport>,
    memory: RocksMemory,
    make: Box<dyn Fn(u16) -> S + Send + Sync>,
    stopped: Mutex<Vec<Stopped>>,
}

/// Takes part in a stage until `stop` is set: owns what the group gives it, gives back what it takes away.
///
/// `joined` is set when the group has answered for the first time. Returns the tasks that stopped, each told when it
/// happened; the others went on.
///
/// # Errors
/// A topic is missing or has another number of partitions, or the group cannot be joined.
pub fn run_stage<S: Stage + 'static>(
    frame: Frame<S::In, S::Out, KafkaTransport>,
    memory: &RocksMemory,
    make: impl Fn(u16) -> S + Send + Sync + 'static,
    stop: &AtomicBool,
    joined: &AtomicBool,
) -> Result<Vec<Stopped>, TransportError> {
    let observer = &frame.observer;
    let ready = patiently(stop, &frame.cluster.brokers, &|why| observer.waits(why), || {
        check_topics(&frame.cluster, &frame.spec, &frame.transport)?;
        Repairs::open(&frame.cluster, &frame.transport, &frame.options)
    });
    let Some(mut repairs) = ready? else { return Ok(Vec::new()) };
    tracing::info!(stage = frame.spec.name, "topics are as they must be");
    let shop = Shop { frame, memory: memory.clone(), make: Box::new(make), stopped: Mutex::default() };
    let shop = Arc::new(shop);
    let Frame { cluster, spec, options, observer, .. } = &shop.frame;
    let mut lasting = Lasting::default();
    while !stop.load(Ordering::Relaxed) {
        let member = member(cluster, spec, options)?;
        let ended = attend(&shop, &member, &mut repairs, stop, joined);
        member.context().owned.end_all();
        // Leaves the group, so that others need not wait for the end of the session.
        member.unsubscribe();
        drop(member);
        if let Err(error) = ended {
            // Another process goes by this one's name, or slow brokers took this one for two.
            tracing::warn!(stage = spec.name, %error, "member is out of its group; it joins again");
            if lasting.again() {
                observer.waits(&put_out(spec.name, options.instance.as_deref(), &error));
            }
            std::thread::sleep(FENCED_PAUSE);
        }
    }
    let stopped = locked(&shop.stopped).clone();
    Ok(stopped)
}

/// What is said of a member that its group puts out, and that comes again.
fn put_out(stage: &str, instance: Option<&str>, error: &KafkaError) -> String {
    let is_fenced = matches!(error, KafkaError::MessageConsumptionFatal(RDKafkaErrorCode::FencedInstanceId));
    match instance.filter(|_| is_fenced) {
        Some(instance) => {
            format!("{stage}: another process has the same --instance {instance}; give each a name of its own: {error}")
        }
        None => format!("{stage} is put out of its group again and again: {error}"),
    }
}

/// Takes part in the group until `stop` is set, or until the group puts the member out for good.
fn attend<S: Stage + 'static>(
    shop: &Arc<Shop<S>>,
    member: &BaseConsumer<Member>,
    repairs: &mut Repairs,
    stop: &AtomicBool,
    joined: &AtomicBool,
) -> Result<(), KafkaError> {
    let Member { owned, answered, trouble } = member.context().as_ref();
    let (spec, observer, mut joining) = (&shop.frame.spec, &shop.frame.observer, Pending::begin());
    while !stop.load(Ordering::Relaxed) {
        match member.poll(STEP) {
            Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) => return Err(error),
            Some(Err(error)) => {
                if !passes(&error) {
                    tracing::warn!(stage = spec.name, %error, "group");
                }
                *locked(trouble) = Some(error.to_string());
            }
            _ => {}
        }
        if !answered.load(Ordering::Relaxed) && joining.is_to_be_said() {
            let (group, why) = (group(&shop.frame.cluster, spec), locked(trouble).clone());
            let why = why.unwrap_or_else(|| "it has not answered yet".to_owned());
            observer.waits(&format!("{} waits for its group {group}: {why}", spec.name));
        }
        if answered.load(Ordering::Relaxed)
            && let Some(after) = joining.over()
        {
            observer.waits(&format!("{} has joined its group after {} s", spec.name, after.as_secs()));
        }
        owned.start(|partition, told| {
            let shop = Arc::clone(shop);
            std::thread::spawn(move || shop.work(partition, &told))
        });
        joined.fetch_or(answered.load(Ordering::Relaxed), Ordering::Relaxed);
        repairs.read(&mut |request| {
            if request.writer.stage == spec.number {
                owned.ask(request.writer.partition, request);
            }
        });
    }
    Ok(())
}

/// Every topic of the stage is there and has as many partitions as the generation.
fn check_topics(cluster: &Cluster, spec: &StageSpec, transport: &KafkaTransport) -> Result<(), TransportError> {
    let names = spec.output.iter().chain(spec.views.iter().map(|(_, name)| name)).chain([&spec.input]);
    check_partitions(transport, names.map(|name| cluster.topic(name)).chain([cluster.dead()]), spec.partitions)?;
    [cluster.marks(), cluster.repairs()].iter().try_for_each(|topic| transport.partitions(topic).map(|_| ()))
}

impl<S: Stage + 'static> Shop<S> {
    /// Works on one partition until it is taken away.
    fn work(&self, partition: u16, told: &Told) {
        let Frame { spec, observer, .. } = &self.frame;
        let id = TaskId { stage: spec.number, partition };
        observer.event(id, &Event::Assigned);
        let (mut limits, mut pause, mut failures) = (BTreeMap::new(), PAUSE, 0);
        let mut lasting = Lasting::default();
        while !told.to_end() {
            let opened = Instant::now();
            let ended = catch_unwind(AssertUnwindSafe(|| self.work_once(partition, told, &mut limits, &mut lasting)));
            let ended = ended.unwrap_or_else(|panic| Err(TaskError::Panicked(said(panic.as_ref()))));
            // What worked for a while starts anew at once.
            if opened.elapsed() > PAUSE_MAX {
                (pause, failures) = (PAUSE, 0);
            }
            let stage = spec.name;
            if ended.is_err() {
                // Who has no task at work hears of no input.
                observer.lag(id, None, None);
            }
            match ended {
                Ok(()) | Err(TaskError::Ended) => continue,
                Err(TaskError::Again(why) | TaskError::Hanging { why, .. }) => {
                    tracing::info!(stage, partition, why, "task is opened again");
                    if lasting.again() {
                        observer.waits(&format!("{stage}, partition {partition} waits: {why}"));
                    }
                    observer.event(id, &Event::Unclear { why });
                }
                Err(TaskError::Fenced(why)) => {
                    tracing::info!(stage, partition, why, "task has another owner");
                    observer.event(id, &Event::Fenced);
                    pause = FENCED_PAUSE;
                }
                Err(TaskError::Storage(error)) if failures < STORAGE_FAILURES => {
                    tracing::warn!(stage, partition, %error, "store has failed; task is opened again");
                    let (what, why) = ("store has failed; it is opened again", error.to_string());
                    observer.event(id, &Event::Failed { what, why });
                    failures += 1;
                }
                Err(error) => {
                    let why = chain(&error);
                    self.stop(id, &why);
                    self.stand(partition, told, &why);
                    break;
                }
            }
            told.pause(pause);
            pause = (pause * 2).min(PAUSE_MAX);
        }
        observer.event(id, &Event::Revoked);
    }

    /// The time of a task that has stopped: it leaves word of it, and tells how much waits.
    fn stand(&self, partition: u16, told: &Told, why: &str) {
        let Frame { cluster, spec, transport, observer, .. } = &self.frame;
        let (id, transport) = (TaskId { stage: spec.number, partition }, transport.until(&told.end));
        let (mut is_left, mut next) = (false, None);
        while !told.to_end() {
            if !is_left {
                let left = leave_notice(&transport, cluster, spec, partition, why);
                is_left = left.inspect_err(|error| tracing::info!(task = %id, %error, "word is not left")).is_ok();
            }
            observer.lag(id, ground::waiting(&transport, cluster, spec, partition, &mut next).ok(), None);
            told.pause(LOOK);
        }
    }

    /// Opens the task and steps until it ends, or must be opened anew to send again what a reader misses.
    fn work_once(
        &self,
        partition: u16,
        told: &Told,
        limits: &mut BTreeMap<u16, u64>,
        lasting: &mut Lasting,
    ) -> Result<(), TaskError> {
        let Frame { cluster, spec, options, observer, .. } = &self.frame;
        let home = FolderHome::new(cluster, spec, options, &self.memory, partition).until(&told.end);
        let mut task = Task::open(&self.frame, partition, (self.make)(partition), Box::new(home), limits, &told.end)?;
        let opened = Instant::now();
        loop {
            let Progress { caught_up: is_caught_up, committed, .. } = task.step(STEP)?;
            if told.to_end() {
                return task.finish();
            }
            let requests = told.requests();
            // On its way to its mark it may just be sending what is asked for; whoever still misses it asks again.
            if !is_caught_up {
                continue;
            }
            // What has just been opened may meet the same in its next step.
            if (committed || opened.elapsed() > PAUSE_MAX)
                && let Some(after) = lasting.over()
            {
                let (stage, after) = (spec.name, after.as_secs());
                observer.waits(&format!("{stage}, partition {partition} goes on again after {after} s"));
            }
            limits.clear();
            for request in requests.into_iter().filter(|request| task.misses(request)) {
                let missing = limits.entry(request.partition).or_insert(request.missing);
                *missing = (*missing).min(request.missing);
                observer.event(task.id(), &Event::Repair { from: request.missing });
            }
            if !limits.is_empty() {
                return task.finish();
            }
        }
    }

    fn stop(&self, id: TaskId, why: &str) {
        let stage = self.frame.spec.name;
        tracing::error!(stage, partition = id.partition, why, "task has stopped");
        self.frame.observer.event(id, &Event::Stopped { why: why.to_owned() });
        locked(&self.stopped).push(Stopped { stage, partition: id.partition });
    }
}

/// An error with what it stems from.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no words").to_owned()
}

/// What a task's thread is told.
#[derive(Default)]
struct Told {
    end: Arc<AtomicBool>,
    requests: Mutex<Vec<RepairRequest>>,
}

impl Told {
    fn to_end(&self) -> bool {
        self.end.load(Ordering::Relaxed)
    }

    fn requests(&self) -> Vec<RepairRequest> {
        std::mem::take(&mut *locked(&self.requests))
    }

    /// Waits, but no longer than until the end.
    fn pause(&self, time: Duration) {
        let until = Instant::now() + time;
        while !self.to_end() && Instant::now() < until {
            std::thread::park_timeout(until.saturating_duration_since(Instant::now()));
        }
    }
}

/// The partitions that the group gave to this process.
#[derive(Default)]
struct Owned {
    /// Given, and not begun yet.
    fresh: Mutex<Vec<u16>>,
    working: Mutex<BTreeMap<u16, Working>>,
}

type Working = (Arc<Told>, JoinHandle<()>);

impl Owned {
    fn start(&self, work: impl Fn(u16, Arc<Told>) -> JoinHandle<()>) {
        for partition in std::mem::take(&mut *locked(&self.fresh)) {
            let told = Arc::new(Told::default());
            let thread = work(partition, Arc::clone(&told));
            locked(&self.working).insert(partition, (told, thread));
        }
    }

    fn ask(&self, partition: u16, request: &RepairRequest) {
        if let Some((told, _)) = locked(&self.working).get(&partition) {
            locked(&told.requests).push(request.clone());
        }
    }

    /// Ends the work on some partitions and waits for that.
    fn end(&self, partitions: &[u16]) {
        locked(&self.fresh).retain(|partition| !partitions.contains(partition));
        let mut working = locked(&self.working);
        let ending: Vec<_> = partitions.iter().filter_map(|partition| working.remove(partition)).collect();
        drop(working);
        for (told, thread) in &ending {
            told.end.store(true, Ordering::Relaxed);
            thread.thread().unpark();
        }
        for (_, thread) in ending {
            // A panic was told where it happened.
            let _told = thread.join();
        }
    }

    fn end_all(&self) {
        let all: Vec<u16> = locked(&self.working).keys().copied().collect();
        self.end(&all);
    }
}

/// The member of a group: hears what it owns.
#[derive(Default)]
struct Member {
    owned: Owned,
    answered: AtomicBool,
    /// The last that was heard.
    trouble: Mutex<Option<String>>,
}

impl ClientContext for Member {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "group");
        *locked(&self.trouble) = Some(format!("{error}: {reason}"));
    }
}

impl ConsumerContext for Member {
    /// Others may own them as soon as this returns, so the tasks have come to their end by then.
    fn pre_rebalance(&self, _consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(list) = rebalance {
            self.owned.end(&partitions(list));
        }
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(list) = rebalance {
            // The tasks read by themselves.
            if let Err(error) = consumer.pause(list) {
                tracing::warn!(%error, "member reads for nothing");
            }
            locked(&self.owned.fresh).extend(partitions(list));
            self.answered.store(true, Ordering::Relaxed);
        }
    }
}

fn partitions(list: &rdkafka::TopicPartitionList) -> Vec<u16> {
    list.elements().iter().filter_map(|element| u16::try_from(element.partition()).ok()).collect()
}

/// The group of a stage's processes.
fn group(cluster: &Cluster, spec: &StageSpec) -> String {
    format!("{}{}.{}", cluster.prefix, cluster.generation, spec.name)
}

fn member(cluster: &Cluster, spec: &StageSpec, options: &TaskOptions) -> Result<BaseConsumer<Member>, TransportError> {
    let group = group(cluster, spec);
    let mut named = vec![("group.id", group.as_str())];
    if let Some(instance) = &options.instance {
        named.push(("group.instance.id", instance));
    }
    let config = client(cluster, Client::Member, &named)?;
    let made = BaseConsumer::from_config_and_context(&config, Member::default());
    let member: BaseConsumer<Member> = made.map_err(|error| trouble("group", &error))?;
    let topic = cluster.topic(&spec.input);
    member.subscribe(&[topic.as_str()]).map_err(|error| trouble(&group, &error))?;
    Ok(member)
}

/// Requests for repair as they come. A request is advice that its writer checks, so nobody waits for the transaction that it
/// came in: one that does not end would hide all that follow. One that was served a short while ago is passed over: its answer is on its way.
pub struct Repairs {
    reader: <KafkaTransport as Transport>::Reader,
    generation: u32,
    interval: Duration,
    served: BTreeMap<(String, u16, u64), Instant>,
}

impl Repairs {
    pub fn open(
        cluster: &Cluster,
        transport: &KafkaTransport,
        options: &TaskOptions,
    ) -> Result<Repairs, TransportError> {
        let topic = cluster.repairs();
        // Whoever asked earlier asks again.
        let (_, end) = transport.bounds(&topic, 0)?;
        let reader = transport.listener(&topic, 0, end)?;
        let (generation, interval) = (cluster.generation, options.repair_interval);
        Ok(Repairs { reader, generation, interval, served: BTreeMap::new() })
    }

    /// Hands over what has come. Trouble with the topic is no reason to stop: requests come again.
    pub fn read(&mut self, visit: &mut dyn FnMut(&RepairRequest)) {
        let (generation, interval, served) = (self.generation, self.interval, &mut self.served);
        let mut take = |value: Option<&[u8]>| {
            let Some(Ok(request)) = value.map(RepairRequest::decode) else { return };
            let gap = (request.topic.clone(), request.partition, request.missing);
            let is_fresh = served.get(&gap).is_none_or(|at| at.elapsed() >= interval);
            if request.generation == generation && is_fresh {
                served.retain(|_, at| at.elapsed() < interval);
                served.insert(gap, Instant::now());
                visit(&request);
            }
        };
        loop {
            match self.reader.read(Duration::ZERO, &mut |received| take(received.value)) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(%error, "requests for repair");
                    return;
                }
            }
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StageError;
    use crate::StorageError;
    use crate::kafka::Stop;

    #[test]
    fn a_stop_says_each_thing_once() {
        let stop = TaskError::from(Stop::Poison { what: "offset 7".into() });
        let told = "task must not go on: a record cannot be read: offset 7; start a build that can read it";
        assert_eq!(chain(&stop), told);
        let bare = chain(&TaskError::from(Stop::NoRegistry { what: "offset 7".into() }));
        assert!(bare.ends_with("offset 7; give --registry: the line has its schemas there"), "{bare}");
        let damaged = TaskError::from(StageError::from(StorageError::new("blob b no longer has its hash")));
        assert_eq!(chain(&damaged), "stage cannot go on: state is not readable: blob b no longer has its hash");
    }

    #[test]
    fn a_blob_that_is_not_there_yet_is_waited_for() {
        let late = TaskError::from(StageError::from(StorageError::absent("blob b cannot be read: not there")));
        let TaskError::Again(why) = late else { panic!("{late:?}") };
        assert_eq!(why, "blob b cannot be read: not there; is the folder of --blobs that of the intake?");
    }

    #[test]
    fn two_members_of_one_name_are_told_by_it() {
        let fenced = KafkaError::MessageConsumptionFatal(RDKafkaErrorCode::FencedInstanceId);
        let told = put_out("units", Some("a"), &fenced);
        assert!(told.starts_with("units: another process has the same --instance a; "), "{told}");
        assert!(put_out("units", None, &fenced).starts_with("units is put out of its group again and again: "));
    }
}
