//! OP-51 `payment-refused`.
//!
//! Evidence: the payment or write-off with amount, day and authorization, its line in the command file, and why it is not
//! booked.
//!
//! At risk: the amount of the line.
//!
//! ## What it finds
//! A payment in another currency than was authorised, or of nothing or less; a write-off in another currency, or of
//! more than is owed back now. Nothing is booked. What names an authorization that is not issued yet waits (OP-50).
//!
//! ## Why it matters
//! Booked at a guessed rate, it would never balance; dropped in silence, it would be missing.
//!
//! ## Example
//! Authorised in USD, paid in EUR: told, and nothing is booked.
//!
//! ## Late, corrected, out of order
//! A payment is refused whenever it comes; the right line is another payment. A write-off that comes before so much is
//! owed back is refused as well; sent again when that much is, it is booked and the finding withdrawn.
//!
//! ## Returns
//! What comes back after the payment may make enough owed back for a write-off. A refused payment is not owed back, since it
//! was not booked.

use contract::{Code, Finding, Micros, Settlement};

use crate::book::Book;
use crate::payment::Paid;
use crate::write_off::GivenUp;

/// What is said of a payment that cannot be booked at all.
pub(crate) fn of_payment(paid: &Paid<'_>, settlement: &Settlement) -> Option<Finding> {
    let why = refusal(paid, settlement)?;
    Some(paid.finding(Code::PaymentRefused, Some(settlement), paid.amount, &why))
}

/// Why a payment cannot be booked at all.
fn refusal(paid: &Paid<'_>, settlement: &Settlement) -> Option<String> {
    if paid.currency != settlement.currency {
        return Some(format!("authorised in {}, nothing is booked", settlement.currency));
    }
    (paid.amount <= Micros::ZERO).then(|| "a payment is above zero, nothing is booked".to_owned())
}

/// What is said of a write-off that cannot be booked.
pub(crate) fn of_write_off(given: &GivenUp<'_>, book: &Book) -> Option<Finding> {
    let why = refusal_of_write_off(given, book)?;
    Some(given.finding(Code::PaymentRefused, Some(&book.settlement), &why))
}

/// Why what is given up cannot be booked.
fn refusal_of_write_off(given: &GivenUp<'_>, book: &Book) -> Option<String> {
    if given.currency != book.settlement.currency {
        return Some(format!("authorised in {}, nothing is written off", book.settlement.currency));
    }
    let owed = book.clawback.amount;
    (owed < given.amount).then(|| format!("only {owed} is owed back, nothing is written off"))
}
