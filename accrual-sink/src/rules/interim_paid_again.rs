//! OP-30 `interim-paid-again`.
//!
//! Evidence: the payment with amount, day and authorization, its line in the command file, what was paid before and what is
//! owed back.
//!
//! At risk: what was paid above what was payable.
//!
//! ## What it finds
//! A payment above what was payable of its authorization by just what was paid for the settlement before: the final
//! payment pays the interim once more. What is above pays what else of the settlement is authorised, and the rest is
//! owed back.
//!
//! ## Why it matters
//! Whoever pays out sees the whole entitlement and forgets what has been paid on it.
//!
//! ## Example
//! 1,080 in all, 940 paid in between, 140 payable: a payment of 1,080 pays the 940 again.
//!
//! ## Late, corrected, out of order
//! Payments are booked as they come, those that waited for their authorization by their days. Where the final payment
//! is booked first, OP-30 is not told: that payment is OP-49 and pays the interim's authorization too, and the interim,
//! when it comes, is DD-29. A payment that was made stays as it was told.
//!
//! ## Returns
//! What comes back makes less payable and is owed back by itself (OP-24); the finding on the payment stays.

use contract::{Code, Micros};

use super::Above;
use crate::book::Book;

/// Just what was paid before is paid once more.
pub(super) fn check(above: &Above) -> Option<Code> {
    above.again.map(|_| Code::InterimPaidAgain)
}

/// What was paid for the settlement before, where a payment pays just that once more with what is payable.
pub(crate) fn paid_again(book: &Book, payable: Micros, amount: Micros) -> Option<Micros> {
    let before: Micros = book.grants.iter().map(|grant| grant.paid).sum();
    (!before.is_zero() && amount == payable + before).then_some(before)
}
