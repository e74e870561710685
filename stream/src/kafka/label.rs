//! What stands in a record's headers: who wrote it, its number there, where it stands among the controls.
//!
//! | header | holds |
//! |---|---|
//! | `o` | generation u32, stage u8, partition u16 of the writing task |
//! | `n` | number u64 of the record among those of this task in this partition, from 1 |
//! | `s` | stamp u64: number of the control in force |
//! | `k` | number u64 of the control that the value is |
//! | `a` | place among what is sent at a control, see [`Rank`] |
//!
//! Numbers are big-endian.

use serde::{Deserialize, Serialize};

/// Stage number of the intake, in front of the first stage.
pub const INTAKE: u8 = 255;

/// A task: one partition of one stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TaskId {
    pub stage: u8,
    pub partition: u16,
}

impl std::fmt::Display for TaskId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.stage {
            INTAKE => write!(f, "intake"),
            stage => write!(f, "stage {stage} partition {}", self.partition),
        }
    }
}

/// Who wrote a record. A new generation starts all numbers anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Origin {
    pub generation: u32,
    pub task: TaskId,
}

/// Where an output that was caused by a control stands among all of them: stage that said it (from 1), emitter, then
/// one ordinal for each hop. Bytes that sort as the embedded engine sorts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Rank(Vec<u8>);

impl Rank {
    /// What a stage says at a control on behalf of a key.
    pub fn of(stage: u8, emitter: u64) -> Rank {
        let mut bytes = Vec::with_capacity(17);
        bytes.push(stage + 1);
        bytes.extend_from_slice(&emitter.to_be_bytes());
        Rank(bytes)
    }

    /// The `ordinal`-th output, from 1, of what stands here.
    pub fn then(&self, ordinal: u32) -> Rank {
        let mut bytes = Vec::with_capacity(self.0.len() + 4);
        bytes.extend_from_slice(&self.0);
        bytes.extend_from_slice(&ordinal.to_be_bytes());
        Rank(bytes)
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn from_bytes(bytes: &[u8]) -> Rank {
        Rank(bytes.to_vec())
    }
}

/// What a record is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    Data,
    /// An output that a control caused; stands in front of the control that follows its stamp.
    AtControl(Rank),
    Control(u64),
}

/// All headers of a record of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    pub origin: Origin,
    pub number: u64,
    pub stamp: u64,
    pub kind: Kind,
}

/// Headers that a label takes.
pub const HEADERS_MAX: usize = 4;

impl Label {
    /// Hands each header on by name and bytes.
    pub fn write(&self, header: &mut dyn FnMut(&'static str, &[u8])) {
        let mut origin = [0; 7];
        origin[..4].copy_from_slice(&self.origin.generation.to_be_bytes());
        origin[4] = self.origin.task.stage;
        origin[5..].copy_from_slice(&self.origin.task.partition.to_be_bytes());
        header("o", &origin);
        header("n", &self.number.to_be_bytes());
        header("s", &self.stamp.to_be_bytes());
        match &self.kind {
            Kind::Data => {}
            Kind::AtControl(rank) => header("a", rank.bytes()),
            Kind::Control(number) => header("k", &number.to_be_bytes()),
        }
    }
}

/// Puts headers together again; headers of others are passed over.
#[derive(Default)]
pub struct LabelReader {
    origin: Option<Origin>,
    number: Option<u64>,
    stamp: Option<u64>,
    control: Option<u64>,
    rank: Option<Rank>,
}

impl LabelReader {
    pub fn header(&mut self, name: &str, bytes: &[u8]) {
        match name {
            "o" => self.origin = origin(bytes),
            "n" => self.number = number(bytes),
            "s" => self.stamp = number(bytes),
            "k" => self.control = number(bytes),
            "a" => self.rank = Some(Rank::from_bytes(bytes)),
            _ => {}
        }
    }

    /// `None` for a record that no task of ours wrote.
    pub fn label(self) -> Option<Label> {
        let kind = match (self.control, self.rank) {
            (Some(number), None) => Kind::Control(number),
            (None, Some(rank)) => Kind::AtControl(rank),
            (None, None) => Kind::Data,
            (Some(_), Some(_)) => return None,
        };
        Some(Label { origin: self.origin?, number: self.number?, stamp: self.stamp?, kind })
    }
}

fn origin(bytes: &[u8]) -> Option<Origin> {
    let bytes: &[u8; 7] = bytes.try_into().ok()?;
    let [a, b, c, d, stage, high, low] = *bytes;
    let task = TaskId { stage, partition: u16::from_be_bytes([high, low]) };
    Some(Origin { generation: u32::from_be_bytes([a, b, c, d]), task })
}

fn number(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_comes_back_from_its_headers() {
        let origin = Origin { generation: 7, task: TaskId { stage: 3, partition: 259 } };
        let rank = Rank::of(3, u64::MAX).then(1);
        for kind in [Kind::Data, Kind::Control(9), Kind::AtControl(rank)] {
            let label = Label { origin, number: 12, stamp: 8, kind };
            let mut reader = LabelReader::default();
            label.write(&mut |name, bytes| reader.header(name, bytes));
            reader.header("traceparent", b"x");
            assert_eq!(reader.label(), Some(label));
        }
    }

    #[test]
    fn a_foreign_record_has_no_label() {
        let mut reader = LabelReader::default();
        reader.header("o", &[1, 2]);
        reader.header("n", &1u64.to_be_bytes());
        reader.header("s", &1u64.to_be_bytes());
        assert_eq!(reader.label(), None);
    }

    #[test]
    fn earlier_stages_then_keys_then_ordinals() {
        let order = [
            Rank::of(0, 9).then(2),
            Rank::of(1, 3).then(1),
            Rank::of(1, 3).then(2),
            Rank::of(1, 300).then(1),
            Rank::of(2, 0).then(1),
        ];
        assert!(order.is_sorted());
    }
}
