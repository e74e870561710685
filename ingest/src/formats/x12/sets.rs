//! What reading transaction sets takes whatever their kind: begin and end, and what is counted of the file.

use std::sync::Arc;

use contract::{ParsedRow, Text};

use super::envelope::Faults;
use super::head::Head;
use super::refused;
use super::rules::Rules;
use super::segment::Segment;
use super::totals::Totals;
use crate::definition::FeedDefinition;
use crate::formats::{Facts, Stop};

/// A kind of transaction sets: which segment says something on which record.
pub(crate) trait Kind: Send {
    /// ST01 of its sets.
    const NUMBER: &'static str;
    /// What a file without any of them does not hold.
    const HOLDS: &'static str;

    fn new(definition: &FeedDefinition) -> Self;

    /// A set begins: forgets what the last one said.
    fn clear(&mut self);

    /// Takes a segment between ST and SE.
    fn take(&mut self, segment: &Segment<'_>, file: &mut File) -> Result<(), Stop>;

    /// The record that is being read has ended, if one is.
    fn end_record(&mut self, file: &mut File);

    /// Segments of the record that is being read.
    fn held(&self) -> u32;

    /// Under which name a later file may replace this one, by the number of its first set.
    fn series(number: Text, replaces: bool) -> Option<Text>;
}

/// What is known of a file whatever its sets are.
pub(crate) struct File {
    pub(crate) faults: Faults,
    pub(crate) rules: Rules,
    pub(crate) head: Head,
    /// Of the open set.
    pub(crate) totals: Totals,
    /// Records so far.
    pub(crate) records: u32,
    /// The record that the last segment ended.
    row: Option<ParsedRow>,
    segments: u32,
    /// Segments of all records.
    record_segments: u32,
}

impl File {
    /// Keeps the row of a record that has ended, which took so many segments.
    pub(crate) fn end_record(&mut self, row: ParsedRow, segments: u32) {
        self.record_segments += segments;
        self.row = Some(row);
    }
}

/// Reads the sets of a file.
pub(crate) struct Sets<K> {
    file: File,
    kind: K,
    /// The open set is of the kind.
    is_read: bool,
}

impl<K: Kind> Sets<K> {
    pub(crate) fn new(definition: Arc<FeedDefinition>) -> Sets<K> {
        let kind = K::new(&definition);
        let file = File {
            faults: Faults::default(),
            head: Head::default(),
            totals: Totals::default(),
            records: 0,
            row: None,
            segments: 0,
            record_segments: 0,
            rules: Rules::new(definition),
        };
        Sets { file, kind, is_read: false }
    }

    pub(crate) fn faults(&mut self) -> &mut Faults {
        &mut self.file.faults
    }

    /// ST: begins a set, after ending one that lacks its SE.
    pub(crate) fn begin(&mut self, segment: &Segment<'_>) {
        self.end();
        self.file.segments += 1;
        self.is_read = segment.element(1) == K::NUMBER.as_bytes();
        if !self.is_read {
            let message = format!("transaction set {} is not read, only {}", segment.text(1), K::NUMBER);
            self.file.faults.remark("ST01", segment.element(1), message);
        }
        self.kind.clear();
        self.file.totals = Totals::default();
    }

    /// Takes a segment between ST and SE.
    pub(crate) fn take(&mut self, segment: &Segment<'_>) -> Result<(), Stop> {
        self.file.segments += 1;
        if self.is_read { self.kind.take(segment, &mut self.file) } else { Ok(()) }
    }

    /// Counts a segment that stands outside of the sets.
    pub(crate) fn pass(&mut self) {
        self.file.segments += 1;
    }

    /// SE, or the set is cut off.
    pub(crate) fn end(&mut self) {
        if self.is_read {
            self.kind.end_record(&mut self.file);
            self.file.totals.finish(&mut self.file.faults);
        }
        self.is_read = false;
    }

    /// The file is read: did it hold a set of the kind at all?
    pub(crate) fn finish(&mut self) -> Result<(), Stop> {
        self.end();
        match (self.file.segments, self.file.head.replaces, self.file.records) {
            (0, ..) => Err(refused("the file is empty".into())),
            (_, None, 0) => Err(refused(format!("the file holds no {} (transaction set {})", K::HOLDS, K::NUMBER))),
            _ => Ok(()),
        }
    }

    /// The record that the last segment ended, if it ended one.
    pub(crate) fn take_row(&mut self) -> Option<ParsedRow> {
        self.file.row.take()
    }

    pub(crate) fn facts(&self) -> Facts {
        let File { faults, head, rules, segments, record_segments, .. } = &self.file;
        let mut facts = head.facts(segments - record_segments - self.kind.held());
        facts.series = facts.series.take().and_then(|number| K::series(number, facts.replaces));
        faults.tell(rules.definition.control_totals, &mut facts);
        facts
    }
}
