//! Units given for each multiple that is bought, at what one of them is worth.

use contract::{FreeGoods, Per};

use super::Exact;

/// What bought units earn together.
pub fn benefit(terms: &FreeGoods, units: i128) -> Exact {
    let multiples = units.max(0) / i128::from(terms.every.0);
    let given = multiples.checked_mul(terms.free.0.into()).expect("number overflow in free goods");
    Exact::product(terms.value, given)
}

/// What one line earns when the lines before it have brought the units to `before`.
pub fn line_benefit(terms: &FreeGoods, before: i128, line: i128) -> Exact {
    match terms.per {
        Per::Period => benefit(terms, before + line) - benefit(terms, before),
        // A return of no known sale takes back what its units would have earned.
        Per::Sale if line < 0 => -benefit(terms, -line),
        Per::Sale => benefit(terms, line),
    }
}
