//! DQ-01, DQ-02 and DQ-10 `row-refused`.
//!
//! Evidence: the field, what stands there, and what to do about it; file and line.
//!
//! At risk: not said: nobody knows what a row that cannot be read is worth.
//!
//! ## What it finds
//! A row without a document or a product code, a date or what else the feed must have (DQ-01); with a date that the calendar
//! does not have, or that is none in the feed's style (DQ-02); or with something else that cannot be read as what it must
//! be: a number, a currency, a type, a code that a spreadsheet cut to its first digits, a broken line (DQ-10). The row is
//! rejected, with each of its problems; the other rows of the file count. A file of which nothing can be read is refused
//! with DQ-10.
//!
//! ## Why it matters
//! A guessed row is paid to somebody. One that is told can be sent again.
//!
//! ## Example
//! 31.02.2013: rejected, DQ-02. A row without a product code: rejected, DQ-01. Quantity "ten": rejected, DQ-10.
//!
//! ## Late, corrected, out of order
//! What is refused never became a line: nobody's line is a duplicate of it, and it waits for nothing. Sent again in another
//! file, or in a correction, it counts as any row that comes then, in a frozen period as an adjustment. The reject stays, as
//! what was found in that file.
//!
//! ## Returns
//! A return that is refused takes nothing back until it is sent again.

use contract::{Code, FieldProblem};

use crate::columns::excerpt;

/// A problem with a value; a long one is cut.
pub(crate) fn problem(code: Code, field: &str, value: &str, message: String) -> FieldProblem {
    FieldProblem { code, field: field.into(), value: excerpt(value), message }
}
