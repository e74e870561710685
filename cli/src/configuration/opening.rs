//! What was on hand when one program began, that another one takes for a purchase.
//!
//! All programs that follow a stock read one table. A row for what is on hand on the first day of a program is right for it; one
//! that has been counting since before has these units already, in the rows of the days on which they were bought.

use compliance::programs::selection::{Subject, selects};
use compliance::programs::stock::begins;
use compliance::references::Known;
use contract::{Micros, Program, Purchase, Reference};

/// Rows without an invoice on the first day of a program, while another one counts what the same stock buys, where one of both
/// goes by cost layers; each with what is wrong.
pub(super) fn counted_twice<'r>(reference: &'r Reference, versions: &[&Program]) -> Vec<(&'r Purchase, String)> {
    let versions: Vec<&Program> = versions.iter().copied().filter(|version| follows_stock(version)).collect();
    let pairs: Vec<(&Program, &Program)> = versions
        .iter()
        .filter(|later| begins(later, &versions))
        .flat_map(|later| versions.iter().map(move |earlier| (*later, *earlier)))
        .filter(|(later, earlier)| later.id != earlier.id && earlier.from < later.from && later.from <= earlier.to)
        .filter(|(later, earlier)| later.mechanism.goes_by_layers() || earlier.mechanism.goes_by_layers())
        .collect();
    let mut rows = reference.purchases.iter().filter(|row| row.document.is_empty() && row.units > Micros::ZERO);
    let is_on_first_day = |row: &&Purchase| pairs.iter().any(|(later, _)| later.from == row.date);
    let Some(first) = rows.find(is_on_first_day) else { return Vec::new() };
    let known = Known::new(reference.clone());
    let told = |row: &'r Purchase| {
        let subject = Subject::of(&known, &row.product, &row.partner)?;
        let is_of_both = |(later, earlier): &&(&Program, &Program)| {
            later.from == row.date && selects(later, subject) && selects(earlier, subject)
        };
        let (later, earlier) = pairs.iter().find(is_of_both)?;
        let message = format!("`{}` begins on {}: for `{}` this row is a purchase", later.id, row.date, earlier.id);
        Some((row, message))
    };
    std::iter::once(first).chain(rows.filter(is_on_first_day)).filter_map(told).collect()
}

fn follows_stock(version: &Program) -> bool {
    let mechanism = &version.mechanism;
    mechanism.keeps_stock() || mechanism.goes_by_layers() || version.estimate.is_some()
}
