//! DQ-05 and DQ-07 `product-unsure`.
//!
//! Evidence: the code as written, and the product that it is taken for or why none is.
//!
//! At risk: the benefit of the line where its product is taken for granted; else nothing is said, since nobody knows what it
//! is.
//!
//! ## What it finds
//! A product code that is one slip from a known one, or that cannot be one of the partner's, as by its check digit; and
//! a known code whose description is that of another product, whose code is one slip away (DQ-05). A code that nobody
//! knows, a claim that names a program which nobody knows, or one that names a period which its program does not have, as a
//! quarter of a program that settles by month (DQ-07): it is for none, so send a line for each period. Where a slip leaves no doubt about the product
//! the sale counts and is held; else the row is parked and counts nowhere.
//!
//! ## Why it matters
//! Paid under the wrong product, a sale earns what nobody funded; dropped, it is missing from a tier.
//!
//! ## Example
//! BK-22 where BK-2 is known: held. ZZ-900: parked until somebody says what it is.
//!
//! ## Late, corrected, out of order
//! A product that the catalogue has later, or a steward's decision on the code, reads the rows again: parked ones come
//! in, the finding is withdrawn, and the sale counts from its own date on, in a frozen period as an adjustment. Code
//! and description decide, not which rows came first; what a steward says holds for the code, whatever the description.
//! A claim waits until its program is known; one for a period that the program does not have waits until its file is
//! corrected, while lines of other numbers for each period come in. A row that is corrected takes its finding with it.
//!
//! ## Returns
//! A return that is parked takes nothing back until its code is known. One that is held takes back nevertheless.

use contract::{Cadence, Code, ParsedRow, Text};

use crate::matching::MatchOutcome;

/// Which of the two a code is that no product follows from for sure.
pub(crate) fn code(outcome: MatchOutcome) -> Code {
    if outcome == MatchOutcome::Typo { Code::CodeTypo } else { Code::CodeUnknown }
}

/// What is said of a claim line that names a period of another length than its program settles by. A day is one of its period.
pub(crate) fn other_period(claim: &ParsedRow, settled_by: Option<Cadence>) -> Option<String> {
    let (program, text, by) = (&claim.code, claim.date_text.trim(), settled_by?);
    let named = Cadence::named(text).filter(|named| *named != by)?;
    let (noun, other) = (by.noun(), named.noun());
    let each = if by < named { format!("send a line for each {noun}") } else { format!("send a line for the {noun}") };
    Some(format!("{program} is settled by {noun}, and {text} is a {other}: {each}, with its name or a day of it"))
}

/// What is said of a sale that stands again, with the product that its code is taken for.
pub(crate) fn slip_again(code: &str, product: &Text) -> String {
    format!("code {code:?} is taken for a slip from that of {product}")
}
