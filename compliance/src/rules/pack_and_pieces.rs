//! DD-21 `pack-and-pieces`.
//!
//! Evidence: the document, and the line of pieces.
//!
//! At risk: the benefit of the line of packs.
//!
//! ## What it finds
//! A line of packs beside one of the pieces in them: partner, document, day, amount and currency are the same, and the pieces
//! are as many as the product's `pack` says. The packs are held, the pieces count. Not judged without an amount, nor where
//! both lines name serial numbers and none is the same.
//!
//! ## Why it matters
//! Case and piece have a code each and are one product: a case and twelve pieces of one invoice are the same twelve.
//!
//! ## Example
//! Pack of 12, one invoice with 1 for 58.00 and 12 for 58.00: the line of one is held.
//!
//! ## Late, corrected, out of order
//! The packs are held and the pieces count, whichever line came first. Where the line of pieces is corrected to another
//! number or amount, or taken back, the packs earn, in a frozen period as an adjustment.
//!
//! ## Returns
//! What comes back of the document is taken off the pieces.

use contract::{Code, Micros, Sale};

use super::{Check, Rule, different_units};
use crate::references::Known;

pub(crate) const RULE: Rule =
    Rule { name: "pack_and_pieces", codes: &[Code::PackAndPieces], check: Check::Double(check) };

fn check(packs: &Sale, pieces: &Sale, known: &Known) -> bool {
    packs.at.partner == pieces.at.partner
        && (&packs.document, packs.date) == (&pieces.document, pieces.date)
        && packs.product == pieces.product
        && (packs.amount, packs.currency) == (pieces.amount, pieces.currency)
        && packs.quantity > Micros::ZERO
        && packs.amount > Micros::ZERO
        && !different_units(packs, pieces)
        && holds(known, packs, pieces.quantity)
}

/// Whether so many pieces are in the packs.
fn holds(known: &Known, packs: &Sale, pieces: Micros) -> bool {
    let pack = known.product(&packs.product).and_then(|product| product.pack).filter(|pack| *pack > Micros::ONE);
    pack.is_some_and(|pack| {
        i128::from(packs.quantity.0) * i128::from(pack.0) == i128::from(pieces.0) * i128::from(Micros::ONE.0)
    })
}
