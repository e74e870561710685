//! What is estimated at sell-in, or by the tier that is expected, on an account of its own beside the books of what is due (LI-EST).

use contract::{EstimateMovement, Micros, Settlement};
use serde::{Deserialize, Serialize};

use crate::book::Leg;
use crate::carried::Carried;
use crate::templates::Template;

/// The estimates of one settlement.
///
/// Invariant: never below zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Estimate {
    pub settlement: Settlement,
    /// LI-EST: estimated, and neither relieved nor lapsed; expected, and not reached.
    pub open: Carried,
}

impl Estimate {
    pub(crate) fn new(settlement: Settlement) -> Estimate {
        Estimate { settlement, open: Carried::default() }
    }

    /// Books a change. What leaves is worth what the ledger says, as far as this balance carries it.
    pub(crate) fn book(&mut self, moved: &EstimateMovement) -> Leg {
        let opens = moved.kind.opens(moved.amount);
        let template = Template::estimate(moved.kind, opens, !moved.origin_period.is_empty());
        // In the books a change may go the other way: what was bought at a better rate takes the place of what was not.
        let functional = moved.functional.map(|worth| if moved.amount < Micros::ZERO { -worth } else { worth });
        let size = Carried::new(moved.amount.abs(), functional);
        let moved = match opens {
            true => {
                self.open.add(size);
                size
            }
            // The last of it takes what the journal has, though not all of that was known.
            false if size.amount == self.open.amount && !self.open.posted().is_zero() => {
                self.open.take_at(size.amount, Some(self.open.posted()))
            }
            false => self.open.take_at(size.amount, size.functional),
        };
        Leg::of(template, moved)
    }
}
