//! Which partition of which stage may work on which epoch.

use std::collections::VecDeque;

use crate::Position;
use crate::engine::line::Line;
use crate::engine::node::{ControlPoint, Done, Node, Tally, Work};
use crate::engine::tag::{Published, Run};
use crate::overlay::Overlay;
use crate::store::Changes;

/// Input of one epoch, sorted into partitions.
pub(crate) struct Gathered {
    pub runs: Vec<Run>,
    pub control: Option<ControlPoint>,
    /// Last input inside.
    pub position: Position,
    pub records: u64,
    pub cost: u64,
}

/// An epoch that went through all stages.
pub(crate) struct Finished {
    pub number: u64,
    pub position: Position,
    pub control: Option<u64>,
    pub records: u64,
    pub cost: u64,
    /// By stage, then partition.
    pub changes: Vec<Changes>,
    pub published: Vec<Published>,
    /// By stage.
    pub tallies: Vec<Tally>,
}

/// A node with what it is to do now.
pub(crate) struct Task {
    pub place: usize,
    pub node: Box<dyn Node>,
    pub work: Work,
}

/// All nodes and all epochs on their way.
///
/// A node works on its epochs one by one; on epoch e only when all partitions of the stage above have done e.
pub(crate) struct Graph {
    stages: usize,
    partitions: usize,
    /// By stage, then partition; absent while at work.
    nodes: Vec<Option<Box<dyn Node>>>,
    /// The epoch that each node does next.
    next: Vec<u64>,
    epochs: VecDeque<Epoch>,
    /// Number of the first epoch in `epochs`.
    first: u64,
    committed: u64,
}

struct Epoch {
    control: Option<ControlPoint>,
    position: Position,
    records: u64,
    cost: u64,
    /// Input runs by stage, then partition.
    runs: Vec<Vec<Run>>,
    /// Partitions of each stage that are done.
    done: Vec<usize>,
    changes: Vec<Changes>,
    published: Vec<Vec<Published>>,
    tallies: Vec<Tally>,
}

impl Graph {
    pub fn new<F, L>(line: &Line<F, L>, partitions: u16, committed: u64, cache_bytes: usize) -> Graph {
        let share = cache_bytes / (line.stages.len().max(1) * usize::from(partitions));
        let stages = line.stages.iter().enumerate();
        let nodes = stages.flat_map(|(stage, made)| {
            (0..partitions).map(move |partition| {
                let overlay = Overlay::new(stage as u8, partition, committed, share);
                Some((made.make)(partition, overlay))
            })
        });
        let nodes: Vec<_> = nodes.collect();
        let next = vec![committed + 1; nodes.len()];
        let (stages, partitions) = (line.stages.len(), usize::from(partitions));
        Graph { stages, partitions, nodes, next, epochs: VecDeque::new(), first: committed + 1, committed }
    }

    pub fn nodes(&mut self) -> impl Iterator<Item = &mut Box<dyn Node>> {
        self.nodes.iter_mut().flatten()
    }

    pub fn stage_of(&self, place: usize) -> usize {
        place / self.partitions
    }

    /// Epochs taken in and not committed.
    pub fn in_flight(&self) -> usize {
        usize::try_from(self.first + self.epochs.len() as u64 - self.committed - 1).expect("few epochs are in flight")
    }

    pub fn take_in(&mut self, gathered: Gathered) {
        let places = self.stages * self.partitions;
        let mut runs: Vec<Vec<Run>> = (0..places).map(|_| Vec::new()).collect();
        for (place, run) in runs.iter_mut().zip(gathered.runs) {
            place.push(run);
        }
        self.epochs.push_back(Epoch {
            control: gathered.control,
            position: gathered.position,
            records: gathered.records,
            cost: gathered.cost,
            runs,
            done: vec![0; self.stages],
            changes: (0..places).map(|_| Changes::default()).collect(),
            published: (0..places).map(|_| Vec::new()).collect(),
            tallies: vec![Tally::default(); self.stages],
        });
    }

    /// Nodes that could work now: late stages first, so that what is begun gets finished.
    pub fn ready(&self) -> impl Iterator<Item = usize> {
        (0..self.nodes.len()).rev().filter(|place| self.is_ready(*place))
    }

    /// Some node works or could.
    pub fn is_working(&self) -> bool {
        self.nodes.iter().any(Option::is_none) || self.ready().next().is_some()
    }

    pub fn start(&mut self, place: usize) -> Task {
        let node = self.nodes[place].take().expect("a ready node is here");
        let number = self.next[place];
        let committed = self.committed;
        let partitions = self.partitions as u16;
        let epoch = self.epoch(number);
        let runs = std::mem::take(&mut epoch.runs[place]);
        let work = Work { epoch: number, committed, runs, control: epoch.control.clone(), partitions };
        Task { place, node, work }
    }

    pub fn finish(&mut self, place: usize, node: Box<dyn Node>, done: Done) {
        let number = self.next[place];
        let (stage, partitions) = (self.stage_of(place), self.partitions);
        let last = stage + 1 == self.stages;
        let epoch = self.epoch(number);
        if !last {
            let below = &mut epoch.runs[(stage + 1) * partitions..][..partitions];
            for (runs, run) in below.iter_mut().zip(done.runs) {
                runs.push(run);
            }
        }
        epoch.changes[place] = done.changes;
        epoch.published[place] = done.published;
        epoch.tallies[stage] += done.tally;
        epoch.done[stage] += 1;
        self.nodes[place] = Some(node);
        self.next[place] += 1;
    }

    /// The oldest epoch went through all stages.
    pub fn is_finished(&self) -> bool {
        self.epochs.front().is_some_and(|epoch| epoch.done.iter().all(|done| *done == self.partitions))
    }

    /// The oldest epoch, when it went through all stages.
    pub fn take_finished(&mut self) -> Option<Finished> {
        if !self.is_finished() {
            return None;
        }
        let epoch = self.epochs.pop_front()?;
        let number = self.first;
        self.first += 1;
        Some(Finished {
            number,
            position: epoch.position,
            control: epoch.control.map(|control| control.number),
            records: epoch.records,
            cost: epoch.cost,
            changes: epoch.changes,
            published: epoch.published.into_iter().flatten().collect(),
            tallies: epoch.tallies,
        })
    }

    pub fn commit(&mut self, number: u64) {
        assert_eq!(number, self.committed + 1, "epochs are committed one by one");
        self.committed = number;
    }

    fn is_ready(&self, place: usize) -> bool {
        let stage = self.stage_of(place);
        let Some(ahead) = self.next[place].checked_sub(self.first) else {
            return false;
        };
        let Some(epoch) = self.epochs.get(ahead as usize) else {
            return false;
        };
        self.nodes[place].is_some() && (stage == 0 || epoch.done[stage - 1] == self.partitions)
    }

    fn epoch(&mut self, number: u64) -> &mut Epoch {
        &mut self.epochs[(number - self.first) as usize]
    }
}
