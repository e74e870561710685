//! What tasks of the Kafka engine tell, under the names of their stages.

use std::time::Duration;

use stream::kafka::{Batch, Event, Observer, TaskId};

use super::metrics::Metrics;
use super::tasks::{Happening, Transaction};
use crate::kafka::start::{say_dead, say_event, say_waiting, stage_of as stage};

impl Observer for Metrics {
    fn committed(&self, task: TaskId, batch: &Batch, commit: Duration, apply: Duration) {
        say_dead(task, batch.dead);
        let Batch { received, repeats, dead, controls, sent, published, bytes, newest, .. } = *batch;
        let done =
            Transaction { received, repeats, dead, controls, sent, published, bytes, publish: commit, apply, newest };
        self.transaction(stage(task), &done);
    }

    fn lag(&self, task: TaskId, records: Option<u64>, taken: Option<u64>) {
        Metrics::lag(self, stage(task), task.partition, records, taken);
    }

    fn state(&self, task: TaskId, bytes: u64) {
        Metrics::state(self, stage(task), task.partition, bytes);
    }

    fn event(&self, task: TaskId, event: &Event) {
        say_event(task, event);
        let what = match event {
            Event::Assigned => Happening::Assigned,
            Event::Revoked => Happening::Revoked,
            Event::Recovered { folded, took, .. } => Happening::Recovered { folded: *folded, took: *took },
            Event::Unclear { .. } => Happening::Unclear,
            Event::Fenced => Happening::Fenced,
            Event::Gap { .. } => Happening::Gap,
            Event::Repair { .. } => Happening::Repair,
            Event::Checkpoint { .. } | Event::Failed { .. } => return,
            Event::Rebuilt => Happening::Rebuilt,
            Event::Stopped { why } => Happening::Stopped { why },
        };
        self.happened(stage(task), task.partition, what);
    }

    fn waits(&self, what: &str) {
        say_waiting(what);
    }
}
