//! The stage: numbers a partner's files, finds those that came before, and lets the rows of new ones through.

use contract::{
    AuditRecord, Control, Day, FeedEvent, FileStatus, FileVerdict, Finding, OpenFile, Publication, RowEvent, Text,
};
use stream::{Input, Outbox, Stage, StageError, State, TableId, View};

use crate::rules::file_resubmitted::{find_repeated, finding, is_comparable, remember};
use crate::tables::{FILES, FileNote, OpenNote, PARTNERS, PATHS, PartnerNote, SEEN, TODAY, arrival_key, path_key};

/// Takes in the files of the partners of one partition.
///
/// Invariant: a partner's file is closed before its next one begins, and its slices come without a gap.
#[derive(Default)]
pub struct IngestStage {
    /// Day of the last tick.
    today: Option<Day>,
}

impl Stage for IngestStage {
    type In = FeedEvent;
    type Out = RowEvent;

    fn prefetch(&self, input: &FeedEvent, wanted: &mut Vec<(TableId, Vec<u8>)>) {
        wanted.push(PARTNERS.wanted(&partner_of(input).to_string()));
        if let FeedEvent::File(verdict) = input {
            wanted.push(SEEN.wanted(&(arrival_key(verdict),)));
        }
    }

    fn process(
        &mut self,
        input: Input<'_, FeedEvent>,
        state: &mut dyn State,
        outbox: &mut Outbox<RowEvent>,
    ) -> Result<(), StageError> {
        let id = partner_of(input.item).to_string();
        let mut partner = PARTNERS.get(state, &id)?.unwrap_or_default();
        match input.item {
            FeedEvent::File(verdict) => self.begin(verdict, &mut partner, state, outbox)?,
            FeedEvent::Rows(slice) => {
                let open = partner.open.as_mut().ok_or_else(|| unknown(format!("rows of {id} outside a file")))?;
                if slice.slice != open.slices {
                    return Err(unknown(format!("slice {} of {id} in place of {}", slice.slice, open.slices)));
                }
                open.slices += 1;
                open.rows += slice.rows.len() as u32;
                if open.goes_on {
                    outbox.send(&id, RowEvent::Rows { file_no: open.file_no, slice: slice.clone() });
                }
            }
            FeedEvent::End { partner: name } => {
                let open = partner.open.take().ok_or_else(|| unknown(format!("end of {id} outside a file")))?;
                if open.rows != open.records {
                    return Err(unknown(format!("{} rows of {id} in place of {}", open.rows, open.records)));
                }
                if open.goes_on {
                    outbox.send(&id, RowEvent::End { partner: name.clone(), file_no: open.file_no });
                }
            }
        }
        Ok(PARTNERS.put(state, &id, &partner)?)
    }

    fn control(
        &mut self,
        number: u64,
        payload: &[u8],
        state: &mut dyn State,
        _outbox: &mut Outbox<RowEvent>,
    ) -> Result<(), StageError> {
        let control = Control::decode(payload).ok_or_else(|| unknown(format!("control {number}")))?;
        if let Control::Tick { as_of } = control {
            self.today = Some(as_of);
            TODAY.put(state, &0, &as_of)?;
        }
        Ok(())
    }

    fn resume(&mut self, state: &mut dyn State) -> Result<(), StageError> {
        self.today = TODAY.get(state, &0)?;
        Ok(())
    }
}

fn partner_of(event: &FeedEvent) -> &Text {
    match event {
        FeedEvent::File(verdict) => &verdict.partner,
        FeedEvent::Rows(slice) => &slice.partner,
        FeedEvent::End { partner } => partner,
    }
}

fn unknown(what: String) -> StageError {
    StageError::Unknown { stage: "ingest", what }
}

impl IngestStage {
    /// Opens a file. The same path with the same bytes keeps its number; it counts anew only where it could not be read before.
    /// A correction whose path goes back to earlier bytes says what stands now: it is a new file.
    fn begin(
        &self,
        verdict: &FileVerdict,
        partner: &mut PartnerNote,
        state: &mut dyn State,
        outbox: &mut Outbox<RowEvent>,
    ) -> Result<(), StageError> {
        if partner.open.is_some() {
            return Err(unknown(format!("file {} before the end of the one before", verdict.file)));
        }
        let id = verdict.partner.to_string();
        let note = FileNote::of(verdict);
        let has_rows = verdict.status == FileStatus::Readable;
        let (seen, path) = ((arrival_key(verdict),), (path_key(verdict),));
        let mut known = SEEN.get(state, &seen)?;
        if let Some(file_no) = known {
            let before =
                FILES.get(state, &(id.clone(), file_no))?.ok_or_else(|| unknown(format!("file {file_no} of {id}")))?;
            let was_readable = before.status == FileStatus::Readable;
            if was_readable && before.replaces && PATHS.get(state, &path)? != Some(file_no) {
                known = None;
            } else if was_readable || before.verdict == note.verdict {
                partner.open = has_rows.then(|| OpenNote::new(file_no, verdict.records, false));
                return Ok(());
            }
        }
        let file_no = known.unwrap_or(partner.files + 1);
        partner.files = partner.files.max(file_no);
        let repeats = if is_comparable(verdict) { find_repeated(verdict, state)? } else { None };
        if is_comparable(verdict) && repeats.is_none() {
            remember(verdict, file_no, state)?;
        }
        FILES.put(state, &(id.clone(), file_no), &note)?;
        SEEN.put(state, &seen, &file_no)?;
        PATHS.put(state, &path, &file_no)?;
        if let Some(first) = repeats {
            publish(outbox, &Publication::Finding(self.repetition(verdict, file_no, first, state)?));
        }
        self.audit(verdict, repeats, partner, outbox);
        partner.open = has_rows.then(|| OpenNote::new(file_no, verdict.records, repeats.is_none()));
        outbox.send(&id, RowEvent::File(Box::new(OpenFile { file_no, verdict: verdict.clone(), repeats })));
        Ok(())
    }

    /// DD-01, one for the whole file.
    fn repetition(
        &self,
        verdict: &FileVerdict,
        file_no: u32,
        first: u32,
        state: &mut dyn State,
    ) -> Result<Finding, StageError> {
        let id = verdict.partner.to_string();
        let before = FILES.get(state, &(id.clone(), first))?.ok_or_else(|| unknown(format!("file {first} of {id}")))?;
        Ok(finding(verdict, file_no, first, &before))
    }

    /// Adds a link to the partner's chain.
    fn audit(
        &self,
        verdict: &FileVerdict,
        repeats: Option<u32>,
        partner: &mut PartnerNote,
        outbox: &mut Outbox<RowEvent>,
    ) {
        let action = match (verdict.status, repeats) {
            (FileStatus::Refused, _) => "file.refused",
            (FileStatus::Parked, _) => "file.parked",
            (FileStatus::Readable, Some(_)) => "file.repeated",
            (FileStatus::Readable, None) => "file.taken",
        };
        let record = partner.chain.link(AuditRecord {
            chain: format!("partner/{}", verdict.partner).into(),
            time: self.today,
            actor: format!("partner/{}", verdict.partner).into(),
            role: "partner".into(),
            action: action.into(),
            object: verdict.file.clone(),
            reason: verdict.problems.first().map_or_else(String::new, |problem| problem.message.clone()),
            comment: format!("{} records, sha256 {}", verdict.records, hex(&verdict.sha256)),
            ..AuditRecord::default()
        });
        publish(outbox, &Publication::Audit(record));
    }
}

fn publish(outbox: &mut Outbox<RowEvent>, publication: &Publication) {
    let record = publication.record();
    outbox.publish(View { topic: record.topic as u8, key: record.key, value: record.value });
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
