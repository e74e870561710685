//! Upper bounds of a benefit, in the order in which they bind: unit, transaction, partner and period, budget.

use contract::{Caps, Micros};

use super::Exact;

/// A transaction's benefit before and after the caps on units and transactions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CappedLine {
    pub raw: Exact,
    pub after_unit: Exact,
    pub after_transaction: Exact,
}

impl CappedLine {
    pub fn minus(self, other: CappedLine) -> CappedLine {
        CappedLine {
            raw: self.raw - other.raw,
            after_unit: self.after_unit - other.after_unit,
            after_transaction: self.after_transaction - other.after_transaction,
        }
    }

    pub fn plus(self, other: CappedLine) -> CappedLine {
        CappedLine {
            raw: self.raw + other.raw,
            after_unit: self.after_unit + other.after_unit,
            after_transaction: self.after_transaction + other.after_transaction,
        }
    }
}

/// Holds a transaction's benefit under the caps on a unit and on a transaction.
///
/// A transaction is a sale line with the returns that are linked to it. An unlinked return takes back no more than its
/// units could have earned.
pub fn cap_transaction(caps: &Caps, raw: Exact, quantity: i128) -> CappedLine {
    let after_unit = match caps.per_unit {
        Some(cap) => bound(raw, Exact::product(cap, quantity.abs())),
        None => raw,
    };
    let after_transaction = match caps.per_transaction {
        Some(cap) => bound(after_unit, Exact::from(cap)),
        None => after_unit,
    };
    CappedLine { raw, after_unit, after_transaction }
}

/// The benefit of a period under its cap.
pub fn cap_period(cap: Option<Micros>, benefit: Exact) -> Exact {
    cap.map_or(benefit, |cap| benefit.min(Exact::from(cap)))
}

fn bound(benefit: Exact, limit: Exact) -> Exact {
    benefit.clamp(-limit, limit)
}
