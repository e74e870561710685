//! OP-24 `returned-after-authorisation`.
//!
//! Evidence: what was authorised, what is due, the difference; the last return by date, of those since the freeze if there
//! are any, else the first sale.
//!
//! At risk: what was authorised above what is due; of what froze below zero all that it is below.
//!
//! ## What it finds
//! A settlement for which less is due than was authorised: goods came back, or a sale, a tier or a cost was taken back or
//! corrected. And one that froze below zero, since more came back in the period than was sold.
//!
//! ## Why it matters
//! The difference is owed back. What tiers and thresholds lose with the goods is part of it.
//!
//! ## Example
//! 1,020 units at 4 % are authorised, 2,040.00. 30 come back: 990 units earn 2 %, 990.00, and 1,050.00 is owed back, not
//! 60.00.
//!
//! ## Late, corrected, out of order
//! Due is a function of the lines that stand, so only what stands counts. Found at the tick after the change, however late
//! that came. Late sales make the difference smaller, and withdraw the finding where all that was authorised is due again.
//! What is owed back is set off at once against what is payable to the beneficiary in that currency, by whatever program, then
//! against its next authorizations.
//!
//! ## Returns
//! A return that names its sale is taken back in the period of the sale; one of no known sale in its own, and what that is
//! below zero is owed back from the freeze on. While the period is open nothing is: sales may still follow.

use contract::{Code, Micros};

use super::Booked;
use crate::ledger::account::Phase;
use crate::ledger::findings::{Found, amount};
use crate::programs::Exact;

/// OP-24: less is due than was authorised.
pub(super) fn check(Booked { account, program, .. }: Booked<'_>) -> Option<Found> {
    if account.orders == 0 {
        let owed = account.below_zero(program).filter(|_| account.phase != Phase::Open)?;
        let message = format!("more came back than was sold: {} is owed back", amount(owed, account));
        return Some(Found::new(Code::ReturnAfterPayment, Exact::from(owed), message));
    }
    let over = account.authorised - account.accrued;
    if over <= Micros::ZERO {
        return None;
    }
    let message = format!(
        "{} was authorised and only {} is due: {} too much",
        amount(account.authorised, account),
        amount(account.accrued, account),
        amount(over, account),
    );
    Some(Found::new(Code::ReturnAfterPayment, Exact::from(over), message))
}
