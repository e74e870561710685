//! Follows views as any reader of committed records could: what stands under each key, and what stood there before.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::StorageError;
use crate::kafka::home::{must_belong, must_say};
use crate::kafka::task::of_transport;
use crate::kafka::voices::Voices;
use crate::kafka::{Cluster, KafkaTransport, Label, Received, TaskError, Transport, ViewWire};
use crate::observe::ViewChange;
use crate::store::{Changes, Column, Store};

/// Records that are taken at once.
const CHUNK: usize = 5_000;
const LINE: &[u8] = b"line";
const NEXT: &[u8] = b"next";

/// Follows the views of a line; knows what it has read already, over restarts as well.
pub struct Follower {
    transport: KafkaTransport,
    generation: u32,
    wire: Arc<dyn ViewWire>,
    store: Arc<dyn Store>,
    followed: Vec<Followed>,
}

/// A partition of a view.
struct Followed {
    /// Number of the view.
    view: u8,
    topic: String,
    partition: u16,
    next: u64,
}

/// A record under a key.
type Said = (Label, Option<Vec<u8>>);

/// Records of a chunk by key, in order.
type Heard = BTreeMap<Vec<u8>, Vec<Said>>;

impl Follower {
    /// Follows `views`, by number and name, from where `store` says that it has come to.
    ///
    /// # Errors
    /// The store is another line's; [`TaskError::Again`] where a topic is not there.
    pub fn open(
        cluster: &Cluster,
        views: &[(u8, &str)],
        wire: Arc<dyn ViewWire>,
        store: Arc<dyn Store>,
    ) -> Result<Follower, TaskError> {
        let transport = KafkaTransport::new(cluster).map_err(of_transport)?;
        let mut followed = Vec::new();
        for (view, name) in views {
            let topic = cluster.topic(name);
            for partition in 0..transport.partitions(&topic).map_err(of_transport)? {
                let next = next(store.as_ref(), *view, partition)?;
                followed.push(Followed { view: *view, topic: topic.clone(), partition, next });
            }
        }
        must_belong(store.as_ref(), cluster)?;
        must_say(store.as_ref(), LINE, &format!("{:?}, generation {}", cluster.prefix, cluster.generation))?;
        Ok(Follower { transport, generation: cluster.generation, wire, store, followed })
    }

    /// Takes what has become readable, and hands on what changed by it, a chunk of one partition at a time, once it is
    /// kept; returns how many records came.
    ///
    /// # Errors
    /// [`TaskError::Again`] passes; what was handed on is not handed on again.
    pub fn step(&mut self, visit: &mut dyn FnMut(&[ViewChange<'_>])) -> Result<u64, TaskError> {
        let mut records = 0;
        for at in 0..self.followed.len() {
            loop {
                let (heard, came, next) = self.read(at)?;
                records += came as u64;
                if next > self.followed[at].next {
                    self.take(at, heard, next, visit)?;
                }
                if came < CHUNK {
                    break;
                }
            }
        }
        Ok(records)
    }

    /// At most a chunk of a partition, and the offset behind it.
    fn read(&self, at: usize) -> Result<(Heard, usize, u64), TaskError> {
        let Followed { topic, partition, next, .. } = &self.followed[at];
        let (low, _) = self.transport.bounds(topic, *partition).map_err(of_transport)?;
        let (mut heard, mut came, mut behind) = (Heard::new(), 0, *next);
        let visit = &mut |received: Received<'_>| {
            (came, behind) = (came + 1, received.offset + 1);
            if let (Some(key), Some(label)) = (received.key, received.label)
                && label.origin.generation == self.generation
            {
                let said = (label.clone(), received.value.map(<[u8]>::to_vec));
                heard.entry(key.to_vec()).or_default().push(said);
            }
            came < CHUNK
        };
        self.transport.read_visible(topic, *partition, (*next).max(low), visit).map_err(of_transport)?;
        Ok((heard, came, behind))
    }

    fn take(
        &mut self,
        at: usize,
        heard: Heard,
        next: u64,
        visit: &mut dyn FnMut(&[ViewChange<'_>]),
    ) -> Result<(), TaskError> {
        let Followed { view, partition, .. } = self.followed[at];
        let keys: Vec<Vec<u8>> = heard.keys().map(|key| [&[view], key.as_slice()].concat()).collect();
        let known = self.known(&keys)?;
        let (mut views, mut moved) = (Changes::default(), Vec::new());
        for ((stored, voices), (key, said)) in keys.iter().zip(known).zip(&heard) {
            let before = voices.value().map(<[u8]>::to_vec);
            let after = self.hear(view, voices, said)?;
            views.put(stored, &[], &encode(&after));
            let after = after.value().map(<[u8]>::to_vec);
            if before != after {
                moved.push((key, before, after));
            }
        }
        let mut meta = Changes::default();
        meta.put(&place(view, partition), &[], &next.to_be_bytes());
        self.store.write(&[(Column::Views, &views), (Column::Meta, &meta)])?;
        self.followed[at].next = next;
        let changes: Vec<ViewChange<'_>> = moved
            .iter()
            .map(|(key, before, after)| ViewChange {
                topic: view,
                key,
                before: before.as_deref(),
                after: after.as_deref(),
            })
            .collect();
        visit(&changes);
        Ok(())
    }

    fn known(&self, keys: &[Vec<u8>]) -> Result<Vec<Voices>, TaskError> {
        let mut known = Vec::with_capacity(keys.len());
        let mut damaged = None;
        let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
        self.store.get_many(Column::Views, &keys, &mut |_, value| {
            let voices = value.map_or(Ok(Voices::default()), postcard::from_bytes);
            known.push(voices.unwrap_or_else(|error| {
                damaged = Some(error);
                Voices::default()
            }));
        })?;
        match damaged {
            None => Ok(known),
            Some(error) => Err(StorageError::new(format!("a followed view is damaged: {error}")).into()),
        }
    }

    fn hear(&self, view: u8, mut voices: Voices, said: &[Said]) -> Result<Voices, TaskError> {
        for (label, value) in said {
            let value = value.as_deref().map(|value| self.wire.decode(view, value)).transpose();
            let value = value.map_err(|error| error.in_record_of(format_args!("view {view}")))?;
            voices.hear(label, value.as_deref());
        }
        Ok(voices)
    }
}

/// Where the offset of a partition's next record is kept.
fn place(view: u8, partition: u16) -> Vec<u8> {
    [NEXT, &[view], &partition.to_be_bytes()].concat()
}

fn next(store: &dyn Store, view: u8, partition: u16) -> Result<u64, StorageError> {
    let Some(bytes) = store.get(Column::Meta, &place(view, partition))? else { return Ok(0) };
    let next = bytes.try_into().map_err(|_| StorageError::new("offset of a followed view is damaged"))?;
    Ok(u64::from_be_bytes(next))
}

fn encode(voices: &Voices) -> Vec<u8> {
    postcard::to_stdvec(voices).expect("what was heard is encodable")
}
