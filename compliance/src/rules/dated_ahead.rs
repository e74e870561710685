//! `dated-ahead`, with OP-06 for sales of days that have not come.
//!
//! Evidence: the sale date.
//!
//! At risk: the benefit of the line.
//!
//! ## What it finds
//! A sale that is dated more than 31 days behind the day of the last tick (`--as-of`). It earns nothing until that day is at most 31
//! days away. Before the first tick nobody knows which day it is, and nothing is found. Reason 18 of X12 901.
//!
//! ## Why it matters
//! A wrong year is the usual slip of whoever types dates, and a whole file may have it. Such sales would stand accrued for years, or
//! would be paid in a period that nobody looks at any more.
//!
//! ## Example
//! The last tick was on 5 February 2013, the row says 1 January 2031: nothing for it until it is restated with 2013.
//!
//! ## Late, corrected, out of order
//! What is found follows from the date of the row and the last tick, whichever comes first: a tick judges the sales anew whose
//! days have come into reach, and the first tick those that were read before it. What they earn is booked at the next tick or
//! settlement. A row that is restated earns by its new date. As long as the date is doubted the line counts in no year (OP-20).
//!
//! ## Returns
//! A return is taken back whatever date it has. Of a sale that earns nothing it takes nothing.

use contract::{Code, Day, Sale};

use super::{Check, Rule};

pub(crate) const RULE: Rule = Rule { name: "dated_ahead", codes: &[Code::OutsidePeriod], check: Check::Ahead(check) };

/// Days behind the last tick up to which a sale may be dated.
pub(crate) const AHEAD_DAYS: i32 = 31;

fn check(sale: &Sale, today: Day) -> bool {
    !sale.is_return() && sale.date > today.plus(AHEAD_DAYS)
}
