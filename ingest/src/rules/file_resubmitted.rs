//! DD-01: files that a partner sent before.

use contract::{FileStatus, FileVerdict};
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
