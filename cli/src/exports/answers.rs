//! Answers to claims that came as X12 844: what was decided about each line, as X12 849.
//!
//! One interchange for each file, one set for each claim of it with a line that is decided. Envelopes are those of the
//! claim turned round; dates are that of the last tick; control numbers are made of what the answer says, so that the same
//! answer has the same number and another one has another.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use accrual_sink::claimed::Settled;
use anyhow::{Context, Result};
use contract::{
    ClaimState, Code, Currency, Decision, FileStatus, Finding, Id, Micros, ParsedRow, Receipt, RecordRef, Text,
};
use ingest::formats::Format;
use ingest::formats::x12::LineNumbers;

use super::answer_set::{Set, interchange};
use super::claims::settled;
use crate::reader::Reader;
use crate::run::entry::{Entry, FileEntry};
use crate::run::read::{definition_of, reopen, set_heads};

/// Reason of element 901 where none fits: mutually defined.
const OTHER_REASON: &str = "ZZ";
/// Status of a file all of whose rows were replaced.
const REPLACED: &str = "superseded";
/// Administrative cancel: the partner took the line back.
const WITHDRAWN_REASON: &str = "10";
/// Of the twelve REF of a line, those that name what pays it.
const AUTHORIZATIONS_MAX: usize = 10;

/// Writes the answers to the claims of a partner, or of all, by path of the claim's file. Before the first tick nothing is
/// decided and nothing is written.
pub(crate) fn write(reader: &Reader, partner: Option<&str>, out: &mut dyn Write) -> Result<()> {
    let Some(as_of) = reader.as_of()? else { return Ok(()) };
    let files = files(reader, partner)?;
    let outcomes = Outcomes { decided: decided(reader)?, repeated: repeated(reader, &files)? };
    for (receipt, file) in files {
        let sets = answered(reader, &receipt, &file, &outcomes)?;
        for sets in sets.chunk_by(Set::goes_with) {
            out.write_all(interchange(sets, as_of).as_bytes())?;
        }
    }
    Ok(out.flush()?)
}

/// What became of records that are lines of claims.
struct Outcomes {
    decided: BTreeMap<RecordRef, Settled>,
    /// Records whose line was sent before.
    repeated: BTreeMap<RecordRef, Finding>,
}

/// Claim lines about which something was decided, by their record.
fn decided(reader: &Reader) -> Result<BTreeMap<RecordRef, Settled>> {
    let is_answer = |settled: &Settled| settled.claim.at.file_no > 0 && is_decided(settled.state());
    Ok(settled(reader)?.into_iter().filter(is_answer).map(|settled| (settled.claim.at.clone(), settled)).collect())
}

/// Records of files of claims whose line an earlier record holds with the same content.
fn repeated(reader: &Reader, files: &[(Receipt, FileEntry)]) -> Result<BTreeMap<RecordRef, Finding>> {
    let of_claims: BTreeSet<(&str, u32)> =
        files.iter().map(|(receipt, _)| (receipt.at.partner.as_str(), receipt.at.file_no)).collect();
    let is_wanted = |finding: &Finding| {
        let RecordRef { partner, file_no, record_no } = &finding.at;
        finding.code == Code::LineResubmitted && *record_no > 0 && of_claims.contains(&(partner.as_str(), *file_no))
    };
    let found = reader.findings(is_wanted)?;
    Ok(found.into_iter().map(|finding| (finding.at.clone(), finding)).collect())
}

fn is_decided(state: ClaimState) -> bool {
    match state {
        ClaimState::Received
        | ClaimState::Identified
        | ClaimState::Quarantined
        | ClaimState::Checked
        | ClaimState::Valid
        | ClaimState::Deferred
        | ClaimState::OnHold
        | ClaimState::InDispute => false,
        ClaimState::Rejected
        | ClaimState::Authorised
        | ClaimState::Submitted
        | ClaimState::Scheduled
        | ClaimState::Paid
        | ClaimState::ClawbackOpen
        | ClaimState::ClawbackSettled
        | ClaimState::WrittenOff
        | ClaimState::Withdrawn => true,
    }
}

/// The X12 files of claims whose rows stand or stood, in order of path and number.
fn files(reader: &Reader, partner: Option<&str>) -> Result<Vec<(Receipt, FileEntry)>> {
    let mut read = BTreeMap::new();
    let mut formats: BTreeMap<Id, Format> = BTreeMap::new();
    let log = reader.directory().log();
    for number in 1..=log.len() {
        let Some(Entry::File(file)) = Entry::read(&log, number)? else { continue };
        let is_readable = file.verdict.status == FileStatus::Readable;
        let is_wanted = is_readable && partner.is_none_or(|id| file.verdict.partner == id);
        let Some(id) = file.definition.filter(|_| is_wanted) else { continue };
        let format = match formats.get(&id) {
            Some(format) => *format,
            None => match definition_of(reader.blobs(), &file)? {
                Some(definition) => *formats.entry(id).or_insert(definition.format),
                None => continue,
            },
        };
        if format == Format::X12Claims {
            read.insert((file.verdict.file.clone(), file.verdict.sha256), *file);
        }
    }
    let is_of_now = |receipt: &Receipt| matches!(receipt.status.as_str(), "accepted" | REPLACED);
    let mut receipts: Vec<Receipt> = reader.receipts()?.into_iter().filter(is_of_now).collect();
    receipts.sort_by(|a, b| (&a.file, &a.at).cmp(&(&b.file, &b.at)));
    let with_file = |receipt: Receipt| {
        let file = read.get(&(receipt.file.clone(), receipt.sha256))?.clone();
        Some((receipt, file))
    };
    Ok(receipts.into_iter().filter_map(with_file).collect())
}

/// The answers to one file, set by set. Sets without an answer are left out.
fn answered(reader: &Reader, receipt: &Receipt, file: &FileEntry, outcomes: &Outcomes) -> Result<Vec<Set>> {
    const GONE: &str = "a file of claims can no longer be read";
    let numbers = definition_of(reader.blobs(), file)?.context(GONE)?.x12.line_numbers;
    let heads = set_heads(reader.blobs(), file)?;
    let mut reading = reopen(reader.blobs(), file)?.context(GONE)?;
    let mut sets: Vec<Set> = Vec::new();
    while let Some(slice) = reading.next_slice()? {
        for row in &slice.rows {
            let at = RecordRef { record_no: row.record_no, ..receipt.at.clone() };
            let is_replaced = receipt.status == REPLACED;
            let Some(answer) = Answer::to(row, &at, outcomes, is_replaced) else { continue };
            let place = heads.partition_point(|head| head.segment <= row.line_no);
            let head = heads[..place].last().context("a line of a claim stands in front of all sets")?;
            if sets.last().is_none_or(|set| !set.is_under(head)) {
                sets.push(Set::new(head));
            }
            if let Some(set) = sets.last_mut() {
                set.add(row, line_number(row, numbers), &answer);
            }
        }
    }
    sets.iter_mut().for_each(Set::finish);
    Ok(sets)
}

/// The line as its sender numbers it.
fn line_number(row: &ParsedRow, numbers: LineNumbers) -> &str {
    let number = row.document_line.as_str();
    let of_contract = || number.strip_prefix(row.promotion.as_str())?.strip_prefix('/');
    match numbers {
        LineNumbers::Claim => number,
        LineNumbers::Contract => of_contract().unwrap_or(number),
    }
}

/// What became of a line.
#[derive(Debug)]
pub(super) struct Answer {
    /// Something of it is paid.
    pub(super) is_valid: bool,
    /// Element 901: why not all of it.
    pub(super) reasons: Vec<Text>,
    /// The same for people.
    pub(super) message: String,
    pub(super) claimed: Option<Micros>,
    pub(super) approved: Micros,
    pub(super) paid: Micros,
    pub(super) currency: Option<Currency>,
    pub(super) authorizations: Vec<Id>,
}

impl Answer {
    /// `None` while nothing is decided. Of a claim that was replaced only what its lines left behind is told.
    fn to(row: &ParsedRow, at: &RecordRef, outcomes: &Outcomes, is_replaced: bool) -> Option<Answer> {
        if let Some(settled) = outcomes.decided.get(at) {
            return Some(Answer::decided(settled));
        }
        if is_replaced {
            return None;
        }
        if row.problems.iter().any(|p| p.code.decision() == Decision::Block) {
            return Some(Answer::unreadable(row));
        }
        let finding = outcomes.repeated.get(at)?;
        Some(Answer::refused(row, [finding.reason_901.clone()].into_iter(), finding.message.clone()))
    }

    fn decided(settled: &Settled) -> Answer {
        let claim = &settled.claim;
        let approved = settled.approved();
        let mut reasons = each_once(claim.reasons_901.iter().cloned());
        if settled.state() == ClaimState::Withdrawn {
            reasons = vec![WITHDRAWN_REASON.into()];
        }
        if approved < claim.claimed && reasons.is_empty() {
            reasons.push(OTHER_REASON.into());
        }
        Answer {
            is_valid: approved > Micros::ZERO,
            reasons,
            message: claim.message.clone(),
            claimed: Some(claim.claimed),
            approved,
            paid: settled.paid(),
            currency: Some(claim.currency),
            authorizations: settled.authorizations.iter().map(|a| a.id).take(AUTHORIZATIONS_MAX).collect(),
        }
    }

    /// The intake could not read the line.
    fn unreadable(row: &ParsedRow) -> Answer {
        let messages: Vec<String> =
            row.problems.iter().map(|p| format!("{} {:?}: {}", p.field, p.value, p.message)).collect();
        let reasons = row.problems.iter().map(|problem| problem.code.reason_901().into());
        Answer::refused(row, reasons, messages.join("; "))
    }

    /// The line never became one of a claim.
    fn refused(row: &ParsedRow, reasons: impl Iterator<Item = Text>, message: String) -> Answer {
        let mut reasons = each_once(reasons);
        if reasons.is_empty() {
            reasons.push(OTHER_REASON.into());
        }
        Answer {
            is_valid: false,
            reasons,
            message,
            claimed: row.amount,
            approved: Micros::ZERO,
            paid: Micros::ZERO,
            currency: row.currency,
            authorizations: Vec::new(),
        }
    }
}

/// Each reason once, in their order.
fn each_once(all: impl Iterator<Item = Text>) -> Vec<Text> {
    let mut reasons = Vec::new();
    for reason in all.filter(|reason| !reason.is_empty()) {
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    reasons
}
