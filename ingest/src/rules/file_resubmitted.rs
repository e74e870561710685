//! DD-01 `file-resubmitted`.
//!
//! Evidence: both files, whether bytes or rows are the same, and how many records count as duplicates.
//!
//! At risk: nothing: none of its records counts.
//!
//! ## What it finds
//! A file of a partner that has the bytes, or in another form the rows, of a file that it sent before. One finding for the
//! whole file; its records count as duplicates. Files without records are alike by nature and are not compared. The same
//! path with the same bytes is the same file, and nothing is told.
//!
//! ## Why it matters
//! Reports are sent again because nobody answered, and under a new name they look new.
//!
//! ## Example
//! A file of 1,200 lines comes again as july_2.csv: no new line.
//!
//! ## Late, corrected, out of order
//! The first that comes in stands, by the order in which the partner's files were taken in. A copy stays a copy, also when
//! the file that it repeats is corrected. A correction and the file that it replaces are two statements, in whichever order
//! they come and also where they say the same; so is a correction that goes back to what an earlier one said.
//!
//! ## Returns
//! Lines that bring something back are lines like any other: sent once more they take back nothing more.

use contract::{Code, FileStatus, FileVerdict, Finding, RecordRef};
use stream::{State, StorageError};

use crate::tables::{CONTENTS, FILES, FileNote, SERIES};

/// Whether a file can repeat another: files without records are alike by nature.
pub(crate) fn is_comparable(verdict: &FileVerdict) -> bool {
    verdict.status == FileStatus::Readable && verdict.records > 0
}

/// The first file of the partner that this one repeats.
pub(crate) fn find_repeated(verdict: &FileVerdict, state: &mut dyn State) -> Result<Option<u32>, StorageError> {
    let id = verdict.partner.to_string();
    let mut alike = Vec::new();
    for key in keys(verdict) {
        alike.extend(CONTENTS.get(state, &(id.clone(), key))?.unwrap_or_default());
    }
    alike.sort_unstable();
    alike.dedup();
    let last_of_series = SERIES.get(state, &(id.clone(), verdict.series.to_string()))?;
    for file_no in alike {
        let before = FILES.get(state, &(id.clone(), file_no))?;
        if before.is_some_and(|before| can_repeat(verdict, &before, last_of_series == Some(file_no))) {
            return Ok(Some(file_no));
        }
    }
    Ok(None)
}

/// What is said of a file that repeats the one before, which is `first`: one finding for all of it.
pub(crate) fn finding(verdict: &FileVerdict, file_no: u32, first: u32, before: &FileNote) -> Finding {
    let at = |file_no| RecordRef { partner: verdict.partner.clone(), file_no, record_no: 0 };
    let how = if before.sha256 == verdict.sha256 { "same bytes as" } else { "same rows as" };
    let message = format!("{how} {}: its {} records count as duplicates", before.file, verdict.records);
    Finding::about(Code::FileResubmitted, at(file_no), Some(at(first)), message)
}

/// Notes a new file, so that later ones are known as its repetition.
pub(crate) fn remember(verdict: &FileVerdict, file_no: u32, state: &mut dyn State) -> Result<(), StorageError> {
    let id = verdict.partner.to_string();
    for key in keys(verdict) {
        let key = (id.clone(), key);
        let mut files = CONTENTS.get(state, &key)?.unwrap_or_default();
        files.push(file_no);
        CONTENTS.put(state, &key, &files)?;
    }
    SERIES.put(state, &(id, verdict.series.to_string()), &file_no)
}

/// Whether a file with equal content is a repetition.
///
/// A correction and the file it replaces are two statements, also where they say the same, in whichever order they come.
/// So are a correction and an original of another report: who sent a file under the wrong name corrects both. A correction
/// repeats another one of its series only while that one is the series' last word: going back to an earlier correction is
/// a new statement.
fn can_repeat(verdict: &FileVerdict, before: &FileNote, is_last_of_series: bool) -> bool {
    let same_report = before.series == verdict.series;
    match (before.replaces, verdict.replaces) {
        (false, false) => true,
        (true, true) => is_last_of_series || !same_report,
        (true, false) => !same_report,
        (false, true) => false,
    }
}

/// Hashes of the bytes and of the content.
fn keys(verdict: &FileVerdict) -> [[u8; 16]; 2] {
    [verdict.sha256[..16].try_into().expect("a hash has 32 bytes"), verdict.content.0]
}
