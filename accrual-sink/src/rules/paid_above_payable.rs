//! OP-49 `paid-above-payable`.
//!
//! Evidence: the payment with amount, day and authorization, its line in the command file, what was payable and what is owed
//! back; or the deduction with its invoice.
//!
//! At risk: what was paid above what was payable; of a deduction what is owed back.
//!
//! ## What it finds
//! A payment of more than is payable of its authorization. It pays what else of the settlement is authorised, and the
//! rest is owed back. Also a deduction that finance accepted, as far as it is not payable or was paid before: that is
//! owed back.
//!
//! ## Why it matters
//! What is above is the beneficiary's only until the next payout: it is set off against that.
//!
//! ## Example
//! 100 authorised, 60 paid, then 60 more: 40 was payable, 20 is owed back.
//!
//! ## Late, corrected, out of order
//! Payments are booked as they come, those that waited for their authorization by their days. Equal lines of one file are
//! instalments, the same line of another file is the same payment. A payment that was made stays as it was told.
//!
//! ## Returns
//! Goods that came back before the payment make less payable, and a payment of all that was authorised is above it.

use contract::{AcceptedDeduction, Code, Finding, Id, Micros, Money, RecordRef};

use crate::payment::partner_of;

/// What of a deduction that was accepted is not payable, or was paid before.
pub(crate) fn of_deduction(deduction: &AcceptedDeduction, id: Id, over: Micros) -> Finding {
    let AcceptedDeduction { order, kept, number, invoice, .. } = deduction;
    let settlement = &order.settlement;
    let at = RecordRef { partner: partner_of(&settlement.beneficiary), file_no: 0, record_no: 0 };
    let message = format!(
        "{}: deduction {number} of {kept} {} from invoice {invoice} was accepted, {over} of it is not payable or was paid \
         before, and is owed back",
        settlement.period, settlement.currency
    );
    Finding {
        id: Id::of("finding", &[Code::PaidAbovePayable.as_str(), &id.to_string()]),
        program: settlement.program.clone(),
        beneficiary: settlement.beneficiary.clone(),
        at_risk: Some(Money { amount: over, currency: settlement.currency }),
        ..Finding::about(Code::PaidAbovePayable, at, None, message)
    }
}
