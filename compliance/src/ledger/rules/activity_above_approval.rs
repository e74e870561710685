//! OP-42 `activity-above-approval`.
//!
//! Evidence: the activity with its day, the fund's share of its cost, what was approved, what the fund holds, and what is
//! paid.
//!
//! At risk: what of the share is not paid.
//!
//! ## What it finds
//! An activity of whose cost the fund's share is more than was approved, or more than the fund holds on its day. It is paid
//! up to the smaller of both, in whole minor units.
//!
//! ## Why it matters
//! What a partner spends is its own decision; what the fund bears of it was agreed before.
//!
//! ## Example
//! Approved 1,000, spent 2,600, half of it borne by the fund: 1,000 is paid, 300 of the share is not.
//!
//! ## Late, corrected, out of order
//! An activity is decided once, at the first tick that has reached its day, by day and number. What was paid stays, as long
//! as its row says the same: a fund that grows later pays no more for it, and an activity that comes late takes nothing from
//! one that was paid. A row that asks for something else is decided anew.
//!
//! ## Returns
//! What comes back makes the fund smaller. What was paid from it above that is OP-24, and later periods owe it first.

use contract::{Code, Micros};

use crate::ledger::draws::Short;

/// What a fund pays of an activity, which is less than the share that its program bears.
pub(in crate::ledger) struct Part {
    pub share: Micros,
    pub approved: Micros,
    pub fund: Short,
    pub paid: Micros,
}

impl Part {
    pub(super) fn message(&self, about: &str, expired: &str) -> String {
        let Part { share, approved, fund, paid } = self;
        let held = fund.held;
        format!("{about}: a share of {share}, {approved} approved, {held} in the fund{expired}: {paid} paid")
    }
}

/// The share is above what was approved, or above what the fund holds.
pub(in crate::ledger) fn check(about: &str, part: &Part) -> (Code, String) {
    (Code::ActivityAboveApproval, part.message(about, ""))
}
