//! Records of topics on their way into the log: each file holds what stood between two offsets of one partition.

use std::collections::BTreeMap;

use super::News;
use super::folder::Found;

/// Offset of the next record to read, by topic and partition.
pub type Positions = BTreeMap<(String, u16), u64>;

/// Gives what came on topics behind these positions; nothing where all was given.
pub type Inflow<'a> = Box<dyn FnMut(&Positions, &mut dyn FnMut(News<'_>)) -> anyhow::Result<Vec<Batch>> + Send + 'a>;

/// Some records of one partition.
pub struct Batch {
    /// Those that are lines, in a file named by its [`Span`].
    pub file: Option<Found>,
    /// Those that are not, in order of offset.
    pub dead: Vec<DeadRecord>,
}

/// A record that cannot become a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadRecord {
    pub topic: String,
    pub partition: u16,
    pub offset: u64,
    /// An encoded [`stream::kafka::DeadLetter`].
    pub letter: Vec<u8>,
}

/// What a file of records says by its name: `PARTNER/TOPIC@PARTITION/FIRST-LAST.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    pub topic: String,
    pub partition: u16,
    /// Offset of the first line. Line `n` is the record at offset `first + n - 1`; it is blank where none stands there.
    pub first: u64,
    pub last: u64,
    /// The file holds dead letters that were taken in again; its name begins with `replay-`.
    pub again: bool,
}

const AGAIN: &str = "replay-";
const EXTENSION: &str = ".jsonl";

impl Span {
    /// Of a file of this partner.
    pub fn name(&self, partner: &str) -> String {
        let Span { topic, partition, first, last, again } = self;
        let again = if *again { AGAIN } else { "" };
        format!("{partner}/{topic}@{partition}/{again}{first:012}-{last:012}{EXTENSION}")
    }

    /// `None` for the name of any other file.
    pub fn of(name: &str) -> Option<Span> {
        let mut parts = name.split('/');
        let (_partner, folder, file) = (parts.next()?, parts.next()?, parts.next()?);
        let (topic, partition) = folder.rsplit_once('@')?;
        let range = file.strip_suffix(EXTENSION)?;
        let again = range.starts_with(AGAIN);
        let (first, last) = range.strip_prefix(AGAIN).unwrap_or(range).split_once('-')?;
        let (partition, first, last) = (partition.parse().ok()?, first.parse().ok()?, last.parse().ok()?);
        let span = Span { topic: topic.to_owned(), partition, first, last, again };
        (parts.next().is_none() && first <= last).then_some(span)
    }

    pub fn holds(&self, topic: &str, partition: u16, offset: u64) -> bool {
        self.topic == topic && self.partition == partition && (self.first..=self.last).contains(&offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_comes_back_from_its_name() {
        for (again, name) in [
            (false, "P1/pos.rows_v2@12/000000000000-000000000017.jsonl"),
            (true, "P1/pos.rows_v2@12/replay-000000000000-000000000017.jsonl"),
        ] {
            let span = Span { topic: "pos.rows_v2".into(), partition: 12, first: 0, last: 17, again };
            assert_eq!(span.name("P1"), name);
            assert_eq!(Span::of(name), Some(span));
        }
        for other in ["P1/2013-01/a.csv", "P1/t@0/2-1.jsonl", "P1/t@x/0-1.jsonl", "P1/t@0/0-1.csv", "t@0/0-1.jsonl", ""]
        {
            assert_eq!(Span::of(other), None, "{other}");
        }
        assert_eq!(Span::of("P1/t@0/0-1.jsonl/0-1.jsonl"), None);
    }

    #[test]
    fn a_span_holds_its_own_offsets() {
        let span = Span::of("P1/t@1/5-7.jsonl").unwrap();
        let held = |topic, partition| (4..9).filter(|offset| span.holds(topic, partition, *offset)).collect::<Vec<_>>();
        assert_eq!(held("t", 1), [5, 6, 7]);
        assert!(held("t", 0).is_empty() && held("u", 1).is_empty());
    }
}
