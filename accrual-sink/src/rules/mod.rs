//! The checks on payments, one file each.

use contract::{Code, Micros};

pub(crate) mod authorised_unpaid;
pub(crate) mod interim_paid_again;
pub(crate) mod paid_above_payable;
pub(crate) mod paid_twice;
pub(crate) mod paid_unauthorised;
pub(crate) mod payment_refused;

/// All that these checks tell.
pub const CODES: [Code; 6] = [
    Code::AuthorisedUnpaid,
    Code::InterimPaidAgain,
    Code::PaidAbovePayable,
    Code::PaidTwice,
    Code::PaidUnauthorised,
    Code::PaymentRefused,
];

/// A payment of more than was payable of its authorization.
#[derive(Clone, Copy)]
pub(crate) struct Above {
    pub payable: Micros,
    /// What of it is owed back.
    pub over: Micros,
    /// What was paid for the settlement before, where just that is paid once more.
    pub again: Option<Micros>,
}

impl Above {
    /// What such a payment is, the first that it is.
    pub fn code(&self) -> Code {
        let code = paid_twice::check(self).or_else(|| interim_paid_again::check(self));
        code.unwrap_or(Code::PaidAbovePayable)
    }

    /// What was payable, and what becomes of the rest, said for people.
    pub fn what(&self) -> String {
        let Above { payable, over, again } = self;
        let was = if payable.is_zero() { "nothing".to_owned() } else { format!("only {payable}") };
        let rest = match (over.is_zero(), again) {
            (true, _) => "the rest pays what else is authorised".to_owned(),
            (false, Some(again)) => format!("the {again} paid before is paid again, {over} is owed back"),
            (false, None) => format!("{over} is owed back"),
        };
        format!("{was} was payable, {rest}")
    }
}
