//! OP-20 `inventory-exceeded`.
//!
//! Evidence: the year and the units shipped in; the line that is held.
//!
//! At risk: the benefit of that line.
//!
//! ## What it finds
//! More units of a product sold by a partner in a calendar year, less those returned, than were shipped in to it and were on
//! hand when it began: the count of 31 December in `inventory.csv`, where there is one. Doubles (DD-04, DD-05, DD-23, the
//! reseller's side of DD-08) and lines of a doubtful date (DQ-03) are left out. The finding names the largest line, not the
//! one that crosses; if without it there is still too much, the next largest too, up to four. If these are not enough, the
//! latest of the other lines are held as well, as many as make up the rest, each with a finding of its own. A year without a
//! row of shipments is unknown and finds nothing; a count below zero counts as none.
//!
//! ## Why it matters
//! Nobody can sell what never came in: the quantity is mistyped or invented.
//!
//! ## Example
//! 100 shipped in; lines of 30, 40 and 300: the line of 300 is held. Lines of 30, 40 and 35: the line of 40 is held.
//! Fifty lines of 10: four are named, and the last 36 of the others are held: 100 units earn.
//!
//! ## Late, corrected, out of order
//! The set of lines decides, not their order: a larger line that comes late takes the finding over, and the one before earns
//! again. A line that is corrected or taken back may withdraw it. Shipments and counts that come late, or are corrected,
//! judge the year anew, in a frozen period as an adjustment. Where one record would hold or let go more than a thousand
//! lines, the rest follows at the next control.
//!
//! ## Returns
//! Units that came back were not sold and make room, whenever they come. A return of the line that is held takes nothing
//! back.

use contract::{Code, Micros};

use super::{Check, Rule};

pub(crate) const RULE: Rule =
    Rule { name: "inventory_exceeded", codes: &[Code::InventoryExceeded], check: Check::Year(check) };

/// How many lines one excess may name.
const NAMED_MAX: usize = 4;

/// `excess` in millionths of units; `largest` holds the quantities of the largest lines, largest first.
fn check(mut excess: i128, largest: &[Micros]) -> usize {
    let mut named = 0;
    while excess > 0 && named < NAMED_MAX.min(largest.len()) {
        excess -= i128::from(largest[named].0);
        named += 1;
    }
    named
}
