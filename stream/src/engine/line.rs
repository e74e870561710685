//! The stages of a pipeline, one behind the other.

use std::marker::PhantomData;

use crate::Stage;
use crate::engine::node::{Node, StageNode};
use crate::engine::tag::STAGES_MAX;
use crate::overlay::Overlay;

/// Stages in a line: takes `First`, its last stage sends `Last`, which goes nowhere.
pub struct Line<First, Last> {
    pub(crate) stages: Vec<Made>,
    types: PhantomData<fn(First) -> Last>,
}

/// A stage's name and how to make it for a partition.
pub(crate) struct Made {
    pub name: &'static str,
    pub make: Box<dyn Fn(u16, Overlay) -> Box<dyn Node> + Send>,
}

impl<T: Send + Sync + 'static> Line<T, T> {
    /// A line without stages.
    pub fn new() -> Line<T, T> {
        Line { stages: Vec::new(), types: PhantomData }
    }
}

impl<T: Send + Sync + 'static> Default for Line<T, T> {
    fn default() -> Line<T, T> {
        Line::new()
    }
}

impl<First, Last: Send + Sync + 'static> Line<First, Last> {
    /// Adds a stage at the end; `make` is called once for each partition.
    pub fn then<S: Stage<In = Last> + 'static>(
        mut self,
        name: &'static str,
        make: impl Fn(u16) -> S + Send + 'static,
    ) -> Line<First, S::Out> {
        assert!(self.stages.len() < STAGES_MAX, "a line has at most {STAGES_MAX} stages");
        let number = self.stages.len();
        let make =
            move |partition, overlay| Box::new(StageNode::new(make(partition), number, overlay)) as Box<dyn Node>;
        self.stages.push(Made { name, make: Box::new(make) });
        Line { stages: self.stages, types: PhantomData }
    }

    pub fn names(&self) -> Vec<&'static str> {
        self.stages.iter().map(|stage| stage.name).collect()
    }
}
