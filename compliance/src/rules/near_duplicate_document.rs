//! DD-05 `near-duplicate-document`.
//!
//! Evidence: both documents and both records.
//!
//! At risk: the benefit of the copy.
//!
//! ## What it finds
//! One sale of a partner under two document numbers that are nearly alike. Product, quantity, amount and currency agree,
//! and either
//!
//! - the numbers are equal in their normal form (case, punctuation, filling zeros, O for 0, I and L for 1) and the dates
//!   are at most 45 days apart; or
//! - the numbers are one slip apart (a sign put in, left out, changed or swapped; two in numbers of nine signs or more),
//!   date and party agree, and one of the documents has no other line for that party and date.
//!
//! The copy is the line whose document has no other lines: a copied line travels alone. Where that does not decide, it is
//! the later by (date, length of the number, number, sale id).
//!
//! A till that sells one thing at a time numbers its receipts in a row. So a document with one line is no copy of others
//! with one line whose numbers are one slip from its own, where there are two or more such of the same quantity and
//! amount on that day for that party. Among more than 64 like sales of one party and day, too, only numbers that are
//! equal in their normal form count.
//!
//! ## Why it matters
//! The exact checks see two sales and pay both.
//!
//! ## Example
//! INV-00123 and INV123 over the same 4 units: the second gets nothing. 1001 and 1002 on one day for one customer, both
//! with lines of their own: neighbours, both are paid.
//!
//! ## Late, corrected, out of order
//! Which of two is the copy follows from what they say, never from which came first: a line that comes late may make an
//! earlier one the copy, and a second line on a document may turn it round. Where one of the two is corrected away or
//! restated, the other earns, in a frozen period as an adjustment.
//!
//! ## Returns
//! A return that names either number takes back from the sale that counts. The copy earns nothing for that, and a return
//! that repeats another takes nothing.

use std::sync::Arc;

use contract::{Code, Sale, Text};

use super::{Check, DOCUMENT_DAYS, Rule, days_apart, same_goods, same_party, skeleton};
use crate::references::Known;

pub(crate) const RULE: Rule =
    Rule { name: "near_duplicate_document", codes: &[Code::NearDuplicateDocument], check: Check::Double(check) };

/// From this length on two slips are as telling as one is in a short number.
const LONG_NUMBER: usize = 9;

fn check(sale: &Sale, other: &Sale, _known: &Known) -> bool {
    if sale.at.partner != other.at.partner || sale.document == other.document || !same_goods(sale, other) {
        return false;
    }
    let (ours, theirs) = (skeleton(&sale.document), skeleton(&other.document));
    if ours.is_empty() || theirs.is_empty() {
        return false;
    }
    let alike = if ours == theirs {
        days_apart(sale.date, other.date) <= DOCUMENT_DAYS
    } else {
        sale.date == other.date
            && same_party(sale, other)
            && (sale.alone || other.alone)
            && one_slip_apart(&ours, &theirs)
    };
    alike && rank(sale) > rank(other)
}

/// Whether a sale is one of a series of like ones: a till that sells one thing at a time numbers its receipts in a row,
/// and three of them in one day are no slips of each other.
pub(crate) fn is_series(sale: &Sale, others: &[Arc<Sale>]) -> bool {
    let own = skeleton(&sale.document);
    let like = |other: &&Arc<Sale>| {
        let theirs = skeleton(&other.document);
        theirs != own && one_slip_apart(&own, &theirs)
    };
    let of_the_day = others.iter().filter(|other| other.alone && sale.date == other.date);
    sale.alone && of_the_day.filter(like).nth(1).is_some()
}

/// The copy ranks behind its original.
fn rank(sale: &Sale) -> impl Ord + '_ {
    (sale.alone, sale.date, sale.document.len(), &sale.document, sale.id)
}

/// Whether another document as reported may be this one with a slip; lines of other documents need no second look.
pub(crate) fn may_be_slip_of(document: &Text) -> impl Fn(&Text) -> bool + '_ {
    let own = skeleton(document);
    move |other| {
        if document.len().abs_diff(other.len()) > 3 || document == other {
            return false;
        }
        let theirs = skeleton(other);
        own != theirs && one_slip_apart(&own, &theirs)
    }
}

fn one_slip_apart(ours: &Text, theirs: &Text) -> bool {
    let slips = if ours.len().min(theirs.len()) >= LONG_NUMBER { 2 } else { 1 };
    distance(ours.as_bytes(), theirs.as_bytes(), slips) <= slips
}

/// Insertions, deletions, changes and swaps of neighbours that turn one into the other; more than `limit` is `limit + 1`.
fn distance(a: &[u8], b: &[u8], limit: usize) -> usize {
    if a.len().abs_diff(b.len()) > limit {
        return limit + 1;
    }
    let (mut before, mut row) = (vec![0; b.len() + 1], vec![0; b.len() + 1]);
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = above[j] + usize::from(x != y);
            let mut best = change.min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                best = best.min(before[j - 1] + 1);
            }
            row[j + 1] = best;
        }
        if row.iter().all(|steps| *steps > limit) {
            return limit + 1;
        }
        std::mem::swap(&mut before, &mut above);
        std::mem::swap(&mut above, &mut row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn distances_count_slips() {
        for (a, b, slips) in [
            ("1001", "1001", 0),
            ("1001", "1002", 1),
            ("1001", "1010", 1),
            ("1001", "10012", 1),
            ("1001", "101", 1),
            ("1001", "2002", 2),
            ("1001", "9876", 3),
            ("", "1", 1),
            ("", "123456", 3),
        ] {
            assert_eq!(distance(a.as_bytes(), b.as_bytes(), 2), slips, "{a} {b}");
        }
    }
}
