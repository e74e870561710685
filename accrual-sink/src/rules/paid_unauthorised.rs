//! OP-50 `paid-unauthorised`.
//!
//! Evidence: the payment or write-off with amount, day and authorization, and its line in the command file.
//!
//! At risk: what was paid or given up.
//!
//! ## What it finds
//! A payment or write-off of an authorization that nobody has issued. It waits and is booked when there is one; where its number is
//! mistyped, for ever.
//!
//! ## Why it matters
//! The books must not depend on which came first, and a payment that nobody authorised must stay in sight.
//!
//! ## Example
//! 60.00 is reported for an authorization of tomorrow's run: told. The authorization is issued: booked, and the finding is
//! withdrawn.
//!
//! ## Late, corrected, out of order
//! It is what the rule is about. What waits is booked once the authorization is there, as if it had come after it:
//! payments by their days, then write-offs. One that cannot be booked then is OP-51. The line told again stays one
//! payment, or one write-off.
//!
//! ## Returns
//! They matter when the payment is booked: what is payable then is less, and what is above it is OP-49 or DD-29.

use contract::{Code, Finding, Id};

use crate::payment::Paid;
use crate::write_off::GivenUp;

const WAITS: &str = "no such authorization has been issued; it waits and is booked when there is one";

/// What is said of a payment that waits for its authorization.
pub(crate) fn finding(paid: &Paid<'_>) -> Finding {
    paid.finding(Code::PaidUnauthorised, None, paid.amount, WAITS)
}

/// What is said of a write-off that waits for its authorization.
pub(crate) fn of_write_off(given: &GivenUp<'_>) -> Finding {
    given.finding(Code::PaidUnauthorised, None, WAITS)
}

/// Id of the finding on a payment or write-off.
pub(crate) fn finding_id(command: Id) -> Id {
    Id::of("finding", &[Code::PaidUnauthorised.as_str(), &command.to_string()])
}
