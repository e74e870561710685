//! From the facts of a quantity to a row.

use contract::{Code, Currency, Micros, Movement, NumberError, ParsedRow, Text};

use super::rules::Rules;
use super::sales::{Item, SERIALS_MAX, Said};
use crate::columns::Field;
use crate::numbers::NumberStyle;
use crate::rules::row_refused;

/// A quantity sold or returned, with everything that holds for it.
pub(crate) struct Sold<'a> {
    pub(crate) header: &'a Said,
    pub(crate) transfer: &'a Said,
    /// Its texts are moved into the row.
    pub(crate) item: &'a mut Item,
    pub(crate) reporter: &'a Text,
    pub(crate) type_code: &'a Text,
    pub(crate) quantity: &'a Text,
    pub(crate) unit: &'a Text,
    /// QTY01 says that it came back.
    pub(crate) is_returned: bool,
}

impl Sold<'_> {
    /// The row, with a problem for each field that is missing or unreadable.
    pub(crate) fn into_row(mut self, rules: &Rules, record_no: u32, line_no: u32) -> ParsedRow {
        let mut row = ParsedRow { record_no, line_no, ..ParsedRow::default() };
        self.movement(&mut row, rules);
        self.document(&mut row, rules);
        self.date(&mut row, rules);
        self.numbers(&mut row, rules);
        sign(&mut row, self.is_returned);
        self.parties(&mut row);
        self.product(&mut row);
        row
    }

    fn movement(&self, row: &mut ParsedRow, rules: &Rules) {
        row.type_code = self.type_code.clone();
        row.movement = match rules.movement(self.type_code) {
            Some(Movement::Sale) if self.is_returned => Movement::Return,
            Some(movement) => movement,
            None => {
                let message = "transfer type in PTD01 is not in the feed definition; add it below `types`";
                problem(row, Code::RowUnreadable, Field::Type, self.type_code, message);
                Movement::Sale
            }
        };
    }

    /// The best qualifier said at the quantity, else at the transfer. A credit memo is a return's own document.
    fn document(&self, row: &mut ParsedRow, rules: &Rules) {
        let said = |at: usize| first([&self.item.facts.documents[at], &self.transfer.documents[at]]);
        let ranked = || (0..rules.definition.x12.documents.len()).filter_map(said);
        let credit = rules.definition.x12.documents.iter().position(|d| d == "CM").and_then(said);
        let original = first([&self.item.facts.original, &self.transfer.original]);
        match (row.movement, credit) {
            (Movement::Return, Some(credit)) => {
                row.document = credit.clone();
                let sold = original.or_else(|| ranked().find(|document| *document != credit));
                row.original_document = sold.cloned().unwrap_or_default();
            }
            _ => {
                row.document = ranked().next().cloned().unwrap_or_default();
                row.original_document = original.cloned().unwrap_or_default();
            }
        }
        row.document_line = either(&self.item.facts.document_line, &self.transfer.document_line);
        if row.document.is_empty() {
            let message = format!("no document number; send REF*{}", rules.definition.x12.documents.join(" or REF*"));
            problem(row, Code::KeyMissing, Field::Document, "", &message);
        }
    }

    fn date(&self, row: &mut ParsedRow, rules: &Rules) {
        let said = |at: usize| first([&self.item.facts.dates[at], &self.transfer.dates[at]]);
        row.date_text = (0..rules.definition.x12.dates.len()).find_map(said).cloned().unwrap_or_default();
        if row.date_text.is_empty() {
            let message = format!("no date; send DTM*{}", rules.definition.x12.dates.join(" or DTM*"));
            problem(row, Code::KeyMissing, Field::Date, "", &message);
            return;
        }
        row.date = rules.date(&row.date_text);
        if row.date.is_none() {
            let value = row.date_text.clone();
            problem(
                row,
                Code::DateImpossible,
                Field::Date,
                &value,
                "no day of the calendar; send the date as CCYYMMDD",
            );
        }
    }

    fn numbers(&mut self, row: &mut ParsedRow, rules: &Rules) {
        if self.quantity.is_empty() {
            problem(row, Code::KeyMissing, Field::Quantity, "", "no quantity in QTY02");
        }
        row.quantity = number(row, Field::Quantity, self.quantity, &rules.definition.quantities);
        row.unit_price = number(row, Field::UnitPrice, &self.item.price, &rules.definition.numbers);
        row.amount = number(row, Field::Amount, &self.item.amount, &rules.definition.numbers);
        check_unit(row, self.quantity, self.unit, rules);
        read_currency(row, [&self.item.facts.currency, &self.transfer.currency, &self.header.currency], rules);
    }

    fn parties(&mut self, row: &mut ParsedRow) {
        let levels = [&self.item.facts, self.transfer, self.header];
        row.customer = levels.iter().find_map(|facts| facts.customer()).cloned().unwrap_or_default();
        if let Some(seller) = levels.iter().find(|f| !f.outlet.is_empty() || !f.outlet_id.is_empty()) {
            row.outlet = seller.outlet.clone();
            row.outlet_id = seller.outlet_id.clone();
            row.city = seller.city.clone();
        }
        row.rep = either(&self.item.facts.rep, &self.transfer.rep);
        row.promotion = either(&self.item.facts.promotion, &self.transfer.promotion);
        row.reported_partner = self.reporter.clone();
    }

    fn product(&mut self, row: &mut ParsedRow) {
        row.code = std::mem::take(&mut self.item.code);
        row.description = std::mem::take(&mut self.item.description);
        row.serials = std::mem::take(&mut self.item.serials);
        if row.code.is_empty() {
            problem(
                row,
                Code::KeyMissing,
                Field::Code,
                "",
                "no product code; send it in LIN with VP, MG, UP or another qualifier",
            );
        }
        if self.item.has_too_many_serials {
            row.serials.clear();
            let message = format!("more than {SERIALS_MAX} serial numbers for one quantity; split it");
            problem(row, Code::RowUnreadable, Field::Serials, "", &message);
        }
    }
}

/// Makes a return negative, however it was written, and a negative quantity a return.
fn sign(row: &mut ParsedRow, is_returned: bool) {
    let is_negative = row.quantity.is_some_and(|quantity| quantity < Micros::ZERO);
    if row.movement == Movement::Sale && is_negative {
        row.movement = Movement::Return;
    }
    if row.movement == Movement::Return || is_returned || is_negative {
        row.quantity = row.quantity.map(|quantity| -quantity.abs());
        row.amount = row.amount.map(|amount| -amount.abs());
        row.unit_price = row.unit_price.map(Micros::abs);
    }
}

pub(crate) fn problem(row: &mut ParsedRow, code: Code, field: Field, value: &str, message: &str) {
    row.problems.push(row_refused::problem(code, field.as_str(), value, message.to_owned()));
}

/// The number, or a problem; nothing where nothing is written.
fn number(row: &mut ParsedRow, field: Field, text: &str, style: &NumberStyle) -> Option<Micros> {
    if text.is_empty() {
        return None;
    }
    match style.parse(text) {
        Ok(value) => Some(value),
        Err(error) => {
            problem(row, Code::RowUnreadable, field, text, unreadable(&error));
            None
        }
    }
}

/// What is wrong with a number, and what to do.
pub(crate) fn unreadable(error: &NumberError) -> &'static str {
    match error {
        NumberError::NotANumber => "not a number in the feed's number style; send it again",
        NumberError::TooPrecise => "more than six decimals; send it rounded",
        NumberError::TooLarge => "larger than any sale; send it again",
    }
}

/// Nothing here knows how many a case holds.
pub(crate) fn check_unit(row: &mut ParsedRow, quantity: &str, unit: &Text, rules: &Rules) {
    if !unit.is_empty() && !rules.definition.x12.units.contains(unit) {
        let unit = format!("{quantity} {unit}");
        let message = "quantity is not in single units; ask for EA, or list the unit below `units` if it is one";
        problem(row, Code::RowUnreadable, Field::Quantity, &unit, message);
    }
}

/// The first currency that is named, else that of the definition.
pub(crate) fn read_currency<const N: usize>(row: &mut ParsedRow, texts: [&Text; N], rules: &Rules) {
    let Some(text) = first(texts) else {
        row.currency = rules.definition.currency;
        return;
    };
    row.currency = Currency::parse(text);
    if row.currency.is_none() {
        problem(row, Code::RowUnreadable, Field::Currency, text, "CUR02 is not a currency code of three letters");
    }
}

pub(crate) fn first<const N: usize>(texts: [&Text; N]) -> Option<&Text> {
    texts.into_iter().find(|text| !text.is_empty())
}

pub(crate) fn either(first: &Text, second: &Text) -> Text {
    if first.is_empty() { second.clone() } else { first.clone() }
}
