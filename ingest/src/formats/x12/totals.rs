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
    /// Of each QTY, where a record may have several.
    each_quantity: Option<Sum>,
    amount: Sum,
    declared_quantity: Text,
    declared_amount: Text,
}

/// The same values summed with and without their signs, since senders declare either.
#[derive(Debug, Default)]
struct Sum {
    signed: i128,
    absolute: i128,
    /// A record's value is not known: then the sum says nothing.
    is_open: bool,
}

impl Sum {
    fn add(&mut self, value: Option<Micros>) {
        let Some(value) = value else {
            self.is_open = true;
            return;
        };
        self.signed += i128::from(value.0);
        self.absolute += i128::from(value.0).abs();
    }

    /// Whether nothing speaks against the declared total.
    fn is(&self, declared: &str) -> bool {
        let declared = Micros::parse(declared).map(|value| i128::from(value.0));
        self.is_open || declared.is_ok_and(|value| value == self.signed || value.abs() == self.absolute)
    }
}

impl Totals {
    /// Adds a record; `None` for a value that is not known.
    pub(crate) fn add(&mut self, quantity: Option<Micros>, amount: Option<Micros>) {
        self.records += 1;
        self.quantity.add(quantity);
        self.amount.add(amount);
    }

    /// Adds what a QTY says, whatever for.
    pub(crate) fn add_quantity(&mut self, segment: &Segment<'_>) {
        self.quantities += 1;
        self.each_quantity.get_or_insert_default().add(Micros::parse(&segment.text(2)).ok());
    }

    /// QTY*TO of the header: the sum of all quantities to come.
    pub(crate) fn declare_quantity(&mut self, segment: &Segment<'_>) {
        self.declared_quantity = Text::from(segment.text(2));
    }

    /// AMT*TT of the header: the sum of all amounts to come.
    pub(crate) fn declare_amount(&mut self, segment: &Segment<'_>) {
        self.declared_amount = Text::from(segment.text(2));
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
        let is_sum =
            || [Some(&self.quantity), self.each_quantity.as_ref()].into_iter().flatten().any(|sum| sum.is(&hash));
        if !hash.is_empty() && !is_sum() {
            faults.broken("CTT02", segment.element(2), self.disagreement("CTT02", &hash, &self.quantity));
        }
    }

    /// AMT after CTT: the sum of all amounts.
    pub(crate) fn compare_amount(&self, segment: &Segment<'_>, faults: &mut Faults) {
        let declared = segment.text(2);
        if !self.amount.is(&declared) {
            faults.broken("AMT02", segment.element(2), self.disagreement("AMT02", &declared, &self.amount));
        }
    }

    /// Compares what the header declared, at the end of the set.
    pub(crate) fn finish(&self, faults: &mut Faults) {
        let declared = [
            ("QTY02", "QTY*TO", &self.declared_quantity, &self.quantity),
            ("AMT02", "AMT*TT", &self.declared_amount, &self.amount),
        ];
        for (field, name, declared, sum) in declared {
            if !declared.is_empty() && !sum.is(declared) {
                faults.broken(field, declared.as_bytes(), self.disagreement(name, declared, sum));
            }
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
