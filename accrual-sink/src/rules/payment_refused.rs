//! OP-51 `payment-refused`.
//!
//! Evidence: the payment or write-off with amount, day and authorization, its line in the command file, and why it is not
//! booked.
//!
//! At risk: the amount of the line.
//!
//! ## What it finds
//! A payment in another currency than was authorised, or of nothing; a write-off in another currency, of more than is owed
//! back now, or of an authorization that nobody has issued. Nothing is booked.
//!
//! ## Why it matters
//! Booked at a guessed rate, it would never balance; dropped in silence, it would be missing.
//!
//! ## Example
//! Authorised in USD, paid in EUR: told, and nothing is booked.
//!
//! ## Late, corrected, out of order
//! A payment is refused whenever it comes; the right line is another payment. A write-off that comes before what it gives up
//! is refused as well; sent again when that much is owed back, it is booked and the finding withdrawn.
//!
//! ## Returns
//! What comes back after the payment may make enough owed back for a write-off. A refused payment is not owed back, since it
//! was not booked.

use contract::{Code, Finding, Id, Micros, Money, Publication, RecordRef, Settlement};

use crate::payment::{Paid, partner_of};
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
pub(crate) fn of_write_off(given: &GivenUp<'_>, settlement: Option<&Settlement>, why: &str) -> Publication {
    let GivenUp { authorization, date, amount, currency, command, .. } = *given;
    let beneficiary = settlement.map(|settlement| settlement.beneficiary.clone()).unwrap_or_default();
    let at = RecordRef { partner: partner_of(&beneficiary), file_no: 0, record_no: 0 };
    let message = format!(
        "write-off of {amount} {currency} on {date} for authorization {authorization} ({} line {}): {why}",
        command.file, command.line_no
    );
    Publication::Finding(Finding {
        id: of_write_off_id(given.id),
        program: settlement.map(|settlement| settlement.program.clone()).unwrap_or_default(),
        beneficiary,
        at_risk: Some(Money { amount, currency }),
        ..Finding::about(Code::PaymentRefused, at, None, message)
    })
}

/// Id of the finding on a write-off.
pub(crate) fn of_write_off_id(write_off: Id) -> Id {
    Id::of("finding", &[Code::PaymentRefused.as_str(), &write_off.to_string()])
}
