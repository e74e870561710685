//! The sets 867 of a file: which segment says something on which record.

use contract::Text;

use super::row::Sold;
use super::sales::{Item, Said, party_name};
use super::segment::{Segment, text_of};
use super::sets::{File, Kind};
use crate::definition::FeedDefinition;
use crate::formats::Stop;

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

/// What the sets 867 of a file say.
pub(crate) struct Reports {
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
}

impl Kind for Reports {
    const NUMBER: &'static str = "867";
    const HOLDS: &'static str = "report of sales";

    fn new(definition: &FeedDefinition) -> Reports {
        let options = &definition.x12;
        Reports {
            level: Level::Header,
            header: Said::new(options),
            transfer: Said::new(options),
            item: Item::new(options),
            lead: None,
            held: 0,
            type_code: Text::default(),
            reporter: Text::default(),
        }
    }

    fn clear(&mut self) {
        self.header.clear();
        self.transfer.clear();
        self.reporter.clear();
        self.type_code.clear();
        self.lead = None;
        self.level = Level::Header;
    }

    fn take(&mut self, segment: &Segment<'_>, file: &mut File) -> Result<(), Stop> {
        match segment.id() {
            b"BPT" => return file.head.begin(segment, "report", Text::from(segment.text(2))),
            b"PTD" => self.begin_transfer(segment, file),
            b"QTY" => self.begin_quantity(segment, file),
            b"LIN" => self.line(segment, file),
            b"CTT" => {
                self.end_record(file);
                self.level = Level::Summary;
                file.totals.compare_count(segment, &mut file.faults);
            }
            _ => self.detail(segment, file),
        }
        Ok(())
    }

    /// Makes a row of the quantity that is being read, if one is.
    fn end_record(&mut self, file: &mut File) {
        let held = std::mem::take(&mut self.held);
        let Level::Sold(quantity) = &self.level else { return };
        file.records += 1;
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
        let row = sold.into_row(&file.rules, file.records, quantity.line_no);
        file.totals.add(row.quantity, row.amount);
        file.end_record(row, held);
        self.level = Level::Other;
    }

    fn held(&self) -> u32 {
        self.held
    }

    fn series(number: Text, _replaces: bool) -> Option<Text> {
        Some(number)
    }
}

impl Reports {
    fn begin_transfer(&mut self, segment: &Segment<'_>, file: &mut File) {
        self.end_record(file);
        self.lead = None;
        self.level = Level::Transfer;
        file.totals.transfers += 1;
        self.type_code = Text::from(segment.text(1));
        self.transfer.clear();
        for at in [2, 4] {
            self.transfer.reference(segment.element(at), Text::from(segment.text(at + 1)), &file.rules.definition.x12);
        }
    }

    fn begin_quantity(&mut self, segment: &Segment<'_>, file: &mut File) {
        let leading = if self.level == Level::Lead { self.held } else { 0 };
        self.end_record(file);
        file.totals.quantities += 1;
        let options = &file.rules.definition.x12;
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
            file.totals.declare_quantity(segment);
        }
    }

    /// LIN stands behind its QTY or, with some senders, in front of it.
    fn line(&mut self, segment: &Segment<'_>, file: &mut File) {
        file.totals.lines += 1;
        if self.level == Level::Transfer || self.lead.is_some() {
            self.end_record(file);
            self.level = Level::Lead;
            self.lead = Some(Item::new(&file.rules.definition.x12));
            self.held = 0;
        }
        self.detail(segment, file);
    }

    /// A segment that says something on the set, the transfer or the item.
    fn detail(&mut self, segment: &Segment<'_>, file: &mut File) {
        let options = &file.rules.definition.x12;
        match &self.level {
            Level::Header => self.header_detail(segment, file),
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
                file.totals.compare_amount(segment, &mut file.faults);
            }
            Level::Other | Level::Summary => {}
        }
    }

    fn header_detail(&mut self, segment: &Segment<'_>, file: &mut File) {
        match (segment.id(), segment.element(1)) {
            (b"N1", b"DS" | b"SE") => self.reporter = party_name(segment),
            _ if file.head.take(segment, &file.rules) => {}
            _ => _ = self.header.take(segment, &file.rules.definition.x12),
        }
    }
}
