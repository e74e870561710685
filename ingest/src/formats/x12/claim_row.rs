//! From the facts of a line of a claim to a row.

use contract::{Code, Micros, Movement, ParsedRow, Text};

use super::options::{ClaimsFor, LineNumbers, X12Options};
use super::row::{check_unit, either, first, problem, read_currency, unreadable};
use super::rules::Rules;
use super::sales::{Item, Said};
use super::segment::{Segment, text_of};
use crate::columns::{Field, check_claim, is_claimable};
use crate::numbers::NumberStyle;

/// What a PAD loop says.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) item: Item,
    /// PAD01 or LIN01.
    number: Text,
    /// PAD02.
    type_code: Text,
    /// PAD03.
    change: Text,
    amount: Ranked,
    rate: Ranked,
    quantity: Ranked,
    /// QTY03 of the quantity.
    unit: Text,
    /// It has a LIN, whatever that says.
    is_for_item: bool,
    /// Number of the segment that it began with.
    line_no: u32,
    pub(crate) segments: u32,
}

/// The text of the best qualifier so far.
#[derive(Debug, Default)]
struct Ranked {
    rank: Option<usize>,
    text: Text,
    /// The element that it stood in.
    element: &'static str,
}

impl Ranked {
    /// Takes a text under a better qualifier than before, by its rank, and says whether it did.
    fn offer(&mut self, rank: Option<usize>, text: Text, element: &'static str) -> bool {
        let is_better = rank.is_some() && !text.is_empty() && self.rank.is_none_or(|best| rank < Some(best));
        if is_better {
            *self = Ranked { rank, text, element };
        }
        is_better
    }
}

impl Line {
    pub(crate) fn new(options: &X12Options) -> Line {
        Line {
            item: Item::new(options),
            number: Text::default(),
            type_code: Text::default(),
            change: Text::default(),
            amount: Ranked::default(),
            rate: Ranked::default(),
            quantity: Ranked::default(),
            unit: Text::default(),
            is_for_item: false,
            line_no: 0,
            segments: 0,
        }
    }

    /// Begins a line with its PAD; one that begins with LIN takes that as well.
    pub(crate) fn begin(&mut self, segment: &Segment<'_>) {
        let is_pad = segment.id() == b"PAD";
        let element = |at| if is_pad { Text::from(segment.text(at)) } else { Text::default() };
        self.item.clear();
        (self.number, self.type_code, self.change) = (element(1), element(2), element(3));
        (self.amount, self.rate, self.quantity) = (Ranked::default(), Ranked::default(), Ranked::default());
        self.unit.clear();
        self.is_for_item = false;
        (self.line_no, self.segments) = (segment.number, u32::from(is_pad));
    }

    /// Takes a segment behind PAD; what is unknown here says nothing that a claim needs.
    pub(crate) fn take(&mut self, segment: &Segment<'_>, options: &X12Options) {
        self.segments += 1;
        let text = |at| Text::from(segment.text(at));
        let rank = |list: &[Text], at| list.iter().position(|known| known.as_bytes() == segment.element(at));
        match segment.id() {
            b"AMT" => _ = self.amount.offer(rank(&options.claimed, 1), text(2), "AMT02"),
            b"UIT" => _ = self.rate.offer(rank(&options.claimed_rates, 3), text(2), "UIT02"),
            b"CTP" => _ = self.rate.offer(rank(&options.claimed_rates, 2), text(3), "CTP03"),
            b"QTY" => {
                if self.quantity.offer(rank(&options.claimed_units, 1), text(2), "QTY02") {
                    self.unit = Text::from(text_of(segment.component(3)));
                }
            }
            b"LIN" => {
                self.is_for_item = true;
                self.number = either(&self.number, &text(1));
                self.item.take(segment, options);
            }
            _ => self.item.take(segment, options),
        }
    }

    /// Whether it states no units at all.
    pub(crate) fn is_without_units(&self) -> bool {
        self.quantity.text.is_empty()
    }
}

/// A line, with everything that holds for it.
pub(crate) struct Claimed<'a> {
    pub(crate) claim: &'a Text,
    pub(crate) header: &'a Said,
    pub(crate) from: &'a Text,
    pub(crate) contract_no: &'a Text,
    pub(crate) contract: &'a Said,
    pub(crate) line: &'a Line,
    pub(crate) reporter: &'a Text,
}

impl Claimed<'_> {
    /// The row, with a problem for each field that is missing or unreadable.
    pub(crate) fn into_row(self, rules: &Rules, record_no: u32) -> ParsedRow {
        let line_no = self.line.line_no;
        let mut row = ParsedRow { record_no, line_no, movement: Movement::Claim, ..ParsedRow::default() };
        self.names(&mut row, rules);
        self.date(&mut row, rules);
        self.numbers(&mut row, rules);
        self.about(&mut row, rules);
        row
    }

    /// Claim, contract and line. What a contract is called stays in `promotion` for the answer.
    fn names(&self, row: &mut ParsedRow, rules: &Rules) {
        let options = &rules.definition.x12;
        row.document = self.claim.clone();
        if row.document.is_empty() {
            problem(row, Code::KeyMissing, Field::Document, "", "no number of the claim; send it in BAA05");
        }
        let contracts = [self.contract_no, &self.contract.promotion, &self.header.promotion];
        row.promotion = first(contracts).cloned().unwrap_or_default();
        row.code = options.contracts.get(&row.promotion).unwrap_or(&row.promotion).clone();
        if row.code.is_empty() {
            problem(row, Code::KeyMissing, Field::Code, "", "no contract; send it in CON02");
        }
        row.document_line = match options.line_numbers {
            LineNumbers::Contract if !self.line.number.is_empty() => {
                Text::from(format!("{}/{}", row.promotion, self.line.number))
            }
            _ => self.line.number.clone(),
        };
        row.type_code = self.line.type_code.clone();
        if matches!(self.line.change.as_str(), "DI" | "CF") {
            let message =
                "PAD03 takes the line back: changes of single lines are not read; send the whole claim again with 05";
            problem(row, Code::RowUnreadable, Field::Type, &self.line.change, message);
        }
    }

    fn date(&self, row: &mut ParsedRow, rules: &Rules) {
        let dates = &rules.definition.x12.dates;
        let said =
            |at: usize| first([&self.line.item.facts.dates[at], &self.contract.dates[at], &self.header.dates[at]]);
        let text = (0..dates.len()).find_map(said).unwrap_or(self.from);
        row.date_text = text.clone();
        if text.is_empty() {
            let message = format!("no date; send DTM*{}, or DTM*090 of the whole claim", dates.join(" or DTM*"));
            problem(row, Code::KeyMissing, Field::Date, "", &message);
            return;
        }
        row.date = rules.date(text).filter(|day| is_claimable(*day));
        if row.date.is_none() {
            let message = "DTM02 is no day of the calendar from 1900 to 2999; send it as CCYYMMDD";
            problem(row, Code::DateImpossible, Field::Date, text, message);
        }
    }

    fn numbers(&self, row: &mut ParsedRow, rules: &Rules) {
        let (line, definition) = (self.line, &rules.definition);
        row.quantity = number(row, Field::Quantity, &line.quantity, &definition.quantities);
        row.unit_price = number(row, Field::UnitPrice, &line.rate, &definition.numbers);
        row.amount = number(row, Field::Amount, &line.amount, &definition.numbers);
        if line.amount.text.is_empty() {
            let message = format!("no claimed amount; send AMT*{}", definition.x12.claimed.join(" or AMT*"));
            problem(row, Code::KeyMissing, Field::Amount, "", &message);
        }
        check_claim(row);
        check_unit(row, &line.quantity.text, &line.unit, rules);
        read_currency(row, [&line.item.facts.currency, &self.contract.currency, &self.header.currency], rules);
    }

    /// What the line is about.
    fn about(&self, row: &mut ParsedRow, rules: &Rules) {
        let item = &self.line.item;
        row.original_document = item.facts.documents.iter().find(|text| !text.is_empty()).cloned().unwrap_or_default();
        if !row.original_document.is_empty() && !item.facts.document_line.is_empty() {
            row.original_document = Text::from(format!("{}#{}", row.original_document, item.facts.document_line));
        }
        let claims_for = &rules.definition.x12.claims_for;
        if claims_for.contains(&ClaimsFor::Product) {
            row.product = item.code.clone();
            if row.product.is_empty() && self.line.is_for_item && row.original_document.is_empty() {
                let message =
                    "no product code that is read; send it in LIN with VP, MG, UP or another of `x12: { codes }`";
                problem(row, Code::KeyMissing, Field::Product, "", message);
            }
        }
        if claims_for.contains(&ClaimsFor::Contract) {
            row.authorisation = row.promotion.clone();
        }
        row.description = either(&item.description, &item.code);
        row.reported_partner = self.reporter.clone();
    }
}

/// The number of an element, or a problem; nothing where nothing is written.
fn number(row: &mut ParsedRow, field: Field, from: &Ranked, style: &NumberStyle) -> Option<Micros> {
    if from.text.is_empty() {
        return None;
    }
    match style.parse(&from.text) {
        Ok(value) => Some(value),
        Err(error) => {
            problem(row, Code::RowUnreadable, field, &from.text, &format!("{}: {}", from.element, unreadable(&error)));
            None
        }
    }
}
