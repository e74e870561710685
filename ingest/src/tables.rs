//! The stage's state.

use contract::{ChainEnd, Day, FileStatus, FileVerdict, Id, Text};
use serde::{Deserialize, Serialize};
use stream::Table;

/// Partner → how far it is.
pub(crate) const PARTNERS: Table<String, PartnerNote> = Table::new(1, "partners");
/// Hash of (partner, path, bytes) → file number.
pub(crate) const SEEN: Table<([u8; 16],), u32> = Table::new(2, "seen");
/// (partner, file number) → what must be known of it later.
pub(crate) const FILES: Table<(String, u32), FileNote> = Table::new(3, "files");
/// (partner, hash of the bytes or of the content) → files that brought it first.
pub(crate) const CONTENTS: Table<(String, [u8; 16]), Vec<u32>> = Table::new(4, "contents");
/// (partner, series) → the last file of the series that was new.
pub(crate) const SERIES: Table<(String, String), u32> = Table::new(5, "series");
/// Hash of (partner, path) → the last file taken under it.
pub(crate) const PATHS: Table<([u8; 16],), u32> = Table::new(7, "paths");
/// 0 → day of the last tick.
pub(crate) const TODAY: Table<u8, Day> = Table::new(6, "today");

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartnerNote {
    /// Number of the last file.
    pub(crate) files: u32,
    pub(crate) open: Option<OpenNote>,
    pub(crate) chain: ChainEnd,
}

/// The file whose rows are coming in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OpenNote {
    pub(crate) file_no: u32,
    pub(crate) records: u32,
    pub(crate) slices: u32,
    pub(crate) rows: u32,
    /// Whether its rows go on to the next stage.
    pub(crate) goes_on: bool,
}

impl OpenNote {
    pub(crate) fn new(file_no: u32, records: u32, goes_on: bool) -> OpenNote {
        OpenNote { file_no, records, slices: 0, rows: 0, goes_on }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileNote {
    pub(crate) file: String,
    pub(crate) sha256: [u8; 32],
    pub(crate) status: FileStatus,
    pub(crate) series: Text,
    pub(crate) replaces: bool,
    /// Hash of the whole verdict.
    pub(crate) verdict: Id,
}

impl FileNote {
    pub(crate) fn of(verdict: &FileVerdict) -> FileNote {
        let bytes = postcard::to_stdvec(verdict).expect("a verdict is encodable");
        FileNote {
            file: verdict.file.clone(),
            sha256: verdict.sha256,
            status: verdict.status,
            series: verdict.series.clone(),
            replaces: verdict.replaces,
            verdict: Id(short(&blake3::hash(&bytes))),
        }
    }
}

pub(crate) fn arrival_key(verdict: &FileVerdict) -> [u8; 16] {
    let mut hash = blake3::Hasher::new();
    hash.update(&(verdict.partner.len() as u32).to_le_bytes());
    hash.update(verdict.partner.as_bytes()).update(&verdict.sha256).update(verdict.file.as_bytes());
    short(&hash.finalize())
}

pub(crate) fn path_key(verdict: &FileVerdict) -> [u8; 16] {
    let mut hash = blake3::Hasher::new();
    hash.update(&(verdict.partner.len() as u32).to_le_bytes());
    hash.update(verdict.partner.as_bytes()).update(verdict.file.as_bytes());
    short(&hash.finalize())
}

fn short(hash: &blake3::Hash) -> [u8; 16] {
    hash.as_bytes()[..16].try_into().expect("a hash has 32 bytes")
}
