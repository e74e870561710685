//! What a task tells about itself while it works.

use std::time::Duration;

use crate::kafka::TaskId;

/// Counts of one transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Records taken from the input, repeats and held ones included.
    pub received: u64,
    /// Records that had been taken before.
    pub repeats: u64,
    /// Records put aside until a control is complete.
    pub held: u64,
    /// Records taken again from where they were put aside.
    pub released: u64,
    /// Records behind a gap, not taken.
    pub gaps: u64,
    /// Records of others, put on the topic of dead letters.
    pub dead: u64,
    pub controls: u64,
    /// Slices of controls.
    pub slices: u64,
    /// Records sent to the next stage.
    pub sent: u64,
    /// Records published on views.
    pub published: u64,
    /// Outputs that were visible already and are not sent again.
    pub silent: u64,
    /// Bytes of all outputs.
    pub bytes: u64,
    /// When the newest record that was taken had been written, in milliseconds since 1970, as far as the log says so.
    pub newest: Option<u64>,
}

impl std::ops::AddAssign for Batch {
    fn add_assign(&mut self, other: Batch) {
        self.received += other.received;
        self.repeats += other.repeats;
        self.held += other.held;
        self.released += other.released;
        self.gaps += other.gaps;
        self.dead += other.dead;
        self.controls += other.controls;
        self.slices += other.slices;
        self.sent += other.sent;
        self.published += other.published;
        self.silent += other.silent;
        self.bytes += other.bytes;
        self.newest = self.newest.max(other.newest);
    }
}

/// What happens to a task beside its work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Assigned,
    Revoked,
    /// The task is at its mark again: records folded without sending, outputs sent that were missing.
    Recovered {
        folded: u64,
        resent: u64,
        took: Duration,
    },
    /// Whether the last transaction holds is not known: a new producer looks.
    Unclear {
        why: String,
    },
    /// Another process owns the task.
    Fenced,
    /// A record of a task above is missing.
    Gap {
        writer: TaskId,
        missing: u64,
    },
    /// A reader asked for records again.
    Repair {
        from: u64,
    },
    Checkpoint {
        bytes: u64,
        took: Duration,
    },
    /// The consumer did not move and was made anew.
    Rebuilt,
    /// Something has failed that the task goes on without: what, and why.
    Failed {
        what: &'static str,
        why: String,
    },
    /// The task does not go on until people have seen to it.
    Stopped {
        why: String,
    },
}

/// Somebody who listens. Called from the tasks' threads; must not wait.
pub trait Observer: Send + Sync {
    /// A transaction holds and is applied: what it did, how long commit and apply took.
    fn committed(&self, _task: TaskId, _batch: &Batch, _commit: Duration, _apply: Duration) {}

    /// Records of the input that are still to come, `None` where that is not known now, and when the last one that was taken had
    /// been written: what waits waits no longer than since then.
    fn lag(&self, _task: TaskId, _records: Option<u64>, _taken: Option<u64>) {}

    /// Bytes of a task's store, on disk and in memory not yet on disk.
    fn state(&self, _task: TaskId, _bytes: u64) {}

    fn event(&self, _task: TaskId, _event: &Event) {}

    /// Something is waited for that does not pass at once: what, and why; told every few seconds.
    fn waits(&self, _what: &str) {}
}

/// Listens to nothing.
pub struct Silent;

impl Observer for Silent {}
