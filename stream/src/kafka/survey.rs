//! How far a line has come on its cluster, told by its marks.

use crate::kafka::ground::{last_mark, last_word};
use crate::kafka::publisher::INTAKE_ID;
use crate::kafka::task::of_transport;
use crate::kafka::{Cluster, Mark, Received, StageSpec, TaskError, TaskId, Transport};

/// Where one task stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub stage: &'static str,
    pub task: TaskId,
    /// `None` where it has never published anything.
    pub mark: Option<Mark>,
    /// Records of its input that lie behind the mark.
    pub waiting: u64,
    /// Why it has stopped behind its mark, and gone no further since.
    pub stopped: Option<String>,
}

/// Where all tasks of a line stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    pub intake: Option<Mark>,
    /// By stage and partition.
    pub tasks: Vec<Standing>,
}

impl Survey {
    /// Looks at the marks of every task, and at what lies behind them.
    ///
    /// # Errors
    /// A topic cannot be read.
    pub fn take<T: Transport>(transport: &T, cluster: &Cluster, line: &[StageSpec]) -> Result<Survey, TaskError> {
        let topic = cluster.marks();
        let partitions = transport.partitions(&topic).map_err(of_transport)?;
        let partition_of = |task| Mark::partition(task, partitions);
        let intake = last_mark(transport, &topic, partition_of(INTAKE_ID), cluster.generation, INTAKE_ID)?;
        let mut tasks = Vec::new();
        for spec in line {
            for partition in 0..spec.partitions {
                let task = TaskId { stage: spec.number, partition };
                let (mark, stopped) = last_word(transport, &topic, partition_of(task), cluster.generation, task)?;
                let stage = spec.name;
                let next = mark.as_ref().map_or(0, |mark| mark.place.next);
                let mut waiting = 0;
                let visit = &mut |_: Received<'_>| waiting += 1;
                let input = cluster.topic(&spec.input);
                transport.read_to_end(&input, partition, next, visit).map_err(of_transport)?;
                tasks.push(Standing { stage, task, mark, waiting, stopped });
            }
        }
        Ok(Survey { intake, tasks })
    }

    /// Tasks that have stopped, and why.
    pub fn stopped(&self) -> impl Iterator<Item = (&Standing, &str)> {
        self.tasks.iter().filter_map(|standing| Some((standing, standing.stopped.as_deref()?)))
    }

    /// The first task that has something left to do of what came in, if there is one.
    pub fn busy(&self) -> Option<&Standing> {
        let complete = self.intake.as_ref().map_or(0, |mark| mark.complete);
        self.tasks.iter().find(|standing| {
            let done = |mark: &Mark| mark.complete == complete && mark.held == 0;
            standing.waiting > 0 || !standing.mark.as_ref().map_or(complete == 0, done)
        })
    }
}
