//! What a task has published beside what it would publish now.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::kafka::book::record_hash;
use crate::kafka::ground::Ground;
use crate::kafka::repair::Patient;
use crate::kafka::task::of_transport;
use crate::kafka::work::datum;
use crate::kafka::{Channels, DEAD, HOP, Kind, Label, Origin, Received, TaskError, Transport, TransportError, Wires};

/// How a record to another stage, or a dead letter, differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Differs {
    /// Another record has its number.
    Other,
    /// It would not be published now.
    OnlyPublished,
    /// It was never published.
    OnlyFolded,
}

/// A record that differs, by the number that it has or would have among those of its task in its partition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// With the cluster's prefix.
    pub topic: String,
    pub partition: u16,
    pub number: u64,
    pub differs: Differs,
    /// Where the published one lies.
    pub offset: Option<u64>,
    /// What would be published, with the frame that names its schema.
    pub folded: Option<Vec<u8>>,
}

/// How many records are of which kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// To other stages, and dead letters: the same record under the same number.
    pub equal: u64,
    pub other: u64,
    pub only_published: u64,
    pub only_folded: u64,
    /// Published, and neither in the topic nor in the archive, so not compared.
    pub unseen: u64,
    /// Published behind the mark, and taken as they are.
    pub beyond: u64,
    /// Keys of views whose last value differs.
    pub corrections: u64,
}

/// A record that the mark stands for, and that nobody can see.
pub(super) struct Missing {
    pub slot: usize,
    pub label: Label,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
}

/// What a view should say under a key, and does not.
pub(super) struct Correction {
    pub slot: usize,
    pub key: Vec<u8>,
    pub stamp: u64,
    pub value: Option<Vec<u8>>,
}

/// Bytes in front of a datum, by what stands on an output.
#[derive(Clone, Copy)]
struct Frames {
    output: usize,
    control: usize,
    views: usize,
    dead: usize,
}

impl Frames {
    fn of<I, O>(wires: &Wires<I, O>) -> Frames {
        let Wires { output, control, views, dead, .. } = wires;
        Frames { output: output.frame(), control: control.frame(), views: views.frame(), dead: dead.frame() }
    }

    fn datum<'v>(self, output: u8, kind: &Kind, value: &'v [u8]) -> &'v [u8] {
        let frame = match (output, kind) {
            (DEAD, _) => self.dead,
            (HOP, Kind::Control(_)) => self.control,
            (HOP, _) => self.output,
            _ => self.views,
        };
        datum(value, frame)
    }
}

/// All outputs of a task, as they were published and as they come again. Keeps a hash of each record to another stage,
/// and the last value under each key of the views.
pub(super) struct Comparison {
    channels: Channels,
    frames: Frames,
    slots: Vec<Slot>,
    equal: u64,
    unseen: u64,
    differences: Vec<Difference>,
    missing: Vec<Missing>,
}

struct Slot {
    /// Last number, as the mark says.
    marked: u64,
    /// Up to which number all records can be seen.
    visible: u64,
    /// Highest number that can be seen at all.
    highest: u64,
    /// Last number of the fold.
    folded: u64,
    kind: Published,
}

enum Published {
    /// By number: offset and hash of those that did not come again yet.
    Numbered(BTreeMap<u64, (u64, [u8; 32])>),
    Keyed {
        published: BTreeMap<Vec<u8>, Said>,
        folded: BTreeMap<Vec<u8>, Last>,
    },
}

/// The last record of a key, as it was published: number, hash where it has a value.
type Said = (u64, Option<[u8; 32]>);

/// The last record of a key in the fold.
struct Last {
    stamp: u64,
    hash: Option<[u8; 32]>,
    value: Option<Vec<u8>>,
}

impl Comparison {
    /// Reads all that a task has published, from the archive where topics were trimmed.
    pub fn read<I, O, T: Transport>(patient: &Patient<'_, I, O, T>, ground: &Ground) -> Result<Comparison, TaskError> {
        let slot = |slot: usize| {
            let is_view = !matches!(ground.channels.kind(slot), HOP | DEAD);
            let kind = match is_view {
                true => Published::Keyed { published: BTreeMap::new(), folded: BTreeMap::new() },
                false => Published::Numbered(BTreeMap::new()),
            };
            Slot { marked: ground.numbers[slot], visible: ground.visible[slot], highest: 0, folded: 0, kind }
        };
        let mut comparison = Comparison {
            channels: ground.channels.clone(),
            frames: Frames::of(&patient.frame.wires),
            slots: (0..ground.channels.len()).map(slot).collect(),
            equal: 0,
            unseen: 0,
            differences: Vec::new(),
            missing: Vec::new(),
        };
        let origin = Origin { generation: patient.frame.cluster.generation, task: ground.task };
        for slot in 0..ground.channels.len() {
            let visit = &mut |received: Received<'_>| {
                if let Some(label) = received.label.filter(|label| label.origin == origin) {
                    comparison.see(slot, label, received);
                }
            };
            read_all(patient, ground.channels.target(slot), visit).map_err(of_transport)?;
        }
        Ok(comparison)
    }

    fn hash(&self, slot: usize, label: &Label, key: Option<&[u8]>, value: Option<&[u8]>) -> [u8; 32] {
        let output = self.channels.kind(slot);
        let datum = value.map(|value| self.frames.datum(output, &label.kind, value));
        // Numbers of views do not count: corrections move them.
        record_hash((output == HOP || output == DEAD).then_some(label), key, datum)
    }

    fn see(&mut self, slot: usize, label: &Label, received: Received<'_>) {
        let hash = self.hash(slot, label, received.key, received.value);
        let of = &mut self.slots[slot];
        of.highest = of.highest.max(label.number);
        match &mut of.kind {
            Published::Numbered(published) if label.number <= of.visible => {
                published.entry(label.number).or_insert((received.offset, hash));
            }
            Published::Numbered(_) => {}
            Published::Keyed { published, .. } => {
                let said = published.entry(received.key.unwrap_or_default().to_vec()).or_default();
                if label.number > said.0 {
                    *said = (label.number, received.value.map(|_| hash));
                }
            }
        }
    }

    /// Takes a record that comes again.
    pub fn fold(&mut self, slot: usize, label: &Label, key: Option<&[u8]>, value: Option<&[u8]>) {
        let hash = self.hash(slot, label, key, value);
        let of = &mut self.slots[slot];
        of.folded = label.number;
        if (of.visible + 1..=of.marked).contains(&label.number) {
            let (key, value) = (key.map(<[u8]>::to_vec), value.map(<[u8]>::to_vec));
            self.missing.push(Missing { slot, label: label.clone(), key, value });
        }
        let published = match &mut of.kind {
            Published::Keyed { folded, .. } => {
                let last = Last { stamp: label.stamp, hash: value.map(|_| hash), value: value.map(<[u8]>::to_vec) };
                folded.insert(key.unwrap_or_default().to_vec(), last);
                return;
            }
            Published::Numbered(published) => published.remove(&label.number),
        };
        match published {
            Some((_, published)) if published == hash => self.equal += 1,
            Some((offset, _)) => self.differ(slot, label.number, Differs::Other, Some(offset), value),
            None if label.number <= of.visible => self.unseen += 1,
            None if label.number <= of.marked => {}
            None => self.differ(slot, label.number, Differs::OnlyFolded, None, value),
        }
    }

    fn differ(&mut self, slot: usize, number: u64, differs: Differs, offset: Option<u64>, value: Option<&[u8]>) {
        let (topic, partition) = self.channels.target(slot);
        let (topic, folded) = (topic.to_owned(), value.map(<[u8]>::to_vec));
        self.differences.push(Difference { topic, partition, number, differs, offset, folded });
    }

    /// What came of it, when the fold is at the mark.
    pub fn finish(mut self) -> Outcome {
        let (mut corrections, mut numbers, mut beyond) = (Vec::new(), Vec::new(), 0);
        for (slot, of) in std::mem::take(&mut self.slots).into_iter().enumerate() {
            match of.kind {
                Published::Numbered(left) => {
                    numbers.push(of.marked.min(of.visible.max(of.folded)));
                    for (number, (offset, _)) in left {
                        match number > of.marked {
                            true => beyond += 1,
                            false => self.differ(slot, number, Differs::OnlyPublished, Some(offset), None),
                        }
                    }
                }
                Published::Keyed { published, folded } => {
                    numbers.push(of.marked.max(of.highest));
                    corrections.extend(corrected(slot, &published, folded));
                }
            }
        }
        self.differences.sort();
        let of_kind = |kind| self.differences.iter().filter(|found| found.differs == kind).count() as u64;
        let counts = Counts {
            equal: self.equal,
            other: of_kind(Differs::Other),
            only_published: of_kind(Differs::OnlyPublished),
            only_folded: of_kind(Differs::OnlyFolded),
            unseen: self.unseen,
            beyond,
            corrections: corrections.len() as u64,
        };
        Outcome { counts, differences: self.differences, corrections, missing: self.missing, numbers }
    }
}

/// How a comparison ended.
pub(super) struct Outcome {
    pub counts: Counts,
    /// By topic, partition and number.
    pub differences: Vec<Difference>,
    pub corrections: Vec<Correction>,
    pub missing: Vec<Missing>,
    /// By slot, the number that the outputs of a new incarnation go on from.
    ///
    /// Readers of other stages take exactly the next one, so there it is never behind a gap. Of views they take the
    /// highest, so there it is behind all that can be seen.
    pub numbers: Vec<u64>,
}

/// Keys whose last value differs; one that is let go is as one that never was.
fn corrected(slot: usize, published: &BTreeMap<Vec<u8>, Said>, mut folded: BTreeMap<Vec<u8>, Last>) -> Vec<Correction> {
    let keys: BTreeSet<Vec<u8>> = published.keys().chain(folded.keys()).cloned().collect();
    let correction = |key: Vec<u8>| {
        let said = published.get(&key).and_then(|(_, hash)| *hash);
        let last = folded.remove(&key).unwrap_or(Last { stamp: 0, hash: None, value: None });
        (said != last.hash).then_some(Correction { slot, key, stamp: last.stamp, value: last.value })
    };
    keys.into_iter().filter_map(correction).collect()
}

fn read_all<I, O, T: Transport>(
    patient: &Patient<'_, I, O, T>,
    (topic, partition): (&str, u16),
    visit: &mut dyn FnMut(Received<'_>),
) -> Result<(), TransportError> {
    let (transport, archive) = (&patient.frame.transport, &patient.archive);
    let (start, _) = transport.bounds(topic, partition)?;
    if start > 0 && archive.covers(topic, partition, 0, start)? {
        let mut reader = archive.reader(topic, partition, 0, start)?;
        while reader.read(Duration::ZERO, visit)? {}
    }
    transport.read_to_end(topic, partition, start, visit).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::{StageSpec, TaskId};

    const VIEW: u8 = 3;

    /// One partition with a hop, a view and dead letters.
    fn comparison(marked: u64, visible: u64) -> Comparison {
        let spec = StageSpec {
            number: 1,
            name: "two",
            input: "a".into(),
            output: Some("b".into()),
            views: vec![(VIEW, "v".into())],
            partitions: 1,
            logic: 1..=1,
            config: [0; 32],
        };
        let slot = |kind| Slot { marked, visible, highest: 0, folded: 0, kind };
        let numbered = || slot(Published::Numbered(BTreeMap::new()));
        let keyed = slot(Published::Keyed { published: BTreeMap::new(), folded: BTreeMap::new() });
        Comparison {
            channels: Channels::of(&spec, str::to_owned),
            frames: Frames { output: 1, control: 1, views: 0, dead: 0 },
            slots: vec![numbered(), keyed, numbered()],
            equal: 0,
            unseen: 0,
            differences: Vec::new(),
            missing: Vec::new(),
        }
    }

    fn label(number: u64) -> Label {
        let origin = Origin { generation: 1, task: TaskId { stage: 1, partition: 0 } };
        Label { origin, number, stamp: 0, kind: Kind::Data }
    }

    fn see(comparison: &mut Comparison, slot: usize, number: u64, key: Option<&[u8]>, value: Option<&[u8]>) {
        let label = label(number);
        let received =
            Received { offset: 100 + number, key, value, label: Some(&label), headers: &[], timestamp: None };
        comparison.see(slot, &label, received);
    }

    #[test]
    fn records_to_other_stages_are_compared_by_number_and_without_their_frames() {
        let mut comparison = comparison(5, 6);
        for (number, value) in [(2, b"xB"), (3, b"xC"), (4, b"xD"), (5, b"xE"), (6, b"xF")] {
            see(&mut comparison, 0, number, None, Some(value));
        }
        for (number, value) in [(1, b"yA"), (2, b"yB"), (3, b"yc"), (4, b"yD")] {
            comparison.fold(0, &label(number), None, Some(value));
        }
        let outcome = comparison.finish();
        let (equal, other, only_published, unseen, beyond) = (2, 1, 1, 1, 1);
        let wanted = Counts { equal, other, only_published, unseen, beyond, ..Counts::default() };
        assert_eq!(outcome.counts, wanted);
        let listed = outcome.differences.iter().map(|found| (found.number, found.differs, found.offset));
        let wanted = [(3, Differs::Other, Some(103)), (5, Differs::OnlyPublished, Some(105))];
        assert_eq!(listed.collect::<Vec<_>>(), wanted);
        assert_eq!(outcome.numbers[0], 5, "what was published stands, also without a fold of it");
    }

    #[test]
    fn what_nobody_can_see_is_sent_and_what_was_never_promised_is_listed() {
        let mut comparison = comparison(3, 1);
        see(&mut comparison, 0, 1, None, Some(b"xA"));
        see(&mut comparison, 0, 3, None, Some(b"xC"));
        (1..=4).for_each(|number| comparison.fold(0, &label(number), None, Some(b"xA")));
        let outcome = comparison.finish();
        assert_eq!(outcome.missing.iter().map(|missing| missing.label.number).collect::<Vec<_>>(), [2, 3]);
        let listed = outcome.differences.iter().map(|found| (found.number, found.differs));
        assert_eq!(listed.collect::<Vec<_>>(), [(4, Differs::OnlyFolded)]);
        assert_eq!(outcome.numbers[0], 3);
    }

    #[test]
    fn a_shorter_fold_leaves_no_gap_behind_what_can_be_seen() {
        let mut shorter = comparison(9, 4);
        (1..=6).for_each(|number| shorter.fold(0, &label(number), None, Some(b"x")));
        assert_eq!(shorter.finish().numbers[0], 6);
        let mut shortest = comparison(9, 4);
        shortest.fold(0, &label(1), None, Some(b"x"));
        assert_eq!(shortest.finish().numbers[0], 4);
    }

    #[test]
    fn views_are_corrected_where_the_last_value_of_a_key_differs() {
        let mut comparison = comparison(4, 4);
        for (number, key, value) in [(2, b"a", Some(b"1")), (1, b"a", Some(b"0")), (3, b"b", Some(b"2"))] {
            see(&mut comparison, 1, number, Some(key), value.map(|value| &value[..]));
        }
        see(&mut comparison, 1, 5, Some(b"gone"), None);
        for (number, key, value) in [(1, b"a", Some(b"7")), (2, b"a", Some(b"1")), (3, b"c", Some(b"3"))] {
            comparison.fold(1, &label(number), Some(key), value.map(|value| &value[..]));
        }
        let outcome = comparison.finish();
        let corrected = outcome.corrections.iter().map(|found| (found.key.as_slice(), found.value.as_deref()));
        let wanted: [(&[u8], Option<&[u8]>); 2] = [(b"b", None), (b"c", Some(b"3"))];
        assert_eq!(corrected.collect::<Vec<_>>(), wanted);
        assert_eq!((outcome.counts.corrections, outcome.numbers[1]), (2, 5));
    }
}
