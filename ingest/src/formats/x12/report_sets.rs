//! The sets 867 of a file: which segment says something on which record.

use std::sync::Arc;

use contract::{ParsedRow, Text};

use super::envelope::Faults;
use super::head::Head;
use super::row::Sold;
use super::rules::Rules;
use super::sales::{Item, Said, party_name};
use super::segment::{Segment, text_of};
use super::totals::Totals;
use super::{Sets, refused};
use crate::definition::FeedDefinition;
use crate::formats::{Facts, Stop};

/// Where a set is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Level {
    Header,
    /// In a PTD loop, in front of its first quantity.
    Transfer,
    /// Behind the LIN of a sender who writes it in front of QTY.
    Lead,
    /// In the loop of a quantity sold or returned.
    Sold(Quantity),
    /// In the loop of another quantity.
    Other,
    /// Behind CTT.
    Summary,
}

/// The quantity that is being read.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Quantity {
    text: Text,
    unit: Text,
    is_returned: bool,
    /// Number of the QTY segment.
    line_no: u32,
}

/// Reads the sets of a file of reports.
pub(crate) struct SetReader {
    faults: Faults,
    rules: Rules,
    /// The record that the last segment ended.
    row: Option<ParsedRow>,
    /// The open set is an 867.
    is_read: bool,
    level: Level,
    header: Said,
    transfer: Said,
    item: Item,
    /// What stood between LIN and QTY, for senders who write LIN first; it holds for every QTY up to the next LIN.
    lead: Option<Item>,
    /// Segments of the record that is being read.
    held: u32,
    type_code: Text,
    reporter: Text,
    totals: Totals,
    head: Head,
    records: u32,
    segments: u32,
    /// Segments of all records.
    record_segments: u32,
}

impl SetReader {
    pub(crate) fn new(definition: Arc<FeedDefinition>) -> SetReader {
        let options = &definition.x12;
        SetReader {
            faults: Faults::default(),
            row: None,
            is_read: false,
            level: Level::Header,
            header: Said::new(options),
            transfer: Said::new(options),
            item: Item::new(options),
            lead: None,
            held: 0,
            type_code: Text::default(),
            reporter: Text::default(),
            totals: Totals::default(),
            head: Head::default(),
            records: 0,
            segments: 0,
            record_segments: 0,
            rules: Rules::new(definition),
        }
    }
}

impl Sets for SetReader {
    fn faults(&mut self) -> &mut Faults {
        &mut self.faults
    }

    fn take_row(&mut self) -> Option<ParsedRow> {
        self.row.take()
    }

    fn begin(&mut self, segment: &Segment<'_>) {
        self.end();
        self.segments += 1;
        self.is_read = segment.element(1) == b"867";
        if !self.is_read {
            let message = format!("transaction set {} is not read, only 867", segment.text(1));
            self.faults.remark("ST01", segment.element(1), message);
        }
        self.header.clear();
        self.reporter.clear();
        self.level = Level::Header;
        self.totals = Totals::default();
    }

    fn take(&mut self, segment: &Segment<'_>) -> Result<(), Stop> {
        self.segments += 1;
        if !self.is_read {
            return Ok(());
        }
        match segment.id() {
            b"BPT" => return self.head.begin(segment, "report", Text::from(segment.text(2))),
            b"PTD" => self.begin_transfer(segment),
            b"QTY" => self.begin_quantity(segment),
            b"LIN" => self.line(segment),
            b"CTT" => {
                self.end_quantity();
                self.level = Level::Summary;
                self.totals.compare_count(segment, &mut self.faults);
            }
            _ => self.detail(segment),
        }
        Ok(())
    }

    fn pass(&mut self) {
        self.segments += 1;
    }

    fn end(&mut self) {
        self.end_quantity();
        if self.is_read {
            self.totals.finish(&mut self.faults);
        }
        self.is_read = false;
        self.lead = None;
        self.transfer.clear();
        self.type_code.clear();
    }

    fn finish(&mut self) -> Result<(), Stop> {
        self.end();
        match (self.segments, self.head.replaces, self.records) {
            (0, ..) => Err(refused("the file is empty".into())),
            (_, None, 0) => Err(refused("the file holds no report of sales (transaction set 867)".into())),
            _ => Ok(()),
        }
    }

    fn facts(&self) -> Facts {
        let mut facts = self.head.facts(self.segments - self.record_segments - self.held);
        self.faults.tell(self.rules.definition.control_totals, &mut facts);
        facts
    }
}

impl SetReader {
    fn begin_transfer(&mut self, segment: &Segment<'_>) {
        self.end_quantity();
        self.lead = None;
        self.level = Level::Transfer;
        self.totals.transfers += 1;
        self.type_code = Text::from(segment.text(1));
        self.transfer.clear();
        for at in [2, 4] {
            self.transfer.reference(segment.element(at), Text::from(segment.text(at + 1)), &self.rules.definition.x12);
        }
    }

    fn begin_quantity(&mut self, segment: &Segment<'_>) {
        let leading = if self.level == Level::Lead { self.held } else { 0 };
        self.end_quantity();
        self.totals.quantities += 1;
        let options = &self.rules.definition.x12;
        let qualifier = segment.element(1);
        let is_in = |list: &[Text]| list.iter().any(|known| known.as_bytes() == qualifier);
        let is_returned = is_in(&options.returned);
        if is_returned || is_in(&options.sold) {
            match &self.lead {
                Some(lead) => self.item.clone_from(lead),
                None => self.item.clear(),
            }
            self.held = leading + 1;
            self.level = Level::Sold(Quantity {
                text: Text::from(segment.text(2)),
                unit: Text::from(text_of(segment.component(3))),
                is_returned,
                line_no: segment.number,
            });
        } else if self.level != Level::Header {
            self.level = Level::Other;
        } else if qualifier == b"TO" {
            self.totals.declare_quantity(segment);
        }
    }

    /// LIN stands behind its QTY or, with some senders, in front of it.
    fn line(&mut self, segment: &Segment<'_>) {
        self.totals.lines += 1;
        if self.level == Level::Transfer || self.lead.is_some() {
            self.end_quantity();
            self.level = Level::Lead;
            self.lead = Some(Item::new(&self.rules.definition.x12));
            self.held = 0;
        }
        self.detail(segment);
    }

    /// A segment that says something on the set, the transfer or the item.
    fn detail(&mut self, segment: &Segment<'_>) {
        let options = &self.rules.definition.x12;
        match &self.level {
            Level::Header => self.header_detail(segment),
            Level::Transfer => _ = self.transfer.take(segment, options),
            Level::Lead => {
                self.held += 1;
                self.lead.get_or_insert_with(|| Item::new(options)).take(segment, options);
            }
            Level::Sold(_) => {
                self.held += 1;
                self.item.take(segment, options);
            }
            Level::Summary if segment.id() == b"AMT" && segment.element(1) == b"TT" => {
                self.totals.compare_amount(segment, &mut self.faults);
            }
            Level::Other | Level::Summary => {}
        }
    }

    fn header_detail(&mut self, segment: &Segment<'_>) {
        match (segment.id(), segment.element(1)) {
            (b"N1", b"DS" | b"SE") => self.reporter = party_name(segment),
            _ if self.head.take(segment, &self.rules) => {}
            _ => _ = self.header.take(segment, &self.rules.definition.x12),
        }
    }

    /// Makes a row of the quantity that is being read, if one is.
    fn end_quantity(&mut self) {
        let held = std::mem::take(&mut self.held);
        let Level::Sold(quantity) = &self.level else { return };
        self.records += 1;
        self.record_segments += held;
        let sold = Sold {
            header: &self.header,
            transfer: &self.transfer,
            item: &mut self.item,
            reporter: &self.reporter,
            type_code: &self.type_code,
            quantity: &quantity.text,
            unit: &quantity.unit,
            is_returned: quantity.is_returned,
        };
        let row = sold.into_row(&self.rules, self.records, quantity.line_no);
        self.totals.add(row.quantity, row.amount);
        self.row = Some(row);
        self.level = Level::Other;
    }
}
