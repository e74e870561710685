//! DD-25 `double-spend`.
//!
//! Evidence: the order with its day, the points asked and the points that are there.
//!
//! At risk: what the points asked are worth.
//!
//! ## What it finds
//! An order for more points than the partner holds on its day, those included that had expired by then. It is refused as a
//! whole.
//!
//! ## Why it matters
//! Two orders of one day would each find the same points, and both be served.
//!
//! ## Example
//! 10,000 points, two orders of 8,000 on one day: the first by its number is served, for the other 2,000 are there.
//!
//! ## Late, corrected, out of order
//! Orders are decided once, at the first tick that has reached their day, by day and number and not by arrival. An order
//! that comes late is decided at the next tick by what is there on its day, and takes nothing from one that was served.
//! Points that are earned later do not revive a refused order. A row that asks for something else is decided anew; one that
//! is taken out withdraws its finding.
//!
//! ## Returns
//! What comes back may leave fewer points than were redeemed. Then nothing can be redeemed until later earnings have made
//! that good, and what was paid above it is OP-24.

use contract::Code;

use crate::ledger::draws::Short;

/// More points are asked than there are, those included that had expired.
pub(in crate::ledger) fn check(about: &str, points: Short) -> Option<(Code, String)> {
    let Short { asked, held, gone } = points;
    (asked > held + gone).then(|| (Code::DoubleSpend, format!("{about}: {asked} points asked, {held} are there")))
}
