//! X12 867, product transfer and resale: distributors' reports by EDI.
//!
//! In: interchanges of versions 4010 and 5010, any separators, any number of groups and sets in a file.
//! Out: one row for each quantity sold or returned, and what envelope and declared totals say.
//! Refused: what is no X12, a segment without end, cancellations, and files whose reports contradict each other.
//! One segment and one record are held at a time.

mod envelope;
mod options;
mod row;
mod rules;
mod sales;
mod segment;
mod sets;
mod totals;

use std::io::Read;
use std::sync::Arc;

use contract::{Code, ParsedRow};

pub use options::X12Options;

use super::{Facts, Limits, Records, Stop};
use crate::columns::problem;
use crate::definition::FeedDefinition;
use envelope::{Envelope, Place};
use segment::{SegmentError, SegmentReader};
use sets::SetReader;

/// Opens an X12 file.
pub fn open<'a>(
    definition: Arc<FeedDefinition>,
    input: Box<dyn Read + Send + 'a>,
    limits: &Limits,
) -> Result<Box<dyn Records + 'a>, Stop> {
    Ok(Box::new(X12Records {
        segments: SegmentReader::new(input, limits.record_bytes_max),
        envelope: Envelope::default(),
        sets: SetReader::new(definition),
        is_done: false,
    }))
}

struct X12Records<'a> {
    segments: SegmentReader<Box<dyn Read + Send + 'a>>,
    envelope: Envelope,
    sets: SetReader,
    is_done: bool,
}

impl Records for X12Records<'_> {
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

impl X12Records<'_> {
    /// Takes one segment, which ends one record at most.
    fn step(&mut self) -> Result<(), Stop> {
        let Some(segment) = self.segments.next()? else {
            self.is_done = true;
            self.envelope.finish(&mut self.sets.faults);
            return self.sets.finish();
        };
        match self.envelope.take(&segment, &mut self.sets.faults) {
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
