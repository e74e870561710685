//! The stage: its input, its controls, its receipts.

use std::sync::Arc;

use contract::{Action, Control, Publication, Receipt, RecordRef, RowEvent, SaleEvent, Text};
use stream::{Blobs, Input, Outbox, Stage, StageError, State, TableId};

use crate::known::{Knowledge, Known};
use crate::page::{Page, publish};
use crate::rows::{line_key, row_content};
use crate::tables::{ALIASES, FILES, FileState, LINES, LineKey, REFERENCES, SERIES};
use crate::{parked, replace, rows};

/// Normalizes the rows of the partners of one partition.
pub struct NormalizeStage {
    knowledge: Knowledge,
    known: Arc<Known>,
}

impl NormalizeStage {
    pub fn new(blobs: Arc<dyn Blobs>) -> NormalizeStage {
        NormalizeStage { knowledge: Knowledge::new(blobs), known: Arc::default() }
    }
}

impl Stage for NormalizeStage {
    type In = RowEvent;
    type Out = SaleEvent;

    fn prefetch(&self, input: &RowEvent, wanted: &mut Vec<(TableId, Vec<u8>)>) {
        let RowEvent::Rows { slice, .. } = input else { return };
        for row in slice.rows.iter().filter(|row| row.problems.is_empty()) {
            let line = line_key(row, row_content(row), 1);
            let key = LineKey { partner: slice.partner.clone(), document: row.document.clone(), line };
            wanted.push(LINES.wanted(&key));
        }
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
                let mut page = Page::new(&self.known, &slice.partner, input.stamp, state, outbox);
                rows::take(&mut page, *file_no, slice)?;
                page.close()
            }
            RowEvent::End { partner, file_no } => {
                let mut page = Page::new(&self.known, partner, input.stamp, state, outbox);
                let file = page.file(*file_no)?;
                if file.replaces {
                    replace::drop_what_was_replaced(&mut page, *file_no)?;
                }
                let receipt = &mut page.file(*file_no)?.receipt;
                receipt.status = final_status(receipt);
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
                parked::retry(&self.known, number, None, state, outbox)
            }
            Control::Command(command) => match &command.action {
                Action::Resolve { kind, partner, text, identity } => {
                    ALIASES.put(state, &(kind.to_string(), partner.to_string(), text.clone()), identity)?;
                    parked::retry(&self.known, number, Some(partner), state, outbox)
                }
                Action::Decide { .. } | Action::Pay { .. } => Ok(()),
            },
            Control::Tick { .. } | Control::Settle => Ok(()),
        }
    }

    fn resume(&mut self, state: &mut dyn State) -> Result<(), StageError> {
        let last = REFERENCES.range(state, &0, &u64::MAX, stream::Order::Down, 1)?;
        if let Some((_, reference)) = last.first() {
            self.known = self.knowledge.of(*reference)?;
        }
        Ok(())
    }
}

impl NormalizeStage {
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
        FILES.put(state, &(partner, open.file_no), &file)?;
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

/// `accepted` unless every record of the file met the same other fate.
pub(crate) fn final_status(receipt: &Receipt) -> Text {
    match receipt.records {
        0 => "accepted",
        all if all == receipt.superseded + receipt.rejected && receipt.superseded > 0 => "superseded",
        all if all == receipt.duplicate => "duplicate",
        _ => "accepted",
    }
    .into()
}
