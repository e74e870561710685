//! The transaction sets of a file: which segment says something on which record.

use std::sync::Arc;

use contract::{Code, Day, FieldProblem, ParsedRow, Text};

use super::envelope::Faults;
use super::refused;
use super::row::Sold;
use super::rules::Rules;
use super::sales::{Item, Said, date_text, party_name};
use super::segment::{Segment, text_of};
use super::totals::Totals;
use crate::definition::{ControlTotals, FeedDefinition};
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

/// Reads the sets of a file.
struct SetReader<'r, 'd> {
    rules: &'r Rules<'d>,
    sink: &'r mut dyn FnMut(ParsedRow),
    report: Report,
    faults: Faults,
    /// The set is an 867.
    is_read: bool,
    level: Level,
    header: Said,
    transfer: Said,
    item: Item,
    /// What stood between LIN and QTY, for senders who write LIN first; it holds for every QTY up to the next LIN.
    lead: Option<Item>,
    /// Segments of the record that is being read.
    held: u32,
    /// Segments of all records.
    record_segments: u32,
    type_code: Text,
    reporter: Text,
    totals: Totals,
    purpose: Option<bool>,
    from: Option<Day>,
    to: Option<Day>,
    other_sets: u32,
}

impl<'r, 'd> SetReader<'r, 'd> {
    fn new(rules: &'r Rules<'d>, sink: &'r mut dyn FnMut(ParsedRow)) -> Self {
        SetReader {
            rules,
            sink,
            report: Report::default(),
            faults: Faults::default(),
            is_read: false,
            level: Level::Header,
            header: Said::new(rules.options),
            transfer: Said::new(rules.options),
            item: Item::new(rules.options),
            lead: None,
            held: 0,
            record_segments: 0,
            type_code: Text::default(),
            reporter: Text::default(),
            totals: Totals::default(),
            purpose: None,
            from: None,
            to: None,
            other_sets: 0,
        }
    }

    fn begin(&mut self, segment: &Segment<'_>) {
        self.end();
        self.is_read = segment.element(1) == b"867";
        if !self.is_read {
            self.other_sets += 1;
            let message = format!("transaction set {} is not read here, only 867", segment.text(1));
            self.faults.remark("ST01", segment.element(1), message);
        }
        self.header.clear();
        self.reporter.clear();
        self.level = Level::Header;
        self.totals = Totals::default();
    }

    fn take(&mut self, segment: &Segment<'_>) -> Result<(), SegmentError> {
        match segment.id() {
            b"BPT" => return self.report_head(segment),
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

    /// BPT: is this a report or one that replaces another, and which.
    fn report_head(&mut self, segment: &Segment<'_>) -> Result<(), SegmentError> {
        let replaces = match segment.element(1) {
            b"05" => true,
            b"01" | b"03" | b"04" => {
                return Err(SegmentError::Unreadable(format!(
                    "BPT01 is {}: cancellations and changes of single lines are not read; send the whole report again with 05",
                    segment.text(1)
                )));
            }
            _ => false,
        };
        let series = Text::from(segment.text(2));
        let is_other = self.purpose.is_some_and(|before| before != replaces || replaces && self.report.series != series);
        if is_other {
            return Err(SegmentError::Unreadable(format!(
                "segment {}: a file that replaces a report must hold that report only; send the others in files of their own",
                segment.number
            )));
        }
        if self.purpose.is_none() {
            self.report.series = series;
            self.report.replaces = replaces;
        }
        self.purpose = Some(replaces);
        Ok(())
    }

    fn begin_transfer(&mut self, segment: &Segment<'_>) {
        self.end_quantity();
        self.lead = None;
        self.level = Level::Transfer;
        self.totals.transfers += 1;
        self.type_code = Text::from(segment.text(1));
        self.transfer.clear();
        for at in [2, 4] {
            self.transfer.reference(segment.element(at), Text::from(segment.text(at + 1)), self.rules.options);
        }
    }

    fn begin_quantity(&mut self, segment: &Segment<'_>) {
        let leading = if self.level == Level::Lead { self.held } else { 0 };
        self.end_quantity();
        self.totals.quantities += 1;
        let qualifier = segment.element(1);
        let is_in = |list: &[Text]| list.iter().any(|known| known.as_bytes() == qualifier);
        let is_returned = is_in(&self.rules.options.returned);
        if is_returned || is_in(&self.rules.options.sold) {
            match &self.lead {
                Some(lead) => self.item.clone_from(lead),
                None => self.item.clear(),
            }
            self.held = leading + 1;
            self.level = Level::Sold(Quantity {
                text: Text::from(segment.text(2)),
                unit: Text::from(segment::text_of(segment.component(3))),
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
            self.lead = Some(Item::new(self.rules.options));
            self.held = 0;
        }
        self.detail(segment);
    }

    /// A segment that says something on the set, the transfer or the item.
    fn detail(&mut self, segment: &Segment<'_>) {
        let options = self.rules.options;
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
        let day = || self.rules.date(&date_text(segment));
        match (segment.id(), segment.element(1)) {
            (b"DTM", b"090") => self.from = earlier(self.from, day()),
            (b"DTM", b"091") => self.to = later(self.to, day()),
            (b"N1", b"DS" | b"SE") => self.reporter = party_name(segment),
            _ => _ = self.header.take(segment, self.rules.options),
        }
    }

    /// Hands out the record that is being read, if any.
    fn end_quantity(&mut self) {
        let Level::Sold(quantity) = &self.level else { return };
        let quantity = quantity.clone();
        self.level = Level::Other;
        self.report.records += 1;
        self.record_segments += self.held;
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
        let row = sold.into_row(self.rules, self.report.records, quantity.line_no);
        self.totals.add(row.quantity, row.amount);
        (self.sink)(row);
    }

    /// Ends the set that is open, if any.
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

    fn finish(mut self) -> Result<Report, SegmentError> {
        if self.purpose.is_none() && self.report.records == 0 {
            return Err(SegmentError::Unreadable(match self.report.segments {
                0 => "the file is empty".into(),
                _ => "the file holds no report of sales (transaction set 867)".into(),
            }));
        }
        self.report.structural = self.report.segments - self.record_segments;
        self.report.period = self.from.zip(self.to).filter(|(from, to)| from <= to);
        self.report.is_broken = self.faults.is_broken;
        self.report.problems = self.faults.into_problems();
        Ok(self.report)
    }
}

fn earlier(known: Option<Day>, new: Option<Day>) -> Option<Day> {
    known.into_iter().chain(new).min()
}

fn later(known: Option<Day>, new: Option<Day>) -> Option<Day> {
    known.into_iter().chain(new).max()
}
