//! The stage: its input, its controls, its receipts.

use std::cell::RefCell;
use std::sync::Arc;

use contract::{Action, Command, Control, Day, Publication, Receipt, RecordRef, RowEvent, RowSlice, SaleEvent, Text};
use rustc_hash::FxHashMap;
use stream::{Blobs, Input, Outbox, Shard, Stage, StageError, State, TableId};

use crate::known::{Knowledge, Known};
use crate::lines::{line_key, row_content};
use crate::page::{Page, publish};
use crate::rules::own_decision;
use crate::tables::{FILES, FileState, LINES, LineKey, REFERENCES, SERIES, TODAY};
use crate::{currencies, decisions, parked, replace, rows};

/// Normalizes the rows of the partners of one partition.
pub struct NormalizeStage {
    knowledge: Knowledge,
    known: Arc<Known>,
    shard: Shard,
    /// Day of the last tick.
    today: Option<Day>,
    /// Hashes of the rows of slices that are about to be judged, by the slice's place in memory, which the slice beside
    /// them keeps from being given to another.
    contents: RefCell<FxHashMap<usize, Prepared>>,
}

/// A slice with its rows' hashes.
type Prepared = (Arc<RowSlice>, Vec<u64>);

impl NormalizeStage {
    /// `blobs` holds the reference data that controls name.
    pub fn new(blobs: Arc<dyn Blobs>, shard: Shard) -> NormalizeStage {
        let (knowledge, known) = (Knowledge::new(blobs), Arc::default());
        NormalizeStage { knowledge, known, shard, today: None, contents: RefCell::default() }
    }
}

impl Stage for NormalizeStage {
    type In = RowEvent;
    type Out = SaleEvent;

    fn prefetch(&self, input: &RowEvent, wanted: &mut Vec<(TableId, Vec<u8>)>) {
        let RowEvent::Rows { slice, .. } = input else { return };
        let contents = contents_of(slice);
        for (row, content) in slice.rows.iter().zip(&contents).filter(|(row, _)| row.problems.is_empty()) {
            let line = line_key(row, *content, 1);
            let key = LineKey { partner: slice.partner.clone(), document: row.document.clone(), line };
            wanted.push(LINES.wanted(&key));
        }
        self.contents.borrow_mut().insert(Arc::as_ptr(slice).addr(), (Arc::clone(slice), contents));
    }

    fn process(
        &mut self,
        input: Input<'_, RowEvent>,
        state: &mut dyn State,
        outbox: &mut Outbox<SaleEvent>,
    ) -> Result<(), StageError> {
        match input.item {
            RowEvent::File(open) => self.open(open, state, outbox),
            RowEvent::Rows { file_no, slice } => {
                let known = self.contents.get_mut().remove(&Arc::as_ptr(slice).addr());
                let contents = known.map_or_else(|| contents_of(slice), |(_, contents)| contents);
                let mut page = Page::new(&self.known, &slice.partner, input.stamp, state, outbox);
                rows::take(&mut page, *file_no, slice, &contents)?;
                page.close()
            }
            RowEvent::End { partner, file_no } => {
                let mut page = Page::new(&self.known, partner, input.stamp, state, outbox);
                page.file(*file_no)?.receipt.status = "accepted".into();
                if page.file(*file_no)?.replaces {
                    replace::drop_what_was_replaced(&mut page, *file_no)?;
                }
                page.close()
            }
        }
    }

    fn control(
        &mut self,
        number: u64,
        payload: &[u8],
        state: &mut dyn State,
        outbox: &mut Outbox<SaleEvent>,
    ) -> Result<(), StageError> {
        let control = Control::decode(payload)
            .ok_or_else(|| StageError::Unknown { stage: "normalize", what: format!("control {number}") })?;
        match control {
            Control::Configure { reference } => {
                REFERENCES.put(state, &number, &reference)?;
                self.known = self.knowledge.of(reference)?;
                parked::retry(&self.known, number, state, outbox)?;
                currencies::retry(&self.known, number, state, outbox)
            }
            Control::Tick { as_of } => {
                self.today = Some(as_of);
                Ok(TODAY.put(state, &0, &as_of)?)
            }
            Control::Command(command) => self.command(number, &command, state, outbox),
            Control::Settle => Ok(()),
        }
    }

    fn resume(&mut self, state: &mut dyn State) -> Result<(), StageError> {
        self.today = TODAY.get(state, &0)?;
        let last = REFERENCES.range(state, &0, &u64::MAX, stream::Order::Down, 1)?;
        if let Some((_, reference)) = last.first() {
            self.known = self.knowledge.of(*reference)?;
        }
        Ok(())
    }
}

impl NormalizeStage {
    /// Does what a steward decided about a partner of this partition.
    fn command(
        &self,
        number: u64,
        command: &Command,
        state: &mut dyn State,
        outbox: &mut Outbox<SaleEvent>,
    ) -> Result<(), StageError> {
        let (Action::Resolve { partner, .. } | Action::Decide { partner, .. }) = &command.action else {
            return Ok(());
        };
        if !self.shard.owns(stream::outbox::route(partner)) {
            return Ok(());
        }
        outbox.acting_for(partner);
        let mut page = Page::new(&self.known, partner, number, state, outbox);
        let (action, object) = match &command.action {
            Action::Resolve { kind, text, identity, .. } => {
                ("identity.decided", decisions::resolve(&mut page, kind, text.trim(), identity)?)
            }
            Action::Decide { file, record_no, decision, .. } => {
                decisions::decide(&mut page, file, *record_no, *decision, &command.reason)?
            }
            Action::Pay { .. } | Action::Claim { .. } | Action::Finding { .. } | Action::WriteOff { .. } => {
                return Ok(());
            }
        };
        if let Some(finding) = own_decision::check(&page, command, &object) {
            page.publish(&Publication::Finding(finding));
        }
        decisions::audit(&mut page, self.today, command, action, object)?;
        page.close()
    }

    fn open(
        &mut self,
        open: &contract::OpenFile,
        state: &mut dyn State,
        outbox: &mut Outbox<SaleEvent>,
    ) -> Result<(), StageError> {
        let verdict = &open.verdict;
        let partner = verdict.partner.to_string();
        let mut file = FileState {
            receipt: first_receipt(open),
            feed: verdict.feed.clone(),
            period: verdict.period,
            series: verdict.series.clone(),
            replaces: verdict.replaces,
            replaced: false,
            rejects: 0,
        };
        if verdict.status == contract::FileStatus::Readable && open.repeats.is_none() {
            let key = (partner.clone(), verdict.series.to_string());
            let mut series = SERIES.get(state, &key)?.unwrap_or_default();
            file.replaced = !verdict.replaces && series.correction.is_some();
            if verdict.replaces {
                series.correction = Some(open.file_no);
            }
            series.files.push(open.file_no);
            SERIES.put(state, &key, &series)?;
        }
        if verdict.status != contract::FileStatus::Readable {
            file.rejects = u16::try_from(verdict.problems.len()).unwrap_or(u16::MAX);
        }
        let before = FILES.get(state, &(partner.clone(), open.file_no))?;
        FILES.put(state, &(partner, open.file_no), &file)?;
        for ordinal in file.rejects..before.map_or(0, |before| before.rejects) {
            publish(outbox, &Publication::RejectWithdrawn(file.receipt.at.clone(), ordinal));
        }
        publish(outbox, &Publication::Receipt(file.receipt));
        for (ordinal, problem) in verdict.problems.iter().enumerate() {
            publish(outbox, &file_problem(open, ordinal, problem));
        }
        Ok(())
    }
}

/// What a receipt says before the first row; a file without rows keeps it.
fn first_receipt(open: &contract::OpenFile) -> Receipt {
    let verdict = &open.verdict;
    let mut receipt = Receipt {
        at: RecordRef { partner: verdict.partner.clone(), file_no: open.file_no, record_no: 0 },
        file: verdict.file.clone(),
        sha256: verdict.sha256,
        status: "reading".into(),
        records: verdict.records,
        structural: verdict.structural,
        bytes: verdict.bytes,
        remark: verdict.problems.first().map_or_else(String::new, |problem| problem.message.clone()),
        ..Receipt::default()
    };
    match verdict.status {
        contract::FileStatus::Refused => {
            receipt.status = "refused".into();
            receipt.rejected = receipt.records;
        }
        contract::FileStatus::Parked => {
            receipt.status = "parked".into();
            receipt.parked = receipt.records;
        }
        contract::FileStatus::Readable if open.repeats.is_some() => {
            receipt.status = "duplicate".into();
            receipt.duplicate = receipt.records;
        }
        contract::FileStatus::Readable => {}
    }
    receipt
}

/// A remark on a whole file: a reject where the file does not go on, else a finding.
fn file_problem(open: &contract::OpenFile, ordinal: usize, problem: &contract::FieldProblem) -> Publication {
    let at = RecordRef { partner: open.verdict.partner.clone(), file_no: open.file_no, record_no: 0 };
    if open.verdict.status == contract::FileStatus::Readable {
        let mut finding = contract::Finding::about(problem.code, at, None, problem.message.clone());
        finding.id = contract::Id::of("file problem", &[&finding.id.to_string(), &ordinal.to_string()]);
        return Publication::Finding(finding);
    }
    Publication::Reject(contract::Reject {
        at,
        ordinal: u16::try_from(ordinal).unwrap_or(u16::MAX),
        line_no: 0,
        code: problem.code,
        field: problem.field.clone(),
        value: problem.value.clone(),
        message: problem.message.clone(),
    })
}

/// `accepted` unless every record of the file met the same other fate. What was said before its rows came in stays.
pub(crate) fn settled_status(receipt: &Receipt) -> Text {
    if matches!(receipt.status.as_str(), "reading" | "refused" | "parked") {
        return receipt.status.clone();
    }
    match receipt.records {
        0 => "accepted",
        all if all == receipt.superseded + receipt.rejected && receipt.superseded > 0 => "superseded",
        all if all == receipt.duplicate => "duplicate",
        _ => "accepted",
    }
    .into()
}

/// The rows' hashes; none is needed of a row with problems.
fn contents_of(slice: &RowSlice) -> Vec<u64> {
    slice.rows.iter().map(|row| if row.problems.is_empty() { row_content(row) } else { 0 }).collect()
}
