//! What the heads of a file's sets say of the file as a whole.

use contract::{Day, Text};

use super::refused;
use super::rules::Rules;
use super::sales::date_text;
use super::segment::{Segment, text_of};
use crate::formats::{Facts, Stop};

/// What the heads of the file's reports or claims say.
#[derive(Debug, Default)]
pub(crate) struct Head {
    /// The purpose of the first one is 05; `None` before it.
    pub(crate) replaces: Option<bool>,
    /// Number of the first one.
    series: Text,
    from: Option<Day>,
    to: Option<Day>,
}

impl Head {
    /// Takes the segment that begins a report or a claim, as `what` says, of this number.
    ///
    /// # Errors
    /// It cancels or changes another one, or does not go with what stands before it in the file.
    pub(crate) fn begin(&mut self, segment: &Segment<'_>, what: &str, number: Text) -> Result<(), Stop> {
        if matches!(segment.element(1), b"01" | b"03" | b"04") {
            return Err(refused(format!(
                "segment {}: {}01 of {what} {number:?} is {}: cancellations and changes of single lines are not read; send the whole \
                 {what} again with 05, and what else the file holds in files of its own",
                segment.number,
                text_of(segment.id()),
                segment.text(1)
            )));
        }
        let replaces = segment.element(1) == b"05";
        match self.replaces {
            None => (self.replaces, self.series) = (Some(replaces), number),
            Some(before) if before == replaces && (!replaces || self.series == number) => {}
            Some(_) => {
                return Err(refused(format!(
                    "segment {}: a file that replaces a {what} must hold that {what} only; send the others in files of \
                     their own",
                    segment.number
                )));
            }
        }
        Ok(())
    }

    /// Takes DTM 090 or 091, first and last day of what is reported; false for any other segment.
    pub(crate) fn take(&mut self, segment: &Segment<'_>, rules: &Rules) -> bool {
        let day = || rules.head_date(&date_text(segment));
        match (segment.id(), segment.element(1)) {
            (b"DTM", b"090") => self.from = self.from.into_iter().chain(day()).min(),
            (b"DTM", b"091") => self.to = self.to.into_iter().chain(day()).max(),
            _ => return false,
        }
        true
    }

    pub(crate) fn facts(&self, structural: u32) -> Facts {
        Facts {
            structural,
            head_period: self.from.zip(self.to).filter(|(from, to)| from <= to),
            series: Some(self.series.clone()).filter(|series| !series.is_empty()),
            replaces: self.replaces.unwrap_or(false),
            ..Facts::default()
        }
    }
}
