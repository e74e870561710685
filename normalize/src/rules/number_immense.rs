//! `number-immense`, with DQ-10 for numbers that cannot be meant.
//!
//! Evidence: the field, the number, and what to do about it; file and line.
//!
//! At risk: not said: nobody knows what was meant.
//!
//! ## What it finds
//! A row with a quantity, price or amount above a thousand million; or where quantity times price, or amount divided by
//! quantity where no price is stated, is above that, whatever amount is stated. It is rejected.
//!
//! ## Why it matters
//! A barcode in the column of quantities is larger than all sales of the year.
//!
//! ## Example
//! Quantity 40063813339: rejected. 3 at 419.46: fine.
//!
//! ## Late, corrected, out of order
//! What is refused never became a line. Sent again in another file, or in a correction, it counts as any row that comes
//! then. The reject stays, as what was found in that file.
//!
//! ## Returns
//! A return is judged by its size, whatever its sign. One that is refused takes nothing back until it is sent again.

use contract::{Code, FieldProblem, Micros, ParsedRow};

/// Largest quantity, price or amount of one row that is taken for real; sums over thousands of such rows stay exact.
const LARGEST: i64 = Micros::units(1_000_000_000).0;

/// Which number of a row cannot be meant, as where a barcode stands in the quantity.
pub(crate) fn check(row: &ParsedRow) -> Option<FieldProblem> {
    let stated = [("quantity", row.quantity), ("unit_price", row.unit_price), ("amount", row.amount)];
    let mut stated = stated.into_iter().filter_map(|(field, value)| Some((field, value?)));
    let large = stated.find(|(_, value)| value.0.abs() > LARGEST);
    let (field, value) = large.or_else(|| implied(row))?;
    Some(FieldProblem {
        code: Code::RowUnreadable,
        field: field.into(),
        value: value.to_string(),
        message: "number is too large to be meant; look for a code in the wrong column and send the line again".into(),
    })
}

/// A price or an amount that follows from the other numbers and is too large.
fn implied(row: &ParsedRow) -> Option<(&'static str, Micros)> {
    let (quantity, scale) = (i128::from(row.quantity?.0), i128::from(Micros::ONE.0));
    let amount = quantity * i128::from(row.unit_price.unwrap_or_default().0) / scale;
    if amount.abs() > i128::from(LARGEST) {
        return row.quantity.map(|quantity| ("quantity", quantity));
    }
    let price = (i128::from(row.amount?.0) * scale).checked_div(quantity)?;
    let missing = row.unit_price.is_none();
    (missing && price.abs() > i128::from(LARGEST)).then_some(("quantity", row.quantity?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_barcode_is_no_quantity() {
        let row = |quantity, price: Option<&str>, amount: Option<&str>| ParsedRow {
            quantity: Micros::parse(quantity).ok(),
            unit_price: price.map(|price| Micros::parse(price).unwrap()),
            amount: amount.map(|amount| Micros::parse(amount).unwrap()),
            ..ParsedRow::default()
        };
        for (row, meant) in [
            (row("3", Some("419.46"), Some("1258.38")), true),
            (row("40063813339", Some("300"), Some("600")), false),
            (row("90000000", Some("300"), None), false),
            (row("0.000001", None, Some("99999999")), false),
            (row("0", None, Some("99999999")), true),
            (row("-1", Some("5000000000"), None), false),
        ] {
            assert_eq!(check(&row).is_none(), meant, "{row:?}");
        }
    }
}
