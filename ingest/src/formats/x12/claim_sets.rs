//! The sets 844 of a file: which segment says something on which line of a claim.
//!
//! BAA names the claim, CON the contract, PAD begins a line. Some senders write BGN in place of BAA, REF CT of the head in
//! place of CON, and LIN alone where a line begins; they are read as well.

use contract::{CLAIM_SERIES, Micros, Text};

use super::claim_row::{Claimed, Line};
use super::sales::{Said, date_text, party_name};
use super::segment::Segment;
use super::sets::{File, Kind};
use crate::definition::FeedDefinition;
use crate::formats::Stop;

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

/// What the sets 844 of a file say.
pub(crate) struct Claims {
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
}

impl Kind for Claims {
    const NUMBER: &'static str = "844";
    const HOLDS: &'static str = "claim";

    fn new(definition: &FeedDefinition) -> Claims {
        let options = &definition.x12;
        Claims {
            level: Level::Header,
            claim: Text::default(),
            header: Said::new(options),
            from: Text::default(),
            contract_no: Text::default(),
            contract: Said::new(options),
            line: Line::new(options),
            reporter: Text::default(),
        }
    }

    fn clear(&mut self) {
        self.header.clear();
        self.contract.clear();
        for text in [&mut self.claim, &mut self.from, &mut self.contract_no, &mut self.reporter] {
            text.clear();
        }
        self.level = Level::Header;
    }

    fn take(&mut self, segment: &Segment<'_>, file: &mut File) -> Result<(), Stop> {
        match segment.id() {
            b"BAA" => return self.begin_claim(segment, 5, file),
            b"BGN" => return self.begin_claim(segment, 2, file),
            b"CON" => self.begin_contract(segment, file),
            b"PAD" => self.begin_line(segment, Level::Line, file),
            b"LIN" => self.item(segment, file),
            b"CTT" => {
                self.end_record(file);
                self.level = Level::Summary;
                file.totals.compare_count(segment, &mut file.faults);
            }
            _ => self.detail(segment, file),
        }
        Ok(())
    }

    /// Makes a row of the line that is being read, if one is.
    fn end_record(&mut self, file: &mut File) {
        if !self.is_in_line() {
            return;
        }
        file.records += 1;
        let claimed = Claimed {
            claim: &self.claim,
            header: &self.header,
            from: &self.from,
            contract_no: &self.contract_no,
            contract: &self.contract,
            line: &self.line,
            reporter: &self.reporter,
        };
        let row = claimed.into_row(&file.rules, file.records);
        let without_units = self.line.is_without_units().then_some(Micros::ZERO);
        file.totals.add(row.quantity.or(without_units), row.amount);
        file.end_record(row, self.line.segments);
        self.level = Level::Contract;
    }

    fn held(&self) -> u32 {
        if self.is_in_line() { self.line.segments } else { 0 }
    }

    /// Any of the claims in an original may be replaced later: it is no series of its own.
    fn series(claim: Text, replaces: bool) -> Option<Text> {
        replaces.then(|| Text::from(format!("{CLAIM_SERIES}{claim}")))
    }
}

impl Claims {
    fn is_in_line(&self) -> bool {
        matches!(self.level, Level::Line | Level::Item)
    }

    /// BAA or BGN, which has the claim's number in element `at`; the date is element 3 of both.
    fn begin_claim(&mut self, segment: &Segment<'_>, at: usize, file: &mut File) -> Result<(), Stop> {
        self.claim = Text::from(segment.text(at));
        if let Some(at) = file.rules.definition.x12.dates.iter().position(|date| date == DATE_OF_CLAIM) {
            self.header.dates[at] = Text::from(segment.text(3));
        }
        file.head.begin(segment, "claim", self.claim.clone())
    }

    fn begin_contract(&mut self, segment: &Segment<'_>, file: &mut File) {
        self.end_record(file);
        self.level = Level::Contract;
        file.totals.transfers += 1;
        self.contract.clear();
        self.contract_no = Text::from(segment.text(2));
    }

    fn begin_line(&mut self, segment: &Segment<'_>, level: Level, file: &mut File) {
        self.end_record(file);
        self.line.begin(segment);
        self.level = level;
    }

    /// LIN says what the line of a PAD is for; where no PAD is open it begins a line.
    fn item(&mut self, segment: &Segment<'_>, file: &mut File) {
        file.totals.lines += 1;
        if self.level != Level::Line {
            self.begin_line(segment, Level::Item, file);
        }
        self.detail(segment, file);
    }

    /// A segment that says something on the set, the contract or the line.
    fn detail(&mut self, segment: &Segment<'_>, file: &mut File) {
        let options = &file.rules.definition.x12;
        match self.level {
            Level::Header => self.header_detail(segment, file),
            Level::Contract => _ = self.contract.take(segment, options),
            Level::Line | Level::Item => {
                if segment.id() == b"QTY" {
                    file.totals.add_quantity(segment);
                }
                self.line.take(segment, options);
            }
            Level::Summary if segment.id() == b"AMT" && is_total(segment, &options.claimed) => {
                file.totals.compare_amount(segment, &mut file.faults);
            }
            Level::Summary => {}
        }
    }

    fn header_detail(&mut self, segment: &Segment<'_>, file: &mut File) {
        match (segment.id(), segment.element(1)) {
            (b"AMT", b"TT") => file.totals.declare_amount(segment),
            (b"N1", b"DS" | b"SE") => self.reporter = party_name(segment),
            _ if file.head.take(segment, &file.rules) => {
                if segment.element(1) == b"090" {
                    self.from = date_text(segment);
                }
            }
            _ => _ = self.header.take(segment, &file.rules.definition.x12),
        }
    }
}

/// Whether AMT behind CTT is the sum of what the lines ask for.
fn is_total(segment: &Segment<'_>, claimed: &[Text]) -> bool {
    let qualifier = segment.element(1);
    qualifier == b"TT" || claimed.iter().any(|known| known.as_bytes() == qualifier)
}
