//! Totals that a transaction set declares about itself, compared with what was read.

use contract::{Micros, Text};

use super::envelope::{Faults, number};
use super::segment::Segment;
use crate::columns::excerpt;

/// Counts and sums of one set. Sums are wide: no file can overflow them.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) transfers: u32,
    pub(crate) lines: u32,
    pub(crate) quantities: u32,
    pub(crate) records: u32,
    quantity: Sum,
    amount: Sum,
    /// A record whose amount is not known: then the sum of amounts says nothing.
    has_open_amount: bool,
    declared_quantity: Text,
}

/// The same values summed with and without their signs, since senders declare either.
#[derive(Debug, Default)]
struct Sum {
    signed: i128,
    absolute: i128,
}

impl Sum {
    fn add(&mut self, value: Micros) {
        self.signed += i128::from(value.0);
        self.absolute += i128::from(value.0).abs();
    }

    fn is(&self, declared: &str) -> bool {
        let declared = Micros::parse(declared).map(|value| i128::from(value.0));
        declared.is_ok_and(|value| value == self.signed || value.abs() == self.absolute)
    }
}

impl Totals {
    pub(crate) fn add(&mut self, quantity: Option<Micros>, amount: Option<Micros>) {
        self.records += 1;
        self.quantity.add(quantity.unwrap_or_default());
        self.amount.add(amount.unwrap_or_default());
        self.has_open_amount |= amount.is_none();
    }

    /// QTY*TO of the header: the sum of all quantities to come.
    pub(crate) fn declare_quantity(&mut self, segment: &Segment<'_>) {
        self.declared_quantity = Text::from(segment.text(2));
    }

    /// CTT: a count of lines, and perhaps a hash total of the quantities.
    ///
    /// A wrong count is a remark only: real senders write a constant (domain notes §6.2), and SE counts better.
    pub(crate) fn compare_count(&self, segment: &Segment<'_>, faults: &mut Faults) {
        let counts = [self.records, self.quantities, self.lines, self.transfers];
        let declared = number(segment.element(1));
        if !counts.iter().any(|count| declared == Some(u64::from(*count))) {
            let message =
                format!("CTT01 declares {} lines, {} were read; a remark only", segment.text(1), self.records);
            faults.remark("CTT01", segment.element(1), message);
        }
        let hash = segment.text(2);
        if !hash.is_empty() && !self.quantity.is(&hash) {
            faults.broken("CTT02", segment.element(2), self.disagreement("CTT02", &hash, &self.quantity));
        }
    }

    /// AMT*TT after CTT: the sum of all amounts.
    pub(crate) fn compare_amount(&self, segment: &Segment<'_>, faults: &mut Faults) {
        let declared = segment.text(2);
        if !self.has_open_amount && !self.amount.is(&declared) {
            faults.broken("AMT02", segment.element(2), self.disagreement("AMT02", &declared, &self.amount));
        }
    }

    /// Compares what the header declared, at the end of the set.
    pub(crate) fn finish(&self, faults: &mut Faults) {
        let declared = self.declared_quantity.as_str();
        if !declared.is_empty() && !self.quantity.is(declared) {
            faults.broken("QTY02", declared.as_bytes(), self.disagreement("QTY*TO", declared, &self.quantity));
        }
    }

    fn disagreement(&self, name: &str, declared: &str, sum: &Sum) -> String {
        let declared = excerpt(declared);
        format!(
            "{name} declares a total of {declared}, the {} records sum up to {}; ask the sender which is right",
            self.records,
            i64::try_from(sum.signed).map_or("more than any file can hold".into(), |sum| Micros(sum).to_string())
        )
    }
}
