//! Who holds a document line: one record at any time; the others wait behind it.
//!
//! Every record of a file that no correction replaces claims its line. Which of them holds it, and what the others are
//! beside it, is a function of these claims: whoever gives the line up is followed by the next.

use std::cmp::Reverse;

use contract::{CLAIM_SERIES, Code, Movement, ParsedRow, RecordRef, Text};
use stream::{Order, StageError};

use crate::doubles;
use crate::page::{Now, Page};
use crate::replace;
use crate::tables::{CLAIMS, Change, Claim, ClaimKey, Displaced, LINES, LineEntry, LineKey};

/// Where a readable row belongs.
pub(crate) enum Place {
    New {
        line: Text,
        version: u32,
    },
    /// Another record holds the line: DD-02 with the same content, DD-03 with other content.
    Held {
        holder: RecordRef,
        line: Text,
        /// The holder's.
        version: u32,
        code: Code,
    },
}

/// The line number as reported; without one, what the line says and its occurrence in the file. A claim and a document may
/// have one number.
pub(crate) fn line_key(row: &ParsedRow, content: u64, occurrence: u32) -> Text {
    let line = plain_line_key(row, content, occurrence);
    if row.movement == Movement::Claim { compact_str::format_compact!("{OF_CLAIM}{line}") } else { line }
}

/// In front of the lines of claims.
const OF_CLAIM: &str = "claim ";

/// Whether a line key may be one of a claim's.
pub(crate) fn is_of_claim(line: &str) -> bool {
    line.starts_with(OF_CLAIM)
}

fn plain_line_key(row: &ParsedRow, content: u64, occurrence: u32) -> Text {
    match (row.document_line.is_empty(), occurrence) {
        (false, 1) => row.document_line.clone(),
        (false, _) => compact_str::format_compact!("{}~{occurrence}", row.document_line),
        (true, _) => compact_str::format_compact!("#{content:016x}.{occurrence}"),
    }
}

/// Hash of date, code as written, quantity and amount: what makes two reports of a line the same.
pub(crate) fn row_content(row: &ParsedRow) -> u64 {
    let mut hash = blake3::Hasher::new();
    hash.update(&row.date.map_or(i32::MIN, |day| day.0).to_le_bytes());
    for number in [row.quantity, row.amount] {
        hash.update(&number.map_or(i64::MIN, |n| n.0).to_le_bytes());
    }
    hash.update(row.code.as_bytes());
    if row.movement == Movement::Claim {
        // What else a line of a claim is for tells it from another one.
        for named in
            [&row.product, &row.authorisation].into_iter().filter(|named| !named.is_empty() && **named != row.code)
        {
            hash.update(&[0]).update(named.as_bytes());
        }
    }
    u64::from_le_bytes(hash.finalize().as_bytes()[..8].try_into().expect("a hash has 32 bytes"))
}

/// Where a row of an unmarked file belongs.
pub(crate) fn find_place(
    page: &mut Page<'_>,
    at: &RecordRef,
    row: &ParsedRow,
    content: u64,
) -> Result<Place, StageError> {
    let numbered = !row.document_line.is_empty();
    for occurrence in 1.. {
        let line = line_key(row, content, occurrence);
        let key = LineKey { partner: at.partner.clone(), document: row.document.clone(), line };
        let known = LINES.get(page.state, &key)?;
        let Some(mut entry) = known.filter(|entry| entry.live) else {
            return hold(page, key, at, Claim { content, rank: 0 }, known);
        };
        if !numbered && entry.seen_in == at.file_no {
            continue;
        }
        entry.seen_in = at.file_no;
        entry.waiting += 1;
        LINES.put(page.state, &key, &entry)?;
        let holder = page.at(entry.file_no, entry.record_no);
        let code = double_code(&entry, content);
        let line = key.line.clone();
        CLAIMS.put(page.state, &claim_key(key, at), &Claim { content, rank: 0 })?;
        return Ok(Place::Held { holder, line, version: entry.version, code });
    }
    unreachable!("occurrences have no end")
}

/// Where a row of a correction belongs: it takes its line from whoever holds it.
pub(crate) fn claim(page: &mut Page<'_>, at: &RecordRef, row: &ParsedRow, content: u64) -> Result<Place, StageError> {
    for occurrence in 1.. {
        let line = line_key(row, content, occurrence);
        let key = LineKey { partner: at.partner.clone(), document: row.document.clone(), line };
        let known = LINES.get(page.state, &key)?;
        if known.is_some_and(|entry| entry.seen_in == at.file_no) {
            continue;
        }
        let rank = known.map_or(1, |entry| entry.version + 1);
        let place = hold(page, key.clone(), at, Claim { content, rank }, known)?;
        if let Some(before) = known.filter(|entry| entry.live) {
            give_way(page, &key, &before, at.file_no)?;
            judge_waiting(page, &key)?;
        }
        return Ok(place);
    }
    unreachable!("occurrences have no end")
}

/// Lets a record that waits take its line from the one that holds it, as a steward decided.
pub(crate) fn take_line(page: &mut Page<'_>, key: &LineKey, at: &RecordRef, content: u64) -> Result<(), StageError> {
    let before = entry(page, key)?;
    let rank = before.version + 1;
    drop_claim(page, key, at)?;
    if before.live {
        displace(page, key, &before)?;
    }
    let known = entry(page, key)?;
    inherit(page, key, at, Claim { content, rank }, known)
}

/// Frees the line if the record holds it; the next claim takes its place.
pub(crate) fn release(page: &mut Page<'_>, key: &LineKey, at: &RecordRef) -> Result<(), StageError> {
    let Some(mut entry) = LINES.get(page.state, key)? else { return Ok(()) };
    if (entry.file_no, entry.record_no) != (at.file_no, at.record_no) {
        return Ok(());
    }
    match next_claim(page, key, &entry)? {
        Some((heir, claim)) => {
            drop_claim(page, key, &heir)?;
            entry.waiting -= 1;
            inherit(page, key, &heir, claim, entry)
        }
        None => {
            entry.live = false;
            Ok(LINES.put(page.state, key, &entry)?)
        }
    }
}

/// Takes a record that waits out of the line.
pub(crate) fn drop_claim(page: &mut Page<'_>, key: &LineKey, at: &RecordRef) -> Result<(), StageError> {
    let mut known = entry(page, key)?;
    known.waiting -= 1;
    LINES.put(page.state, key, &known)?;
    Ok(CLAIMS.delete(page.state, &claim_key(key.clone(), at))?)
}

/// Gives the line that the record holds its next version, for the same record with another reading.
pub(crate) fn next_version(page: &mut Page<'_>, key: &LineKey) -> Result<u32, StageError> {
    let mut known = entry(page, key)?;
    known.version += 1;
    LINES.put(page.state, key, &known)?;
    Ok(known.version)
}

fn hold(
    page: &mut Page<'_>,
    key: LineKey,
    at: &RecordRef,
    claim: Claim,
    known: Option<LineEntry>,
) -> Result<Place, StageError> {
    let (version, waiting) = known.map_or((1, 0), |entry| (entry.version + 1, entry.waiting));
    let (file_no, record_no, Claim { content, rank }) = (at.file_no, at.record_no, claim);
    let entry = LineEntry { file_no, record_no, version, content, seen_in: file_no, live: true, rank, waiting };
    LINES.put(page.state, &key, &entry)?;
    Ok(Place::New { line: key.line, version })
}

/// The record gets the line that it waited for; those that still wait are judged against it.
fn inherit(
    page: &mut Page<'_>,
    key: &LineKey,
    at: &RecordRef,
    claim: Claim,
    known: LineEntry,
) -> Result<(), StageError> {
    let (file_no, record_no, Claim { content, rank }) = (at.file_no, at.record_no, claim);
    let heir = LineEntry { file_no, record_no, version: known.version + 1, content, live: true, rank, ..known };
    LINES.put(page.state, key, &heir)?;
    doubles::revive(page, at, heir.version)?;
    judge_waiting(page, key)
}

/// What held the line before a correction: replaced for good where both belong to one report or claim, else it waits.
fn give_way(page: &mut Page<'_>, key: &LineKey, before: &LineEntry, correction: u32) -> Result<(), StageError> {
    let series = page.file(correction)?.series.clone();
    let is_claim_replaced = series.starts_with(CLAIM_SERIES) && is_of_claim(&key.line);
    if is_claim_replaced || page.file(before.file_no)?.series == series {
        return replace::supersede(page, before.file_no, before.record_no);
    }
    displace(page, key, before)
}

/// Another record takes the line; what held it waits.
fn displace(page: &mut Page<'_>, key: &LineKey, before: &LineEntry) -> Result<(), StageError> {
    let at = page.at(before.file_no, before.record_no);
    let displaced = match page.now(at.file_no, at.record_no)? {
        Now::Sale(stored) => {
            page.file(at.file_no)?.receipt.accepted -= 1;
            replace::take_back(page, &stored.sale)?;
            Displaced::Sale(stored)
        }
        Now::Parked(parked) => {
            page.file(at.file_no)?.receipt.parked -= 1;
            replace::forget_parked(page, &at, &parked)?;
            Displaced::Parked(parked)
        }
        Now::Double(_) | Now::Displaced(_) | Now::Gone => return Err(not_holding(&at)),
    };
    page.file(at.file_no)?.receipt.superseded += 1;
    page.set_change(&at, &Change::Displaced(displaced))?;
    let mut known = entry(page, key)?;
    known.waiting += 1;
    LINES.put(page.state, key, &known)?;
    let claim = Claim { content: before.content, rank: before.rank };
    Ok(CLAIMS.put(page.state, &claim_key(key.clone(), &at), &claim)?)
}

/// The claim that follows the holder; records of replaced files do not count.
fn next_claim(page: &mut Page<'_>, key: &LineKey, entry: &LineEntry) -> Result<Option<(RecordRef, Claim)>, StageError> {
    let mut best: Option<(RecordRef, Claim)> = None;
    for (at, claim) in waiting(page, key, entry)? {
        let order = |at: &RecordRef, claim: &Claim| (claim.rank, Reverse((at.file_no, at.record_no)));
        if best.as_ref().is_none_or(|(at_best, of_best)| order(at_best, of_best) < order(&at, &claim)) {
            best = Some((at, claim));
        }
    }
    Ok(best)
}

/// Judges the duplicates and conflicts of a line against its new holder.
fn judge_waiting(page: &mut Page<'_>, key: &LineKey) -> Result<(), StageError> {
    let known = entry(page, key)?;
    let holder = page.at(known.file_no, known.record_no);
    for (at, claim) in waiting(page, key, &known)? {
        doubles::judge_again(page, &at, &holder, known.version, double_code(&known, claim.content))?;
    }
    Ok(())
}

/// Records that wait for a line.
pub(crate) fn waiting(
    page: &mut Page<'_>,
    key: &LineKey,
    entry: &LineEntry,
) -> Result<Vec<(RecordRef, Claim)>, StageError> {
    if entry.waiting == 0 {
        return Ok(Vec::new());
    }
    let mut standing = Vec::new();
    for (place, claim) in CLAIMS.prefix(page.state, key, Order::Up, usize::MAX)? {
        if !page.file(place.file_no)?.replaced {
            standing.push((page.at(place.file_no, place.record_no), claim));
        }
    }
    Ok(standing)
}

fn double_code(entry: &LineEntry, content: u64) -> Code {
    if entry.content == content { Code::LineResubmitted } else { Code::CorrectionUnmarked }
}

fn claim_key(line: LineKey, at: &RecordRef) -> ClaimKey {
    ClaimKey { line, file_no: at.file_no, record_no: at.record_no }
}

fn entry(page: &mut Page<'_>, key: &LineKey) -> Result<LineEntry, StageError> {
    LINES.get(page.state, key)?.ok_or_else(|| StageError::Unknown {
        stage: "normalize",
        what: format!("line {} of document {} of partner {}", key.line, key.document, key.partner),
    })
}

fn not_holding(at: &RecordRef) -> StageError {
    let RecordRef { partner, file_no, record_no } = at;
    StageError::Unknown {
        stage: "normalize",
        what: format!(
            "record {record_no} of file {file_no} of partner {partner}, which holds its line and does not stand"
        ),
    }
}
