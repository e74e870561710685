//! What a reader outside sees: committed records, at the moment at which they can be read.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use contract::avro::{Codec, Event, fingerprint};
use contract::{AccrualMovement, FeedEvent, Micros};
use stream::kafka::{Cluster, KafkaTransport, Kind, Reader, Received, Transport};

use super::live::{PROBE, probe_number};

const MOMENT: Duration = Duration::from_millis(20);

/// What is accrued, by program, as far as it can be read.
#[derive(Default)]
pub struct Seen {
    accrued: BTreeMap<String, Micros>,
    /// When the last record came that changed something.
    pub changed: Option<Instant>,
    /// When so many probes were accrued.
    pub probes: BTreeMap<u64, Instant>,
}

impl Seen {
    /// What is accrued, without programs that come to nothing.
    pub fn standing(&self) -> BTreeMap<String, Micros> {
        let standing = self.accrued.iter().filter(|(_, amount)| !amount.is_zero());
        standing.map(|(program, amount)| (program.clone(), *amount)).collect()
    }

    fn book(&mut self, program: &str, change: Micros, at: Instant) {
        if change.is_zero() {
            return;
        }
        let accrued = self.accrued.entry(program.to_owned()).or_default();
        *accrued += change;
        if program == PROBE {
            let whole = u64::try_from(accrued.0 / Micros::ONE.0).unwrap_or(0);
            self.probes.entry(whole).or_insert(at);
        }
        self.changed = Some(at);
    }
}

/// How a topic's records tell what is accrued.
pub type Tell = fn(&mut Ledger, u16, Received<'_>) -> Result<()>;

/// What one reader knows of the records that it has read.
pub struct Ledger {
    seen: Arc<Mutex<Seen>>,
    movements: Codec<AccrualMovement>,
    standing: HashMap<Vec<u8>, (String, Micros)>,
}

/// Readers of a topic, one for each partition; they end with their owner.
pub struct Watch {
    seen: Arc<Mutex<Seen>>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Result<()>>>,
}

impl Watch {
    pub fn open(cluster: &Cluster, topic: &str, tell: Tell) -> Result<Watch> {
        let transport = KafkaTransport::new(cluster)?;
        let (seen, stop) = (Arc::new(Mutex::new(Seen::default())), Arc::new(AtomicBool::new(false)));
        let mut threads = Vec::new();
        for partition in 0..transport.partitions(topic)? {
            let mut reader = transport.reader(topic, partition, 0)?;
            let mut ledger = Ledger { seen: Arc::clone(&seen), movements: Codec::new(), standing: HashMap::new() };
            let stop = Arc::clone(&stop);
            threads.push(std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let mut told = Ok(());
                    reader.read(MOMENT, &mut |record| told = tell(&mut ledger, partition, record))?;
                    told?;
                }
                Ok(())
            }));
        }
        Ok(Watch { seen, stop, threads })
    }

    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn close(mut self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().map_err(|_| anyhow::anyhow!("a reader panicked"))??;
        }
        Ok(())
    }
}

impl Ledger {
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A record that adds to what was told before.
    pub fn add(&self, program: &str, amount: Micros) {
        let at = Instant::now();
        self.lock().book(program, amount, at);
    }
}

/// What stands behind the name of the schema.
fn datum<T: Event>(value: &[u8]) -> Result<&[u8]> {
    value.strip_prefix(&fingerprint::<T>()).context("a record names the schema that it was written with")
}

/// Ours: the latest record under a key is what the movement is; none withdraws it.
pub fn tell_ours(ledger: &mut Ledger, _partition: u16, record: Received<'_>) -> Result<()> {
    let at = Instant::now();
    let Some(label) = record.label else { return Ok(()) };
    let (Some(key), false) = (record.key, matches!(label.kind, Kind::Control(_))) else { return Ok(()) };
    let now = match record.value {
        Some(value) => {
            let movement = ledger.movements.decode(datum::<AccrualMovement>(value)?)?;
            Some((movement.settlement.program.to_string(), movement.amount))
        }
        None => None,
    };
    let before = match now.clone() {
        Some(now) => ledger.standing.insert(key.to_vec(), now),
        None => ledger.standing.remove(key),
    };
    let mut seen = ledger.lock();
    let same = before.as_ref().zip(now.as_ref()).is_some_and(|(before, now)| before.0 == now.0);
    match (before, now) {
        (Some((program, was)), Some((_, is))) if same => seen.book(&program, is - was, at),
        (before, now) => {
            before.iter().for_each(|(program, amount)| seen.book(program, -*amount, at));
            now.iter().for_each(|(program, amount)| seen.book(program, *amount, at));
        }
    }
    Ok(())
}

/// When each probe's row could be read on the topic that the job reads.
pub struct Arrivals {
    seen: Arc<Mutex<BTreeMap<u64, Instant>>>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Result<()>>>,
}

impl Arrivals {
    /// Listens from what is there now on.
    pub fn open(cluster: &Cluster, topic: &str) -> Result<Arrivals> {
        let transport = KafkaTransport::new(cluster)?;
        let (seen, stop) = (Arc::new(Mutex::new(BTreeMap::new())), Arc::new(AtomicBool::new(false)));
        let mut threads = Vec::new();
        for partition in 0..transport.partitions(topic)? {
            let end = transport.bounds(topic, partition)?.1;
            let mut reader = transport.reader(topic, partition, end)?;
            let (seen, stop) = (Arc::clone(&seen), Arc::clone(&stop));
            threads.push(std::thread::spawn(move || {
                let codec = Codec::<FeedEvent>::new();
                while !stop.load(Ordering::Relaxed) {
                    let mut told = Ok(());
                    reader.read(MOMENT, &mut |record| told = note(&codec, &seen, record))?;
                    told?;
                }
                Ok(())
            }));
        }
        Ok(Arrivals { seen, stop, threads })
    }

    pub fn seen(&self) -> BTreeMap<u64, Instant> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn close(mut self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().map_err(|_| anyhow::anyhow!("a reader panicked"))??;
        }
        Ok(())
    }
}

fn note(codec: &Codec<FeedEvent>, seen: &Mutex<BTreeMap<u64, Instant>>, record: Received<'_>) -> Result<()> {
    let at = Instant::now();
    if record.label.is_some_and(|label| matches!(label.kind, Kind::Control(_))) {
        return Ok(());
    }
    let value = record.value.context("a feed event has bytes")?;
    if let FeedEvent::Rows(slice) = codec.decode(datum::<FeedEvent>(value)?)? {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        for number in slice.rows.iter().filter_map(|row| probe_number(&row.document)) {
            seen.insert(number, at);
        }
    }
    Ok(())
}
