//! The order of everything: tags.

use std::any::Any;

use crate::{Position, View};

/// Stages that a line can have.
pub const STAGES_MAX: usize = HOPS + 1;
const HOPS: usize = 6;

/// Where a message stands: input position, then its ordinals hop by hop.
///
/// Sorting by tag gives the order in which one thread with one partition would have made the messages, so neither
/// threads nor epochs show. An ordinal counts from 1; 0 stands behind the last hop, so a cause sorts in front of
/// its effects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tag {
    position: Position,
    /// 0 for what a record led to; else 1 + the stage that sent it at a control. What earlier stages send at a control
    /// comes first, as it is input of the later ones.
    origin: u32,
    /// Hash of the key on whose behalf it was sent at a control.
    emitter: u64,
    hops: [u32; HOPS],
}

impl Tag {
    pub(crate) fn record(position: Position) -> Tag {
        Tag { position, ..Tag::default() }
    }

    /// What `stage` says at the control of this entry on behalf of a key.
    pub(crate) fn control(entry: u64, stage: usize, emitter: u64) -> Tag {
        let position = Position { entry, index: Position::CONTROL };
        Tag { position, origin: stage as u32 + 1, emitter, hops: [0; HOPS] }
    }

    /// The `ordinal`-th message (from 1) that `stage` made of the one tagged so.
    pub(crate) fn then(mut self, stage: usize, ordinal: u32) -> Tag {
        self.hops[stage] = ordinal;
        self
    }

    pub(crate) fn position(&self) -> Position {
        self.position
    }
}

/// An item with its place in the order.
#[derive(Debug)]
pub(crate) struct Tagged<T> {
    pub tag: Tag,
    pub stamp: u64,
    pub item: T,
}

/// A `Vec<Tagged<T>>`, sorted by tag, of a type that only the stages at its two ends know.
pub(crate) type Run = Box<dyn Any + Send>;

/// A view record with the tag of what caused it.
#[derive(Debug)]
pub(crate) struct Published {
    pub tag: Tag,
    pub view: View,
}

/// Takes the items of several sorted runs in the order of their tags.
pub(crate) struct Merge<T> {
    runs: Vec<std::vec::IntoIter<Tagged<T>>>,
}

impl<T> Merge<T> {
    pub fn new(runs: Vec<Vec<Tagged<T>>>) -> Merge<T> {
        Merge { runs: runs.into_iter().map(Vec::into_iter).collect() }
    }
}

impl<T> Iterator for Merge<T> {
    type Item = Tagged<T>;

    fn next(&mut self) -> Option<Tagged<T>> {
        let heads = self.runs.iter().enumerate().filter_map(|(run, items)| Some((items.as_slice().first()?.tag, run)));
        let (_, run) = heads.min()?;
        self.runs[run].next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_come_before_effects_and_earlier_stages_before_later_ones() {
        let at = |entry, index| Tag::record(Position { entry, index });
        let order = [
            at(1, 0),
            at(1, 0).then(0, 1),
            at(1, 0).then(0, 1).then(1, 1),
            at(1, 0).then(0, 2),
            at(1, 1),
            Tag::control(1, 0, 5),
            Tag::control(1, 0, 5).then(0, 1),
            Tag::control(1, 0, 5).then(0, 1).then(1, 3),
            Tag::control(1, 0, 9).then(0, 1),
            Tag::control(1, 1, 2).then(1, 1),
            at(2, 0),
        ];
        assert!(order.is_sorted());
    }

    #[test]
    fn merged_runs_are_in_order() {
        let run = |indexes: &[u32]| {
            let tagged = |index| Tagged { tag: Tag::record(Position { entry: 1, index }), stamp: 0, item: index };
            indexes.iter().map(|index| tagged(*index)).collect::<Vec<_>>()
        };
        let merged = Merge::new(vec![run(&[1, 4, 5]), run(&[]), run(&[0, 2, 9]), run(&[3])]);
        assert_eq!(merged.map(|m| m.item).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 9]);
    }
}
