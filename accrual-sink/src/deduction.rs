//! Deductions from invoices that finance has accepted (DD-10): payments in kind, each under a grant of its own.

use contract::{AcceptedDeduction, Code, Finding, Id, Micros, Money, Payment, Publication, RecordRef, Text};
use stream::{Outbox, StageError, State};

use crate::book::{Grant, Rate};
use crate::payment::partner_of;
use crate::stage::{Author, SinkStage, Step, publish};
use crate::tables::{GRANTS, authorization_id};

impl SinkStage {
    /// Books what the beneficiary keeps: out of what is due and payable, and what is above that is owed back.
    pub(crate) fn deducted(
        &self,
        deduction: &AcceptedDeduction,
        state: &mut dyn State,
        outbox: &mut Outbox<()>,
    ) -> Result<(), StageError> {
        let AcceptedDeduction { order, kept, number, invoice, accepted_by } = deduction;
        let (settlement, date, batch) = (&order.settlement, order.date, order.batch);
        let id = authorization_id(&settlement.beneficiary, order.id);
        if GRANTS.get(state, &(id.0,))?.is_some() {
            return Ok(());
        }
        let mut desk = self.open(settlement, order.class, state)?;
        let (offset, paid, claim) = (Micros::ZERO, Micros::ZERO, Some(order.claim));
        let grant = Grant { id, granted: order.amount, offset, paid, date, batch, claim };
        let same_currency = self.settings.functional == Some(settlement.currency);
        let rate = Rate { same_currency, digits: self.settings.digits() };
        let over = desk.book.keep(grant, *kept, rate, &mut desk.legs);
        if !over.is_zero() {
            publish(outbox, &Publication::Finding(paid_as_well(deduction, id, over)));
        }
        let author = Author { actor: accepted_by, role: "finance", reason: "", comment: "" };
        let object = format!("deduction {number} of {kept} {} from invoice {invoice}", settlement.currency);
        desk.audit("deduction.accepted", object, &author, outbox);
        let payment = Payment {
            id: Id::of("payment", &["deduction", &id.to_string()]),
            authorization: id,
            beneficiary: settlement.beneficiary.clone(),
            date,
            amount: *kept,
            currency: settlement.currency,
            over,
        };
        publish(outbox, &Publication::Payment(payment));
        let step = Step { kind: "deduction", id, date, batch, origin: Text::default(), taken_back: None };
        self.finish(desk, &step, state, outbox)
    }
}

fn paid_as_well(deduction: &AcceptedDeduction, id: Id, over: Micros) -> Finding {
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
