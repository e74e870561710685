//! Upper bounds of a benefit, in the order in which they bind: measure, cost layers, protected cost, resale price, authorised
//! quantity, lateness, unit, transaction, partner and period, partner and year, budget.

use contract::{Caps, Micros};

use super::Exact;
use super::measure_cap::Counted;

/// A transaction's benefit before and after what the cap of the measure, cost layers, protected cost, resale price, authorised
/// quantity and lateness take, and the caps on units and transactions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CappedLine {
    pub raw: Exact,
    /// Of what lies below the cap of the measure.
    pub after_measure: Exact,
    /// By what the units cost their partner, where cost layers say so.
    pub after_layers: Exact,
    /// Under the cost that price protection has lowered since.
    pub after_protection: Exact,
    pub after_resale: Exact,
    pub after_quantity: Exact,
    pub after_late: Exact,
    pub after_unit: Exact,
    pub after_transaction: Exact,
    /// The same as it would be without rounding each sale.
    pub exact: Exact,
}

impl CappedLine {
    /// A benefit that nothing is taken from.
    pub fn plain(benefit: Exact) -> CappedLine {
        CappedLine {
            raw: benefit,
            after_measure: benefit,
            after_layers: benefit,
            after_protection: benefit,
            after_resale: benefit,
            after_quantity: benefit,
            after_late: benefit,
            after_unit: benefit,
            after_transaction: benefit,
            exact: benefit,
        }
    }

    pub fn minus(self, other: CappedLine) -> CappedLine {
        CappedLine {
            raw: self.raw - other.raw,
            after_measure: self.after_measure - other.after_measure,
            after_layers: self.after_layers - other.after_layers,
            after_protection: self.after_protection - other.after_protection,
            after_resale: self.after_resale - other.after_resale,
            after_quantity: self.after_quantity - other.after_quantity,
            after_late: self.after_late - other.after_late,
            after_unit: self.after_unit - other.after_unit,
            after_transaction: self.after_transaction - other.after_transaction,
            exact: self.exact - other.exact,
        }
    }

    /// Each of the benefits with something done to it.
    pub fn map(self, change: impl Fn(Exact) -> Exact) -> CappedLine {
        CappedLine {
            raw: change(self.raw),
            after_measure: change(self.after_measure),
            after_layers: change(self.after_layers),
            after_protection: change(self.after_protection),
            after_resale: change(self.after_resale),
            after_quantity: change(self.after_quantity),
            after_late: change(self.after_late),
            after_unit: change(self.after_unit),
            after_transaction: change(self.after_transaction),
            exact: change(self.exact),
        }
    }

    pub fn plus(self, other: CappedLine) -> CappedLine {
        CappedLine {
            raw: self.raw + other.raw,
            after_measure: self.after_measure + other.after_measure,
            after_layers: self.after_layers + other.after_layers,
            after_protection: self.after_protection + other.after_protection,
            after_resale: self.after_resale + other.after_resale,
            after_quantity: self.after_quantity + other.after_quantity,
            after_late: self.after_late + other.after_late,
            after_unit: self.after_unit + other.after_unit,
            after_transaction: self.after_transaction + other.after_transaction,
            exact: self.exact + other.exact,
        }
    }
}

/// Holds a transaction's benefit under the caps on a unit and on a transaction; `kept` is the share of it that lateness
/// leaves, `counted` the part of its quantity that lies below the cap of the measure.
///
/// A transaction is a sale line with the returns that are linked to it. An unlinked return takes back no more than its
/// units could have earned.
pub fn cap_transaction(caps: &Caps, earned: CappedLine, kept: Micros, quantity: i128, counted: Counted) -> CappedLine {
    let covered = earned.after_quantity;
    let after_late = if kept == Micros::ONE { covered } else { covered.share(kept) };
    let after_unit = match caps.per_unit {
        Some(cap) => bound(after_late, counted.product(cap, quantity).abs()),
        None => after_late,
    };
    let after_transaction = match caps.per_transaction {
        Some(cap) => bound(after_unit, Exact::from(cap)),
        None => after_unit,
    };
    CappedLine { after_late, after_unit, after_transaction, exact: after_transaction, ..earned }
}

/// The benefit of a period under its cap.
pub fn cap_period(cap: Option<Micros>, benefit: Exact) -> Exact {
    cap.map_or(benefit, |cap| benefit.min(Exact::from(cap)))
}

fn bound(benefit: Exact, limit: Exact) -> Exact {
    benefit.clamp(-limit, limit)
}
