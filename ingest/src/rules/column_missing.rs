//! DQ-16 `column-missing`.
//!
//! Evidence: the field and the header that the feed definition gives for it; of rows that are too short how many, and the line
//! of the first.
//!
//! At risk: not said: nobody knows what would have stood there.
//!
//! ## What it finds
//! A file whose header does not name a column that its feed definition names, or with rows that end before such a column. What
//! is missing counts as empty, and the rows count. One finding for all columns of the header and one for all short rows, but for
//! fields that the definition lists below `optional_columns`. A key field is another matter: without its column the file is
//! parked, and a row that ends before it is refused (DQ-10).
//!
//! ## Why it matters
//! A header that is misspelt in the definition, or renamed by the partner, takes the customer, the price or the link of a return
//! from every row: a program for one customer pays nobody, and a return takes back what another sale earned.
//!
//! ## Example
//! The definition says `original_document: Original`, the header `Orig`: told; the returns of that file name no sale.
//!
//! ## Late, corrected, out of order
//! The file is looked at by itself, and the finding stays with it. A corrected definition reads files that come from then on;
//! the file itself is read anew when it is sent as a correction.
//!
//! ## Returns
//! Of a return that lacks the document that it takes back, the sale is looked for by its serial numbers, partner, product and
//! customer.

use contract::{Code, FieldProblem};

use super::row_refused::problem;
use crate::columns::Field;

/// What is said of the columns that the header does not name.
pub(crate) fn in_header(missing: &[(Field, String)]) -> Option<FieldProblem> {
    let (field, header) = missing.first()?;
    let columns: Vec<String> = missing.iter().map(|(field, header)| format!("{header:?} for {field}")).collect();
    let message = format!(
        "the header lacks {}, which counts as empty; correct the feed definition, or list the fields below `optional_columns`",
        columns.join(", ")
    );
    Some(problem(Code::ColumnMissing, field.as_str(), header, message))
}

/// What is said of rows that end before a column.
pub(crate) fn in_rows(field: Field, rows: u32, first_line: u32) -> FieldProblem {
    let more = if rows > 1 { format!(", the first of {rows} rows that end early") } else { String::new() };
    let message = format!(
        "line {first_line} ends before the column of {field}{more}; what is missing counts as empty; ask the partner for whole \
         rows, or list the fields below `optional_columns`"
    );
    problem(Code::ColumnMissing, field.as_str(), "", message)
}
