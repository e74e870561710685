//! OP-41 `benefit-expired`.
//!
//! Evidence: the order or activity with its day, what it asks, what is there, and what had expired.
//!
//! At risk: for points what those asked are worth; for a fund what of its share is not paid.
//!
//! ## What it finds
//! An order of points, or an activity, that would have been served if what the partner had earned had not expired: points
//! and funds of a period can be drawn on from its freeze to its close. An order is refused; an activity gets what the fund
//! still holds.
//!
//! ## Why it matters
//! What expires is released from the books. Paid afterwards, nobody has set it aside.
//!
//! ## Example
//! Points of January can be redeemed until 2 March; an order of 3 March asks for ten: none are there, 7,000 had expired.
//!
//! ## Late, corrected, out of order
//! The day of the order counts, not that of its arrival: one of the last day that is known too late is served. What expires
//! first is used first. A late sale of an expired month earns points that nobody can redeem any more. A row that is called
//! off withdraws the finding, one that asks for something else is decided anew.
//!
//! ## Returns
//! What comes back of an expired period takes nothing that could still be redeemed: the finding stays as it was decided.
//! What is due for the period falls.

use contract::Code;

use super::activity_above_approval::Part;
use crate::ledger::draws::Short;

/// Points would have been enough before some of them expired.
pub(in crate::ledger) fn of_points(about: &str, points: Short) -> Option<(Code, String)> {
    let Short { asked, held, gone } = points;
    let message = || format!("{about}: {asked} points asked, {held} are there, {gone} had expired");
    is_for_that(points).then(|| (Code::BenefitExpired, message()))
}

/// A fund would have been enough before some of it expired.
pub(in crate::ledger) fn of_fund(about: &str, part: &Part) -> Option<(Code, String)> {
    let expired = format!(", {} had expired", part.fund.gone);
    is_for_that(part.fund).then(|| (Code::BenefitExpired, part.message(about, &expired)))
}

fn is_for_that(Short { asked, held, gone }: Short) -> bool {
    held < asked && asked <= held + gone
}
