//! X12: distributors' reports (867, product transfer and resale) and claims (844, account adjustment) by EDI.
//!
//! In: interchanges of versions 4010 and 5010, any separators, any number of groups and sets in a file.
//! Out: one row for each quantity sold or returned, or for each line of a claim, and what envelope and declared totals say.
//! Refused: what is no X12, a segment without end, cancellations, and files whose reports contradict each other.
//! One segment and one record are held at a time.

mod claim_row;
mod claim_sets;
mod envelope;
mod head;
mod heads;
mod options;
mod report_sets;
mod row;
mod rules;
mod sales;
mod segment;
mod sets;
mod totals;

use std::io::Read;
use std::sync::Arc;

use contract::{Code, ParsedRow};

pub use heads::{SetHead, heads};
pub use options::{ClaimsFor, LineNumbers, X12Options};
pub use segment::Separators;

use super::{Facts, Limits, Records, Stop};
use crate::definition::FeedDefinition;
use crate::rules::row_refused::problem;
use claim_sets::Claims;
use envelope::{Envelope, Place};
use report_sets::Reports;
use segment::{SegmentError, SegmentReader};
use sets::{Kind, Sets};

/// Opens a file of reports, 867.
pub fn open<'a>(
    definition: Arc<FeedDefinition>,
    input: Box<dyn Read + Send + 'a>,
    limits: &Limits,
) -> Result<Box<dyn Records + 'a>, Stop> {
    Ok(Box::new(X12Records::<Reports>::new(definition, input, limits)))
}

/// Opens a file of claims, 844.
pub fn open_claims<'a>(
    definition: Arc<FeedDefinition>,
    input: Box<dyn Read + Send + 'a>,
    limits: &Limits,
) -> Result<Box<dyn Records + 'a>, Stop> {
    Ok(Box::new(X12Records::<Claims>::new(definition, input, limits)))
}

struct X12Records<'a, K> {
    segments: SegmentReader<Box<dyn Read + Send + 'a>>,
    envelope: Envelope,
    sets: Sets<K>,
    is_done: bool,
}

impl<K: Kind> Records for X12Records<'_, K> {
    fn next_row(&mut self) -> Result<Option<ParsedRow>, Stop> {
        while !self.is_done {
            self.step()?;
            if let Some(row) = self.sets.take_row() {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }

    fn facts(&self) -> Facts {
        self.sets.facts()
    }
}

impl<'a, K: Kind> X12Records<'a, K> {
    fn new(definition: Arc<FeedDefinition>, input: Box<dyn Read + Send + 'a>, limits: &Limits) -> X12Records<'a, K> {
        let (segments, sets) = (SegmentReader::new(input, limits.record_bytes_max), Sets::new(definition));
        X12Records { segments, envelope: Envelope::default(), sets, is_done: false }
    }

    /// Takes one segment, which ends one record at most.
    fn step(&mut self) -> Result<(), Stop> {
        let Some(segment) = self.segments.next()? else {
            self.is_done = true;
            self.envelope.finish(self.sets.faults());
            return self.sets.finish();
        };
        match self.envelope.take(&segment, self.sets.faults()) {
            Place::Begin => self.sets.begin(&segment),
            Place::Inside => self.sets.take(&segment)?,
            Place::End => {
                self.sets.pass();
                self.sets.end();
            }
            Place::Outside => self.sets.pass(),
        }
        Ok(())
    }
}

impl From<SegmentError> for Stop {
    fn from(error: SegmentError) -> Stop {
        match error {
            SegmentError::Io(error) => Stop::Source(error),
            SegmentError::Unreadable(message) => refused(message),
        }
    }
}

fn refused(message: String) -> Stop {
    Stop::Refused(problem(Code::RowUnreadable, "file", "", message))
}
