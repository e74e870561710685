//! One partition of one stage at work on an epoch.

use std::sync::Arc;

use crate::engine::tag::{Merge, Published, Run, Tag, Tagged};
use crate::overlay::Overlay;
use crate::partition::Reads;
use crate::store::{Changes, Store};
use crate::{Input, Outbox, PartitionState, Progress, Stage, StageError, TableId};

/// A control at the end of an epoch.
#[derive(Clone, Debug)]
pub(crate) struct ControlPoint {
    pub entry: u64,
    pub number: u64,
    pub payload: Arc<[u8]>,
}

/// What a node is to do: everything of one epoch.
pub(crate) struct Work {
    pub epoch: u64,
    /// Epochs up to here are in the store.
    pub committed: u64,
    pub runs: Vec<Run>,
    pub control: Option<ControlPoint>,
    pub partitions: u16,
}

/// What came of it.
pub(crate) struct Done {
    /// One for each partition of the next stage.
    pub runs: Vec<Run>,
    pub changes: Changes,
    /// By topic and key, then in order of their tags.
    pub published: Vec<Published>,
    pub tally: Tally,
}

/// Counts of a stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub received: u64,
    pub sent: u64,
    pub published: u64,
    /// Keys written or deleted in the state.
    pub changed: u64,
    pub reads: Reads,
    /// Sum over the publications; see [`crate::Committed::digest`].
    pub(crate) digest: [u64; 4],
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.received += other.received;
        self.sent += other.sent;
        self.published += other.published;
        self.changed += other.changed;
        self.reads += other.reads;
        add_digest(&mut self.digest, &other.digest);
    }
}

/// Adds up digests; the order of the terms does not show.
pub(crate) fn add_digest(sum: &mut [u64; 4], term: &[u64; 4]) {
    for (sum, term) in sum.iter_mut().zip(term) {
        *sum = sum.wrapping_add(*term);
    }
}

/// A stage of some type with its overlay.
pub(crate) trait Node: Send {
    fn resume(&mut self, store: &dyn Store) -> Result<(), StageError>;
    fn run(&mut self, work: Work, store: &dyn Store) -> Result<Done, StageError>;
}

pub(crate) struct StageNode<S: Stage> {
    stage: S,
    number: usize,
    overlay: Overlay,
    outbox: Outbox<S::Out>,
    wanted: Vec<(TableId, Vec<u8>)>,
    /// Records that the last epoch sent to the partition that got most: about what the next one will send.
    run_length: usize,
}

impl<S: Stage> StageNode<S> {
    pub fn new(stage: S, number: usize, overlay: Overlay) -> StageNode<S> {
        StageNode { stage, number, overlay, outbox: Outbox::default(), wanted: Vec::new(), run_length: 0 }
    }
}

impl<S: Stage> Node for StageNode<S> {
    fn resume(&mut self, store: &dyn Store) -> Result<(), StageError> {
        self.stage.resume(&mut PartitionState::new(store, &mut self.overlay))
    }

    fn run(&mut self, work: Work, store: &dyn Store) -> Result<Done, StageError> {
        self.overlay.begin(work.epoch, work.committed);
        let mut state = PartitionState::new(store, &mut self.overlay);
        let mut outgoing = Outgoing::new(self.number, work.partitions, self.run_length);
        let runs = opened::<S::In>(work.runs);
        for message in runs.iter().flatten() {
            self.stage.prefetch(&message.item, &mut self.wanted);
        }
        state.prefetch(&mut self.wanted)?;
        for Tagged { tag, stamp, item } in Merge::new(runs) {
            outgoing.tally.received += 1;
            self.stage.process(Input { stamp, item: &item }, &mut state, &mut self.outbox)?;
            outgoing.take(&mut self.outbox, tag, stamp);
        }
        if let Some(control) = work.control {
            self.stage.control(control.number, &control.payload, &mut state, &mut self.outbox)?;
            let mut progress = Progress::More;
            while progress == Progress::More {
                self.outbox.act_for_nobody();
                progress = self.stage.slice(control.number, &mut state, &mut self.outbox)?;
            }
            outgoing.take_at_control(&mut self.outbox, &control);
        }
        outgoing.tally.reads = state.reads();
        self.run_length = outgoing.runs.iter().map(Vec::len).max().unwrap_or_default();
        Ok(outgoing.done(self.overlay.seal()))
    }
}

fn opened<T: 'static>(runs: Vec<Run>) -> Vec<Vec<Tagged<T>>> {
    runs.into_iter().map(|run| *run.downcast().expect("a line joins stages of equal types")).collect()
}

/// Outputs of one step after the other, sorted into runs.
struct Outgoing<T> {
    stage: usize,
    runs: Vec<Vec<Tagged<T>>>,
    published: Vec<Published>,
    tally: Tally,
}

impl<T: Send + 'static> Outgoing<T> {
    fn new(stage: usize, partitions: u16, run_length: usize) -> Outgoing<T> {
        let runs = (0..partitions).map(|_| Vec::with_capacity(run_length)).collect();
        Outgoing { stage, runs, published: Vec::new(), tally: Tally::default() }
    }

    fn take(&mut self, outbox: &mut Outbox<T>, tag: Tag, stamp: u64) {
        let partitions = self.runs.len() as u64;
        let mut ordinal = 0;
        for routed in outbox.drain_sent() {
            ordinal += 1;
            let tagged = Tagged { tag: tag.then(self.stage, ordinal), stamp, item: routed.item };
            self.runs[(routed.route % partitions) as usize].push(tagged);
        }
        self.tally.sent += u64::from(ordinal);
        for view in outbox.drain_published() {
            add_digest(&mut self.tally.digest, &digest(&tag, &view));
            self.published.push(Published { tag, view });
        }
        outbox.forget_actors();
    }

    /// Outputs at a control stand behind all others; among each other they go by the key they are sent for.
    fn take_at_control(&mut self, outbox: &mut Outbox<T>, control: &ControlPoint) {
        let partitions = self.runs.len() as u64;
        let starts: Vec<usize> = self.runs.iter().map(Vec::len).collect();
        // In front of everything stamped with this control.
        let stamp = control.number.saturating_sub(1);
        let (sent, published) = outbox.drain_with_actors();
        for (actor, ordinal, routed) in sent {
            let tag = Tag::control(control.entry, self.stage, actor).then(self.stage, ordinal);
            self.runs[(routed.route % partitions) as usize].push(Tagged { tag, stamp, item: routed.item });
            self.tally.sent += 1;
        }
        for (run, start) in self.runs.iter_mut().zip(starts) {
            run[start..].sort_by_key(|tagged| tagged.tag);
        }
        for (actor, view) in published {
            let tag = Tag::control(control.entry, self.stage, actor);
            add_digest(&mut self.tally.digest, &digest(&tag, &view));
            self.published.push(Published { tag, view });
        }
    }

    fn done(mut self, changes: Changes) -> Done {
        self.tally.published = self.published.len() as u64;
        self.tally.changed = changes.len() as u64;
        let runs = self.runs.into_iter().map(|run| Box::new(run) as Run).collect();
        Done { runs, changes, published: latest(self.published), tally: self.tally }
    }
}

/// The last record under each key, by topic and key.
pub(crate) fn latest(mut published: Vec<Published>) -> Vec<Published> {
    let order = |p: &Published| (p.view.topic, p.tag);
    published.sort_by(|a, b| {
        let (topic_a, tag_a) = order(a);
        let (topic_b, tag_b) = order(b);
        topic_a.cmp(&topic_b).then_with(|| a.view.key.cmp(&b.view.key)).then(tag_a.cmp(&tag_b))
    });
    published.dedup_by(|later, earlier| {
        let same = later.view.topic == earlier.view.topic && later.view.key == earlier.view.key;
        if same {
            std::mem::swap(later, earlier);
        }
        same
    });
    published
}

/// Binds a publication to the input that caused it.
fn digest(tag: &Tag, view: &crate::View) -> [u64; 4] {
    let mut hasher = blake3::Hasher::new();
    let position = tag.position();
    hasher.update(&position.entry.to_le_bytes());
    hasher.update(&position.index.to_le_bytes());
    hasher.update(&[view.topic, u8::from(view.value.is_some())]);
    hasher.update(&(view.key.len() as u64).to_le_bytes());
    hasher.update(&view.key);
    hasher.update(view.value.as_deref().unwrap_or_default());
    let hash = hasher.finalize();
    std::array::from_fn(|i| u64::from_le_bytes(hash.as_bytes()[i * 8..][..8].try_into().expect("eight bytes")))
}
