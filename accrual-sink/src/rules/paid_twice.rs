//! DD-29 `paid-twice`.
//!
//! Evidence: the payment with amount, day and authorization, its line in the command file, and what is owed back.
//!
//! At risk: what was paid above what was payable.
//!
//! ## What it finds
//! A payment for an authorization under which nothing is payable any more. It is booked, since the money is gone: it pays
//! what else of the settlement is authorised, and the rest is owed back.
//!
//! ## Why it matters
//! A retry after a timeout is how payments are made twice.
//!
//! ## Example
//! 100.00 authorised and paid on 20 May, and again on 21 May: 100.00 is owed back.
//!
//! ## Late, corrected, out of order
//! Lines that agree in everything are one payment, however many files tell of it and in whatever order. Payments of one
//! authorization are booked as they come; what is above what is payable then is told of the one that comes last. A payment
//! that was made is not taken back by a correction.
//!
//! ## Returns
//! Goods that came back before the payment make less payable: where nothing is left, the payment is of this kind. What is
//! due again later makes good what was owed back.

use contract::Code;

use super::Above;

/// Nothing was payable any more.
pub(super) fn check(above: &Above) -> Option<Code> {
    above.payable.is_zero().then_some(Code::PaidTwice)
}
