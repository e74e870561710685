//! DQ-06 `return-above-sold`.
//!
//! Evidence: the units returned, those above and those sold, and the record of the sale; or the document that is unknown.
//!
//! At risk: the benefit of the units above; nothing is put on a document that is unknown.
//!
//! ## What it finds
//! A return that takes the units returned above the units sold on the document it is linked to; and one that names a
//! document under which its partner sold nothing of the product that it can take back. A return is linked by the document
//! it names, which may be `document#line`; else by serial number; else, for a named customer, to the latest earlier sale of
//! the product to that customer by the same partner within half a year, rather to one that is large enough. Returns are
//! taken in the order of their dates, then of their sale ids, each from the line that it names; else from those with its
//! serial numbers, then those whose price of a unit is its own or nearest to it, then one that holds enough; what one line
//! does not hold is taken from the next. A return that no sale is found for counts in its own period; one that names
//! no document is no finding by itself.
//!
//! ## Why it matters
//! It takes back what was never given. No more is taken back than was sold and granted. What no sale is found for takes
//! nothing back from the period, the version and the rate under which its sale earned.
//!
//! ## Example
//! Document 12 sold 5; returns of 3 and 4 name it: the second is 2 above, and takes back 2. Document 13 sold 10 at 10.00
//! and 10 at 20.00: 10 that come back at 20.00 take back the second line.
//!
//! ## Late, corrected, out of order
//! Returns are taken by date, then sale id, whichever came first; a return may come before its sale and is linked once
//! that is there, and the finding that its document is unknown is withdrawn. A line of the document that comes late makes
//! room. A sale or return that is corrected or taken back settles all of the document anew.
//!
//! ## Returns
//! They are what the rule is about. No more is taken back than was sold and granted; what one return over several lines says is
//! divided among them by what they were sold for: 10 units at 15.00 take 50.00 from 5 at 10.00 and 100.00 from 5 at 20.00. A
//! held return still takes back, and a held sale gives nothing back.

use contract::{Code, Micros};

use super::{Check, Rule};

pub(crate) const RULE: Rule =
    Rule { name: "return_above_sold", codes: &[Code::ReturnAboveSold], check: Check::Returns(check) };

/// Units as positive numbers; the part of a return above what is left.
fn check(left: Micros, returned: Micros) -> Micros {
    returned - left.min(returned)
}
