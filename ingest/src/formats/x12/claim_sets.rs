//! The sets 844 of a file: which segment says something on which line of a claim.
//!
//! BAA names the claim, CON the contract, PAD begins a line. Some senders write BGN in place of BAA, REF CT of the head in
//! place of CON, and LIN alone where a line begins; they are read as well.

use std::sync::Arc;

use contract::{CLAIM_SERIES, Micros, ParsedRow, Text};

use super::claim_row::{Claimed, Line};
use super::envelope::Faults;
use super::head::Head;
use super::rules::Rules;
use super::sales::{Said, date_text, party_name};
use super::segment::Segment;
use super::totals::Totals;
use super::{Sets, refused};
use crate::definition::FeedDefinition;
use crate::formats::{Facts, Stop};

/// Name of BAA03 among the dates of a definition.
const DATE_OF_CLAIM: &str = "BAA";

/// Where a set is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Header,
    /// In a CON loop, in front of its first line.
    Contract,
    /// In a line that began with PAD.
    Line,
    /// In a line that began with LIN.
    Item,
    /// Behind CTT.
    Summary,
}

/// Reads the sets of a file of claims.
pub(crate) struct ClaimReader {
    faults: Faults,
    rules: Rules,
    /// The record that the last segment ended.
    row: Option<ParsedRow>,
    /// The open set is an 844.
    is_read: bool,
    level: Level,
    /// Number of the claim, BAA05.
    claim: Text,
    header: Said,
    /// DTM 090 of the header: the first day of what is claimed.
    from: Text,
    /// CON02.
    contract_no: Text,
    contract: Said,
    line: Line,
    reporter: Text,
    totals: Totals,
    head: Head,
    records: u32,
    segments: u32,
    /// Segments of all records.
    record_segments: u32,
}

impl ClaimReader {
    pub(crate) fn new(definition: Arc<FeedDefinition>) -> ClaimReader {
        let options = &definition.x12;
        ClaimReader {
            faults: Faults::default(),
            row: None,
            is_read: false,
            level: Level::Header,
            claim: Text::default(),
            header: Said::new(options),
            from: Text::default(),
            contract_no: Text::default(),
            contract: Said::new(options),
            line: Line::new(options),
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

impl Sets for ClaimReader {
    fn faults(&mut self) -> &mut Faults {
        &mut self.faults
    }

    fn begin(&mut self, segment: &Segment<'_>) {
        self.end();
        self.segments += 1;
        self.is_read = segment.element(1) == b"844";
        if !self.is_read {
            let message = format!("transaction set {} is not read, only 844", segment.text(1));
            self.faults.remark("ST01", segment.element(1), message);
        }
        self.header.clear();
        self.contract.clear();
        for text in [&mut self.claim, &mut self.from, &mut self.contract_no, &mut self.reporter] {
            text.clear();
        }
        self.level = Level::Header;
        self.totals = Totals::default();
    }

    fn take(&mut self, segment: &Segment<'_>) -> Result<(), Stop> {
        self.segments += 1;
        if !self.is_read {
            return Ok(());
        }
        match segment.id() {
            b"BAA" => return self.begin_claim(segment, 5),
            b"BGN" => return self.begin_claim(segment, 2),
            b"CON" => self.begin_contract(segment),
            b"PAD" => self.begin_line(segment, Level::Line),
            b"LIN" => self.item(segment),
            b"CTT" => {
                self.end_line();
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
        self.end_line();
        if self.is_read {
            self.totals.finish(&mut self.faults);
        }
        self.is_read = false;
    }

    fn finish(&mut self) -> Result<(), Stop> {
        self.end();
        match (self.segments, self.head.replaces, self.records) {
            (0, ..) => Err(refused("the file is empty".into())),
            (_, None, 0) => Err(refused("the file holds no claim (transaction set 844)".into())),
            _ => Ok(()),
        }
    }

    fn take_row(&mut self) -> Option<ParsedRow> {
        self.row.take()
    }

    fn facts(&self) -> Facts {
        let held = if self.is_in_line() { self.line.segments } else { 0 };
        let mut facts = self.head.facts(self.segments - self.record_segments - held);
        // Any of the claims in an original may be replaced later: it is no series of its own.
        let replaced = facts.series.take().filter(|_| facts.replaces);
        facts.series = replaced.map(|claim| Text::from(format!("{CLAIM_SERIES}{claim}")));
        self.faults.tell(self.rules.definition.control_totals, &mut facts);
        facts
    }
}

impl ClaimReader {
    fn is_in_line(&self) -> bool {
        matches!(self.level, Level::Line | Level::Item)
    }

    /// BAA or BGN, which has the claim's number in element `at`; the date is element 3 of both.
    fn begin_claim(&mut self, segment: &Segment<'_>, at: usize) -> Result<(), Stop> {
        self.claim = Text::from(segment.text(at));
        if let Some(at) = self.rules.definition.x12.dates.iter().position(|date| date == DATE_OF_CLAIM) {
            self.header.dates[at] = Text::from(segment.text(3));
        }
        self.head.begin(segment, "claim", self.claim.clone())
    }

    fn begin_contract(&mut self, segment: &Segment<'_>) {
        self.end_line();
        self.level = Level::Contract;
        self.totals.transfers += 1;
        self.contract.clear();
        self.contract_no = Text::from(segment.text(2));
    }

    fn begin_line(&mut self, segment: &Segment<'_>, level: Level) {
        self.end_line();
        self.line.begin(segment);
        self.level = level;
    }

    /// LIN says what the line of a PAD is for; where no PAD is open it begins a line.
    fn item(&mut self, segment: &Segment<'_>) {
        self.totals.lines += 1;
        if self.level != Level::Line {
            self.begin_line(segment, Level::Item);
        }
        self.detail(segment);
    }

    /// A segment that says something on the set, the contract or the line.
    fn detail(&mut self, segment: &Segment<'_>) {
        let options = &self.rules.definition.x12;
        match self.level {
            Level::Header => self.header_detail(segment),
            Level::Contract => _ = self.contract.take(segment, options),
            Level::Line | Level::Item => {
                if segment.id() == b"QTY" {
                    self.totals.add_quantity(segment);
                }
                self.line.take(segment, options);
            }
            Level::Summary if segment.id() == b"AMT" && is_total(segment, &options.claimed) => {
                self.totals.compare_amount(segment, &mut self.faults);
            }
            Level::Summary => {}
        }
    }

    fn header_detail(&mut self, segment: &Segment<'_>) {
        match (segment.id(), segment.element(1)) {
            (b"AMT", b"TT") => self.totals.declare_amount(segment),
            (b"N1", b"DS" | b"SE") => self.reporter = party_name(segment),
            _ if self.head.take(segment, &self.rules) => {
                if segment.element(1) == b"090" {
                    self.from = date_text(segment);
                }
            }
            _ => _ = self.header.take(segment, &self.rules.definition.x12),
        }
    }

    /// Makes a row of the line that is being read, if one is.
    fn end_line(&mut self) {
        if !self.is_in_line() {
            return;
        }
        self.records += 1;
        self.record_segments += self.line.segments;
        let claimed = Claimed {
            claim: &self.claim,
            header: &self.header,
            from: &self.from,
            contract_no: &self.contract_no,
            contract: &self.contract,
            line: &self.line,
            reporter: &self.reporter,
        };
        let row = claimed.into_row(&self.rules, self.records);
        let without_units = self.line.is_without_units().then_some(Micros::ZERO);
        self.totals.add(row.quantity.or(without_units), row.amount);
        self.row = Some(row);
        self.level = Level::Contract;
    }
}

/// Whether AMT behind CTT is the sum of what the lines ask for.
fn is_total(segment: &Segment<'_>, claimed: &[Text]) -> bool {
    let qualifier = segment.element(1);
    qualifier == b"TT" || claimed.iter().any(|known| known.as_bytes() == qualifier)
}
