//! The desk of one step: what it reads and writes, with the files it touches kept at hand.

use contract::{Finding, Id, Partner, Publication, RecordRef, SaleEvent, Text};
use stream::{Outbox, StageError, State, View};

use crate::known::Known;
use crate::stage::settled_status;
use crate::tables::{
    CHANGES, Change, Displaced, FILES, FileState, ROWS, StoredDouble, StoredParked, StoredRow, StoredSale,
};

pub(crate) struct Page<'a> {
    pub known: &'a Known,
    pub partner_id: &'a Text,
    pub stamp: u64,
    pub state: &'a mut dyn State,
    pub outbox: &'a mut Outbox<SaleEvent>,
    files: Vec<(u32, FileState)>,
    /// The slice last read, for records that are asked for one after another.
    slice: Option<((u32, u32), Vec<StoredRow>)>,
    /// What is sent when everything else of the step is.
    later: Vec<SaleEvent>,
}

/// What a record is at this moment.
pub(crate) enum Now {
    Sale(Box<StoredSale>),
    /// Its product is unknown.
    Parked(Box<StoredParked>),
    /// Another record holds its line.
    Double(Box<StoredDouble>),
    Displaced(Displaced),
    /// Rejected or superseded for good.
    Gone,
}

impl<'a> Page<'a> {
    pub fn new(
        known: &'a Known,
        partner_id: &'a Text,
        stamp: u64,
        state: &'a mut dyn State,
        outbox: &'a mut Outbox<SaleEvent>,
    ) -> Page<'a> {
        Page { known, partner_id, stamp, state, outbox, files: Vec::new(), slice: None, later: Vec::new() }
    }

    /// The master record of the partner; `None` where the master no longer has it.
    pub fn partner(&self) -> Option<&'a Partner> {
        self.known.partner(self.partner_id)
    }

    /// The file's state, written back by [`Page::close`].
    pub fn file(&mut self, file_no: u32) -> Result<&mut FileState, StageError> {
        if let Some(index) = self.files.iter().position(|(no, _)| *no == file_no) {
            return Ok(&mut self.files[index].1);
        }
        let key = (self.partner_id.to_string(), file_no);
        let file = FILES.get(self.state, &key)?.ok_or_else(|| StageError::Unknown {
            stage: "normalize",
            what: format!("file {file_no} of partner {}", self.partner_id),
        })?;
        self.files.push((file_no, file));
        Ok(&mut self.files.last_mut().expect("just pushed").1)
    }

    /// How a record was first judged.
    pub fn stored(&mut self, file_no: u32, record_no: u32) -> Result<StoredRow, StageError> {
        let place = (file_no, slice_of(record_no));
        if self.slice.as_ref().is_none_or(|(at, _)| *at != place) {
            let key = (self.partner_id.to_string(), file_no, place.1);
            self.slice = Some((place, ROWS.get(self.state, &key)?.unwrap_or_default()));
        }
        let rows = &self.slice.as_ref().expect("just read").1;
        rows.get((record_no as usize - 1) % contract::SLICE_ROWS).cloned().ok_or_else(|| StageError::Unknown {
            stage: "normalize",
            what: format!("record {record_no} of file {file_no} of partner {}", self.partner_id),
        })
    }

    /// What a record is now.
    pub fn now(&mut self, file_no: u32, record_no: u32) -> Result<Now, StageError> {
        let change = CHANGES.get(self.state, &(self.partner_id.to_string(), file_no, record_no))?;
        if let Some(Change::Superseded(_) | Change::Rejected) = change {
            return Ok(Now::Gone);
        }
        Ok(match (change, self.stored(file_no, record_no)?) {
            (Some(Change::Accepted(sale)), _) | (None, StoredRow::Sale(sale)) => Now::Sale(sale),
            (Some(Change::Parked(parked)), _) | (None, StoredRow::Parked(parked)) => Now::Parked(parked),
            (Some(Change::Displaced(displaced)), _) => Now::Displaced(displaced),
            (Some(Change::Judged(verdict)), StoredRow::Double(double)) => {
                Now::Double(Box::new(StoredDouble { verdict, ..*double }))
            }
            (None, StoredRow::Double(double)) => Now::Double(double),
            _ => Now::Gone,
        })
    }

    pub fn set_change(&mut self, at: &RecordRef, change: &Change) -> Result<(), StageError> {
        Ok(CHANGES.put(self.state, &(self.partner_id.to_string(), at.file_no, at.record_no), change)?)
    }

    /// Whether something became of the record since it was first judged.
    pub fn is_changed(&mut self, file_no: u32, record_no: u32) -> Result<bool, StageError> {
        Ok(CHANGES.get(self.state, &(self.partner_id.to_string(), file_no, record_no))?.is_some())
    }

    /// The place of a record of the partner.
    pub fn at(&self, file_no: u32, record_no: u32) -> RecordRef {
        RecordRef { partner: self.partner_id.clone(), file_no, record_no }
    }

    /// Sends an event to the partition of its product.
    pub fn send(&mut self, event: SaleEvent) {
        let key = event.product().clone();
        self.outbox.send(&key, event);
    }

    /// Sends the event behind everything else of the step.
    pub fn send_later(&mut self, event: SaleEvent) {
        self.later.push(event);
    }

    pub fn withdraw(&mut self, findings: impl IntoIterator<Item = Id>) {
        for finding in findings {
            self.publish(&Publication::Withdrawn(finding));
        }
    }

    pub fn publish(&mut self, publication: &Publication) {
        publish(self.outbox, publication);
    }

    pub fn find(&mut self, finding: Finding) {
        self.publish(&Publication::Finding(finding));
    }

    /// Writes the files back and publishes their receipts.
    pub fn close(mut self) -> Result<(), StageError> {
        for event in std::mem::take(&mut self.later) {
            self.send(event);
        }
        for (file_no, mut file) in self.files {
            file.receipt.status = settled_status(&file.receipt);
            FILES.put(self.state, &(self.partner_id.to_string(), file_no), &file)?;
            publish(self.outbox, &Publication::Receipt(file.receipt));
        }
        Ok(())
    }
}

pub(crate) fn slice_of(record_no: u32) -> u32 {
    (record_no - 1) / contract::SLICE_ROWS as u32
}

pub(crate) fn publish(outbox: &mut Outbox<SaleEvent>, publication: &Publication) {
    let record = publication.record();
    outbox.publish(View { topic: record.topic as u8, key: record.key, value: record.value });
}
