//! What a report says above and below its rows.

use contract::{Day, Micros};

use crate::columns::{ColumnMap, Field, Fields};
use crate::definition::{FeedDefinition, PeriodSource};
use crate::formats::Facts;

/// What the lines above the rows say.
#[derive(Default)]
pub(crate) struct Head {
    pub(crate) period: Option<(Day, Day)>,
    pub(crate) replaces: bool,
}

impl Head {
    /// Takes a line above the rows.
    pub(crate) fn take<'a>(
        &mut self,
        definition: &FeedDefinition,
        line: &str,
        mut cells: impl Iterator<Item = &'a str>,
    ) {
        let word = &definition.replaces.word;
        self.replaces |= !word.is_empty() && line.contains(word.as_str());
        let period = &definition.period;
        if !period.sources.contains(&PeriodSource::Head) || period.label.is_empty() {
            return;
        }
        if !cells.next().is_some_and(|label| begins_with(label, &period.label)) {
            return;
        }
        let mut days = cells.filter_map(|cell| period_days(cell, definition));
        if let Some(first) = days.next() {
            let last = days.next().unwrap_or(first);
            self.period = Some((first.0, last.1));
        }
    }
}

/// What the lines below the rows claim, and what the rows add up to.
#[derive(Default)]
pub(crate) struct Totals {
    pub(crate) claimed_count: Option<String>,
    pub(crate) claimed_sum: Option<String>,
    sum: i128,
    unread_amounts: bool,
}

impl Totals {
    /// Adds a row's amount; `text` is what stands in its cell.
    pub(crate) fn add(&mut self, amount: Option<Micros>, text: &str) {
        match amount {
            Some(amount) => self.sum += i128::from(amount.0),
            None => self.unread_amounts |= !text.trim().is_empty(),
        }
    }

    /// Compares what was claimed with the rows.
    pub(crate) fn check(&self, definition: &FeedDefinition, records: u32, facts: &mut Facts) {
        let rule = definition.control_totals;
        if let Some(text) = &self.claimed_count {
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            if digits.parse() != Ok(records) {
                let message =
                    format!("trailer counts {text:?}, the file has {records} records; ask for the whole file");
                facts.disagree(rule, "count", text, message);
            }
        }
        let Some(text) = &self.claimed_sum else { return };
        match definition.numbers.parse(text) {
            Ok(claimed) if i128::from(claimed.0) == self.sum || self.unread_amounts => {}
            Ok(claimed) => {
                let sum = i64::try_from(self.sum).map_or("more than can be held".into(), |s| Micros(s).to_string());
                let message = format!("trailer sums to {claimed}, the rows to {sum}; ask for the whole file");
                facts.disagree(rule, "sum", text, message);
            }
            Err(_) => {
                let message = "sum in the trailer is not a number in the feed's number style".to_owned();
                facts.disagree(rule, "sum", text, message);
            }
        }
    }
}

/// Whether a line that begins with this cell is one of totals.
///
/// Its first word says so, and neither a readable date nor a product with its units says that something was sold: such a
/// line is a row, whatever its document is called.
pub(crate) fn is_total(definition: &FeedDefinition, map: &ColumnMap, first: &str, fields: &Fields<'_>) -> bool {
    let is_word = || definition.trailer.words.iter().any(|word| is_first_word(first, word));
    let is_date = || definition.dates.parse(fields.get(Field::Date).trim()).is_some();
    !first.starts_with(|c: char| c.is_ascii_digit()) && is_word() && !is_date() && !is_sold(definition, map, fields)
}

/// Whether the fields name a product and how much of it, in cells that are not those of the totals.
fn is_sold(definition: &FeedDefinition, map: &ColumnMap, fields: &Fields<'_>) -> bool {
    let count = definition.trailer.count_cell.map(usize::from);
    let sum = definition.trailer.sum_cell.map(usize::from);
    let is_of_totals = |cell: usize| count == Some(cell) || sum.is_some_and(|sum| cell >= sum);
    let is_filled = |field: &Field| {
        !fields.get(*field).trim().is_empty() && map.place_of(*field).is_some_and(|place| !is_of_totals(place + 1))
    };
    definition.keys().iter().filter(|field| !matches!(field, Field::Document | Field::Date)).all(is_filled)
}

/// Whether the text is the word, or goes on behind it with a blank or a colon.
fn is_first_word(text: &str, word: &str) -> bool {
    let goes_on = |c: char| c.is_whitespace() || c == ':';
    begins_with(text, word) && text[word.len()..].chars().next().is_none_or(goes_on)
}

/// Whether the text begins with the word, in any letter case, and no letter or digit follows.
pub(crate) fn begins_with(text: &str, word: &str) -> bool {
    let is_head = text.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
    is_head && !text[word.len()..].chars().next().is_some_and(char::is_alphanumeric)
}

/// A day in the feed's own style or ISO, or a whole month.
fn period_days(text: &str, definition: &FeedDefinition) -> Option<(Day, Day)> {
    let day = definition.dates.parse(text).filter(|_| !text.is_empty());
    crate::period::of_text(text).or_else(|| day.map(|d| (d, d)))
}
